"""What addresses cost: tasks in network mode awsvpc over twelve subnets against the same run in bridge mode.

    python -m benchmarks.addresses --mode awsvpc --part 0.1

The whole has 20,000 tasks of 100 services on 2,500 trunked instances in three zones with four subnets each; every
task ends after about an hour and is replaced. Each side runs in a process of its own, in alternating pairs; timed is
all that a run is, tables on disk included.
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
#: Part of the whole, hours and pairs by size.
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


def measure(mode: str, part: float, hours: float) -> dict[str, Any]:
    """Run one side; return its CPU seconds and its work, which is asserted."""
    from ecssim.run import simulate

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        loaded = load_document(document_of(mode, part, hours), folder)
        began = time.process_time()
        simulation = simulate(loaded, out=folder / "run")
        engine = simulation.engine
        placed = len(engine.lifecycle.live)
        simulation.finish()
        cpu = time.process_time() - began
    tasks = round(TASKS * part)
    assert placed == tasks, f"{placed} of {tasks} tasks were placed at the start"
    launches = engine.lifecycle.created - placed
    assert launches > 0.7 * tasks * hours, f"only {launches} launches"
    held = sum(s.used.get("tasks", 0) for s in engine.world.subnets)
    live = sum(task.address > 0 for task in engine.lifecycle.live.values())
    assert held == live, f"{held} addresses of tasks, and {live} tasks with one"
    assert (held > 0.9 * tasks) == (mode == "awsvpc"), f"{held} addresses in mode {mode}"
    if mode == "awsvpc":
        assert all(s.used["tasks"] > 0.5 * held / SUBNETS for s in engine.world.subnets), "a subnet is left out"
    return {"cpu": cpu, "launches": launches, "addresses": held, "events": engine.kernel.events_done}


def run(size: str) -> list[Row]:
    """The ratio of both modes, from alternating pairs in this run."""
    part, hours, pairs = SIZES[size]
    ratios, sides = [], {"awsvpc": [], "bridge": []}  # type: list[float], dict[str, list[dict[str, Any]]]
    for pair in range(pairs):
        for mode in ("awsvpc", "bridge") if pair % 2 == 0 else ("bridge", "awsvpc"):
            sides[mode].append(child("addresses", "--mode", mode, "--part", str(part), "--hours", str(hours)))
        # Per launch: interfaces take a few seconds, so that a slot is refilled a little later.
        awsvpc, bridge = sides["awsvpc"][-1], sides["bridge"][-1]
        ratios.append(awsvpc["cpu"] / awsvpc["launches"] / (bridge["cpu"] / bridge["launches"]))
    last = sides["awsvpc"][-1]
    return [
        row(
            "awsvpc_vs_bridge_cpu",
            round(median(ratios), 3),
            "ratio",
            f"CPU per launch, {round(TASKS * part)} tasks over {SUBNETS} subnets, {last['launches']} launches in "
            f"{hours:g} h, {last['addresses']} addresses held; median of {pairs} alternating pairs, bridge "
            f"{median(s['cpu'] for s in sides['bridge']):.2f} s CPU, awsvpc "
            f"{median(s['cpu'] for s in sides['awsvpc']):.2f} s, tables in a folder",
        )
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mode", choices=("awsvpc", "bridge"), default="awsvpc")
    parser.add_argument("--part", type=float, default=0.1)
    parser.add_argument("--hours", type=float, default=2.0)
    given = parser.parse_args()
    print(json.dumps(measure(given.mode, given.part, given.hours)))


if __name__ == "__main__":
    main()
