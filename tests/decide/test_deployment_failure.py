"""When a rolling deployment has failed and when it is done: thresholds, stages, looks at alarms, states."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.aws.names import ServiceDeploymentStatus as Status
from ecssim.aws.names import ThresholdType
from ecssim.decide.deployment_failure import counts_as_failure, enough_for_success, next_look, threshold
from ecssim.decide.service_deployment import STOPPABLE, TRANSITIONS, moved
from ecssim.errors import IllegalTransition

BOUNDED, UNBOUNDED, COUNT = ThresholdType.BOUNDED_PERCENT, ThresholdType.UNBOUNDED_PERCENT, ThresholdType.COUNT


@pytest.mark.parametrize(
    ("kind", "value", "desired", "expected"),
    [
        pytest.param(BOUNDED, 50, 25, 13, id="the documented example"),
        pytest.param(BOUNDED, 50, 1, 3, id="at least three"),
        pytest.param(BOUNDED, 50, 6, 3, id="half of six is the least"),
        pytest.param(BOUNDED, 50, 7, 4, id="half of seven is rounded up"),
        pytest.param(BOUNDED, 50, 399, 200, id="half of 399 is the most"),
        pytest.param(BOUNDED, 50, 1000, 200, id="at most two hundred"),
        pytest.param(BOUNDED, 55, 100, 55, id="whole numbers stay whole where floats would not"),
        pytest.param(UNBOUNDED, 50, 1, 1, id="without bounds half of one is one"),
        pytest.param(UNBOUNDED, 1, 50, 1, id="a percent of fifty is rounded up"),
        pytest.param(UNBOUNDED, 50, 1000, 500, id="without bounds half of a thousand"),
        pytest.param(UNBOUNDED, 50, 0, 1, id="at least one where nothing is wanted"),
        pytest.param(COUNT, 7, 1000, 7, id="a number is a number"),
    ],
)
@pytest.mark.rule("DEPLOY-041")
def test_the_threshold_of_the_circuit_breaker(kind: ThresholdType, value: int, desired: int, expected: int) -> None:
    assert threshold(kind, value, desired) == expected


@given(st.sampled_from(list(ThresholdType)), st.integers(1, 100), st.integers(0, 5000))
@pytest.mark.rule("DEPLOY-041")
def test_a_threshold_is_at_least_one_and_grows_with_the_service(kind: ThresholdType, value: int, desired: int) -> None:
    now = threshold(kind, value, desired)
    assert now >= 1
    assert threshold(kind, value, desired + 1) >= now


@pytest.mark.rule("DEPLOY-042")
def test_failed_starts_count_while_nothing_runs_and_failed_health_while_something_does() -> None:
    stages = {
        (running, started): counts_as_failure(running, started=started)
        for running in (0, 1, 9)
        for started in (False, True)
    }
    assert stages == {
        (0, False): True,
        (0, True): False,
        (1, False): False,
        (1, True): True,
        (9, False): False,
        (9, True): True,
    }


@pytest.mark.rule("DEPLOY-052")
def test_a_deployment_looks_at_its_alarms_every_thirty_seconds_from_its_start() -> None:
    looks = [next_look(17.0, now, 30.0) for now in (17.0, 20.0, 46.9, 47.0, 60.0, 120.0)]
    assert looks == [47.0, 47.0, 47.0, 77.0, 77.0, 137.0]


@pytest.mark.parametrize(
    ("desired", "percent", "needed"),
    [
        pytest.param(100, 90, 90, id="the documented example"),
        pytest.param(5, 50, 3, id="rounded up"),
        pytest.param(100, 55, 55, id="whole numbers stay whole"),
        pytest.param(1000, 90, 900, id="of many, too"),
        pytest.param(3, 67, 3, id="a little above two thirds are all three"),
        pytest.param(10, 0, 1, id="at least one"),
        pytest.param(0, 100, 1, id="at least one where nothing is wanted"),
    ],
)
@pytest.mark.rule("DEPLOY-018")
def test_early_success_needs_a_share_of_the_desired_count(desired: int, percent: int, needed: int) -> None:
    assert enough_for_success(needed, desired, percent)
    assert not enough_for_success(needed - 1, desired, percent)


#: DEPLOY-007, written out a second time: by its first letters, the ways from each state.
_WAYS = """
PENDING: IN_PROGRESS ROLLBACK_REQUESTED STOP_REQUESTED STOPPED
IN_PROGRESS: SUCCESSFUL STOP_REQUESTED ROLLBACK_REQUESTED ROLLBACK_IN_PROGRESS STOPPED
STOP_REQUESTED: STOPPED
ROLLBACK_REQUESTED: SUCCESSFUL ROLLBACK_IN_PROGRESS STOPPED
ROLLBACK_IN_PROGRESS: ROLLBACK_SUCCESSFUL ROLLBACK_FAILED
SUCCESSFUL:
STOPPED:
ROLLBACK_SUCCESSFUL:
ROLLBACK_FAILED:
"""


@pytest.mark.rule("DEPLOY-006", "DEPLOY-007")
def test_a_service_deployment_goes_the_documented_ways_and_no_other() -> None:
    ways = {a: set(b.split()) for a, _, b in (line.partition(":") for line in _WAYS.split("\n") if line)}
    assert set(ways) == {s.value for s in Status} == {s.value for s in TRANSITIONS}
    for old, new in itertools.product(Status, Status):
        if new.value in ways[old.value]:
            assert moved("x", old, new) is new
        else:
            with pytest.raises(IllegalTransition, match=old.value):
                moved("x", old, new)


@pytest.mark.rule("DEPLOY-010")
def test_only_a_deployment_that_is_under_way_can_be_stopped() -> None:
    assert {s for s in Status if Status.ROLLBACK_REQUESTED in TRANSITIONS[s]} == set(STOPPABLE)
