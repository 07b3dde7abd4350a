"""What else holds addresses of a VPC: RDS proxies, functions of AWS Lambda, mount targets of EFS.

Documents of other services, in camelCase; only what says how many addresses they take of which subnets is read
(NET-033, NET-038, NET-039). They are there for the whole run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final

from pydantic import Field

from ecssim.aws.network import Ec2Shape
from ecssim.aws.shape import JsonObject, Name, Region

#: Addresses that an RDS proxy may come to use, by the size of its target's instance class (NET-038).
PROXY_ADDRESSES: Final[Mapping[str, int]] = {
    "2xlarge": 15,
    "4xlarge": 25,
    "8xlarge": 45,
    "12xlarge": 60,
    "16xlarge": 75,
    "24xlarge": 110,
}
#: The same for sizes up to xlarge, for each further endpoint, and the most in one VPC (NET-038).
SMALL_PROXY: Final = 10
PER_ENDPOINT: Final = 3
MOST_PROXY_ADDRESSES: Final = 215
#: Connections that one interface of Lambda carries (NET-039).
CONNECTIONS_PER_INTERFACE: Final = 65_000


class DBProxy(Ec2Shape):
    """A proxy of CreateDBProxy; ``targetInstanceClass`` and ``endpoints`` are facts of its target and endpoints."""

    additions: ClassVar[frozenset[str]] = frozenset({"region", "targetInstanceClass", "endpoints"})
    spellings: ClassVar[Mapping[str, str]] = {"DBProxyName": "dbProxyName"}

    db_proxy_name: Name
    vpc_subnet_ids: tuple[str, ...]
    target_instance_class: Annotated[str, Field(pattern=r"^db\.[a-z0-9-]+\.[a-z0-9]+$")] = "db.r6g.large"
    endpoints: Annotated[int, Field(ge=0)] = 0
    region: Region | None = None
    vpc_security_group_ids: tuple[str, ...] = ()
    engine_family: str | None = None
    tags: tuple[JsonObject, ...] = ()

    @property
    def addresses(self) -> int:
        """Addresses that it may come to use, further endpoints (CreateDBProxyEndpoint) included (NET-038)."""
        size = self.target_instance_class.rsplit(".", 1)[-1]
        return PROXY_ADDRESSES.get(size, SMALL_PROXY) + PER_ENDPOINT * self.endpoints


class VpcConfig(Ec2Shape):
    """Where the interfaces of a function are, and behind which security groups."""

    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...] = ()
    ipv6_allowed_for_dual_stack: bool | None = None


class Function(Ec2Shape):
    """A function of CreateFunction in a VPC; ``connections`` are the most that it has open at once."""

    additions: ClassVar[frozenset[str]] = frozenset({"region", "connections"})

    function_name: Name
    vpc_config: VpcConfig
    connections: Annotated[int, Field(ge=0)] = 0
    region: Region | None = None


class MountTarget(Ec2Shape):
    """A mount target of EFS: one interface with one address in its subnet (NET-033)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    file_system_id: Name
    subnet_id: str
    region: Region | None = None
    security_groups: tuple[str, ...] = ()


def lambda_interfaces(functions: tuple[Function, ...]) -> dict[str, int]:
    """Return the interfaces of Lambda by subnet: one for each set of security groups, shared by functions (NET-039).

    Functions with the same security groups in a subnet share one interface, and each 65,000 connections that they
    have open together need another.
    """
    connections: dict[tuple[str, frozenset[str]], int] = {}
    for function in functions:
        groups = frozenset(function.vpc_config.security_group_ids)
        for subnet in function.vpc_config.subnet_ids:
            key = (subnet, groups)
            connections[key] = connections.get(key, 0) + function.connections
    interfaces: dict[str, int] = {}
    for (subnet, _), count in connections.items():
        interfaces[subnet] = interfaces.get(subnet, 0) + max(1, -(-count // CONNECTIONS_PER_INTERFACE))
    return interfaces


def proxy_addresses(proxies: tuple[DBProxy, ...], vpc_of: Mapping[str, str]) -> dict[str, int]:
    """Return the addresses of RDS proxies by subnet: each evenly over its subnets, at most 215 in a VPC (NET-038).

    ``vpc_of`` names the VPC of each subnet. How AWS spreads them is not published; the first subnets get what does
    not divide.
    """
    left: dict[str, int] = {}
    held: dict[str, int] = {}
    for proxy in proxies:
        subnets = proxy.vpc_subnet_ids
        if not subnets:
            continue
        vpc = vpc_of.get(subnets[0], "")
        count = min(proxy.addresses, left.get(vpc, MOST_PROXY_ADDRESSES))
        left[vpc] = left.get(vpc, MOST_PROXY_ADDRESSES) - count
        for number, subnet in enumerate(subnets):
            held[subnet] = held.get(subnet, 0) + count // len(subnets) + (number < count % len(subnets))
    return held
