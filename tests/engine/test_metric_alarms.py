"""Users' own alarms and the step policies that they trigger."""

from __future__ import annotations

import pytest
from builders import call
from scaling_rig import alarm, moves, outcomes, rig, states, steps

STEPS = steps(
    "ladder",
    {"metricIntervalLowerBound": 0, "metricIntervalUpperBound": 10, "scalingAdjustment": 1},
    {"metricIntervalLowerBound": 10, "scalingAdjustment": 3},
    cooldown=120,
)


@pytest.mark.rule("SCALE-050", "SCALE-056", "ALARM-015")
@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        pytest.param(85.0, [(780.0, 4, 5), (960.0, 5, 6)], id="a small excess, again after the cooldown"),
        pytest.param(95.0, [(780.0, 4, 7), (960.0, 7, 10)], id="a large excess"),
        pytest.param(80.0, [], id="at the threshold"),
    ],
)
def test_an_alarm_triggers_the_step_policy_that_it_names(cpu: float, expected: list[tuple[float, int, int]]) -> None:
    result = rig(
        lambda minute, running: 40.0 if minute < 10 else cpu,
        scalingPolicies=[STEPS],
        alarms=[alarm("busy", "ladder")],
        duration="17m",
    ).finish()
    assert moves(result) == expected


@pytest.mark.rule("SCALE-050")
def test_an_arn_names_the_policy_too_and_disabled_actions_do_nothing() -> None:
    arn = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:x:resource/ecs/service/prod/web:policyName/ladder"
    for enabled, expected in ((True, [(780.0, 4, 7)]), (False, [])):
        result = rig(
            lambda minute, running: 40.0 if minute < 10 else 95.0,
            scalingPolicies=[STEPS],
            alarms=[alarm("busy", arn, actionsEnabled=enabled)],
            duration="14m",
        ).finish()
        assert moves(result) == expected


@pytest.mark.rule("SCALE-032")
def test_a_step_scale_in_waits_for_a_deployment_too() -> None:
    down = steps("down", {"metricIntervalUpperBound": 0, "scalingAdjustment": -6})
    result = rig(
        lambda minute, running: 40.0 if minute < 10 else 5.0,
        scalingPolicies=[down],
        alarms=[alarm("idle", "down", threshold=10.0, comparisonOperator="LessThanThreshold")],
        timing={"profile": "fixed", "healthyAfterRunning": "3h"},
        timeline=[call("5m", "UpdateService", cluster="prod", service="web", forceNewDeployment=True)],
        duration="14m",
    ).finish()
    assert moves(result) == []
    assert outcomes(result)[0] == (780.0, "Failed", "TargetServicePutResourceAsUnscalable")


@pytest.mark.rule("ALARM-004", "ALARM-005")
def test_a_longer_period_slides_by_the_minute() -> None:
    result = rig(
        lambda minute, running: 40.0 if minute < 20 else 95.0,
        scalingPolicies=[],
        alarms=[alarm("five", period=300), alarm("two of three", evaluationPeriods=3, datapointsToAlarm=2)],
        duration="30m",
    ).finish()
    # The mean of (5 - k) x 40 and k x 95 passes 80 with k = 4: the period that ends with minute 23.
    assert states(result, "five") == [(24 * 60 + 120.0, "OK", "ALARM")]
    assert states(result, "two of three") == [(22 * 60 + 120.0, "OK", "ALARM")]


@pytest.mark.rule("ALARM-007", "ALARM-010", "ALARM-012")
@pytest.mark.parametrize(
    ("treat", "new"),
    [("missing", ["INSUFFICIENT_DATA"]), ("ignore", []), ("breaching", ["ALARM"]), ("notBreaching", [])],
)
def test_alarms_treat_a_metric_that_stops_as_they_were_told(treat: str, new: list[str]) -> None:
    result = rig(
        lambda minute, running: 40.0 if minute < 10 else float("nan"),
        scalingPolicies=[],
        alarms=[alarm("watched", treatMissingData=treat)],
        duration="30m",
    ).finish()
    assert [s[2] for s in states(result, "watched")] == new


@pytest.mark.rule("ALARM-001")
def test_an_edited_alarm_keeps_its_state() -> None:
    sim = rig(lambda minute, running: 90.0, scalingPolicies=[], alarms=[alarm("busy")], duration="20m").to(610.0)
    sim.call("PutMetricAlarm", **alarm("busy", threshold=85.0))
    assert [s[1:] for s in states(sim.finish(), "busy")] == [("OK", "ALARM")]


@pytest.mark.rule("ALARM-027")
def test_the_sample_count_of_a_service_is_its_running_tasks() -> None:
    result = rig(
        lambda minute, running: 40.0,
        scalingPolicies=[],
        alarms=[alarm("many", statistic="SampleCount", threshold=5.0)],
        timeline=[call("10m", "UpdateService", cluster="prod", service="web", desiredCount=6)],
        duration="20m",
    ).finish()
    assert states(result, "many") == [(600.0 + 60 + 120, "OK", "ALARM")]


@pytest.mark.rule("ALARM-020")
def test_a_service_without_tasks_has_no_sample_count() -> None:
    result = rig(
        lambda minute, running: 40.0,
        scalingPolicies=[],
        alarms=[
            alarm("none", statistic="SampleCount", threshold=1.0, comparisonOperator="LessThanThreshold"),
            alarm(
                "gone",
                statistic="SampleCount",
                threshold=1.0,
                comparisonOperator="LessThanThreshold",
                treatMissingData="breaching",
            ),
        ],
        timeline=[call("10m", "UpdateService", cluster="prod", service="web", desiredCount=0)],
        duration="30m",
    ).finish()
    assert [s[1:] for s in states(result, "none")] == [("OK", "INSUFFICIENT_DATA")]
    assert [s[1:] for s in states(result, "gone")] == [("OK", "ALARM")]


@pytest.mark.rule("ALARM-009", "ALARM-010", "ALARM-011", "ALARM-012")
def test_alarms_that_look_far_back_say_the_same_as_those_in_masks() -> None:
    """Both ways of keeping the points are held to each other on the same metric, gaps included."""
    gap = float("nan")
    pattern = [85.0, 85.0, gap, 40.0, 85.0, gap, gap, gap, gap, 85.0]
    treats = ("missing", "ignore", "breaching", "notBreaching")

    def changes(mask_periods: int) -> dict[str, list[tuple[float, str, str]]]:
        sim = rig(
            lambda minute, running: pattern[(minute * 7 + minute // 11) % len(pattern)],
            scalingPolicies=[],
            alarms=[alarm(t, evaluationPeriods=4, datapointsToAlarm=2, treatMissingData=t) for t in treats],
            duration="4h",
        )
        sim.engine.scaling.alarms.mask_periods = mask_periods
        result = sim.finish()
        return {t: states(result, t) for t in treats}

    masks, one_by_one = changes(50), changes(0)
    assert masks == one_by_one
    assert sum(len(found) for found in masks.values()) > 20
