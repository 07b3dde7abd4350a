"""Collecting what the checks across items find, with the place of each finding."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ecssim.aws.refusals import Refusal
from ecssim.errors import Problem
from ecssim.scenario.messages import suggestion
from ecssim.scenario.nodes import Node, Step, key_place_of, place_of


class Findings:
    """The problems found so far.

    ``unsure`` are the sections that lost items because those did not parse, with the names of the lost items;
    None stands for an item whose name is not known.
    """

    def __init__(self, root: Node, unsure: Mapping[str, frozenset[str | None]] | None = None) -> None:
        self.root = root
        self.lost = unsure or {}
        self.unsure = frozenset(self.lost)
        self.problems: list[Problem] = []

    def error(self, steps: Sequence[Step], message: str, rule: str | None = None) -> None:
        """Something that is wrong, at the value that ``steps`` lead to."""
        self.problems.append(place_of(self.root, steps).problem(message, rule=rule))

    def error_at_key(self, steps: Sequence[Step], message: str, rule: str | None = None) -> None:
        """Something that is wrong with a key."""
        self.problems.append(key_place_of(self.root, steps).problem(message, rule=rule))

    def warning(self, steps: Sequence[Step], message: str, rule: str | None = None) -> None:
        """Something to look at again."""
        self.problems.append(place_of(self.root, steps).problem(message, "warning", rule))

    def refusals(self, prefix: Sequence[Step], refusals: Sequence[Refusal]) -> None:
        """What the API would refuse in the document at ``prefix``."""
        for refusal in refusals:
            place = place_of(self.root, (*prefix, *refusal.where))
            self.problems.append(place.problem(refusal.message, refusal.severity, refusal.rule))

    def refers(
        self,
        steps: Sequence[Step],
        what: str,
        name: str,
        known: Collection[str],
        *sections: str,
        rule: str | None = None,
    ) -> bool:
        """Check that ``name`` is one of ``known``; says so unless it may be an item that got lost."""
        if name in known:
            return True
        lost = frozenset[str | None]().union(*(self.lost.get(section, frozenset()) for section in sections))
        if None not in lost and name.rsplit("/", 1)[-1] not in lost:
            named = {*known, *(other for other in lost if other is not None)}
            self.error(steps, f"there is no {what} {name!r}{suggestion(name, named)}", rule)
        return False
