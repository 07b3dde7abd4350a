"""The rules of Amazon ECS that the project knows: what it models, what it declines, how sure anyone can be.

``rules.toml`` holds one entry per rule: a sentence in our own words, the source, the confidence (D
documented, O observed, A assumed) and a status: ``modelled``, ``partly``, ``not modelled`` (with the
reason) or ``later``. A rule with status ``later`` becomes ``modelled`` by itself once a test names it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

STATUSES = ("modelled", "partly", "not modelled", "later")


@dataclass(frozen=True, slots=True)
class Rule:
    """One numbered rule. ``reason`` says why it is only partly modelled or not at all."""

    id: str
    text: str
    source: str
    confidence: str
    status: str
    reason: str

    @property
    def section(self) -> str:
        """The part of the rulebook: ``PLACE`` of ``PLACE-012``."""
        return self.id.rpartition("-")[0]


@cache
def rules() -> Mapping[str, Rule]:
    """Every listed rule by its id, in the order of the file."""
    import tomllib

    with (Path(__file__).parent / "rules.toml").open("rb") as stream:
        document = tomllib.load(stream)
    return MappingProxyType(
        {
            id: Rule(
                id=id,
                text=entry["text"],
                source=entry["source"],
                confidence=entry["confidence"],
                status=entry.get("status", "later"),
                reason=entry.get("reason", ""),
            )
            for id, entry in document.items()
        }
    )
