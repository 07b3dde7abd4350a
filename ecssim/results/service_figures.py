"""Figures by service: availability, time to RUNNING, failed starts, interruptions.

*Available* is a minute in which at least the minimum of healthy tasks was there, and one at all; the share is
over the minutes in which the service wanted tasks. Time to RUNNING counts from the task's creation, without
tasks that were there before the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ecssim.record.codes import RETIREMENT
from ecssim.results.facts import (
    ESSENTIAL_CONTAINER_EXITED,
    INITIAL,
    INTERRUPTIONS,
    TASK_FAILED_TO_START,
    Facts,
)
from ecssim.results.groups import key_of, positions
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
    created: int = 0
    to_running: tuple[float, float, float] | None = None
    failed_starts: dict[str, int] = field(default_factory=dict)
    exits: int = 0
    interruptions: int = 0
    retired: int = 0

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
            **({"retired": self.retired} if self.retired else {}),
        }


def service_figures(facts: Facts) -> list[ServiceFigures]:
    """The figures of every service that has rows, in the order in which services were first seen."""
    tasks = facts.tasks
    mine = np.flatnonzero(tasks.service)
    groups = [(key, mine[at]) for key, at in positions(key_of(tasks.service[mine], tasks.cluster[mine]))]
    pairs = {(key >> 32, key & 0xFFFFFFFF): at for key, at in groups}
    found = []
    for service, cluster in sorted({*facts.minutes.services, *pairs}):
        figures = ServiceFigures(service, cluster, facts.label(service, cluster), facts.name("cluster", cluster))
        _from_minutes(facts, figures)
        if (service, cluster) in pairs:
            _from_tasks(facts, figures, pairs[service, cluster])
        found.append(figures)
    return found


def _from_minutes(facts: Facts, figures: ServiceFigures) -> None:
    rows = facts.minutes.of(figures.service, figures.cluster)
    if not len(rows):
        return
    times, desired, healthy = rows["t"], rows["desired_count"], rows["healthy_count"]
    setting = facts.service_setting(facts.name("service", figures.service), figures.cluster_name)
    lower = (desired * int(setting.get("minimumHealthyPercent", 100)) + 99) // 100
    wanted = desired > 0
    enough = healthy >= np.maximum(lower, 1)
    figures.desired, figures.running = int(desired[-1]), int(rows["running_count"][-1])
    figures.healthy = int(healthy[-1])
    figures.minutes = int(wanted.sum())
    figures.short_minutes = int((wanted & ~enough).sum())
    good = np.flatnonzero(wanted & enough)
    if not len(good):
        return
    figures.settled_at = float(times[good[0]])
    # Before it was whole for the first time it was starting, which is no loss to warn of.
    lower = np.maximum(_after_patience(lower), 1)
    short = np.flatnonzero(wanted & (healthy < lower) & (np.arange(len(rows)) >= good[0]))
    if len(short):
        figures.loss_minutes = len(short)
        figures.down_minutes = int((healthy[short] == 0).sum())
        figures.short_since = float(times[short[0]])
        worst = short[np.argmin(healthy[short] - lower[short])]
        figures.shortest = int(healthy[worst])
        figures.shortest_at, figures.lower_then = float(times[worst]), int(lower[worst])


def _after_patience(lower: np.ndarray) -> np.ndarray:
    """The minimum that may be expected of a service: one that was just scaled out has ten minutes for it."""
    expected = lower.copy()
    for minutes in range(1, min(PATIENCE_MINUTES, len(lower)) + 1):
        expected[minutes:] = np.minimum(expected[minutes:], lower[: len(lower) - minutes])
    return expected


def _from_tasks(facts: Facts, figures: ServiceFigures, at: np.ndarray) -> None:
    tasks = facts.tasks
    new = at[tasks.origin[at] != INITIAL]
    figures.created = len(new)
    waited = tasks.started[new] - tasks.created[new]
    waited = waited[~np.isnan(waited)]
    if len(waited):
        p50, p95 = np.percentile(waited, [50, 95])
        figures.to_running = (float(p50), float(p95), float(waited.max()))
    codes = tasks.stop_code[at]
    figures.exits = int((codes == ESSENTIAL_CONTAINER_EXITED).sum())
    # A task that retires has its successor first: nothing is interrupted (FG-031).
    figures.retired = int((tasks.reason[at] == facts.code("text", RETIREMENT)).sum())
    figures.interruptions = int(np.isin(codes, INTERRUPTIONS).sum()) - figures.retired
    figures.failed_starts = failed_starts(facts, at[codes == TASK_FAILED_TO_START])


def failed_starts(facts: Facts, at: np.ndarray) -> dict[str, int]:
    """How many of these tasks failed by which reason, most frequent first."""
    reasons, counts = np.unique(facts.tasks.reason[at], return_counts=True)
    named: dict[str, int] = {}
    for reason, number in zip(reasons.tolist(), counts.tolist(), strict=True):
        text = facts.name("text", reason) or "unknown"
        named[text] = named.get(text, 0) + number
    return dict(sorted(named.items(), key=lambda item: (-item[1], item[0])))
