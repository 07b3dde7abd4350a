"""From the sections ``vpcs``, ``subnets``, ``routeTables``, ``natGateways``, ``vpcEndpoints`` and ``securityGroups`` to
the map on which :mod:`ecssim.decide.routes` follows packets.

A VPC is described once the scenario lists a route table of it; of any other VPC nothing is known, and everything is
reachable. A route table without ``vpcId`` belongs to the VPC of its first subnet, or to the scenario's first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from ecssim.aws.cluster import AutoScalingGroup
from ecssim.aws.managed_instances import ManagedInstancesProvider
from ecssim.aws.names import VpcEndpointType
from ecssim.aws.network import RouteTable, SecurityGroup, Subnet, VpcEndpoint
from ecssim.aws.routing import IpPermission, Route
from ecssim.decide.routes import (
    GATEWAY_SERVICES,
    Endpoint,
    Group,
    Kind,
    Nat,
    NetworkMap,
    Permission,
    Place,
    Source,
    Table,
)
from ecssim.scenario.document import Scenario

#: The VPC of subnets that name none in a scenario that has none.
DEFAULT_VPC = "vpc-default"
ANY = ("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1")


def network_map(scenario: Scenario) -> NetworkMap | None:
    """The map of a scenario's networks; None if it lists no route tables, and everything can be reached."""
    if not scenario.route_tables:
        return None
    return _Reader(scenario).map()


def service_of(endpoint: VpcEndpoint, region: str) -> str | None:
    """``ecr.dkr`` of ``com.amazonaws.us-east-1.ecr.dkr``; None for another Region or another owner (NET-084)."""
    prefix = f"com.amazonaws.{region}."
    name = endpoint.service_name
    return name.removeprefix(prefix) if name.startswith(prefix) else None


class _Reader:
    """Reads one scenario; what does not parse has been said by its own check and is left out."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.first_vpc = scenario.vpcs[0].vpc_id if scenario.vpcs else DEFAULT_VPC
        self.vpc_of = {s.subnet_id: s.vpc_id or self.first_vpc for s in scenario.subnets}
        self.blocks = {s.subnet_id: b for s in scenario.subnets if (b := block_of(s.cidr_block)) is not None}

    def map(self) -> NetworkMap:
        scenario = self.scenario
        used = {s: t.route_table_id for t in scenario.route_tables for s in t.subnet_ids}
        mains = {self._vpc_of_table(t): t.route_table_id for t in scenario.route_tables if t.is_main}
        places = {
            s.subnet_id: Place(
                s.subnet_id,
                s.availability_zone,
                self.vpc_of[s.subnet_id],
                used.get(s.subnet_id) or mains.get(self.vpc_of[s.subnet_id], ""),
                self.blocks[s.subnet_id],
            )
            for s in scenario.subnets
            if s.subnet_id in self.blocks
        }
        return NetworkMap(
            described=frozenset(self._vpc_of_table(t) for t in scenario.route_tables),
            places=places,
            tables={t.route_table_id: _table(t) for t in scenario.route_tables},
            nats={
                n.nat_gateway_id: Nat(n.nat_gateway_id, n.subnet_id, n.connectivity_type != "private")
                for n in scenario.nat_gateways
            },
            endpoints=self._endpoints(),
            groups={g.group_id: group_of(g) for g in scenario.security_groups},
            default_groups={
                g.vpc_id or self.first_vpc: g.group_id for g in scenario.security_groups if g.group_name == "default"
            },
            grouped=frozenset(g.vpc_id or self.first_vpc for g in scenario.security_groups),
        )

    def _vpc_of_table(self, table: RouteTable) -> str:
        if table.vpc_id is not None:
            return table.vpc_id
        return next((self.vpc_of[s] for s in table.subnet_ids if s in self.vpc_of), self.first_vpc)

    def _endpoints(self) -> dict[str, tuple[Endpoint, ...]]:
        found: dict[str, tuple[Endpoint, ...]] = {}
        for number, document in enumerate(self.scenario.vpc_endpoints):
            service = service_of(document, self.scenario.region)
            if service is None:
                continue
            vpc = document.vpc_id or next((self.vpc_of[s] for s in document.subnet_ids if s in self.vpc_of), "")
            vpc = vpc or self.first_vpc
            found[vpc] = (*found.get(vpc, ()), self._endpoint(number, document, service, vpc))
        return found

    def _endpoint(self, number: int, document: VpcEndpoint, service: str, vpc: str) -> Endpoint:
        name = endpoint_name(document, number)
        gateway = document.vpc_endpoint_type is VpcEndpointType.GATEWAY
        routed = {t.route_table_id for t in self.scenario.route_tables for r in t.routes if r.gateway_id == name}
        return Endpoint(
            name,
            service,
            gateway,
            tuple(self.blocks[s] for s in document.subnet_ids if s in self.blocks),
            document.security_group_ids,
            self._private_dns(document, service, vpc),
            frozenset({*document.route_table_ids, *routed}) if gateway else frozenset(),
        )

    def _private_dns(self, document: VpcEndpoint, service: str, vpc: str) -> bool:
        """Whether the service's ordinary name leads to the endpoint: yes unless switched off, for S3 only if on."""
        attributes = next((v for v in self.scenario.vpcs if v.vpc_id == vpc), None)
        if attributes is not None and False in (attributes.enable_dns_support, attributes.enable_dns_hostnames):
            return False
        if document.private_dns_enabled is None:
            return service not in GATEWAY_SERVICES
        return document.private_dns_enabled


def instance_source(group: AutoScalingGroup, subnet: Subnet) -> Source:
    """Where packets of a group's instance in a subnet start: the subnet says whether it gets a public address."""
    template = group.instances
    public = template.associate_public_ip_address if template is not None else None
    if public is None:
        public = bool(subnet.map_public_ip_on_launch)
    return Source(subnet.subnet_id, public, template.security_group_ids if template is not None else ())


def managed_source(provider: ManagedInstancesProvider, subnet: Subnet) -> Source:
    """The same of a Managed Instance, whose security groups are in its provider's launch template (CAP-060)."""
    groups = provider.instance_launch_template.network_configuration.security_groups
    return Source(subnet.subnet_id, bool(subnet.map_public_ip_on_launch), groups)


def endpoint_name(document: VpcEndpoint, number: int) -> str:
    """The id of an endpoint, or what stands for it where the document has none."""
    return document.vpc_endpoint_id or f"{document.service_name}-{number}"


def block_of(text: str | None) -> IPv4Network | None:
    """A block of IPv4 addresses, None if the text is none; a subnet without one is not on the map, all is open."""
    try:
        return IPv4Network(text, strict=False) if text is not None else None
    except ValueError:
        return None


def _table(document: RouteTable) -> Table:
    """What a table's default route leads to; two halves of all addresses are one, too."""
    defaults = [r for r in document.routes if r.destination_cidr_block in ANY]
    defaults.sort(key=lambda r: ANY.index(r.destination_cidr_block or ""))
    if not defaults:
        return Table(document.route_table_id)
    route = defaults[0]
    return Table(document.route_table_id, route.target, _kind(route), route.state == "blackhole")


def _kind(route: Route) -> Kind:
    if route.nat_gateway_id is not None:
        return Kind.NAT
    if route.gateway_id is None:
        return Kind.OTHER if route.target and route.egress_only_internet_gateway_id is None else Kind.NONE
    if route.gateway_id == "local":
        return Kind.NONE
    return Kind.INTERNET_GATEWAY if route.gateway_id.startswith("igw") else Kind.OTHER


def group_of(document: SecurityGroup) -> Group:
    """A security group with its permissions; without ``ipPermissionsEgress`` everything may leave."""
    out = document.ip_permissions_egress
    return Group(
        document.group_id,
        tuple(_permissions(document.ip_permissions)),
        None if out is None else tuple(_permissions(out)),
    )


def _permissions(documents: tuple[IpPermission, ...]) -> Iterator[Permission]:
    for given in documents:
        whole = given.ip_protocol == "-1" or given.from_port in (None, -1)
        yield Permission(
            given.ip_protocol,
            0 if whole else given.from_port or 0,
            65535 if whole else given.to_port if given.to_port is not None else given.from_port or 0,
            tuple(b for r in given.ip_ranges if (b := block_of(r.cidr_ip)) is not None),
            tuple(p.group_id for p in given.user_id_group_pairs if p.group_id is not None),
            bool(given.prefix_list_ids),
        )
