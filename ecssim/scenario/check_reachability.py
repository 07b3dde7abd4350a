"""Whether tasks and instances reach what they need, said before the run: warnings with the place and the missing hop.

Also what cannot be between route tables, gateways, endpoints and security groups, and their quotas. Implements
NET-071, NET-072, NET-075, NET-080 to NET-087 and SEC-025 as lint; the same decision
(:mod:`ecssim.decide.reachability`) fails the tasks in the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from ecssim.aws.check_launch import Launch
from ecssim.aws.checks import Surroundings, runs_on
from ecssim.aws.cluster import AutoScalingGroup
from ecssim.aws.names import CapacityProviderType, VpcEndpointType
from ecssim.aws.service import Service
from ecssim.decide.reachability import Need, Unreachable, first_unreachable
from ecssim.decide.routes import NetworkMap, Source, way
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names
from ecssim.scenario.needs import instance_needs, needs_of
from ecssim.scenario.network_map import DEFAULT_VPC, instance_source, network_map, service_of
from ecssim.scenario.nodes import Step

FARGATE = frozenset({CapacityProviderType.FARGATE, CapacityProviderType.FARGATE_SPOT})
#: Quotas of a VPC that AWS raises on request (NET-072): section, how many, of what.
PER_VPC = (
    ("route_tables", "routeTables", 200, "route tables in a VPC"),
    ("subnets", "subnets", 200, "subnets in a VPC"),
)
ROUTES, MOST_ROUTES = 50, 1000
INTERFACE_ENDPOINTS_PER_VPC, GATEWAY_ENDPOINTS, NATS_PER_ZONE, VPCS = 50, 20, 5, 5
RULES_PER_GROUP, RULES_PER_INTERFACE = 60, 1000


def check_reachability(names: Names, around: Surroundings, findings: Findings) -> None:
    """References between the parts of the network, quotas, and who cannot reach what."""
    _route_tables(names, findings)
    _endpoints(names, findings)
    _quotas(names, findings)
    _security_groups(names, findings)
    network = network_map(names.scenario)
    parts = {"subnets", "routeTables", "natGateways", "vpcEndpoints", "securityGroups", "vpcs"}
    if network is None or findings.unsure & parts or names.scenario.model.get("reachability") == "open":
        return
    for index, group in enumerate(names.scenario.auto_scaling_groups):
        _instances(("autoScalingGroups", index), group, network, names, findings)
    for index, service in enumerate(names.scenario.services):
        _tasks(("services", index), service.service_name, service, network, names, around, findings)
    for index, job in enumerate(names.scenario.jobs):
        _tasks(("jobs", index, "runTask"), job.name, job.run_task, network, names, around, findings)


# -- who cannot reach what ----------------------------------------------------------------------------------------


def _tasks(
    where: tuple[Step, ...],
    named: str,
    request: Launch,
    network: NetworkMap,
    names: Names,
    around: Surroundings,
    findings: Findings,
) -> None:
    definition = names.task_definition(request.task_definition or "")
    if definition is None:
        return
    kinds = runs_on(request, around)
    region = names.scenario.region
    if kinds & FARGATE:
        platform = request.platform_version
        needs = needs_of(definition, region, fargate=True, platform=platform)
        for steps, source in _interfaces(where, request):
            found = first_unreachable(network, source, needs, fargate=True)
            if found is not None:
                findings.warning(steps, _sentence(f"tasks of {named}", source, found), _rule(found.need))
            if isinstance(request, Service) and request.enable_execute_command:
                hop = way(network, source, "ssmmessages")
                if not hop.open:
                    text = f"ECS Exec of {named} cannot reach ssmmessages from subnet {source.subnet}: {hop.missing}"
                    findings.warning((*where, "enableExecuteCommand"), text, "NET-082")
    elif CapacityProviderType.EC2_AUTOSCALING in kinds:
        needs = needs_of(definition, region, fargate=False)
        cluster = names.cluster_of(request.cluster)
        for group in names.groups_of_cluster(cluster):
            for source in _hosts(group, names):
                found = first_unreachable(network, source, needs, fargate=False)
                if found is not None:
                    who = f"tasks of {named} on instances of {group.auto_scaling_group_name}"
                    findings.warning((*where, "taskDefinition"), _sentence(who, source, found), _rule(found.need))


def _interfaces(where: tuple[Step, ...], request: Launch) -> Iterator[tuple[tuple[Step, ...], Source]]:
    network = request.network_configuration
    vpc = network.awsvpc_configuration if network is not None else None
    for number, subnet in enumerate(vpc.subnets if vpc is not None else ()):
        assert vpc is not None
        steps = (*where, "networkConfiguration", "awsvpcConfiguration", "subnets", number)
        yield steps, Source(subnet, vpc.assign_public_ip.value == "ENABLED", vpc.security_groups)


def _hosts(group: AutoScalingGroup, names: Names) -> Iterator[Source]:
    for subnet in group.subnet_ids:
        found = names.subnets.get(subnet)
        if found is not None:
            yield instance_source(group, found)


def _instances(
    where: tuple[Step, ...], group: AutoScalingGroup, network: NetworkMap, names: Names, findings: Findings
) -> None:
    """An instance that does not reach ECS never joins its cluster (NET-083)."""
    for source in _hosts(group, names):
        found = first_unreachable(network, source, instance_needs(names.scenario.region), fargate=False)
        if found is not None:
            text = (
                f"instances of {group.auto_scaling_group_name} in subnet {source.subnet} cannot reach "
                f"{found.need.what}: {found.way.missing}; they never join their cluster"
            )
            findings.warning((*where, "autoScalingGroupName"), text, "NET-083")


def _sentence(who: str, source: Source, found: Unreachable) -> str:
    need = found.need
    what = need.what or "the log group"
    error = found.reason.partition(":")[0]
    return (
        f"{who} in subnet {source.subnet} cannot reach {need.host} for {what}: {found.way.missing}; "
        f"they will fail with {error}"
    )


def _rule(need: Need) -> str:
    return "NET-081" if need.service == "internet" else "NET-082"


# -- what cannot be -----------------------------------------------------------------------------------------------


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
