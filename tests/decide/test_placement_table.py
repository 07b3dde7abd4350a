"""The table of one placement says what ``place`` decided, and what came close."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecssim.decide.placement import RUN_TASK_DEFAULT, SERVICE_DEFAULT, StrategyItem, place
from ecssim.decide.placement_table import Candidate, Filter, Narrowing, placement_table
from ecssim.world.fleet import Fleet
from ecssim.world.requests import InstanceSpec, Request

WEB = 1
TASK = Request(256, 512)
ZONE = "spread(attribute:ecs.availability-zone)"
PACK = (StrategyItem("binpack", "memory"),)
STRATEGIES = (
    SERVICE_DEFAULT,
    RUN_TASK_DEFAULT,
    (),
    PACK,
    (StrategyItem("binpack", "CPU"), StrategyItem("spread", "host")),
    (StrategyItem("spread", "attribute:rack"), StrategyItem("random"), StrategyItem("binpack", "cpu")),
)


def cluster() -> Fleet:
    """Zones a, a, b, b; a task of the group on the first, two of another on the third, the fourth too small."""
    fleet = Fleet()
    for zone, cpu in (("a", 1024), ("a", 1024), ("b", 1024), ("b", 100)):
        fleet.add(InstanceSpec(cpu, 4096, zone=zone))
    fleet.reserve(0, TASK, WEB)
    fleet.reserve(2, TASK, 2)
    fleet.reserve(2, TASK, 2)
    return fleet


def test_filters_count_down_to_those_that_fit() -> None:
    fleet = cluster()
    fleet.set_connected(1, False)
    table = placement_table(fleet, TASK, WEB, SERVICE_DEFAULT)
    assert (table.seen, table.fitting) == (4, 2)
    assert table.filters == (Filter("agent", 1, 3), Filter("cpu", 1, 2))


def test_strategies_narrow_in_order_and_the_runners_up_show_where_they_fell() -> None:
    table = placement_table(cluster(), TASK, WEB, SERVICE_DEFAULT)
    assert table.steps == (Narrowing(ZONE, 2, 1, 0), Narrowing("spread(instanceId)", 0, 1, 0))
    assert table.candidates == (
        Candidate(2, (0, 0), ""),
        Candidate(0, (1, None), ZONE),
        Candidate(1, (1, None), ZONE),
    )


def test_binpack_scores_are_what_is_left_and_the_next_fullest_comes_next() -> None:
    table = placement_table(cluster(), TASK, WEB, PACK)
    assert table.steps == (Narrowing("binpack(memory)", 2, 1, 3072),)
    assert [(c.ordinal, c.scores) for c in table.candidates] == [(2, (3072,)), (0, (3584,)), (1, (4096,))]


def test_a_tie_goes_to_who_registered_first_and_says_so() -> None:
    fleet = cluster()
    fleet.reserve(1, TASK, WEB)
    table = placement_table(fleet, TASK, WEB, (StrategyItem("spread", "attribute:rack"),))
    assert table.steps[-1] == Narrowing("tieBreak ordinal", 2, 1)
    assert table.candidates[:2] == (Candidate(0, (2,), ""), Candidate(1, (2,), "tieBreak ordinal"))


def test_random_looks_at_nothing_after_the_draw() -> None:
    table = placement_table(cluster(), TASK, WEB, RUN_TASK_DEFAULT, 0.99)
    assert table.steps == (Narrowing("random", 2, 1),)
    assert table.chosen == 2
    assert all(not candidate.scores for candidate in table.candidates)


def test_as_many_runners_up_as_asked_for() -> None:
    for most in range(4):
        table = placement_table(cluster(), TASK, WEB, PACK, runners_up=most)
        assert len(table.candidates) == 1 + min(most, 2)


def test_four_runners_up_unless_told_otherwise() -> None:
    fleet = Fleet()
    for _ in range(9):
        fleet.add(InstanceSpec(1024, 4096))
    assert [c.ordinal for c in placement_table(fleet, TASK, WEB, PACK).candidates] == [0, 1, 2, 3, 4]


def test_runners_up_of_several_steps_are_as_many_as_asked_for_together() -> None:
    fleet = cluster()
    fleet.add(InstanceSpec(1024, 4096, zone="a"))
    table = placement_table(fleet, TASK, WEB, (*SERVICE_DEFAULT, *PACK), runners_up=2)
    assert [c.ordinal for c in table.candidates] == [2, 0, 1]
    wide = placement_table(fleet, TASK, WEB, (StrategyItem("spread", "instanceId"), *PACK), runners_up=3)
    assert [(c.ordinal, c.scores) for c in wide.candidates] == [
        (2, (0, 3072)), (1, (0, 4096)), (4, (0, 4096)), (0, (1, None)),
    ]  # fmt: skip


def test_the_first_of_a_random_choice_without_a_draw() -> None:
    assert placement_table(cluster(), TASK, WEB, (), tie="random").chosen == 0


def test_where_nothing_fits_there_are_filters_only() -> None:
    table = placement_table(cluster(), Request(9999, 1), WEB, SERVICE_DEFAULT)
    assert (table.filters, table.steps, table.candidates, table.chosen) == ((Filter("cpu", 4, 0),), (), (), -1)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), strategy=st.sampled_from(STRATEGIES), tie=st.sampled_from(("ordinal", "random")))
def test_it_is_the_decision_of_place(seed: int, strategy: tuple[StrategyItem, ...], tie: str) -> None:
    luck = random.Random(seed)
    fleet = Fleet()
    for _ in range(luck.randrange(1, 8)):
        attributes = {"rack": luck.choice("xy")} if luck.random() < 0.7 else {}
        fleet.add(
            InstanceSpec(luck.randrange(200, 2000), luck.randrange(400, 4000), 0, 2, luck.choice("ab"), attributes)
        )
    for _ in range(12):
        u = luck.random()
        group = luck.choice((1, 2))
        table = placement_table(fleet, TASK, group, strategy, u, tie, runners_up=99)
        verdict = place(fleet, TASK, group, strategy, u, tie)
        assert table.chosen == verdict.ordinal
        assert table.fitting == verdict.rejections.fitting
        assert table.seen == table.fitting + sum(step.dropped for step in table.filters)
        if verdict.ordinal < 0:
            break
        assert len(table.candidates) == table.fitting, "with room for all, every candidate is shown once"
        assert {c.ordinal for c in table.candidates} == set(fleet.ordinals(verdict.rejections.candidates))
        assert table.fitting - sum(step.dropped for step in table.steps) == 1 or len(table.candidates) == 1
        fleet.reserve(verdict.ordinal, TASK, group)


@pytest.mark.parametrize("field", ["cpu", "CPU", "memory", "MEMORY"])
def test_a_resource_may_be_written_large_or_small(field: str) -> None:
    table = placement_table(cluster(), TASK, WEB, (StrategyItem("binpack", field),))
    assert table.candidates[0].scores == ((512,) if field.lower() == "cpu" else (3072,))
