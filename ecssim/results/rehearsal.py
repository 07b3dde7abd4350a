"""A rolling update played through with bare counts: how many addresses it holds in each subnet at the most.

Not how many tasks there are but where the stopping ones are decides whether the last subnet has room. New tasks go
to the zone with the fewest (PLACE-012), old ones leave the zone with the most, the oldest of them first (PLACE-070,
PLACE-073): with waves of an odd number of tasks one zone drains more than the others. So the update is played with
the scheduler's own decision (:func:`~ecssim.decide.reconcile.reconcile`), several times, with other ages of the old
tasks and other turns of the new ones.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from math import ceil, sqrt

import numpy as np

from ecssim.decide.reconcile import Counts, Limits, reconcile

#: How often ages and times to become healthy are dealt out: so many tasks in all ...
DEALT = 8_000
#: ... but not fewer and not more deals than these.
DEALS = (2, 8)
#: Standard deviations that are allowed for where a zone's subnets are drawn for each task (NET-043).
SPREAD = 3.0


def most_in_a_zone(wanted: int, zones: int, bounds: Limits, turns: np.ndarray, leave: float) -> list[int]:
    """The most addresses that an update holds at once in each of ``zones`` zones.

    ``wanted`` old tasks are replaced within ``bounds``. A new one is healthy after one of ``turns`` seconds, a
    stopping one holds its address for ``leave`` seconds (DEPLOY-011 to DEPLOY-013, NET-060).
    """
    luck = np.random.default_rng(20_26)
    found = [0] * zones
    for deal in range(min(DEALS[1], max(DEALS[0], DEALT // max(1, wanted)))):
        dealt = turns if not deal else luck.permutation(turns)
        ages = luck.permutation(np.arange(wanted) % zones)
        found = [max(pair) for pair in zip(found, _play(wanted, zones, bounds, dealt, leave, ages), strict=True)]
    return found


def share_of_zone(most: int, subnets: int) -> int:
    """The part of a zone's addresses that one of its ``subnets`` may get where each task's is drawn (NET-043)."""
    if subnets < 2:
        return most
    mean = most / subnets
    return min(most, ceil(mean + SPREAD * sqrt(mean * (1.0 - 1.0 / subnets))))


def _play(wanted: int, zones: int, bounds: Limits, turns: np.ndarray, leave: float, ages: np.ndarray) -> list[int]:
    old = [wanted // zones + (zone < wanted % zones) for zone in range(zones)]
    running, held = list(old), list(old)
    most = list(held)
    # Old tasks by zone, the oldest first.
    queues = [deque(np.flatnonzero(ages == z).tolist()) for z in range(zones)]
    ready: list[tuple[float, int]] = []
    leaving: deque[tuple[float, int]] = deque()
    born = healthy = starting = 0
    now = 0.0
    while True:
        while leaving and leaving[0][0] <= now:
            held[leaving.popleft()[1]] -= 1
        while ready and ready[0][0] <= now:
            heappop(ready)
            starting -= 1
            healthy += 1
        remaining = sum(old)
        plan = reconcile(
            wanted,
            Counts(healthy + starting, healthy, 0),
            (Counts(remaining, remaining, 0),) if remaining else (),
            bounds,
        )
        for _ in range(plan.stop_healthy[1] if remaining else 0):
            zone = max((z for z in range(zones) if old[z]), key=lambda z: (running[z], -queues[z][0]))
            queues[zone].popleft()
            old[zone] -= 1
            running[zone] -= 1
            leaving.append((now + leave, zone))
        for _ in range(plan.start):
            zone = min(range(zones), key=running.__getitem__)
            running[zone] += 1
            held[zone] += 1
            starting += 1
            heappush(ready, (now + float(turns[born % len(turns)]), zone))
            born += 1
        most = [max(pair) for pair in zip(most, held, strict=True)]
        if not ready:
            return most
        now = min(ready[0][0], leaving[0][0]) if leaving else ready[0][0]
