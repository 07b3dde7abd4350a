"""How many addresses of each subnet the scenario itself gives away before the first task starts."""

from __future__ import annotations

from collections.abc import Mapping

from ecssim.aws.address_users import lambda_interfaces, proxy_addresses
from ecssim.aws.load_balancing import LoadBalancer
from ecssim.aws.names import LoadBalancerType
from ecssim.scenario.document import Scenario

#: Addresses that each subnet of a new load balancer must have free (NET-035, NET-037).
FREE_FOR_BALANCER = 8


def vpc_of_subnets(scenario: Scenario) -> Mapping[str, str]:
    """The VPC of each subnet; those that name none are in the first one."""
    first = scenario.vpcs[0].vpc_id if scenario.vpcs else ""
    return {s.subnet_id: s.vpc_id or first for s in scenario.subnets}


def declared_addresses(scenario: Scenario) -> dict[str, int]:
    """Addresses held in each subnet by all but load balancers, instances and tasks (NET-033, NET-034)."""
    held = {s.subnet_id: s.addresses_in_use for s in scenario.subnets}

    def add(subnet: str, count: int) -> None:
        held[subnet] = held.get(subnet, 0) + count

    for gateway in scenario.nat_gateways:
        add(gateway.subnet_id, 1 + gateway.secondary_private_ip_address_count)
    for endpoint in scenario.vpc_endpoints:
        for subnet in endpoint.subnet_ids:
            add(subnet, 1)
    for subnet, count in proxy_addresses(scenario.db_proxies, vpc_of_subnets(scenario)).items():
        add(subnet, count)
    for subnet, count in lambda_interfaces(scenario.functions).items():
        add(subnet, count)
    for target in scenario.mount_targets:
        add(target.subnet_id, 1)
    return held


def nodes_at_first(balancer: LoadBalancer) -> int:
    """Addresses that a new load balancer takes in each of its subnets (NET-036, NET-037)."""
    return 2 if balancer.type is LoadBalancerType.APPLICATION else 1


def rule_of_balancer(kind: LoadBalancerType) -> str:
    """The rule about the subnets of a load balancer of this kind."""
    return "NET-035" if kind is LoadBalancerType.APPLICATION else "NET-037"


def wants_free(balancer: LoadBalancer, subnet: str) -> bool:
    """Whether creation needs eight free addresses in the subnet: not where an NLB brings its own (NET-037)."""
    if balancer.type is LoadBalancerType.APPLICATION:
        return True
    mapping = next((m for m in balancer.subnet_mappings if m.subnet_id == subnet), None)
    return mapping is None or mapping.private_ipv4_address is None
