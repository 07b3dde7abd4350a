"""One task in the shape of DescribeTasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ecssim.world.entities import Service, Task
from ecssim.world.states import (
    DEPROVISIONING,
    HEALTH_NAMES,
    PROVISIONING,
    RUNNING,
    STOP_CODE_NAMES,
    TASK_STATUS_NAMES,
)

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: API name of each moment of a task's life that DescribeTasks shows (LIFE-036), and where the task keeps it.
_MOMENTS: Final = (
    ("createdAt", "created_at"),
    ("connectivityAt", "connectivity_at"),
    ("pullStartedAt", "pull_started_at"),
    ("pullStoppedAt", "pull_stopped_at"),
    ("startedAt", "started_at"),
    ("stoppingAt", "stopping_at"),
    ("executionStoppedAt", "execution_stopped_at"),
    ("stoppedAt", "stopped_at"),
)


@dataclass(frozen=True, slots=True)
class Words:
    """The texts behind the codes that tasks hold, turned round once for many tasks."""

    providers: Mapping[int, str | None]
    reasons: Mapping[int, str | None]

    @classmethod
    def of(cls, engine: Engine) -> Words:
        """The texts that the engine has given codes so far."""
        pool = engine.recorder.names.pool
        turned = [{code: text for text, code in pool(name).items()} for name in ("capacity_provider", "text")]
        return cls(*turned)


def group_name(task: Task) -> str:
    """The task's group: ``service:`` and the name for a service's task, else the name of its group (LIFE-038)."""
    owner = task.owner
    return f"service:{owner.name}" if isinstance(owner, Service) else owner.name


def task_document(engine: Engine, task: Task, words: Words) -> dict[str, Any]:
    """The task as the API shows it now (LIFE-034, LIFE-036)."""
    template, now = task.template, engine.kernel.now
    cluster = task.owner.cluster.name
    name = engine.task_id(task)
    arn = engine.arn("task", f"{cluster}/{name}")
    status = TASK_STATUS_NAMES[task.status]
    shown: dict[str, Any] = {
        "taskArn": arn,
        "clusterArn": engine.arn("cluster", cluster),
        "taskDefinitionArn": engine.arn("task-definition", template.name),
        "group": group_name(task),
        "lastStatus": status,
        "desiredStatus": "RUNNING" if task.running else "STOPPED",
        "healthStatus": HEALTH_NAMES[task.health],
        "launchType": template.launch_type,
        "cpu": str(template.cpu),
        "memory": str(template.memory),
        "attachments": _attachments(engine, task, name),
        "containers": [
            {
                "containerArn": engine.arn("container", f"{cluster}/{name}/{_uuid(engine, name, container)}"),
                "taskArn": arn,
                "name": container,
                "lastStatus": _container_status(task),
                "healthStatus": HEALTH_NAMES[task.health],
                **({"exitCode": task.exit_code} if task.exited and task.exit_code >= 0 else {}),
            }
            for container in template.containers
        ],
        "overrides": {"containerOverrides": []},
        "tags": [],
    }
    for key, attribute in _MOMENTS:
        t = getattr(task, attribute)
        # A moment that is planned has not been: the end of a pull is known when it begins.
        if t <= now:
            shown[key] = engine.start + timedelta(seconds=t)
    if "connectivityAt" in shown:
        shown["connectivity"] = "CONNECTED"
    if task.provider:
        shown["capacityProviderName"] = words.providers[task.provider]
    if task.deployment is not None:
        shown["startedBy"] = task.deployment.id
    zone = _zone(engine, task)
    if zone is not None:
        shown["availabilityZone"] = zone
    if task.instance >= 0:
        instance = engine.world.instances[task.instance]
        shown["containerInstanceArn"] = engine.arn("container-instance", f"{cluster}/{instance.id}")
    if template.fargate:
        shown["platformVersion"] = "1.4.0"
        shown["platformFamily"] = "Linux"
    if task.stop_code:
        shown["stopCode"] = STOP_CODE_NAMES[task.stop_code]
    if task.reason:
        shown["stoppedReason"] = words.reasons[task.reason]
    return shown


def _container_status(task: Task) -> str:
    if task.status < RUNNING:
        return "PENDING"
    return "STOPPED" if task.exited or task.execution_stopped_at == task.execution_stopped_at else "RUNNING"


def _zone(engine: Engine, task: Task) -> str | None:
    if task.instance >= 0:
        return str(engine.world.instances[task.instance].zone)
    return engine.world.subnets[task.subnet].zone if task.subnet >= 0 else None


def _attachments(engine: Engine, task: Task, name: str) -> list[dict[str, Any]]:
    """The task's own network interface, in network mode awsvpc (NET-003)."""
    if not task.template.eni or task.subnet < 0:
        return []
    details = [{"name": "subnetId", "value": engine.world.subnets[task.subnet].name}]
    if task.address >= 0:
        digits = _uuid(engine, name, "eni").hex
        details += [
            {"name": "networkInterfaceId", "value": f"eni-{digits[:17]}"},
            {"name": "macAddress", "value": ":".join(("0a", *(digits[at : at + 2] for at in range(20, 30, 2))))},
            {"name": "privateIPv4Address", "value": str(IPv4Address(task.address))},
        ]
    if task.status == PROVISIONING:
        status = "ATTACHING" if task.address >= 0 else "PRECREATED"
    else:
        status = "DETACHING" if task.status == DEPROVISIONING else "ATTACHED"
    attachment = str(_uuid(engine, name, "attachment"))
    return [{"id": attachment, "type": "ElasticNetworkInterface", "status": status, "details": details}]


def _uuid(engine: Engine, *parts: str) -> UUID:
    """An id that depends on the seed and the entity alone, like all ids."""
    from ecssim.record.ids import owner_key

    seed = engine.luck.seed
    return UUID(int=(owner_key(seed, "uuid", *parts) << 64) | owner_key(seed, "uuid", "low", *parts))
