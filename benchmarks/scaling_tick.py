"""What scaling adds to a minute: alarms of every service judged, nothing to do.

    python -m benchmarks.scaling_tick

A steady cluster with 1 or 1,000 scalable targets, each with the two managed alarms of a CPU policy: once while
all is well, once while every low alarm is in ALARM at the minimum.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.day import load_document
from benchmarks.day_scenario import day
from benchmarks.measure import Row, row

TICKS = {"small": 200, "full": 1000}
TARGETS = (1, 1000)
#: CPU percent under a target value of 50, by what it means.
QUIET = {"well": 48.0, "at_minimum": 20.0}


def tick_us(targets: int, ticks: int, cpu: float) -> float:
    """Return the median CPU microseconds of one scaling tick; asserts that it wrote no rows."""
    from ecssim.run import simulate

    document = day(services=targets, instances=targets, tasks=2 * targets)
    document["behaviour"] = {}
    names = [f"service/prod/{s['serviceName']}" for s in document["services"]]
    document["scalableTargets"] = [{"resourceId": n, "minCapacity": 2, "maxCapacity": 9} for n in names]
    predefined = {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}
    tracking = {"targetValue": 50, "predefinedMetricSpecification": predefined}
    document["scalingPolicies"] = [
        {
            "resourceId": n,
            "policyName": "cpu",
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": tracking,
        }
        for n in names
    ]
    with tempfile.TemporaryDirectory() as name:
        engine = simulate(load_document(document, Path(name))).engine
        engine.metrics.publish()
        engine.metrics.latest["cpu_utilization"] = np.full(targets, cpu)
        for minute in range(40):
            engine.scaling.tick(minute)
        tables = [engine.recorder.tables[t] for t in ("alarms", "scaling_activities")]
        before = [table.rows for table in tables]
        assert len(engine.scaling.alarms.by_name) == 2 * targets
        costs = []
        for minute in range(40, 40 + ticks):
            began = time.process_time_ns()
            engine.scaling.tick(minute)
            costs.append(time.process_time_ns() - began)
        assert [table.rows for table in tables] == before, "something happened"
    return median(costs) / 1000.0


def run(size: str = "full") -> list[Row]:
    """Return one row a number of targets and a kind of quiet."""
    return [
        row(
            f"scaling_tick_us_{targets}_{name}",
            round(tick_us(targets, TICKS[size], cpu), 1),
            "us",
            f"median CPU of {TICKS[size]} ticks, {targets} targets with 2 managed alarms each, CPU {cpu:g} of 50 %",
        )
        for targets in TARGETS
        for name, cpu in QUIET.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(TICKS), default="full")
    print(json.dumps(run(parser.parse_args().size)))


if __name__ == "__main__":
    main()
