"""Lint: what is allowed but probably not meant, and what the simulation leaves out.

Every finding here is a warning. Implements SEC-026 (missing execution role) and the honesty list of
``aws/support.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from ecssim.aws.names import Compatibility, LogDriver
from ecssim.aws.shape import Shape, api_key, keys_of
from ecssim.aws.support import FAULTS_NOT_MODELLED, SECTIONS_NOT_MODELLED, Support, matters, support_of
from ecssim.aws.task_definition import TaskDefinition
from ecssim.scenario.document import Scenario
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names, name_of
from ecssim.scenario.nodes import Step
from ecssim.scenario.timeline import TimelineFault, parameters_of, request_of

_AWS_SECTIONS = (
    "vpcs",
    "subnets",
    "nat_gateways",
    "vpc_endpoints",
    "route_tables",
    "security_groups",
    "db_proxies",
    "functions",
    "mount_targets",
    "auto_scaling_groups",
    "capacity_providers",
    "clusters",
    "task_definitions",
    "target_groups",
    "load_balancers",
    "listeners",
    "services",
    "scalable_targets",
    "scaling_policies",
    "alarms",
    "scheduled_actions",
    "schedules",
)


def lint(names: Names, findings: Findings) -> None:
    """Warnings for the whole scenario."""
    for index, definition in enumerate(names.scenario.task_definitions):
        _roles(("taskDefinitions", index), definition, findings)
    _unused_target_groups(names, findings)
    for steps, what in _unmodelled_in(names.scenario):
        findings.warning(steps, f"{what} is accepted but not modelled yet: the run leaves it out")


def _roles(where: tuple[Step, ...], definition: TaskDefinition, findings: Findings) -> None:
    """Fargate pulls, logs and secrets need the execution role (SEC-026)."""
    if definition.execution_role_arn is not None:
        return
    fargate = Compatibility.FARGATE in definition.requires_compatibilities
    for index, container in enumerate(definition.container_definitions):
        logs = container.log_configuration
        reason = None
        if container.secrets:
            reason = "secrets"
        elif fargate and logs is not None and logs.log_driver is LogDriver.AWSLOGS:
            reason = "log driver awslogs on Fargate"
        elif fargate and ".dkr.ecr." in (container.image or ""):
            reason = "an image in a private ECR repository on Fargate"
        if reason is not None:
            message = f"{definition.family} has no executionRoleArn, which {reason} needs"
            findings.warning((*where, "containerDefinitions", index), message, "SEC-026")
            return


def _unused_target_groups(names: Names, findings: Findings) -> None:
    used = {
        name_of(balancer.target_group_arn)
        for service in names.scenario.services
        for balancer in service.load_balancers
        if balancer.target_group_arn is not None
    }
    if "services" in findings.unsure or names.created_by_calls["services"]:
        return
    for index, group in enumerate(names.scenario.target_groups):
        if group.target_group_name not in used and group.target_group_arn not in used:
            message = f"no service registers in target group {group.target_group_name!r}"
            findings.warning(("targetGroups", index, "targetGroupName"), message)


Unmodelled = tuple[tuple[Step, ...], str]


def unmodelled(document: Shape, steps: tuple[Step, ...], home: str) -> Iterator[Unmodelled]:
    """Fields in use that the simulation leaves out although they could change the answer: place and key.

    ``home`` is the scenario's Region, where everything runs whatever else a document says.
    """
    model = type(document)
    for name in model.model_fields:
        if name not in document.model_fields_set:
            continue
        key, value = api_key(model, name), getattr(document, name)
        if support_of(model, key) is not Support.NOT_MODELLED:
            yield from _inside(value, (*steps, key), home)
        elif matters(model, key, value, home):
            yield (*steps, key), key


def _inside(value: object, steps: tuple[Step, ...], home: str) -> Iterator[Unmodelled]:
    if isinstance(value, Shape):
        yield from unmodelled(value, steps, home)
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _inside(item, (*steps, index), home)


def _undiscovered(scenario: Scenario) -> Iterator[Unmodelled]:
    """Streams that go to a discovery name: nobody serves them, since service discovery is not modelled."""
    for index, stream in enumerate(scenario.traffic):
        if stream.to is not None and stream.to.discovery_name is not None:
            yield ("traffic", index, "to", "discoveryName"), "traffic to a discoveryName"
        for part, share in enumerate(stream.split or ()):
            if share.to.discovery_name is not None:
                yield ("traffic", index, "split", part, "to", "discoveryName"), "traffic to a discoveryName"


def _unmodelled_in(scenario: Scenario) -> Iterator[Unmodelled]:
    home = scenario.region
    for section in _AWS_SECTIONS:
        key = api_key(Scenario, section)
        value = getattr(scenario, section)
        if key in SECTIONS_NOT_MODELLED:
            if value:
                yield (key,), key
        else:
            yield from _inside(value, (key,), home)
    yield from _inside(scenario.account.settings, ("account", "settings"), home)
    if scenario.traffic and "traffic" in SECTIONS_NOT_MODELLED:
        yield ("traffic",), "traffic"
    yield from _undiscovered(scenario)
    for index, stream in enumerate(scenario.traffic):
        if stream.region not in (None, home):
            yield ("traffic", index, "region"), "region"
    for index, job in enumerate(scenario.jobs):
        yield from _inside(job.run_task, ("jobs", index, "runTask"), home)
    for index, entry in enumerate(scenario.timeline):
        if isinstance(entry, TimelineFault):
            if entry.fault in FAULTS_NOT_MODELLED:
                yield ("timeline", index, "fault"), f"fault {entry.fault}"
            continue
        model = parameters_of(entry)
        if model is not None and all(support_of(model, k) is Support.NOT_MODELLED for k in keys_of(model)):
            yield ("timeline", index, "call"), f"call {entry.call}"
        elif model is not None:
            try:
                request = request_of(entry)
            except ValidationError:
                continue  # its problems were said by the timeline's own check
            yield from unmodelled(request, ("timeline", index, "with"), home)
