"""Which instances of an Auto Scaling group end when it shrinks, and which market the next one is bought in.

Implements ASG-042 (the group's termination policy) and ASG-052 (On-Demand base and percentage).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

DEFAULT_POLICY: Final = "Default"
#: The policies that a group may name (ASG-042).
POLICIES: Final = (
    DEFAULT_POLICY,
    "OldestInstance",
    "NewestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
    "ClosestToNextInstanceHour",
    "AllocationStrategy",
)


class Mix(NamedTuple):
    """How a mixed group divides its instances: the On-Demand ``base``, and its ``percent`` above it (ASG-052)."""

    base: int
    percent: int

    def on_demand_of(self, total: int) -> int:
        """Return how many of ``total`` are On-Demand, rounded up to a whole one."""
        first = min(self.base, total)
        return first + -(-(total - first) * self.percent // 100)


class Member(NamedTuple):
    """One instance of the group as its termination policy sees it; ``launched_at`` in seconds.

    ``rank`` is the place of its type in the order of the group's allocation strategy: higher ones fit it less.
    """

    ordinal: int
    zone: str
    launched_at: float
    spot: bool = False
    rank: int = 0


def choose_victims(
    members: Iterable[Member],
    count: int,
    now: float,
    policies: Sequence[str] = (),
    draws: Callable[[int], float] | None = None,
    *,
    mix: Mix | None = None,
) -> tuple[int, ...]:
    """Return the ordinals of up to ``count`` members to end, in order (ASG-042).

    The zone with most members first, ties in the order of the members; there, in a group of several types or
    markets (``mix``), the market that has too many and in it what fits the allocation strategy least; then the
    policies one after another. The default policy takes the instance closest to the next full hour since its
    launch, as billing once went. What is tied goes to the lowest ordinal, or to the lowest ``draws(ordinal)``.
    Policies by launch template have nothing to tell apart here and leave the choice to the next one.
    """
    left = list(members)
    chosen = []
    for _ in range(min(count, len(left))):
        zones = Counter(m.zone for m in left)
        fullest = max(zones, key=lambda zone: zones[zone])
        there = [m for m in left if m.zone == fullest]
        for policy in policies or (DEFAULT_POLICY,):
            if mix is not None and policy in (DEFAULT_POLICY, "AllocationStrategy"):
                there = _aligned(there, left, mix)
            there = _narrow(there, policy, now)
        victim = min(there, key=lambda m: (draws(m.ordinal) if draws is not None else 0.0, m.ordinal))
        chosen.append(victim.ordinal)
        left.remove(victim)
    return tuple(chosen)


def _aligned(there: list[Member], members: list[Member], mix: Mix) -> list[Member]:
    """Keep the candidates whose end brings the group closest to its mix of markets and to its allocation strategy."""
    on_demand = sum(not m.spot for m in members)
    spot_goes = on_demand <= mix.on_demand_of(len(members) - 1)
    there = [m for m in there if m.spot == spot_goes] or there
    worst = max(m.rank for m in there)
    return [m for m in there if m.rank == worst]


def _narrow(members: list[Member], policy: str, now: float) -> list[Member]:
    if policy == "OldestInstance":
        first = min(m.launched_at for m in members)
        return [m for m in members if m.launched_at == first]
    if policy == "NewestInstance":
        last = max(m.launched_at for m in members)
        return [m for m in members if m.launched_at == last]
    if policy in (DEFAULT_POLICY, "ClosestToNextInstanceHour"):
        latest = max((now - m.launched_at) % 3600.0 for m in members)
        return [m for m in members if (now - m.launched_at) % 3600.0 == latest]
    return members


def next_is_spot(on_demand: int, total: int, base: int, percent: int) -> bool:
    """Whether the next instance of a mixed group is bought on the Spot market (ASG-052).

    ``on_demand`` of the ``total`` members are On-Demand. The base comes first, then ``percent`` of what is
    above it, rounded up to a whole On-Demand instance.
    """
    return on_demand >= Mix(base, percent).on_demand_of(total + 1)
