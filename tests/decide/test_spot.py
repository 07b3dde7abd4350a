"""The arithmetic of Spot reclaims: what a band, a month and a draw come to."""

from __future__ import annotations

from decimal import Decimal
from math import exp

import pytest

from ecssim.decide import spot


@pytest.mark.rule("SPOT-031")
@pytest.mark.parametrize(("band", "share"), [(0, 0.025), (1, 0.075), (2, 0.125), (3, 0.175), (4, 0.25)])
def test_after_a_month_the_share_of_its_band_has_been_interrupted(band: int, share: float) -> None:
    assert 1.0 - exp(-spot.hazard_of_band(band) * 730.0) == pytest.approx(share)


@pytest.mark.rule("SPOT-006")
def test_the_default_is_band_one_as_interruptions_per_month() -> None:
    assert spot.DEFAULT_PER_MONTH == 0.078


@pytest.mark.rule("SPOT-034")
def test_events_take_two_thirds_on_average_so_that_each_instance_keeps_its_rate() -> None:
    per_hour = spot.reclaims_per_hour(7.3)
    mean = sum(spot.fraction_taken((i + 0.5) / 1000) for i in range(1000)) / 1000
    assert mean == pytest.approx(2 / 3, abs=1e-4)
    assert per_hour * mean == pytest.approx(7.3 / 730.0, rel=1e-3)
    assert (spot.fraction_taken(0.0), spot.fraction_taken(0.25)) == (0.0, 0.5)
    assert spot.RECLAIM_SPREAD == 180.0


def test_waiting_times_have_the_quantiles_of_their_law() -> None:
    assert spot.waiting_time(60.0, 0.0) == 0.0
    assert spot.waiting_time(60.0, 0.5) == pytest.approx(41.589, abs=1e-3)


def test_the_discount_of_a_pool_lies_evenly_between_55_and_75_percent_to_a_tenth() -> None:
    found = [spot.spot_discount(seed, "m5.large", "eu-west-1a") for seed in range(2000)]
    assert min(found) < Decimal("0.551") <= max(found) - Decimal("0.198")
    assert Decimal("0.55") <= min(found) <= max(found) <= Decimal("0.75")
    assert float(sum(found)) / len(found) == pytest.approx(0.65, abs=0.005)
    assert {discount.as_tuple().exponent for discount in found} == {-3}


def test_every_seed_and_pool_has_a_discount_of_its_own_that_never_changes() -> None:
    pools = [(1, "m5.large", "a"), (2, "m5.large", "a"), (1, "c5.large", "a"), (1, "m5.large", "b")]
    found = [spot.spot_discount(*pool) for pool in pools]
    assert len(set(found)) == len(pools)
    assert found == [spot.spot_discount(*pool) for pool in pools]


@pytest.mark.rule("SPOT-037")
def test_a_reclaim_reaches_a_careful_group_only_below_its_factor() -> None:
    assert [spot.reaches(u, 0.7) for u in (0.0, 0.699, 0.7, 0.99)] == [True, True, False, False]


@pytest.mark.rule("SPOT-015")
def test_a_recommendation_comes_early_in_just_the_lower_half_of_the_chances() -> None:
    assert spot.advice_lead(0.4999, 0.5) == pytest.approx(600.0 * 0.6931, abs=0.1)
    assert (spot.advice_lead(0.5, 0.5), spot.advice_lead(0.9, 0.5)) == (0.0, 0.0)
