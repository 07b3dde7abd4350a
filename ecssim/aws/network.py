"""VPCs, subnets and what holds addresses in them.

Documents of EC2; the camelCase of the design is canonical and EC2's PascalCase is accepted. Addresses are
counted, not named: ``addressesInUse`` says how many usable addresses of a subnet others hold already
(NET-030, NET-031).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from ecssim.aws.names import VpcEndpointType
from ecssim.aws.routing import IpPermission, Route, RouteTableAssociation
from ecssim.aws.shape import JsonObject, Name, Region, Shape

Cidr = Annotated[str, Field(pattern=r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$")]
Switch = Annotated[str, Field(pattern="^(enabled|disabled|on|off)$")]
Zone = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d[a-z]$")]


class Ec2Shape(Shape):
    """A document of EC2, which writes PascalCase."""

    pascal: ClassVar[bool] = True


class Vpc(Ec2Shape):
    """A VPC with its IPv4 blocks and the attributes without which endpoints have no private names (NET-082)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region", "cidrBlocks", "enableDnsSupport", "enableDnsHostnames"})
    shorthands: ClassVar[Mapping[str, str]] = {"cidrBlocks": "cidrBlockAssociationSet"}

    vpc_id: Name
    region: Region | None = None
    cidr_block: Cidr | None = None
    cidr_blocks: tuple[Cidr, ...] = ()
    cidr_block_association_set: tuple[JsonObject, ...] = ()
    is_default: bool | None = None
    enable_dns_support: bool | None = None
    enable_dns_hostnames: bool | None = None
    tags: tuple[JsonObject, ...] = ()

    @property
    def blocks(self) -> tuple[str, ...]:
        """All IPv4 blocks, whichever way they were written."""
        more = (str(a.get("cidrBlock") or a.get("CidrBlock")) for a in self.cidr_block_association_set)
        given = (self.cidr_block, *self.cidr_blocks, *more)
        return tuple(dict.fromkeys(block for block in given if block is not None))


class Subnet(Ec2Shape):
    """A subnet: one zone, one IPv4 block, five addresses that nobody gets (NET-030, NET-031)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region", "addressesInUse"})

    subnet_id: Name
    availability_zone: Zone
    cidr_block: Cidr
    addresses_in_use: Annotated[int, Field(ge=0)] = 0
    region: Region | None = None
    vpc_id: str | None = None
    availability_zone_id: str | None = None
    map_public_ip_on_launch: bool | None = None
    tags: tuple[JsonObject, ...] = ()


class NatGateway(Ec2Shape):
    """A NAT gateway: one address of its subnet, more if secondary ones are asked for (NET-033)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region", "natGatewayId"})

    nat_gateway_id: Name
    subnet_id: str
    region: Region | None = None
    vpc_id: str | None = None
    connectivity_type: str | None = None
    secondary_private_ip_address_count: Annotated[int, Field(ge=0, le=7)] = 0
    allocation_id: str | None = None
    tags: tuple[JsonObject, ...] = ()


class VpcEndpoint(Ec2Shape):
    """An endpoint; an interface endpoint holds one address in each of its subnets (NET-033, NET-034)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region", "vpcEndpointId"})

    vpc_endpoint_id: Name | None = None
    service_name: str
    vpc_endpoint_type: VpcEndpointType = VpcEndpointType.GATEWAY
    subnet_ids: tuple[str, ...] = ()
    region: Region | None = None
    vpc_id: str | None = None
    route_table_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    private_dns_enabled: bool | None = None
    tags: tuple[JsonObject, ...] = ()


class SecurityGroup(Ec2Shape):
    """A security group: what may come in and go out. ``ipPermissionsEgress`` left out is EC2's default: everything."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    group_id: Name
    group_name: str | None = None
    description: str | None = None
    region: Region | None = None
    vpc_id: str | None = None
    owner_id: str | None = None
    security_group_arn: str | None = None
    ip_permissions: tuple[IpPermission, ...] = ()
    ip_permissions_egress: tuple[IpPermission, ...] | None = None
    tags: tuple[JsonObject, ...] = ()


class RouteTable(Ec2Shape):
    """A route table and the subnets that use it."""

    additions: ClassVar[frozenset[str]] = frozenset({"region", "subnets"})
    shorthands: ClassVar[Mapping[str, str]] = {"subnets": "associations"}

    route_table_id: Name
    region: Region | None = None
    vpc_id: str | None = None
    owner_id: str | None = None
    propagating_vgws: tuple[JsonObject, ...] = ()
    subnets: tuple[str, ...] = ()
    associations: tuple[RouteTableAssociation, ...] = ()
    routes: tuple[Route, ...] = ()
    tags: tuple[JsonObject, ...] = ()

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        """The subnets that name this table, whichever way they were written."""
        return self.subnets + tuple(a.subnet_id for a in self.associations if a.subnet_id is not None)

    @property
    def is_main(self) -> bool:
        """Whether it is the table of the subnets of its VPC that name none."""
        return any(a.main for a in self.associations)


class AccountSettings(Shape):
    """ECS account settings that change an answer; the API has their values as text."""

    awsvpc_trunking: Switch | None = None
    container_insights: Annotated[str, Field(pattern="^(enabled|disabled|enhanced)$")] | None = None
    fargate_fips_mode: Annotated[str | None, Field(alias="fargateFIPSMode")] = None
    fargate_task_retirement_wait_period: Annotated[str, Field(pattern="^(0|7|14)$")] | None = None
    tag_resource_authorization: str | None = None
    guard_duty_activate: str | None = None
    default_log_driver_mode: str | None = None
    fargate_event_windows: str | None = None
    service_long_arn_format: str | None = None
    task_long_arn_format: str | None = None
    container_instance_long_arn_format: str | None = None
