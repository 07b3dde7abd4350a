"""What is left of a document once everything that did not parse is taken out.

The cross-checks want to run over the items that are well even when others are not. An item that fails is
removed from its list; its section becomes *unsure*, so that references into it are not called dangling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import ValidationError

from ecssim.scenario.document import Scenario
from ecssim.scenario.nodes import Node, Scalar, Step

_STAND_INS: Mapping[str, Scalar] = {"ecssim": 1, "name": "unnamed", "duration": "1h"}
_MOST_ROUNDS = 5


def parse_what_is_well(root: Node, error: ValidationError) -> tuple[Scenario, Node, frozenset[str]] | None:
    """The scenario without its broken items, its nodes, and the sections that lost something.

    None if the rest does not parse either. The given tree is not changed.
    """
    pruned = root.copy()
    unsure: set[str] = set()
    for _ in range(_MOST_ROUNDS):
        for steps in _doomed([tuple(detail["loc"]) for detail in error.errors(include_url=False)]):
            _remove(pruned, steps, unsure)
        for key, value in _STAND_INS.items():
            if key not in pruned.entries:
                pruned.put(key, Node(pruned.place, "scalar", value), pruned.place)
        try:
            return Scenario.model_validate_json(json.dumps(pruned.plain())), pruned, frozenset(unsure)
        except ValidationError as again:
            error = again
    return None


def _doomed(places: list[tuple[Step, ...]]) -> list[tuple[Step, ...]]:
    """Items of sections (or whole sections) to remove, the last items of a list first."""
    wanted: set[tuple[Step, ...]] = set()
    for steps in places:
        wanted.add(steps[:2] if len(steps) > 1 else steps)
    return sorted(wanted, key=lambda s: (str(s[0]), -s[1] if len(s) > 1 and isinstance(s[1], int) else 0))


def _remove(root: Node, steps: tuple[Step, ...], unsure: set[str]) -> None:
    if not steps:
        return
    section = str(steps[0])
    unsure.add(section)
    node = root.entries.get(section)
    if node is None:
        return
    if len(steps) == 1 or node.kind == "scalar":
        root.drop(section)
    elif node.kind == "list" and isinstance(steps[1], int) and steps[1] < len(node.items):
        del node.items[steps[1]]
    elif node.kind == "map" and str(steps[1]) in node.entries:
        node.drop(str(steps[1]))
    else:
        root.drop(section)
