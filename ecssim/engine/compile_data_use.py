"""From listeners and streams to what meters the data of traffic: who stands before which target, and its clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.aws.load_balancing import Listener, LoadBalancer
from ecssim.aws.names import LoadBalancerScheme, LoadBalancerType
from ecssim.decide.capacity_units import unit_size
from ecssim.engine.data_use import DataUse, Front
from ecssim.scenario.document import Scenario
from ecssim.scenario.names import Names, name_of

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def compile_data_use(engine: Engine, scenario: Scenario) -> None:
    """Meter what requests cost on their way, if they pass a load balancer or make tasks talk to the internet."""
    if not engine.traffic.streams:
        return
    fronts = _fronts(engine, scenario)
    to_internet = engine.reach is not None and any(
        behaviour.request is not None and (behaviour.request.internet_sent or behaviour.request.internet_received)
        for family in scenario.behaviour.values()
        for behaviour in (family, *family.containers.values())
    )
    if not fronts and not to_internet:
        return
    engine.traffic.data_use = DataUse(engine, fronts, to_internet=to_internet)


def _fronts(engine: Engine, scenario: Scenario) -> dict[int, Front]:
    """The first listener that forwards to each flow target."""
    names = Names(scenario)
    found: dict[int, Front] = {}
    for listener in scenario.listeners:
        balancer = names.load_balancer(listener.load_balancer_name)
        if balancer is None:
            continue
        for action in listener.actions:
            for group, _ in action.forwards_to:
                target = engine.traffic.by_group.get(engine.builder.target_groups.get(name_of(group), -1))
                if target is not None:
                    found.setdefault(target.index, _front(listener, balancer))
    return found


def _front(listener: Listener, balancer: LoadBalancer) -> Front:
    network = balancer.type is LoadBalancerType.NETWORK
    protocol = (listener.protocol.value if listener.protocol is not None else "TCP") if network else ""
    # Between zones an Application Load Balancer works for nothing, a Network one does it only if told to (COST-044).
    crosses = network and any(
        a.key == "load_balancing.cross_zone.enabled" and a.value == "true" for a in balancer.attributes
    )
    return Front(
        balancer.load_balancer_name,
        "nlbLcuHour" if network else "albLcuHour",
        "TCP" if protocol == "TCP_UDP" else protocol,
        unit_size(network=network, protocol=protocol, mutual_tls=listener.is_mutual_tls),
        len(listener.rules),
        balancer.scheme is not LoadBalancerScheme.INTERNAL,
        len(balancer.subnet_ids) if crosses else 0,
    )
