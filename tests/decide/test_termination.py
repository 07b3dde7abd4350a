"""Who ends when a group shrinks, in which market the next one is bought, and how often Spot is taken back."""

from __future__ import annotations

from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.spot import (
    BANDS,
    DEFAULT_PER_MONTH,
    MEAN_FRACTION,
    fraction_taken,
    hazard_of_band,
    reclaims_per_hour,
    waiting_time,
)
from ecssim.decide.termination import POLICIES, Member, Mix, choose_victims, next_is_spot

M = Member


@pytest.mark.rule("ASG-042")
@pytest.mark.parametrize(
    ("members", "count", "policies", "chosen"),
    [
        pytest.param([M(1, "a", 0), M(2, "b", 0), M(3, "b", 0)], 1, (), (2,), id="the fullest zone first"),
        pytest.param(
            [M(1, "a", 0), M(2, "b", 0), M(3, "b", 0), M(4, "b", 0)],
            3,
            (),
            (2, 3, 1),
            id="zone by zone as they thin out",
        ),
        pytest.param([M(1, "a", 200), M(2, "a", 7100)], 1, (), (1,), id="closest to the next hour of billing"),
        pytest.param(
            [M(2, "a", 200), M(1, "a", 7100)], 1, ("ClosestToNextInstanceHour",), (2,), id="the same by its name"
        ),
        pytest.param(
            [M(1, "a", 100), M(2, "a", 6500), M(3, "a", 100)],
            1,
            ("OldestLaunchConfiguration", "NewestInstance"),
            (2,),
            id="a policy that tells nothing apart leaves the choice to the next one",
        ),
        pytest.param([M(1, "a", 6500), M(2, "a", 100)], 1, ("OldestInstance",), (2,), id="the oldest if asked for"),
        pytest.param([M(1, "a", 100), M(2, "a", 6500)], 1, ("NewestInstance",), (2,), id="the newest if asked for"),
        pytest.param(
            [M(1, "a", 100), M(2, "b", 6500), M(3, "b", 6500)],
            1,
            ("OldestInstance",),
            (2,),
            id="balance comes before any policy",
        ),
        pytest.param(
            [M(2, "a", 0), M(1, "a", 0)], 1, ("OldestLaunchTemplate",), (1,), id="a tie goes to the lowest ordinal"
        ),
        pytest.param([M(1, "a", 0)], 5, (), (1,), id="no more than there are"),
    ],
)
def test_victims(members: list[Member], count: int, policies: tuple[str, ...], chosen: tuple[int, ...]) -> None:
    assert choose_victims(members, count, 7300.0, policies) == chosen


def test_policies_are_spelt_as_ec2_does() -> None:
    assert set(POLICIES) == {
        "Default",
        "OldestInstance",
        "NewestInstance",
        "OldestLaunchConfiguration",
        "OldestLaunchTemplate",
        "ClosestToNextInstanceHour",
        "AllocationStrategy",
    }


def test_a_member_of_which_no_more_is_said_is_on_demand_and_of_the_first_type() -> None:
    assert Member(1, "a", 0.0) == Member(1, "a", 0.0, spot=False, rank=0)


@pytest.mark.rule("ASG-042")
@pytest.mark.parametrize(
    ("members", "mix", "chosen"),
    [
        pytest.param(
            [Member(1, "a", 0.0, rank=3), Member(2, "a", 0.0, spot=True)], Mix(1, 0), 2,
            id="the market that has too many goes before the type that fits least",
        ),
        pytest.param(
            [Member(1, "a", 0.0, rank=1), Member(2, "a", 0.0, rank=2), Member(3, "b", 0.0, spot=True)], Mix(2, 0), 2,
            id="where the fullest zone has none of that market, the type that fits least",
        ),
    ],
)  # fmt: skip
def test_markets_before_types(members: list[Member], mix: Mix, chosen: int) -> None:
    assert choose_victims(members, 1, 0.0, mix=mix) == (chosen,)


def test_ties_may_be_drawn() -> None:
    members = [M(1, "a", 0), M(2, "a", 0)]
    assert choose_victims(members, 1, 60.0, (), {1: 0.9, 2: 0.1}.__getitem__) == (2,)


@pytest.mark.rule("ASG-052")
@pytest.mark.parametrize(
    ("base", "percent", "bought"),
    [
        pytest.param(0, 100, "OOOO", id="all On-Demand by default"),
        pytest.param(0, 0, "SSSS", id="all Spot"),
        pytest.param(2, 0, "OOSSS", id="a base and then Spot"),
        pytest.param(0, 50, "OSOS", id="half and half, On-Demand first"),
        pytest.param(1, 25, "OOSSSOSSS", id="a quarter above the base, rounded up"),
    ],
)
def test_markets(base: int, percent: int, bought: str) -> None:
    got = ""
    for total in range(len(bought)):
        got += "S" if next_is_spot(got.count("O"), total, base, percent) else "O"
    assert got == bought


@given(total=st.integers(0, 300), base=st.integers(0, 20), percent=st.integers(0, 100))
@pytest.mark.rule("ASG-052")
def test_the_on_demand_share_is_exact_within_one(total: int, base: int, percent: int) -> None:
    on_demand = 0
    for n in range(total):
        on_demand += not next_is_spot(on_demand, n, base, percent)
    above = max(0, total - base)
    assert on_demand == min(base, total) + -(-above * percent // 100)


@pytest.mark.rule("SPOT-031")
@pytest.mark.parametrize(
    ("band", "per_hour"),
    [
        pytest.param(0, 3.47e-5, id="under 5 percent"),
        pytest.param(1, 1.07e-4, id="5 to 10 percent"),
        pytest.param(2, 1.83e-4, id="10 to 15 percent"),
        pytest.param(3, 2.64e-4, id="15 to 20 percent"),
        pytest.param(4, 3.94e-4, id="over 20 percent"),
    ],
)
def test_hazards_of_the_bands(band: int, per_hour: float) -> None:
    assert hazard_of_band(band) == pytest.approx(per_hour, rel=0.005)
    assert 1 - exp(-hazard_of_band(band) * 730) == pytest.approx(BANDS[band])


@pytest.mark.rule("SPOT-006", "SPOT-034")
def test_reclaims_keep_the_hazard_of_one_instance() -> None:
    assert reclaims_per_hour(DEFAULT_PER_MONTH) * MEAN_FRACTION == pytest.approx(hazard_of_band(1), rel=0.005)
    shares = [fraction_taken((i + 0.5) / 10_000) for i in range(10_000)]
    assert sum(shares) / len(shares) == pytest.approx(MEAN_FRACTION, abs=1e-4)
    times = [waiting_time(60.0, (i + 0.5) / 10_000) for i in range(10_000)]
    assert sum(times) / len(times) == pytest.approx(60.0, rel=1e-3)
