"""Checks of IPv6 blocks, of subnets that have nothing else, and of who can be in those.

Implements NET-045 (dual stack) and NET-046 (IPv6-only subnets).
"""

from __future__ import annotations

from ipaddress import IPv6Network

from ecssim.aws.load_balancing import LoadBalancer
from ecssim.aws.network import Subnet
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names, name_of
from ecssim.scenario.nodes import Step

#: Prefix lengths of a subnet's IPv6 block, and of a VPC's.
SUBNET_PREFIXES = range(44, 65, 4)
VPC_PREFIXES = range(44, 61, 4)


def check_ipv6(names: Names, findings: Findings) -> None:
    """IPv6 blocks that are none, subnets without any block, and what cannot live without IPv4."""
    for index, vpc in enumerate(names.scenario.vpcs):
        for block in vpc.ipv6_blocks:
            _parse(("vpcs", index), block, VPC_PREFIXES, findings)
    for index, subnet in enumerate(names.scenario.subnets):
        _subnet(("subnets", index), subnet, names, findings)
    _holders(names, findings)
    _windows(names, findings)


def _parse(where: tuple[Step, ...], block: str, prefixes: range, findings: Findings) -> IPv6Network | None:
    try:
        network = IPv6Network(block)
    except ValueError:
        findings.error(where, f"{block} is not an IPv6 block, or begins inside one", "NET-045")
        return None
    if network.prefixlen not in prefixes:
        message = f"an IPv6 block here is /{prefixes[0]} to /{prefixes[-1]} in steps of 4, got {block}"
        findings.error(where, message, "NET-045")
        return None
    return network


def _subnet(where: tuple[Step, ...], subnet: Subnet, names: Names, findings: Findings) -> None:
    blocks = subnet.ipv6_blocks
    if subnet.ipv6_native and subnet.cidr_block is not None:
        findings.error((*where, "cidrBlock"), "an IPv6-only subnet (ipv6Native) has no cidrBlock", "NET-046")
    if subnet.ipv6_native and subnet.addresses_in_use:
        findings.error((*where, "addressesInUse"), "an IPv6-only subnet has no IPv4 addresses in use", "NET-046")
    if subnet.ipv6_native and not blocks:
        findings.error(where, "an IPv6-only subnet (ipv6Native) needs ipv6CidrBlock", "NET-046")
    if not subnet.ipv6_native and subnet.cidr_block is None:
        message = f"subnet {subnet.subnet_id} needs cidrBlock, or ipv6Native: true with ipv6CidrBlock"
        findings.error(where, message, "NET-030")
    vpc = next((v for v in names.scenario.vpcs if v.vpc_id == subnet.vpc_id), None)
    for block in blocks:
        network = _parse(where, block, SUBNET_PREFIXES, findings)
        outer = vpc.ipv6_blocks if vpc is not None else ()
        if network is None or vpc is None:
            continue
        try:
            inside = any(network.subnet_of(IPv6Network(o)) for o in outer)
        except ValueError:
            continue  # said at the VPC
        if not inside:
            theirs = f"outside of {', '.join(outer)}" if outer else "IPv6, and it has no IPv6 block:"
            findings.error(where, f"{block} is {theirs} of VPC {vpc.vpc_id}", "NET-045")


def _holders(names: Names, findings: Findings) -> None:
    """NAT gateways and load balancers need IPv4 subnets; the latter send to IPv6 targets only if dual stack."""
    scenario = names.scenario
    native = {s.subnet_id for s in scenario.subnets if s.ipv6_native}
    if not native:
        return
    for index, gateway in enumerate(scenario.nat_gateways):
        if gateway.subnet_id in native:
            message = f"{gateway.subnet_id} is IPv6 only: a NAT gateway needs an IPv4 address"
            findings.error(("natGateways", index, "subnetId"), message, "NET-046")
    for index, balancer in enumerate(scenario.load_balancers):
        for subnet in balancer.subnet_ids:
            if subnet in native:
                message = f"{subnet} is IPv6 only: a load balancer needs IPv4 addresses"
                findings.error(("loadBalancers", index), message, "NET-046")
    for index, service in enumerate(scenario.services):
        if not any(name_of(s) in native for s in service.subnets):
            continue
        for number, registration in enumerate(service.load_balancers):
            group = names.target_group(registration.target_group_arn or "")
            steps = ("services", index, "loadBalancers", number)
            if group is not None and group.ip_address_type != "ipv6":
                message = f"tasks in IPv6-only subnets need {group.target_group_name} to have ipAddressType ipv6"
                findings.error((*steps, "targetGroupArn"), message, "NET-046")
            for balancer in _balancers_of(registration.target_group_arn or "", names):
                if not (balancer.ip_address_type or "ipv4").startswith("dualstack"):
                    name = balancer.load_balancer_name
                    message = f"tasks in IPv6-only subnets need a dual-stack load balancer, {name} is IPv4"
                    findings.error((*steps, "targetGroupArn"), message, "NET-046")


def _balancers_of(group: str, names: Names) -> list[LoadBalancer]:
    """The load balancers whose listeners forward to a target group."""
    found = []
    wanted = names.target_group(group)
    for listener in names.scenario.listeners:
        forwards = [to for action in listener.actions for to, _ in action.forwards_to]
        if wanted is not None and any(names.target_group(to) is wanted for to in forwards):
            balancer = names.load_balancer(listener.load_balancer_name or listener.load_balancer_arn or "")
            if balancer is not None and balancer not in found:
                found.append(balancer)
    return found


def _windows(names: Names, findings: Findings) -> None:
    """Windows on EC2 has neither dual stack nor IPv6 (NET-045)."""
    native = {s.subnet_id for s in names.scenario.subnets if s.ipv6_native}
    for index, service in enumerate(names.scenario.services):
        definition = names.task_definition(service.task_definition or "")
        if definition is None or not definition.is_windows:
            continue
        for number, subnet in enumerate(service.subnets):
            if name_of(subnet) in native:
                steps = ("services", index, "networkConfiguration", "awsvpcConfiguration", "subnets", number)
                findings.error(steps, f"Windows tasks have no IPv6, and {subnet} is IPv6 only", "NET-045")
