"""A register-task-definition document: what one task is made of.

CPU is in CPU units (1,024 = 1 vCPU), memory in MiB, timeouts in seconds. Task-level ``cpu`` and ``memory``
may be strings as the API has them (FG-003). Parts of the API that the simulation does not look into are
accepted as they are; ``support.py`` says for each field what it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from ecssim.aws.names import (
    ApplicationProtocol,
    Compatibility,
    ContainerCondition,
    CpuArchitecture,
    IpcMode,
    LogDriver,
    NetworkMode,
    OsFamily,
    PidMode,
    PlacementConstraintType,
    ResourceType,
    TransportProtocol,
    VersionConsistency,
)
from ecssim.aws.shape import MOST, JsonObject, Name, Port, Shape, TaskCpu, TaskMemory, ruled

Family = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")]


class Tag(Shape):
    """A tag of a resource."""

    key: str | None = None
    value: str | None = None


class KeyValuePair(Shape):
    """An environment variable or another named value."""

    name: str | None = None
    value: str | None = None


class PortMapping(Shape):
    """A port of a container; under awsvpc and host the host port is the container port (NET-009)."""

    container_port: Port | None = None
    host_port: Port | None = None
    protocol: TransportProtocol = TransportProtocol.TCP
    name: str | None = None
    app_protocol: ApplicationProtocol | None = None
    container_port_range: str | None = None


class HealthCheck(Shape):
    """Container health check; seconds, ranges as LIFE-061."""

    command: tuple[str, ...]
    interval: Annotated[int, ruled("LIFE-061", ge=5, le=300)] = 30
    timeout: Annotated[int, ruled("LIFE-061", ge=2, le=60)] = 5
    retries: Annotated[int, ruled("LIFE-061", ge=1, le=10)] = 3
    start_period: Annotated[int, ruled("LIFE-061", ge=0, le=300)] = 0


class ContainerDependency(Shape):
    """A container that must reach a condition first (LIFE-053)."""

    container_name: str
    condition: ContainerCondition


class ResourceRequirement(Shape):
    """GPUs or accelerators of a container; the value of a GPU is a whole number as text (PLACE-007)."""

    type: ResourceType
    value: str | None = None
    sharing_strategy: JsonObject | None = None


class ContainerRestartPolicy(Shape):
    """Whether a container that exits is started again inside its task (LIFE-068)."""

    enabled: bool
    ignored_exit_codes: Annotated[tuple[int, ...], ruled("LIFE-068", max_length=50)] = ()
    restart_attempt_period: Annotated[int, ruled("LIFE-068", ge=60, le=1800)] = 300


class Secret(Shape):
    """A secret that the container reads at its start."""

    name: str
    value_from: str


class EnvironmentFile(Shape):
    """A file of environment variables in S3."""

    value: str
    type: str


class MountPoint(Shape):
    """Where a volume is mounted."""

    source_volume: str | None = None
    container_path: str | None = None
    read_only: bool | None = None


class VolumeFrom(Shape):
    """Volumes of another container."""

    source_container: str | None = None
    read_only: bool | None = None


class Ulimit(Shape):
    """A resource limit inside the container."""

    name: str
    soft_limit: int
    hard_limit: int


class HostEntry(Shape):
    """A line of the container's hosts file."""

    hostname: str
    ip_address: str


class SystemControl(Shape):
    """A kernel parameter of the container."""

    namespace: str | None = None
    value: str | None = None


class RepositoryCredentials(Shape):
    """The secret with which a private registry is read."""

    credentials_parameter: str


class LogConfiguration(Shape):
    """Where the logs of a container go."""

    log_driver: LogDriver
    options: Mapping[str, str] | None = None
    secret_options: tuple[Secret, ...] = ()


class ContainerDefinition(Shape):
    """One container: CPU units, MiB, ports, health and order of start and stop."""

    name: Name | None = None
    image: str | None = None
    repository_credentials: RepositoryCredentials | None = None
    cpu: Annotated[int, Field(ge=0, le=MOST)] = 0
    memory: Annotated[int, Field(ge=4, le=MOST)] | None = None
    memory_reservation: Annotated[int, Field(ge=4, le=MOST)] | None = None
    links: tuple[str, ...] = ()
    port_mappings: tuple[PortMapping, ...] = ()
    essential: bool = True
    restart_policy: ContainerRestartPolicy | None = None
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[KeyValuePair, ...] = ()
    environment_files: tuple[EnvironmentFile, ...] = ()
    mount_points: tuple[MountPoint, ...] = ()
    volumes_from: tuple[VolumeFrom, ...] = ()
    linux_parameters: JsonObject | None = None
    secrets: tuple[Secret, ...] = ()
    depends_on: tuple[ContainerDependency, ...] = ()
    start_timeout: Annotated[int, Field(ge=1)] | None = None
    stop_timeout: Annotated[int, Field(ge=0)] | None = None
    version_consistency: VersionConsistency | None = None
    hostname: str | None = None
    user: str | None = None
    working_directory: str | None = None
    disable_networking: bool | None = None
    privileged: bool | None = None
    readonly_root_filesystem: bool | None = None
    dns_servers: tuple[str, ...] = ()
    dns_search_domains: tuple[str, ...] = ()
    extra_hosts: tuple[HostEntry, ...] = ()
    docker_security_options: tuple[str, ...] = ()
    interactive: bool | None = None
    pseudo_terminal: bool | None = None
    docker_labels: Mapping[str, str] | None = None
    ulimits: tuple[Ulimit, ...] = ()
    log_configuration: LogConfiguration | None = None
    health_check: HealthCheck | None = None
    system_controls: tuple[SystemControl, ...] = ()
    resource_requirements: tuple[ResourceRequirement, ...] = ()
    firelens_configuration: JsonObject | None = None
    credential_specs: tuple[str, ...] = ()

    @property
    def gpus(self) -> int:
        """Whole GPUs that this container is given (PLACE-007)."""
        wanted = [r.value for r in self.resource_requirements if r.type is ResourceType.GPU]
        return sum(int(value) for value in wanted if value is not None and value.isdecimal())


class HostVolumeProperties(Shape):
    """A folder of the instance."""

    source_path: str | None = None


class Volume(Shape):
    """A volume of the task; only its presence is checked."""

    name: str | None = None
    host: HostVolumeProperties | None = None
    docker_volume_configuration: JsonObject | None = None
    efs_volume_configuration: JsonObject | None = None
    s3files_volume_configuration: Annotated[JsonObject | None, Field(alias="s3filesVolumeConfiguration")] = None
    fsx_windows_file_server_volume_configuration: JsonObject | None = None
    configured_at_launch: bool | None = None


class EphemeralStorage(Shape):
    """Task storage on Fargate in GiB (FG-006)."""

    size_in_gib: Annotated[int, Field(alias="sizeInGiB"), ruled("FG-006", ge=21, le=200)]


class RuntimePlatform(Shape):
    """Processor and operating system of the task."""

    cpu_architecture: CpuArchitecture | None = None
    operating_system_family: OsFamily | None = None


class TaskDefinitionPlacementConstraint(Shape):
    """A constraint in a task definition; only ``memberOf`` is allowed there (PLACE-040)."""

    type: PlacementConstraintType | None = None
    expression: Annotated[str, ruled("PLACE-030", max_length=2000)] | None = None


class ProxyConfiguration(Shape):
    """App Mesh proxy of the task."""

    container_name: str
    type: str | None = None
    properties: tuple[KeyValuePair, ...] = ()


class InferenceAccelerator(Shape):
    """An Elastic Inference accelerator."""

    device_name: str
    device_type: str


class TaskDefinition(Shape):
    """One revision of a family: the document that RegisterTaskDefinition takes."""

    family: Family
    container_definitions: Annotated[tuple[ContainerDefinition, ...], Field(min_length=1)]
    cpu: TaskCpu | None = None
    memory: TaskMemory | None = None
    network_mode: NetworkMode | None = None
    requires_compatibilities: tuple[Compatibility, ...] = ()
    runtime_platform: RuntimePlatform | None = None
    placement_constraints: tuple[TaskDefinitionPlacementConstraint, ...] = ()
    volumes: tuple[Volume, ...] = ()
    ephemeral_storage: EphemeralStorage | None = None
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    pid_mode: PidMode | None = None
    ipc_mode: IpcMode | None = None
    proxy_configuration: ProxyConfiguration | None = None
    inference_accelerators: tuple[InferenceAccelerator, ...] = ()
    enable_fault_injection: bool | None = None
    trusted_execution_configuration: JsonObject | None = None
    tags: tuple[Tag, ...] = ()

    @property
    def effective_network_mode(self) -> NetworkMode:
        """The network mode that applies: `bridge` where the document names none (NET-001)."""
        if self.network_mode is not None:
            return self.network_mode
        return NetworkMode.BRIDGE

    @property
    def cpu_need(self) -> int:
        """CPU units that placement reserves: the task's, else the sum over its containers (PLACE-004)."""
        return self.cpu if self.cpu is not None else sum(c.cpu for c in self.container_definitions)

    @property
    def memory_need(self) -> int:
        """MiB that placement reserves: the task's, else the sum over its containers (PLACE-004)."""
        if self.memory is not None:
            return self.memory
        return sum(c.memory_reservation or c.memory or 0 for c in self.container_definitions)

    @property
    def gpu_need(self) -> int:
        """Whole GPUs over all containers (PLACE-007)."""
        return sum(c.gpus for c in self.container_definitions)

    @property
    def is_windows(self) -> bool:
        """Whether the task runs on a Windows family."""
        family = self.runtime_platform.operating_system_family if self.runtime_platform else None
        return family is not None and family is not OsFamily.LINUX

    @property
    def cpu_architecture(self) -> CpuArchitecture:
        """Processor architecture; X86_64 unless the document says otherwise."""
        named = self.runtime_platform.cpu_architecture if self.runtime_platform else None
        return named or CpuArchitecture.X86_64
