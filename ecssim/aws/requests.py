"""The requests of the API calls that the one door takes, by action name.

Timeline entries, jobs and HTTP bodies are read with these documents, so that a call has one shape wherever it
comes from. A field that is left out is None: in UpdateService that means "keep", while ``[]`` means "none".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.auto_scaling import ResumeProcesses, StartInstanceRefresh, SuspendProcesses, UpdateAutoScalingGroup
from ecssim.aws.cluster import CapacityProvider, ManagedScaling
from ecssim.aws.load_balancing import ElbShape, ListenerAction, RuleCondition
from ecssim.aws.names import (
    AttributeTargetType,
    AvailabilityZoneRebalancing,
    ContainerInstanceStatus,
    DesiredStatus,
    ElbProtocol,
    EnabledDisabled,
    LaunchType,
    PropagateTags,
    SchedulingStrategy,
    SettingName,
    StopServiceDeploymentStopType,
)
from ecssim.aws.scaling import Alarm, ScalableTarget, ScalingPolicy, ScheduledAction
from ecssim.aws.service import (
    CapacityProviderStrategyItem,
    DeploymentConfiguration,
    DeploymentController,
    MonitoringConfiguration,
    NetworkConfiguration,
    PlacementConstraint,
    PlacementStrategy,
    Service,
    ServiceLoadBalancer,
    ServiceRegistry,
)
from ecssim.aws.shape import MOST, JsonObject, Region, Shape, TaskCpu, TaskMemory, ruled
from ecssim.aws.task_definition import (
    EnvironmentFile,
    EphemeralStorage,
    KeyValuePair,
    ResourceRequirement,
    Tag,
    TaskDefinition,
)

Count = Annotated[int, Field(ge=0)]


class ContainerOverride(Shape):
    """What one RunTask call changes in one container."""

    name: str | None = None
    command: tuple[str, ...] | None = None
    environment: tuple[KeyValuePair, ...] | None = None
    environment_files: tuple[EnvironmentFile, ...] | None = None
    cpu: Annotated[int, Field(ge=0, le=MOST)] | None = None
    memory: Annotated[int, Field(ge=4, le=MOST)] | None = None
    memory_reservation: Annotated[int, Field(ge=4, le=MOST)] | None = None
    resource_requirements: tuple[ResourceRequirement, ...] | None = None


class TaskOverride(Shape):
    """What one RunTask call changes in the task."""

    container_overrides: tuple[ContainerOverride, ...] = ()
    cpu: TaskCpu | None = None
    memory: TaskMemory | None = None
    ephemeral_storage: EphemeralStorage | None = None
    inference_accelerator_overrides: tuple[JsonObject, ...] = ()
    execution_role_arn: str | None = None
    task_role_arn: str | None = None


class RunTask(Shape):
    """Start standalone tasks; 1 to 10 in one call (PLACE-060)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    task_definition: str
    cluster: str | None = None
    region: Region | None = None
    count: int = 1
    launch_type: LaunchType | None = None
    capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...] = ()
    network_configuration: NetworkConfiguration | None = None
    overrides: TaskOverride | None = None
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    placement_strategy: tuple[PlacementStrategy, ...] = ()
    platform_version: str | None = None
    group: Annotated[str, ruled("PLACE-055", max_length=255)] | None = None
    started_by: str | None = None
    reference_id: str | None = None
    client_token: str | None = None
    propagate_tags: PropagateTags | None = None
    tags: tuple[Tag, ...] = ()
    enable_ecs_managed_tags: Annotated[bool | None, Field(alias="enableECSManagedTags")] = None
    enable_execute_command: bool | None = None
    volume_configurations: tuple[JsonObject, ...] = ()


class StartTask(Shape):
    """Start one task on each named container instance, without the scheduler (PLACE-060)."""

    task_definition: str
    container_instances: tuple[str, ...]
    cluster: str | None = None
    network_configuration: NetworkConfiguration | None = None
    overrides: TaskOverride | None = None
    group: Annotated[str, ruled("PLACE-055", max_length=255)] | None = None
    started_by: str | None = None
    reference_id: str | None = None
    propagate_tags: PropagateTags | None = None
    tags: tuple[Tag, ...] = ()
    enable_ecs_managed_tags: Annotated[bool | None, Field(alias="enableECSManagedTags")] = None
    enable_execute_command: bool | None = None
    volume_configurations: tuple[JsonObject, ...] = ()


class StopTask(Shape):
    """Stop one task."""

    task: str
    cluster: str | None = None
    reason: str | None = None


class DescribeTasks(Shape):
    """Show tasks; at most 100 in one call (QUOTA-027)."""

    tasks: tuple[str, ...]
    cluster: str | None = None
    include: tuple[str, ...] = ()


class ListTasks(Shape):
    """The tasks of a cluster, of one service, family or instance if named."""

    cluster: str | None = None
    container_instance: str | None = None
    family: str | None = None
    service_name: str | None = None
    desired_status: DesiredStatus | None = None


class DescribeContainerInstances(Shape):
    """Show container instances; at most 100 in one call."""

    container_instances: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    cluster: str | None = None
    include: tuple[str, ...] = ()


class ListContainerInstances(Shape):
    """The container instances of a cluster; with ``filter`` those for which the expression holds (PLACE-042)."""

    cluster: str | None = None
    filter: str | None = None
    status: ContainerInstanceStatus | None = None


class DescribeServices(Shape):
    """Show services; at most 10 in one call."""

    services: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    cluster: str | None = None
    include: tuple[str, ...] = ()


class ListServices(Shape):
    """The services of a cluster."""

    cluster: str | None = None
    launch_type: LaunchType | None = None
    scheduling_strategy: SchedulingStrategy | None = None


class UpdateTaskProtection(Shape):
    """Protect tasks from scale-in for some minutes.

    ``service`` is a shorthand for the ids of its running tasks that started first: of ``count`` of them, or as many
    as one call takes.
    """

    additions: ClassVar[frozenset[str]] = frozenset({"service", "count"})
    shorthands: ClassVar[Mapping[str, str]] = {"service": "tasks", "count": "tasks"}

    cluster: str
    tasks: tuple[str, ...] = ()
    service: str | None = None
    count: int | None = None
    protection_enabled: bool
    expires_in_minutes: Annotated[int, ruled("LIFE-070", ge=1, le=2880)] | None = None

    @model_validator(mode="after")
    def _names_tasks_one_way(self) -> UpdateTaskProtection:
        if bool(self.tasks) == (self.service is not None):
            raise PydanticCustomError("one_of", "give tasks or its shorthand service, one of them")
        if self.count is not None and self.service is None:
            raise PydanticCustomError("one_of", "count says how many tasks of service; name the service")
        return self


class UpdateService(Shape):
    """Change a service; fields left out stay as they are (DEPLOY-002, DEPLOY-003)."""

    service: str
    cluster: str | None = None
    desired_count: Count | None = None
    task_definition: str | None = None
    capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...] | None = None
    deployment_configuration: DeploymentConfiguration | None = None
    availability_zone_rebalancing: AvailabilityZoneRebalancing | None = None
    network_configuration: NetworkConfiguration | None = None
    placement_constraints: tuple[PlacementConstraint, ...] | None = None
    placement_strategy: tuple[PlacementStrategy, ...] | None = None
    platform_version: str | None = None
    force_new_deployment: bool = False
    health_check_grace_period_seconds: Count | None = None
    deployment_controller: DeploymentController | None = None
    load_balancers: tuple[ServiceLoadBalancer, ...] | None = None
    service_registries: tuple[ServiceRegistry, ...] | None = None
    service_connect_configuration: JsonObject | None = None
    volume_configurations: tuple[JsonObject, ...] | None = None
    vpc_lattice_configurations: tuple[JsonObject, ...] | None = None
    gateway_connectors: tuple[JsonObject, ...] | None = None
    monitoring: MonitoringConfiguration | None = None
    enable_execute_command: bool | None = None
    enable_ecs_managed_tags: Annotated[bool | None, Field(alias="enableECSManagedTags")] = None
    propagate_tags: PropagateTags | None = None


class DeleteService(Shape):
    """Delete a service; ``force`` also when it still wants tasks."""

    service: str
    cluster: str | None = None
    force: bool = False


class StopServiceDeployment(Shape):
    """Stop a deployment and go back to the last one that completed (DEPLOY-010).

    ``serviceDeploymentArn`` is an ARN or its last part; a service by name, or as ``cluster/service``, means its
    newest deployment.
    """

    service_deployment_arn: str
    stop_type: StopServiceDeploymentStopType = StopServiceDeploymentStopType.ROLLBACK


class UpdateContainerInstancesState(Shape):
    """Drain instances or make them active again; 1 to 10 in one call."""

    container_instances: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    status: ContainerInstanceStatus
    cluster: str | None = None


class DeregisterContainerInstance(Shape):
    """Take an instance out of its cluster."""

    container_instance: str
    cluster: str | None = None
    force: bool = False


class Attribute(Shape):
    """A custom attribute of a container instance (PLACE-054)."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_/\\.-]{1,128}$")]
    value: Annotated[str, Field(max_length=128)] | None = None
    target_type: AttributeTargetType | None = None
    target_id: str | None = None


class PutAttributes(Shape):
    """Set attributes; at most 10 in one call."""

    attributes: Annotated[tuple[Attribute, ...], Field(min_length=1, max_length=10)]
    cluster: str | None = None


class DeleteAttributes(Shape):
    """Remove attributes; at most 10 in one call."""

    attributes: Annotated[tuple[Attribute, ...], Field(min_length=1, max_length=10)]
    cluster: str | None = None


class PutAccountSettingDefault(Shape):
    """Change an account setting for everybody."""

    name: SettingName
    value: str


class PutAccountSetting(Shape):
    """Change an account setting for one principal."""

    name: SettingName
    value: str
    principal_arn: str | None = None


class PutClusterCapacityProviders(Shape):
    """Replace the providers and the default strategy of a cluster (CAP-014)."""

    cluster: str
    capacity_providers: tuple[str, ...]
    default_capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...]


class CreateCapacityProvider(CapacityProvider):
    """Create a capacity provider: the same document as an item of ``capacityProviders``."""


class AutoScalingGroupProviderUpdate(Shape):
    """What of a provider over an Auto Scaling group can be changed; the group itself cannot."""

    managed_scaling: ManagedScaling | None = None
    managed_termination_protection: EnabledDisabled | None = None
    managed_draining: EnabledDisabled | None = None


class UpdateCapacityProvider(Shape):
    """Change managed scaling, draining or termination protection of a provider."""

    name: str
    cluster: str | None = None
    auto_scaling_group_provider: AutoScalingGroupProviderUpdate | None = None
    managed_instances_provider: JsonObject | None = None


class DeleteCapacityProvider(Shape):
    """Delete a capacity provider that nothing uses (CAP-015)."""

    capacity_provider: str
    cluster: str | None = None


class DescribeCapacityProviders(Shape):
    """Show capacity providers: those that are named, or all of the account."""

    capacity_providers: tuple[str, ...] = ()
    cluster: str | None = None
    include: tuple[str, ...] = ()


class DeregisterTaskDefinition(Shape):
    """Make a revision inactive."""

    task_definition: str


class SetDesiredCapacity(Shape):
    """Set the size of an Auto Scaling group by hand."""

    pascal: ClassVar[bool] = True

    auto_scaling_group_name: str
    desired_capacity: Count
    honor_cooldown: bool = False


class TerminateInstanceInAutoScalingGroup(Shape):
    """End one instance of a group."""

    pascal: ClassVar[bool] = True

    instance_id: str
    should_decrement_desired_capacity: bool


class ModifyListener(ElbShape):
    """Change what a listener does by default."""

    listener_arn: str
    port: int | None = None
    protocol: ElbProtocol | None = None
    default_actions: tuple[ListenerAction, ...] = ()
    ssl_policy: str | None = None
    certificates: tuple[JsonObject, ...] = ()
    alpn_policy: tuple[str, ...] = ()
    mutual_authentication: JsonObject | None = None


class ModifyRule(ElbShape):
    """Change the conditions or actions of a listener rule."""

    rule_arn: str
    conditions: tuple[RuleCondition, ...] = ()
    actions: tuple[ListenerAction, ...] = ()
    transforms: tuple[JsonObject, ...] = ()
    reset_transforms: bool = False


class TargetDescription(ElbShape):
    """A registered target: its address or instance, and its port."""

    id: str
    port: int | None = None
    availability_zone: str | None = None


class DescribeTargetHealth(ElbShape):
    """Show the targets of a target group with their states and reasons; all of them unless named (LB-008)."""

    target_group_arn: str
    targets: tuple[TargetDescription, ...] = ()
    include: tuple[str, ...] = ()


class CreateDeployment(Shape):
    """Start a CodeDeploy deployment of a service whose controller is CODE_DEPLOY."""

    application_name: str
    deployment_group_name: str | None = None
    revision: JsonObject | None = None
    deployment_config_name: str | None = None
    description: str | None = None
    auto_rollback_configuration: JsonObject | None = None
    override_alarm_configuration: JsonObject | None = None


class DeregisterScalableTarget(Shape):
    """Stop scaling a service."""

    pascal: ClassVar[bool] = True

    resource_id: str


class DeleteScalingPolicy(Shape):
    """Delete a scaling policy."""

    pascal: ClassVar[bool] = True

    policy_name: str
    resource_id: str


class CreateService(Service):
    """Create a service: the same document as an item of ``services``."""


class RegisterTaskDefinition(TaskDefinition):
    """Register a revision: the same document as an item of ``taskDefinitions``."""


REQUESTS: Mapping[str, type[Shape]] = {
    "CreateCapacityProvider": CreateCapacityProvider,
    "CreateDeployment": CreateDeployment,
    "CreateService": CreateService,
    "DeleteAttributes": DeleteAttributes,
    "DeleteCapacityProvider": DeleteCapacityProvider,
    "DeleteScalingPolicy": DeleteScalingPolicy,
    "DeleteService": DeleteService,
    "DeregisterContainerInstance": DeregisterContainerInstance,
    "DeregisterScalableTarget": DeregisterScalableTarget,
    "DeregisterTaskDefinition": DeregisterTaskDefinition,
    "DescribeCapacityProviders": DescribeCapacityProviders,
    "DescribeContainerInstances": DescribeContainerInstances,
    "DescribeServices": DescribeServices,
    "DescribeTargetHealth": DescribeTargetHealth,
    "DescribeTasks": DescribeTasks,
    "ListContainerInstances": ListContainerInstances,
    "ListServices": ListServices,
    "ListTasks": ListTasks,
    "ModifyListener": ModifyListener,
    "ModifyRule": ModifyRule,
    "PutAccountSetting": PutAccountSetting,
    "PutAccountSettingDefault": PutAccountSettingDefault,
    "PutAttributes": PutAttributes,
    "PutClusterCapacityProviders": PutClusterCapacityProviders,
    "PutMetricAlarm": Alarm,
    "PutScalingPolicy": ScalingPolicy,
    "PutScheduledAction": ScheduledAction,
    "RegisterScalableTarget": ScalableTarget,
    "RegisterTaskDefinition": RegisterTaskDefinition,
    "ResumeProcesses": ResumeProcesses,
    "RunTask": RunTask,
    "SetDesiredCapacity": SetDesiredCapacity,
    "StartInstanceRefresh": StartInstanceRefresh,
    "StartTask": StartTask,
    "StopServiceDeployment": StopServiceDeployment,
    "StopTask": StopTask,
    "SuspendProcesses": SuspendProcesses,
    "TerminateInstanceInAutoScalingGroup": TerminateInstanceInAutoScalingGroup,
    "UpdateAutoScalingGroup": UpdateAutoScalingGroup,
    "UpdateCapacityProvider": UpdateCapacityProvider,
    "UpdateContainerInstancesState": UpdateContainerInstancesState,
    "UpdateService": UpdateService,
    "UpdateTaskProtection": UpdateTaskProtection,
}
"""The document of every action that a timeline call may name."""
