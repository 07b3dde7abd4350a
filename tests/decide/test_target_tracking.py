"""Target tracking's arithmetic, bounds and cooldowns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.aws.names import NotScaledReason
from ecssim.decide.target_tracking import (
    DEFAULT_COOLDOWN,
    HIGH_PERIODS,
    LOW_PERIODS,
    LOW_PERIODS_FINE,
    LOW_SHARE,
    UNSCALABLE,
    WAIT,
    Capacity,
    Cooldown,
    Decision,
    Vote,
    choose,
    proportional,
    scale_from_zero,
    scale_in,
    scale_out,
)

FREE = Cooldown()
AT_MAX = Decision(None, NotScaledReason.ALREADY_AT_MAX_CAPACITY)
AT_MIN = Decision(None, NotScaledReason.ALREADY_AT_MIN_CAPACITY)
AT_DESIRED = Decision(None, NotScaledReason.ALREADY_AT_DESIRED_CAPACITY)


@pytest.mark.rule("SCALE-020")
@pytest.mark.parametrize(
    ("running", "metric", "target", "expected"),
    [
        pytest.param(10, 75.0, 50.0, 15, id="a whole result"),
        pytest.param(10, 51.0, 50.0, 11, id="an increase is rounded up"),
        pytest.param(10, 41.0, 50.0, 9, id="a decrease is rounded up too"),
        pytest.param(3, 33.3, 11.1, 9, id="decimals that divide evenly stay whole"),
        pytest.param(4, 0.0, 50.0, 0, id="no load needs no task"),
    ],
)
def test_capacity_is_proportional_and_rounded_up(running: int, metric: float, target: float, expected: int) -> None:
    assert proportional(running, metric, target) == expected


def test_the_managed_alarms_and_cooldowns_of_a_policy() -> None:
    assert (HIGH_PERIODS, LOW_PERIODS) == (3, 15), "minutes, all of which must breach"
    assert LOW_PERIODS_FINE * 20 == LOW_PERIODS * 60, "a quarter of an hour, in periods of 20 seconds too"
    assert LOW_SHARE == 0.9
    assert DEFAULT_COOLDOWN == 300.0
    assert Cooldown() == Cooldown(out_until=0.0, in_until=0.0, reached=0), "a new policy waits for nothing"


OUT = {
    "out in proportion": (100.0, Capacity(4, 4, 1, 20), FREE, Decision(8)),
    "the running tasks are the base, not the desired count": (100.0, Capacity(2, 3, 1, 20), FREE, Decision(4)),
    "tasks that are still starting were asked for already": (100.0, Capacity(2, 4, 1, 20), FREE, AT_DESIRED),
    "what is on its way out is not kept by a metric at its target": (50.0, Capacity(6, 4, 1, 20), FREE, AT_DESIRED),
    "nor is the last task by one that is below it": (10.0, Capacity(2, 0, 0, 20), FREE, AT_DESIRED),
    "not beyond the maximum": (100.0, Capacity(8, 8, 1, 10), FREE, Decision(10)),
    "at the maximum": (100.0, Capacity(10, 10, 1, 10), FREE, AT_MAX),
    "below the minimum: first to the minimum": (60.0, Capacity(1, 1, 6, 20), FREE, Decision(6)),
    "below the minimum: on by the policy": (100.0, Capacity(4, 4, 6, 20), FREE, Decision(8)),
    "above the maximum: left alone": (100.0, Capacity(12, 12, 1, 10), FREE, WAIT),
    "in the cooldown: not more of the same": (100.0, Capacity(4, 7, 1, 20), Cooldown(400.0, 0.0, 8), WAIT),
    "in the cooldown: more than that": (100.0, Capacity(6, 8, 1, 20), Cooldown(400.0, 0.0, 8), Decision(12)),
    "in the cooldown: what was added is counted": (
        100.0,
        Capacity(8, 8, 1, 20, before=4),
        Cooldown(400.0, 0.0, 8),
        AT_DESIRED,
    ),
    "in the cooldown: a larger excess than before": (
        150.0,
        Capacity(8, 8, 1, 20, before=4),
        Cooldown(400.0, 0.0, 8),
        Decision(12),
    ),
    "the cooldown has just ended": (75.0, Capacity(8, 10, 1, 20), Cooldown(300.0, 0.0, 12), Decision(12)),
    "after the cooldown": (75.0, Capacity(8, 8, 1, 20), Cooldown(300.0, 0.0, 8), Decision(12)),
    "a scale-in cooldown does not hold a scale-out up": (
        100.0,
        Capacity(4, 4, 1, 20),
        Cooldown(0.0, 400.0, 0),
        Decision(8),
    ),
    "a deployment does not hold a scale-out up": (100.0, Capacity(4, 4, 1, 20, deploying=True), FREE, Decision(8)),
}


@pytest.mark.rule("SCALE-021", "SCALE-023", "SCALE-026", "SCALE-033", "SCALE-041", "SCALE-042")
@pytest.mark.parametrize(("metric", "at", "cooldown", "expected"), OUT.values(), ids=OUT.keys())
def test_a_high_alarm_scales_out(metric: float, at: Capacity, cooldown: Cooldown, expected: Decision) -> None:
    assert scale_out(metric, 50.0, at, cooldown, 300.0) == expected


IN = {
    "in by whole tasks that are certainly not needed": (20.0, Capacity(10, 10, 1, 20), FREE, 0, Decision(4)),
    "not below the minimum": (5.0, Capacity(10, 10, 3, 20), FREE, 0, Decision(3)),
    "at the minimum": (5.0, Capacity(3, 3, 3, 20), FREE, 0, AT_MIN),
    "no whole task can go": (44.0, Capacity(3, 3, 1, 20), FREE, 0, AT_DESIRED),
    "tasks that are still stopping were given up already": (20.0, Capacity(10, 4, 1, 20), FREE, 0, AT_DESIRED),
    "a deployment holds it up": (20.0, Capacity(10, 10, 1, 20, deploying=True), FREE, 0, UNSCALABLE),
    "its cooldown holds it up": (20.0, Capacity(10, 10, 1, 20), Cooldown(0.0, 301.0), 0, WAIT),
    "a scale-out cooldown does not": (20.0, Capacity(10, 10, 1, 20), Cooldown(301.0, 0.0, 10), 0, Decision(4)),
    "its cooldown is over": (20.0, Capacity(10, 10, 1, 20), Cooldown(0.0, 300.0), 0, Decision(4)),
    "above the maximum: first to the maximum": (49.0, Capacity(12, 12, 1, 8), FREE, 0, Decision(8)),
    "above the maximum: on by the policy": (10.0, Capacity(12, 12, 1, 8), FREE, 0, Decision(3)),
    "below the minimum: left alone": (10.0, Capacity(2, 2, 4, 8), FREE, 0, WAIT),
    "at most so many tasks at once": (5.0, Capacity(10, 10, 1, 20), FREE, 2, Decision(8)),
    "to zero, if the minimum is zero and there is no load": (0.0, Capacity(2, 2, 0, 8), FREE, 0, Decision(0)),
}


@pytest.mark.rule(
    "SCALE-020", "SCALE-023", "SCALE-024", "SCALE-026", "SCALE-031", "SCALE-032", "SCALE-033", "SCALE-042"
)
@pytest.mark.parametrize(("metric", "at", "cooldown", "most", "expected"), IN.values(), ids=IN.keys())
def test_a_low_alarm_scales_in(metric: float, at: Capacity, cooldown: Cooldown, most: int, expected: Decision) -> None:
    assert scale_in(metric, 50.0, at, cooldown, 300.0, most) == expected


def test_without_a_limit_any_number_of_tasks_is_removed_at_once() -> None:
    assert scale_in(20.0, 50.0, Capacity(10, 10, 1, 20), FREE, 300.0) == Decision(4)


@pytest.mark.rule("SCALE-030")
@pytest.mark.parametrize(("minimum", "expected"), [(0, 1), (1, 1), (3, 3)])
def test_from_zero_it_starts_the_least_that_is_possible(minimum: int, expected: int) -> None:
    assert scale_from_zero(Capacity(0, 0, minimum, 9), FREE, 0.0) == Decision(expected)


CHOICES = {
    "one policy alone": ([Vote(0, 8, True)], 0, 0),
    "the largest of those that scale out": ([Vote(0, 8, True), Vote(1, 9, True)], 0, 1),
    "out beats in": ([Vote(0, 2, True), Vote(1, 6, True)], 0, 1),
    "the largest of those that scale in": ([Vote(0, 2, True), Vote(1, 3, True)], 0, 1),
    "one that is not ready forbids scaling in": ([Vote(0, 2, True)], 1, None),
    "it forbids no scaling out": ([Vote(0, 8, True)], 1, 0),
    "it forbids no step policy to scale in": ([Vote(0, 2, True), Vote(1, 3, False)], 1, 1),
    "one that is ready and needs all tasks keeps them": ([Vote(0, 2, True), Vote(1, 5, True)], 0, None),
    "nobody asks": ([], 0, None),
    "one that wants just what there is scales neither way": ([Vote(0, 5, True), Vote(1, 3, False)], 1, 1),
}


@pytest.mark.rule("SCALE-027", "SCALE-028")
@pytest.mark.parametrize(("votes", "unready", "winner"), CHOICES.values(), ids=CHOICES.keys())
def test_the_largest_capacity_wins(votes: list[Vote], unready: int, winner: int | None) -> None:
    chosen = choose(votes, 5, unready)
    assert (chosen.policy if chosen is not None else None) == winner


COUNT = st.integers(0, 60)
CAPACITY = st.builds(
    lambda running, desired, low, span, deploying: Capacity(running, desired, low, low + span, deploying),
    COUNT,
    COUNT,
    st.integers(0, 20),
    st.integers(0, 40),
    st.booleans(),
)
COOLDOWN = st.builds(Cooldown, st.sampled_from([0.0, 500.0]), st.sampled_from([0.0, 500.0]), COUNT)


@pytest.mark.rule("SCALE-023", "SCALE-026")
@given(st.floats(0.0, 1e6), st.floats(0.01, 1e4), CAPACITY, COOLDOWN)
def test_alarms_never_turn_the_direction_round_nor_leave_the_bounds(
    metric: float, target: float, at: Capacity, cooldown: Cooldown
) -> None:
    out, inward = scale_out(metric, target, at, cooldown, 300.0), scale_in(metric, target, at, cooldown, 300.0)
    for decision in (out, inward):
        assert decision.to is None or at.minimum <= decision.to <= at.maximum
    assert out.to is None or out.to > at.desired
    assert inward.to is None or inward.to < at.desired
