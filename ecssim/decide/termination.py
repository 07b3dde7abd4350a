"""Which instances of an Auto Scaling group end when it shrinks, and which market the next one is bought in.

Implements ASG-042 (the group's termination policy) and ASG-052 (On-Demand base and percentage).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

DEFAULT_POLICY: Final = "Default"


class Member(NamedTuple):
    """One instance of the group as its termination policy sees it; ``launched_at`` in seconds."""

    ordinal: int
    zone: str
    launched_at: float


def choose_victims(
    members: Iterable[Member],
    count: int,
    now: float,
    policies: Sequence[str] = (),
    draws: Callable[[int], float] | None = None,
) -> tuple[int, ...]:
    """Return the ordinals of up to ``count`` members to end, in order (ASG-042).

    The zone with most members first, ties in the order of the members; there the policies one after another.
    The default policy takes the instance closest to the next full hour since its launch, as billing once went.
    What is tied goes to the lowest ordinal, or to the lowest ``draws(ordinal)``. Policies by launch template
    and allocation strategy have nothing to tell apart here and leave the choice to the next one.
    """
    left = list(members)
    chosen = []
    for _ in range(min(count, len(left))):
        zones = Counter(m.zone for m in left)
        fullest = max(zones, key=lambda zone: zones[zone])
        there = [m for m in left if m.zone == fullest]
        for policy in policies or (DEFAULT_POLICY,):
            there = _narrow(there, policy, now)
        victim = min(there, key=lambda m: (draws(m.ordinal) if draws is not None else 0.0, m.ordinal))
        chosen.append(victim.ordinal)
        left.remove(victim)
    return tuple(chosen)


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
    grown = total + 1
    first = min(base, grown)
    wanted = first + -(-(grown - first) * percent // 100)
    return on_demand >= wanted
