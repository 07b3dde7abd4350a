"""One finding: what a tired engineer should read first, and what to change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

PROBLEM: Final = "problem"
WARNING: Final = "warning"
NOTE: Final = "note"
_ORDER: Final = {PROBLEM: 0, WARNING: 1, NOTE: 2}


@dataclass(frozen=True)
class Finding:
    """What was found, in words.

    ``severity`` is ``problem`` (users of the service feel it, or a person has to act), ``warning`` or
    ``note``. ``what`` names the kind (``subnet.exhausted``), ``of`` the resource, ``t`` when it began, in
    seconds. ``fix`` is the text of ``--set`` options that would have avoided it, where it can be computed.
    ``first`` puts a finding before all others: what qualifies the whole run.
    """

    severity: str
    what: str
    of: str
    text: str
    t: float | None = None
    fix: str | None = None
    first: bool = False

    def as_json(self) -> dict[str, Any]:
        """The entry of the summary; ``fix`` only if there is one."""
        found: dict[str, Any] = {"severity": self.severity, "what": self.what, "of": self.of, "t": self.t}
        found["text"] = self.text
        if self.fix is not None:
            found["fix"] = self.fix
        return found


def ordered(findings: list[Finding]) -> list[Finding]:
    """Findings in the order in which they should be read."""
    late = float("inf")
    return sorted(
        findings,
        key=lambda f: (not f.first, _ORDER[f.severity], late if f.t is None else f.t, f.what, f.of),
    )
