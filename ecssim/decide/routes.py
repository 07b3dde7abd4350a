"""Which way packets take from a subnet to a service of AWS or to the internet, and if none, which hop is missing.

A :class:`NetworkMap` is what a scenario says of its VPCs: route tables, gateways, endpoints and security groups.
:func:`way` follows a packet to TCP port 443 over it: name resolution first (an interface endpoint with private DNS
takes the name of its service for the whole VPC, whether its security group lets anybody in or not), then the route
table of the subnet, then security groups on both sides. Where nothing is said of a VPC's routes everything is
reachable; where a route leads to something whose far side is not described (a transit gateway, a peering, an
appliance), it is taken to reach the internet.

Implements NET-080 to NET-084; network access lists and endpoint policies are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Final

HTTPS: Final = 443
#: Blocks that are nobody's on the internet: a permission for nothing but these does not lead there.
PRIVATE_BLOCKS: Final = tuple(
    IPv4Network(b) for b in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
#: Services that gateway endpoints exist for (NET-034).
GATEWAY_SERVICES: Final = ("s3", "dynamodb")
INTERNET: Final = "internet"


class Kind(StrEnum):
    """What a way leads over."""

    OPEN = "open"
    ENDPOINT = "interface endpoint"
    GATEWAY_ENDPOINT = "gateway endpoint"
    INTERNET_GATEWAY = "internet gateway"
    NAT = "NAT gateway"
    OTHER = "other"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission of a security group: a protocol, ports, and with whom (blocks, groups, prefix lists)."""

    protocol: str
    first: int
    last: int
    blocks: tuple[IPv4Network, ...] = ()
    groups: tuple[str, ...] = ()
    prefix_lists: bool = False

    @property
    def https(self) -> bool:
        """Whether it is about TCP 443."""
        if self.protocol == "-1":
            return True
        return self.protocol in ("tcp", "6") and self.first <= HTTPS <= self.last


@dataclass(frozen=True, slots=True)
class Group:
    """A security group. ``outbound`` None is EC2's default: everything may leave."""

    name: str
    inbound: tuple[Permission, ...] = ()
    outbound: tuple[Permission, ...] | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A VPC endpoint for one service (``ecr.dkr``); a gateway endpoint serves the route tables that name it."""

    name: str
    service: str
    gateway: bool
    blocks: tuple[IPv4Network, ...] = ()
    groups: tuple[str, ...] = ()
    private_dns: bool = True
    tables: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Nat:
    """A NAT gateway: it stands in a subnet of its own, and a private one has no way out."""

    name: str
    subnet: str
    public: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A route table, as far as it leads out of the VPC: what its default route names."""

    name: str
    target: str = ""
    kind: Kind = Kind.NONE
    blackhole: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A subnet: where it is and which route table it uses (``""``: the implicit main table, local routes alone)."""

    name: str
    zone: str
    vpc: str
    table: str
    block: IPv4Network


@dataclass(frozen=True, slots=True)
class NetworkMap:
    """What a scenario says of its networks. ``described`` are the VPCs whose route tables it lists.

    ``default_groups`` are the default security groups that are described, by VPC; ``grouped`` the VPCs of which any
    security group is described: only there does an endpoint without groups have the default one's rules.
    """

    described: frozenset[str] = frozenset()
    places: Mapping[str, Place] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    nats: Mapping[str, Nat] = field(default_factory=dict)
    endpoints: Mapping[str, tuple[Endpoint, ...]] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    default_groups: Mapping[str, str] = field(default_factory=dict)
    grouped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a packet starts: a subnet, whether the interface has a public address, its security groups."""

    subnet: str
    public: bool = False
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a service: over what (``name`` is the endpoint's or gateway's), or the hop that is missing.

    ``zone`` is the zone of a NAT gateway, for what crossing zones costs.
    """

    kind: Kind
    name: str = ""
    zone: str = ""
    missing: str = ""

    @property
    def open(self) -> bool:
        """Whether there is a way at all."""
        return self.kind is not Kind.NONE


ANYWHERE: Final = Way(Kind.OPEN)


def _none(missing: str) -> Way:
    return Way(Kind.NONE, missing=missing)


def way(network: NetworkMap, source: Source, service: str) -> Way:
    """Follow a packet from ``source`` to TCP 443 of ``service`` (``ecr.api``, ``s3``, ...; ``internet``: any host)."""
    place = network.places.get(source.subnet)
    if place is None or place.vpc not in network.described:
        return ANYWHERE
    unnamed = ""
    for endpoint in network.endpoints.get(place.vpc, ()):
        if endpoint.service != service:
            continue
        if endpoint.gateway:
            if place.table in endpoint.tables:
                return _through_gateway_endpoint(network, source, place, endpoint)
            unnamed = f"; gateway endpoint {endpoint.name} is not in {_table(place)}"
        elif endpoint.private_dns:
            return _through_endpoint(network, source, place, endpoint)
        else:
            unnamed = f"; endpoint {endpoint.name} has no private DNS, so that its name leads past it"
    return _over_the_internet(network, source, place, service, unnamed)


def _table(place: Place) -> str:
    return f"route table {place.table}" if place.table else f"the main route table of {place.vpc}"


def _through_endpoint(network: NetworkMap, source: Source, place: Place, endpoint: Endpoint) -> Way:
    closed = _outbound(network, source, place, endpoint)
    if closed:
        return _none(f"{closed} does not let TCP 443 out to endpoint {endpoint.name}")
    if not _inbound(network, source, place, endpoint):
        by = f"security group {', '.join(endpoint.groups)}" if endpoint.groups else "the default security group"
        return _none(f"{by} of endpoint {endpoint.name} does not let TCP 443 in from {_of(source)}")
    return Way(Kind.ENDPOINT, endpoint.name)


def _through_gateway_endpoint(network: NetworkMap, source: Source, place: Place, endpoint: Endpoint) -> Way:
    closed = _outbound(network, source, place, endpoint)
    if closed:
        return _none(f"{closed} does not let TCP 443 out to the prefix list of endpoint {endpoint.name}")
    return Way(Kind.GATEWAY_ENDPOINT, endpoint.name)


def _over_the_internet(network: NetworkMap, source: Source, place: Place, service: str, unnamed: str) -> Way:
    table = network.tables.get(place.table, Table(place.table))
    wants = "" if service == INTERNET else f", and {place.vpc} has no endpoint for {service} that serves it{unnamed}"
    if table.kind is Kind.NONE:
        return _none(
            f"subnet {place.name} uses {_table(place)}, which has no route to an internet or NAT gateway{wants}"
        )
    if table.blackhole:
        return _none(f"the default route of {_table(place)} leads to {table.target}, which is a blackhole{wants}")
    if table.kind is Kind.INTERNET_GATEWAY and not source.public:
        return _none(
            f"subnet {place.name} is public, but without a public address nothing gets through {table.target}{wants}"
        )
    found = Way(table.kind, table.target)
    if table.kind is Kind.NAT:
        found = _through_nat(network, table, wants)
        if not found.open:
            return found
    closed = _outbound(network, source, place, None)
    if closed:
        return _none(f"{closed} does not let TCP 443 out to the internet{wants}")
    return found


def _through_nat(network: NetworkMap, table: Table, wants: str) -> Way:
    """A NAT gateway leads out only if it is a public one in a subnet with a route to an internet gateway."""
    nat = network.nats.get(table.target)
    if nat is None:
        return Way(Kind.NAT, table.target)
    if not nat.public:
        return _none(f"{nat.name} is a private NAT gateway, which leads nowhere outside{wants}")
    stands = network.places.get(nat.subnet)
    if stands is None:
        return Way(Kind.NAT, nat.name)
    if network.tables.get(stands.table, Table(stands.table)).kind is not Kind.INTERNET_GATEWAY:
        return _none(
            f"{nat.name} stands in subnet {stands.name}, and {_table(stands)} has no route to an internet "
            f"gateway{wants}"
        )
    return Way(Kind.NAT, nat.name, stands.zone)


# -- security groups ----------------------------------------------------------------------------------------------


def _of(source: Source) -> str:
    groups = ", ".join(source.groups) if source.groups else "the default security group"
    return f"{groups} in subnet {source.subnet}"


def _groups_of(network: NetworkMap, groups: tuple[str, ...], vpc: str) -> tuple[str, ...]:
    """The groups of an interface; one that names none has its VPC's default group (NET-040)."""
    return groups or (network.default_groups.get(vpc, f"default of {vpc}"),)


def _outbound(network: NetworkMap, source: Source, place: Place, endpoint: Endpoint | None) -> str:
    """The groups that let nothing out there, as words; empty if one of them does. What is not described lets all."""
    for name in _groups_of(network, source.groups, place.vpc):
        group = network.groups.get(name)
        if group is None or group.outbound is None:
            return ""
        if any(p.https and _leads_to(p, endpoint) for p in group.outbound):
            return ""
    groups = ", ".join(source.groups) if source.groups else "of the VPC's default"
    return f"security group {groups}"


def _leads_to(permission: Permission, endpoint: Endpoint | None) -> bool:
    if endpoint is None:
        return any(not any(b.subnet_of(own) for own in PRIVATE_BLOCKS) for b in permission.blocks)
    if endpoint.gateway:
        return permission.prefix_lists or _leads_to(permission, None)
    if any(group in permission.groups for group in endpoint.groups):
        return True
    return any(own.subnet_of(block) for own in endpoint.blocks for block in permission.blocks)


def _inbound(network: NetworkMap, source: Source, place: Place, endpoint: Endpoint) -> bool:
    if place.vpc not in network.grouped:
        return True
    mine = _groups_of(network, source.groups, place.vpc)
    for name in _groups_of(network, endpoint.groups, place.vpc):
        group = network.groups.get(name)
        if group is None:
            if endpoint.groups or name in mine:
                return True  # not described; or the default group, which lets its own members in
            continue
        for p in group.inbound:
            if p.https and (any(g in p.groups for g in mine) or any(place.block.subnet_of(b) for b in p.blocks)):
                return True
    return False
