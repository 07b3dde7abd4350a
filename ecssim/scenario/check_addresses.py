"""Checks of who holds addresses beside the network's own parts, and of how many a VPC may have.

Implements NET-015 to NET-017 (what keeps instances from trunking), NET-032 (blocks of a VPC), NET-033, NET-038,
NET-039 (mount targets, RDS proxies, functions) and NET-047 (address usage).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ecssim.aws.address_usage import address_units
from ecssim.aws.address_users import proxy_addresses
from ecssim.aws.capabilities import TRUNKING_AGENT, version_of
from ecssim.aws.check_launch import network_mode_of
from ecssim.aws.checks import Surroundings
from ecssim.aws.names import LoadBalancerType, NetworkMode
from ecssim.catalog import instance_types
from ecssim.scenario.check_network import RESERVED_ADDRESSES, refers_to_subnet
from ecssim.scenario.declared_addresses import declared_addresses, vpc_of_subnets
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import FARGATE_PROVIDERS, Names, name_of
from ecssim.scenario.nodes import Step


def check_addresses(names: Names, around: Surroundings, findings: Findings) -> None:
    """References of further holders, the room that they want, what cannot trunk, and the VPC's quotas."""
    for steps, subnet in _references(names):
        refers_to_subnet(steps, subnet, names, findings)
    _proxies(names, findings)
    _trunking(names, findings)
    _blocks(names, around, findings)
    _address_usage(names, around, findings)


def _references(names: Names) -> Iterator[tuple[tuple[Step, ...], str]]:
    for index, proxy in enumerate(names.scenario.db_proxies):
        for number, subnet in enumerate(proxy.vpc_subnet_ids):
            yield ("dbProxies", index, "vpcSubnetIds", number), subnet
    for index, function in enumerate(names.scenario.functions):
        for number, subnet in enumerate(function.vpc_config.subnet_ids):
            yield ("functions", index, "vpcConfig", "subnetIds", number), subnet
    for index, target in enumerate(names.scenario.mount_targets):
        yield ("mountTargets", index, "subnetId"), target.subnet_id


def _proxies(names: Names, findings: Findings) -> None:
    """An RDS proxy wants as many free addresses as it may come to use (NET-038)."""
    scenario = names.scenario
    wanted = proxy_addresses(scenario.db_proxies, vpc_of_subnets(scenario))
    held = declared_addresses(scenario)
    for index, proxy in enumerate(scenario.db_proxies):
        zones = {names.subnets[s].availability_zone if s in names.subnets else s for s in proxy.vpc_subnet_ids}
        if len(zones) == 1:
            message = f"RDS proxy {proxy.db_proxy_name} needs subnets in at least two zones"
            findings.error(("dbProxies", index, "vpcSubnetIds"), message, "NET-038")
        for number, name in enumerate(proxy.vpc_subnet_ids):
            subnet = names.subnets.get(name)
            if subnet is None or subnet.cidr_block is None:
                continue
            prefix = int(subnet.cidr_block.rpartition("/")[2])
            free = (1 << max(0, 32 - prefix)) - RESERVED_ADDRESSES - held.get(name, 0) + wanted.get(name, 0)
            if free < wanted.get(name, 0):
                message = (
                    f"RDS proxies want {wanted[name]} free addresses in {name} (this one {proxy.addresses} over its "
                    f"subnets), and {max(0, free)} are left"
                )
                findings.warning(("dbProxies", index, "vpcSubnetIds", number), message, "NET-038")


def _trunking(names: Names, findings: Findings) -> None:
    """With awsvpcTrunking on: which instances take no more tasks for it, and why (NET-015 to NET-017)."""
    scenario = names.scenario
    if scenario.account.settings.awsvpc_trunking not in ("enabled", "on"):
        return
    known = instance_types()
    for index, group in enumerate(scenario.auto_scaling_groups):
        where: tuple[Step, ...] = ("autoScalingGroups", index)
        agent = group.agent.version
        if agent is not None and version_of(agent) < TRUNKING_AGENT:
            message = f"agent {agent} cannot trunk, 1.28.1 can: the instances take the tasks of their own ENIs"
            findings.warning((*where, "agent", "version"), message, "NET-017")
        for choice in group.choices:
            kind = known.get(choice.instance_type)
            if kind is not None and not kind.trunking:
                rule = "NET-015" if kind.burstable else "NET-016"
                message = f"{kind.name} cannot trunk: it takes {kind.awsvpc_tasks(trunking=False)} awsvpc tasks"
                findings.warning(where, message, rule)
        for name in group.subnet_ids:
            subnet = names.subnets.get(name)
            if subnet is None:
                continue
            if subnet.resource_names_in_dns:
                message = f"{name} answers to resource names with A records: instances in it do not trunk"
                findings.warning(where, message, "NET-017")
            if subnet.owner_id not in (None, scenario.account.account_id):
                message = f"{name} is shared by account {subnet.owner_id}: instances in it do not trunk"
                findings.warning(where, message, "NET-017")


def _blocks(names: Names, around: Surroundings, findings: Findings) -> None:
    """A VPC has so many IPv4 blocks, the primary one among them (NET-032)."""
    most = around.limits.ipv4_blocks_per_vpc
    for index, vpc in enumerate(names.scenario.vpcs):
        if len(vpc.blocks) > most:
            message = f"{vpc.vpc_id} has {len(vpc.blocks)} IPv4 blocks, the quota is {most} and at most 50"
            findings.error(("vpcs", index), message, "NET-032")


def _address_usage(names: Names, around: Surroundings, findings: Findings) -> None:
    """The units of each VPC with every service at its desired count and every group at its largest (NET-047)."""
    most = around.limits.network_address_units_per_vpc
    for vpc, counts in usage_counts(names).items():
        units = address_units(counts)
        if units > most:
            message = f"{vpc or 'the VPC'} comes to {units:,} units of network address usage, the limit is {most:,}"
            findings.warning(("subnets",), message, "NET-047")


def usage_counts(names: Names) -> dict[str, Counter[str]]:
    """What stands in each VPC when every service has its desired count and every group its largest size."""
    scenario = names.scenario
    vpcs = vpc_of_subnets(scenario)
    found: dict[str, Counter[str]] = {}

    def add(subnet: str, kind: str, count: int = 1) -> None:
        found.setdefault(vpcs.get(name_of(subnet), ""), Counter())[kind] += count

    known = instance_types()
    trunking = scenario.account.settings.awsvpc_trunking in ("enabled", "on")
    for group in scenario.auto_scaling_groups:
        for subnet in group.subnet_ids[:1]:
            add(subnet, "instances", group.max_size)
            kind = known.get(group.choices[0].instance_type) if group.choices else None
            if trunking and kind is not None and kind.trunking:
                add(subnet, "trunks", group.max_size)
    for service in scenario.services:
        definition = names.task_definition(service.task_definition or "")
        if definition is None or network_mode_of(definition) is not NetworkMode.AWSVPC or not service.subnets:
            continue
        fargate = any(item.capacity_provider in FARGATE_PROVIDERS for item in service.capacity_provider_strategy)
        fargate = fargate or (service.launch_type is not None and service.launch_type.value == "FARGATE")
        kind_of_task = "tasks_on_fargate" if fargate else "tasks_on_instances"
        add(service.subnets[0], kind_of_task, service.desired_count or 0)
    for balancer in scenario.load_balancers:
        for subnet in balancer.subnet_ids if balancer.type is LoadBalancerType.NETWORK else ():
            add(subnet, "network_load_balancers")
    for gateway in scenario.nat_gateways:
        add(gateway.subnet_id, "nat_gateways")
    for endpoint in scenario.vpc_endpoints:
        for subnet in endpoint.subnet_ids:
            add(subnet, "vpc_endpoints")
    for function in scenario.functions:
        for subnet in function.vpc_config.subnet_ids:
            add(subnet, "lambda")
    for target in scenario.mount_targets:
        add(target.subnet_id, "mount_targets")
    return found
