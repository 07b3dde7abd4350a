"""Checks of the timeline: calls that could never be valid, faults with wrong parameters, times outside of the
run.

``with`` is read as the document of its call or fault; what it names must be there. Only refusals that depend
on the state of the world are left to the run.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from ecssim.aws.check_launch import Launch
from ecssim.aws.checks import Surroundings, check_request, check_update
from ecssim.aws.network import INTERFACE_ACTIONS
from ecssim.aws.requests import REQUESTS, PutClusterCapacityProviders, StartTask, StopServiceDeployment, UpdateService
from ecssim.aws.service import Service
from ecssim.aws.shape import Shape
from ecssim.catalog import api_buckets
from ecssim.scenario.check_load_balancing import check_moved_balancers
from ecssim.scenario.check_network import refers_to_subnet
from ecssim.scenario.check_services import (
    check_deployment_alarms,
    check_expressions,
    check_references,
    check_strategy_names,
    check_vpc_configuration,
    refers_to_task_definition,
)
from ecssim.scenario.findings import Findings
from ecssim.scenario.messages import problems_of, suggestion
from ecssim.scenario.names import Names, name_of
from ecssim.scenario.nodes import Step
from ecssim.scenario.timeline import (
    FAULTS,
    AddressesTaken,
    ApiThrottling,
    TimelineCall,
    TimelineFault,
    parameters_of,
    request_of,
    seconds_of,
)


def check_timeline(names: Names, around: Surroundings, findings: Findings) -> None:
    """Every entry of the timeline."""
    scenario = names.scenario
    for index, entry in enumerate(scenario.timeline):
        where: tuple[Step, ...] = ("timeline", index)
        seconds = seconds_of(entry.at, scenario.start)
        if seconds < 0:
            findings.error((*where, "at"), f"at: {entry.at} is before the start ({scenario.start.isoformat()})")
        elif seconds >= scenario.duration:
            message = f"at: {entry.at} is not before the end of the run; this never happens"
            findings.warning((*where, "at"), message)
        _entry(where, entry, names, around, findings)


def _entry(
    where: tuple[Step, ...],
    entry: TimelineCall | TimelineFault,
    names: Names,
    around: Surroundings,
    findings: Findings,
) -> None:
    model = parameters_of(entry)
    if model is None:
        kind, name, known = (
            ("call", entry.call, REQUESTS) if isinstance(entry, TimelineCall) else ("fault", entry.fault, FAULTS)
        )
        findings.error((*where, kind), f"{kind}: there is no {kind} {name!r}{suggestion(name, known)}")
        return
    inner = (*where, "with")
    try:
        request = request_of(entry)
    except ValidationError as error:
        findings.problems.extend(problems_of(error, model, findings.root, inner))
        return
    if isinstance(entry, TimelineFault):
        _fault(inner, request, names, findings)
    else:
        _call(inner, request, names, around, findings)


def _call(where: tuple[Step, ...], request: Shape, names: Names, around: Surroundings, findings: Findings) -> None:
    service = _service_named(where, request, names, findings)
    if isinstance(request, UpdateService):
        check_moved_balancers(where, request, service, names, findings)
    if isinstance(request, UpdateService) and service is not None:
        findings.refusals(where, check_update(service, request, around))
    else:
        findings.refusals(where, check_request(request, around))
    if isinstance(request, Launch):
        check_references(where, request, names, around, findings)
    elif isinstance(request, UpdateService | StartTask):
        _update_references(where, request, names, findings)
    if isinstance(request, Service | UpdateService):
        check_deployment_alarms(where, request.deployment_configuration, names, findings)
    if isinstance(request, StopServiceDeployment) and not request.service_deployment_arn.startswith("arn:"):
        _deployment_of(where, request, names, findings)
    if isinstance(request, PutClusterCapacityProviders):
        known_providers = names.provider_types.keys() | names.created_by_calls["providers"]
        for number, name in enumerate(request.capacity_providers):
            steps: tuple[Step, ...] = (*where, "capacityProviders", number)
            findings.refers(steps, "capacity provider", name, known_providers, "capacityProviders")
    group = getattr(request, "auto_scaling_group_name", None)
    if group is not None:
        steps = (*where, "autoScalingGroupName")
        findings.refers(steps, "Auto Scaling group", group, names.groups, "autoScalingGroups")
    cluster = getattr(request, "cluster", None)
    if cluster is not None and not isinstance(request, Launch):
        findings.refers((*where, "cluster"), "cluster", name_of(cluster), names.clusters, "clusters")


def _service_named(where: tuple[Step, ...], request: Shape, names: Names, findings: Findings) -> Service | None:
    """The service that a call names; one that the timeline creates counts as there."""
    reference = getattr(request, "service", None)
    if reference is None:
        return None
    cluster = getattr(request, "cluster", None)
    found = names.service(reference, cluster)
    if found is None and name_of(reference).rsplit("/", 1)[-1] not in names.created_by_calls["services"]:
        refers_to_service((*where, "service"), reference, cluster, names, findings)
    return found


def _deployment_of(where: tuple[Step, ...], request: StopServiceDeployment, names: Names, findings: Findings) -> None:
    """A deployment is named by an id, which only the run knows, or by its service."""
    name = request.service_deployment_arn
    bare = name.rsplit("/", 1)[-1]
    if bare.isdecimal() or bare in names.created_by_calls["services"] or names.service(name) is not None:
        return
    refers_to_service((*where, "serviceDeploymentArn"), name, None, names, findings)


def refers_to_service(
    steps: tuple[Step, ...], reference: str, cluster: str | None, names: Names, findings: Findings
) -> None:
    """Say which services there are when the named one is not there or not unique."""
    bare = [s.service_name for s in names.scenario.services]
    name = name_of(reference)
    if cluster is None and "/" not in name and bare.count(name) > 1:
        homes = ", ".join(full for full in names.services if full.endswith(f"/{name}"))
        findings.error(steps, f"service {name!r} is not unique; name it with its cluster: {homes}")
        return
    homes_unknown = any(
        s.service_name == name.rsplit("/", 1)[-1] and names.cluster_of(s.cluster) not in names.clusters
        for s in names.scenario.services
    )
    if homes_unknown or (cluster is not None and name_of(cluster) not in names.clusters):
        return
    known = set(names.services) if "/" in name else set(bare)
    if cluster is not None and name in known:
        findings.error(steps, f"there is no service {name!r} in cluster {name_of(cluster)}")
        return
    findings.refers(steps, "service", name, known, "services")


def _update_references(
    where: tuple[Step, ...], request: UpdateService | StartTask, names: Names, findings: Findings
) -> None:
    if request.task_definition is not None:
        refers_to_task_definition((*where, "taskDefinition"), request.task_definition, names, findings)
    network = request.network_configuration
    vpc = network.awsvpc_configuration if network is not None else None
    if vpc is not None:
        check_vpc_configuration((*where, "networkConfiguration", "awsvpcConfiguration"), vpc, names, findings)
    if isinstance(request, UpdateService):
        check_strategy_names(where, request.capacity_provider_strategy or (), names, findings)
        check_expressions(where, request.placement_constraints or (), findings)


def _fault(where: tuple[Step, ...], fault: Shape, names: Names, findings: Findings) -> None:
    provider = getattr(fault, "capacity_provider", None)
    if provider is not None:
        steps = (*where, "capacityProvider")
        findings.refers(steps, "capacity provider", provider, names.provider_types, "capacityProviders")
    kind = getattr(fault, "instance_type", None)
    if kind is not None:
        used = {choice.instance_type for g in names.scenario.auto_scaling_groups for choice in g.choices}
        findings.refers((*where, "instanceType"), "instance type in a group", kind, used, "autoScalingGroups")
    zone = getattr(fault, "availability_zone", None)
    if zone is not None:
        zones = {s.availability_zone for s in names.scenario.subnets}
        findings.refers((*where, "availabilityZone"), "subnet in zone", zone, zones, "subnets")
    service = getattr(fault, "service", None)
    if service is not None and names.service(service) is None:
        refers_to_service((*where, "service"), service, None, names, findings)
    if isinstance(fault, AddressesTaken):
        refers_to_subnet((*where, "subnet"), fault.subnet, names, findings)
    if isinstance(fault, ApiThrottling):
        known: Mapping[str, object] = {**api_buckets(), **REQUESTS, **dict.fromkeys(INTERFACE_ACTIONS)}
        findings.refers((*where, "action"), "API action", fault.action, known)
