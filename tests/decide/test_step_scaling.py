"""Step scaling: which step, how much of it, and from which base."""

from __future__ import annotations

import pytest

from ecssim.aws.names import AdjustmentType as Kind
from ecssim.decide.step_scaling import Step, Steps, adjusted, scale_by_steps, step_at
from ecssim.decide.target_tracking import WAIT, Capacity, Cooldown, Decision

LADDER = (Step(1, 0.0, 10.0), Step(3, 10.0))
BELOW = (Step(-1, -10.0, 0.0), Step(-3, upper=-10.0))


@pytest.mark.rule("SCALE-051")
@pytest.mark.parametrize(
    ("steps", "distance", "expected"),
    [
        pytest.param(LADDER, 0.0, 1, id="a lower bound belongs to its step at or above the threshold"),
        pytest.param(LADDER, 9.99, 1, id="up to the upper bound"),
        pytest.param(LADDER, 10.0, 3, id="an upper bound does not"),
        pytest.param(LADDER, 1e9, 3, id="no upper bound is infinity"),
        pytest.param(LADDER, -1.0, None, id="nothing matches on the other side"),
        pytest.param(BELOW, -10.0, -3, id="below the threshold the upper bound belongs to its step"),
        pytest.param(BELOW, -9.99, -1, id="and the lower one does not"),
    ],
)
def test_the_distance_from_the_threshold_picks_the_step(
    steps: tuple[Step, ...], distance: float, expected: int | None
) -> None:
    step = step_at(steps, distance)
    assert (step.adjustment if step is not None else None) == expected


@pytest.mark.rule("SCALE-053", "SCALE-054", "SCALE-055")
@pytest.mark.parametrize(
    ("kind", "running", "adjustment", "least", "expected"),
    [
        pytest.param(Kind.CHANGE_IN_CAPACITY, 10, 3, 0, 13, id="a change is added"),
        pytest.param(Kind.CHANGE_IN_CAPACITY, 2, -5, 0, 0, id="no less than nothing"),
        pytest.param(Kind.EXACT_CAPACITY, 10, 4, 0, 4, id="an exact capacity is taken as it is"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 10, 25, 0, 12, id="2.5 tasks more are 2"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 10, 5, 0, 11, id="half a task more is one"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 10, -5, 0, 9, id="half a task less is one"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 10, -25, 0, 8, id="2.5 tasks less are 2"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 20, 55, 0, 31, id="55 percent of 20 are 11 to the unit"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 10, 10, 3, 13, id="at least the least magnitude"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 10, -10, 3, 7, id="with the sign of the change"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 0, 50, 3, 0, id="a percentage of nothing is nothing"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 10, 0, 3, 10, id="no percent is no change"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 2, -100, 0, 0, id="all of them"),
        pytest.param(Kind.PERCENT_CHANGE_IN_CAPACITY, 2, -50, 5, 0, id="no less than nothing, whatever the least"),
    ],
)
def test_an_adjustment_changes_the_capacity(
    kind: Kind, running: int, adjustment: int, least: int, expected: int
) -> None:
    assert adjusted(running, Steps(kind, (), least), adjustment) == expected


UP = Steps(Kind.CHANGE_IN_CAPACITY, LADDER)
DOWN = Steps(Kind.CHANGE_IN_CAPACITY, BELOW)
CASES = {
    "a step out": (UP, 85.0, Capacity(4, 4, 1, 20), Cooldown(), Decision(5)),
    "the documented example: 2 added, a step of 3 adds 1 more in the cooldown": (
        UP,
        95.0,
        Capacity(6, 6, 1, 20, before=4),
        Cooldown(500.0, 0.0, 6),
        Decision(7),
    ),
    "the same step again in the cooldown adds nothing": (
        UP,
        85.0,
        Capacity(5, 5, 1, 20, before=4),
        Cooldown(500.0, 0.0, 5),
        Decision(None, "AlreadyAtDesiredCapacity"),
    ),
    "a step in": (DOWN, 60.0, Capacity(6, 6, 1, 20), Cooldown(), Decision(3)),
    "a step in is counted from all running tasks": (
        DOWN,
        75.0,
        Capacity(6, 6, 1, 20, before=4),
        Cooldown(500.0, 0.0, 6),
        Decision(5),
    ),
    "tasks that are still starting do not turn it round": (
        UP,
        85.0,
        Capacity(2, 6, 1, 20),
        Cooldown(),
        Decision(None, "AlreadyAtDesiredCapacity"),
    ),
    "no step matches": (UP, 70.0, Capacity(4, 4, 1, 20), Cooldown(), WAIT),
    "an exact capacity may be less": (
        Steps(Kind.EXACT_CAPACITY, (Step(2, 0.0),)),
        90.0,
        Capacity(6, 6, 1, 20),
        Cooldown(),
        Decision(2),
    ),
}


@pytest.mark.rule("SCALE-041", "SCALE-050", "SCALE-055", "SCALE-056")
@pytest.mark.parametrize(("policy", "metric", "at", "cooldown", "expected"), CASES.values(), ids=CASES.keys())
def test_a_step_policy_decides(
    policy: Steps, metric: float, at: Capacity, cooldown: Cooldown, expected: Decision
) -> None:
    assert scale_by_steps(metric, 80.0, policy, at, cooldown, 300.0) == expected


def test_steps_have_no_least_magnitude_unless_they_say_so() -> None:
    assert Steps(Kind.PERCENT_CHANGE_IN_CAPACITY, ()).least == 0


@pytest.mark.rule("SCALE-026")
def test_a_step_to_what_is_desired_already_moves_nothing_in_either_direction() -> None:
    exact = Steps(Kind.EXACT_CAPACITY, (Step(4, 0.0),))
    # Four are desired, six run and two of them are on their way out.
    assert scale_by_steps(60.0, 50.0, exact, Capacity(6, 4, 1, 20), Cooldown(), 0.0).to is None
    assert scale_by_steps(60.0, 50.0, exact, Capacity(2, 4, 1, 20), Cooldown(), 0.0).to is None
