"""1,000 services on one large cluster: On-Demand and Spot instances behind capacity providers, and Fargate beside them.

    python -m benchmarks.thousand_services --part 0.1
    python -m benchmarks.thousand_services --strategy on-demand

Every service has traffic that follows the day and target tracking, seven in ten run on instances (a base of one task
On-Demand, three quarters of the others on Spot), the rest on Fargate in the same proportions. At noon a third of the
Spot capacity of one type is reclaimed and stays away for half an hour. Printed are the cost, what was lost, and what
the run took. ``--strategy on-demand`` is the same without Spot, to measure what Spot saves.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from typing import Any

from benchmarks.measure import peak_mib

ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")
SUBNETS = [f"private-{zone[-1]}" for zone in ZONES]
#: CPU units, MiB and tasks of a service at the start.
SHAPES = ((256, 512, 4), (256, 1024, 6), (512, 1024, 8), (512, 2048, 6), (1024, 2048, 10))
SPOT_TYPES = ("m6i.4xlarge", "m5.4xlarge", "m6a.4xlarge")


def group(name: str, most: int, wanted: int, instances: dict[str, Any]) -> dict[str, Any]:
    """An Auto Scaling group in all zones."""
    return {
        "autoScalingGroupName": name,
        "minSize": 0,
        "maxSize": most,
        "desiredCapacity": wanted,
        "subnets": SUBNETS,
        "instances": instances,
    }


def provider(name: str, of: str) -> dict[str, Any]:
    """A capacity provider with managed scaling."""
    return {
        "name": name,
        "autoScalingGroupProvider": {
            "autoScalingGroup": of,
            "managedScaling": {"status": "ENABLED", "targetCapacity": 95, "maximumScalingStepSize": 100},
        },
    }


def strategy(i: int, spot: bool) -> list[dict[str, Any]]:
    """Seven in ten services on instances, the others on Fargate; never both, as the API has it."""
    on_demand, cheap = ("instances", "spot-instances") if i % 10 < 7 else ("FARGATE", "FARGATE_SPOT")
    if not spot:
        return [{"capacityProvider": on_demand, "weight": 1}]
    return [
        {"capacityProvider": on_demand, "base": 1, "weight": 1},
        {"capacityProvider": cheap, "weight": 3},
    ]


def thousand(part: float = 1.0, hours: float = 6.0, seed: int = 1, spot: bool = True) -> dict[str, Any]:
    """The scenario document, with ``part`` of the services and of the capacity."""
    rnd = random.Random(1)
    services = max(10, round(1000 * part))
    fleet = max(4, round(400 * part))
    document: dict[str, Any] = {
        "ecssim": 1,
        "name": "thousand-services",
        "start": "2026-03-02T08:00:00Z",
        "duration": f"{hours:g}h",
        "seed": seed,
        "initialState": "steady",
        "account": {"quotas": "mature", "settings": {"awsvpcTrunking": "enabled"}},
        "subnets": [
            {"subnetId": name, "availabilityZone": zone, "cidrBlock": f"10.0.{64 * i}.0/18"}
            for i, (name, zone) in enumerate(zip(SUBNETS, ZONES, strict=True))
        ],
        "autoScalingGroups": [
            group("on-demand", 3 * fleet, fleet // 3 if spot else fleet, {"instanceType": "m6i.4xlarge"}),
            group("spot", 3 * fleet, fleet * 2 // 3 if spot else 0, {"instanceType": SPOT_TYPES[0], "market": "spot"}),
        ],
        "capacityProviders": [provider("instances", "on-demand"), provider("spot-instances", "spot")],
        "clusters": [
            {
                "clusterName": "prod",
                "capacityProviders": ["instances", "spot-instances", "FARGATE", "FARGATE_SPOT"],
            }
        ],
        "taskDefinitions": [],
        "images": {"example/app:1": {"size": "120MB"}},
        "behaviour": {},
        "services": [],
        "scalableTargets": [],
        "scalingPolicies": [],
        "traffic": [],
        "timeline": [
            {"at": "12:00", "fault": "spotReclaim", "with": {"capacityProvider": name, "fraction": 0.33}}
            for name in (("spot-instances", "FARGATE_SPOT") if spot else ())
        ]
        + [
            {"at": "12:00", "fault": "spotDrought", "with": {"capacityProvider": name, "for": "30m"}}
            for name in (("spot-instances", "FARGATE_SPOT") if spot else ())
        ],
    }
    for i in range(services):
        cpu, memory, tasks = SHAPES[rnd.randrange(len(SHAPES))]
        name = f"svc-{i:04d}"
        on_fargate = i % 10 >= 7
        document["taskDefinitions"].append(
            {
                "family": name,
                "networkMode": "awsvpc",
                "requiresCompatibilities": ["FARGATE"] if on_fargate else ["EC2"],
                "cpu": str(cpu),
                "memory": str(memory),
                "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
                "containerDefinitions": [{"name": "app", "image": "example/app:1"}],
            }
        )
        document["behaviour"][name] = {
            "request": {"cpuSeconds": 0.02, "latency": "30ms"},
            "idle": {"cpu": 10, "memory": "120MB"},
            "stopsAfter": "3s",
        }
        service: dict[str, Any] = {
            "serviceName": name,
            "cluster": "prod",
            "taskDefinition": name,
            "desiredCount": tasks,
            "capacityProviderStrategy": strategy(i, spot),
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": SUBNETS}},
        }
        if not on_fargate:
            service["placementStrategy"] = [
                {"type": "spread", "field": "attribute:ecs.availability-zone"},
                {"type": "binpack", "field": "cpu"},
            ]
        document["services"].append(service)
        resource = f"service/prod/{name}"
        document["scalableTargets"].append({"resourceId": resource, "minCapacity": tasks, "maxCapacity": 3 * tasks})
        document["scalingPolicies"].append(
            {
                "resourceId": resource,
                "policyName": "cpu",
                "policyType": "TargetTrackingScaling",
                "targetTrackingScalingPolicyConfiguration": {
                    "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
                    "targetValue": 60,
                },
            }
        )
        full = tasks * cpu / 1024.0 / 0.02
        document["traffic"].append(
            {
                "name": name,
                "to": {"service": name},
                "pattern": "diurnal",
                "base": round(0.2 * full, 1),
                "peak": round((0.6 + 0.6 * rnd.random()) * full, 1),
                "peakAt": f"{11 + i % 4}:00",
                "noise": 0.05,
            }
        )
    return document


def measured(part: float, hours: float, seed: int, spot: bool) -> dict[str, float]:
    """Play it, and say what it did and took."""
    from ecssim.run import Simulation
    from ecssim.scenario.load import load_mapping

    began = time.process_time()
    loaded = load_mapping(thousand(part, hours, seed, spot))
    read = time.process_time() - began
    began = time.process_time()
    result = Simulation(loaded).finish()
    cpu = time.process_time() - began
    services = result.service_metrics
    served, failed = float(services.served_count.sum()), float(services.failed_count.sum())
    tasks = result.tasks
    return {
        "services": services.service.nunique(),
        "tasks": len(tasks),
        "most_running": int(services.groupby("t").running_count.sum().max()),
        "instances": len(result.instances),
        "interruptions": int((tasks.stop_code == "SpotInterruption").sum()),
        "cost_usd": round(float(result.bill().total), 2),
        "lost_share": failed / (served + failed),
        "load_cpu_s": round(read, 1),
        "cpu_s": round(cpu, 1),
        "peak_mib": peak_mib(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=float, default=1.0)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--strategy", choices=("spot", "on-demand"), default="spot")
    given = parser.parse_args()
    print(json.dumps(measured(given.part, given.hours, given.seed, given.strategy == "spot")))


if __name__ == "__main__":
    main()
