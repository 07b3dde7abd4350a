"""How pictures of ecssim look: colours, time axis, limits, figures without pyplot.

The colours are Okabe and Ito's, which people with any colour vision tell apart; what is not a service
(cooling, declared) is grey or hatched. Library code makes ``Figure`` objects: pyplot would keep them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
GREYS: Final = ("#8c8c8c", "#b3b3b3", "#d0d0d0", "#6b6b6b")
ALARM: Final = "#B2182B"
INK: Final = "#222222"
GRID: Final = "#e6e6e6"
#: Points of a curve for each pixel (1/72 inch) of the axes' width: more would only cost time ...
DENSITY: Final = 1.3
#: ... and never more than this.
POINTS: Final = 1500
DAY: Final = 86_400
#: Seconds between the labels of a time axis.
STEPS: Final = (
    *(1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(days * DAY for days in (1, 2, 3, 7, 14, 28, 56, 112, 365)),
)
#: Where something failed, pictures show this much time before and after it (seconds) ...
MARGIN: Final = 600.0
#: ... if that is less than this share of the run.
FOCUS: Final = 0.5
#: The dots per inch of a picture that is written.
DPI: Final = 144


def new_figure(rows: int = 1) -> Figure:
    """A figure for ``rows`` axes above each other; a notebook shows it."""
    from ecssim.report.picture import Picture

    return Picture(figsize=(9.0, 1.2 + 3.2 * rows), layout="constrained")


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure so that the same run gives the same bytes: no date, and ids that do not change."""
    from matplotlib import rc_context

    path = Path(path)
    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
    with rc_context({"svg.hashsalt": "ecssim"}):
        figure.savefig(path, metadata=metadata, dpi=DPI)


def points(ax: Axes) -> int:
    """How many points a curve on ``ax`` needs."""
    return min(POINTS, int(ax.bbox.width / ax.figure.dpi * 72.0 * DENSITY))


def grid(ax: Axes, window: tuple[float, float], *spans: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The instants of a curve over ``window`` (seconds): where most and fewest of the ``spans`` were held.

    Each span is ``(begin, until)`` as :func:`held` takes it. Its extremes within each bit of time are among the
    instants, so that a peak of seconds is seen in a picture of two weeks.
    """
    begin, end = window[0], max(window[1], window[0] + 1.0)
    bins = max(50, points(ax) // (2 * len(spans) + 1))
    found = [np.linspace(begin, end, bins + 1)]
    for starts, stops in spans:
        stops = stops[~np.isnan(stops)]
        t = np.concatenate([starts, stops])
        steps = np.concatenate([np.ones(len(starts), np.int64), np.full(len(stops), -1)])
        order = np.argsort(t, kind="stable")
        t, level = t[order], np.cumsum(steps[order])
        # Several changes at one instant are one change: the last of them is what was true then.
        last = np.append(t[1:] != t[:-1], True) & (t >= begin) & (t < end) if len(t) else np.zeros(0, bool)
        found += [t[last][at] for at in _extremes(level[last], ((t[last] - begin) / (end - begin) * bins).astype(int))]
    return np.unique(np.concatenate(found))


def _extremes(values: np.ndarray, bins: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The positions of the lowest and of the highest value of each bin; ``bins`` does not fall."""
    if not len(values):
        return np.zeros(0, int), np.zeros(0, int)
    order = np.lexsort((values, bins))
    sorted_bins = bins[order]
    first = np.append(True, sorted_bins[1:] != sorted_bins[:-1])
    return order[first], order[np.append(first[1:], True)]


def thinned(ax: Axes, values: np.ndarray) -> np.ndarray:
    """The positions of a series that are worth drawing: all if few, else the extremes of each bit of it."""
    at = np.arange(len(values))
    bins = points(ax) // 2
    if len(at) <= 2 * bins:
        return at
    shown = np.nan_to_num(values, nan=-1.0)
    kept: np.ndarray = at[np.unique(np.concatenate(_extremes(shown, np.arange(len(at)) * bins // len(at))))]
    return kept


def apart(t: np.ndarray, window: tuple[float, float], points: int) -> np.ndarray:
    """Marks that a picture of so many points can tell apart, of those within the window."""
    t = t[(t >= window[0]) & (t <= window[1])]
    _, first = np.unique(((t - window[0]) / max(1.0, window[1] - window[0]) * points).astype(int), return_index=True)
    kept: np.ndarray = t[first]
    return kept


def focus(events: np.ndarray, end: float, whole: bool) -> tuple[float, float]:
    """The time to show, in seconds: around ``events`` where that is a part of the run, else all of it."""
    if whole or not len(events):
        return 0.0, end
    begin, until = max(0.0, float(events.min()) - MARGIN), min(end, float(events.max()) + MARGIN)
    return (begin, until) if until - begin < FOCUS * end else (0.0, end)


def held(begin: np.ndarray, until: np.ndarray, at: np.ndarray) -> np.ndarray:
    """How many of the spans ``[begin, until)`` cover each instant of ``at``; NaN ends never."""
    ends = np.sort(until[~np.isnan(until)])
    covered: np.ndarray = np.searchsorted(np.sort(begin), at, "right") - np.searchsorted(ends, at, "right")
    return covered


def times(start: datetime, seconds: np.ndarray) -> np.ndarray:
    """Seconds of the run as UTC times for an axis."""
    origin = np.datetime64(round(start.timestamp() * 1e6), "us")
    moments: np.ndarray = origin + np.rint(np.asarray(seconds) * 1e6).astype("timedelta64[us]")
    return moments


def time_axis(ax: Axes, start: datetime, begin: float, end: float) -> None:
    """Show ``begin`` to ``end`` (seconds) on the horizontal axis, with clock times."""
    ax.set_xlim(*times(start, np.array([begin, max(end, begin + 1.0)])))
    clock(ax, 8)
    ax.set_xlabel("time of day (UTC)")


def clock(ax: Axes, most: int) -> None:
    """Label the times that the axes show with at most ``most`` round moments; midnight is the date."""
    low, high = (limit * DAY for limit in ax.get_xlim())
    step = next((step for step in STEPS if (high - low) / step < most), STEPS[-1])
    # Seconds of a short run in microseconds of a long calendar: what is left of the last digit is no time.
    first = round(np.ceil((low - 1e-3) / step))
    moments = [i * step for i in range(first, int((high + 1e-3) // step) + 1)]
    labels = []
    for moment in moments:
        at = datetime.fromtimestamp(moment, UTC)
        form = "%d %b" if moment % DAY == 0 else "%H:%M" if step >= 60 else "%H:%M:%S"
        labels.append(at.strftime(form).lstrip("0") if moment % DAY == 0 else at.strftime(form))
    ax.set_xticks([moment / DAY for moment in moments], labels)


def plain(ax: Axes, *, whole: bool = True) -> None:
    """Take away what only draws attention: two spines, the frame of the legend, decimals of counts (``whole``)."""
    from matplotlib.ticker import MaxNLocator

    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=whole))
    ax.grid(axis="y", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)


def legend(ax: Axes) -> None:
    """The legend beside the axes, in the order in which layers lie on each other."""
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        # The last layer is the highest: reading down the legend is reading down the picture.
        ax.legend(handles[::-1], labels[::-1], loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def stacked(
    ax: Axes,
    x: np.ndarray,
    layers: Sequence[tuple[str, np.ndarray]],
    colours: Sequence[str],
    hatched: Sequence[bool] | None = None,
) -> np.ndarray:
    """Draw layers as areas on each other; return their sum. Layers that are empty are left out."""
    total = np.zeros(len(x))
    for i, (label, values) in enumerate(layers):
        if not values.any():
            continue
        hatch = "////" if hatched is not None and hatched[i] else None
        total = total + values
        # Each area goes down to zero and lies behind those below it: half of the points of a band.
        ax.fill_between(
            x,
            0.0,
            total,
            step="post",
            facecolor=colours[i],
            edgecolor="white" if hatch else "none",
            hatch=hatch,
            linewidth=0.0,
            label=label,
            zorder=1.5 - i / (2.0 * len(layers)),
        )
    return total


def nothing(ax: Axes, text: str) -> None:
    """Say on the axes that there is nothing to show."""
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=INK)
    ax.set_axis_off()
