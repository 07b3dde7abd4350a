"""Which block to write instead of one that no subnet can have: one that is free in the VPC (NET-030, NET-032)."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network

from ecssim.scenario.names import Names

#: The largest block of a VPC: where to look if the VPC is not described.
LARGEST = 16


def instead_of(names: Names, index: int, wanted: IPv4Network) -> str:
    """What to write instead of a subnet's block that begins inside of ``wanted``, in words."""
    subnet = names.scenario.subnets[index]
    home = (subnet.vpc_id, subnet.region or names.scenario.region)
    taken = whole(
        other.cidr_block
        for i, other in enumerate(names.scenario.subnets)
        if i != index and (other.vpc_id, other.region or names.scenario.region) == home
    )
    vpc = next((v for v in names.scenario.vpcs if v.vpc_id == subnet.vpc_id), None)
    outer = whole(vpc.blocks) if vpc is not None else []
    if not outer:
        outer = [wanted.supernet(new_prefix=LARGEST) if wanted.prefixlen > LARGEST else wanted]
    holder = next((block for block in taken if block.overlaps(wanted)), None)
    inside = any(wanted.subnet_of(block) for block in outer)
    if holder is None and inside:
        return f"did you mean {wanted}?"
    why = f"that overlaps {holder} of another subnet" if holder is not None else "that is outside of the VPC"
    found = next_free(wanted, outer, taken)
    if found is None:
        return f"{why}, and no block of its size is free in {', '.join(map(str, outer))}"
    return f"{why}; {found} is free"


def next_free(wanted: IPv4Network, outer: Iterable[IPv4Network], taken: Iterable[IPv4Network]) -> IPv4Network | None:
    """The first block of the wanted size that nobody has: from ``wanted`` on, then from the beginning."""
    size = wanted.num_addresses
    for begin in (int(wanted.network_address), 0):
        for block in outer:
            at = max(begin, int(block.network_address))
            while at + size - 1 <= int(block.broadcast_address):
                found = IPv4Network((at, wanted.prefixlen))
                in_the_way = max((int(b.broadcast_address) for b in taken if b.overlaps(found)), default=None)
                if in_the_way is None:
                    return found
                at = -(-(in_the_way + 1) // size) * size
    return None


def whole(blocks: Iterable[str | None]) -> list[IPv4Network]:
    """The blocks among these that are written as blocks."""
    found = []
    for block in blocks:
        try:
            found.append(IPv4Network(block or ""))
        except ValueError:
            continue
    return found
