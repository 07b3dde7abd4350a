"""The target day as a scenario: 1,000 services on 5,000 instances, 50,000 tasks, about a million launches.

``scale`` shrinks services, instances and tasks together, so that a tenth of the day asks the same question.
"""

from __future__ import annotations

import random
from typing import Any

SHAPES = [(256, 512), (256, 1024), (512, 1024), (512, 2048), (1024, 2048), (1024, 4096), (2048, 4096)]


def day(
    *,
    services: int = 1000,
    instances: int = 5000,
    tasks: int = 50_000,
    hours: float = 24.0,
    seed: int = 1,
    everything: bool = False,
) -> dict[str, Any]:
    """Return the scenario document; half of the services are awsvpc, half binpack and half default spread.

    ``everything`` adds a capacity provider with managed scaling, traffic with target tracking and its alarms on every
    service, and a target group for each awsvpc one.
    """
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
                # A group with managed scaling would shrink to what 50,000 tasks need.
                "minSize": instances if everything else 0,
                "maxSize": instances,
                "desiredCapacity": instances,
                "subnets": names,
                "instances": {"instanceType": "m6i.4xlarge"},
                "agent": {"ECS_CLUSTER": "prod"},
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
        container: dict[str, Any] = {"name": "app", "image": f"example/app-{i % 40}:1"}
        if awsvpc:
            container["portMappings"] = [{"containerPort": 80}]
        document["taskDefinitions"].append(
            {
                "family": family,
                "networkMode": "awsvpc" if awsvpc else "bridge",
                "cpu": str(cpu),
                "memory": str(memory),
                "containerDefinitions": [container],
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
        if everything:
            _add_everything(document, service, family, cpu, each, awsvpc=awsvpc)
    if everything:
        document["clusters"] = [{"clusterName": "prod", "capacityProviders": ["fleet"]}]
        document["capacityProviders"] = [
            {
                "name": "fleet",
                "autoScalingGroupProvider": {
                    "autoScalingGroup": "fleet",
                    "managedScaling": {"status": "ENABLED", "targetCapacity": 100},
                    "managedTerminationProtection": "DISABLED",
                },
            }
        ]
    return document


def _add_everything(
    document: dict[str, Any], service: dict[str, Any], family: str, cpu: int, each: int, *, awsvpc: bool
) -> None:
    """Give one service a provider, traffic, a policy with its alarms and, under awsvpc, a target group."""
    name = service["serviceName"]
    del service["launchType"]
    service["capacityProviderStrategy"] = [{"capacityProvider": "fleet", "weight": 1}]
    # Half of the CPU of all tasks at the peak, a bit less at night: policies have work, launches stay what they are.
    seconds = 0.02
    peak = 0.5 * each * cpu / 1024 / seconds
    document["behaviour"][family]["request"] = {"cpuSeconds": seconds, "latency": "30ms"}
    to: dict[str, str] = {"service": name}
    if awsvpc:
        group = f"tg-{name}"
        to = {"targetGroup": group}
        document.setdefault("targetGroups", []).append(
            {"targetGroupName": group, "targetType": "ip", "deregistrationDelay": 10, "healthCheckIntervalSeconds": 10}
        )
        service["loadBalancers"] = [{"targetGroupArn": group, "containerName": "app", "containerPort": 80}]
    document.setdefault("traffic", []).append(
        {
            "name": name,
            "to": to,
            "pattern": "diurnal",
            "base": 0.9 * peak,
            "peak": peak,
            "peakAt": "13:00",
            "noise": 0.05,
        }
    )
    resource = f"service/prod/{name}"
    document.setdefault("scalableTargets", []).append(
        {"resourceId": resource, "minCapacity": each - each // 20, "maxCapacity": each + each // 20}
    )
    document.setdefault("scalingPolicies", []).append(
        {
            "resourceId": resource,
            "policyName": f"cpu-{name}",
            "policyType": "TargetTrackingScaling",
            "targetTrackingScalingPolicyConfiguration": {
                "predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
                "targetValue": 50,
            },
        }
    )
