"""Metrics as step functions of time, for expectations: values, when each began and how long it was true."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from ecssim.errors import BadInput, Problem
from ecssim.record.codes import DESIRED_STATUSES, TASK_STATUSES
from ecssim.results.result import COSTS
from ecssim.scenario.expect import METRICS

if TYPE_CHECKING:
    from ecssim.results.result import Result

MINUTE: Final = 60.0
HOUR: Final = 3600.0

#: The column that names the resource in each table of metrics.
_NAMED_BY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "subnet_metrics": "subnet",
        "service_metrics": "service",
        "capacity_provider_metrics": "capacity_provider",
    }
)

#: Extremes inside a minute that were recorded beside the value at its end: (metric, lowest asked) -> column.
_EXTREMES: Final[Mapping[tuple[str, bool], str]] = MappingProxyType(
    {("subnet.freeAddresses", True): "free_min", ("subnet.usedAddresses", False): "used_max"}
)

_RUNNING: Final = TASK_STATUSES.index("RUNNING") + 1
_WANTED: Final = DESIRED_STATUSES.index("RUNNING") + 1


@dataclass(frozen=True, slots=True)
class Series:
    """Values of a metric: ``value[i]`` was true from ``t[i]`` on for ``weight[i]`` seconds."""

    t: np.ndarray
    value: np.ndarray
    weight: np.ndarray

    def __len__(self) -> int:
        return len(self.t)

    def between(self, start: float, end: float) -> Series:
        """The part in ``[start, end)``; a value that was true at ``start`` counts from there on."""
        begin = np.maximum(self.t, start)
        stop = np.minimum(self.t + self.weight, end)
        inside = (stop > begin) | ((self.weight == 0.0) & (self.t >= start) & (self.t < end))
        return Series(begin[inside], self.value[inside], (stop - begin)[inside])

    def statistic(self, name: str) -> float:
        """One number for all values; means and percentiles weigh each value by its time."""
        match name:
            case "min":
                return float(self.value.min())
            case "max":
                return float(self.value.max())
            case "sum":
                return float(self.value.sum())
            case "count":
                return float(len(self.value))
            case "last":
                return float(self.value[-1])
            case "mean":
                total = float(self.weight.sum())
                weight = self.weight if total > 0.0 else np.ones(len(self.value))
                return float(np.average(self.value, weights=weight))
        return self._percentile(float(name.removeprefix("p")) / 100.0)

    def _percentile(self, share: float) -> float:
        order = np.argsort(self.value, kind="stable")
        weight = np.cumsum(self.weight[order])
        at = int(np.searchsorted(weight, share * weight[-1] - 1e-9)) if weight[-1] > 0.0 else len(order) - 1
        return float(self.value[order[min(at, len(order) - 1)]])


def series_of(result: Result, metric: str, of: str | None, *, lowest: bool) -> Series:
    """The series of one metric of one resource; ``lowest`` says that the smallest values matter.

    ``of`` is the name of the resource, a service's with or without ``cluster/``; without it all are added up.
    """
    table, column = METRICS[metric]
    minutes = _minutes(result, table, _EXTREMES.get((metric, lowest), column), of)
    states = _INSTANTS.get(metric)
    if states is None or of is None:
        return minutes
    return states(result, of, minutes)


def _minutes(result: Result, table: str, column: str, of: str | None) -> Series:
    if table == COSTS:
        return _hours(result, column, of)
    rows = result.raw(table)
    if of is not None:
        rows = rows[_named(result, table, rows, of)]
    return _added_up(result, rows["t"], rows[column].astype(float), MINUTE)


def _hours(result: Result, column: str, of: str | None) -> Series:
    """Costs are computed by the hour when they are asked for; ``of`` is a service."""
    rows = result.frame(COSTS)
    if of is not None:
        cluster, _, name = of.rpartition("/")
        rows = rows[(rows["service"] == name) & ((rows["cluster"] == cluster) | (cluster == ""))]
    return _added_up(result, rows["hour"].to_numpy() * HOUR, rows[column].to_numpy(float), HOUR)


def _added_up(result: Result, times: np.ndarray, values: np.ndarray, span: float) -> Series:
    """One value for each time, each true for ``span`` seconds; the last may stand for less than that."""
    known = ~np.isnan(values)
    times, position = np.unique(times[known], return_inverse=True)
    values = np.bincount(position, weights=values[known], minlength=len(times)).astype(float)
    end = float(result.manifest.get("simulated", result.hours[-1].t if result.hours else np.inf))
    return Series(times, values, np.minimum(span, np.maximum(end - times, 0.0)))


def _named(result: Result, table: str, rows: np.ndarray, of: str) -> np.ndarray:
    """Which rows are of the resource called ``of``."""
    cluster, _, name = of.rpartition("/")
    names = result.names
    column = _NAMED_BY[table]
    pool = names.get(column, [None])
    if name not in pool:
        known = [text for text in pool if text]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadInput([Problem("expect", 0, 0, f"there is no {column.replace('_', ' ')} {of!r} in the run{hint}")])
    found: np.ndarray = rows[column] == pool.index(name)
    if cluster:
        clusters = names.get("cluster", [None])
        found &= rows["cluster"] == (clusters.index(cluster) if cluster in clusters else -1)
    return found


def _steps(result: Result, changes: np.ndarray, times: np.ndarray, first: np.ndarray) -> Series:
    """The step function that changes by ``changes`` at ``times``; of several at one instant the last counts."""
    order = np.argsort(times, kind="stable")
    times, level = times[order], np.cumsum(changes[order]).astype(float)
    if not len(times) or times[0] > 0.0:
        times, level = np.append(0.0, times), np.append(0.0, level)
    last = np.append(times[1:] != times[:-1], True)
    times, level = times[last], level[last]
    end = float(first[0] + first[1]) if len(first) else float(times[-1])
    inside = times < end
    times, level = times[inside], level[inside]
    return Series(times, level, np.append(times[1:], end) - times)


def _service_tasks(result: Result, of: str) -> np.ndarray:
    """The ordinals of the tasks of a service."""
    rows = result.raw("_task_ids")
    cluster, _, name = of.rpartition("/")
    pool = result.names.get("service", [None])
    found = rows["service"] == (pool.index(name) if name in pool else -1)
    if cluster:
        clusters = result.names.get("cluster", [None])
        found &= rows["cluster"] == (clusters.index(cluster) if cluster in clusters else -1)
    return np.asarray(rows["task"][found])


def _states(result: Result, of: str) -> tuple[np.ndarray, np.ndarray]:
    """The events of a service's tasks in the order of tasks and time, and where a task's first event stands."""
    rows = result.raw("task_events")
    rows = rows[np.isin(rows["task"], _service_tasks(result, of))]
    rows = rows[np.lexsort((rows["event_id"], rows["task"]))]
    first = np.append(True, rows["task"][1:] != rows["task"][:-1]) if len(rows) else np.empty(0, bool)
    return rows, first


def _counted(result: Result, of: str, minutes: Series, inside: Callable[[np.ndarray], np.ndarray]) -> Series:
    rows, first = _states(result, of)
    now = inside(rows).astype(np.int64)
    before = np.where(first, 0, np.append(0, now[:-1])) if len(now) else now
    change = now - before
    moved = change != 0
    end = np.array([minutes.t[-1], minutes.weight[-1]]) if len(minutes) else np.empty(0)
    return _steps(result, change[moved], np.maximum(rows["t"][moved], 0.0), end)


def _running(result: Result, of: str, minutes: Series) -> Series:
    """RUNNING and wanted so: what DescribeServices shows as runningCount."""
    return _counted(result, of, minutes, lambda e: (e["last_status"] == _RUNNING) & (e["desired_status"] == _WANTED))


def _pending(result: Result, of: str, minutes: Series) -> Series:
    """Wanted, and not RUNNING yet."""
    return _counted(result, of, minutes, lambda e: (e["last_status"] < _RUNNING) & (e["desired_status"] == _WANTED))


def _healthy(result: Result, of: str, minutes: Series) -> Series:
    """Healthy from ``healthy_at`` to the order to stop, and never more than the minute rows say."""
    rows = result.raw("tasks")
    rows = rows[np.isin(rows["task"], _service_tasks(result, of))]
    rows = rows[~np.isnan(rows["healthy_at"])]
    stopped = rows["stopping_at"][~np.isnan(rows["stopping_at"])]
    times = np.concatenate([np.maximum(rows["healthy_at"], 0.0), np.maximum(stopped, 0.0)])
    changes = np.concatenate([np.ones(len(rows)), -np.ones(len(stopped))])
    end = np.array([minutes.t[-1], minutes.weight[-1]]) if len(minutes) else np.empty(0)
    steps = _steps(result, changes, times, end)
    # A minute row was taken at the minute's end and says nothing about the time before.
    ends = minutes.t + minutes.weight
    at = np.searchsorted(steps.t, ends, side="left") - 1
    lower = minutes.value < steps.value[np.maximum(at, 0)] if len(steps) else np.zeros(len(ends), bool)
    t = np.concatenate([steps.t, ends[lower]])
    order = np.argsort(t, kind="stable")
    return Series(
        t[order],
        np.concatenate([steps.value, minutes.value[lower]])[order],
        np.concatenate([steps.weight, np.zeros(int(lower.sum()))])[order],
    )


_INSTANTS: Final[Mapping[str, Callable[[Result, str, Series], Series]]] = MappingProxyType(
    {
        "service.runningCount": _running,
        "service.pendingCount": _pending,
        "service.healthyCount": _healthy,
    }
)
