"""A Fargate service whose metrics a test makes up, under a target-tracking policy of 50 % CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from builders import Document, Sim, fargate, scenario, task_definition

from ecssim.results.result import Result

RESOURCE = "service/prod/web"
APP = task_definition(
    networkMode="awsvpc",
    requiresCompatibilities=["FARGATE"],
    container={"portMappings": [{"containerPort": 80}]},
)

#: A made-up metric: from the minute and the running tasks of that minute's end to a value, NaN for no data.
Metric = Callable[[int, float], float]
Move = tuple[float, int, int]


def target(minimum: int = 1, maximum: int = 20, **more: Any) -> Document:
    return {"resourceId": RESOURCE, "minCapacity": minimum, "maxCapacity": maximum, **more}


def tracking(name: str = "cpu50", value: float = 50.0, metric: str = "CPU", **more: Any) -> Document:
    """A target-tracking policy on average CPU or Memory."""
    return {
        "resourceId": RESOURCE,
        "policyName": name,
        "policyType": "TargetTrackingScaling",
        "targetTrackingScalingPolicyConfiguration": {
            "targetValue": value,
            "predefinedMetricSpecification": {"predefinedMetricType": f"ECSServiceAverage{metric}Utilization"},
            **more,
        },
    }


def steps(name: str, *adjustments: Document, kind: str = "ChangeInCapacity", **more: Any) -> Document:
    return {
        "resourceId": RESOURCE,
        "policyName": name,
        "policyType": "StepScaling",
        "stepScalingPolicyConfiguration": {
            "adjustmentType": kind,
            "stepAdjustments": list(adjustments),
            **more,
        },
    }


def alarm(name: str, action: str | None = None, **more: Any) -> Document:
    base = {
        "alarmName": name,
        "namespace": "AWS/ECS",
        "metricName": "CPUUtilization",
        "statistic": "Average",
        "dimensions": [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "web"}],
        "period": 60,
        "evaluationPeriods": 1,
        "threshold": 80.0,
        "comparisonOperator": "GreaterThanThreshold",
        "alarmActions": [action] if action is not None else [],
    }
    return base | more


def rig(cpu: Metric, *, count: int = 4, memory: Metric | None = None, **parts: Any) -> Sim:
    """A steady service of ``count`` tasks with made-up metrics; ``parts`` replace sections of the scenario."""
    defaults: Document = {
        "duration": "2h",
        "initialState": "steady",
        "taskDefinitions": [APP],
        "services": [fargate(count=count)],
        "scalableTargets": [target()],
        "scalingPolicies": [tracking()],
    }
    sim = Sim(scenario(**(defaults | parts)))
    metrics = sim.engine.metrics
    publish = metrics.publish

    def made_up() -> None:
        publish()
        running = metrics.latest["running_count"]
        for column, metric in (("cpu_utilization", cpu), ("memory_utilization", memory)):
            if metric is not None:
                values = [metric(metrics.minute, float(n)) for n in running]
                metrics.latest[column] = np.array(values)

    metrics.publish = made_up
    return sim


def demand(*changes: tuple[int, float]) -> Metric:
    """CPU percent of a load that the running tasks share: ``(from minute, load)``, 100 % of a task at most."""

    def cpu(minute: int, running: float) -> float:
        load = [value for begin, value in changes if minute >= begin][-1]
        return min(100.0, load / running) if running else float("nan")

    return cpu


def moves(result: Result) -> list[Move]:
    """``(t, from, to)`` of every activity that changed the desired count."""
    rows = result.scaling_activities
    rows = rows[rows["from_count"] != rows["to_count"]]
    return list(zip(rows["t"].round(3), rows["from_count"], rows["to_count"], strict=True))


def outcomes(result: Result) -> list[tuple[float, str, str | None]]:
    """``(t, status, reason)`` of every row of the activities."""
    rows = result.scaling_activities
    reasons = [r if isinstance(r, str) else None for r in rows["not_scaled_reason"].astype(object)]
    return list(zip(rows["t"].round(3), rows["status_code"].astype(str), reasons, strict=True))


def states(result: Result, name: str) -> list[tuple[float, str, str]]:
    """``(t, old, new)`` of the alarms whose name contains ``name``."""
    rows = result.alarms
    rows = rows[rows["alarm_name"].astype(str).str.contains(name, regex=False)]
    return list(zip(rows["t"].round(3), rows["old_state"].astype(str), rows["new_state"].astype(str), strict=True))
