"""One placement with all that decided it, as plain values that outlive the moment they were taken at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from ecssim.decide.counterfactual import Change
from ecssim.decide.placement_table import Table
from ecssim.world.requests import Request, Resources

Way = Literal["room", "rule", "both"]


class InstanceNote(NamedTuple):
    """An instance as it stood at the moment: what it had registered and what it had left."""

    id: str
    type: str
    zone: str
    registered: Resources
    remaining: Resources


class Proof(NamedTuple):
    """A change and what deciding again gave: on the changed instance, and with the task asking for less instead.

    Both are ordinals, -1 where the task was still not placed. ``by_asking_less`` is None where the task cannot
    make the difference: an instance that drains, or an attribute that the instance has not.
    """

    way: Way
    change: Change
    placed_on: int
    by_asking_less: int | None

    @property
    def holds(self) -> bool:
        """Whether the change places the task, as it says."""
        return self.placed_on >= 0 and self.by_asking_less != -1


class Decision(NamedTuple):
    """A placement seen at its moment: ``event`` is its number in the record, ``t`` in seconds.

    ``pinned`` says that no strategy chose: a daemon's instance, or the one that StartTask named. ``instances``
    describes every ordinal that is spoken of; ``proofs`` are there for a refusal, the smallest change first.
    """

    event: int
    t: float
    cluster: str
    group: str
    task_definition: str
    tasks: int
    request: Request
    strategy: tuple[str, ...]
    table: Table
    pinned: bool
    instances: Mapping[int, InstanceNote]
    proofs: tuple[Proof, ...]
