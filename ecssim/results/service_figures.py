"""Figures by service: availability, time to RUNNING, failed starts, interruptions.

*Available* is a minute in which at least the minimum of healthy tasks was there, and one at all; the share is
over the minutes in which the service wanted tasks. Time to RUNNING counts from the task's creation, without
tasks that were there before the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ecssim.results.facts import (
    ESSENTIAL_CONTAINER_EXITED,
    INITIAL,
    INTERRUPTIONS,
    TASK_FAILED_TO_START,
    Facts,
)
from ecssim.results.wording import figure, sized

#: Minutes in which a scale-out may be under way before missing tasks are a finding.
PATIENCE_MINUTES = 10


@dataclass
class ServiceFigures:
    """What one service went through."""

    service: int
    cluster: int
    name: str
    cluster_name: str
    desired: int = 0
    running: int = 0
    healthy: int = 0
    minutes: int = 0
    short_minutes: int = 0
    loss_minutes: int = 0
    short_since: float | None = None
    down_minutes: int = 0
    settled_at: float | None = None
    shortest: int = 0
    shortest_at: float = 0.0
    lower_then: int = 0
    missing_since: float | None = None
    created: int = 0
    to_running: tuple[float, float, float] | None = None
    failed_starts: dict[str, int] = field(default_factory=dict)
    exits: int = 0
    interruptions: int = 0

    @property
    def availability(self) -> float | None:
        """Share of minutes with enough healthy tasks; None if the service never wanted any."""
        return (self.minutes - self.short_minutes) / self.minutes if self.minutes else None

    def as_json(self) -> dict[str, Any]:
        """The entry of the summary."""
        percentiles = self.to_running
        return {
            "cluster": self.cluster_name,
            "availability": sized(self.availability) if self.availability is not None else None,
            "desired_count": self.desired,
            "running_count": self.running,
            "healthy_count": self.healthy,
            "tasks_created": self.created,
            "time_to_running": None
            if percentiles is None
            else dict(zip(("p50", "p95", "max"), map(figure, percentiles), strict=True)),
            "failed_starts": self.failed_starts,
            "exits": self.exits,
            "interruptions": self.interruptions,
        }


def service_figures(facts: Facts) -> list[ServiceFigures]:
    """The figures of every service that has rows, in the order in which services were first seen."""
    rows = facts.raw("service_metrics")
    found: dict[tuple[int, int], ServiceFigures] = {}
    for service, cluster in _pairs(rows["service"], rows["cluster"]):
        found[service, cluster] = _empty(facts, service, cluster)
    tasks = facts.tasks
    mine = tasks.service != 0
    for service, cluster in _pairs(tasks.service[mine], tasks.cluster[mine]):
        found.setdefault((service, cluster), _empty(facts, service, cluster))
    _from_minutes(facts, rows, found)
    _from_tasks(facts, found)
    return [found[key] for key in sorted(found)]


def _empty(facts: Facts, service: int, cluster: int) -> ServiceFigures:
    return ServiceFigures(service, cluster, facts.label(service, cluster), facts.name("cluster", cluster))


def _pairs(service: np.ndarray, cluster: np.ndarray) -> list[tuple[int, int]]:
    keys = np.unique(_key(service, cluster))
    return [(int(key) >> 32, int(key) & 0xFFFFFFFF) for key in keys]


def _key(service: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    key: np.ndarray = (service.astype(np.int64) << 32) | cluster.astype(np.int64)
    return key


def _groups(keys: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Each key with the positions of its rows, in their order."""
    if not len(keys):
        return []
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return list(zip(ordered[starts].tolist(), np.split(order, starts[1:]), strict=True))


def _from_minutes(facts: Facts, rows: np.ndarray, found: dict[tuple[int, int], ServiceFigures]) -> None:
    desired, healthy = rows["desired_count"].astype(np.int64), rows["healthy_count"].astype(np.int64)
    running, times = rows["running_count"], rows["t"]
    for key, at in _groups(_key(rows["service"], rows["cluster"])):
        figures = found[key >> 32, key & 0xFFFFFFFF]
        setting = facts.service_setting(facts.name("service", figures.service), figures.cluster_name)
        percent = int(setting.get("minimumHealthyPercent", 100))
        lower = (desired[at] * percent + 99) // 100
        wanted = desired[at] > 0
        enough = (healthy[at] >= lower) & (healthy[at] > 0)
        figures.desired, figures.running = int(desired[at[-1]]), int(running[at[-1]])
        figures.healthy = int(healthy[at[-1]])
        figures.minutes = int(wanted.sum())
        figures.short_minutes = int((wanted & ~enough).sum())
        good = np.flatnonzero(wanted & enough)
        if len(good):
            figures.settled_at = float(times[at[good[0]]])
            # Before it was whole for the first time it was starting, which is no loss to warn of.
            after = np.arange(len(at)) >= good[0]
            lower = _after_patience(lower)
            short = np.flatnonzero(wanted & (healthy[at] < np.maximum(lower, 1)) & after)
            figures.down_minutes = int((healthy[at[short]] == 0).sum())
            figures.loss_minutes = len(short)
            if len(short):
                figures.short_since = float(times[at[short[0]]])
                worst = short[np.argmin(healthy[at[short]] - lower[short])]
                figures.shortest = int(healthy[at[worst]])
                figures.shortest_at, figures.lower_then = float(times[at[worst]]), int(lower[worst])
        missing = running[at] < desired[at]
        if len(missing) and missing[-1]:
            whole = np.flatnonzero(~missing)
            figures.missing_since = float(times[at[whole[-1] + 1 if len(whole) else 0]])


def _after_patience(lower: np.ndarray) -> np.ndarray:
    """The minimum that may be expected of a service: one that was just scaled out has ten minutes for it."""
    expected = lower.copy()
    for minutes in range(1, min(PATIENCE_MINUTES, len(lower)) + 1):
        expected[minutes:] = np.minimum(expected[minutes:], lower[: len(lower) - minutes])
    return expected


def _from_tasks(facts: Facts, found: dict[tuple[int, int], ServiceFigures]) -> None:
    tasks = facts.tasks
    new = tasks.origin != INITIAL
    waited = tasks.started - tasks.created
    for key, at in _groups(_key(tasks.service, tasks.cluster)):
        if key >> 32 == 0:
            continue
        figures = found[key >> 32, key & 0xFFFFFFFF]
        figures.created = int(new[at].sum())
        mine = waited[at[new[at]]]
        mine = mine[~np.isnan(mine)]
        if len(mine):
            p50, p95 = np.percentile(mine, [50, 95])
            figures.to_running = (float(p50), float(p95), float(mine.max()))
        codes = tasks.stop_code[at]
        figures.exits = int((codes == ESSENTIAL_CONTAINER_EXITED).sum())
        figures.interruptions = int(np.isin(codes, INTERRUPTIONS).sum())
        figures.failed_starts = failed_starts(facts, at[codes == TASK_FAILED_TO_START])


def failed_starts(facts: Facts, at: np.ndarray) -> dict[str, int]:
    """How many of these tasks failed by which reason, most frequent first."""
    reasons, counts = np.unique(facts.tasks.reason[at], return_counts=True)
    named: dict[str, int] = {}
    for reason, number in zip(reasons.tolist(), counts.tolist(), strict=True):
        text = facts.name("text", reason) or "unknown"
        named[text] = named.get(text, 0) + number
    return dict(sorted(named.items(), key=lambda item: (-item[1], item[0])))
