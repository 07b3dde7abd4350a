"""The API's request checks: one function that answers ``check``, timeline calls and HTTP alike.

:func:`check_request` gives every reason for which AWS would refuse a request whatever the state of the world;
only refusals that depend on the state (no capacity, unknown task) are left to the one door. Implements,
beside what its helpers name, LB-060, NET-008, PLACE-060, QUOTA-003, QUOTA-010, SVC-012, SVC-060, AGENT-053,
LIFE-070.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecssim.aws.check_deployment import check_deployment
from ecssim.aws.check_launch import (
    Surroundings,
    check_launch,
    check_placement,
    check_strategy,
    network_mode_of,
    runs_on,
)
from ecssim.aws.check_monitoring import check_monitoring
from ecssim.aws.check_providers import check_provider, check_put
from ecssim.aws.check_scaling import check_scaling_request
from ecssim.aws.check_task_definition import check_task_definition
from ecssim.aws.cluster import CapacityProvider
from ecssim.aws.names import (
    AvailabilityZoneRebalancing,
    CapacityProviderType,
    ContainerInstanceStatus,
    DeploymentControllerType,
    LaunchType,
    NetworkMode,
    TargetType,
)
from ecssim.aws.rebalancing import why_not_rebalanced
from ecssim.aws.refusals import Refusal, Step
from ecssim.aws.requests import (
    PutClusterCapacityProviders,
    RunTask,
    StartTask,
    UpdateContainerInstancesState,
    UpdateService,
    UpdateTaskProtection,
)
from ecssim.aws.scaling import Alarm, ScalableTarget, ScalingPolicy, ScheduledAction
from ecssim.aws.service import DeploymentConfiguration, Service, ServiceLoadBalancer
from ecssim.aws.shape import Shape
from ecssim.aws.task_definition import TaskDefinition

__all__ = ["Refusal", "Surroundings", "check_request", "check_service", "check_task_definition", "runs_on"]

MOST_PER_CALL = 10


def check_request(request: Shape, around: Surroundings) -> list[Refusal]:
    """Every reason for which the API would refuse the request, in any state of the world."""
    match request:
        case TaskDefinition():
            return check_task_definition(request, around.limits)
        case Service():
            return check_service(request, around)
        case RunTask():
            return _check_run_task(request, around)
        case StartTask():
            return _check_start_task(request, around)
        case UpdateService():
            return _check_update_service(request, around)
        case PutClusterCapacityProviders():
            return list(check_put(request, around))
        case CapacityProvider():
            return list(check_provider(request))
        case UpdateContainerInstancesState():
            settable = (ContainerInstanceStatus.ACTIVE, ContainerInstanceStatus.DRAINING)
            if request.status not in settable:
                return [Refusal(("status",), f"status can be set to ACTIVE or DRAINING, not {request.status}")]
            return []
        case ScalableTarget() | ScalingPolicy() | ScheduledAction() | Alarm():
            return check_scaling_request(request)
        case UpdateTaskProtection():
            count = len(request.tasks) if request.service is None else request.count or 1
            where = "tasks" if request.service is None else "count"
            return list(_how_many(count, (where,), "tasks", "LIFE-070"))
    return []


def check_service(service: Service, around: Surroundings) -> list[Refusal]:
    """Why CreateService would refuse the service."""
    named = service.task_definition
    definition = around.task_definition(named) if named is not None else None
    external = _controller(service) is DeploymentControllerType.EXTERNAL
    refusals: list[Refusal] = []
    if named is None and not external:
        refusals.append(Refusal((), "a service needs a taskDefinition"))
    if service.desired_count is None and not service.is_daemon and not external:
        refusals.append(Refusal((), "a replica service needs desiredCount"))
    refusals += _desired(service.desired_count or 0, most_tasks(service, around))
    refusals += check_launch(service, definition, around, named=named or "")
    if service.is_daemon:
        refusals += _daemon(service, runs_on(service, around))
    else:
        refusals += _percents(service.minimum_healthy_percent, service.maximum_percent)
    refusals += check_deployment(service)
    refusals += check_load_balancers(service.load_balancers, definition, around)
    refusals += check_monitoring(service)
    refusals += _rebalancing(service, definition)
    return refusals


def _rebalancing(service: Service, definition: TaskDefinition | None) -> Iterator[Refusal]:
    """Zone rebalancing that is asked for where it is not to be had (PLACE-082)."""
    if service.availability_zone_rebalancing is AvailabilityZoneRebalancing.ENABLED:
        reason = why_not_rebalanced(service, definition)
        if reason is not None:
            message = f"availabilityZoneRebalancing ENABLED does not go with {reason}"
            yield Refusal(("availabilityZoneRebalancing",), message, "PLACE-082")


def most_tasks(service: Service, around: Surroundings) -> int:
    """How many tasks the service may have: fewer with discovery or Service Connect (QUOTA-003, SVC-072)."""
    connected = bool((service.service_connect_configuration or {}).get("enabled"))
    if service.service_registries or connected:
        return around.limits.tasks_per_service_with_discovery
    return around.limits.tasks_per_service


def _desired(count: int, most: int) -> Iterator[Refusal]:
    if count > most:
        yield Refusal(("desiredCount",), f"a service holds at most {most:,} tasks, got {count:,}", "QUOTA-003")


def _controller(service: Service) -> DeploymentControllerType:
    given = service.deployment_controller
    return given.type if given is not None else DeploymentControllerType.ECS


def _daemon(service: Service, kinds: frozenset[CapacityProviderType]) -> Iterator[Refusal]:
    """Daemon services have no count, no strategy, no Fargate (SVC-060); maximumPercent is 100 (SVC-012)."""
    for key, given in (
        ("desiredCount", service.desired_count is not None),
        ("capacityProviderStrategy", bool(service.capacity_provider_strategy)),
        ("placementStrategy", bool(service.placement_strategy)),
    ):
        if given:
            yield Refusal((key,), f"a DAEMON service takes no {key}", "SVC-060")
    if service.launch_type is LaunchType.FARGATE or kinds & {
        CapacityProviderType.FARGATE,
        CapacityProviderType.FARGATE_SPOT,
    }:
        where: tuple[Step, ...] = ("launchType",) if service.launch_type is not None else ("schedulingStrategy",)
        yield Refusal(where, "a DAEMON service does not run on Fargate", "SVC-060")
    if _controller(service) is not DeploymentControllerType.ECS:
        message = f"a DAEMON service does not go with controller {_controller(service)}"
        yield Refusal(("deploymentController",), message, "SVC-060")
    if service.maximum_percent != 100:
        where = ("deploymentConfiguration", "maximumPercent")
        message = f"maximumPercent of a DAEMON service must be 100, got {service.maximum_percent}"
        yield Refusal(where, message, "SVC-012")
    if service.minimum_healthy_percent > 100:
        where = ("deploymentConfiguration", "minimumHealthyPercent")
        message = f"minimumHealthyPercent is at most 100, got {service.minimum_healthy_percent}"
        yield Refusal(where, message, "SVC-012")


def _percents(minimum: int, maximum: int) -> Iterator[Refusal]:
    low, high = (
        ("deploymentConfiguration", "minimumHealthyPercent"),
        ("deploymentConfiguration", "maximumPercent"),
    )
    if minimum > 100:
        yield Refusal(low, f"minimumHealthyPercent is at most 100, got {minimum}", "SVC-010")
    if maximum < 100:
        yield Refusal(high, f"maximumPercent is at least 100, got {maximum}", "SVC-010")
    if maximum > 200:
        yield Refusal(high, f"maximumPercent is at most 200, got {maximum}", "SVC-010")
    if minimum == maximum == 100:
        message = "minimumHealthyPercent and maximumPercent are both 100: no deployment can move, nothing can drain"
        yield Refusal(high, message, "AGENT-053", severity="warning")


def check_load_balancers(
    load_balancers: Sequence[ServiceLoadBalancer], definition: TaskDefinition | None, around: Surroundings
) -> Iterator[Refusal]:
    """Target groups of a service: how many, of which type, on a port that the task has (LB-060, NET-008)."""
    most = around.limits.target_groups_per_service
    groups = sum(balancer.target_group_arn is not None for balancer in load_balancers)
    if groups > most:
        message = f"a service has at most {most} target groups, got {groups}"
        yield Refusal(("loadBalancers",), message, "QUOTA-010")
    if sum(balancer.load_balancer_name is not None for balancer in load_balancers) > 1:
        yield Refusal(("loadBalancers",), "a service has at most one Classic Load Balancer", "QUOTA-010")
    for index, balancer in enumerate(load_balancers):
        where = ("loadBalancers", index)
        if balancer.target_group_arn is None and balancer.load_balancer_name is None:
            yield Refusal(where, "a load balancer of a service needs targetGroupArn (ARN or name)", "LB-060")
        if balancer.container_name is None or balancer.container_port is None:
            yield Refusal(where, "a load balancer of a service needs containerName and containerPort", "LB-060")
        elif definition is not None:
            yield from _container_port(index, balancer.container_name, balancer.container_port, definition)
        if definition is not None and balancer.load_balancer_name is not None:
            checked = next((c.name for c in definition.container_definitions if c.health_check is not None), None)
            if checked is not None:
                message = f"a Classic Load Balancer does not go with the healthCheck of container {checked}"
                yield Refusal((*where, "loadBalancerName"), message, "LIFE-067")
        if definition is not None and balancer.target_group_arn is not None:
            yield from _target_type(index, balancer.target_group_arn, definition, around)


def _container_port(index: int, name: str, port: int, definition: TaskDefinition) -> Iterator[Refusal]:
    where = ("loadBalancers", index)
    container = next((c for c in definition.container_definitions if c.name == name), None)
    if container is None:
        known = ", ".join(c.name for c in definition.container_definitions if c.name is not None)
        message = f"container {name!r} is not in {definition.family}; it has {known}"
        yield Refusal((*where, "containerName"), message, "LB-060")
    elif port not in {m.container_port for m in container.port_mappings}:
        known = ", ".join(str(m.container_port) for m in container.port_mappings) or "none"
        message = f"container {name} of {definition.family} does not map port {port}; its ports: {known}"
        yield Refusal((*where, "containerPort"), message, "LB-060")


def _target_type(index: int, group: str, definition: TaskDefinition, around: Surroundings) -> Iterator[Refusal]:
    given = around.target_type(group)
    mode = network_mode_of(definition)
    wanted = TargetType.IP if mode is NetworkMode.AWSVPC else TargetType.INSTANCE
    if given is not None and given is not wanted:
        message = f"target group {group} has targetType {given}; network mode {mode} needs {wanted}"
        yield Refusal(("loadBalancers", index, "targetGroupArn"), message, "NET-008")


def _how_many(count: int, where: tuple[str, ...], what: str, rule: str, most: int = MOST_PER_CALL) -> Iterator[Refusal]:
    if not 1 <= count <= most:
        yield Refusal(where, f"one call takes 1 to {most} {what}, got {count}", rule)


def _check_run_task(request: RunTask, around: Surroundings) -> list[Refusal]:
    definition = around.task_definition(request.task_definition)
    most = around.limits.tasks_per_run_task
    refusals = list(_how_many(request.count, ("count",), "tasks", "PLACE-060", most))
    refusals += check_launch(request, definition, around, named=request.task_definition)
    if definition is not None and request.overrides is not None:
        known = {c.name for c in definition.container_definitions}
        for index, override in enumerate(request.overrides.container_overrides):
            if override.name not in known:
                where = ("overrides", "containerOverrides", index, "name")
                names = ", ".join(sorted(name for name in known if name))
                message = f"container {override.name!r} is not in {definition.family}; it has {names}"
                refusals.append(Refusal(where, message))
    return refusals


def _check_start_task(request: StartTask, around: Surroundings) -> list[Refusal]:
    where = ("containerInstances",)
    most = around.limits.instances_per_start_task
    return list(_how_many(len(request.container_instances), where, "container instances", "PLACE-060", most))


def _check_update_service(request: UpdateService, around: Surroundings) -> list[Refusal]:
    """What can be said of an update without the service that it changes."""
    refusals = [
        *check_strategy(request.capacity_provider_strategy or (), around, "capacityProviderStrategy"),
        *check_placement(
            request.placement_strategy or (), request.placement_constraints or (), allow_custom=around.allow_custom
        ),
    ]
    return [*refusals, *_desired(request.desired_count or 0, around.limits.tasks_per_service)]


def updated(service: Service, request: UpdateService) -> Service:
    """The service as it would be after the update: fields that the request leaves out stay.

    Deployment configuration is merged field by field; an empty list means "none" (CAP-027 for the strategy).
    """
    changes: dict[str, object] = {}
    for name in request.model_fields_set & set(Service.model_fields):
        value = getattr(request, name)
        if value is None or name == "cluster":
            continue
        if name == "deployment_configuration" and service.deployment_configuration is not None:
            given: DeploymentConfiguration = value
            fields = {key: getattr(given, key) for key in given.model_fields_set}
            value = service.deployment_configuration.model_copy(update=fields)
        changes[name] = value
    if changes.get("capacity_provider_strategy"):
        changes["launch_type"] = None
    return service.model_copy(update=changes)


def check_update(service: Service, request: UpdateService, around: Surroundings) -> list[Refusal]:
    """Why UpdateService would refuse to make of ``service`` what the request says.

    Refusals that the service has on its own are not the update's; places are in the request.
    """
    before = {(r.where, r.message) for r in check_service(service, around)}
    after = check_service(updated(service, request), around)
    own = _check_update_service(request, around)
    said = {(r.where, r.message) for r in own}
    return own + [r for r in after if (r.where, r.message) not in before | said]
