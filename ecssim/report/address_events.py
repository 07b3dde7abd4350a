"""What makes a subnet fill, as marks above its addresses: deployments, scaling, reclaims and calls, on one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ecssim.report import canvas
from ecssim.results.facts import INTERRUPTIONS, Facts
from ecssim.results.subnet_figures import SubnetFigures

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Height of a row of marks, as a share of the height of the picture below them.
ROW: Final = 0.07
#: Marks of one row and colour; more than a picture can tell apart are not drawn.
DEPLOYMENT, OUT, IN, RECLAIM, CALL = (
    canvas.COLOURS[2],
    canvas.COLOURS[5],
    canvas.COLOURS[4],
    canvas.ALARM,
    canvas.INK,
)


def draw(facts: Facts, ax: Axes, figures: SubnetFigures, window: tuple[float, float], top: float) -> float:
    """Draw rows of marks above ``top`` for the services of this subnet; return the new top, the same without any."""
    services = _services(facts, figures)
    rows = [_deployments(facts, services, window), *_marks(facts, figures, services, window)]
    height = top
    start = facts.result.start
    for row in rows:
        drawn = False
        for label, colour, shape, times in row:
            shown = times[(times[:, 1] >= window[0]) & (times[:, 0] <= window[1])] if len(times) else times
            if not len(shown):
                continue
            drawn = True
            y = height + ROW * top / 2.0
            if shape == "-":
                for i, (begin, end) in enumerate(shown.tolist()):
                    span = canvas.times(start, np.clip([begin, end], *window))
                    ax.plot(
                        span, [y, y], color=colour, linewidth=5.0, solid_capstyle="butt", label=None if i else label
                    )
            else:
                at = canvas.apart(shown[:, 0], window, canvas.points(ax))
                ax.plot(
                    canvas.times(start, at),
                    np.full(len(at), y),
                    linestyle="none",
                    marker=shape,
                    markersize=6,
                    color=colour,
                    markeredgewidth=0.0 if shape in "^vo" else 1.6,
                    label=label,
                )
        if drawn:
            height += ROW * top
    return height if height == top else height + ROW * top / 2.0


Row = list[tuple[str, str, str, np.ndarray]]


def _services(facts: Facts, figures: SubnetFigures) -> set[tuple[int, int]]:
    """The services with tasks in the subnet, as codes of service and cluster."""
    tasks = facts.tasks
    mine = tasks.subnet == figures.code
    keys = np.unique((tasks.service[mine].astype(np.int64) << 32) | tasks.cluster[mine])
    return {(key >> 32, key & 0xFFFFFFFF) for key in keys.tolist() if key >> 32}


def _deployments(facts: Facts, services: set[tuple[int, int]], window: tuple[float, float]) -> Row:
    rows = facts.deployments
    spans = []
    least = (window[1] - window[0]) / 300.0
    for row in rows[rows["started_at"] > 0.0]:
        if (int(row["service"]), int(row["cluster"])) in services:
            begin, end = float(row["started_at"]), float(row["finished_at"])
            spans.append((begin, max(facts.end if np.isnan(end) else end, begin + least)))
    return [("deployment", DEPLOYMENT, "-", np.array(spans))]


def _marks(
    facts: Facts, figures: SubnetFigures, services: set[tuple[int, int]], window: tuple[float, float]
) -> list[Row]:
    names = {facts.name("service", service) for service, _ in services}
    rows = facts.raw("scaling_activities")
    known = {code: facts.name("scaling_target", code).rsplit("/", 1)[-1] for code in np.unique(rows["target"]).tolist()}
    rows = rows[np.isin(rows["target"], [code for code, name in known.items() if name in names])]
    up, down = rows["to_count"] > rows["from_count"], rows["to_count"] < rows["from_count"]
    tasks = facts.tasks
    lost = (tasks.subnet == figures.code) & np.isin(tasks.stop_code, INTERRUPTIONS)
    calls = facts.raw("calls")
    callers = facts.result.names.get("caller", [None])
    planned = [code for code, text in enumerate(callers) if text in ("timeline", "user")]
    asked = calls["t"][np.isin(calls["caller"], planned) & (calls["t"] > 0.0)]
    return [
        [
            ("scale-out", OUT, "^", _twice(rows["t"][up])),
            ("scale-in", IN, "v", _twice(rows["t"][down])),
            ("call or fault", CALL, "o", _twice(asked)),
        ],
        [("task reclaimed", RECLAIM, "+", _twice(np.sort(tasks.stopping[lost])))],
    ]


def _twice(times: np.ndarray) -> np.ndarray:
    """Instants as spans of no length."""
    return np.stack([times, times], axis=1)
