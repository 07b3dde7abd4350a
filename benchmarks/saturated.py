"""What demand that finds no room costs: a full cluster and many waiting tasks against one with room.

    python -m benchmarks.saturated --part 0.1

The whole has 5,000 instances that hold four tasks each, 200 services and one task a second that ends and is
replaced. In the full cluster the services want 20,000 tasks more than fit; in the other one all fit.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.day import load_document

SERVICES = 200
PER_INSTANCE = 4


def document_of(instances: int, wanted: int, running: int, hours: float) -> dict[str, Any]:
    """A cluster whose services want ``wanted`` tasks; ``running`` fit, one a second (of the whole) ends."""
    seconds = running * (5000 / instances)
    zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
    return {
        "ecssim": 1,
        "name": "saturated",
        "duration": f"{hours}h",
        "initialState": "steady",
        "account": {"quotas": "mature"},
        "subnets": [
            {"subnetId": f"private-{z[-1]}", "availabilityZone": z, "cidrBlock": f"10.0.{64 * i}.0/18"}
            for i, z in enumerate(zones)
        ],
        "clusters": [{"clusterName": "prod"}],
        "autoScalingGroups": [
            {
                "autoScalingGroupName": "fleet",
                "minSize": 0,
                "maxSize": instances,
                "desiredCapacity": instances,
                "subnets": [f"private-{z[-1]}" for z in zones],
                "instances": {"instanceType": "m6i.4xlarge"},
            }
        ],
        "taskDefinitions": [
            {
                "family": "app",
                "networkMode": "bridge",
                "cpu": "4096",
                "memory": "8192",
                "containerDefinitions": [{"name": "app", "image": "example/app:1"}],
            }
        ],
        "behaviour": {"app": {"runsFor": {"exponential": {"mean": f"{seconds}s"}}}},
        "services": [
            {
                "serviceName": f"svc-{n:03d}",
                "taskDefinition": "app",
                "desiredCount": wanted // SERVICES,
                "launchType": "EC2",
            }
            for n in range(SERVICES)
        ],
    }


def cost(instances: int, wanted: int, hours: float) -> dict[str, float]:
    """Run one cluster; return its CPU seconds, placements and unplaced demand."""
    from ecssim.run import simulate

    capacity = instances * PER_INSTANCE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = document_of(instances, wanted, min(wanted, capacity), hours)
        simulation = simulate(load_document(document, folder), out=folder / "run")
        engine = simulation.engine
        before = engine.lifecycle.created
        began = time.process_time()
        simulation.advance(until=hours * 3600.0)
        cpu = time.process_time() - began
        launches = engine.lifecycle.created - before
    unplaced = sum(s.desired - s.deployments[0].active for s in engine.world.services)
    return {"cpu": cpu, "launches": launches, "unplaced": unplaced}


def compare(part: float, hours: float) -> dict[str, float]:
    """Return the cost of both clusters per launch, and their work, which is asserted."""
    instances = round(5000 * part)
    capacity = instances * PER_INSTANCE
    full = cost(instances, 2 * capacity, hours)
    free = cost(instances, capacity * 9 // 10 // SERVICES * SERVICES, hours)
    expected = 3600 * hours * part
    for side in (full, free):
        assert 0.8 * expected < side["launches"] < 1.2 * expected, f"{side['launches']} launches, not {expected}"
    assert full["unplaced"] >= capacity, f"only {full['unplaced']} tasks wait"
    assert free["unplaced"] < capacity // 100 + 10, f"{free['unplaced']} tasks wait in the cluster with room"
    return {
        "ratio": (full["cpu"] / full["launches"]) / (free["cpu"] / free["launches"]),
        "waiting": full["unplaced"],
        "launches": full["launches"],
        "full_cpu": full["cpu"],
        "free_cpu": free["cpu"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=float, default=1.0)
    parser.add_argument("--hours", type=float, default=1.0)
    given = parser.parse_args()
    print(json.dumps(compare(given.part, given.hours)))


if __name__ == "__main__":
    main()
