"""Streams of requests: patterns over the day, traces to the last request."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.workload.arrivals import BLOCK, Pattern, PatternLoad, TraceLoad


def _rate(pattern: Pattern, t: float) -> float:
    return float(pattern.rates(np.array([t]))[0])


def test_a_diurnal_pattern_peaks_when_it_says_and_is_lowest_twelve_hours_later() -> None:
    pattern = Pattern("diurnal", base=300, peak=1800, peak_at=13 * 3600, midnight=8 * 3600)
    assert _rate(pattern, 5 * 3600) == pytest.approx(1800)
    assert _rate(pattern, 17 * 3600) == pytest.approx(300)


def test_a_weekly_pattern_keeps_its_share_on_saturday_and_sunday() -> None:
    pattern = Pattern("weekly", base=100, peak=100, weekend=0.25, weekday=4)
    assert [_rate(pattern, day * 86400 + 3600) for day in range(4)] == [100, 25, 25, 100]


def test_steps_hold_until_the_next_one() -> None:
    pattern = Pattern("steps", steps=((60, 5), (120, 9)))
    assert [_rate(pattern, t) for t in (0, 60, 119, 120, 1e6)] == [0, 5, 5, 9, 9]


def test_a_spike_goes_up_and_comes_down_over_its_ramp() -> None:
    pattern = Pattern("spike", base=10, peak=110, at=100, lasts=60, ramp=10)
    assert [_rate(pattern, t) for t in (99, 105, 150, 165, 170)] == [10, 60, 110, 60, 10]


def test_noise_never_makes_a_negative_load() -> None:
    load = PatternLoad(Pattern("constant", base=1), 5.0, lambda b: np.full(BLOCK, -1.0))
    assert load.block(0).min() == 0.0


@given(st.lists(st.integers(0, 200_000), min_size=2, max_size=40), st.sampled_from([20.0, 60.0, 300.0, 3600.0]))
def test_a_trace_is_conserved_whatever_its_interval(counts, interval) -> None:
    load = TraceLoad([i * interval for i in range(len(counts))], counts, interval, "zero")
    blocks = int(len(counts) * interval // 3600) + 2
    total = np.concatenate([load.block(b) for b in range(blocks)]).sum()
    assert total == pytest.approx(sum(counts), abs=1e-6)


def test_after_its_end_a_trace_holds_repeats_or_stops() -> None:
    def beyond(after: str) -> list[float]:
        load = TraceLoad([0.0, 60.0], [6, 12], 60.0, after)
        return load.block(0)[:6].tolist()

    assert beyond("zero") == [6, 12, 0, 0, 0, 0]
    assert beyond("hold") == [6, 12, 12, 12, 12, 12]
    assert beyond("repeat") == [6, 12, 6, 12, 6, 12]
