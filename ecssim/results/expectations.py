"""Whether what a scenario expects did hold (design section 5, ``expect``).

A metric is a series of values with the time for which each was true. State (counts of tasks, addresses) is
looked at over *instants*, rates over *minutes*: a running count that fell for two seconds has fallen. Without
``statistic`` the bound must hold for every value; with ``share`` for that part of the time; with ``per`` in
each period of that length (or in that share of the periods).

Running and pending counts are rebuilt from the task events; the lowest free and the highest used addresses of
each minute were recorded as such; a healthy count is the lower one of what the tasks' own times say and what
the minute rows say, which also know of tasks that run and are unhealthy.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ecssim.errors import BadInput, Problem
from ecssim.results.expected_series import Series, series_of
from ecssim.scenario.expect import METRICS, Expectation
from ecssim.scenario.timeline import seconds_of

if TYPE_CHECKING:
    from ecssim.results.result import Result

#: A sum of whole minutes may differ from the bound by rounding only.
_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one expectation: ``observed`` is the statistic, None if there were no values.

    ``text`` is one line for people; ``at`` the time in seconds of the value that broke the bound first.
    """

    metric: str
    of: str | None
    held: bool
    observed: float | None
    expected: str
    at: float | None
    text: str


def evaluate(result: Result, expectations: Sequence[Expectation]) -> list[Verdict]:
    """Judge every expectation by the recorded metrics.

    :raises BadInput: for a metric that does not exist, with the nearest name.
    """
    return [_judge(result, expectation) for expectation in expectations]


def _judge(result: Result, wanted: Expectation) -> Verdict:
    if wanted.metric not in METRICS:
        near = difflib.get_close_matches(wanted.metric, METRICS, n=1, cutoff=0.0)[0]
        message = f"there is no metric {wanted.metric!r}; did you mean {near}?"
        raise BadInput([Problem("expect", 0, 0, message)])
    start, end = _window(result, wanted)
    lowest = wanted.at_least is not None
    series = series_of(result, wanted.metric, wanted.of, lowest=lowest).between(start, end)
    expected = _expected(wanted)
    if not len(series):
        return _verdict(wanted, False, None, expected, None, "was never published in that time")
    periods = _periods(series, wanted, start, end)
    if wanted.statistic is None:
        held, observed, at = _every_value(periods, wanted)
    else:
        held, observed, at = _statistic(periods, wanted)
    return _verdict(wanted, held, observed, expected, at, f"was {_number(observed)}")


def _window(result: Result, wanted: Expectation) -> tuple[float, float]:
    start, end = 0.0, float("inf")
    if wanted.after is not None:
        start = max(start, seconds_of(wanted.after, result.start))
    if wanted.before is not None:
        end = min(end, seconds_of(wanted.before, result.start))
    if wanted.during is not None:
        start = max(start, seconds_of(wanted.during[0], result.start))
        end = min(end, seconds_of(wanted.during[1], result.start))
    return start, end


def _periods(series: Series, wanted: Expectation, start: float, end: float) -> list[Series]:
    if not wanted.per:
        return [series]
    last = min(end, float(series.t[-1] + series.weight[-1]))
    count = max(1, int(np.ceil((last - start) / wanted.per - _TOLERANCE)))
    cut = [series.between(start + i * wanted.per, start + (i + 1) * wanted.per) for i in range(count)]
    return [period for period in cut if len(period)]


def _holds(values: np.ndarray, wanted: Expectation) -> np.ndarray:
    good = np.ones(len(values), bool)
    if wanted.at_least is not None:
        good &= values >= wanted.at_least - _TOLERANCE
    if wanted.at_most is not None:
        good &= values <= wanted.at_most + _TOLERANCE
    return good


def _worst(values: np.ndarray, wanted: Expectation) -> int:
    """The position of the value furthest beyond a bound, or nearest to it from inside."""
    slack = np.full(len(values), np.inf)
    if wanted.at_least is not None:
        slack = np.minimum(slack, values - wanted.at_least)
    if wanted.at_most is not None:
        slack = np.minimum(slack, wanted.at_most - values)
    return int(np.argmin(slack))


def _every_value(periods: Sequence[Series], wanted: Expectation) -> tuple[bool, float, float | None]:
    """The bound on every value, or for a share of the time, in each period."""
    share = 1.0 if wanted.share is None else wanted.share
    held = True
    values = np.concatenate([period.value for period in periods])
    times = np.concatenate([period.t for period in periods])
    for period in periods:
        good = _holds(period.value, wanted)
        total = float(period.weight.sum())
        part = float(period.weight[good].sum()) / total if total > 0.0 else float(good.all())
        # With the whole time asked for, a value that lasted no time at all breaks the bound too.
        held &= bool(good.all()) if share >= 1.0 else part >= share - _TOLERANCE
    worst = _worst(values, wanted)
    broken = ~_holds(values, wanted)
    at = float(times[int(np.argmax(broken))]) if not held and broken.any() else None
    return held, float(values[worst]), at


def _statistic(periods: Sequence[Series], wanted: Expectation) -> tuple[bool, float, float | None]:
    """The bound on a statistic of each period, or of a share of the periods."""
    found = np.array([period.statistic(str(wanted.statistic)) for period in periods])
    good = _holds(found, wanted)
    share = 1.0 if wanted.share is None else wanted.share
    held = float(good.mean()) >= share - _TOLERANCE
    worst = _worst(found, wanted)
    at: float | None = None
    if not held:
        broken = periods[int(np.argmax(~good))]
        if wanted.statistic in ("min", "max"):
            outside = ~_holds(broken.value, wanted)
            at = float(broken.t[int(np.argmax(outside))])
        else:
            at = float(broken.t[0])
    return held, float(found[worst]), at


def _expected(wanted: Expectation) -> str:
    parts = []
    if wanted.at_least is not None:
        parts.append(f"at least {_number(wanted.at_least)}")
    if wanted.at_most is not None:
        parts.append(f"at most {_number(wanted.at_most)}")
    text = " and ".join(parts)
    if wanted.share is not None:
        text += f" for {wanted.share:.6g} of the {'periods' if wanted.per else 'time'}"
    if wanted.per:
        text += f" in each {_number(wanted.per)} s"
    for word, moment in (("after", wanted.after), ("before", wanted.before)):
        if moment is not None:
            text += f" {word} {moment}"
    if wanted.during is not None:
        text += f" from {wanted.during[0]} to {wanted.during[1]}"
    return text


def _verdict(
    wanted: Expectation, held: bool, observed: float | None, expected: str, at: float | None, found: str
) -> Verdict:
    name = f"{wanted.metric} of {wanted.of}" if wanted.of is not None else wanted.metric
    statistic = f"{wanted.statistic} of {name}" if wanted.statistic is not None else name
    when = f" (first at {_number(at)} s)" if at is not None else ""
    word = "held" if held else "FAILED"
    text = f"{word}: {statistic} {found}, expected {expected}{when}"
    return Verdict(wanted.metric, wanted.of, held, observed, expected, at, text)


def _number(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"
