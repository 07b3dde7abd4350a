"""Allocation strategies, zones and hooks of Auto Scaling groups: plain tables."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ecssim.decide.allocation import (
    ON_DEMAND_STRATEGIES,
    SPOT_STRATEGIES,
    Offer,
    beyond_maximum,
    on_demand_order,
    spot_order,
    zone_order,
    zone_to_relieve,
)
from ecssim.decide.lifecycle_hooks import DEFAULT_TIMEOUT, Hook, Wait, wait_of
from ecssim.decide.spot import (
    BANDS,
    HOURS_PER_MONTH,
    advice_lead,
    hazard_factor,
    hazard_of_band,
    reaches,
    reclaims_per_hour,
)
from ecssim.decide.termination import Member, Mix, choose_victims
from ecssim.world.group_rules import WarmPoolRules

#: In the order of the list: dear and deep, cheap and shallow, in between, and cheap with the worst band.
OFFERS = (
    Offer(0, Decimal(9), band=1, depth=0.9),
    Offer(1, Decimal(3), band=1, depth=0.1),
    Offer(2, Decimal(5), band=1, depth=0.8),
    Offer(3, Decimal(2), band=3, depth=0.99),
)


def test_strategies_are_spelt_as_ec2_does() -> None:
    assert ON_DEMAND_STRATEGIES == ("prioritized", "lowest-price")
    careful = ("capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized")
    assert ("lowest-price", *careful) == SPOT_STRATEGIES


def test_an_offer_of_which_no_more_is_said_is_free_and_of_the_ordinary_band() -> None:
    assert Offer(3) == Offer(3, price=Decimal(0), band=1, depth=0.0, held=0, at_risk=False)


@pytest.mark.rule("ASG-052")
@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        pytest.param("prioritized", (0, 1, 2, 3), id="the order of the list"),
        pytest.param("lowest-price", (3, 1, 2, 0), id="the order of the price"),
    ],
)
def test_on_demand_types(strategy: str, order: tuple[int, ...]) -> None:
    assert on_demand_order(reversed(OFFERS), strategy) == order


@pytest.mark.rule("ASG-052")
@pytest.mark.parametrize(
    ("strategy", "pools", "order"),
    [
        pytest.param("lowest-price", 2, (3, 1, 2, 0), id="the two cheapest, then by price"),
        pytest.param("capacity-optimized", 2, (0, 2, 1, 3), id="the deepest of the best band"),
        pytest.param("capacity-optimized-prioritized", 2, (0, 1, 2, 3), id="the list within a band"),
        pytest.param("price-capacity-optimized", 2, (2, 0, 1, 3), id="the cheapest of the deeper half"),
    ],
)
def test_spot_pools(strategy: str, pools: int, order: tuple[int, ...]) -> None:
    assert spot_order(OFFERS, strategy, pools) == order


@pytest.mark.rule("ASG-052")
def test_lowest_price_divides_evenly_over_so_many_pools() -> None:
    held = dict.fromkeys(range(4), 0)
    for _ in range(6):
        offers = [o._replace(held=held[o.position]) for o in OFFERS]
        held[spot_order(offers, "lowest-price", 3)[0]] += 1
    assert held == {0: 0, 1: 2, 2: 2, 3: 2}
    assert spot_order([o._replace(held=9) for o in OFFERS[:2]], "lowest-price", 1)[0] == 1


def test_unless_told_otherwise_the_two_cheapest_pools_are_filled_evenly() -> None:
    held = [o._replace(held=2 if o.position == 3 else 1) for o in OFFERS]
    assert spot_order(held, "lowest-price") == (1, 3, 2, 0)


def test_the_deeper_half_of_an_odd_number_of_pools_has_the_middle_one_too() -> None:
    assert spot_order(OFFERS[:3], "price-capacity-optimized") == (2, 0, 1)


@pytest.mark.parametrize("strategy", SPOT_STRATEGIES[1:])
def test_careful_strategies_leave_a_pool_at_risk_to_the_end_and_the_cheap_one_does_not_look(strategy: str) -> None:
    offers = [o._replace(at_risk=o.position in (0, 3)) for o in OFFERS]
    assert set(spot_order(offers, strategy)[2:]) == {0, 3}
    assert spot_order(offers, "lowest-price")[0] == 3


@pytest.mark.rule("ASG-050")
def test_the_zone_with_the_fewest_first_and_only_it_if_balanced_only() -> None:
    counts = {"a": 2, "b": 1, "c": 1}
    assert zone_order(["a", "b", "c"], counts) == ("b", "c", "a")
    assert zone_order(["a", "b", "c"], counts, balanced_only=True) == ("b",)
    assert zone_order(["a", "b"], {"a": 1}) == ("b", "a"), "a zone that nobody has counted is empty"


@pytest.mark.rule("ASG-051")
@pytest.mark.parametrize(
    ("counts", "given_up", "zone"),
    [
        pytest.param({"a": 3, "b": 2}, (), None, id="one more is balanced"),
        pytest.param({"a": 3, "b": 1}, (), "a", id="two more are not"),
        pytest.param({"a": 2}, (), "a", id="an empty zone counts"),
        pytest.param({"a": 1, "b": 1, "c": 0}, ("c", "d"), None, id="zones that were given up are empty already"),
        pytest.param({"a": 1, "b": 1, "c": 1}, ("c",), "c", id="a zone that was given up is emptied"),
    ],
)
def test_which_zone_to_leave(counts: dict[str, int], given_up: tuple[str, ...], zone: str | None) -> None:
    assert zone_to_relieve(["a", "b"], counts, given_up) == zone


@pytest.mark.rule("ASG-051", "SPOT-014")
@pytest.mark.parametrize(("most", "beyond"), [(0, 1), (5, 6), (10, 11), (19, 20), (20, 22), (100, 110)])
def test_a_tenth_beyond_the_maximum_and_one_at_least(most: int, beyond: int) -> None:
    assert beyond_maximum(most) == beyond


# -- who goes -------------------------------------------------------------------------------------------------


@pytest.mark.rule("ASG-042")
def test_a_mixed_group_keeps_its_mix_and_its_best_pools() -> None:
    members = [
        Member(0, "a", 0.0, spot=False),
        Member(1, "a", 0.0, spot=False),
        Member(2, "a", 0.0, spot=True, rank=0),
        Member(3, "a", 0.0, spot=True, rank=2),
        Member(4, "a", 0.0, spot=True, rank=1),
    ]
    # One On-Demand of four: the second is too many, then Spot, those that fit the strategy least.
    assert choose_victims(members, 4, 0.0, mix=Mix(1, 0)) == (0, 3, 4, 2)
    # Half of them On-Demand: of five there may be three, so Spot goes first.
    assert choose_victims(members, 1, 0.0, mix=Mix(0, 50)) == (3,)
    # The policy by name, after one that comes before it.
    assert choose_victims(members, 1, 0.0, ("OldestInstance", "AllocationStrategy"), mix=Mix(5, 0)) == (3,)


@pytest.mark.rule("ASG-042")
def test_the_balance_of_zones_precedes_the_mix() -> None:
    members = [Member(0, "a", 0.0, spot=True, rank=5), Member(1, "b", 0.0, spot=True), Member(2, "b", 0.0, spot=False)]
    assert choose_victims(members, 1, 0.0, mix=Mix(9, 0)) == (1,)


# -- hooks ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("ASG-046")
@pytest.mark.parametrize(
    ("hooks", "wait"),
    [
        pytest.param([], Wait(0.0, False), id="none"),
        pytest.param([(True, 60.0, False), (True, 90.0, False)], Wait(90.0, False), id="side by side"),
        pytest.param([(True, 60.0, True), (True, 90.0, False)], Wait(60.0, True), id="one that abandons"),
        pytest.param([(True, 90.0, True), (True, 60.0, True)], Wait(60.0, True), id="the first that abandons"),
        pytest.param([(False, 60.0, True)], Wait(0.0, False), id="of the other transition"),
    ],
)
def test_how_long_hooks_hold(hooks: list[tuple[bool, float, bool]], wait: Wait) -> None:
    assert wait_of([Hook(str(n), *h) for n, h in enumerate(hooks)], launching=True) == wait
    assert DEFAULT_TIMEOUT == 3600.0


@pytest.mark.rule("ASG-056")
@pytest.mark.parametrize(
    ("prepared", "minimum", "desired", "size"),
    [
        pytest.param(None, 0, 6, 4, id="the rule's own example: desired 6 of at most 10"),
        pytest.param(8, 0, 6, 2, id="a prepared capacity of 8"),
        pytest.param(5, 0, 6, 0, id="more in service than are prepared"),
        pytest.param(5, 3, 6, 3, id="but never fewer than the minimum"),
    ],
)
def test_size_of_a_warm_pool(prepared: int | None, minimum: int, desired: int, size: int) -> None:
    assert WarmPoolRules(prepared, minimum).wanted(desired, 10) == size


# -- Spot -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("SPOT-030")
def test_five_bands_each_a_share_of_a_month() -> None:
    edges = [0.0, 0.05, 0.10, 0.15, 0.20, 1.0]
    assert [low < share < high for share, low, high in zip(BANDS, edges[:-1], edges[1:], strict=True)] == [True] * 5
    with pytest.raises(IndexError):
        hazard_of_band(5)


@pytest.mark.rule("SPOT-032")
def test_under_five_percent_a_month_are_interrupted_in_the_best_band() -> None:
    """A fleet of the best band: its expected share of interrupted instances in a month, by the pool model."""
    per_month = hazard_of_band(0) * HOURS_PER_MONTH
    events = reclaims_per_hour(per_month) * HOURS_PER_MONTH
    # Each event takes two thirds on average; an instance survives a month with exp(-events x 2/3).
    share = 1.0 - 2.718281828459045 ** (-events * 2.0 / 3.0)
    assert share == pytest.approx(0.025)
    assert share < 0.05


@pytest.mark.rule("SPOT-037")
@pytest.mark.parametrize(
    ("strategy", "factor"),
    [
        ("lowest-price", 1.5),
        ("capacity-optimized", 0.7),
        ("capacity-optimized-prioritized", 0.7),
        ("price-capacity-optimized", 0.7),
        ("", 1.0),
    ],
)
def test_what_a_strategy_does_to_the_hazard(strategy: str, factor: float) -> None:
    assert hazard_factor(strategy) == factor
    hit = sum(reaches(n / 1000, min(1.0, factor)) for n in range(1000))
    assert hit == 1000 * min(1.0, factor)


@pytest.mark.rule("SPOT-015")
def test_half_of_the_recommendations_are_early_by_ten_minutes_on_average() -> None:
    grid = [(i + 0.5) / 400 for i in range(400)]
    leads = [advice_lead(chance, u) for chance in grid for u in grid]
    early = [lead for lead in leads if lead > 0.0]
    assert len(early) == len(leads) / 2
    assert sum(early) / len(early) == pytest.approx(600.0, rel=0.01)
