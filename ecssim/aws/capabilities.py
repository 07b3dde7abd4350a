"""What agents can do, as attributes of their instances, and what a task definition asks of them (AGENT-012).

RegisterTaskDefinition derives ``requiresAttributes`` from the document; an instance without one of them is no
candidate (failure ``ATTRIBUTE``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ecssim.aws.agent import AgentConfiguration
from ecssim.aws.names import LogDriver, NetworkMode
from ecssim.aws.task_definition import TaskDefinition

TASK_ENI: Final = "ecs.capability.task-eni"
TRUNKING: Final = "ecs.capability.task-eni-trunking"
LOGGING: Final = "com.amazonaws.ecs.capability.logging-driver."
TASK_ROLE: Final = "com.amazonaws.ecs.capability.task-iam-role"
TASK_ROLE_HOST: Final = "com.amazonaws.ecs.capability.task-iam-role-network-host"

#: The first agent that can trunk (NET-017).
TRUNKING_AGENT: Final = (1, 28, 1)

#: Capabilities and the agent version that brought them (the agent's change log).
SINCE: Final = {
    "ecs.capability.execution-role-ecr-pull": (1, 16, 0),
    "ecs.capability.execution-role-awslogs": (1, 16, 0),
    "ecs.capability.container-health-check": (1, 17, 0),
    "ecs.capability.secrets.ssm.environment-variables": (1, 22, 0),
    "ecs.capability.container-ordering": (1, 26, 0),
    "ecs.capability.efs": (1, 38, 0),
    "ecs.capability.container-restart-policy": (1, 86, 0),
}
#: Log drivers that the ECS-optimised AMI lets its agent offer.
LOG_DRIVERS: Final = ("json-file", "syslog", "awslogs", "fluentd", "none")


def version_of(text: str) -> tuple[int, ...]:
    """Return ``1.90.0`` as numbers; what is no number counts as 0."""
    return tuple(int(part) if part.isdecimal() else 0 for part in text.split("."))


def registered(agent: AgentConfiguration, *, trunk: bool = False) -> tuple[str, ...]:
    """Return the capabilities that the agents of a group register."""
    names = [TASK_ROLE, TASK_ROLE_HOST]
    names += [LOGGING + driver for driver in agent.available_logging_drivers or LOG_DRIVERS]
    version = version_of(agent.version) if agent.version is not None else None
    names += [name for name, since in SINCE.items() if version is None or version >= since]
    if version is None or version >= (1, 30, 0):
        names.append(LOGGING + LogDriver.AWSFIRELENS)
    if agent.enable_task_eni:
        names.append(TASK_ENI)
        if trunk:
            names.append(TRUNKING)
    return tuple(dict.fromkeys(names))


def required(definition: TaskDefinition, mode: NetworkMode) -> tuple[str, ...]:
    """Return the capabilities that an instance needs for a task of the definition (``requiresAttributes``)."""
    return tuple(dict.fromkeys(_required(definition, mode)))


def _required(definition: TaskDefinition, mode: NetworkMode) -> Iterator[str]:
    if mode is NetworkMode.AWSVPC:
        yield TASK_ENI
    if definition.task_role_arn is not None:
        yield TASK_ROLE_HOST if mode is NetworkMode.HOST else TASK_ROLE
    if any(volume.efs_volume_configuration is not None for volume in definition.volumes):
        yield "ecs.capability.efs"
    for container in definition.container_definitions:
        logs = container.log_configuration
        if logs is not None:
            yield LOGGING + logs.log_driver
        if definition.execution_role_arn is not None:
            if ".dkr.ecr." in (container.image or ""):
                yield "ecs.capability.execution-role-ecr-pull"
            if logs is not None and logs.log_driver is LogDriver.AWSLOGS:
                yield "ecs.capability.execution-role-awslogs"
        if container.secrets:
            yield "ecs.capability.secrets.ssm.environment-variables"
        if container.depends_on:
            yield "ecs.capability.container-ordering"
        if container.health_check is not None:
            yield "ecs.capability.container-health-check"
        if container.restart_policy is not None and container.restart_policy.enabled:
            yield "ecs.capability.container-restart-policy"
