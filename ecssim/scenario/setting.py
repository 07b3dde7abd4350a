"""What a reader of a run must know of its scenario and no table says: limits, sizes, blocks of addresses.

The composition root puts it into the manifest (key ``setting``), so that the summary of a run folder can name
the limit that was hit and compute the ``--set`` that lifts it. Plain JSON values under the API's names.
"""

from __future__ import annotations

from typing import Any

from ecssim.aws.cluster import AutoScalingGroup
from ecssim.aws.service import Service
from ecssim.scenario.document import Scenario
from ecssim.scenario.timeline import TimelineCall

Setting = dict[str, Any]

#: Longest wait for containers after the stop signal where a definition says nothing (LIFE-060).
DEFAULT_STOP_TIMEOUT = 30


def setting_of(scenario: Scenario) -> Setting:
    """The setting of a scenario: its subnets, VPCs, services and Auto Scaling groups by name."""
    providers = {
        p.auto_scaling_group_provider.group_name: p.name
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
        },
        "routeTables": {s: t.route_table_id for t in scenario.route_tables for s in t.subnet_ids},
        "vpcs": {v.vpc_id: [*([v.cidr_block] if v.cidr_block else []), *v.cidr_blocks] for v in scenario.vpcs},
        "services": [_service(s, default, delays, _redeployed(scenario)) for s in scenario.services],
        "autoScalingGroups": {
            g.auto_scaling_group_name: _group(g, providers.get(g.auto_scaling_group_name), default)
            for g in scenario.auto_scaling_groups
        },
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


def _redeployed(scenario: Scenario) -> set[str]:
    """Services whose deployment configuration is set again by a call of the timeline."""
    return {
        str(entry.with_["service"]).rsplit("/", 1)[-1]
        for entry in scenario.timeline
        if isinstance(entry, TimelineCall) and "service" in entry.with_ and "deploymentConfiguration" in entry.with_
    }


def _group(group: AutoScalingGroup, provider: str | None, cluster: str) -> Setting:
    desired = group.desired_capacity
    return {
        "capacityProvider": provider,
        "cluster": (group.agent.cluster or cluster).rsplit("/", 1)[-1],
        "instanceType": group.choices[0].instance_type if group.choices else None,
        "oneType": group.instances is not None,
        "minSize": group.min_size,
        "maxSize": group.max_size,
        "desiredCapacity": group.min_size if desired is None else desired,
        "subnets": list(group.subnet_ids),
        "reservedMemory": group.agent.reserved_memory,
    }
