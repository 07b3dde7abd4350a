"""Routes of a route table and permissions of a security group: what decides which way a packet may take.

Documents of EC2, as ``describe-route-tables`` and ``describe-security-groups`` print them. IPv6 fields are taken
as they are: every way that is looked at here is one of IPv4 (NET-081).
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ecssim.aws.shape import JsonObject, Shape

IpProtocol = Annotated[str, Field(pattern=r"^(-1|tcp|udp|icmp|icmpv6|\d{1,3})$")]
PortNumber = Annotated[int, Field(ge=-1, le=65535)]


class RoutingShape(Shape):
    """A part of a document of EC2, which writes PascalCase."""

    pascal: ClassVar[bool] = True


class Route(RoutingShape):
    """One route: packets for a destination go to one target. The most specific destination wins."""

    destination_cidr_block: str | None = None
    destination_ipv6_cidr_block: Annotated[str | None, Field(alias="destinationIpv6CidrBlock")] = None
    destination_prefix_list_id: str | None = None
    gateway_id: str | None = None
    nat_gateway_id: str | None = None
    transit_gateway_id: str | None = None
    vpc_peering_connection_id: str | None = None
    network_interface_id: str | None = None
    instance_id: str | None = None
    instance_owner_id: str | None = None
    egress_only_internet_gateway_id: str | None = None
    carrier_gateway_id: str | None = None
    local_gateway_id: str | None = None
    core_network_arn: str | None = None
    odb_network_arn: str | None = None
    ip_address: str | None = None
    state: Annotated[str, Field(pattern="^(active|blackhole)$")] | None = None
    origin: str | None = None

    @property
    def target(self) -> str:
        """What the route leads to, as it was written; empty if nothing was named."""
        return (
            self.gateway_id
            or self.nat_gateway_id
            or self.transit_gateway_id
            or self.vpc_peering_connection_id
            or self.network_interface_id
            or self.instance_id
            or self.local_gateway_id
            or self.carrier_gateway_id
            or self.core_network_arn
            or self.odb_network_arn
            or self.egress_only_internet_gateway_id
            or ""
        )


class RouteTableAssociation(RoutingShape):
    """A subnet that uses a route table, or ``main``: the table of all subnets of its VPC that name none."""

    route_table_association_id: str | None = None
    route_table_id: str | None = None
    subnet_id: str | None = None
    gateway_id: str | None = None
    public_ipv4_pool: Annotated[str | None, Field(alias="publicIpv4Pool")] = None
    main: bool | None = None
    association_state: JsonObject | None = None


class IpRange(RoutingShape):
    """A block of IPv4 addresses that a permission is for."""

    cidr_ip: str
    description: str | None = None


class PrefixList(RoutingShape):
    """A list of blocks that AWS or the account keeps, such as the addresses of S3 in a Region."""

    prefix_list_id: str
    description: str | None = None


class UserIdGroupPair(RoutingShape):
    """The members of another security group (or of this one) that a permission is for."""

    group_id: str | None = None
    group_name: str | None = None
    user_id: str | None = None
    vpc_id: str | None = None
    vpc_peering_connection_id: str | None = None
    peering_status: str | None = None
    description: str | None = None


class IpPermission(RoutingShape):
    """One permission: a protocol, its ports and with whom. ``-1`` is every protocol, and then every port."""

    ip_protocol: IpProtocol
    from_port: PortNumber | None = None
    to_port: PortNumber | None = None
    ip_ranges: tuple[IpRange, ...] = ()
    ipv6_ranges: Annotated[tuple[JsonObject, ...], Field(alias="ipv6Ranges")] = ()
    prefix_list_ids: tuple[PrefixList, ...] = ()
    user_id_group_pairs: tuple[UserIdGroupPair, ...] = ()
