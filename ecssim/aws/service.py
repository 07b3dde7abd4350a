"""A service: the document that CreateService takes.

Percentages are whole percent of ``desiredCount`` (SVC-010), times in seconds unless a name says minutes. A
service may name its cluster, task definition, target groups and listener rules by ARN or by name.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ecssim.aws.names import (
    AvailabilityZoneRebalancing,
    DeploymentControllerType,
    DeploymentLifecycleHookStage,
    DeploymentLifecycleHookTargetType,
    DeploymentStrategy,
    EnabledDisabled,
    LaunchType,
    MonitoredMetric,
    PlacementConstraintType,
    PlacementStrategyChoice,
    PropagateTags,
    SchedulingStrategy,
    ServiceRevisionCleanup,
    ThresholdType,
)
from ecssim.aws.shape import JsonObject, Percent, PlainName, Port, Region, Shape, ruled
from ecssim.aws.task_definition import Tag


class CapacityProviderStrategyItem(Shape):
    """A share of the tasks for one provider: the first ``base`` tasks, then by ``weight`` (CAP-003)."""

    capacity_provider: str
    weight: Annotated[int, ruled("CAP-003", ge=0, le=1000)] = 0
    base: Annotated[int, ruled("CAP-003", ge=0, le=100000)] = 0


class PlacementConstraint(Shape):
    """What an instance must satisfy to take a task (PLACE-040)."""

    type: PlacementConstraintType
    expression: Annotated[str, ruled("PLACE-030", max_length=2000)] | None = None


class PlacementStrategy(Shape):
    """How to choose among the instances that fit (PLACE-020 to PLACE-024).

    ``custom`` is a what-if: ``field`` names a function of the user's (see ``docs/strategies.md``).
    """

    type: PlacementStrategyChoice
    field: str | None = None


class AwsVpcConfiguration(Shape):
    """Subnets and security groups of tasks in network mode awsvpc (QUOTA-009)."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    assign_public_ip: EnabledDisabled = EnabledDisabled.DISABLED


class NetworkConfiguration(Shape):
    """Network of the tasks of a service or of one RunTask call."""

    awsvpc_configuration: AwsVpcConfiguration | None = None


class ThresholdConfiguration(Shape):
    """How many failed tasks the circuit breaker takes: a share of the desired count, or a number (DEPLOY-041)."""

    type: ThresholdType
    value: Annotated[int, ruled("DEPLOY-040", ge=1)]


class DeploymentCircuitBreaker(Shape):
    """Stops a deployment whose tasks keep failing (DEPLOY-040); with ``rollback`` the last good one comes back."""

    enable: bool
    rollback: bool
    reset_on_healthy_task: bool | None = None
    threshold_configuration: ThresholdConfiguration | None = None


class DeploymentAlarms(Shape):
    """Alarms that fail a deployment (DEPLOY-050)."""

    alarm_names: tuple[str, ...]
    enable: bool
    rollback: bool


class DeploymentLifecycleHook(Shape):
    """A hook at a stage of a deployment."""

    target_type: DeploymentLifecycleHookTargetType | None = None
    hook_target_arn: str | None = None
    role_arn: str | None = None
    lifecycle_stages: tuple[DeploymentLifecycleHookStage, ...] = ()
    hook_details: JsonObject | str | None = None
    timeout_configuration: JsonObject | None = None


class LinearConfiguration(Shape):
    """Equal steps of traffic."""

    step_percent: float | None = None
    step_bake_time_in_minutes: Annotated[int, Field(ge=0, le=1440)] | None = None


class CanaryConfiguration(Shape):
    """A first small share of the traffic, then the rest."""

    canary_percent: float | None = None
    canary_bake_time_in_minutes: Annotated[int, Field(ge=0, le=1440)] | None = None


class DeploymentEarlySuccessCriteria(Shape):
    """From which share of healthy new tasks on a rolling deployment is done (DEPLOY-018)."""

    enable: bool
    healthy_percent: Annotated[int, ruled("DEPLOY-018", ge=0, le=100)] | None = None
    source_service_revision_cleanup: ServiceRevisionCleanup | None = None


class MetricConfiguration(Shape):
    """Metrics of the service, and how many seconds lie between their points (SCALE-011)."""

    metric_names: tuple[MonitoredMetric, ...]
    resolution_seconds: Literal[20, 60]


class MonitoringConfiguration(Shape):
    """How finely the service's metrics are published."""

    metric_configurations: tuple[MetricConfiguration, ...] = ()

    @property
    def fine(self) -> frozenset[str]:
        """The metrics with a point every 20 seconds."""
        return frozenset(n for c in self.metric_configurations if c.resolution_seconds == 20 for n in c.metric_names)


class DeploymentConfiguration(Shape):
    """How a service replaces its tasks (SVC-010 to SVC-013)."""

    minimum_healthy_percent: Percent | None = None
    maximum_percent: Percent | None = None
    deployment_circuit_breaker: DeploymentCircuitBreaker | None = None
    alarms: DeploymentAlarms | None = None
    strategy: DeploymentStrategy | None = None
    bake_time_in_minutes: Annotated[int, Field(ge=0, le=1440)] | None = None
    lifecycle_hooks: tuple[DeploymentLifecycleHook, ...] = ()
    linear_configuration: LinearConfiguration | None = None
    canary_configuration: CanaryConfiguration | None = None
    early_success_criteria: DeploymentEarlySuccessCriteria | None = None


class DeploymentController(Shape):
    """Who runs the deployments."""

    type: DeploymentControllerType


class AdvancedConfiguration(Shape):
    """The second target group and the rules of a blue/green service (LB-067)."""

    alternate_target_group_arn: str | None = None
    production_listener_rule: str | None = None
    test_listener_rule: str | None = None
    role_arn: str | None = None


class ServiceLoadBalancer(Shape):
    """A target group in which the tasks of the service are registered; ARN or name (LB-060)."""

    target_group_arn: str | None = None
    load_balancer_name: str | None = None
    container_name: str | None = None
    container_port: Port | None = None
    advanced_configuration: AdvancedConfiguration | None = None


class ServiceRegistry(Shape):
    """A Cloud Map service in which the tasks are registered."""

    registry_arn: str | None = None
    port: Port | None = None
    container_name: str | None = None
    container_port: Port | None = None


class Service(Shape):
    """A service as CreateService takes it; the scheduler keeps ``desiredCount`` tasks of it."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    service_name: PlainName
    task_definition: str | None = None
    cluster: str | None = None
    region: Region | None = None
    desired_count: Annotated[int, Field(ge=0)] | None = None
    scheduling_strategy: SchedulingStrategy = SchedulingStrategy.REPLICA
    launch_type: LaunchType | None = None
    capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...] = ()
    platform_version: str | None = None
    deployment_configuration: DeploymentConfiguration | None = None
    deployment_controller: DeploymentController | None = None
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    placement_strategy: tuple[PlacementStrategy, ...] = ()
    network_configuration: NetworkConfiguration | None = None
    load_balancers: tuple[ServiceLoadBalancer, ...] = ()
    service_registries: tuple[ServiceRegistry, ...] = ()
    health_check_grace_period_seconds: Annotated[int, Field(ge=0)] | None = None
    availability_zone_rebalancing: AvailabilityZoneRebalancing | None = None
    service_connect_configuration: JsonObject | None = None
    volume_configurations: tuple[JsonObject, ...] = ()
    vpc_lattice_configurations: tuple[JsonObject, ...] = ()
    gateway_connectors: tuple[JsonObject, ...] = ()
    monitoring: MonitoringConfiguration | None = None
    role: str | None = None
    client_token: str | None = None
    tags: tuple[Tag, ...] = ()
    enable_ecs_managed_tags: Annotated[bool | None, Field(alias="enableECSManagedTags")] = None
    propagate_tags: PropagateTags | None = None
    enable_execute_command: bool | None = None

    @property
    def is_daemon(self) -> bool:
        """Whether the service keeps one task on every instance (SVC-060)."""
        return self.scheduling_strategy is SchedulingStrategy.DAEMON

    @property
    def minimum_healthy_percent(self) -> int:
        """Minimum healthy percent with the default of the scheduling strategy (SVC-012)."""
        given = self.deployment_configuration
        if given is not None and given.minimum_healthy_percent is not None:
            return given.minimum_healthy_percent
        return 0 if self.is_daemon else 100

    @property
    def maximum_percent(self) -> int:
        """Maximum percent with the default of the scheduling strategy (SVC-012)."""
        given = self.deployment_configuration
        if given is not None and given.maximum_percent is not None:
            return given.maximum_percent
        return 100 if self.is_daemon else 200

    @property
    def subnets(self) -> tuple[str, ...]:
        """Subnets of the tasks; empty unless they run in network mode awsvpc."""
        network = self.network_configuration
        if network is None or network.awsvpc_configuration is None:
            return ()
        return network.awsvpc_configuration.subnets
