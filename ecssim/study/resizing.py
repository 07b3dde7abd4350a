"""The same scenario with subnets of other sizes: laid out anew, so that no neighbour is in the way.

Sizes are prefix lengths. Where a subnet lies changes nothing but the addresses of its tasks: who runs where, and
when, is the same. What would change is how many there are, which is the point.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from ecssim.errors import BadInput
from ecssim.results.address_fixes import LARGEST_PREFIX, RESERVED, SMALLEST_PREFIX
from ecssim.results.wording import path
from ecssim.scenario.load import Loaded

#: A subnet with room for whatever asks: 8,187 addresses to begin with ...
ROOMY: Final = 19
#: ... and so many times as large as it is.
TIMES: Final = 3


def sizes(loaded: Loaded) -> dict[str, int]:
    """The prefix length of every subnet that has IPv4 addresses, by name, in the order of the scenario."""
    return {
        subnet.subnet_id: IPv4Network(subnet.cidr_block).prefixlen
        for subnet in loaded.scenario.subnets
        if subnet.cidr_block is not None
    }


def usable(prefix: int) -> int:
    """The addresses of a block that can be used (NET-031)."""
    return int(2 ** (32 - prefix)) - RESERVED


def smallest_for(addresses: int) -> int:
    """The prefix length of the smallest block with so many usable addresses, within what AWS allows (NET-030)."""
    prefix = 32 - (addresses + RESERVED - 1).bit_length()
    return max(SMALLEST_PREFIX, min(LARGEST_PREFIX, prefix))


def roomy(loaded: Loaded) -> dict[str, int]:
    """Sizes at which no subnet should run out."""
    return {name: max(SMALLEST_PREFIX, min(ROOMY, prefix - TIMES)) for name, prefix in sizes(loaded).items()}


def resized(loaded: Loaded, wanted: Mapping[str, int]) -> Loaded:
    """The scenario with every subnet at the size that is wanted of it, in a layout of its own.

    :raises BadInput: if the API would refuse a subnet of that size for what is in it (NET-035, NET-037).
    """
    return loaded.changed(layout(loaded, wanted))


def layout(loaded: Loaded, wanted: Mapping[str, int]) -> list[str]:
    """The options that give all subnets blocks of these sizes, and their VPCs the space for them.

    A VPC's subnets begin where its first block does, so that what its security groups allow by that block is allowed
    still.
    """
    options = []
    vpcs = {vpc.vpc_id: vpc for vpc in loaded.scenario.vpcs}
    of_vpc: dict[str | None, list[str]] = {}
    first: dict[str | None, str] = {}
    for subnet in loaded.scenario.subnets:
        if subnet.subnet_id in wanted and subnet.cidr_block is not None:
            of_vpc.setdefault(subnet.vpc_id, []).append(subnet.subnet_id)
            first.setdefault(subnet.vpc_id, subnet.cidr_block)
    for name, subnets in of_vpc.items():
        vpc = vpcs.get(name or "")
        begin = int(IPv4Network(vpc.blocks[0] if vpc is not None and vpc.blocks else first[name]).network_address)
        at = begin = begin >> 16 << 16
        for subnet_id in sorted(subnets, key=wanted.__getitem__):
            # The largest first: each block begins where the one before it ended.
            options.append(f"{path('subnets', subnet_id, 'cidrBlock')}={IPv4Address(at)}/{wanted[subnet_id]}")
            at += 2 ** (32 - wanted[subnet_id])
        if vpc is not None and vpc.blocks:
            spaces = [f"{IPv4Address(block)}/16" for block in range(begin, at, 65_536)]
            if vpc.cidr_block_association_set:
                options.append(f"{path('vpcs', vpc.vpc_id, 'cidrBlockAssociationSet')}=null")
            options.append(f"{path('vpcs', vpc.vpc_id, 'cidrBlock')}={spaces[0]}")
            options.append(f"{path('vpcs', vpc.vpc_id, 'cidrBlocks')}=[{', '.join(spaces[1:])}]")
    return options


def accepted(loaded: Loaded, wanted: Mapping[str, int]) -> dict[str, int]:
    """The same sizes, larger where the API refuses a subnet for what is in it: a load balancer needs a /27."""
    try:
        resized(loaded, wanted)
        return dict(wanted)
    except BadInput:
        pass
    room = roomy(loaded)
    found = {}
    for name, prefix in wanted.items():
        while prefix > room[name]:
            try:
                resized(loaded, {**room, name: prefix})
                break
            except BadInput:
                prefix -= 1
        found[name] = prefix
    return found
