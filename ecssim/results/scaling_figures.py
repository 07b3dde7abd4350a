"""How well a service followed its load: too few and too many tasks, steps in load, flaps, activities, dollars.

*Demand* is in tasks: the requests that arrived in a minute times what one costs, so that 1.0 is one task that does
nothing else from the first second to the last. Nobody runs like that, a good policy is above demand all the time:
figures of several policies are for comparing them. Demand is not known where requests cost nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ecssim.results.bill import Bill
from ecssim.results.facts import Facts
from ecssim.results.groups import key_of, positions
from ecssim.results.wording import figure

MINUTE: Final = 60.0
#: A step is a rise of demand from one minute to the next by this share, and by this many tasks, or more.
STEP_SHARE: Final = 0.25
STEP_TASKS: Final = 1.0
#: Two activities of opposite directions within this time (seconds) are a flap: scaling in after scaling out needs a
#: quarter of an hour of low datapoints (SCALE-009), so that what reverses within half an hour followed no load.
FLAP_WINDOW: Final = 1800.0


@dataclass(frozen=True)
class Step:
    """A sudden rise of demand from ``before`` to ``after`` tasks in the minutes from ``t`` (seconds).

    ``seconds`` is how long it took until so many tasks were healthy: 0 if they were there, NaN if demand fell below
    ``after`` again or the run ended before.
    """

    t: float
    before: float
    after: float
    seconds: float


@dataclass(frozen=True)
class Curves:
    """Demand and what was there against it, minute by minute: means over the minutes that begin at ``t``."""

    t: np.ndarray
    demand: np.ndarray
    running: np.ndarray
    healthy: np.ndarray


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


def shortfall(demand: np.ndarray, healthy: np.ndarray) -> np.ndarray:
    """Tasks that were wanted and not healthy, minute by minute."""
    found: np.ndarray = np.maximum(demand - healthy, 0.0)
    return found


def surplus(demand: np.ndarray, running: np.ndarray) -> np.ndarray:
    """Tasks that ran and were not wanted, minute by minute; the one that is not full counts as wanted."""
    found: np.ndarray = np.maximum(running - np.ceil(demand), 0.0)
    return found


def rises(demand: np.ndarray) -> list[tuple[int, int]]:
    """Steps in a demand by minute: the last minute before each and the minute in which it has its new level.

    A rise over several minutes is one step.
    """
    rise = np.diff(demand)
    sudden = (rise >= STEP_TASKS) & (rise >= STEP_SHARE * demand[:-1])
    found: list[tuple[int, int]] = []
    for at in np.flatnonzero(sudden).tolist():
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found


def flaps(t: np.ndarray, change: np.ndarray, window: float = FLAP_WINDOW) -> int:
    """How often an activity went the other way than the one before it, no later than ``window`` after it."""
    way, t = np.sign(change[change != 0]), t[change != 0]
    return int(((way[1:] != way[:-1]) & (np.diff(t) <= window)).sum())


def mean_held(begin: np.ndarray, until: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many spans were held on average between one edge and the next; NaN in ``until`` ends never."""
    area = _area(begin[~np.isnan(begin)], edges) - _area(until[~(np.isnan(until) | np.isnan(begin))], edges)
    found: np.ndarray = np.diff(area) / np.diff(edges)
    return found


def _area(since: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The integral of how many of ``since`` have passed, up to each edge."""
    ordered = np.sort(since)
    total = np.concatenate([[0.0], np.cumsum(ordered)])
    passed = np.searchsorted(ordered, edges, "right")
    found: np.ndarray = edges * passed - total[passed]
    return found


class Scaling:
    """Demand and tasks of a run's services, sorted once; asked service by service."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        rows = facts.raw("service_metrics", "t", "service", "cluster", "offered_count", "failed_count")
        self._rows = {key: rows[at] for key, at in positions(key_of(rows["service"], rows["cluster"]))}
        tasks = facts.tasks
        mine = np.flatnonzero(tasks.service)
        self._tasks = {k: mine[at] for k, at in positions(key_of(tasks.service[mine], tasks.cluster[mine]))}
        cells = facts.raw("flow_metrics", "t", "service", "cluster", "revision", "offered_count")
        self._cells = {key: cells[at] for key, at in positions(key_of(cells["service"], cells["cluster"]))}
        moves = facts.raw("scaling_activities", "t", "target", "from_count", "to_count")
        self._moves = {int(code): moves[at] for code, at in positions(moves["target"].astype(np.int64))}

    def services(self) -> list[tuple[int, int]]:
        """Services with rows, as (service code, cluster code)."""
        return [(key >> 32, key & 0xFFFFFFFF) for key in self._rows]

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
        rows, cells, at = self._rows.get(key), self._cells.get(key), self._tasks.get(key)
        if rows is None or cells is None or at is None or not rows["offered_count"].any():
            return None
        cost = self._cost(rows["t"], cells, at)
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

    def _cost(self, t: np.ndarray, cells: np.ndarray, tasks: np.ndarray) -> np.ndarray | None:
        """Task-seconds of a request in each minute: the mean over the revisions that requests went to."""
        rates = self._facts.manifest.get("requests_per_second") or {}
        known = {revision: rates.get(name, 0.0) for revision, name in self._revisions(tasks).items()}
        seconds = {revision: 1.0 / rate for revision, rate in known.items() if rate}
        if not seconds:
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
            reached = _reached(begin, until, int(np.ceil(wanted)), t, end)
            found.append(Step(t, float(curves.demand[before]), wanted, reached - t))
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


def _reached(begin: np.ndarray, until: np.ndarray, wanted: int, t: float, end: float) -> float:
    """The first instant from ``t`` on, before ``end``, at which ``wanted`` spans are held; NaN if there is none."""
    later = begin[(begin > t) & (begin < end)]
    instants = np.concatenate([[t], later])
    there = np.searchsorted(begin, instants, "right") - np.searchsorted(until, instants, "right") >= wanted
    return float(instants[np.argmax(there)]) if there.any() else float("nan")


def scaling_figures(facts: Facts, bill: Bill, *, every: bool = False) -> list[ScalingFigures]:
    """The figures of the services that something scales; with ``every`` also of those that only had requests."""
    scaling = Scaling(facts)
    dollars = bill.exact_by("service")
    found: list[ScalingFigures] = []
    for service, cluster in sorted(scaling.services()):
        one = scaling.policies(service, cluster) or len(scaling.moves(service, cluster))
        if one or (every and scaling.curves(service, cluster) is not None):
            usd = float(dollars.get(facts.name("service", service), 0))
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
