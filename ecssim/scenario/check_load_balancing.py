"""Checks of target groups, load balancers and listeners, and of how streams get through them."""

from __future__ import annotations

from ecssim.aws.check_load_balancing import check_listener, check_load_balancer, check_target_group
from ecssim.aws.load_balancing import Listener, ListenerRule
from ecssim.aws.names import ListenerActionType
from ecssim.aws.requests import UpdateService
from ecssim.aws.service import Service, ServiceLoadBalancer
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names, name_of
from ecssim.scenario.nodes import Step
from ecssim.scenario.traffic import Destination, Traffic


def check_attributes(names: Names, findings: Findings) -> None:
    """What Elastic Load Balancing refuses of the scenario's documents, and what is worth a second look."""
    scenario = names.scenario
    for index, group in enumerate(scenario.target_groups):
        findings.refusals(("targetGroups", index), list(check_target_group(group)))
    for index, balancer in enumerate(scenario.load_balancers):
        findings.refusals(("loadBalancers", index), list(check_load_balancer(balancer)))
    for index, listener in enumerate(scenario.listeners):
        findings.refusals(("listeners", index), list(check_listener(listener, names.target_groups)))
    _drains(names, findings)


def check_moved_balancers(
    where: tuple[Step, ...], request: UpdateService, service: Service | None, names: Names, findings: Findings
) -> None:
    """Target groups that an update names exist (LB-060), and clients get to the new one.

    A stream to a service goes where the service's target group is as the run begins: no listener is named that could
    be told otherwise.
    """
    known = [g.target_group_name for g in names.scenario.target_groups]
    for number, balancer in enumerate(request.load_balancers or ()):
        if balancer.target_group_arn is not None and names.target_group(balancer.target_group_arn) is None:
            steps = (*where, "loadBalancers", number, "targetGroupArn")
            name = name_of(balancer.target_group_arn)
            findings.refers(steps, "target group", name, known, "targetGroups", rule="LB-060")
    if request.load_balancers is None or service is None or not service.load_balancers:
        return
    first, later = _first_group(service.load_balancers, names), _first_group(request.load_balancers, names)
    for stream in names.scenario.traffic:
        goes_to = [stream.to] if stream.to is not None else [part.to for part in stream.split or ()]
        if later != first and any(to.service and names.service(to.service) is service for to in goes_to):
            findings.warning(
                (*where, "loadBalancers"),
                f"traffic {stream.name} goes to service {service.service_name}, which means its target group {first}, "
                "also after this update; let it go to a listener, and move that with ModifyListener",
            )


def _first_group(balancers: tuple[ServiceLoadBalancer, ...], names: Names) -> str | None:
    groups = [names.target_group(b.target_group_arn) for b in balancers if b.target_group_arn is not None]
    return next((group.target_group_name for group in groups if group is not None), None)


def _drains(names: Names, findings: Findings) -> None:
    """stopTimeout > deregistration delay > the clients' time-out, where all of it was written down (LB-066)."""
    scenario = names.scenario
    patience = {
        traffic.to.target_group: traffic.clients.timeout
        for traffic in scenario.traffic
        if traffic.to is not None and traffic.clients is not None and traffic.clients.timeout is not None
    }
    for index, group in enumerate(scenario.target_groups):
        delay = group.deregistration_delay
        if delay is None:
            continue
        where: tuple[Step, ...] = ("targetGroups", index, "deregistrationDelay")
        waits = patience.get(group.target_group_name)
        if waits is not None and delay < waits:
            message = f"requests may take {waits:g} s before clients give up, but a target drains for {delay} s only"
            findings.warning(where, message, "LB-066")
        for service in scenario.services:
            definition = names.task_definition(service.task_definition or "")
            for balancer in service.load_balancers:
                if definition is None or name_of(balancer.target_group_arn or "") != group.target_group_name:
                    continue
                for container in definition.container_definitions:
                    stop = container.stop_timeout
                    if container.name == balancer.container_name and stop is not None and stop <= delay:
                        message = (
                            f"stopTimeout of {container.name} ({stop} s) is not longer than the deregistration delay "
                            f"of {delay} s: recommended where a task is stopped without a drain"
                        )
                        findings.warning(where, message, "LB-066")


def check_stream(where: tuple[Step, ...], traffic: Traffic, names: Names, findings: Findings) -> None:
    """A stream gets through its listener to target groups; its clients' zones are there."""
    if traffic.clients is not None:
        zones = {s.availability_zone for s in names.scenario.subnets}
        for zone in traffic.clients.zones:
            findings.refers((*where, "clients", "zones"), "Availability Zone with a subnet", zone, zones, "subnets")
    if traffic.to is not None:
        _through(where, traffic.to, traffic, names, findings)
    for number, part in enumerate(traffic.split or ()):
        _through((*where, "split", number), part.to, traffic, names, findings)
    protocol = traffic.clients.protocol if traffic.clients is not None else "http1"
    for destination in [traffic.to] if traffic.to is not None else [p.to for p in traffic.split or ()]:
        group = names.target_group(destination.target_group or "")
        version = group.protocol_version if group is not None and not group.network else None
        if (version == "GRPC" and protocol != "grpc") or (version == "HTTP2" and protocol == "http1"):
            message = f"{protocol} requests to a target group of protocol version {version} are answered 464"
            findings.warning(where, message, "LB-030")


def _through(where: tuple[Step, ...], to: Destination, traffic: Traffic, names: Names, findings: Findings) -> None:
    listener = next((x for x in names.scenario.listeners if _is(x, to.listener)), None) if to.listener else None
    if listener is None:
        return
    rule = first_rule(listener, traffic)
    actions = rule.actions if rule is not None else listener.default_actions
    if not actions:
        findings.error(where, f"no rule of {to.listener} takes {traffic.host}{traffic.path}, and it has no default")
        return
    for action in actions:
        if action.type is not ListenerActionType.FORWARD:
            message = (
                f"{to.listener} answers {traffic.path} itself ({action.type}): traffic is only modelled to targets"
            )
            findings.error(where, message)


def _is(listener: Listener, name: str | None) -> bool:
    bare = listener.load_balancer_name
    return name in (listener.listener_arn, f"{bare}:{listener.port}", bare)


def first_rule(listener: Listener, traffic: Traffic) -> ListenerRule | None:
    """The rule that takes a stream, by priority; None: the default action does."""
    for rule in sorted(listener.rules, key=lambda rule: rule.rank):
        if all(condition.takes(traffic.host, traffic.path, traffic.method) for condition in rule.conditions):
            return rule
    return None
