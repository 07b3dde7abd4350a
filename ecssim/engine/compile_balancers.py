"""From load balancers, listeners and target-group attributes to how traffic is routed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine.load_balancers import Balancer
from ecssim.scenario.document import Scenario

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def add_balancers(engine: Engine, scenario: Scenario) -> None:
    """Know every load balancer and listener, and what target groups have of them."""
    balancers = engine.balancers
    zones = {s.subnet_id: s.availability_zone for s in scenario.subnets}
    names = engine.recorder.names.pool("load_balancer")
    by_name: dict[str, Balancer] = {}
    for document in scenario.load_balancers:
        balancer = Balancer(
            len(balancers.balancers),
            document.load_balancer_name,
            names[document.load_balancer_name],
            document.network,
            tuple(dict.fromkeys(zones[s] for s in document.subnet_ids)),
            document.idle_timeout,
            document.cross_zone,
            document.zonal_affinity,
        )
        balancers.balancers.append(balancer)
        by_name[document.load_balancer_name] = balancer
        if document.load_balancer_arn is not None:
            by_name[document.load_balancer_arn] = balancer
    for i, group in enumerate(scenario.target_groups):
        balancers.documents[i] = group
    for listener in scenario.listeners:
        name = listener.load_balancer_name
        found = by_name.get(name) or by_name.get(_bare(name))
        if found is not None:
            balancers.add(listener, found)
            if listener.is_mutual_tls:
                groups = [balancers.group(name) for action in listener.actions for name, _ in action.forwards_to]
                balancers.mutual_tls.update(groups)
    for ordinal, there in enumerate(engine.world.target_groups):
        there.check_timeout = float(balancers.documents[ordinal].health_check_timeout)
        before = balancers.before.get(ordinal)
        if before is not None and before.zones:
            # A target in a zone that the load balancer is not in is never used (LB-009).
            there.zones = frozenset(before.zones)


def _bare(name: str) -> str:
    """The name in a load balancer's ARN: ``.../loadbalancer/app/name/id``."""
    parts = name.split("/")
    return parts[2] if len(parts) > 3 else name
