"""Prices that fall with a month's quantity, over a run that is a part of one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.tiers import GB, PB, month_part, split_by_tier

MONTH = Decimal(1)


@pytest.mark.rule("COST-046")
def test_a_month_has_730_hours():
    assert month_part(730) == 1
    assert month_part(2000) == 1
    assert month_part(73) == Decimal("0.1")


def test_a_gb_has_a_thousand_million_bytes_and_a_pb_a_million_gb():
    assert (GB, PB) == (1_000_000_000, 1_000_000_000_000_000)


def test_nothing_and_a_single_byte_have_their_tiers():
    assert list(split_by_tier("internetEgressGb", 0, 0, MONTH)) == []
    assert list(split_by_tier("internetEgressGb", 100 * GB - 1, 2, MONTH)) == [("", 1), ("internetEgressGb", 1)]


@pytest.mark.rule("COST-024")
def test_the_first_100_gb_of_egress_are_free_in_proportion_to_the_run():
    def egress(before: int, quantity: int, part: Decimal) -> list[tuple[str, int]]:
        return list(split_by_tier("internetEgressGb", before, quantity, part))

    assert egress(0, 150 * GB, MONTH) == [("", 100 * GB), ("internetEgressGb", 50 * GB)]
    assert egress(99 * GB, 2 * GB, MONTH) == [("", GB), ("internetEgressGb", GB)]
    assert egress(100 * GB, 2 * GB, MONTH) == [("internetEgressGb", 2 * GB)]
    assert egress(0, 20 * GB, Decimal("0.1")) == [("", 10 * GB), ("internetEgressGb", 10 * GB)]


@pytest.mark.rule("COST-021")
def test_an_endpoint_is_cheaper_beyond_a_petabyte_and_again_beyond_five():
    found = list(split_by_tier("vpcEndpointGb", 0, 7 * PB, MONTH))
    assert found == [("vpcEndpointGb", PB), ("vpcEndpointGbNext", 4 * PB), ("vpcEndpointGbBeyond", 2 * PB)]


@given(
    st.sampled_from(["internetEgressGb", "vpcEndpointGb", "natGatewayGb"]), st.lists(st.integers(0, 3 * PB), max_size=6)
)
def test_tiers_give_out_all_and_do_not_depend_on_the_cut(sku, parts):
    whole: dict[str, int] = {}
    for price, got in split_by_tier(sku, 0, sum(parts), MONTH):
        whole[price] = whole.get(price, 0) + got
    cut: dict[str, int] = {}
    before = 0
    for quantity in parts:
        for price, got in split_by_tier(sku, before, quantity, MONTH):
            if got:
                cut[price] = cut.get(price, 0) + got
        before += quantity
    assert {k: v for k, v in whole.items() if v} == cut
