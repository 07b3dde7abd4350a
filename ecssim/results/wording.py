"""How findings and explanations say times, durations and counts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import isnan

_PLAIN_STEP = re.compile(r"[^.\[\]=\s\"'+]+")


def duration(seconds: float) -> str:
    """A time span as people say it: ``2h00m11s``, ``4m05s``, ``12.5s``."""
    if seconds < 60:
        return f"{seconds:.1f}s".replace(".0s", "s")
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    if not hours:
        return f"{minutes}m{left:02d}s"
    days, hours = divmod(hours, 24)
    short = f"{hours}h{minutes:02d}m{left:02d}s"
    return f"{days}d{short}" if days else short


def later(seconds: float) -> str:
    """When something came after something else: ``4m05s later``; ``at once`` where that would be no time at all."""
    text = duration(seconds)
    return "at once" if text == "0s" else f"{text} later"


def moment(start: datetime, t: float) -> str:
    """A time of the run on both clocks: ``2h00m11s (09:00:11Z)``, with the date after the first day."""
    # Rounded like the duration beside it, so that the two clocks agree.
    clock = start + timedelta(seconds=round(t))
    form = "%H:%M:%SZ" if clock.date() == start.date() else "%Y-%m-%d %H:%M:%SZ"
    return f"{duration(t)} ({clock.strftime(form)})"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 task``, ``1,200 tasks``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(items: Sequence[str], most: int = 3) -> str:
    """Items as words: ``a, b and c``; more than ``most`` are counted."""
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def path(*steps: str) -> str:
    """A path of the ``--set`` grammar; names with dots and other marks are quoted (``["a.b"]``)."""
    text = ""
    for step in steps:
        if _PLAIN_STEP.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += '["' + step.replace("\\", "\\\\").replace('"', '\\"') + '"]'
    return text


def options(settings: Sequence[tuple[str, object]]) -> str:
    """Paths and values as the text to put behind ``ecssim run SCENARIO``, quoted for a shell."""
    return " ".join(f"--set {shlex.quote(f'{where}={value}')}" for where, value in settings)


def sized(number: float) -> float:
    """A float as a summary shows it: six significant digits, so that it reads well and compares exactly."""
    return float(f"{number:.6g}")


def figure(number: float) -> float | None:
    """The same, and null where the number is not known: JSON has no NaN."""
    return sized(number) if not isnan(number) else None
