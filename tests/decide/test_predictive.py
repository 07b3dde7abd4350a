"""Forecasts of load and the tasks for it, as plain functions."""

from __future__ import annotations

import pytest

from ecssim.decide.predictive import AHEAD, EVERY, LEAST_HISTORY, capacity, forecast, limits

MONDAY = 4 * 24 + 14 * 7 * 24  # the hours since 1970-01-01, a Thursday: a Monday at midnight


@pytest.mark.rule("SCALE-070")
def test_a_day_of_history_makes_a_forecast_of_two_days_and_less_makes_none() -> None:
    history = {MONDAY + h: 100.0 + h for h in range(LEAST_HISTORY)}
    expected = forecast(history, MONDAY + 24)
    assert list(expected) == list(range(MONDAY + 24, MONDAY + 24 + AHEAD))
    assert (AHEAD, EVERY) == (48, 6)
    del history[MONDAY + 5]
    assert forecast(history, MONDAY + 24) == {}


@pytest.mark.rule("SCALE-070", "SCALE-075")
def test_an_hour_is_like_the_same_hours_of_the_week_of_the_last_fourteen_days() -> None:
    # Three weeks: 300, then 200, then 100 in each hour of Monday; only the last two weeks count.
    history = {MONDAY + h: 300.0 - 100.0 * (h // 168) for h in range(3 * 168)}
    assert set(forecast(history, MONDAY + 3 * 168).values()) == {150.0}
    # The hour just before those fourteen days is as good as none, the first of them counts.
    first = MONDAY + 3 * 168
    recent = {hour: load for hour, load in history.items() if hour >= first - 14 * 24}
    assert forecast(history, first) == forecast(recent, first) != forecast(recent | {first - 14 * 24: 0.0}, first)
    assert forecast(recent | {first - 14 * 24 - 1: 9e9}, first) == forecast(recent, first)
    # A weekday's hour is not a weekend's: Friday is like last Friday, Saturday like last Saturday.
    days = {MONDAY + h: 10.0 if h % 168 >= 5 * 24 else 90.0 for h in range(168)}
    friday = MONDAY + 168 + 4 * 24
    days |= {MONDAY + 168 + h: 90.0 for h in range(4 * 24)}
    expected = forecast(days, friday)
    assert (expected[friday + 12], expected[friday + 36]) == (90.0, 10.0)


@pytest.mark.rule("SCALE-075")
def test_without_such_an_hour_it_is_like_the_same_hour_of_the_day() -> None:
    history = {MONDAY + h: float(h % 24) + 10 * (h // 24) for h in range(3 * 24)}
    expected = forecast(history, MONDAY + 72)
    assert [expected[MONDAY + 72 + h] for h in (0, 7, 23, 24)] == [10.0, 17.0, 33.0, 10.0]


@pytest.mark.rule("SCALE-075")
@pytest.mark.parametrize(("load", "target", "tasks"), [(0, 50, 0), (100, 50, 2), (101, 50, 3), (99.9, 33.3, 3)])
def test_capacity_is_load_over_target_rounded_up(load: float, target: float, tasks: int) -> None:
    assert capacity(load, target) == tasks


@pytest.mark.rule("SCALE-073")
@pytest.mark.parametrize(
    ("count", "maximum", "buffer", "expected"),
    [
        (50, 40, None, (40, 0)),
        (50, 40, 10, (50, 55)),
        (38, 40, 10, (38, 42)),
        (1000, 40, 10, (1000, 1100)),
        (36, 40, 10, (36, 0)),
        (50, 40, 0, (50, 50)),
        (30, 40, None, (30, 0)),
    ],
)
def test_a_forecast_beyond_the_maximum_is_cut_or_raises_it(
    count: int, maximum: int, buffer: int | None, expected: tuple[int, int]
) -> None:
    assert tuple(limits(count, maximum, buffer)) == expected
