"""Capacity units of load balancers: the dimension of which most was used, averaged over the hour."""

from __future__ import annotations

import pytest

from ecssim.decide.capacity_units import (
    LCU,
    LCU_MUTUAL_TLS,
    NLCU,
    Use,
    billed,
    cross_zone,
    evaluations,
    unit_size,
    units,
)
from ecssim.decide.pricing import Dimension

HOUR = 3600
ONE = 10**6


@pytest.mark.rule("COST-025", "LB-048")
@pytest.mark.parametrize(
    ("use", "dimension"),
    [
        (Use(connections=25 * HOUR), Dimension.LCU_NEW_CONNECTIONS),
        (Use(connection_seconds=3000 * HOUR), Dimension.LCU_ACTIVE_CONNECTIONS),
        (Use(bytes=10**9), Dimension.LCU_BYTES),
        (Use(evaluations=1000 * HOUR), Dimension.LCU_RULES),
    ],
)
def test_one_lcu_hour_of_each_dimension(use, dimension):
    assert units(use, LCU)[dimension] == ONE
    assert billed(use, LCU) == (dimension, ONE)


@pytest.mark.rule("COST-025", "LB-048")
def test_the_largest_dimension_is_billed_alone():
    use = Use(connections=25 * HOUR, connection_seconds=6000 * HOUR, bytes=5 * 10**8, evaluations=0)
    assert billed(use, LCU) == (Dimension.LCU_ACTIVE_CONNECTIONS, 2 * ONE)
    assert billed(use, LCU_MUTUAL_TLS) == (Dimension.LCU_ACTIVE_CONNECTIONS, 4 * ONE)
    assert unit_size(network=False, protocol="", mutual_tls=True) is LCU_MUTUAL_TLS
    assert unit_size(network=False, protocol="TLS") is LCU
    assert billed(Use(connections=25 * HOUR), LCU_MUTUAL_TLS) == (Dimension.LCU_NEW_CONNECTIONS, ONE)
    assert billed(Use(evaluations=1000 * HOUR), LCU_MUTUAL_TLS) == (Dimension.LCU_RULES, ONE)
    assert Use() == Use(0, 0, 0, 0)


@pytest.mark.rule("COST-025", "LB-048")
def test_the_first_ten_rules_are_free():
    assert [evaluations(100, rules) for rules in (0, 10, 11, 25)] == [0, 0, 100, 1500]


@pytest.mark.rule("COST-026", "LB-049")
@pytest.mark.parametrize(
    ("protocol", "new", "active"), [("TCP", 800, 100_000), ("UDP", 400, 50_000), ("TLS", 50, 3000)]
)
def test_one_nlcu_hour_by_protocol(protocol, new, active):
    size = unit_size(network=True, protocol=protocol)
    assert size is NLCU[protocol]
    assert billed(Use(connections=new * HOUR), size) == (Dimension.LCU_NEW_CONNECTIONS, ONE)
    assert billed(Use(connection_seconds=active * HOUR), size) == (Dimension.LCU_ACTIVE_CONNECTIONS, ONE)
    assert billed(Use(bytes=10**9), size) == (Dimension.LCU_BYTES, ONE)
    assert Dimension.LCU_RULES not in units(Use(evaluations=10**9), size)


@pytest.mark.rule("COST-023", "COST-044")
def test_a_network_load_balancer_moves_all_but_one_share_between_zones_charged_in_each_direction():
    assert cross_zone(900, 3) == 2 * 600
    assert cross_zone(900, 1) == 0
    assert cross_zone(900, 0) == 0
