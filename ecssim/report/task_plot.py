"""Pictures over time: tasks by state; wanted, running and healthy tasks of a service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ecssim.record.codes import TASK_STATUSES
from ecssim.report import canvas
from ecssim.results.facts import TASK_FAILED_TO_START, Facts
from ecssim.results.service_figures import ServiceFigures, service_figures
from ecssim.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: On the way up in warm colours, on the way down in greys, what works in blue.
STATE_COLOURS: Final = {
    "RUNNING": "#0072B2",
    "PROVISIONING": "#F0E442",
    "PENDING": "#E69F00",
    "ACTIVATING": "#D55E00",
    "DEACTIVATING": "#CC79A7",
    "STOPPING": "#8c8c8c",
    "DEPROVISIONING": "#c9c9c9",
}
"""The states in the order in which they lie on each other."""


def failed_starts(facts: Facts, figures: ServiceFigures | None = None) -> np.ndarray:
    """When tasks failed to start: all, or those of one service."""
    tasks = facts.tasks
    failed = tasks.stop_code == TASK_FAILED_TO_START
    if figures is not None:
        failed &= (tasks.service == figures.service) & (tasks.cluster == figures.cluster)
    times: np.ndarray = tasks.stopping[failed]
    return times


def draw_states(facts: Facts, ax: Axes, window: tuple[float, float]) -> None:
    """Draw how many tasks were in each state over ``window`` (seconds)."""
    start = facts.result.start
    events = facts.raw("task_events")
    if not len(events):
        canvas.nothing(ax, "no task in this run")
        return
    entered, left, status = _spells(events)
    running = status == TASK_STATUSES.index("RUNNING") + 1
    at = canvas.grid(ax, window, (entered[running], left[running]), (facts.tasks.created, facts.tasks.stopped))
    layers = []
    for name in STATE_COLOURS:
        mine = status == TASK_STATUSES.index(name) + 1
        layers.append((name, canvas.held(entered[mine], left[mine], at).astype(float)))
    total = canvas.stacked(ax, canvas.times(start, at), layers, list(STATE_COLOURS.values()))
    ax.set_ylim(0, float(total.max(initial=1.0)) * 1.08)
    failed = len(failed_starts(facts))
    lost = f", {count(failed, 'task')} failed to start" if failed else ""
    ax.set_title(f"Tasks by state: {int(total.max(initial=0))} at the most{lost}", loc="left")
    ax.set_ylabel("tasks")
    canvas.time_axis(ax, start, *window)
    canvas.plain(ax)
    canvas.legend(ax)


def _spells(events: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When each status of each task began and ended (NaN: not yet), and which it was."""
    # Rows of a task are in the order of their events already, so a stable sort by task is enough.
    order = np.argsort(events["task"], kind="stable")
    task, t, status = events["task"][order], events["t"][order], events["last_status"][order]
    left = np.append(t[1:], np.nan)
    left[np.append(task[1:] != task[:-1], True)] = np.nan
    return t, left, status


def worst_first(facts: Facts, service: str | None) -> list[ServiceFigures]:
    """The service of that name (also ``cluster/name``), or all, those with the most failed starts first."""
    figures = service_figures(facts)
    if service is not None:
        cluster, _, bare = service.rpartition("/")
        name = facts.code("service", bare)
        return [f for f in figures if f.service == name and cluster in ("", f.cluster_name)]
    lost = {id(f): (sum(f.failed_starts.values()), f.short_minutes, f.created) for f in figures}
    return sorted(figures, key=lambda f: tuple(-n for n in lost[id(f)]))


def draw_service(facts: Facts, ax: Axes, figures: ServiceFigures, window: tuple[float, float]) -> None:
    """Draw wanted, running and healthy tasks of one service, minute by minute, over ``window`` (seconds)."""
    mine = facts.minutes.of(figures.service, figures.cluster)
    start = facts.result.start
    mine = mine[(mine["t"] > window[0] - 60.0) & (mine["t"] < window[1])]
    t = np.append(mine["t"], mine["t"][-1:] + 60.0)
    x = canvas.times(start, t)

    def line(column: str, label: str, **style: Any) -> None:
        values = np.append(mine[column], mine[column][-1:])
        shown = canvas.thinned(ax, values)
        ax.step(x[shown], values[shown], where="post", label=label, **style)

    line("running_count", "running", color=canvas.COLOURS[0], linewidth=1.8)
    line("healthy_count", "healthy", color=canvas.COLOURS[2], linewidth=1.8)
    line("desired_count", "desired", color=canvas.INK, linewidth=1.2, linestyle="--", zorder=1.9)
    missing = mine["healthy_count"] < mine["desired_count"]
    healthy = np.append(mine["healthy_count"], mine["healthy_count"][-1:])
    desired = np.append(mine["desired_count"], mine["desired_count"][-1:])
    shown = canvas.thinned(ax, desired.astype(float) - healthy)
    ax.fill_between(
        x[shown],
        healthy[shown],
        desired[shown],
        where=np.append(missing, missing[-1:])[shown],
        step="post",
        color=canvas.ALARM,
        alpha=0.25,
        linewidth=0.0,
        label="healthy tasks missing" if missing.any() else None,
    )
    share = "" if figures.availability is None else f", available {figures.availability:.2%} of the time"
    ax.set_title(f"Service {figures.name}{share}", loc="left")
    most = max((int(mine[column].max(initial=0)) for column in ("running_count", "desired_count")), default=0)
    ax.set_ylim(0.0, max(most, 1) * 1.08)
    ax.set_ylabel("tasks")
    canvas.time_axis(ax, start, *window)
    canvas.plain(ax)
    canvas.legend(ax)
