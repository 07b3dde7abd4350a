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
#: Where the blocks of a layout begin: private space that holds 256 blocks of a /16.
BASE: Final = IPv4Address("10.0.0.0")


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
    """The options that give all subnets blocks of these sizes, and their VPCs the space for them."""
    options, spaces = [], 0
    vpcs: dict[str, list[str]] = {vpc.vpc_id: [] for vpc in loaded.scenario.vpcs}
    of_vpc: dict[str | None, list[str]] = {}
    for subnet in loaded.scenario.subnets:
        if subnet.subnet_id in wanted:
            of_vpc.setdefault(subnet.vpc_id, []).append(subnet.subnet_id)
    for vpc, names in of_vpc.items():
        at = int(BASE) + (spaces << 16)
        begin = at
        for name in sorted(names, key=wanted.__getitem__):
            # The largest first: each block begins where the one before it ended.
            options.append(f"{path('subnets', name, 'cidrBlock')}={IPv4Address(at)}/{wanted[name]}")
            at += 2 ** (32 - wanted[name])
        used = -(-(at - begin) // 65_536)
        if vpc in vpcs:
            vpcs[vpc] = [f"{IPv4Address(begin + (i << 16))}/16" for i in range(used)]
        spaces += used
    for written in loaded.scenario.vpcs:
        if not vpcs[written.vpc_id] or not written.blocks:
            continue
        first, *more = vpcs[written.vpc_id]
        if written.cidr_block_association_set:
            options.append(f"{path('vpcs', written.vpc_id, 'cidrBlockAssociationSet')}=null")
        options.append(f"{path('vpcs', written.vpc_id, 'cidrBlock')}={first}")
        options.append(f"{path('vpcs', written.vpc_id, 'cidrBlocks')}=[{', '.join(more)}]")
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
