"""A step of load on a service: how long until scaling out is triggered, and until the new tasks run.

    python -m benchmarks.load_step

AWS has measured the same with metrics of 60 and of 20 seconds (SCALE-014): 363 s and 86 s to the trigger, 386 s and
109 s until the new tasks run. The delays of the metrics are set by the first of these figures (SCALE-015), so this is
a calibration and no proof; what was not fitted is which policy is sooner than which. The step comes at any second of
a minute; it goes from a tenth of the target to a tenth above it, so that the minute in which it comes does not count.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks.measure import Row, row

SEEDS = {"small": 20, "full": 100}
#: Seconds that AWS has measured, by resolution: to the trigger, and until the new tasks run.
MEASURED = {60: (363.0, 386.0), 20: (86.0, 109.0)}
RESOURCE = "service/prod/web"
TASKS = 10
TARGET = 50.0
#: Requests a second of a task at one percent of CPU: a request takes 20 ms of a vCPU.
PER_PERCENT = 0.5
MINUTES = 45


@dataclass(frozen=True)
class Episode:
    """What came of one step: seconds from it to the first scale-out and to its first new task, and the activities.

    ``enough`` is when the desired count first was what the new load takes; scaling ahead of the step is negative.
    """

    trigger: float
    total: float
    enough: float
    activities: int


def step_at(seed: int) -> float:
    """The second at which the step comes: any of a minute, the same for every policy."""
    return 600.0 + float(np.random.default_rng(seed).integers(0, 60))


def document(seed: int, folder: Path, parts: dict[str, Any], before: float, after: float) -> dict[str, Any]:
    """A steady service of ten tasks whose CPU goes from ``before`` to ``after`` percent."""
    at = step_at(seed)
    rest = MINUTES * 60.0 - at
    low, high = before * PER_PERCENT * TASKS, after * PER_PERCENT * TASKS
    trace = folder / f"step-{seed}-{before}-{after}.csv"
    trace.write_text(f"t,n\n0,{low * at}\n{at},{high * rest}\n", encoding="utf-8")
    definition = {
        "family": "web",
        "cpu": "1024",
        "memory": "2048",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "web", "image": "web", "portMappings": [{"containerPort": 80}]}],
    }
    fine = {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]}
    service = {
        "serviceName": "web",
        "taskDefinition": "web",
        "desiredCount": TASKS,
        "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}},
        "monitoring": fine,
    }
    given = {"file": str(trace), "timeColumn": "t", "valueColumn": "n", "interval": f"{rest}s", "unit": "count"}
    return {
        "ecssim": 1,
        "name": "load-step",
        "duration": f"{MINUTES}m",
        "seed": seed,
        "start": "2026-03-02T08:00:00Z",
        "initialState": "steady",
        "clusters": [{"clusterName": "prod"}],
        "subnets": [{"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/22"}],
        "taskDefinitions": [definition],
        "behaviour": {"web": {"request": {"cpuSeconds": 0.02, "latency": "20ms"}}},
        "images": {"web": {"size": "100MB"}},
        "services": [service],
        "traffic": [{"name": "t", "to": {"service": "prod/web"}, "trace": given}],
        "scalableTargets": [{"resourceId": RESOURCE, "minCapacity": TASKS, "maxCapacity": 200}],
        **parts,
    }


def tracking(resolution: int = 60, **more: Any) -> dict[str, Any]:
    """A target-tracking policy on CPU."""
    kind = "ECSServiceAverageCPUUtilization" + ("HighResolution" if resolution == 20 else "")
    configuration = {
        "targetValue": TARGET,
        "predefinedMetricSpecification": {"predefinedMetricType": kind},
        **more,
    }
    policy = {"resourceId": RESOURCE, "policyName": "track", "policyType": "TargetTrackingScaling"}
    return {"scalingPolicies": [policy | {"targetTrackingScalingPolicyConfiguration": configuration}]}


def stepping() -> dict[str, Any]:
    """A step policy that adds four times the tasks at once when CPU is far above the target."""
    adjustments = [
        {"metricIntervalLowerBound": 0, "metricIntervalUpperBound": 20, "scalingAdjustment": 50},
        {"metricIntervalLowerBound": 20, "scalingAdjustment": 400},
    ]
    configuration = {"adjustmentType": "PercentChangeInCapacity", "stepAdjustments": adjustments, "cooldown": 300}
    policy = {"resourceId": RESOURCE, "policyName": "steps", "policyType": "StepScaling"}
    alarm = {
        "alarmName": "busy",
        "namespace": "AWS/ECS",
        "metricName": "CPUUtilization",
        "statistic": "Average",
        "dimensions": [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "web"}],
        "period": 60,
        "evaluationPeriods": 3,
        "threshold": TARGET,
        "comparisonOperator": "GreaterThanThreshold",
        "alarmActions": ["steps"],
    }
    return {"scalingPolicies": [policy | {"stepScalingPolicyConfiguration": configuration}], "alarms": [alarm]}


def scheduled(tasks: int) -> dict[str, Any]:
    """A scheduled action some minutes before the step."""
    action = {
        "scheduledActionName": "ahead",
        "resourceId": RESOURCE,
        "schedule": "at(2026-03-02T08:05:00)",
        "scalableTargetAction": {"minCapacity": tasks},
    }
    return {"scheduledActions": [action]}


def episode(seed: int, parts: dict[str, Any], before: float = 5.0, after: float = 55.0) -> Episode:
    """Play one step under some policies."""
    from ecssim.run import simulate
    from ecssim.scenario.load import load_mapping

    with tempfile.TemporaryDirectory() as name:
        result = simulate(load_mapping(document(seed, Path(name), parts, before, after))).finish()
    at = step_at(seed)
    rows = result.scaling_activities
    grown = rows[rows["to_count"] > rows["from_count"]]
    tasks = result.tasks
    new = tasks.loc[tasks["created_at"] > 0.0, "started_at"].dropna()
    needed = int(np.ceil(TASKS * after / TARGET))
    enough = grown.loc[grown["to_count"] >= needed, "t"]
    return Episode(
        float(grown["t"].min()) - at,
        float(new.min()) - at,
        float(enough.min()) - at,
        int((rows["to_count"] != rows["from_count"]).sum()),
    )


def run(size: str = "full") -> list[Row]:
    """Return the mean times by resolution, with what AWS has measured."""
    rows = []
    for resolution, (trigger, total) in MEASURED.items():
        episodes = [episode(seed, tracking(resolution)) for seed in range(SEEDS[size])]
        for name, measured, values in (
            ("trigger", trigger, [e.trigger for e in episodes]),
            ("total", total, [e.total for e in episodes]),
        ):
            how = f"mean of {len(values)} seeds; AWS has measured {measured:g} s ({mean(values) / measured - 1:+.0%})"
            rows.append(row(f"load_step_{name}_s_{resolution}", round(mean(values), 1), "s", how))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(SEEDS), default="full")
    print(json.dumps(run(parser.parse_args().size), indent=1))


if __name__ == "__main__":
    main()
