"""The arithmetic of Spot reclaims: what a band, a month and a draw come to."""

from __future__ import annotations

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
