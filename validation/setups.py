"""The set-ups of the measurements as scenarios. What a publication leaves open is in ``measured.toml``, as assumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/ecsTaskExecutionRole"
ZONES = "abcd"

Document = dict[str, Any]


def base(duration: str, start: str = "2026-03-02T12:00:00Z") -> Document:
    """A Region with four large private subnets and a cluster that has Fargate."""
    return {
        "ecssim": 1,
        "name": "validation",
        "start": start,
        "duration": duration,
        "subnets": [
            {"subnetId": f"private-{z}", "availabilityZone": f"us-east-1{z}", "cidrBlock": f"10.{n}.0.0/18"}
            for n, z in enumerate(ZONES)
        ],
        "clusters": [{"clusterName": "bench", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
    }


def task_definition(cpu: int = 256, memory: int = 512, **more: Any) -> Document:
    """The definition ``app`` of one container."""
    return {
        "family": "app",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": str(cpu),
        "memory": str(memory),
        "executionRoleArn": ROLE,
        "containerDefinitions": [{"name": "app", "image": "example/app:1", "portMappings": [{"containerPort": 80}]}],
    } | more


def service(name: str, count: int, provider: str = "FARGATE") -> Document:
    """A service of ``app`` in all subnets."""
    return {
        "serviceName": name,
        "cluster": "bench",
        "taskDefinition": "app",
        "desiredCount": count,
        "capacityProviderStrategy": [{"capacityProvider": provider, "weight": 1}],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [f"private-{z}" for z in ZONES]}},
    }


def scale_out_2020() -> Document:
    """M1: three services of 1,000 and one of 500 under the launch rates of 2020."""
    return base("90m", "2020-08-01T12:00:00Z") | {
        "account": {
            "quotas": {"fargateLaunchBurst": 10, "fargateLaunchRate": 1, "fargateServiceLaunchesPerMinute": 23}
        },
        "taskDefinitions": [task_definition(1024, 2048)],
        "images": {"example/app:1": {"size": "350MB"}},
        "services": [
            service(name, count, "FARGATE_SPOT")
            for name, count in (("one", 1000), ("two", 1000), ("three", 1000), ("andahalf", 500))
        ],
    }


def scale_out_2022() -> Document:
    """M3: five services of 700 under the launch rates that AWS documents."""
    return base("15m", "2022-03-01T12:00:00Z") | {
        "taskDefinitions": [task_definition(1024, 2048)],
        "images": {"example/app:1": {"size": "390MB"}},
        "services": [service(f"service-{n}", 700, "FARGATE_SPOT") for n in range(5)],
    }


def fargate_tasks(cpu: int, memory: int, mb: float, count: int = 400, **behaviour: Any) -> Document:
    """``count`` tasks of one image, stopped again after ten minutes; launched slowly enough to stand alone."""
    return base("30m") | {
        "taskDefinitions": [task_definition(cpu, memory)],
        "images": {"example/app:1": {"size": f"{mb:g}MB"}},
        "services": [service("app", count)],
        "timeline": [
            {"at": "10m", "call": "UpdateService", "with": {"cluster": "bench", "service": "app", "desiredCount": 0}}
        ],
        "behaviour": {"app": behaviour} if behaviour else {},
    }


def with_exec(document: Document) -> Document:
    """The same service with ECS Exec."""
    document["services"][0]["enableExecuteCommand"] = True
    return document


def patient(document: Document) -> Document:
    """The same tasks, whose containers have two minutes to end."""
    document["taskDefinitions"][0]["containerDefinitions"][0]["stopTimeout"] = 120
    return document


def windows_tasks(family: str, mb: float, kept: float) -> Document:
    """Tasks of Windows with an image of ``mb``, of which Fargate keeps ``kept`` as base layers."""
    document = fargate_tasks(1024, 2048, mb, 200)
    document["taskDefinitions"][0]["runtimePlatform"] = {
        "operatingSystemFamily": family,
        "cpuArchitecture": "X86_64",
    }
    document["images"]["example/app:1"]["shared"] = kept / mb
    document["timeline"] = []
    return document


def on_instances(mode: str, count: int = 60, warm: bool = False, **more: Any) -> Document:
    """Tasks on instances that are there; with ``warm`` each image has been pulled by a first task."""
    document = base("20m") | {
        "autoScalingGroups": [
            {
                "autoScalingGroupName": "instances",
                "minSize": 30,
                "maxSize": 30,
                "desiredCapacity": 30,
                "subnets": ["private-a", "private-b"],
                "instances": {"instanceType": "m6i.large"},
                "agent": {"ECS_CLUSTER": "bench"},
            }
        ],
        "taskDefinitions": [
            task_definition(256, 512, networkMode=mode, requiresCompatibilities=["EC2"]),
        ],
        "images": {"example/app:1": {"size": "300MB"}},
        "services": [],
        "timeline": [],
    }
    launched = {
        "serviceName": "app",
        "cluster": "bench",
        "taskDefinition": "app",
        "desiredCount": 0,
        "launchType": "EC2",
        "placementStrategy": [{"type": "spread", "field": "instanceId"}],
    }
    if mode == "awsvpc":
        launched["networkConfiguration"] = {"awsvpcConfiguration": {"subnets": ["private-a", "private-b"]}}
    document["services"] = [launched]
    calls = [("5m", 30), ("10m", 30 + count)] if warm else [("5m", 30)]
    document["timeline"] = [
        {"at": at, "call": "UpdateService", "with": {"cluster": "bench", "service": "app", "desiredCount": wanted}}
        for at, wanted in calls
    ]
    return document | more


def managed_scaling(maximum: int, calls: list[tuple[str, int]], duration: str = "2h") -> Document:
    """A service of half an m6i.large a task on a provider with managed scaling that starts empty."""
    return base(duration) | {
        "autoScalingGroups": [
            {
                "autoScalingGroupName": "group",
                "minSize": 0,
                "maxSize": maximum,
                "desiredCapacity": 0,
                "subnets": ["private-a", "private-b"],
                "instances": {"instanceType": "m6i.large"},
            }
        ],
        "capacityProviders": [
            {
                "name": "instances",
                "autoScalingGroupProvider": {
                    "autoScalingGroup": "group",
                    "managedScaling": {"status": "ENABLED", "targetCapacity": 100},
                },
            }
        ],
        "clusters": [{"clusterName": "bench", "capacityProviders": ["instances"]}],
        "taskDefinitions": [
            task_definition(1024, 2048, networkMode="bridge", requiresCompatibilities=["EC2"]),
        ],
        "images": {"example/app:1": {"size": "100MB"}},
        "services": [
            {
                "serviceName": "app",
                "cluster": "bench",
                "taskDefinition": "app",
                "desiredCount": 0,
                "capacityProviderStrategy": [{"capacityProvider": "instances", "weight": 1}],
                "placementStrategy": [{"type": "binpack", "field": "cpu"}],
            }
        ],
        "timeline": [
            {"at": at, "call": "UpdateService", "with": {"cluster": "bench", "service": "app", "desiredCount": wanted}}
            for at, wanted in calls
        ],
    }


def spot_instances(bands: Mapping[str, int] | None) -> Document:
    """M25: 96 Spot instances for a month: of a group that may choose, or three in each pool of unknown bands."""
    document = base("30d")
    kinds = ("m5.large", "c5.large", "r5.large", "m6i.large", "c6i.large", "r6i.large", "m5.xlarge", "c5.xlarge")
    if bands is not None:
        document["spotPools"] = {kind: {"interruptionBand": band} for kind, band in bands.items()}
        document["autoScalingGroups"] = [
            {
                "autoScalingGroupName": "fleet",
                "minSize": 96,
                "maxSize": 96,
                "desiredCapacity": 96,
                "subnets": [f"private-{zone}" for zone in ZONES],
                "mixedInstancesPolicy": {
                    "launchTemplate": {"overrides": [{"instanceType": kind} for kind in kinds]},
                    "instancesDistribution": {
                        "onDemandPercentageAboveBaseCapacity": 0,
                        "spotAllocationStrategy": "price-capacity-optimized",
                    },
                },
                "agent": {"ECS_CLUSTER": "bench"},
            }
        ]
        return document
    document["autoScalingGroups"] = [
        {
            "autoScalingGroupName": f"{kind}-{zone}",
            "minSize": 3,
            "maxSize": 3,
            "desiredCapacity": 3,
            "subnets": [f"private-{zone}"],
            "instances": {"instanceType": kind, "market": "spot"},
            "agent": {"ECS_CLUSTER": "bench"},
        }
        for kind in kinds
        for zone in ZONES
    ]
    return document
