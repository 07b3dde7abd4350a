"""How well a service followed its load: too few and too many tasks, steps in load, flaps, activities, dollars.

*Demand* is in tasks: the requests that arrived in a minute times what one costs, so that 1.0 is one task that does
nothing else from the first second to the last. Nobody runs like that, a good policy is above demand all the time:
figures of several policies are for comparing them. Demand is not known where requests cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ecssim.results.bill import Bill
from ecssim.results.facts import Facts
from ecssim.results.groups import key_of, positions
from ecssim.results.provisioning import (
    MINUTE,
    STEP_SHARE,
    Curves,
    Step,
    flaps,
    mean_held,
    reached,
    rises,
    shortfall,
    surplus,
)
from ecssim.results.wording import figure


@dataclass(frozen=True)
class ScalingFigures:
    """What the scaling of one service came to; ``under`` and ``over`` are task-minutes, None without demand."""

    service: int
    cluster: int
    name: str
    cluster_name: str
    policies: tuple[str, ...]
    under: float | None
    over: float | None
    short_minutes: int
    steps: tuple[Step, ...]
    lost_requests: int
    activities: int
    flaps: int
    usd: float

    @property
    def times_to_capacity(self) -> np.ndarray:
        """Seconds from each step in load to the tasks for it, of the steps that got them."""
        found = np.array([step.seconds for step in self.steps])
        known: np.ndarray = found[~np.isnan(found)] if len(found) else found
        return known

    def as_json(self) -> dict[str, Any]:
        """The entry ``scaling`` of a service in the summary."""
        times = self.times_to_capacity
        return {
            "policies": list(self.policies),
            "under_provisioned_task_minutes": None if self.under is None else figure(self.under),
            "over_provisioned_task_minutes": None if self.over is None else figure(self.over),
            "minutes_under_provisioned": None if self.under is None else self.short_minutes,
            "steps_in_load": len(self.steps),
            "steps_without_capacity": len(self.steps) - len(times),
            "time_to_capacity": {"mean": figure(float(times.mean())), "max": figure(float(times.max()))}
            if len(times)
            else None,
            "lost_requests": self.lost_requests,
            "activities": self.activities,
            "flaps": self.flaps,
            "usd": figure(self.usd),
        }


class Scaling:
    """Demand and tasks of a run's services, sorted once; asked service by service."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[int, Curves | None] = {}

    @cached_property
    def _rows(self) -> dict[int, np.ndarray]:
        rows = self._facts.raw("service_metrics", "t", "service", "cluster", "offered_count", "failed_count")
        return {key: rows[at] for key, at in positions(key_of(rows["service"], rows["cluster"]))}

    @cached_property
    def _tasks(self) -> dict[int, np.ndarray]:
        tasks = self._facts.tasks
        mine = np.flatnonzero(tasks.service)
        return {key: mine[at] for key, at in positions(key_of(tasks.service[mine], tasks.cluster[mine]))}

    @cached_property
    def _cells(self) -> dict[int, np.ndarray]:
        cells = self._facts.raw("flow_metrics", "t", "service", "cluster", "revision", "offered_count")
        return {key: cells[at] for key, at in positions(key_of(cells["service"], cells["cluster"]))}

    @cached_property
    def _moves(self) -> dict[int, np.ndarray]:
        moves = self._facts.raw("scaling_activities", "t", "target", "from_count", "to_count")
        return {int(code): moves[at] for code, at in positions(moves["target"].astype(np.int64))}

    def services(self) -> list[tuple[int, int]]:
        """Services with rows, as (service code, cluster code)."""
        return self._facts.minutes.services

    def policies(self, service: int, cluster: int) -> tuple[str, ...]:
        """What scales a service, by name."""
        names = self._facts.name("service", service), self._facts.name("cluster", cluster)
        return tuple(self._facts.service_setting(*names).get("policies", ()))

    def moves(self, service: int, cluster: int) -> np.ndarray:
        """The scaling activities of a service that changed its count."""
        name = f"service/{self._facts.name('cluster', cluster)}/{self._facts.name('service', service)}"
        found = self._moves.get(self._facts.code("scaling_target", name))
        if found is None:
            return self._facts.raw("scaling_activities", "t", "target", "from_count", "to_count")[:0]
        changed: np.ndarray = found[found["from_count"] != found["to_count"]]
        return changed

    def curves(self, service: int, cluster: int) -> Curves | None:
        """Demand, running and healthy tasks of a service; None without requests that cost something."""
        key = (service << 32) | cluster
        if key not in self._known:
            self._known[key] = self._curves(key)
        return self._known[key]

    def _curves(self, key: int) -> Curves | None:
        rows, at = self._rows.get(key), self._tasks.get(key)
        if rows is None or at is None or not rows["offered_count"].any():
            return None
        cost = self._cost(rows["t"], key, at)
        if cost is None:
            return None
        edges = np.append(rows["t"], rows["t"][-1] + MINUTE)
        tasks = self._facts.tasks
        return Curves(
            rows["t"],
            rows["offered_count"] / MINUTE * cost,
            mean_held(tasks.started[at], tasks.stopped[at], edges),
            mean_held(tasks.healthy[at], tasks.stopping[at], edges),
        )

    def _cost(self, t: np.ndarray, key: int, tasks: np.ndarray) -> np.ndarray | None:
        """Task-seconds of a request in each minute: the mean over the revisions that requests went to."""
        rates = self._facts.manifest.get("requests_per_second") or {}
        known = {revision: rates.get(name, 0.0) for revision, name in self._revisions(tasks).items()}
        seconds = {revision: 1.0 / rate for revision, rate in known.items() if rate}
        if not seconds:
            return None
        if len(seconds) == len(known) and len(set(seconds.values())) == 1:
            return np.full(len(t), next(iter(seconds.values())))
        # Only now: the cells of a day of a thousand services are its largest table.
        cells = self._cells.get(key)
        if cells is None:
            return None
        each = np.array([seconds.get(revision, np.nan) for revision in cells["revision"].tolist()])
        offered = np.where(np.isnan(each), 0, cells["offered_count"])
        minute = np.searchsorted(t, cells["t"])
        inside = minute < len(t)
        weight = np.bincount(minute[inside], weights=offered[inside], minlength=len(t))
        total = np.bincount(minute[inside], weights=(offered * np.nan_to_num(each))[inside], minlength=len(t))
        has = np.flatnonzero(weight)
        if not len(has):
            return None
        # A minute in which no request found a target costs what the one before it did.
        last = has[np.maximum(np.searchsorted(has, np.arange(len(t)), "right") - 1, 0)]
        cost: np.ndarray = total[last] / weight[last]
        return cost

    def _revisions(self, tasks: np.ndarray) -> dict[int, str]:
        """``family:revision`` of the revisions of a service that had tasks."""
        facts = self._facts
        templates = facts.raw("_templates")
        found = {}
        for at in np.unique(facts.tasks.index.template_at()[tasks]).tolist():
            if at >= 0:
                name, revision = (
                    facts.name("task_definition", int(templates["task_definition"][at])),
                    int(templates["revision"][at]),
                )
                found[revision] = name if ":" in name else f"{name}:{revision}"
        return found

    def steps(self, service: int, cluster: int, curves: Curves) -> tuple[Step, ...]:
        """The steps in a service's load, and how long each waited for its tasks."""
        at = self._tasks[(service << 32) | cluster]
        tasks = self._facts.tasks
        begin, until = tasks.healthy[at], tasks.stopping[at]
        begin, until = np.sort(begin[~np.isnan(begin)]), np.sort(until[~(np.isnan(until) | np.isnan(begin))])
        found = []
        for before, after in rises(curves.demand):
            wanted = float(curves.demand[after])
            t = float(curves.t[before]) + MINUTE
            lower = np.flatnonzero(curves.demand[after:] < wanted / (1.0 + STEP_SHARE))
            end = float(curves.t[after + lower[0]]) if len(lower) else self._facts.end
            at_capacity = reached(begin, until, int(np.ceil(wanted)), t, end)
            found.append(Step(t, float(curves.demand[before]), wanted, at_capacity - t))
        return tuple(found)

    def figures(self, service: int, cluster: int, usd: float) -> ScalingFigures:
        """The figures of one service that cost so many dollars."""
        curves = self.curves(service, cluster)
        moves = self.moves(service, cluster)
        rows = self._rows[(service << 32) | cluster]
        short = shortfall(curves.demand, curves.healthy) if curves is not None else np.zeros(0)
        return ScalingFigures(
            service,
            cluster,
            self._facts.label(service, cluster),
            self._facts.name("cluster", cluster),
            self.policies(service, cluster),
            float(short.sum()) if curves is not None else None,
            float(surplus(curves.demand, curves.running).sum()) if curves is not None else None,
            int((short > 0.0).sum()),
            self.steps(service, cluster, curves) if curves is not None else (),
            int(rows["failed_count"].sum()),
            len(moves),
            flaps(moves["t"], moves["to_count"] - moves["from_count"]),
            usd,
        )


def scaling_figures(facts: Facts, bill: Bill, *, every: bool = False) -> list[ScalingFigures]:
    """The figures of the services that something scales; with ``every`` also of those that only had requests."""
    scaling = Scaling(facts)
    found: list[ScalingFigures] = []
    for service, cluster in sorted(scaling.services()):
        one = scaling.policies(service, cluster) or len(scaling.moves(service, cluster))
        if one or (every and scaling.curves(service, cluster) is not None):
            usd = float(bill.of(facts.name("service", service), facts.name("cluster", cluster)))
            found.append(scaling.figures(service, cluster, usd))
    return found


def total(figures: Sequence[ScalingFigures]) -> dict[str, float]:
    """The measures of a run: sums over its services, and the mean time from a step in load to capacity."""
    nan = float("nan")
    under = [f.under for f in figures if f.under is not None]
    over = [f.over for f in figures if f.over is not None]
    times = np.concatenate([np.zeros(0), *(f.times_to_capacity for f in figures)])
    scaled = [f for f in figures if f.policies or f.activities]
    return {
        "under_provisioned": float(sum(under)) if under else nan,
        "over_provisioned": float(sum(over)) if over else nan,
        "time_to_capacity": float(times.mean()) if len(times) else nan,
        "steps_missed": float(sum(len(f.steps) - len(f.times_to_capacity) for f in figures)) if under else nan,
        "activities": float(sum(f.activities for f in scaled)) if figures else nan,
        "flaps": float(sum(f.flaps for f in scaled)) if figures else nan,
    }
