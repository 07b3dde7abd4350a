"""The written document as a tree that remembers where everything stands.

A :class:`Node` is one value with the file, line and column at which it was written; keys have places of their
own. YAML, JSON, ``--set`` options and Python dicts all become such a tree, patches and inlined files are
spliced into it, and whatever is wrong later is reported at the place of the node. Line 0 means "not in a
file".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from ecssim.errors import BadInput, Problem

Step = str | int
Scalar = str | int | float | bool | None

TEXT_KEYS = frozenset({"version", "platformVersion", "accountId", "weightedCapacity", "Version"})
"""Keys whose value is text even where it looks like a number: ``1.90`` is not 1.9, ``001234567890`` not an
int.
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written; line and column count from 1."""

    file: str
    line: int = 0
    column: int = 0

    def problem(self, message: str, severity: str = "error", rule: str | None = None) -> Problem:
        """A problem at this place."""
        return Problem(self.file, self.line, self.column, message, severity, rule)


@dataclass(slots=True)
class Node:
    """One value: a scalar with its source text, a list, or a mapping in the written order."""

    place: Place
    kind: Literal["scalar", "list", "map"]
    value: Scalar = None
    text: str | None = None
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    key_places: dict[str, Place] = field(default_factory=dict)

    def plain(self, key: str = "") -> Any:
        """The value without places, as JSON could hold it."""
        if self.kind == "map":
            return {name: node.plain(name) for name, node in self.entries.items()}
        if self.kind == "list":
            return [node.plain() for node in self.items]
        if key in TEXT_KEYS and self.text is not None and not isinstance(self.value, str | bool | None):
            return self.text
        return self.value

    def put(self, key: str, node: Node, key_place: Place) -> None:
        """Set one entry of a mapping."""
        self.entries[key] = node
        self.key_places[key] = key_place

    def drop(self, key: str) -> None:
        """Remove one entry of a mapping."""
        del self.entries[key]
        del self.key_places[key]

    def copy(self, place: Place | None = None) -> Node:
        """A deep copy, so that a change of one does not change the other."""
        return Node(
            place or self.place,
            self.kind,
            self.value,
            self.text,
            [item.copy() for item in self.items],
            {name: node.copy() for name, node in self.entries.items()},
            dict(self.key_places),
        )

    def size(self) -> int:
        """How many nodes a deep copy makes."""
        return 1 + sum(n.size() for n in self.items) + sum(n.size() for n in self.entries.values())


def walk(root: Node, steps: Sequence[Step]) -> Iterator[tuple[Step, Node]]:
    """The nodes on the way along ``steps``; steps that are no part of the document (tags) are passed over."""
    node = root
    for step in steps:
        following = child_of(node, step)
        if following is not None:
            yield step, following
            node = following


def child_of(node: Node, step: Step) -> Node | None:
    """The entry or item that a step leads to, None if there is none."""
    if node.kind == "map":
        return node.entries.get(str(step))
    if node.kind == "list" and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def find(root: Node, steps: Sequence[Step]) -> Node:
    """The deepest node that exists along ``steps``."""
    node = root
    for _, deeper in walk(root, steps):
        node = deeper
    return node


def place_of(root: Node, steps: Sequence[Step]) -> Place:
    """Where the value at ``steps`` was written; the nearest thing around it if it is not there."""
    return find(root, steps).place


def key_place_of(root: Node, steps: Sequence[Step]) -> Place:
    """Where the key at the end of ``steps`` was written."""
    parent = find(root, steps[:-1])
    return parent.key_places.get(str(steps[-1]), parent.place)


def from_python(value: Any, place: Place) -> Node:
    """The tree of plain Python values; raises :class:`BadInput` for what JSON could not hold."""
    if isinstance(value, Mapping):
        node = Node(place, "map")
        for key, item in value.items():
            node.put(str(key), from_python(item, place), place)
        return node
    if isinstance(value, list | tuple):
        return Node(place, "list", items=[from_python(item, place) for item in value])
    if isinstance(value, datetime | date):
        return Node(place, "scalar", value.isoformat())
    if value is None or isinstance(value, str | int | float | bool):
        return Node(place, "scalar", value, None if isinstance(value, str) else str(value))
    raise BadInput([place.problem(f"a {type(value).__name__} cannot stand in a scenario")])
