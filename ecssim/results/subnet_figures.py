"""Figures by subnet: how close it came to its last address, when it first had none, who held them then."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ecssim.results.facts import Facts

#: EC2's error for an interface in a subnet without a free address (NET-050).
FULL = "InsufficientFreeAddressesInSubnet"


@dataclass
class SubnetFigures:
    """One subnet over the run; times in seconds, addresses as counts."""

    code: int
    name: str
    zone: str
    usable: int
    free_min: int
    free_min_at: float
    used_max: int
    failed: int = 0
    first_failed: float | None = None
    last_failed: float | None = None
    failed_by_consumer: dict[str, int] = field(default_factory=dict)
    exhausted_minutes: int = 0

    def as_json(self) -> dict[str, Any]:
        """The entry of the summary."""
        return {
            "availability_zone": self.zone,
            "usable": self.usable,
            "free_min": self.free_min,
            "free_min_at": self.free_min_at,
            "used_max": self.used_max,
            "first_exhausted_at": self.first_failed,
            "exhausted_minutes": self.exhausted_minutes,
            "failed_allocations": self.failed,
        }


def subnet_figures(facts: Facts) -> list[SubnetFigures]:
    """The figures of every subnet, in the order of the scenario."""
    rows = facts.raw("subnet_metrics")
    events = facts.raw("subnet_events")
    # The Region's quota of interfaces refuses, too, wherever there is room (NET-070).
    full = np.array([facts.name("text", int(c)) == FULL for c in events["reason"].tolist()], dtype=bool)
    found = []
    for code in np.unique(rows["subnet"]).tolist():
        mine = rows[rows["subnet"] == code]
        lowest = int(np.argmin(mine["free_min"]))
        figures = SubnetFigures(
            code,
            facts.name("subnet", code),
            facts.name("availability_zone", int(mine["availability_zone"][0])),
            int(mine["total"][0]) - int(mine["reserved"][0]),
            int(mine["free_min"][lowest]),
            float(mine["t"][lowest]),
            int(mine["used_max"].max()),
            exhausted_minutes=int((mine["failed_allocations"] > 0).sum()),
        )
        failures = events[(events["subnet"] == code) & full]
        if len(failures):
            figures.failed = len(failures)
            figures.first_failed = float(failures["t"].min())
            figures.free_min_at = min(figures.free_min_at + 60.0, figures.first_failed)
            figures.last_failed = float(failures["t"].max())
            consumers, counts = np.unique(failures["consumer"], return_counts=True)
            figures.failed_by_consumer = {
                facts.name("consumer", c): n for c, n in zip(consumers.tolist(), counts.tolist(), strict=True)
            }
        found.append(figures)
    return found


def held_at(facts: Facts, subnet: int, t: float) -> dict[str, int]:
    """Addresses of a subnet at time ``t`` by who held them: services by name, others by kind, most first.

    Tasks are counted exactly; what holds addresses for long comes from the minute's row of ``subnet_usage``.
    """
    usage = facts.raw("subnet_usage")
    here = usage[(usage["subnet"] == subnet) & (usage["t"] <= t)]
    if len(here):
        here = here[here["t"] == here["t"].max()]
    held = {facts.name("consumer", int(row["consumer"])): int(row["used"]) for row in here}
    held.pop("tasks", None)
    held.pop("cooling", None)
    tasks = facts.tasks
    mine = (tasks.subnet == subnet) & tasks.has_address & (tasks.created <= t)
    alive = mine & ~(tasks.stopped <= t)
    for service, cluster, number in _by_service(tasks, alive):
        held[facts.label(service, cluster) if service else "standalone tasks"] = number
    cooling = int((mine & (tasks.stopped <= t) & (tasks.address_until > t)).sum())
    if cooling:
        held["cooling"] = cooling
    return dict(sorted(held.items(), key=lambda item: (-item[1], item[0])))


def most_cooling(facts: Facts, subnet: int, since: float, before: float) -> int:
    """The most addresses that were freed and not yet usable at one instant (NET-060)."""
    tasks = facts.tasks
    mine = (tasks.subnet == subnet) & tasks.has_address & ~np.isnan(tasks.stopped)
    return most_at_once(tasks.stopped[mine], tasks.address_until[mine], since, before)


def _by_service(tasks: Any, which: np.ndarray) -> list[tuple[int, int, int]]:
    keys = (tasks.service[which].astype(np.int64) << 32) | tasks.cluster[which]
    found, counts = np.unique(keys, return_counts=True)
    return [(k >> 32, k & 0xFFFFFFFF, n) for k, n in zip(found.tolist(), counts.tolist(), strict=True)]


def most_at_once(begin: np.ndarray, until: np.ndarray, since: float, before: float) -> int:
    """The most of these spans that overlap at one instant of ``[since, before]``."""
    touches = (begin <= before) & (until > since)
    begin, until = np.maximum(begin[touches], since), until[touches]
    if not len(begin):
        return 0
    return int(steps_of(begin, until)[1].max())


def steps_of(begin: np.ndarray, until: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """When the number of spans that are open changes, in order, and how many are open after each change."""
    times = np.concatenate([begin, until])
    steps = np.concatenate([np.ones(len(begin), int), -np.ones(len(until), int)])
    # An address that is free at an instant can be taken at that instant: ends come first.
    order = np.lexsort((steps, times))
    return times[order], np.cumsum(steps[order])
