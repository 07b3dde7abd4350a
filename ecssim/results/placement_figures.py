"""How well tasks were placed on instances: how many it took, what was left where nobody can use it, how even.

Means over moments of the run, evenly spaced; NaN for a run without instances. See :class:`PlacementFigures`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from ecssim.results.facts import INITIAL, Facts
from ecssim.results.packing import CPU, ENI, MEMORY, Packing, State

#: Moments at which a run is looked at.
MOMENTS = 96
NAN = float("nan")


@dataclass(frozen=True)
class PlacementFigures:
    """The figures of one run.

    ``instances_needed``: the most instances that held a task at one of the moments. ``fragmentation``: the share of
    the free CPU and memory that is on instances where a task does not fit, the mean over the run's sizes of tasks.
    ``stranded_*``: the share of what was registered that was left on instances which could take no task of the run
    any more. ``zone_imbalance``: tasks above an even split of their service over the zones with instances.
    ``p95_time_to_place``: seconds from the wish for a task to its instance, for tasks of services and of providers
    with managed scaling; a refused RunTask is no wish that waits.
    """

    instances_needed: float
    occupied_instances: float
    fragmentation: float
    stranded_cpu: float
    stranded_memory: float
    stranded_enis: float
    zone_imbalance: float
    p95_time_to_place: float


NONE = PlacementFigures(NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN)


def placement_figures(facts: Facts, packing: Packing | None = None) -> PlacementFigures:
    """The figures of a run; all NaN if no task was placed on an instance."""
    packing = packing or Packing(facts)
    if not len(packing.of) or packing.end <= 0.0:
        return NONE
    count = min(MOMENTS, max(1, int(packing.end // 60)))
    states = [packing.at((i + 0.5) * packing.end / count) for i in range(count)]
    states = [state for state in states if state.alive.any()]
    if not states:
        return NONE
    occupied = np.array([int(state.occupied.sum()) for state in states])
    stranded = np.array([_stranded(packing, state) for state in states]).mean(axis=0)
    waits = _waits(packing)
    return PlacementFigures(
        instances_needed=float(occupied.max()),
        occupied_instances=float(occupied.mean()),
        fragmentation=float(np.mean([_fragmentation(packing, state) for state in states])),
        stranded_cpu=float(stranded[CPU]),
        stranded_memory=float(stranded[MEMORY]),
        stranded_enis=float(stranded[ENI]),
        zone_imbalance=float(np.mean([_imbalance(packing, state) for state in states])),
        p95_time_to_place=float(np.percentile(waits, 95)) if len(waits) else NAN,
    )


def _fits(packing: Packing, state: State) -> np.ndarray:
    """Which shape (row) fits on which instance that is there (column)."""
    left = state.left[state.alive]
    fits: np.ndarray = np.asarray((packing.shapes[:, None, :] <= left[None, :, :]).all(axis=2))
    return fits


def _fragmentation(packing: Packing, state: State) -> float:
    left = state.left[state.alive]
    closed = ~_fits(packing, state)
    shares = [(closed @ left[:, r]).mean() / left[:, r].sum() for r in (CPU, MEMORY) if left[:, r].any()]
    return float(np.mean(shares)) if shares else 0.0


def _stranded(packing: Packing, state: State) -> list[float]:
    registered = packing.capacity[state.alive].sum(axis=0)
    closed = ~_fits(packing, state).any(axis=0)
    left = state.left[state.alive][closed].sum(axis=0)
    return [float(left[r] / registered[r]) if registered[r] else NAN for r in (CPU, MEMORY, ENI)]


def _imbalance(packing: Packing, state: State) -> float:
    zones, zone = np.unique(packing.rows["availability_zone"][state.alive], return_inverse=True)
    number = np.full(len(state.alive), -1)
    number[state.alive] = zone
    tasks = state.tasks[packing.service[state.tasks] != 0]
    tasks = tasks[number[packing.instance[tasks]] >= 0]
    if not len(tasks):
        return 0.0
    owners, owner = np.unique(packing.owner[tasks], return_inverse=True)
    counts = np.zeros((len(owners), len(zones)), np.int64)
    np.add.at(counts, (owner, number[packing.instance[tasks]]), 1)
    even = -(-counts.sum(axis=1) // len(zones))
    return float(np.maximum(0, counts - even[:, None]).sum())


def _waits(packing: Packing) -> np.ndarray:
    """Seconds from wish to instance of each task that was placed during the run."""
    facts = packing.facts
    tasks = facts.tasks
    fresh = packing.of[tasks.origin[packing.of] != INITIAL]
    begin = dict(zip(packing.of.tolist(), packing.begin.tolist(), strict=True))
    waits = np.array([begin[task] - tasks.created[task] for task in fresh.tolist()])
    rows = facts.raw("placements")
    refused = rows[rows["reason"] != 0]
    services = {
        group: facts.name("group", group).startswith("service:") for group in np.unique(refused["group"]).tolist()
    }
    extra = []
    for group, is_service in services.items():
        if is_service:
            extra += _queued(rows[(rows["group"] == group) & ((rows["reason"] == 0) | (rows["task"] == 0))])
    waits = np.sort(waits)
    # Demand that waited as a count stands in for as many tasks that seem to have been placed at once.
    late = np.array([wait for wait in extra if wait > 0.0])
    waits[: min(len(late), len(waits))] = late[: len(waits)]
    return waits


def _queued(rows: np.ndarray) -> list[float]:
    """Waits of a service's demand, first come first served; a refusal says how many wait now."""
    waiting: deque[float] = deque()
    waits = []
    for t, count, reason in zip(rows["t"].tolist(), rows["count"].tolist(), rows["reason"].tolist(), strict=True):
        if reason:
            while len(waiting) > count:
                waiting.pop()
            waiting.extend([t] * (count - len(waiting)))
        elif waiting:
            waits.append(t - waiting.popleft())
    return waits
