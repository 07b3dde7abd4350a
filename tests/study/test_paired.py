"""Paired differences against figures that can be checked by hand, and what must hold for any numbers."""

from __future__ import annotations

from math import isnan, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.study.paired import difference, estimate

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 3))
NAN = float("nan")


def test_a_t_interval_is_the_one_of_the_book():
    # Differences 1, 2, 3, 4, 5: mean 3, standard deviation sqrt(2.5), t(0.975; 4) = 2.776445.
    found = difference([0, 0, 0, 0, 0], [1, 2, 3, 4, 5], 0.95, "t")
    half = 2.776445 * sqrt(2.5) / sqrt(5)
    assert (found.mean, found.pairs) == (3.0, 5)
    assert found.low == pytest.approx(3 - half, abs=1e-6)
    assert found.high == pytest.approx(3 + half, abs=1e-6)
    assert found.clear


def test_pairing_takes_all_the_variance_of_a_constant_difference():
    found = difference([1, 5, 9], [3, 7, 11], 0.95, "t")
    assert (found.mean, found.low, found.high) == (2.0, 2.0, 2.0)
    assert found.variance_reduction == 1.0


def test_pairing_gives_nothing_where_only_one_side_varies():
    assert difference([4, 4, 4], [1, 2, 9], 0.95, "t").variance_reduction == 0.0


def test_pairing_of_opposites_makes_it_worse():
    # var a = var b = 1, the difference 2, 0, -2 has variance 4: 1 - 4 / 2.
    assert difference([-1, 0, 1], [1, 0, -1], 0.95, "t").variance_reduction == -1.0


@pytest.mark.parametrize("interval", ["t", "bootstrap"])
@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        pytest.param([1.0], [2.0], 1, id="one seed"),
        pytest.param([1.0, NAN], [2.0, 3.0], 1, id="one of two without a number"),
        pytest.param([NAN, 1.0], [2.0, NAN], 0, id="no seed with both"),
    ],
)
def test_what_cannot_be_told_has_no_interval_and_is_not_clear(first, second, pairs, interval):
    found = difference(first, second, 0.95, interval)
    assert found.pairs == pairs
    assert isnan(found.low)
    assert isnan(found.high)
    assert isnan(found.variance_reduction)
    assert not found.clear


@pytest.mark.parametrize("interval", ["t", "bootstrap"])
def test_an_interval_that_holds_zero_is_not_clear(interval):
    found = difference([0, 0, 0, 0], [-3, 2, 4, -2], 0.95, interval)
    assert found.low < 0 < found.high
    assert not found.clear


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=12), st.sampled_from(["t", "bootstrap"]))
def test_a_difference_turned_round_is_the_same_with_the_other_sign(pairs, interval):
    a, b = zip(*pairs, strict=True)
    there, back = difference(a, b, 0.9, interval), difference(b, a, 0.9, interval)
    scale = 1e-9 * max(1.0, *map(abs, a), *map(abs, b))
    assert there.mean == pytest.approx(-back.mean, abs=scale)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=scale, rel=1e-6)
    assert there.low - scale <= there.mean <= there.high + scale


@given(st.lists(NUMBERS, min_size=2, max_size=12))
def test_a_narrower_confidence_has_a_narrower_interval_and_luck_repeats_itself(values):
    wide, narrow = estimate(values, 0.99, "t"), estimate(values, 0.5, "t")
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert estimate(values, 0.95, "bootstrap") == estimate(values, 0.95, "bootstrap")
