"""What cannot be between route tables, gateways, endpoints and security groups, and how many of them there may be.

Implements NET-071, NET-072, NET-075 (one subnet a zone) and NET-084 (endpoints are regional); whether anything is
reached over them is :mod:`ecssim.scenario.check_reachability`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ecssim.aws.names import VpcEndpointType
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names
from ecssim.scenario.network_map import DEFAULT_VPC, service_of
from ecssim.scenario.nodes import Step

#: Quotas of a VPC that AWS raises on request (NET-072): section, how many, of what.
PER_VPC = (
    ("route_tables", "routeTables", 200, "route tables in a VPC"),
    ("subnets", "subnets", 200, "subnets in a VPC"),
)
ROUTES, MOST_ROUTES = 50, 1000
INTERFACE_ENDPOINTS_PER_VPC, GATEWAY_ENDPOINTS, NATS_PER_ZONE, VPCS = 50, 20, 5, 5
RULES_PER_GROUP, RULES_PER_INTERFACE = 60, 1000


def check_routing(names: Names, findings: Findings) -> None:
    """References between the parts of the network, and quotas."""
    _route_tables(names, findings)
    _endpoints(names, findings)
    _private_names(names, findings)
    _quotas(names, findings)
    _security_groups(names, findings)


def _route_tables(names: Names, findings: Findings) -> None:
    scenario = names.scenario
    nats = {n.nat_gateway_id for n in scenario.nat_gateways}
    seen: dict[str, str] = {}
    for index, table in enumerate(scenario.route_tables):
        where: tuple[Step, ...] = ("routeTables", index)
        for number, association in enumerate(table.associations):
            if association.subnet_id is not None and association.subnet_id not in names.subnets:
                steps = (*where, "associations", number, "subnetId")
                findings.refers(steps, "subnet", association.subnet_id, names.subnets, "subnets")
        for subnet in table.subnet_ids:
            other = seen.setdefault(subnet, table.route_table_id)
            if other != table.route_table_id:
                text = f"subnet {subnet} uses route table {other} already; a subnet has one"
                findings.error((*where, "routeTableId"), text, "NET-081")
        for number, route in enumerate(table.routes):
            steps = (*where, "routes", number)
            if not route.target:
                findings.error(
                    steps, "a route needs a target: gatewayId, natGatewayId, transitGatewayId ...", "NET-081"
                )
            if route.nat_gateway_id is not None:
                at = (*steps, "natGatewayId")
                findings.refers(at, "NAT gateway", route.nat_gateway_id, nats, "natGateways", rule="NET-081")
        if len(table.routes) > ROUTES:
            text = (
                f"{table.route_table_id} has {len(table.routes)} routes; the quota is {ROUTES}, at most {MOST_ROUTES:,}"
            )
            findings.warning((*where, "routes"), text, "NET-072")


def _endpoints(names: Names, findings: Findings) -> None:
    scenario = names.scenario
    tables = {t.route_table_id for t in scenario.route_tables}
    groups = {g.group_id for g in scenario.security_groups}
    for index, endpoint in enumerate(scenario.vpc_endpoints):
        where: tuple[Step, ...] = ("vpcEndpoints", index)
        for number, table in enumerate(endpoint.route_table_ids if tables else ()):
            findings.refers((*where, "routeTableIds", number), "route table", table, tables, "routeTables")
        for number, group in enumerate(endpoint.security_group_ids if groups else ()):
            findings.refers((*where, "securityGroupIds", number), "security group", group, groups, "securityGroups")
        if service_of(endpoint, scenario.region) is None and endpoint.service_name.startswith("com.amazonaws."):
            text = f"{endpoint.service_name} is not a service of {scenario.region}: endpoints are regional"
            findings.warning((*where, "serviceName"), text, "NET-084")
        zones: dict[str, str] = {}
        for number, name in enumerate(endpoint.subnet_ids):
            subnet = names.subnets.get(name)
            if subnet is None or endpoint.vpc_endpoint_type is not VpcEndpointType.INTERFACE:
                continue
            other = zones.setdefault(subnet.availability_zone, name)
            if other != name:
                text = f"{name} and {other} are both in {subnet.availability_zone}; an endpoint has one subnet a zone"
                findings.error((*where, "subnetIds", number), text, "NET-075")


def _private_names(names: Names, findings: Findings) -> None:
    """An endpoint has private names only in a VPC that resolves names and gives them to hosts (NET-082)."""
    silent = {v.vpc_id for v in names.scenario.vpcs if False in (v.enable_dns_support, v.enable_dns_hostnames)}
    for index, endpoint in enumerate(names.scenario.vpc_endpoints):
        if endpoint.private_dns_enabled and endpoint.vpc_id in silent:
            text = f"private DNS needs enableDnsSupport and enableDnsHostnames of {endpoint.vpc_id} to be true"
            findings.error(("vpcEndpoints", index, "privateDnsEnabled"), text, "NET-082")


def _over(findings: Findings, section: str, count: int, most: int, what: str) -> None:
    if count > most:
        findings.warning((section,), f"{count} {what}; the quota is {most} and can be raised", "NET-072")


def _most(items: Iterable[str]) -> int:
    return max(Counter(items).values(), default=0)


def _quotas(names: Names, findings: Findings) -> None:
    """How many there may be of everything; AWS raises these on request (NET-072)."""
    scenario = names.scenario
    first = scenario.vpcs[0].vpc_id if scenario.vpcs else DEFAULT_VPC
    _over(findings, "vpcs", len(scenario.vpcs), VPCS, "VPCs in a Region")
    for attribute, section, most, what in PER_VPC:
        _over(findings, section, _most(i.vpc_id or first for i in getattr(scenario, attribute)), most, what)
    interfaces = [e for e in scenario.vpc_endpoints if e.vpc_endpoint_type is VpcEndpointType.INTERFACE]
    gateways = [e for e in scenario.vpc_endpoints if e.vpc_endpoint_type is VpcEndpointType.GATEWAY]
    busiest = _most(e.vpc_id or first for e in interfaces)
    _over(findings, "vpcEndpoints", busiest, INTERFACE_ENDPOINTS_PER_VPC, "interface endpoints in a VPC")
    _over(findings, "vpcEndpoints", len(gateways), GATEWAY_ENDPOINTS, "gateway endpoints in a Region")
    zones = [
        names.subnets[n.subnet_id].availability_zone for n in scenario.nat_gateways if n.subnet_id in names.subnets
    ]
    _over(findings, "natGateways", _most(zones), NATS_PER_ZONE, "NAT gateways in a zone")


def _security_groups(names: Names, findings: Findings) -> None:
    """Rules of a group, and of all groups of one interface together (NET-071)."""
    sizes: dict[str, int] = {}
    for index, group in enumerate(names.scenario.security_groups):
        for key, rules in (
            ("ipPermissions", group.ip_permissions),
            ("ipPermissionsEgress", group.ip_permissions_egress),
        ):
            count = sum(
                max(1, len(r.ip_ranges) + len(r.ipv6_ranges) + len(r.prefix_list_ids) + len(r.user_id_group_pairs))
                for r in rules or ()
            )
            sizes[group.group_id] = max(count, sizes.get(group.group_id, 0))
            if count > RULES_PER_GROUP:
                text = f"{group.group_id} has {count} rules one way; the quota is {RULES_PER_GROUP} and can be raised"
                findings.warning(("securityGroups", index, key), text, "NET-071")
    for index, service in enumerate(names.scenario.services):
        network = service.network_configuration
        vpc = network.awsvpc_configuration if network is not None else None
        total = sum(sizes.get(g, 0) for g in (vpc.security_groups if vpc is not None else ()))
        if total > RULES_PER_INTERFACE:
            text = f"the security groups of an interface hold {total:,} rules; {RULES_PER_INTERFACE:,} is the most"
            steps = ("services", index, "networkConfiguration", "awsvpcConfiguration", "securityGroups")
            findings.error(steps, text, "NET-071")
