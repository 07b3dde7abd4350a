"""The target day as a scenario: 1,000 services on 5,000 instances, 50,000 tasks, about a million launches.

``scale`` shrinks services, instances and tasks together, so that a tenth of the day asks the same question.
"""

from __future__ import annotations

import random
from typing import Any

SHAPES = [(256, 512), (256, 1024), (512, 1024), (512, 2048), (1024, 2048), (1024, 4096), (2048, 4096)]


def day(
    *, services: int = 1000, instances: int = 5000, tasks: int = 50_000, hours: float = 24.0, seed: int = 1
) -> dict[str, Any]:
    """Return the scenario document; half of the services are awsvpc, half binpack and half default spread."""
    rnd = random.Random(1)
    zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
    subnets = [
        {"subnetId": f"private-{z[-1]}", "availabilityZone": z, "cidrBlock": f"10.0.{64 * i}.0/18"}
        for i, z in enumerate(zones)
    ]
    names = [s["subnetId"] for s in subnets]
    each = tasks // services
    document: dict[str, Any] = {
        "ecssim": 1,
        "name": "day",
        "duration": f"{hours}h",
        "seed": seed,
        "initialState": "steady",
        "account": {"quotas": "mature", "settings": {"awsvpcTrunking": "enabled"}},
        "subnets": subnets,
        "clusters": [{"clusterName": "prod"}],
        "autoScalingGroups": [
            {
                "autoScalingGroupName": "fleet",
                "minSize": 0,
                "maxSize": instances,
                "desiredCapacity": instances,
                "subnets": names,
                "instances": {"instanceType": "m6i.4xlarge"},
            }
        ],
        "taskDefinitions": [],
        "behaviour": {},
        "services": [],
    }
    for i in range(services):
        cpu, memory = SHAPES[rnd.randrange(len(SHAPES))]
        awsvpc = i % 2 == 0
        family = f"app-{i:04d}"
        document["taskDefinitions"].append(
            {
                "family": family,
                "networkMode": "awsvpc" if awsvpc else "bridge",
                "cpu": str(cpu),
                "memory": str(memory),
                "containerDefinitions": [{"name": "app", "image": f"example/app-{i % 40}:1"}],
            }
        )
        # Median 60 and p95 162 minutes make a mean of 72.
        document["behaviour"][family] = {"runsFor": {"lognormal": {"median": "60m", "p95": "162m"}}}
        service: dict[str, Any] = {
            "serviceName": f"svc-{i:04d}",
            "taskDefinition": family,
            "desiredCount": each,
            "launchType": "EC2",
        }
        if awsvpc:
            service["networkConfiguration"] = {"awsvpcConfiguration": {"subnets": names}}
        if rnd.random() < 0.5:
            service["placementStrategy"] = [{"type": "binpack", "field": "memory"}]
        document["services"].append(service)
    return document
