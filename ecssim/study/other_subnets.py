"""Other subnets as a way out of full ones: one more beside each, without the full ones, or IPv6 only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any, Final

from ecssim.aws.network import Subnet
from ecssim.aws.service import Service
from ecssim.aws.shape import keys_of
from ecssim.results.address_fixes import another_block
from ecssim.results.wording import listed, path
from ecssim.scenario.load import Loaded
from ecssim.scenario.setting import setting_of
from ecssim.study.subnet_alternatives import Alternative, groups_of

#: IPv6 blocks of new subnets: one of AWS's for each.
BLOCKS: Final = "2600:1f18:0:{:x}::/64"


def one_more_subnet(loaded: Loaded, full: Sequence[str]) -> Alternative:
    """A second subnet of the same size beside each that is full, for all that lists the first one (NET-032)."""
    beside = _beside(loaded, full, "-2")
    if beside is None:
        text = f"one beside each of {listed(list(full), 6)}"
        return Alternative("one more subnet", text, (), "the VPC has no free block of that size")
    names, text, options = beside
    moved = _in_place_of(loaded, lambda subnet: [subnet, names[subnet]] if subnet in names else [subnet])
    return Alternative("one more subnet", text, (*options, *moved))


def balancers_apart(loaded: Loaded, full: Sequence[str]) -> Alternative | None:
    """Load balancers in subnets of their own beside the full ones: what they grow by is not the tasks' (NET-036)."""
    mine = [b for b in loaded.scenario.load_balancers if b.subnets and set(b.subnet_ids) & set(full)]
    theirs = [name for name in full if any(name in b.subnet_ids for b in mine)]
    if not mine:
        return None
    kind, who = "load balancer apart", listed([b.load_balancer_name for b in mine])
    beside = _beside(loaded, theirs, "-lb")
    if beside is None:
        return Alternative(kind, f"subnets for {who}", (), "the VPC has no free block of that size")
    names, text, options = beside
    moved = [
        f"{path('loadBalancers', b.load_balancer_name, 'subnets')}=[{', '.join(names.get(s, s) for s in b.subnet_ids)}]"
        for b in mine
    ]
    return Alternative(kind, f"{who} in {text}", (*options, *moved))


def elsewhere(loaded: Loaded, full: Sequence[str]) -> Alternative | None:
    """Without the subnets that are full, for services and jobs that list others, too: their zones are left alone."""
    used = {name.rsplit("/", 1)[-1] for service in loaded.scenario.services for name in service.subnets}
    if not used - set(full):
        return None
    options = tuple(_in_place_of(loaded, lambda subnet: [] if subnet in full else [subnet], keep=True))
    return Alternative("other subnets", f"nothing in {listed(list(full), 6)}", options) if options else None


def ipv6_only(loaded: Loaded, full: Sequence[str]) -> Alternative | None:
    """The tasks of subnets that are full into IPv6-only ones, where a task holds no IPv4 address (NET-046)."""
    if "ipv6Native" not in keys_of(Subnet):
        return None
    by_name = {subnet.subnet_id: subnet for subnet in loaded.scenario.subnets}
    names = {name: _unused(f"{name}-ipv6", by_name) for name in full}
    options = []
    for number, name in enumerate(full):
        block = {"ipv6Native": True, "ipv6CidrBlock": BLOCKS.format(number + 1)}
        options.append(_subnet(by_name[name], names[name], block))
        options += _same_routes(loaded, name, names[name])
    for vpc in loaded.scenario.vpcs:
        if any(by_name[name].vpc_id == vpc.vpc_id for name in full) and not getattr(vpc, "ipv6_blocks", ()):
            options.append(f"{path('vpcs', vpc.vpc_id, 'ipv6CidrBlock')}=2600:1f18::/56")
    options += _in_place_of(loaded, lambda subnet: [names.get(subnet, subnet)])
    options += [
        f"{path('targetGroups', group.target_group_name, 'ipAddressType')}=ipv6"
        for group in loaded.scenario.target_groups
        if group.target_group_name in groups_of(loaded, [s.service_name for s in _users(loaded, full)])
    ]
    options += [
        f"{path('loadBalancers', balancer.load_balancer_name, 'ipAddressType')}=dualstack"
        for balancer in loaded.scenario.load_balancers
    ]
    return Alternative("IPv6 only", f"tasks in {listed(list(names.values()), 6)}", tuple(options))


# -- how the changes are written --------------------------------------------------------------------------------


def _beside(loaded: Loaded, full: Sequence[str], suffix: str) -> tuple[dict[str, str], str, list[str]] | None:
    """New subnets like those that are full: their names, in words, and the options; None if there is no room."""
    setting = setting_of(loaded.scenario)
    by_name = {subnet.subnet_id: subnet for subnet in loaded.scenario.subnets}
    names: dict[str, str] = {}
    blocks: list[IPv4Network] = []
    options = []
    for name in full:
        block = another_block(setting, name, blocks)
        if block is None:
            return None
        blocks.append(block)
        names[name] = _unused(f"{name}{suffix}", by_name)
        options.append(_subnet(by_name[name], names[name], {"cidrBlock": str(block)}))
        options += _same_routes(loaded, name, names[name])
    text = listed([f"{names[name]} ({block})" for name, block in zip(full, blocks, strict=True)], 6)
    return names, text, options


def _subnet(like: Subnet, name: str, block: Mapping[str, Any]) -> str:
    """The option that adds a subnet in the zone and VPC of another."""
    document = {"subnetId": name, "availabilityZone": like.availability_zone, **block}
    document |= {"vpcId": like.vpc_id} if like.vpc_id else {}
    document |= {"region": like.region} if like.region else {}
    return f"subnets.+={json.dumps(document)}"


def _in_place_of(loaded: Loaded, into: Callable[[str], list[str]], *, keep: bool = False) -> Iterator[str]:
    """Options that let every service and job list other subnets: ``into`` gives those that stand for each one.

    With ``keep`` who would have none is left as it is.
    """
    for service in loaded.scenario.services:
        subnets = [name for subnet in service.subnets for name in into(subnet.rsplit("/", 1)[-1])]
        before = [subnet.rsplit("/", 1)[-1] for subnet in service.subnets]
        if subnets != before and (subnets or not keep):
            where = path("services", service.service_name, "networkConfiguration", "awsvpcConfiguration", "subnets")
            yield f"{where}=[{', '.join(subnets)}]"
    for job in loaded.scenario.jobs:
        network = job.run_task.network_configuration
        if network is None or network.awsvpc_configuration is None:
            continue
        before = [subnet.rsplit("/", 1)[-1] for subnet in network.awsvpc_configuration.subnets]
        subnets = [name for subnet in before for name in into(subnet)]
        if subnets != before and (subnets or not keep):
            where = path("jobs", job.name, "runTask", "networkConfiguration", "awsvpcConfiguration", "subnets")
            yield f"{where}=[{', '.join(subnets)}]"


def _same_routes(loaded: Loaded, like: str, name: str) -> list[str]:
    """The new subnet uses the route table of the old one; one that uses its VPC's main table needs no word."""
    found = []
    for table in loaded.scenario.route_tables:
        if like in table.subnets:
            found.append(
                f"{path('routeTables', table.route_table_id, 'subnets')}=[{', '.join([*table.subnets, name])}]"
            )
        elif any(association.subnet_id == like for association in table.associations):
            association = json.dumps({"subnetId": name})
            found.append(f"{path('routeTables', table.route_table_id, 'associations')}.+={association}")
    return found


def _users(loaded: Loaded, full: Sequence[str]) -> list[Service]:
    return [s for s in loaded.scenario.services if any(name.rsplit("/", 1)[-1] in full for name in s.subnets)]


def _unused(name: str, known: Mapping[str, object]) -> str:
    while name in known:
        name += "b"
    return name
