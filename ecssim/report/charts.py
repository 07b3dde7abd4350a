"""Charts of the report: one drawing in two widths, with its title and its legend as words of the page.

All charts of a report have the same margins and the same time axis, so that what happened at one time is on one
vertical line over the whole page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ecssim.report import canvas
from ecssim.report.svg import THEMED, svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Widths in pixels: of a screen on a desk, and of a phone.
WIDTHS: Final = {"wide": 1040, "narrow": 352}
LEFT: Final = {"wide": 132, "narrow": 54}
RIGHT: Final = {"wide": 14, "narrow": 8}
TOP: Final = 10
BOTTOM: Final = 28
#: Marks of a legend as the page shows them.
MARKS: Final = {"x": "cross", "o": "dot", "+": "plus", "^": "out", "v": "in"}
_FONT: Final = {"wide": 13.0, "narrow": 11.0}


@dataclass(frozen=True)
class Key:
    """One entry of a legend: the label, its colour, and the kind of mark (``area``, ``mark cross``, ...)."""

    label: str
    colour: str
    kind: str


@dataclass(frozen=True)
class Chart:
    """A drawn chart: what it is called, how its colours are read, and the drawing for each width."""

    title: str
    unit: str
    keys: tuple[Key, ...]
    drawings: tuple[tuple[str, str], ...]

    @property
    def size(self) -> int:
        """Bytes on the page."""
        return sum(len(drawing.encode()) for _, drawing in self.drawings) + 1000


def chart(name: str, draw: Callable[[Axes], object], height: int = 170, *, words: bool = False) -> Chart:
    """Draw a chart; ``name`` is unique on the page; ``words``: its vertical axis has names, not numbers."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    title, unit = "", ""
    keys: tuple[Key, ...] = ()
    drawings = []
    for width, pixels in WIDTHS.items():
        with rc_context({"font.size": _FONT[width], "hatch.linewidth": 1.5, "xtick.color": canvas.INK}):
            tall = height * (1.5 if words and width == "narrow" else 1.0)
            above = tall + TOP + BOTTOM
            figure = Figure(figsize=(pixels / 72.0, above / 72.0))
            left = LEFT[width]
            box = (left / pixels, BOTTOM / above, (pixels - left - RIGHT[width]) / pixels, tall / above)
            ax = figure.add_axes(box)
            draw(ax)
            title, unit = ax.get_title(loc="left"), ax.get_ylabel()
            keys = _keys(ax)
            _bare(ax, width, words)
            drawings.append((width, svg(figure, f"{name}-{width}")))
    return Chart(title, unit, keys, tuple(drawings))


def _bare(ax: Axes, width: str, words: bool) -> None:
    """Take from the axes what the page says in words, and fit the ticks to the width."""
    ax.set_title("", loc="left")
    ax.set_ylabel("")
    ax.set_xlabel("")
    legend = ax.get_legend()
    if legend is not None:
        legend.remove()
    if ax.axison:
        canvas.clock(ax, 5 if width == "narrow" else 15)
        ax.grid(axis="x", color=canvas.GRID, linewidth=0.6)
    if words and width == "narrow" and ax.axison:
        # There is no room for names beside the axes, whose margin all charts share: they go above their rows.
        for y, tick in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True):
            ax.text(-0.14, float(y) + 0.24, tick.get_text(), transform=ax.get_yaxis_transform(), fontsize="small")
        ax.set_yticks([])
    elif words and ax.axison:
        labels = [tick.get_text() for tick in ax.get_yticklabels()]
        ax.set_yticks(ax.get_yticks(), [label if len(label) <= 19 else label[:18] + "…" for label in labels])


def _keys(ax: Axes) -> tuple[Key, ...]:
    from matplotlib.colors import to_hex

    found = []
    handles, labels = ax.get_legend_handles_labels()
    for handle, label in zip(handles, labels, strict=True):
        known: Any = handle
        if hasattr(known, "get_facecolor"):
            kind = "hatch" if known.get_hatch() else "area"
            colour = to_hex(known.get_facecolor()[0])
        else:
            colour = to_hex(known.get_color())
            marked = known.get_linestyle() in ("None", "none", "", " ")
            kind = (
                f"mark {MARKS.get(known.get_marker(), 'cross')}"
                if marked
                else "dash"
                if known.get_linestyle() in ("--", "dashed")
                else "line"
            )
        found.append(Key(label, THEMED.get(colour, colour), kind))
    return tuple(found)
