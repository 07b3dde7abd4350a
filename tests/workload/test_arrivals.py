"""Streams of requests: patterns over the day, traces to the last request."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.workload.arrivals import (
    BLOCK,
    Burst,
    BurstyLoad,
    Pattern,
    PatternLoad,
    TraceLoad,
    share_until,
)


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


def _quiet(pattern: Pattern) -> PatternLoad:
    return PatternLoad(pattern, 0.0, lambda b: np.zeros(BLOCK))


def _until(load: PatternLoad | BurstyLoad, t: float) -> float:
    """Requests until ``t``, as traffic counts them: whole minutes, and the share of the last one."""
    minute, part = int(t // 60), t % 60 / 60
    loads = load.block(0)
    pieces = load.pieces(0).get(minute, ())
    return float(loads[:minute].sum() + loads[minute] * (share_until(pieces, part) if pieces else part))


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=5, unique=True),
    st.integers(0, 3500),
    st.sampled_from(["steps", "spike", "ramp"]),
)
def test_a_rate_that_changes_within_a_minute_counts_from_its_second_on(times: list[int], t: int, kind: str) -> None:
    """Against adding up every second; in a minute with a bent ramp only whole minutes are exact."""
    lasts = float(times[-1] % 500)
    pattern = {
        "steps": Pattern("steps", steps=tuple((float(at), 3.0 + i) for i, at in enumerate(sorted(times)))),
        "spike": Pattern("spike", base=2, peak=50, at=times[0], lasts=lasts),
        "ramp": Pattern("spike", base=2, peak=50, at=times[0], lasts=max(lasts, 100.0), ramp=90.0),
    }[kind]
    until = t if kind != "ramp" else t // 60 * 60
    exact = float(pattern.rates(np.arange(0.5, until, 1.0)).sum())
    assert _until(_quiet(pattern), until) == pytest.approx(exact)


def test_a_minute_whose_rate_changes_at_its_edge_has_no_pieces_and_is_what_it_was() -> None:
    load = _quiet(Pattern("steps", steps=((0.0, 1 / 3), (600.0, 0.7))))
    assert load.pieces(0) == {}
    assert load.block(0)[9:11].tolist() == [1 / 3 * 60.0, 0.7 * 60.0]


def test_a_burst_begins_and_ends_at_its_second_on_top_of_a_step_in_the_same_minute() -> None:
    load = BurstyLoad(_quiet(Pattern("steps", steps=((0.0, 1.0), (75.0, 2.0)))), [Burst(3.0, 15.0, at=90.0)],
                      lambda n, h: np.zeros(1))  # fmt: skip
    came = [_until(load, t) - _until(load, 60.0) for t in (75.0, 90.0, 105.0, 119.999)]
    whole = float(load.block(0)[1])
    # 15 requests, then 30, then three times 30, then 30: in these shares whatever the minute's load is.
    assert [round(c / whole * 165) for c in came] == [15, 45, 135, 165]
