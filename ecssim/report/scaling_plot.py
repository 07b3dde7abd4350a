"""Pictures of scaling: the load in tasks against the tasks there, and the metric with its alarms, on one time axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ecssim.report import canvas
from ecssim.results.facts import Facts
from ecssim.results.provisioning import flaps, shortfall
from ecssim.results.scaling_figures import Scaling
from ecssim.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Window = tuple[float, float]
#: Metrics that have a value in every minute: their column, and how their axis is called.
COLUMNS: Final = {
    "CPUUtilization": ("cpu_utilization", "CPU utilization, percent"),
    "MemoryUtilization": ("memory_utilization", "memory utilization, percent"),
    "RequestCountPerTarget": ("request_count_per_target", "requests a minute for each task"),
    "TargetResponseTime": ("target_response_time", "seconds"),
}
#: The share of the height that a strip of alarm states takes.
STRIP: Final = 0.055


@dataclass(frozen=True)
class Scaled:
    """A service that something scales; ``scaling`` knows its demand."""

    service: int
    cluster: int
    name: str
    target: str
    scaling: Scaling


def scaled(facts: Facts, service: str | None = None) -> list[Scaled]:
    """The service of that name (also ``cluster/name``), or all that something scales, those that move most first."""
    scaling = Scaling(facts)
    found = []
    for code, cluster in scaling.services():
        moves, policies = len(scaling.moves(code, cluster)), scaling.policies(code, cluster)
        name, where = facts.name("service", code), facts.name("cluster", cluster)
        if (moves or policies or service is not None) and service in (None, name, f"{where}/{name}"):
            one = Scaled(code, cluster, facts.label(code, cluster), f"service/{where}/{name}", scaling)
            found.append((-moves, one.name, one))
    return [one for _, _, one in sorted(found, key=lambda item: item[:2])]


def draw_scaling(facts: Facts, ax: Axes, of: Scaled, window: Window) -> None:
    """Draw the load in tasks, the tasks that were there and wanted, what was missing, and every activity."""
    start = facts.result.start
    rows = _minutes(facts, of, window)
    moves = _moves(facts, of, window)

    def line(t: np.ndarray, values: np.ndarray, label: str, **style: Any) -> None:
        shown = canvas.thinned(ax, values)
        ax.step(canvas.times(start, t[shown]), values[shown], where="post", label=label, **style)

    short, top = 0.0, float(rows["running_count"].max(initial=1))
    curves = of.scaling.curves(of.service, of.cluster)
    line(rows["t"], rows["desired_count"].astype(float), "desired count", color=canvas.GREYS[3], linestyle="--",
         linewidth=1.1)  # fmt: skip
    if curves is not None:
        seen = (curves.t >= window[0]) & (curves.t < window[1])
        t, demand, healthy = curves.t[seen], curves.demand[seen], curves.healthy[seen]
        missing = shortfall(demand, healthy)
        short = float(missing.sum())
        top = max(top, min(float(demand.max(initial=0.0)), 3.0 * top))
        if short:
            shown = canvas.thinned(ax, missing)
            ax.fill_between(
                canvas.times(start, t[shown]), healthy[shown], np.maximum(demand, healthy)[shown],
                # With an edge, so that minutes are seen on a picture of a day.
                step="post", color=canvas.ALARM, alpha=0.45, linewidth=1.5, label="too few tasks",
            )  # fmt: skip
        line(t, healthy, "healthy tasks", color=canvas.COLOURS[2], linewidth=1.8)
        line(t, demand, "load, in tasks that it fills", color=canvas.COLOURS[0], linewidth=1.4)
    else:
        line(rows["t"], rows["healthy_count"].astype(float), "healthy tasks", color=canvas.COLOURS[2], linewidth=1.8)
    top = max(top, _forecast(facts, ax, of, window))
    change = moves["to_count"] - moves["from_count"]
    for way, shape, colour, label in (
        (change > 0, "^", canvas.COLOURS[5], "scaled out"),
        (change < 0, "v", canvas.COLOURS[4], "scaled in"),
    ):
        if way.any():
            at = canvas.apart(moves["t"][way], window, canvas.points(ax))
            to = moves["to_count"][way][np.searchsorted(moves["t"][way], at)]
            top = max(top, float(to.max(initial=0)))
            ax.plot(
                canvas.times(start, at), to, linestyle="none", marker=shape, markersize=6, color=colour,
                markeredgewidth=0.0, label=label,
            )  # fmt: skip
    ax.set_title(f"Scaling of {of.name}: {_told(moves, short, curves is not None)}", loc="left")
    ax.set_ylim(0.0, top * 1.1 + 0.1)
    ax.set_ylabel("tasks")
    canvas.time_axis(ax, start, *window)
    canvas.plain(ax)
    canvas.legend(ax)


def _told(moves: np.ndarray, short: float, known: bool) -> str:
    back = flaps(moves["t"], moves["to_count"] - moves["from_count"])
    told = [count(len(moves), "activity", "activities") + (f" ({back} back within half an hour)" if back else "")]
    if known:
        told.append(f"{short:,.1f} task-minutes too few" if short >= 0.05 else "never too few tasks")
    return ", ".join(told)


def _forecast(facts: Facts, ax: Axes, of: Scaled, window: Window) -> float:
    """Draw what predictive scaling expects to need, hour by hour as it said last; return the most of it."""
    rows = facts.raw("capacity_forecasts")
    rows = rows[rows["target"] == facts.code("scaling_target", of.target)]
    rows = rows[(rows["hour_at"] < window[1]) & (rows["hour_at"] > window[0] - 3600.0)]
    if not len(rows):
        return 0.0
    rows = rows[np.lexsort((rows["t"], rows["hour_at"]))]
    last = rows[np.append(rows["hour_at"][1:] != rows["hour_at"][:-1], True)]
    t = np.append(last["hour_at"], last["hour_at"][-1] + 3600.0)
    values = np.append(last["capacity"], last["capacity"][-1]).astype(float)
    ax.step(
        canvas.times(facts.result.start, np.clip(t, *window)), values, where="post", label="forecast",
        color=canvas.COLOURS[1], linestyle=":", linewidth=1.8,
    )  # fmt: skip
    return float(values.max())


def draw_metric(facts: Facts, ax: Axes, of: Scaled, window: Window) -> None:
    """Draw the metric that most alarms of a service look at, their thresholds, and when they were in ALARM."""
    start = facts.result.start
    alarms = _alarms(facts, of)
    metric = _metric(facts, alarms)
    if metric is None:
        canvas.nothing(ax, f"no alarm of {of.name} ever changed its state")
        return
    alarms = {name: rows for name, rows in alarms.items() if _name_of(facts, rows) == metric}
    t, values, label = _values(facts, of, metric, window)
    known = values[~np.isnan(values)]
    thresholds = {float(rows["threshold"][-1]) for rows in alarms.values()}
    top = max([float(known.max(initial=0.0)), *(x for x in thresholds if not np.isnan(x))], default=0.0)
    top = (top or 1.0) * 1.25
    fired = facts.code("alarm_state", "ALARM")
    kinds = [
        ("high alarm: scale out", canvas.ALARM, 1.0 - STRIP, "-AlarmHigh"),
        ("low alarm: scale in", canvas.COLOURS[4], -1.4 * STRIP, "-AlarmLow"),
        ("alarm of a step policy", canvas.COLOURS[1], 1.0 - 2.2 * STRIP, ""),
    ]
    done: set[str] = set()
    for text, colour, y, mark in kinds:
        mine = {n for n in alarms if (mark in n if mark else True)} - done
        done |= mine
        first = True
        for name in sorted(mine):
            for begin, end in _spans(alarms[name], fired, facts.end, window):
                ax.fill_between(
                    canvas.times(start, np.array([begin, end])), y * top, (y + STRIP) * top, color=colour,
                    linewidth=0.0, label=text if first else None,
                )  # fmt: skip
                first = False
    for threshold in sorted(x for x in thresholds if not np.isnan(x)):
        ax.axhline(threshold, color=canvas.GREYS[3], linestyle="--", linewidth=1.0)
    if thresholds:
        ax.plot([], [], color=canvas.GREYS[3], linestyle="--", linewidth=1.0, label="threshold")
    shown = canvas.thinned(ax, values)
    style: dict[str, Any] = {"color": canvas.COLOURS[0], "linewidth": 1.4, "label": metric}
    if metric in COLUMNS:
        ax.step(canvas.times(start, t[shown]), values[shown], where="post", **style)
    else:
        ax.plot(canvas.times(start, t[shown]), values[shown], marker="o", markersize=3, **style)
    ax.set_title(f"{metric} of {of.name}, and its alarms", loc="left")
    ax.set_ylim(-1.8 * STRIP * top, top)
    ax.set_ylabel(label)
    canvas.time_axis(ax, start, *window)
    canvas.plain(ax, whole=False)
    canvas.legend(ax)


def has_metric(facts: Facts, of: Scaled) -> bool:
    """Whether any alarm that scales the service ever changed its state."""
    return bool(_alarms(facts, of))


def _minutes(facts: Facts, of: Scaled, window: Window) -> np.ndarray:
    rows = facts.raw("service_metrics")
    mine = (rows["service"] == of.service) & (rows["cluster"] == of.cluster)
    found: np.ndarray = rows[mine & (rows["t"] >= window[0]) & (rows["t"] < window[1])]
    return found


def _moves(facts: Facts, of: Scaled, window: Window) -> np.ndarray:
    rows = facts.raw("scaling_activities")
    rows = rows[rows["target"] == facts.code("scaling_target", of.target)]
    found: np.ndarray = rows[(rows["from_count"] != rows["to_count"]) & (rows["t"] < window[1])]
    return found[found["t"] >= window[0]]


def _alarms(facts: Facts, of: Scaled) -> dict[str, np.ndarray]:
    """The changes of state of each alarm of the service's policies: of target tracking by their names, others by
    what they caused.
    """
    rows, moves = facts.raw("alarms"), facts.raw("scaling_activities")
    causes = moves["cause_id"][moves["target"] == facts.code("scaling_target", of.target)]
    caused = set(rows["alarm_name"][np.isin(rows["event_id"], causes)].tolist())
    found = {}
    for code in np.unique(rows["alarm_name"]).tolist():
        name = facts.name("alarm", code)
        if code in caused or name.startswith(f"TargetTracking-{of.target}-"):
            found[name] = rows[rows["alarm_name"] == code]
    return found


def _name_of(facts: Facts, rows: np.ndarray) -> str:
    return facts.name("metric", int(rows["metric_name"][-1]))


def _metric(facts: Facts, alarms: dict[str, np.ndarray]) -> str | None:
    """The metric whose alarms changed most often."""
    changes: dict[str, int] = {}
    for rows in alarms.values():
        changes[_name_of(facts, rows)] = changes.get(_name_of(facts, rows), 0) + len(rows)
    return max(sorted(changes), key=lambda name: changes[name], default=None)


def _values(facts: Facts, of: Scaled, metric: str, window: Window) -> tuple[np.ndarray, np.ndarray, str]:
    """A metric's values over time, and how its axis is called; of one that is not recorded what decisions saw."""
    if metric in COLUMNS:
        column, label = COLUMNS[metric]
        rows = _minutes(facts, of, window)
        return rows["t"], rows[column].astype(float), label
    rows = facts.raw("scaling_activities")
    rows = rows[rows["target"] == facts.code("scaling_target", of.target)]
    rows = rows[(rows["t"] >= window[0]) & (rows["t"] < window[1]) & ~np.isnan(rows["metric_value"])]
    return rows["t"], rows["metric_value"].astype(float), f"{metric}, as decisions saw it"


def _spans(rows: np.ndarray, fired: int, end: float, window: Window) -> list[tuple[float, float]]:
    """When an alarm was in ALARM."""
    ends = np.append(rows["t"][1:], end)
    found = []
    for begin, until, state in zip(rows["t"].tolist(), ends.tolist(), rows["new_state"].tolist(), strict=True):
        if state == fired and until > window[0] and begin < window[1]:
            found.append((max(begin, window[0]), min(until, window[1])))
    return found
