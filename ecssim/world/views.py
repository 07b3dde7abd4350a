"""The read-only views of the world that decisions borrow for one call and never keep.

:class:`FleetView` is what ``decide/placement.py`` knows of a cluster's instances. Two classes implement it:
the index (``fleet.py``) and the plain scan that serves as its oracle (``naive_fleet.py``); they always agree.
Neither moves its ``epoch`` when asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from ecssim.world.lack import Lack
from ecssim.world.requests import Request, Resources

Candidates = Any
"""A set of instances in registration order: opaque; a bitset in the index, a tuple in the oracle."""


class Rejections(NamedTuple):
    """How many instances are left, and how many fell at which check (PLACE-003).

    An instance counts under its first failing check, in the order of the fields below; ``agent`` includes the
    instances that are not ACTIVE. ``fitting`` (the number of candidates) and all the rest add up to the
    instances seen.
    """

    candidates: Candidates
    fitting: int
    agent: int
    location: int
    attribute: int
    cpu: int
    memory: int
    ports: int
    gpu: int
    eni: int
    constraint: int

    @property
    def seen(self) -> int:
        """Instances of the cluster (of the capacity provider, where one was asked for)."""
        return sum(self[1:])


class FailureReason(StrEnum):
    """Why a task was placed on no instance, in the API's words (PLACE-061, PLACE-063).

    The API names no reason for ``distinctInstance``; ours is its constraint type in capitals.
    """

    AGENT = "AGENT"
    LOCATION = "LOCATION"
    ATTRIBUTE = "ATTRIBUTE"
    CPU = "RESOURCE:CPU"
    MEMORY = "RESOURCE:MEMORY"
    PORTS = "RESOURCE:PORTS"
    GPU = "RESOURCE:GPU"
    ENI = "RESOURCE:ENI"
    MEMBER_OF = "MEMBEROF"
    DISTINCT_INSTANCE = "DISTINCTINSTANCE"
    NO_ACTIVE_INSTANCES = "NO ACTIVE INSTANCES"
    EMPTY_CAPACITY_PROVIDER = "EMPTY CAPACITY PROVIDER"


class Closest(NamedTuple):
    """The instance that comes nearest to taking a task that fits nowhere, and what it lacks (PLACE-065)."""

    ordinal: int
    reason: FailureReason


class FleetView(Protocol):
    """One cluster's container instances, as placement may look at them."""

    def rejections(self, request: Request, group: int) -> Rejections:
        """Candidates of ``request`` with the number of instances that fell at each check."""

    def eligible(self, request: Request, group: int) -> Candidates:
        """Candidates of ``request`` alone."""

    def fits(self, ordinal: int, request: Request, group: int) -> bool:
        """Whether this one instance is a candidate: constant time."""

    def narrow_spread(self, candidates: Candidates, field: str, group: int) -> Candidates:
        """Those in the value groups of ``field`` with the fewest tasks of ``group`` (PLACE-022)."""

    def narrow_binpack(self, candidates: Candidates, resource: str, request: Request) -> Candidates:
        """Those with the least remaining ``cpu`` or ``memory`` (PLACE-021)."""

    def count(self, candidates: Candidates) -> int:
        """How many they are."""

    def first(self, candidates: Candidates) -> int:
        """The ordinal that registered first among them, -1 if there is none (PLACE-027)."""

    def nth(self, candidates: Candidates, n: int) -> int:
        """The ordinal of number ``n`` of them, counted from 0 in registration order."""

    def ordinals(self, candidates: Candidates) -> list[int]:
        """All of them, in registration order."""

    def only(self, ordinals: list[int]) -> Candidates:
        """Exactly these instances, which are in registration order."""

    def shortfall(self, request: Request, group: int) -> FailureReason:
        """Why ``request`` fits nowhere: the reason of the closest instance (PLACE-065)."""

    def closest(self, request: Request, group: int) -> Closest:
        """The closest instance itself with that reason; ordinal -1 if no instance was seen."""

    def seen(self, request: Request) -> Candidates:
        """Every instance that ``request`` is tried on: the cluster's, or those of its capacity provider."""

    def lack(self, ordinal: int, request: Request, group: int) -> Lack:
        """Everything that keeps this one instance from taking the task, not only the first failing check."""

    def remaining(self, ordinal: int) -> Resources:
        """What the instance still has to give: what is not reserved, nor held by an ENI that still exists."""

    def registered(self, ordinal: int) -> Resources:
        """What the instance registered with."""

    def spread_value(self, ordinal: int, field: str) -> str:
        """The instance's value group under the spread ``field``; '' without the attribute (PLACE-025)."""

    def spread_counts(self, field: str, group: int) -> Mapping[str, int]:
        """Tasks of ``group`` by value of ``attribute:<name>``; values without tasks may be missing."""

    def group_count(self, group: int, ordinal: int) -> int:
        """Tasks of ``group`` on the instance whose desired status is RUNNING (PLACE-026)."""
