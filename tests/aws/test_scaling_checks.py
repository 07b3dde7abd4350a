"""What the API refuses of scaling documents whatever the world, and what is refused because it is not modelled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scaling_rig import RESOURCE, alarm, steps, target, tracking

from ecssim.aws.check_metrics import group_in
from ecssim.aws.check_scaling import check_scaling_request
from ecssim.aws.requests import REQUESTS

UP = {"metricIntervalLowerBound": 0, "scalingAdjustment": 1}


def _said(action: str, document: dict[str, Any]) -> list[str]:
    parsed: Any = REQUESTS[action].model_validate_json(json.dumps(document))
    return [refusal.message for refusal in check_scaling_request(parsed)]


def _tracking(specification: dict[str, Any], **more: Any) -> dict[str, Any]:
    policy = tracking()
    policy["targetTrackingScalingPolicyConfiguration"] = {"targetValue": 50, **specification, **more}
    return policy


def _step(lower: float | None, upper: float | None, change: int = 1) -> dict[str, Any]:
    bounds = {"metricIntervalLowerBound": lower, "metricIntervalUpperBound": upper}
    return {k: v for k, v in bounds.items() if v is not None} | {"scalingAdjustment": change}


def _alb(**more: Any) -> dict[str, Any]:
    return {"predefinedMetricSpecification": {"predefinedMetricType": "ALBRequestCountPerTarget", **more}}


PAIR = {
    "targetValue": 50,
    "predefinedMetricPairSpecification": {"predefinedMetricType": "ECSServiceCPUUtilization"},
}


def predictive(**more: Any) -> dict[str, Any]:
    return {
        "resourceId": RESOURCE,
        "policyName": "p",
        "policyType": "PredictiveScaling",
        "predictiveScalingPolicyConfiguration": {"metricSpecifications": [PAIR], **more},
    }


def _named(kind: str, metric: str) -> dict[str, Any]:
    return {f"predefinedMetric{kind}Specification": {"predefinedMetricType": metric}}


def _m(key: str, period: int | None = None, **more: Any) -> dict[str, Any]:
    metric = {"namespace": "AWS/ECS", "metricName": "CPUUtilization", "dimensions": []}
    stat = {"metric": metric, "stat": "Average"} | ({} if period is None else {"period": period})
    return {"id": key, "metricStat": stat, **more}


def _math(*queries: dict[str, Any]) -> dict[str, Any]:
    return _tracking({"customizedMetricSpecification": {"metrics": list(queries)}})


def _math_alarm(*queries: dict[str, Any]) -> dict[str, Any]:
    return {
        "alarmName": "a",
        "metrics": list(queries),
        "evaluationPeriods": 1,
        "threshold": 1,
        "comparisonOperator": "GreaterThanThreshold",
    }


WELL = {
    "a predictive policy": ("PutScalingPolicy", predictive(schedulingBufferTime=3599)),
    "load and scaling metric one by one": (
        "PutScalingPolicy",
        predictive(
            metricSpecifications=[
                {
                    "targetValue": 50,
                    "predefinedLoadMetricSpecification": {"predefinedMetricType": "ECSServiceTotalCPUUtilization"},
                    "predefinedScalingMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
                }
            ]
        ),
    ),
    "a maximum that is raised": (
        "PutScalingPolicy",
        predictive(maxCapacityBreachBehavior="IncreaseMaxCapacity", maxCapacityBuffer=0),
    ),
    "metric math": (
        "PutScalingPolicy",
        _math(_m("a", returnData=False), _m("b", returnData=False), {"id": "e", "expression": "a / b"}),
    ),
    "an alarm on ten metrics": (
        "PutMetricAlarm",
        _math_alarm(*(_m(f"m{i}", period=60, returnData=i == 0) for i in range(10))),
    ),
    "a period of 20 s": ("PutMetricAlarm", alarm("a", period=20)),
    "a target": ("RegisterScalableTarget", target()),
    "a target-tracking policy": ("PutScalingPolicy", tracking()),
    "a label as the API has it": (
        "PutScalingPolicy",
        _tracking(_alb(resourceLabel="app/public/1/targetgroup/tg/2")),
    ),
    "a bare target group as label": ("PutScalingPolicy", _tracking(_alb(resourceLabel="tg"))),
    "a step policy": ("PutScalingPolicy", steps("s", _step(0, 10), _step(10, None))),
    "steps on both sides": ("PutScalingPolicy", steps("s", _step(None, -10), _step(-10, 0), _step(0, None))),
    "an alarm": ("PutMetricAlarm", alarm("a")),
    "a day of minutes": ("PutMetricAlarm", alarm("a", evaluationPeriods=1440)),
}


@pytest.mark.parametrize(("action", "document"), WELL.values(), ids=WELL.keys())
def test_what_is_well_is_taken(action: str, document: dict[str, Any]) -> None:
    assert _said(action, document) == []


REFUSED = {
    "bounds the wrong way round": (
        "RegisterScalableTarget",
        target(3, 2),
        "minCapacity 3 is more than maxCapacity 2",
    ),
    "a policy without its configuration": (
        "PutScalingPolicy",
        {"resourceId": RESOURCE, "policyName": "p", "policyType": "StepScaling"},
        "policy type StepScaling needs stepScalingPolicyConfiguration",
    ),
    "a forecast of two metrics": (
        "PutScalingPolicy",
        predictive(metricSpecifications=[PAIR, PAIR]),
        "one metric specification a policy, got 2",
    ),
    "a forecast of nothing": (
        "PutScalingPolicy",
        predictive(metricSpecifications=[{"targetValue": 50}]),
        "give a metric pair, or one load metric and one scaling metric",
    ),
    "a scaling metric as a pair": (
        "PutScalingPolicy",
        predictive(metricSpecifications=[PAIR | _named("Pair", "ECSServiceAverageCPUUtilization")]),
        "predefinedMetricType is one of ECSServiceCPUUtilization",
    ),
    "requests of no group": (
        "PutScalingPolicy",
        predictive(metricSpecifications=[PAIR | _named("Pair", "ALBRequestCount")]),
        "ALBRequestCount needs resourceLabel",
    ),
    "an hour of buffer": ("PutScalingPolicy", predictive(schedulingBufferTime=3600), "is less than 3600"),
    "a buffer without a raised maximum": ("PutScalingPolicy", predictive(maxCapacityBuffer=10), "goes with"),
    "a raised maximum without its buffer": (
        "PutScalingPolicy",
        predictive(maxCapacityBreachBehavior="IncreaseMaxCapacity"),
        "maxCapacityBuffer goes with",
    ),
    "a history of no forecast": (
        "PutScalingPolicy",
        tracking() | {"loadHistory": [1.0]},
        "only predictive scaling looks at loadHistory",
    ),
    "no metric": ("PutScalingPolicy", _tracking({}), "give one of predefinedMetricSpecification"),
    "a target of nothing": ("PutScalingPolicy", tracking(value=0.0), "targetValue must be more than 0"),
    "requests per target of no group": ("PutScalingPolicy", _tracking(_alb()), "needs resourceLabel"),
    "a label for CPU": (
        "PutScalingPolicy",
        _tracking(
            {
                "predefinedMetricSpecification": {
                    "predefinedMetricType": "ECSServiceAverageCPUUtilization",
                    "resourceLabel": "tg",
                }
            }
        ),
        "takes no resourceLabel",
    ),
    "a metric of ECS that there is not": (
        "PutScalingPolicy",
        _tracking(
            {
                "customizedMetricSpecification": {
                    "namespace": "AWS/ECS",
                    "metricName": "DiskUtilization",
                    "statistic": "Average",
                }
            }
        ),
        "of AWS/ECS is not modelled",
    ),
    "math that returns nothing": ("PutScalingPolicy", _math(_m("a", returnData=False)), "exactly one query returns"),
    "math that returns two": ("PutScalingPolicy", _math(_m("a"), _m("b")), "exactly one query returns"),
    "math with a twin": ("PutScalingPolicy", _math(_m("a"), _m("a", returnData=False)), "the same id"),
    "math of an id that is not there": ("PutScalingPolicy", _math({"id": "e", "expression": "b * 2"}), "the id b"),
    "math of itself": ("PutScalingPolicy", _math({"id": "e", "expression": "e + 1"}), "an expression uses itself"),
    "math that cannot be read": ("PutScalingPolicy", _math({"id": "e", "expression": "1 +"}), "ends too early"),
    "a function that is not modelled": (
        "PutScalingPolicy",
        _math({"id": "e", "expression": "ANOMALY_DETECTION_BAND(1)"}),
        "ANOMALY_DETECTION_BAND is not modelled",
    ),
    "a query that is neither": ("PutScalingPolicy", _math({"id": "e"}), "give one of expression, metricStat"),
    "an alarm on eleven metrics": (
        "PutMetricAlarm",
        _math_alarm(*(_m(f"m{i}", returnData=i == 0) for i in range(11))),
        "at most 10 metrics",
    ),
    "an alarm on metrics of two periods": (
        "PutMetricAlarm",
        _math_alarm(_m("a", period=60), _m("b", period=120, returnData=False)),
        "have the same period",
    ),
    "a gap between steps": ("PutScalingPolicy", steps("s", _step(0, 5), _step(6, None)), "leave a gap"),
    "steps that overlap": ("PutScalingPolicy", steps("s", _step(0, 7), _step(6, None)), "must not overlap"),
    "a step without bounds": ("PutScalingPolicy", steps("s", _step(None, None)), "a step needs metricInterval"),
    "a step backwards": ("PutScalingPolicy", steps("s", _step(5, 1)), "must be more than metricIntervalLower"),
    "two steps to infinity": ("PutScalingPolicy", steps("s", _step(0, None), _step(5, None)), "at most one step"),
    "nothing below a negative bound": (
        "PutScalingPolicy",
        steps("s", _step(-5, 0)),
        "a negative lower bound needs a step without a lower bound",
    ),
    "nothing above a positive bound": (
        "PutScalingPolicy",
        steps("s", _step(0, 5)),
        "a positive upper bound needs a step without an upper bound",
    ),
    "21 steps": (
        "PutScalingPolicy",
        steps("s", *(_step(n, n + 1) for n in range(20)), _step(20, None)),
        "1 to 20 steps, got 21",
    ),
    "fewer than no tasks": (
        "PutScalingPolicy",
        steps("s", _step(0, None, -1), kind="ExactCapacity"),
        "an exact capacity is not negative",
    ),
    "an aggregation that there is not": (
        "PutScalingPolicy",
        steps("s", UP, metricAggregationType="Median"),
        "Average, Minimum or Maximum, not Median",
    ),
    "no schedule": (
        "PutScheduledAction",
        {
            "resourceId": RESOURCE,
            "scheduledActionName": "a",
            "schedule": "at(tomorrow)",
            "scalableTargetAction": {"minCapacity": 1},
        },
        "expected at(yyyy",
    ),
    "an action without effect": (
        "PutScheduledAction",
        {"resourceId": RESOURCE, "scheduledActionName": "a", "schedule": "rate(1 hour)"},
        "needs scalableTargetAction",
    ),
    "a period of 20 s of a load balancer": (
        "PutMetricAlarm",
        alarm("a", period=20, namespace="AWS/ApplicationELB", metricName="RequestCount"),
        "a period of 20 s is not modelled",
    ),
    "a period of 10 s": ("PutMetricAlarm", alarm("a", period=10), "a period of 10 s is not modelled"),
    "a period that there is not": ("PutMetricAlarm", alarm("a", period=90), "a multiple of 60, got 90"),
    "more datapoints than periods": ("PutMetricAlarm", alarm("a", datapointsToAlarm=2), "at most evaluationPeriods"),
    "more than a day": ("PutMetricAlarm", alarm("a", evaluationPeriods=1441), "at most 86,400 s, got 86,460"),
    "a percentile of CPU": (
        "PutMetricAlarm",
        alarm("a", statistic=None, extendedStatistic="p99"),
        "p99 of CPUUtilization is not modelled",
    ),
    "two statistics": ("PutMetricAlarm", alarm("a", extendedStatistic="p99"), "give one of statistic"),
    "a percentile that is none": (
        "PutMetricAlarm",
        alarm("a", statistic=None, extendedStatistic="p101"),
        "a percentile is p0.0 to p100",
    ),
    "low samples neither way": (
        "PutMetricAlarm",
        alarm("a", evaluateLowSampleCountPercentile="skip"),
        "is evaluate or ignore",
    ),
    "anomaly detection": (
        "PutMetricAlarm",
        alarm("a", comparisonOperator="GreaterThanUpperThreshold"),
        "anomaly detection is not modelled",
    ),
    "an alarm without a threshold": ("PutMetricAlarm", alarm("a", threshold=None), "an alarm needs"),
    "an alarm without a statistic": ("PutMetricAlarm", alarm("a", statistic=None), "needs a statistic"),
}


@pytest.mark.rule(
    "SCALE-001",
    "SCALE-002",
    "SCALE-004",
    "SCALE-006",
    "SCALE-052",
    "SCALE-055",
    "SCALE-060",
    "SCALE-062",
    "SCALE-072",
    "SCALE-073",
    "SCALE-074",
    "ALARM-002",
    "ALARM-006",
    "ALARM-016",
)
@pytest.mark.parametrize(("action", "document", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_says_why(action: str, document: dict[str, Any], said: str) -> None:
    assert any(said in message for message in _said(action, document))


@pytest.mark.rule("SCALE-004")
@pytest.mark.parametrize(
    ("label", "group"),
    [
        ("app/lb/50dc6c495c0c9188/targetgroup/tg/943f017f100becff", "tg"),
        ("targetgroup/tg/943f017f100becff", "tg"),
        ("tg", "tg"),
        ("app/lb/50dc6c495c0c9188", None),
        ("", None),
    ],
)
def test_the_target_group_of_a_label(label: str, group: str | None) -> None:
    assert group_in(label) == group
