"""What addresses cost: tasks in network mode awsvpc over twelve subnets against the same run in bridge mode.

    python -m benchmarks.addresses --part 0.1

The whole has 20,000 tasks of 100 services on 2,500 trunked instances in three zones with four subnets each; every
task ends after about an hour and is replaced. Both sides run in one process, a minute of the one and a minute of the
other; timed is all that a run is, from compile to tables on disk.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.day import load_document
from benchmarks.measure import Row, child, row

SERVICES = 100
TASKS = 20_000
INSTANCES = 2_500
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
SUBNETS = 12
MODES = ("awsvpc", "bridge")
#: Part of the whole, hours and repetitions by size.
SIZES = {"small": (0.1, 2.0, 3), "full": (1.0, 2.0, 3)}


def document_of(mode: str, part: float, hours: float) -> dict[str, Any]:
    """The scenario in one network mode; everything else is the same."""
    services = max(4, round(SERVICES * part))
    each = round(TASKS * part) // services
    subnets = [
        {"subnetId": f"private-{i}", "availabilityZone": ZONES[i % 3], "cidrBlock": f"10.{i}.0.0/18"}
        for i in range(SUBNETS)
    ]
    names = [s["subnetId"] for s in subnets]
    network = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": names}}} if mode == "awsvpc" else {}
    return {
        "ecssim": 1,
        "name": "addresses",
        "duration": f"{hours}h",
        "initialState": "steady",
        "account": {"quotas": "mature", "settings": {"awsvpcTrunking": "enabled"}},
        "subnets": subnets,
        "clusters": [{"clusterName": "prod"}],
        "autoScalingGroups": [
            {
                "autoScalingGroupName": "fleet",
                "minSize": 0,
                "maxSize": round(INSTANCES * part),
                "desiredCapacity": round(INSTANCES * part),
                "subnets": names,
                "instances": {"instanceType": "m6i.4xlarge"},
                "agent": {"ECS_CLUSTER": "prod"},
            }
        ],
        "taskDefinitions": [
            {
                "family": f"app-{n:03d}",
                "networkMode": mode,
                "cpu": "1024",
                "memory": "2048",
                "containerDefinitions": [
                    {"name": "app", "image": "example/app:1", "portMappings": [{"containerPort": 80}]}
                ],
            }
            for n in range(services)
        ],
        "behaviour": {
            f"app-{n:03d}": {"runsFor": {"lognormal": {"median": "50m", "p95": "135m"}}} for n in range(services)
        },
        "services": [
            {
                "serviceName": f"svc-{n:03d}",
                "taskDefinition": f"app-{n:03d}",
                "desiredCount": each,
                "launchType": "EC2",
                **network,
            }
            for n in range(services)
        ],
    }


def measure(part: float, hours: float) -> dict[str, Any]:
    """Run both sides minute by minute in turn; return their CPU seconds and their work, which is asserted.

    In turns within one process, so that whatever else the machine does falls on both.
    """
    from ecssim.run import simulate

    cpu = dict.fromkeys(MODES, 0.0)
    with tempfile.TemporaryDirectory() as name:
        sides = {}
        for mode in MODES:
            folder = Path(name) / mode
            folder.mkdir()
            loaded = load_document(document_of(mode, part, hours), folder)
            began = time.process_time()
            sides[mode] = simulate(loaded, out=folder / "run")
            cpu[mode] += time.process_time() - began
        placed = {mode: len(side.engine.lifecycle.live) for mode, side in sides.items()}
        minutes = round(hours * 60)
        for minute in range(1, minutes + 1):
            for mode in MODES if minute % 2 else MODES[::-1]:
                began = time.process_time()
                if minute < minutes:
                    sides[mode].advance(until=60.0 * minute)
                else:
                    sides[mode].finish()
                cpu[mode] += time.process_time() - began
    tasks = round(TASKS * part)
    found: dict[str, Any] = {"cpu": cpu, "launches": {}, "addresses": {}}
    for mode, side in sides.items():
        engine = side.engine
        assert placed[mode] == tasks, f"{placed[mode]} of {tasks} tasks were placed at the start"
        launches = engine.lifecycle.created - tasks
        assert launches > 0.7 * tasks * hours, f"only {launches} launches"
        held = sum(s.used.get("tasks", 0) for s in engine.world.subnets)
        live = sum(task.address > 0 for task in engine.lifecycle.live.values())
        assert held == live, f"{held} addresses of tasks, and {live} tasks with one"
        assert (held > 0.9 * tasks) == (mode == "awsvpc"), f"{held} addresses in mode {mode}"
        if mode == "awsvpc":
            assert all(s.used["tasks"] > 0.5 * held / SUBNETS for s in engine.world.subnets), "a subnet is left out"
        found["launches"][mode], found["addresses"][mode] = launches, held
    # Per launch: interfaces take a few seconds, so that a lost task is replaced a little later.
    found["ratio"] = (cpu["awsvpc"] / found["launches"]["awsvpc"]) / (cpu["bridge"] / found["launches"]["bridge"])
    return found


def run(size: str) -> list[Row]:
    """The ratio of both modes, from runs in turns in a process of their own."""
    part, hours, times = SIZES[size]
    got = [child("addresses", "--part", str(part), "--hours", str(hours)) for _ in range(times)]
    last = got[-1]
    return [
        row(
            "awsvpc_vs_bridge_cpu",
            round(median(g["ratio"] for g in got), 3),
            "ratio",
            f"CPU per launch, {round(TASKS * part)} tasks over {SUBNETS} subnets, {last['launches']['awsvpc']} "
            f"launches in {hours:g} h, {last['addresses']['awsvpc']} addresses; minute by minute in turn, median of "
            f"{times}; bridge {median(g['cpu']['bridge'] for g in got):.2f} s CPU, awsvpc "
            f"{median(g['cpu']['awsvpc'] for g in got):.2f} s, tables in a folder",
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=float, default=0.1)
    parser.add_argument("--hours", type=float, default=2.0)
    given = parser.parse_args()
    # What is imported and compiled on first use, such as the writer of Parquet, belongs to neither side.
    measure(0.02, 1.5)
    print(json.dumps(measure(given.part, given.hours)))


if __name__ == "__main__":
    main()
