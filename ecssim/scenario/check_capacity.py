"""Checks of Auto Scaling groups, capacity providers and clusters.

Implements AGENT-005, AGENT-007, ASG-002, CAP-011 to CAP-013, CAP-016, QUOTA-001, QUOTA-007, SPOT and FG names
by reference.
"""

from __future__ import annotations

from ecssim.aws.agent import MOST_RESERVED_PORTS
from ecssim.aws.check_launch import check_strategy, check_tags
from ecssim.aws.check_providers import check_provider, scales
from ecssim.aws.checks import Surroundings
from ecssim.aws.cluster import AutoScalingGroup
from ecssim.catalog import instance_types
from ecssim.scenario.check_managed import check_managed
from ecssim.scenario.check_network import refers_to_subnet
from ecssim.scenario.findings import Findings
from ecssim.scenario.messages import suggestion
from ecssim.scenario.names import Names
from ecssim.scenario.nodes import Step


def check_capacity(names: Names, around: Surroundings, findings: Findings) -> None:
    """Groups that cannot launch, providers without group, clusters with providers that are not there."""
    for index, group in enumerate(names.scenario.auto_scaling_groups):
        _group(("autoScalingGroups", index), group, names, findings)
    _providers(names, findings)
    _clusters(names, around, findings)


def _group(where: tuple[Step, ...], group: AutoScalingGroup, names: Names, findings: Findings) -> None:
    low, high, wanted = group.min_size, group.max_size, group.desired_capacity
    if low > high:
        findings.error((*where, "minSize"), f"minSize {low} is more than maxSize {high}")
    elif wanted is not None and not low <= wanted <= high:
        findings.error((*where, "desiredCapacity"), f"desiredCapacity {wanted} is not between {low} and {high}")
    if not group.subnet_ids:
        findings.error(where, f"group {group.auto_scaling_group_name} needs subnets (or vpcZoneIdentifier)")
    for number, subnet in enumerate(group.subnet_ids):
        steps = (*where, "subnets", number) if group.subnets else (*where, "vpcZoneIdentifier")
        refers_to_subnet(steps, subnet, names, findings)
    home = names.cluster_of_group(group)
    if group.agent.cluster is not None:
        findings.refers((*where, "agent", "ECS_CLUSTER"), "cluster", home, names.clusters, "clusters")
    elif home not in names.clusters and not findings.unsure & {"clusters", "capacityProviders"}:
        name = group.auto_scaling_group_name
        message = f"the instances of {name} join no cluster; set agent: {{ECS_CLUSTER: ...}}"
        findings.warning(where, message)
    if not group.choices:
        message = (
            f"group {group.auto_scaling_group_name} does not say which instances it launches; "
            "give instances: {instanceType: ...} or mixedInstancesPolicy with overrides"
        )
        findings.error(where, message)
    _agent((*where, "agent"), group, findings)
    _instance_types(where, group, findings)


def _agent(where: tuple[Step, ...], group: AutoScalingGroup, findings: Findings) -> None:
    """What the agents of the group cannot be told (AGENT-005, AGENT-007, AGENT-033, AGENT-035, AGENT-036)."""
    agent = group.agent
    ports = len(agent.host_ports)
    if ports > MOST_RESERVED_PORTS:
        key = "ECS_RESERVED_PORTS" if agent.reserved_ports else "ECS_RESERVED_PORTS_UDP"
        message = f"an instance has at most {MOST_RESERVED_PORTS} reserved ports, the agent's own included; got {ports}"
        findings.error((*where, key), message, "AGENT-007")
    known = instance_types()
    for choice in group.choices:
        found = known.get(choice.instance_type)
        if found is not None and agent.reserved_memory > found.registered_memory_mib:
            message = (
                f"{choice.instance_type} has {found.registered_memory_mib:,} MiB, less than the reserve of "
                f"{agent.reserved_memory:,}: its agent fails to register"
            )
            findings.warning((*where, "ECS_RESERVED_MEMORY"), message, "AGENT-005")
    for key, (text, least) in agent.too_short().items():
        findings.warning((*where, key), f"the agent does not take {text} for {key}: {least:g} s is the least")


def _instance_types(where: tuple[Step, ...], group: AutoScalingGroup, findings: Findings) -> None:
    known = instance_types()
    architectures: dict[str, str] = {}
    for number, choice in enumerate(group.choices):
        overrides = (*where, "mixedInstancesPolicy", "launchTemplate", "overrides", number, "instanceType")
        steps = (*where, "instances", "instanceType") if group.instances is not None else overrides
        found = known.get(choice.instance_type)
        if found is None:
            message = f"there is no instance type {choice.instance_type!r}{_near_type(choice.instance_type)}"
            findings.error(steps, message)
            continue
        other = architectures.setdefault(found.architecture, choice.instance_type)
        if len(architectures) > 1:
            first = next(iter(architectures.values()))
            message = f"{other} is {found.architecture}, {first} is not: one image runs on one architecture"
            findings.error(steps, message, "PLACE-052")


def _near_type(name: str) -> str:
    """The nearest instance types; those of the same family first, since a size is easily mistaken."""
    known = instance_types()
    family = name.split(".", 1)[0]
    same = [other for other in known if other.split(".", 1)[0] == family]
    return suggestion(name, same) if same else suggestion(name, known)


def _providers(names: Names, findings: Findings) -> None:
    groups: dict[str, str] = {}
    for index, provider in enumerate(names.scenario.capacity_providers):
        where: tuple[Step, ...] = ("capacityProviders", index)
        findings.refusals(where, list(check_provider(provider)))
        if provider.managed_instances_provider is not None:
            check_managed(where, provider.cluster, provider.managed_instances_provider, names, findings)
        behind = provider.auto_scaling_group_provider
        if behind is None:
            continue
        inner = (*where, "autoScalingGroupProvider")
        key = "autoScalingGroup" if behind.auto_scaling_group is not None else "autoScalingGroupArn"
        findings.refers((*inner, key), "Auto Scaling group", behind.group_name, names.groups, "autoScalingGroups")
        other = groups.setdefault(behind.group_name, provider.name)
        if other != provider.name:
            findings.error((*inner, key), f"group {behind.group_name} is behind provider {other} already")


def _clusters(names: Names, around: Surroundings, findings: Findings) -> None:
    homes: dict[str, str] = {}
    most, clusters = around.limits.capacity_providers_per_cluster, around.limits.clusters_per_account
    if clusters is not None and len(names.scenario.clusters) > clusters:
        message = f"an account has at most {clusters:,} clusters, got {len(names.scenario.clusters):,}"
        findings.error(("clusters", clusters), message, "QUOTA-001")
    for index, cluster in enumerate(names.scenario.clusters):
        where: tuple[Step, ...] = ("clusters", index)
        findings.refusals(where, list(check_tags(cluster.tags, around.limits)))
        if len(cluster.capacity_providers) > most:
            count = len(cluster.capacity_providers)
            message = f"a cluster has at most {most} capacity providers, got {count}"
            findings.error((*where, "capacityProviders"), message, "QUOTA-007")
        for number, name in enumerate(cluster.capacity_providers):
            steps = (*where, "capacityProviders", number)
            known = findings.refers(steps, "capacity provider", name, names.provider_types, "capacityProviders")
            if (
                known
                and _is_managed(name, names)
                and homes.setdefault(name, cluster.cluster_name) != cluster.cluster_name
            ):
                message = f"{name} has managed scaling and belongs to cluster {homes[name]} already"
                findings.error(steps, message, "CAP-016")
        key = "defaultCapacityProviderStrategy"
        items = cluster.default_capacity_provider_strategy
        findings.refusals(where, list(check_strategy(items, around, key)))
        for number, item in enumerate(items):
            steps = (*where, key, number, "capacityProvider")
            name = item.capacity_provider
            if not findings.refers(steps, "capacity provider", name, names.provider_types, "capacityProviders"):
                continue
            if name not in cluster.capacity_providers:
                message = f"{name} is not among the capacityProviders of cluster {cluster.cluster_name}"
                findings.error(steps, message, "CAP-011")


def _is_managed(name: str, names: Names) -> bool:
    provider = names.providers.get(name)
    return scales(provider.auto_scaling_group_provider if provider is not None else None)
