"""What a reader of a run must know of its scenario and no table says: limits, sizes, blocks of addresses.

The composition root puts it into the manifest (key ``setting``), so that the summary of a run folder can name
the limit that was hit and compute the ``--set`` that lifts it. Plain JSON values under the API's names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ecssim.aws.check_providers import scales
from ecssim.aws.cluster import AutoScalingGroup, CapacityProvider
from ecssim.aws.names import Compatibility
from ecssim.aws.service import Service
from ecssim.scenario.document import Scenario
from ecssim.scenario.timeline import TimelineCall

Setting = dict[str, Any]

#: Longest wait for containers after the stop signal where a definition says nothing (LIFE-060).
DEFAULT_STOP_TIMEOUT = 30


def setting_of(scenario: Scenario) -> Setting:
    """The setting of a scenario: its subnets, VPCs, services and Auto Scaling groups by name."""
    providers = {
        p.auto_scaling_group_provider.group_name: p
        for p in scenario.capacity_providers
        if p.auto_scaling_group_provider is not None
    }
    delays = {g.target_group_name: g.deregistration_delay_seconds for g in scenario.target_groups}
    default = scenario.clusters[0].cluster_name if scenario.clusters else "default"
    return {
        "subnets": {
            s.subnet_id: {
                "cidrBlock": s.cidr_block,
                "availabilityZone": s.availability_zone,
                "addressesInUse": s.addresses_in_use,
                "vpcId": s.vpc_id,
            }
            for s in scenario.subnets
            if s.cidr_block is not None
        },
        "routeTables": {s: t.route_table_id for t in scenario.route_tables for s in t.subnet_ids},
        "vpcs": {v.vpc_id: list(v.blocks) for v in scenario.vpcs},
        "services": [
            _service(s, default, delays, _redeployed(scenario))
            | {"scaledOn": _scaled_on(scenario, s, default), "policies": _policies(scenario, s, default)}
            for s in scenario.services
        ],
        "autoScalingGroups": {
            g.auto_scaling_group_name: _group(g, providers.get(g.auto_scaling_group_name), default)
            for g in scenario.auto_scaling_groups
        },
        "taskDefinitions": dict(_definitions(scenario)),
        "awsvpcTrunking": scenario.account.settings.awsvpc_trunking == "enabled",
    }


def _service(service: Service, cluster: str, delays: dict[str, int], redeployed: set[str]) -> Setting:
    groups = [(b.target_group_arn or "").rsplit("targetgroup/", 1)[-1] for b in service.load_balancers]
    return {
        "serviceName": service.service_name,
        "cluster": (service.cluster or cluster).rsplit("/", 1)[-1],
        "taskDefinition": service.task_definition,
        "desiredCount": service.desired_count,
        "daemon": service.is_daemon,
        "minimumHealthyPercent": service.minimum_healthy_percent,
        "maximumPercent": service.maximum_percent,
        "percentChangesLater": service.service_name in redeployed,
        "placementStrategy": [[i.type.value, i.field or ""] for i in service.placement_strategy],
        "capacityProviders": [i.capacity_provider for i in service.capacity_provider_strategy],
        "subnets": [s.rsplit("/", 1)[-1] for s in service.subnets],
        "drain": max((delays.get(name.split("/", 1)[0], 300) for name in groups if name), default=0),
    }


def _scaled_on(scenario: Scenario, service: Service, default: str) -> list[str]:
    """The metrics by which the service's policies scale it; any other than a target of its own stands for both."""
    cluster = (service.cluster or default).rsplit("/", 1)[-1]
    found: set[str] = set()
    for policy in scenario.scaling_policies:
        if policy.resource_id != f"service/{cluster}/{service.service_name}":
            continue
        tracking = policy.target_tracking_scaling_policy_configuration
        metric = tracking.predefined_metric_specification if tracking is not None else None
        if metric is not None:
            found.add(str(metric.predefined_metric_type))
        else:
            found |= {"ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"}
    return sorted(found)


def _policies(scenario: Scenario, service: Service, default: str) -> list[str]:
    """What scales a service, by name: scaling policies, scheduled actions, Kubernetes autoscalers."""
    cluster = (service.cluster or default).rsplit("/", 1)[-1]
    resource = f"service/{cluster}/{service.service_name}"
    return [
        *(p.policy_name for p in scenario.scaling_policies if p.resource_id == resource),
        *(a.scheduled_action_name for a in scenario.scheduled_actions if a.resource_id == resource),
        *(
            h.name
            for h in scenario.horizontal_pod_autoscalers
            if h.scale_target_ref.name in (service.service_name, f"{cluster}/{service.service_name}")
        ),
    ]


def _definitions(scenario: Scenario) -> Iterator[tuple[str, Setting]]:
    """Task definitions by ``family:revision``: where their size is written and below what their containers keep it."""
    revisions: Counter[str] = Counter()
    for definition in scenario.task_definitions:
        revisions[definition.family] += 1
        containers = definition.container_definitions
        only = containers[0] if len(containers) == 1 else None
        reserved = "memoryReservation" if only is not None and only.memory_reservation is not None else "memory"
        on_task = definition.memory is not None
        limits = [c.memory or c.memory_reservation or 0 for c in containers] if on_task else [0]
        soft = sum(c.memory_reservation or 0 for c in containers) if on_task else 0
        yield (
            f"{definition.family}:{revisions[definition.family]}",
            {
                "cpu": definition.cpu is not None,
                "memory": on_task,
                "only": only.name if only is not None else None,
                "reservedBy": reserved,
                "leastCpu": sum(c.cpu for c in containers) if definition.cpu is not None else 0,
                "leastMemory": max([*limits, soft, 4]),
                "fargate": Compatibility.FARGATE in definition.requires_compatibilities,
                "windows": definition.is_windows,
                "architecture": definition.cpu_architecture.value,
            },
        )


def _redeployed(scenario: Scenario) -> set[str]:
    """Services whose deployment configuration is set again by a call of the timeline."""
    return {
        str(entry.with_["service"]).rsplit("/", 1)[-1]
        for entry in scenario.timeline
        if isinstance(entry, TimelineCall) and "service" in entry.with_ and "deploymentConfiguration" in entry.with_
    }


def _group(group: AutoScalingGroup, provider: CapacityProvider | None, cluster: str) -> Setting:
    desired = group.desired_capacity
    return {
        "capacityProvider": provider.name if provider is not None else None,
        "managedScaling": provider is not None and scales(provider.auto_scaling_group_provider),
        "cluster": (group.agent.cluster or cluster).rsplit("/", 1)[-1],
        "instanceType": group.choices[0].instance_type if group.choices else None,
        "oneType": group.instances is not None,
        "minSize": group.min_size,
        "maxSize": group.max_size,
        "desiredCapacity": group.min_size if desired is None else desired,
        "subnets": list(group.subnet_ids),
        "reservedMemory": group.agent.reserved_memory,
    }
