"""The Kubernetes Horizontal Pod Autoscaler as plain functions: how many replicas, and how fast to get there.

A what-if: what would a service do under an HPA? The formula and the defaults are those of autoscaling/v2
(K8S-010, K8S-012); replicas are tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final, NamedTuple

#: Relative distance from the target within which nothing is done (K8S-010).
TOLERANCE: Final = 0.1
#: Seconds between two looks (K8S-010).
LOOP: Final = 15


class Reading(NamedTuple):
    """One metric: its mean over the replicas, None if nothing is known of it, and the target value."""

    value: float | None
    target: float


class Pace(NamedTuple):
    """At most so many ``Pods`` or ``Percent`` within ``period`` seconds."""

    kind: str
    value: int
    period: float


class Direction(NamedTuple):
    """How one direction is slowed down: the window of its stabilisation, its paces, and which of them counts."""

    window: float
    paces: tuple[Pace, ...]
    select: str = "Max"


#: The defaults (K8S-012).
SCALE_UP: Final = Direction(0.0, (Pace("Percent", 100, 15.0), Pace("Pods", 4, 15.0)))
SCALE_DOWN: Final = Direction(300.0, (Pace("Percent", 100, 15.0),))


class Event(NamedTuple):
    """A change of the replicas that was made at ``t``."""

    t: float
    change: int


def recommend(replicas: int, readings: Sequence[Reading], tolerance: float = TOLERANCE) -> int:
    """Return the replicas that the metrics ask for; a metric of which nothing is known blocks scaling down (K8S-010).

    No replicas switch the autoscaler off (K8S-012).
    """
    if replicas == 0:
        return 0
    wanted = []
    blocked = False
    for reading in readings:
        if reading.value is None:
            blocked = True
            continue
        ratio = reading.value / reading.target
        wanted.append(replicas if abs(round(ratio - 1.0, 9)) <= tolerance else ceil(round(replicas * ratio, 9)))
    best = max(wanted, default=replicas)
    return max(best, replicas) if blocked else best


def stabilised(history: Sequence[Event], replicas: int, now: float, up: Direction, down: Direction) -> int:
    """Return the recommendation that counts: no lower than any in the window down, no higher than any in that up.

    ``history`` holds recommendations (``change`` is the count), the newest last (K8S-012).
    """
    newest = history[-1].change
    floor = max((e.change for e in history if e.t >= now - down.window), default=newest)
    roof = min((e.change for e in history if e.t >= now - up.window), default=newest)
    counted = replicas
    counted = max(counted, min(newest, roof)) if newest > replicas else counted
    return min(counted, max(newest, floor)) if newest < replicas else counted


def paced(wanted: int, replicas: int, events: Sequence[Event], now: float, up: Direction, down: Direction) -> int:
    """Return how far towards ``wanted`` the paces allow to go now (K8S-012). Percentages round up.

    Where somebody else moved the replicas too, a pace may lie on the other side of them: it never turns back.
    """
    if wanted > replicas:
        return max(replicas, min(wanted, _limit(replicas, events, now, up, 1)))
    return min(replicas, max(wanted, _limit(replicas, events, now, down, -1)))


def _limit(replicas: int, events: Sequence[Event], now: float, direction: Direction, sign: int) -> int:
    if direction.select == "Disabled":
        return replicas
    limits = []
    for pace in direction.paces:
        moved = sum(e.change for e in events if e.t > now - pace.period and e.change * sign > 0)
        begin = replicas - moved
        step = pace.value if pace.kind == "Pods" else -(-begin * pace.value // 100)
        limits.append(max(0, begin + sign * step))
    widest = direction.select == "Max"
    if sign > 0:
        return max(limits) if widest else min(limits)
    return min(limits) if widest else max(limits)
