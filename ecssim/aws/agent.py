"""The configuration of the ECS agent on the instances of a group, by the agent's own names (AGENT section)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.shape import Shape

#: Ports that the agent and the host hold on Linux unless ECS_RESERVED_PORTS says otherwise (AGENT-006, ASG-063).
RESERVED_PORTS: Final = (22, 2375, 2376, 51678, 51679)
#: Host ports that may be reserved on one instance, those of the agent among them (AGENT-007).
MOST_RESERVED_PORTS: Final = 100
#: Host ports that a container with hostPort 0 gets one of: Linux's usual range (AGENT-008).
DYNAMIC_PORTS: Final = (32768, 60999)
#: The same on Windows (NET-006).
DYNAMIC_PORTS_WINDOWS: Final = (49152, 65535)
#: Least values that the agent takes, in seconds; below them it uses another (AGENT-033, AGENT-035, AGENT-036).
LEAST: Final[Mapping[str, float]] = {
    "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": 1.0,
    "ECS_IMAGE_CLEANUP_INTERVAL": 600.0,
    "ECS_IMAGE_MINIMUM_CLEANUP_AGE": 0.0,
    "ECS_CONTAINER_START_TIMEOUT": 45.0,
}

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")

#: A duration as the agent, a Go program, reads it: ``30s``, ``3h``, ``1h30m``.
GoDuration = Annotated[str, Field(pattern=r"^(\d+(\.\d+)?(ms|h|m|s))+$")]
PortNumber = Annotated[int, Field(ge=1, le=65535)]


def go_seconds(text: str) -> float:
    """Return the seconds of a duration in Go's spelling."""
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


class AgentConfiguration(Shape):
    """The ECS agent on the instances of a group, by the agent's own names (AGENT section).

    ``ECS_CLUSTER`` says which cluster the instances join; without it they join the one whose capacity
    provider the group is behind. ``version`` is text (``1.90.0``), ``ECS_RESERVED_MEMORY`` MiB; durations are
    the agent's text (``30s``, ``3h``).
    """

    version: str | None = None
    cluster: Annotated[str | None, Field(alias="ECS_CLUSTER")] = None
    reserved_memory: Annotated[int, Field(alias="ECS_RESERVED_MEMORY", ge=0)] = 0
    instance_attributes: Annotated[Mapping[str, str], Field(alias="ECS_INSTANCE_ATTRIBUTES")] = Field(
        default_factory=dict
    )
    enable_spot_instance_draining: Annotated[bool, Field(alias="ECS_ENABLE_SPOT_INSTANCE_DRAINING")] = False
    image_pull_behavior: Annotated[
        str | None, Field(alias="ECS_IMAGE_PULL_BEHAVIOR", pattern="^(default|always|once|prefer-cached)$")
    ] = None
    container_start_timeout: Annotated[GoDuration | None, Field(alias="ECS_CONTAINER_START_TIMEOUT")] = None
    container_stop_timeout: Annotated[GoDuration | None, Field(alias="ECS_CONTAINER_STOP_TIMEOUT")] = None
    container_create_timeout: Annotated[GoDuration | None, Field(alias="ECS_CONTAINER_CREATE_TIMEOUT")] = None
    engine_task_cleanup_wait_duration: Annotated[
        GoDuration | None, Field(alias="ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION")
    ] = None
    engine_task_cleanup_wait_duration_jitter: Annotated[
        GoDuration | None, Field(alias="ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER")
    ] = None
    pull_dependent_containers_upfront: Annotated[bool, Field(alias="ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT")] = False
    poll_metrics: Annotated[bool, Field(alias="ECS_POLL_METRICS")] = False
    warm_pools_check: Annotated[bool, Field(alias="ECS_WARM_POOLS_CHECK")] = False
    enable_task_eni: Annotated[bool, Field(alias="ECS_ENABLE_TASK_ENI")] = True
    available_logging_drivers: Annotated[tuple[str, ...], Field(alias="ECS_AVAILABLE_LOGGING_DRIVERS")] = ()
    reserved_ports: Annotated[tuple[PortNumber, ...], Field(alias="ECS_RESERVED_PORTS")] = ()
    reserved_ports_udp: Annotated[tuple[PortNumber, ...], Field(alias="ECS_RESERVED_PORTS_UDP")] = ()
    dynamic_host_port_range: Annotated[str | None, Field(alias="ECS_DYNAMIC_HOST_PORT_RANGE", pattern=r"^\d+-\d+$")] = (
        None
    )
    num_images_delete_per_cycle: Annotated[int | None, Field(alias="ECS_NUM_IMAGES_DELETE_PER_CYCLE", ge=1)] = None
    image_cleanup_interval: Annotated[GoDuration | None, Field(alias="ECS_IMAGE_CLEANUP_INTERVAL")] = None
    image_minimum_cleanup_age: Annotated[GoDuration | None, Field(alias="ECS_IMAGE_MINIMUM_CLEANUP_AGE")] = None
    disable_image_cleanup: Annotated[bool, Field(alias="ECS_DISABLE_IMAGE_CLEANUP")] = False

    @model_validator(mode="after")
    def _ports_make_sense(self) -> AgentConfiguration:
        low, high = self.dynamic_ports
        if not 1 <= low <= high <= 65535:
            raise PydanticCustomError(
                "value", "ECS_DYNAMIC_HOST_PORT_RANGE: expected two ports, the lower one first, such as 49153-65535"
            )
        return self

    @property
    def host_ports(self) -> tuple[tuple[str, int], ...]:
        """The ports that no task gets, by protocol (AGENT-006)."""
        tcp = tuple(dict.fromkeys(self.reserved_ports or RESERVED_PORTS))
        return (*(("tcp", p) for p in tcp), *(("udp", p) for p in dict.fromkeys(self.reserved_ports_udp)))

    @property
    def dynamic_ports(self) -> tuple[int, int]:
        """First and last host port of containers that leave the choice to the host (AGENT-008)."""
        if self.dynamic_host_port_range is None:
            return DYNAMIC_PORTS
        low, _, high = self.dynamic_host_port_range.partition("-")
        return int(low), int(high)

    def seconds(self, name: str, given: str | None, default: float) -> float:
        """Return a duration of the agent; one that is too short becomes its default, or its least (AGENT-033)."""
        if given is None:
            return default
        value = go_seconds(given)
        if value >= LEAST[name]:
            return value
        return LEAST[name] if name == "ECS_CONTAINER_START_TIMEOUT" else default

    def too_short(self) -> dict[str, tuple[str, float]]:
        """Durations that the agent does not take as they are: name, what was given, the least in seconds."""
        given = {
            "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": self.engine_task_cleanup_wait_duration,
            "ECS_IMAGE_CLEANUP_INTERVAL": self.image_cleanup_interval,
            "ECS_CONTAINER_START_TIMEOUT": self.container_start_timeout,
        }
        return {k: (text, LEAST[k]) for k, text in given.items() if text is not None and go_seconds(text) < LEAST[k]}
