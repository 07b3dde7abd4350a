"""Predictive scaling over time: forecasts in the record, tasks before their hour, bounds, other policies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import Document, call, fargate, run_dict, scenario, task_definition
from scaling_rig import RESOURCE, demand, moves, rig, target, tracking

APP = task_definition(
    networkMode="awsvpc",
    requiresCompatibilities=["FARGATE"],
    cpu="1024",
    memory="2048",
    container={"portMappings": [{"containerPort": 80}]},
)
START = "2026-03-03T00:00:00Z"
#: Two days of history: 150 % of a task's CPU by night, 450 % from 9 to 17.
DAY = [450.0 if 9 <= hour < 17 else 150.0 for hour in range(24)]


def predictive(scales: bool = True, *, history: list[float] | None = None, **more: Any) -> Document:
    pair = {"predefinedMetricPairSpecification": {"predefinedMetricType": "ECSServiceCPUUtilization"}}
    return {
        "resourceId": RESOURCE,
        "policyName": "ahead",
        "policyType": "PredictiveScaling",
        "predictiveScalingPolicyConfiguration": {
            "metricSpecifications": [{"targetValue": 50, **pair}],
            **({"mode": "ForecastAndScale"} if scales else {}),
            **more,
        },
        "loadHistory": [*DAY, *DAY] if history is None else history,
    }


def named(kind: str, **more: Any) -> Document:
    return {"predefinedMetricType": kind, **more}


def day(*policies: Document, **parts: Any) -> Any:
    """A service of 4 tasks from midnight on, at 40 % of CPU whatever happens."""
    defaults: Document = {"start": START, "duration": "12h", "scalingPolicies": list(policies)}
    return rig(lambda minute, running: 40.0, **(defaults | parts)).finish()


@pytest.mark.rule("SCALE-071", "SCALE-072", "SCALE-075")
@pytest.mark.parametrize(
    ("buffer", "t"),
    [({}, 9 * 3600 - 300), ({"schedulingBufferTime": 900}, 9 * 3600 - 900), ({"schedulingBufferTime": 0}, 9 * 3600)],
)
def test_the_tasks_of_an_hour_are_started_ahead_of_it(buffer: Document, t: float) -> None:
    # 450 over 50 are nine tasks.
    assert moves(day(predictive(**buffer))) == [(t, 4, 9)]


@pytest.mark.rule("SCALE-071")
def test_it_never_scales_in() -> None:
    result = day(predictive(), duration="23h")
    assert moves(result) == [(9 * 3600.0 - 300, 4, 9)]
    assert result.service_metrics["desired_count"].iloc[-1] == 9


@pytest.mark.rule("SCALE-070")
def test_by_default_a_forecast_is_only_shown() -> None:
    result = day(predictive(scales=False))
    assert moves(result) == []
    shown = result.capacity_forecasts
    first = shown[shown["t"] == 0.0]
    assert len(first) == 48
    assert first["capacity"].tolist() == [9 if load > 200 else 3 for load in (*DAY, *DAY)]
    # Made anew every six hours.
    assert sorted(set(shown["t"])) == [0.0, 6 * 3600.0, 12 * 3600.0][: len(set(shown["t"]))]
    assert len(set(shown["t"])) >= 2


@pytest.mark.rule("SCALE-070")
def test_without_a_day_of_history_there_is_no_forecast_until_the_run_has_made_one() -> None:
    result = day(predictive(history=[]), duration="26h")
    shown = result.capacity_forecasts
    assert shown["t"].min() == 24 * 3600.0
    # Four tasks at 40 % have been a load of 160.
    assert shown["load"].unique().tolist() == [pytest.approx(160.0)]
    assert set(shown["capacity"]) == {4}


@pytest.mark.rule("SCALE-073")
def test_the_maximum_is_honoured_or_raised_for_the_hour() -> None:
    assert moves(day(predictive(), scalableTargets=[target(1, 6)])) == [(9 * 3600.0 - 300, 4, 6)]
    raising = predictive(maxCapacityBreachBehavior="IncreaseMaxCapacity", maxCapacityBuffer=10)
    assert moves(day(raising, scalableTargets=[target(1, 6)])) == [(9 * 3600.0 - 300, 4, 9)]


@pytest.mark.rule("SCALE-073")
def test_within_the_hour_other_policies_may_use_the_raised_maximum() -> None:
    raising = predictive(maxCapacityBreachBehavior="IncreaseMaxCapacity", maxCapacityBuffer=10)
    busy = demand((0, 160), (9 * 60 + 5, 900))
    parts: Document = {"start": START, "duration": "10h", "scalableTargets": [target(1, 6)]}
    result = rig(busy, scalingPolicies=[raising, tracking()], **parts).finish()
    assert result.service_metrics["desired_count"].max() == 10  # ten percent above nine, rounded up
    assert moves(result)[-1][2] == 10


@pytest.mark.rule("SCALE-071")
def test_the_larger_of_forecast_and_other_policies_holds() -> None:
    """Target tracking would scale in at 10 % of CPU; within an hour it goes no lower than the forecast."""
    parts: Document = {"start": START, "duration": "12h", "scalableTargets": [target(1, 20)]}
    quiet = rig(lambda minute, running: 10.0, scalingPolicies=[predictive(), tracking()], **parts).finish()
    desired = quiet.service_metrics["desired_count"].to_numpy()
    assert desired[8 * 60] == 3  # the forecast of the night
    assert desired[9 * 60 :].min() == 9
    alone = rig(lambda minute, running: 10.0, scalingPolicies=[tracking()], **parts).finish()
    assert alone.service_metrics["desired_count"].to_numpy()[-1] == 1


@pytest.mark.rule("SCALE-076")
def test_a_scheduled_minimum_above_the_forecast_overrides_it_until_it_is_restored() -> None:
    def action(name: str, at: str, minimum: int) -> Document:
        return {
            "scheduledActionName": name,
            "resourceId": RESOURCE,
            "schedule": f"at(2026-03-03T{at}:00)",
            "scalableTargetAction": {"minCapacity": minimum},
        }

    actions = [action("event", "08:00", 15), action("over", "10:00", 1)]
    quiet = rig(
        lambda minute, running: 10.0,
        start=START,
        duration="12h",
        scalableTargets=[target(1, 20)],
        scalingPolicies=[predictive(), tracking()],
        scheduledActions=actions,
    ).finish()
    desired = quiet.service_metrics["desired_count"].to_numpy()
    assert desired[8 * 60 + 2 : 10 * 60].min() == desired[8 * 60 + 2 : 10 * 60].max() == 15
    assert desired[-1] == 9


@pytest.mark.rule("SCALE-074")
@pytest.mark.parametrize(
    ("specification", "load"),
    [
        (
            {"predefinedMetricPairSpecification": {"predefinedMetricType": "ALBRequestCount", "resourceLabel": "web"}},
            600.0,
        ),
        (
            {
                "predefinedLoadMetricSpecification": {
                    "predefinedMetricType": "TotalALBRequestCount",
                    "resourceLabel": "web",
                },
                "predefinedScalingMetricSpecification": {
                    "predefinedMetricType": "ALBRequestCountPerTarget",
                    "resourceLabel": "web",
                },
            },
            600.0,
        ),
        ({"predefinedMetricPairSpecification": {"predefinedMetricType": "ECSServiceCPUUtilization"}}, 100.0),
        ({"predefinedMetricPairSpecification": {"predefinedMetricType": "ECSServiceMemoryUtilization"}}, 50.0),
        (
            {
                "customizedLoadMetricSpecification": {
                    "metricDataQueries": [
                        {
                            "id": "n",
                            "metricStat": {
                                "metric": {
                                    "namespace": "AWS/ECS",
                                    "metricName": "CPUUtilization",
                                    "dimensions": [
                                        {"name": "ClusterName", "value": "prod"},
                                        {"name": "ServiceName", "value": "web"},
                                    ],
                                },
                                "stat": "SampleCount",
                            },
                        }
                    ]
                },
                "customizedScalingMetricSpecification": {"metricDataQueries": [{"id": "e", "expression": "1"}]},
            },
            4.0,
        ),
    ],
    ids=["pair", "load and scaling", "cpu", "memory", "custom"],
)
def test_the_load_is_the_sum_that_the_metric_names(specification: Document, load: float) -> None:
    """Four tasks, 10 requests a second of 0.1 CPU seconds, 256 MiB of 2,048 used when idle."""
    policy = predictive(history=[1000.0] * 23)
    policy["predictiveScalingPolicyConfiguration"]["metricSpecifications"] = [{"targetValue": 50, **specification}]
    document = scenario(
        start=START,
        duration="2h",
        initialState="steady",
        taskDefinitions=[APP],
        behaviour={"app": {"request": {"cpuSeconds": 0.1, "latency": "50ms"}, "idle": {"memory": "256MiB"}}},
        targetGroups=[{"targetGroupName": "web", "targetType": "ip"}],
        services=[
            fargate(count=4, loadBalancers=[{"targetGroupArn": "web", "containerName": "web", "containerPort": 80}])
        ],
        traffic=[{"name": "t", "to": {"targetGroup": "web"}, "pattern": "constant", "rate": 10}],
        scalableTargets=[target()],
        scalingPolicies=[policy],
    )
    shown = run_dict(document).capacity_forecasts
    # The hour that the run itself has measured is the only one of its hour of the day.
    got = shown.loc[(shown["hour_at"] % 86400.0) == 0.0, "load"].iloc[0]
    assert got == pytest.approx(load, rel=0.01)


def test_a_forecast_does_not_scale_while_scaling_out_is_suspended() -> None:
    held = target(suspendedState={"dynamicScalingOutSuspended": True})
    assert moves(day(predictive(), scalableTargets=[held])) == []


def test_a_policy_can_be_put_again_and_deleted() -> None:
    later = predictive(history=[], schedulingBufferTime=600)
    timeline = [
        call("1h", "PutScalingPolicy", **later),
        call("9h30m", "DeleteScalingPolicy", resourceId=RESOURCE, policyName="ahead"),
    ]
    result = day(predictive(), timeline=timeline)
    assert moves(result) == [(9 * 3600.0 - 600, 4, 9)]
    quiet = day(predictive(), tracking(), timeline=timeline[1:], duration="14h")
    assert quiet.service_metrics["desired_count"].iloc[-1] < 9
    assert np.isfinite(quiet.capacity_forecasts["load"]).all()
