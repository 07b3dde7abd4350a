"""The target day as a scenario: 1,000 services on 5,000 instances, 50,000 tasks, about a million launches.

``scale`` shrinks services, instances and tasks together, so that a tenth of the day asks the same question.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any, Final

#: What can be added to the plain day. Services of one capacity provider with managed scaling; a stream of requests for
#: each; a target group for each awsvpc one; target tracking with its alarms on each; private subnets with route tables,
#: NAT gateways and endpoints; load balancers before the target groups, with their bytes; a fifth of the fleet on Spot.
FEATURES: Final = ("provider", "traffic", "targets", "policies", "routes", "balancers", "spot")
#: The day with everything that the rest of the first chain brought.
EVERYTHING: Final = FEATURES[:4]

SHAPES = [(256, 512), (256, 1024), (512, 1024), (512, 2048), (1024, 2048), (1024, 4096), (2048, 4096)]


def day(
    *,
    services: int = 1000,
    instances: int = 5000,
    tasks: int = 50_000,
    hours: float = 24.0,
    seed: int = 1,
    features: Collection[str] = (),
) -> dict[str, Any]:
    """Return the scenario document; half of the services are awsvpc, half binpack and half default spread.

    ``features`` are some of :data:`FEATURES`; each needs those before it up to ``policies``.
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
                "minSize": instances if "provider" in features else 0,
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
        _add_to(document, service, family, cpu, each, features, awsvpc=awsvpc)
    if "provider" in features:
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
    if "routes" in features:
        _add_routes(document, names, zones)
    if "balancers" in features:
        _add_balancers(document, names)
    if "spot" in features:
        _put_a_fifth_on_spot(document["autoScalingGroups"][0])
        document["spotPools"] = {"m6i.4xlarge": {"interruptionBand": 4}}
    return document


def _add_to(
    document: dict[str, Any],
    service: dict[str, Any],
    family: str,
    cpu: int,
    each: int,
    features: Collection[str],
    *,
    awsvpc: bool,
) -> None:
    """Give one service a provider, traffic, under awsvpc a target group, and a policy with its alarms."""
    name = service["serviceName"]
    if "provider" in features:
        del service["launchType"]
        service["capacityProviderStrategy"] = [{"capacityProvider": "fleet", "weight": 1}]
    if "traffic" not in features:
        return
    # Half of the CPU of all tasks at the peak, a bit less at night: policies have work, launches stay what they are.
    seconds = 0.02
    peak = 0.5 * each * cpu / 1024 / seconds
    document["behaviour"][family]["request"] = {"cpuSeconds": seconds, "latency": "30ms"}
    to: dict[str, str] = {"service": name}
    if awsvpc and "targets" in features:
        group = f"tg-{name}"
        to = {"targetGroup": group}
        document.setdefault("targetGroups", []).append(
            {"targetGroupName": group, "targetType": "ip", "deregistrationDelay": 10, "healthCheckIntervalSeconds": 10}
        )
        service["loadBalancers"] = [{"targetGroupArn": group, "containerName": "app", "containerPort": 80}]
    stream: dict[str, Any] = {
        "name": name,
        "to": to,
        "pattern": "diurnal",
        "base": 0.9 * peak,
        "peak": peak,
        "peakAt": "13:00",
        "noise": 0.05,
    }
    if "balancers" in features:
        stream |= {"requestSize": "800B", "responseSize": "12kB"}
    document.setdefault("traffic", []).append(stream)
    if "policies" in features:
        _add_policy(document, name, each)


def _add_policy(document: dict[str, Any], name: str, each: int) -> None:
    """Track half of the CPU, a twentieth of the tasks up or down."""
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


def _add_routes(document: dict[str, Any], private: list[str], zones: list[str]) -> None:
    """Put a public subnet with a NAT gateway into each zone, and endpoints for ECR and S3."""
    tables: list[dict[str, Any]] = [
        {
            "routeTableId": "public",
            "subnets": [f"public-{zone[-1]}" for zone in zones],
            "routes": [{"destinationCidrBlock": "0.0.0.0/0", "gatewayId": "igw"}],
        }
    ]
    document["natGateways"] = []
    for i, zone in enumerate(zones):
        public, gateway = f"public-{zone[-1]}", f"nat-{zone[-1]}"
        document["subnets"].append({"subnetId": public, "availabilityZone": zone, "cidrBlock": f"10.0.{192 + i}.0/24"})
        document["natGateways"].append({"natGatewayId": gateway, "subnetId": public})
        tables.append(
            {
                "routeTableId": private[i],
                "subnets": [private[i]],
                "routes": [{"destinationCidrBlock": "0.0.0.0/0", "natGatewayId": gateway}],
            }
        )
    document["routeTables"] = tables
    document["vpcEndpoints"] = [
        {"vpcEndpointId": "s3", "serviceName": "com.amazonaws.us-east-1.s3", "routeTableIds": private},
        *(
            {
                "vpcEndpointId": name,
                "serviceName": f"com.amazonaws.us-east-1.{name}",
                "vpcEndpointType": "Interface",
                "subnetIds": private,
            }
            for name in ("ecr.api", "ecr.dkr")
        ),
    ]


def _add_balancers(document: dict[str, Any], subnets: list[str]) -> None:
    """Put application load balancers before the target groups, fifty behind each."""
    balancers, listeners = [], []
    for i, group in enumerate(document["targetGroups"]):
        name = f"lb-{i // 50}"
        if i % 50 == 0:
            balancers.append(
                {"loadBalancerName": name, "type": "application", "scheme": "internal", "subnets": subnets}
            )
        forward = {"type": "forward", "targetGroups": [{"targetGroup": group["targetGroupName"]}]}
        listeners.append({"loadBalancer": name, "port": 8000 + i % 50, "protocol": "HTTP", "defaultActions": [forward]})
    document["loadBalancers"], document["listeners"] = balancers, listeners


def _put_a_fifth_on_spot(group: dict[str, Any]) -> None:
    """Let the group launch four On-Demand instances for each Spot instance, of the same type."""
    kind = group.pop("instances")["instanceType"]
    group["mixedInstancesPolicy"] = {
        "launchTemplate": {"overrides": [{"instanceType": kind}]},
        "instancesDistribution": {
            "onDemandPercentageAboveBaseCapacity": 80,
            "spotAllocationStrategy": "capacity-optimized",
        },
    }
