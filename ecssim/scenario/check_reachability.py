"""Whether tasks and instances reach what they need, said before the run: warnings with the place and the missing hop.

Implements NET-080 to NET-085 and SEC-025 as lint; the same decision (:mod:`ecssim.decide.reachability`) fails the
tasks in the run.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from ecssim.aws.check_launch import Launch
from ecssim.aws.checks import Surroundings, runs_on, updated
from ecssim.aws.cluster import AutoScalingGroup
from ecssim.aws.managed_instances import ManagedInstancesProvider
from ecssim.aws.names import CapacityProviderType
from ecssim.aws.requests import RunTask, UpdateService
from ecssim.aws.service import Service
from ecssim.decide.reachability import Need, Unreachable, first_unreachable
from ecssim.decide.routes import NetworkMap, Source, way
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names
from ecssim.scenario.needs import instance_needs, needs_of
from ecssim.scenario.network_map import instance_source, managed_source, network_map
from ecssim.scenario.nodes import Step
from ecssim.scenario.timeline import TimelineCall, request_of

FARGATE = frozenset({CapacityProviderType.FARGATE, CapacityProviderType.FARGATE_SPOT})


def check_reachability(names: Names, around: Surroundings, findings: Findings) -> None:
    """Who cannot reach what, of the scenario's services, jobs and instances, and of what the timeline starts."""
    network = network_map(names.scenario)
    parts = {"subnets", "routeTables", "natGateways", "vpcEndpoints", "securityGroups", "vpcs"}
    if network is None or findings.unsure & parts or names.scenario.model.get("reachability") == "open":
        return
    for index, group in enumerate(names.scenario.auto_scaling_groups):
        of_group: tuple[Step, ...] = ("autoScalingGroups", index, "autoScalingGroupName")
        _instances(of_group, group.auto_scaling_group_name, _hosts(group, names), network, names, findings)
    for index, provider in enumerate(names.scenario.capacity_providers):
        if provider.managed_instances_provider is not None:
            hosts = _managed_hosts(provider.managed_instances_provider, names)
            _instances(("capacityProviders", index, "name"), provider.name, hosts, network, names, findings)
    said: set[str] = set()
    for where, name, request in _launches(names):
        for steps, text, rule in _tasks(where, name, request, network, names, around):
            if text not in said:
                findings.warning(steps, text, rule)
                said.add(text)


def _launches(names: Names) -> Iterator[tuple[tuple[Step, ...], str, Launch]]:
    """Whatever starts tasks: services, jobs, and calls of the timeline, services as their updates make them."""
    scenario = names.scenario
    for index, service in enumerate(scenario.services):
        yield ("services", index), service.service_name, service
    for index, job in enumerate(scenario.jobs):
        yield ("jobs", index, "runTask"), job.name, job.run_task
    for index, entry in enumerate(scenario.timeline):
        if not isinstance(entry, TimelineCall) or entry.call not in ("CreateService", "RunTask", "UpdateService"):
            continue
        try:
            request = request_of(entry)
        except ValidationError:
            continue  # its problems were said by the timeline's own check
        where = ("timeline", index, "with")
        if isinstance(request, Service):
            yield where, request.service_name, request
        elif isinstance(request, RunTask):
            yield where, request.task_definition, request
        elif isinstance(request, UpdateService):
            before = names.service(request.service, request.cluster)
            if before is not None:
                yield where, before.service_name, updated(before, request)


# -- who cannot reach what ----------------------------------------------------------------------------------------


def _tasks(
    where: tuple[Step, ...],
    named: str,
    request: Launch,
    network: NetworkMap,
    names: Names,
    around: Surroundings,
) -> Iterator[tuple[tuple[Step, ...], str, str]]:
    """What the tasks of a request cannot reach: the place, the words, the rule."""
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
                yield steps, _sentence(f"tasks of {named}", source, found), _rule(found.need)
            if isinstance(request, Service) and request.enable_execute_command:
                hop = way(network, source, "ssmmessages")
                if not hop.open:
                    text = f"ECS Exec of {named} cannot reach ssmmessages from subnet {source.subnet}: {hop.missing}"
                    yield (*where, "enableExecuteCommand"), text, "NET-082"
        return
    needs = needs_of(definition, region, fargate=False)
    for owner, sources in _instances_of(request, kinds, names):
        for source in sources:
            found = first_unreachable(network, source, needs, fargate=False)
            if found is not None:
                who = f"tasks of {named} on instances of {owner}"
                yield (*where, "taskDefinition"), _sentence(who, source, found), _rule(found.need)


def _instances_of(
    request: Launch, kinds: frozenset[CapacityProviderType], names: Names
) -> Iterator[tuple[str, Iterator[Source]]]:
    """Where the instances of a request's tasks stand, by the group or the provider that launches them."""
    if CapacityProviderType.EC2_AUTOSCALING in kinds:
        for group in names.groups_of_cluster(names.cluster_of(request.cluster)):
            yield group.auto_scaling_group_name, _hosts(group, names)
    if CapacityProviderType.MANAGED_INSTANCES in kinds:
        for item in request.capacity_provider_strategy:
            provider = names.providers.get(item.capacity_provider)
            if provider is not None and provider.managed_instances_provider is not None:
                yield provider.name, _managed_hosts(provider.managed_instances_provider, names)


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


def _managed_hosts(provider: ManagedInstancesProvider, names: Names) -> Iterator[Source]:
    for subnet in provider.instance_launch_template.network_configuration.subnets:
        found = names.subnets.get(subnet)
        if found is not None:
            yield managed_source(provider, found)


def _instances(
    where: tuple[Step, ...],
    named: str,
    hosts: Iterator[Source],
    network: NetworkMap,
    names: Names,
    findings: Findings,
) -> None:
    """An instance that does not reach ECS never joins its cluster (NET-083)."""
    for source in hosts:
        found = first_unreachable(network, source, instance_needs(names.scenario.region), fargate=False)
        if found is not None:
            text = (
                f"instances of {named} in subnet {source.subnet} cannot reach "
                f"{found.need.what}: {found.way.missing}; they never join their cluster"
            )
            findings.warning(where, text, "NET-083")


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
