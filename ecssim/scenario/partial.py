"""What is left of a document once everything that did not parse is taken out.

The cross-checks want to run over the items that are well even when others are not. An item that fails is
removed from its list; its section becomes *unsure*, so that references into it are not called dangling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from ecssim.aws.shape import keys_of
from ecssim.scenario.document import Scenario
from ecssim.scenario.messages import nearest
from ecssim.scenario.nodes import Node, Scalar, Step
from ecssim.scenario.paths import NAME_KEYS

_STAND_INS: Mapping[str, Scalar] = {"ecssim": 1, "name": "unnamed", "duration": "1h"}
_MOST_ROUNDS = 5


Lost = dict[str, frozenset[str | None]]


def parse_what_is_well(root: Node, error: ValidationError, base_dir: Path) -> tuple[Scenario, Node, Lost] | None:
    """The scenario without its broken items, its nodes, and what each section lost.

    Lost items are named where their name can be read, else they are None. None in all if the rest does not
    parse either. The given tree is not changed.
    """
    pruned = root.copy()
    lost: Lost = {}
    for _ in range(_MOST_ROUNDS):
        details = error.errors(include_url=False)
        for steps in _doomed([tuple(detail["loc"]) for detail in details]):
            _remove(pruned, steps, lost)
        for key, value in _STAND_INS.items():
            if key not in pruned.entries:
                pruned.put(key, Node(pruned.place, "scalar", value), pruned.place)
        try:
            text = json.dumps(pruned.plain())
            return Scenario.model_validate_json(text, context={"base_dir": base_dir}), pruned, lost
        except ValidationError as again:
            error = again
    return None


def _doomed(places: list[tuple[Step, ...]]) -> list[tuple[Step, ...]]:
    """Items of sections (or whole sections) to remove, the last items of a list first."""
    wanted = {steps[:2] for steps in places}
    return sorted(wanted, key=lambda s: (str(s[0]), -s[1] if len(s) > 1 and isinstance(s[1], int) else 0))


def _remove(root: Node, steps: tuple[Step, ...], lost: Lost) -> None:
    section = str(steps[0])
    node = root.entries.get(section)
    name: str | None = None
    if node is None:
        return
    if len(steps) > 1 and node.kind == "list" and isinstance(steps[1], int) and steps[1] < len(node.items):
        name = _name_in(section, node.items.pop(steps[1]))
    elif len(steps) > 1 and node.kind == "map" and str(steps[1]) in node.entries:
        name = str(steps[1])
        node.drop(name)
    else:
        root.drop(section)
        # a section whose key is misspelt is meant to be the one that it looks like
        section = nearest(section, keys_of(Scenario)) or section
    lost[section] = lost.get(section, frozenset()) | {name}


def _name_in(section: str, item: Node) -> str | None:
    """The name of a broken item, if it has a readable one."""
    keys = NAME_KEYS.get(section)
    named = item.entries.get(keys[-1]) if keys is not None else None
    return named.value if named is not None and isinstance(named.value, str) else None
