"""Checks of VPCs, subnets and what holds addresses in them.

Implements NET-030 to NET-035, NET-037.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from ipaddress import IPv4Network

from ecssim.aws.names import LoadBalancerType, VpcEndpointType
from ecssim.aws.network import Subnet
from ecssim.scenario.declared_addresses import (
    FREE_FOR_BALANCER,
    declared_addresses,
    nodes_at_first,
    rule_of_balancer,
    wants_free,
)
from ecssim.scenario.findings import Findings
from ecssim.scenario.free_blocks import instead_of
from ecssim.scenario.names import Names
from ecssim.scenario.nodes import Step

RESERVED_ADDRESSES = 5


def check_network(names: Names, findings: Findings) -> None:
    """Blocks that are none, that overlap or do not fit, and references to subnets that are not there."""
    _vpcs(names, findings)
    blocks = dict(_blocks(names, findings))
    _overlaps(names, blocks, findings)
    _inside_vpcs(names, blocks, findings)
    _address_holders(names, findings)
    _load_balancers(names, blocks, findings)


def _vpcs(names: Names, findings: Findings) -> None:
    """Blocks that no VPC can have, and secondary ones that overlap another of the same VPC (NET-030, NET-032)."""
    for index, vpc in enumerate(names.scenario.vpcs):
        parsed: list[IPv4Network] = []
        for block in vpc.blocks:
            key = "cidrBlock" if block == vpc.cidr_block else "cidrBlocks"
            if key == "cidrBlocks" and block not in vpc.cidr_blocks:
                key = "cidrBlockAssociationSet"
            network = _parse(("vpcs", index, key), block, findings)
            if network is None:
                continue
            other = next((o for o in parsed if o.overlaps(network)), None)
            if other is not None:
                findings.error(("vpcs", index, key), f"{block} overlaps {other} of the same VPC", "NET-032")
            parsed.append(network)
    if names.scenario.vpcs:
        known = {v.vpc_id for v in names.scenario.vpcs}
        for index, subnet in enumerate(names.scenario.subnets):
            if subnet.vpc_id is not None:
                findings.refers(("subnets", index, "vpcId"), "VPC", subnet.vpc_id, known, "vpcs")


def _parse(
    steps: tuple[Step, ...], block: str, findings: Findings, free: Callable[[IPv4Network], str] | None = None
) -> IPv4Network | None:
    """The block, if it is one that a VPC or subnet can have (NET-030); ``free`` says what to write in its place."""
    address, _, prefix = block.partition("/")
    try:
        network = IPv4Network(block, strict=False)
    except ValueError:
        findings.error(steps, f"{block} is not an IPv4 block", "NET-030")
        return None
    if str(network.network_address) != address:
        instead = free(network) if free is not None else f"did you mean {network}?"
        findings.error(steps, f"{block} begins inside the block {network}; {instead}", "NET-030")
        return None
    if not 16 <= network.prefixlen <= 28:
        message = f"a block is /16 to /28, got /{prefix} of {block}"
        findings.error(steps, message, "NET-030")
        return None
    return network


def _blocks(names: Names, findings: Findings) -> Iterator[tuple[int, IPv4Network]]:
    for index, subnet in enumerate(names.scenario.subnets):
        region = subnet.region or names.scenario.region
        if not subnet.availability_zone.startswith(region):
            message = f"zone {subnet.availability_zone} is not in region {region}"
            findings.error(("subnets", index, "availabilityZone"), message, "NET-030")
        if subnet.cidr_block is None:
            continue  # IPv6 only, or without any block: see check_ipv6
        network = _parse(
            ("subnets", index, "cidrBlock"), subnet.cidr_block, findings, partial(instead_of, names, index)
        )
        if network is None:
            continue
        usable = network.num_addresses - RESERVED_ADDRESSES
        if subnet.addresses_in_use > usable:
            used = f"{subnet.addresses_in_use:,} cannot be in use"
            message = f"{subnet.cidr_block} has {usable:,} usable addresses, {used}"
            findings.error(("subnets", index, "addressesInUse"), message, "NET-031")
        yield index, network


def _overlaps(names: Names, blocks: dict[int, IPv4Network], findings: Findings) -> None:
    """Subnets of one VPC do not overlap (NET-030); sorted by address, only neighbours can."""
    by_vpc: dict[tuple[str | None, str], list[tuple[IPv4Network, int]]] = {}
    for index, network in blocks.items():
        subnet = names.scenario.subnets[index]
        by_vpc.setdefault((subnet.vpc_id, subnet.region or names.scenario.region), []).append((network, index))
    for members in by_vpc.values():
        members.sort(key=lambda m: (int(m[0].network_address), m[0].prefixlen))
        widest, widest_index = members[0]
        for network, index in members[1:]:
            if network.network_address <= widest.broadcast_address:
                later, earlier = max(index, widest_index), min(index, widest_index)
                one, other = names.scenario.subnets[later], names.scenario.subnets[earlier]
                message = f"{one.cidr_block} overlaps {other.cidr_block} of subnet {other.subnet_id}"
                findings.error(("subnets", later, "cidrBlock"), message, "NET-030")
            if network.broadcast_address > widest.broadcast_address:
                widest, widest_index = network, index


def _inside_vpcs(names: Names, blocks: dict[int, IPv4Network], findings: Findings) -> None:
    vpcs = {v.vpc_id: v for v in names.scenario.vpcs}
    for index, network in blocks.items():
        subnet = names.scenario.subnets[index]
        vpc = vpcs.get(subnet.vpc_id or "")
        if vpc is None:
            continue
        outer = vpc.blocks
        try:
            inside = any(network.subnet_of(IPv4Network(block, strict=False)) for block in outer)
        except ValueError:
            continue
        if outer and not inside:
            message = f"{subnet.cidr_block} is outside of {', '.join(outer)} of VPC {vpc.vpc_id}"
            findings.error(("subnets", index, "cidrBlock"), message, "NET-030")


def _address_holders(names: Names, findings: Findings) -> None:
    for index, gateway in enumerate(names.scenario.nat_gateways):
        refers_to_subnet(("natGateways", index, "subnetId"), gateway.subnet_id, names, findings)
    for index, endpoint in enumerate(names.scenario.vpc_endpoints):
        if endpoint.vpc_endpoint_type is VpcEndpointType.INTERFACE and not endpoint.subnet_ids:
            message = "an interface endpoint needs subnetIds: it holds one address in each"
            findings.error(("vpcEndpoints", index), message, "NET-033")
        for number, subnet in enumerate(endpoint.subnet_ids):
            refers_to_subnet(("vpcEndpoints", index, "subnetIds", number), subnet, names, findings)
    for index, table in enumerate(names.scenario.route_tables):
        for number, subnet in enumerate(table.subnets):
            refers_to_subnet(("routeTables", index, "subnets", number), subnet, names, findings)


def refers_to_subnet(steps: tuple[Step, ...], subnet: str, names: Names, findings: Findings) -> Subnet | None:
    """The subnet that is named, None (and a problem) if there is none."""
    found = names.subnets.get(subnet)
    if found is None:
        findings.refers(steps, "subnet", subnet, names.subnets, "subnets")
    return found


def _load_balancers(names: Names, blocks: dict[int, IPv4Network], findings: Findings) -> None:
    sizes = {names.scenario.subnets[index].subnet_id: network for index, network in blocks.items()}
    held = declared_addresses(names.scenario)
    for index, balancer in enumerate(names.scenario.load_balancers):
        where: tuple[Step, ...] = ("loadBalancers", index)
        if not balancer.subnet_ids:
            findings.error(where, f"load balancer {balancer.load_balancer_name} needs subnets")
        zones: dict[str, str] = {}
        for number, name in enumerate(balancer.subnet_ids):
            steps = (*where, "subnets", number)
            subnet = refers_to_subnet(steps, name, names, findings)
            if subnet is None:
                continue
            other = zones.setdefault(subnet.availability_zone, name)
            if other != name:
                message = f"{name} and {other} are both in {subnet.availability_zone}; one subnet for each zone"
                findings.error(steps, message, rule_of_balancer(balancer.type))
            network = sizes.get(name)
            if balancer.type is LoadBalancerType.APPLICATION and network is not None and network.prefixlen > 27:
                message = f"an Application Load Balancer needs a /27 or larger, {name} is a /{network.prefixlen}"
                findings.error(steps, message, "NET-035")
            elif network is not None and wants_free(balancer, name):
                free = network.num_addresses - RESERVED_ADDRESSES - held.get(name, 0)
                if free < FREE_FOR_BALANCER and subnet.addresses_in_use <= network.num_addresses - RESERVED_ADDRESSES:
                    message = f"a load balancer needs {FREE_FOR_BALANCER} free addresses, {name} has {max(0, free)}"
                    findings.error(steps, message, rule_of_balancer(balancer.type))
            held[name] = held.get(name, 0) + nodes_at_first(balancer)
        whole = "subnets" not in findings.unsure and all(s in names.subnets for s in balancer.subnet_ids)
        if balancer.type is LoadBalancerType.APPLICATION and len(zones) == 1 and whole:
            message = "an Application Load Balancer needs subnets in at least two zones"
            findings.error((*where, "subnets"), message, "NET-035")
