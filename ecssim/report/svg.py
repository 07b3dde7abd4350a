"""From a figure to inline SVG that is small, takes the page's colours and is the same bytes each time."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

from ecssim.report import canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PATH: Final = re.compile(r'(?<= d=")M [^"]*(?=")')
_ID: Final = re.compile(r' id="([^"]*)"')
_REFERENCE: Final = re.compile(r'#([A-Za-z0-9_-]+)[")]')
_FONT: Final = re.compile(r"font: (?:[a-z0-9]+ )*?(\d+(?:\.\d+)?)px [^;\"]*")
_PLAIN: Final = re.compile(r"^[ML0-9eE .z+\-\s]*$")

#: Colours that follow the page, light or dark.
THEMED: Final = {
    canvas.INK: "currentColor",
    "#000000": "currentColor",
    canvas.GRID: "var(--grid)",
    canvas.ALARM.lower(): "var(--problem)",
}


def svg(figure: Figure, salt: str) -> str:
    """The figure as an ``<svg>`` element; ``salt`` keeps its ids apart from those of others on the page."""
    from matplotlib import rc_context

    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": f"ecssim-{salt}", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style type.*?</style>|<!--.*?-->", "", text, flags=re.S)
    text = _PATH.sub(lambda found: shorter(found.group()), text)
    used = set(_REFERENCE.findall(text))
    text = _ID.sub(lambda found: found.group() if found.group(1) in used else "", text)
    text = _FONT.sub(r"font-size: \1px", text)
    for fixed, themed in THEMED.items():
        text = text.replace(fixed, themed)
    text = re.sub(r' (?:width|height)="[0-9.]+pt"| xmlns:xlink="[^"]*"| version="1.1"', "", text, count=4)
    # Text that says no colour would be black, also on a dark page.
    text = text.replace("<svg ", '<svg fill="currentColor" role="img" ', 1)
    return re.sub(r"\n\s*", "\n", text).strip()


def shorter(path: str) -> str:
    """A path of straight lines with a decimal a pixel and relative steps; others (arcs, curves) as they are."""
    if not _PLAIN.match(path):
        return re.sub(r"(\d+\.\d)\d+", r"\1", path)
    out: list[str] = []
    x = y = 0
    run: list[int] = [0, 0]  # the step that is not written yet
    for part in re.findall(r"[MLz][^MLz]*", path):
        if part[0] == "z":
            out.append(_step(run))
            run = [0, 0]
            out.append("z")
            continue
        numbers = [round(float(number) * 10.0) for number in part[1:].split()]
        if part[0] == "M":
            out.append(_step(run))
            run = [0, 0]
            x, y = numbers
            out.append(f"M{_tenth(x)} {_tenth(y)}")
            continue
        for to_x, to_y in zip(numbers[::2], numbers[1::2], strict=True):
            step = [to_x - x, to_y - y]
            x, y = to_x, to_y
            # Steps that go on in one direction along an axis are one step.
            along = next((i for i in (0, 1) if step[1 - i] == 0 and run[1 - i] == 0), None)
            if along is not None and step[along] * run[along] >= 0:
                run[along] += step[along]
                continue
            out.append(_step(run))
            run = step
    out.append(_step(run))
    return "".join(out)


def _step(step: list[int]) -> str:
    if step[0] == 0 == step[1]:
        return ""
    if step[1] == 0:
        return f"h{_tenth(step[0])}"
    if step[0] == 0:
        return f"v{_tenth(step[1])}"
    return f"l{_tenth(step[0])} {_tenth(step[1])}"


def _tenth(value: int) -> str:
    whole, rest = divmod(abs(value), 10)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"
