"""Predictive scaling: the load of the coming hours from that of the past ones, and the tasks that it takes.

AWS's own forecast is not public. This one is explainable: an hour is expected to be like the same hour of the week
before, as the mean over the history there is, else like the same hour of the day (SCALE-075). Hours are counted from
1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final, NamedTuple

#: Hours of history that a forecast needs at least, and looks at at most (SCALE-070).
LEAST_HISTORY: Final = 24
MOST_HISTORY: Final = 14 * 24
#: Hours that a forecast is about, and hours until the next is made (SCALE-070).
AHEAD: Final = 48
EVERY: Final = 6
#: Seconds before an hour at which its tasks are started, unless the policy says otherwise (SCALE-072).
BUFFER: Final = 300.0
DAY: Final = 24
WEEK: Final = 7 * 24


class Limits(NamedTuple):
    """What an hour's forecast asks for: a count, and the maximum that holds in this hour (0: the target's own)."""

    tasks: int
    ceiling: int


def forecast(history: Mapping[int, float], first: int) -> dict[int, float]:
    """Return the expected load of the hours from ``first`` on; nothing without a day of history."""
    recent = {h: load for h, load in history.items() if first - MOST_HISTORY <= h < first}
    if len(recent) < LEAST_HISTORY:
        return {}
    by_week: dict[int, list[float]] = {}
    by_day: dict[int, list[float]] = {}
    for hour, load in sorted(recent.items()):
        by_week.setdefault(hour % WEEK, []).append(load)
        by_day.setdefault(hour % DAY, []).append(load)
    expected = {}
    for hour in range(first, first + AHEAD):
        like = by_week.get(hour % WEEK) or by_day.get(hour % DAY)
        if like:
            expected[hour] = sum(like) / len(like)
    return expected


def capacity(load: float, target: float) -> int:
    """Return the tasks at which each has ``target`` of the load (SCALE-075)."""
    return ceil(round(load / target, 9))


def limits(count: int, maximum: int, buffer: int | None) -> Limits:
    """Clamp a forecast to the maximum, or raise the maximum for its hour (SCALE-073).

    ``buffer`` is None to honour the maximum, else percent of the forecast: 10 % above a forecast of 50 make 55,
    whatever the maximum of 40 says. It is raised where the forecast with its buffer is above it.
    """
    if buffer is None:
        return Limits(min(count, maximum), 0)
    raised = -(-count * (100 + buffer) // 100)
    return Limits(count, raised) if raised > maximum else Limits(count, 0)
