"""How many nodes an Application Load Balancer wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.load_balancer_nodes import nodes_per_zone


@pytest.mark.rule("NET-036")
@pytest.mark.parametrize(
    ("lcus", "zones", "nodes"),
    [
        pytest.param(0.0, 2, 2, id="two a zone without load"),
        pytest.param(16.0, 2, 2, id="two carry 16 units"),
        pytest.param(16.1, 2, 3, id="a little more takes a third"),
        pytest.param(24.0, 3, 3, id="exactly three times eight"),
        pytest.param(80.0, 3, 10, id="ten a zone"),
        pytest.param(400.0, 2, 50, id="fifty a zone are a hundred"),
        pytest.param(9000.0, 2, 50, id="and never more", marks=pytest.mark.rule("NET-035")),
        pytest.param(9000.0, 3, 33, id="33 a zone over three zones", marks=pytest.mark.rule("NET-035")),
        pytest.param(9000.0, 1, 100, id="all hundred in one zone", marks=pytest.mark.rule("NET-035")),
    ],
)
def test_nodes_per_zone(lcus: float, zones: int, nodes: int) -> None:
    assert nodes_per_zone(lcus, zones) == nodes


@pytest.mark.rule("NET-035", "NET-036")
@given(st.floats(0, 1e6), st.floats(0, 1e6), st.integers(1, 6))
def test_more_load_never_means_fewer_nodes_and_there_are_at_most_a_hundred(a: float, b: float, zones: int) -> None:
    few, many = sorted((a, b))
    assert 2 <= nodes_per_zone(few, zones) <= nodes_per_zone(many, zones)
    assert nodes_per_zone(many, zones) * zones <= 100


def test_a_balancer_without_zones_does_not_divide_by_none() -> None:
    assert nodes_per_zone(8.0, 0) == 2
