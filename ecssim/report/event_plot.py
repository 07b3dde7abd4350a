"""What happened, as marks on a time axis: deployments, scaling, alarms, interruptions, calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ecssim.report import canvas
from ecssim.results.facts import INTERRUPTIONS, TASK_FAILED_TO_START, Facts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Rows of the picture; kinds that would need more share one.
ROWS = 12
ROLLOUT_COLOURS = {"COMPLETED": canvas.COLOURS[2], "FAILED": canvas.ALARM, "IN_PROGRESS": canvas.COLOURS[1]}


@dataclass
class Lane:
    """One row: spans with their colours, and marks by shape and colour (times in seconds)."""

    label: str
    spans: list[tuple[float, float, str]] = field(default_factory=list)
    marks: list[tuple[np.ndarray, str, str]] = field(default_factory=list)


def lanes(facts: Facts) -> list[Lane]:
    """The rows that have something to show, causes first."""
    found = [_calls(facts), *_deployments(facts), *_scaling(facts), *_alarms(facts), *_tasks(facts)]
    return [lane for lane in found if lane.spans or any(len(t) for t, _, _ in lane.marks)]


def draw_events(facts: Facts, ax: Axes, window: tuple[float, float]) -> None:
    """Draw one row a kind: bars have a duration, triangles scale out and in, crosses are losses."""
    found = lanes(facts)[:ROWS]
    start = facts.result.start
    if not found:
        canvas.nothing(ax, "nothing changed in this run")
        return
    least = (window[1] - window[0]) / 400.0
    for row, lane in enumerate(found):
        y = len(found) - 1 - row
        for begin, end, colour in lane.spans:
            until = max(end, begin + least)
            if until >= window[0] and begin <= window[1]:
                ax.barh(
                    y, width=_day(until - begin), left=canvas.times(start, np.array([begin]))[0],
                    height=0.4, color=colour, linewidth=0.0,
                )  # fmt: skip
        for t, shape, colour in lane.marks:
            shown = canvas.apart(t, window, canvas.points(ax))
            ax.plot(
                canvas.times(start, shown),
                # What goes up is above what goes down: of hundreds, both are seen.
                np.full(len(shown), y + {"^": 0.17, "v": -0.17}.get(shape, 0.0)),
                linestyle="none",
                marker=shape,
                markersize=6,
                color=colour,
                markeredgewidth=0.0 if shape in "^vo" else 1.6,
            )
    ax.set_yticks(range(len(found)), [lane.label for lane in reversed(found)])
    ax.set_ylim(-0.7, len(found) - 0.3)
    ax.set_title("What happened, and when", loc="left")
    canvas.time_axis(ax, start, *window)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color=canvas.GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def _day(seconds: float) -> np.timedelta64:
    return np.timedelta64(round(seconds * 1e6), "us")


def _calls(facts: Facts) -> Lane:
    rows = facts.raw("calls")
    callers = facts.result.names.get("caller", [None])
    planned = [code for code, text in enumerate(callers) if text in ("timeline", "user")]
    mine = np.isin(rows["caller"], planned) & (rows["t"] > 0)
    return Lane("calls, faults", marks=[(rows["t"][mine], "o", canvas.COLOURS[0])])


def _deployments(facts: Facts) -> list[Lane]:
    rows = facts.deployments
    rows = rows[(rows["started_at"] > 0) | np.isnan(rows["finished_at"])]
    by_service: dict[str, Lane] = {}
    for row in rows:
        name = facts.label(int(row["service"]), int(row["cluster"]))
        end = float(row["finished_at"]) if not np.isnan(row["finished_at"]) else facts.end
        state = facts.name("rollout_state", int(row["rollout_state"]))
        lane = by_service.setdefault(name, Lane(f"deploy {name}"))
        lane.spans.append((max(0.0, float(row["started_at"])), end, ROLLOUT_COLOURS.get(state, canvas.GREYS[0])))
    return _few(list(by_service.values()), "deployments")


def _scaling(facts: Facts) -> list[Lane]:
    rows = facts.raw("scaling_activities")
    found = []
    for code in np.unique(rows["target"]).tolist():
        mine = rows[rows["target"] == code]
        up, down = mine["to_count"] > mine["from_count"], mine["to_count"] < mine["from_count"]
        marks = [(mine["t"][up], "^", canvas.COLOURS[5]), (mine["t"][down], "v", canvas.COLOURS[4])]
        label = facts.name("scaling_target", code).rsplit("/", 1)[-1]
        found.append(Lane(f"scale {label}", marks=marks))
    return _few(found, "scaling")


def _alarms(facts: Facts) -> list[Lane]:
    rows = facts.raw("alarms")
    fired = facts.code("alarm_state", "ALARM")
    found = []
    for code in np.unique(rows["alarm_name"]).tolist():
        name = facts.name("alarm", code)
        if name.startswith("TargetTracking-"):
            continue  # its policy's scaling is shown, and a low alarm is in ALARM whenever all is well
        mine = rows[rows["alarm_name"] == code]
        ends = np.append(mine["t"][1:], facts.end)
        spans = [
            (float(t), float(end), canvas.ALARM)
            for t, end, state in zip(mine["t"], ends, mine["new_state"], strict=True)
            if state == fired
        ]
        found.append(Lane(f"alarm {name}", spans=spans))
    return _few([lane for lane in found if lane.spans], "alarms")


def _tasks(facts: Facts) -> list[Lane]:
    tasks = facts.tasks
    lost = np.isin(tasks.stop_code, INTERRUPTIONS)
    failed = tasks.stop_code == TASK_FAILED_TO_START
    return [
        Lane("interruptions", marks=[(np.sort(tasks.stopping[lost]), "x", canvas.ALARM)]),
        Lane("failed starts", marks=[(np.sort(tasks.stopping[failed]), "x", canvas.ALARM)]),
    ]


def _few(found: list[Lane], name: str) -> list[Lane]:
    """Rows of one kind: up to three, more are one row together."""
    if len(found) <= 3:
        return found
    spans = sorted(span for lane in found for span in lane.spans)
    return [Lane(name, spans, [mark for lane in found for mark in lane.marks])]
