"""What the API refuses of scaling documents whatever the world, and what is refused because it is not modelled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scaling_rig import RESOURCE, alarm, steps, target, tracking

from ecssim.aws.check_scaling import check_scaling_request, group_in
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


WELL = {
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
    "predictive scaling": (
        "PutScalingPolicy",
        {
            "resourceId": RESOURCE,
            "policyName": "p",
            "policyType": "PredictiveScaling",
            "predictiveScalingPolicyConfiguration": {},
        },
        "predictive scaling is not modelled",
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
    "metric math": (
        "PutScalingPolicy",
        _tracking({"customizedMetricSpecification": {"metrics": [{"id": "m"}]}}),
        "metric math is not modelled",
    ),
    "a metric of a queue": (
        "PutScalingPolicy",
        _tracking(
            {
                "customizedMetricSpecification": {
                    "namespace": "AWS/SQS",
                    "metricName": "ApproximateNumberOfMessagesVisible",
                    "statistic": "Average",
                }
            }
        ),
        "of AWS/SQS is not modelled",
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
    "a period of 20 s": ("PutMetricAlarm", alarm("a", period=20), "a period of 20 s is not modelled"),
    "a period that there is not": ("PutMetricAlarm", alarm("a", period=90), "a multiple of 60, got 90"),
    "more datapoints than periods": ("PutMetricAlarm", alarm("a", datapointsToAlarm=2), "at most evaluationPeriods"),
    "more than a day": ("PutMetricAlarm", alarm("a", evaluationPeriods=1441), "at most 86,400 s, got 86,460"),
    "a percentile": ("PutMetricAlarm", alarm("a", extendedStatistic="p99"), "extendedStatistic of an alarm"),
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
    "ALARM-002",
    "ALARM-006",
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
