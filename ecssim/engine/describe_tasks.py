"""One task in the shape of DescribeTasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, Final

from ecssim.engine.container_reports import ContainerReports
from ecssim.engine.identities import (
    attachment_id,
    container_arn,
    image_digest,
    interface_id,
    mac_address,
    runtime_id,
)
from ecssim.world.containers import BACKEND_STATUS
from ecssim.world.services import Service
from ecssim.world.states import (
    ACTIVATING,
    DEPROVISIONING,
    HEALTH_NAMES,
    PENDING,
    PROVISIONING,
    RUNNING,
    STOP_CODE_NAMES,
    STOPPED,
    TASK_STATUS_NAMES,
    UNKNOWN,
)
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.aws.task_definition import ContainerDefinition, TaskDefinition
    from ecssim.engine.simulation import Engine

#: API name of each moment of a task's life that DescribeTasks shows (LIFE-036), where the task keeps it, and the
#: first status in which it can be known.
_MOMENTS: Final = (
    ("createdAt", "created_at", PROVISIONING),
    ("connectivityAt", "connectivity_at", PENDING),
    ("pullStartedAt", "pull_started_at", ACTIVATING),
    ("pullStoppedAt", "pull_stopped_at", ACTIVATING),
    ("startedAt", "started_at", RUNNING),
    ("stoppingAt", "stopping_at", PROVISIONING),
    ("executionStoppedAt", "execution_stopped_at", PROVISIONING),
    ("stoppedAt", "stopped_at", STOPPED),
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


@dataclass(frozen=True, slots=True)
class Look:
    """The statuses under which a task is shown: those that it has, or had at an event of this instant."""

    status: int
    running: bool
    stop_code: int

    @classmethod
    def at(cls, task: Task) -> Look:
        """The task as it is now."""
        return cls(task.status, task.running, task.stop_code)


def group_name(task: Task) -> str:
    """The task's group: ``service:`` and the name for a service's task, else the name of its group (LIFE-038)."""
    owner = task.owner
    return f"service:{owner.name}" if isinstance(owner, Service) else owner.name


def definition_of(engine: Engine, task: Task) -> TaskDefinition:
    """The task definition that the task was made from."""
    found = engine.builder.templates.find(task.template.name)
    assert found is not None  # definitions are never deleted
    return found[0]


def lived_until(task: Task, now: float) -> float:
    """The time up to which plans of the task have come true: now, or its end."""
    return task.stopped_at if task.stopped_at == task.stopped_at else now


def pulled(task: Task, now: float) -> bool:
    """Whether all images of the task had come by ``now``, or before it ended."""
    return task.pull_stopped_at <= lived_until(task, now)


def task_document(
    engine: Engine, task: Task, words: Words, version: int | None = None, look: Look | None = None
) -> dict[str, Any]:
    """The task as the API shows it now, or under the statuses of ``look`` (LIFE-034, LIFE-036, LIFE-037)."""
    template, now = task.template, engine.kernel.now
    look = look or Look.at(task)
    cluster = task.owner.cluster.name
    name = engine.task_id(task)
    arn = engine.arn("task", f"{cluster}/{name}")
    definition = definition_of(engine, task)
    over = lived_until(task, now)
    shown: dict[str, Any] = {
        "taskArn": arn,
        "clusterArn": engine.arn("cluster", cluster),
        "taskDefinitionArn": engine.arn("task-definition", template.name),
        "group": group_name(task),
        "lastStatus": _label(engine, task, look.status),
        "desiredStatus": "RUNNING" if look.running else "STOPPED",
        "healthStatus": HEALTH_NAMES[engine.containers.health.status(task)],
        "launchType": template.launch_type,
        "cpu": str(template.cpu),
        "memory": str(template.memory),
        "attributes": [{"name": "ecs.cpu-architecture", "value": template.architecture.lower()}],
        "attachments": _attachments(engine, task, name, look.status),
        "containers": [
            _container(engine, task, name, number, container, look)
            for number, container in enumerate(definition.container_definitions)
        ],
        "overrides": _overrides(task, definition),
        "enableExecuteCommand": template.exec_agent,
        "inferenceAccelerators": [],
        "tags": [],
    }
    for key, attribute, first in _MOMENTS:
        t = getattr(task, attribute)
        # A moment that is planned has not been: the end of a pull is known when it begins.
        if t <= over and look.status >= first and (key != "stoppingAt" or not look.running):
            shown[key] = engine.start + timedelta(seconds=t)
    if version is not None:
        shown["version"] = version
    if "connectivityAt" in shown:
        connected = task.instance < 0 or engine.world.instances[task.instance].connected
        shown["connectivity"] = "CONNECTED" if connected else "DISCONNECTED"
    if task.provider:
        shown["capacityProviderName"] = str(words.providers[task.provider])
    if task.deployment is not None:
        shown["startedBy"] = task.deployment.id
    elif (caller := engine.standalone.started_by(task)) is not None:
        shown["startedBy"] = caller
    zone = _zone(engine, task)
    if zone is not None:
        shown["availabilityZone"] = zone
    if task.instance >= 0:
        instance = engine.world.instances[task.instance]
        shown["containerInstanceArn"] = engine.arn("container-instance", f"{cluster}/{instance.id}")
    if template.fargate:
        shown["platformVersion"] = "1.4.0"
        shown["platformFamily"] = "Windows" if template.windows else "Linux"
        shown["ephemeralStorage"] = {"sizeInGiB": template.storage_gib}
        shown["fargateEphemeralStorage"] = {"sizeInGiB": template.storage_gib}
    if look.stop_code and not look.running:
        shown["stopCode"] = STOP_CODE_NAMES[look.stop_code]
        if task.reason:
            shown["stoppedReason"] = str(words.reasons[task.reason])
    return shown


def _overrides(task: Task, definition: TaskDefinition) -> dict[str, Any]:
    """What RunTask asked for in place of the task definition's own size."""
    overrides: dict[str, Any] = {"containerOverrides": [], "inferenceAcceleratorOverrides": []}
    if task.template.cpu != definition.cpu_need:
        overrides["cpu"] = str(task.template.cpu)
    if task.template.memory != definition.memory_need:
        overrides["memory"] = str(task.template.memory)
    return overrides


# -- containers -----------------------------------------------------------------------------------------------


def _container(
    engine: Engine, task: Task, name: str, number: int, definition: ContainerDefinition, look: Look
) -> dict[str, Any]:
    container = task.template.containers[number]
    cluster = task.owner.cluster.name
    shown: dict[str, Any] = {
        "containerArn": container_arn(engine, cluster, name, container),
        "taskArn": engine.arn("task", f"{cluster}/{name}"),
        "name": container,
        **_state(task, number, definition, look.status),
        "networkBindings": network_bindings(engine, task, definition),
        "networkInterfaces": [],
        "cpu": str(definition.cpu),
    }
    if definition.image is not None:
        shown["image"] = definition.image
        if pulled(task, engine.kernel.now):
            shown["imageDigest"] = image_digest(engine, definition.image)
    if definition.memory is not None:
        shown["memory"] = str(definition.memory)
    if definition.memory_reservation is not None:
        shown["memoryReservation"] = str(definition.memory_reservation)
    if task.template.eni and task.address >= 0:
        shown["networkInterfaces"] = [{"attachmentId": attachment_id(engine, name), **_addresses(engine, task)}]
    if task.started_at == task.started_at:
        shown["runtimeId"] = runtime_id(engine, task, name, container)
    return shown


def _state(task: Task, number: int, definition: ContainerDefinition, status: int) -> dict[str, Any]:
    """Status, health and exit code of a container at a status of its task."""
    if task.containers:
        container = task.containers[number]
        known, exit_code, reason = ContainerReports.shown(container)
        own: dict[str, Any] = {
            "lastStatus": BACKEND_STATUS[known],
            "healthStatus": HEALTH_NAMES[container.reported],
        }
        if own["lastStatus"] == "STOPPED" and exit_code >= 0:
            own["exitCode"] = exit_code
        return own | ({"reason": reason} if reason else {})
    first = number == essential_container(task)
    state: dict[str, Any] = {
        "lastStatus": container_status(task, status, first),
        "healthStatus": HEALTH_NAMES[task.health if definition.health_check is not None else UNKNOWN],
    }
    if state["lastStatus"] == "STOPPED" and first and task.exited and task.exit_code >= 0:
        state["exitCode"] = task.exit_code
    return state


def essential_container(task: Task) -> int:
    """The number of the container whose end is the task's: the first essential one (LIFE-052)."""
    return task.template.essential.index(True) if True in task.template.essential else 0


def container_status(task: Task, status: int, first: bool) -> str:
    """PENDING, RUNNING or STOPPED: the control plane sees no more of a container (LIFE-050).

    The essential container of a task that ended by itself is STOPPED; the others run until they are stopped too.
    """
    if status >= DEPROVISIONING:
        return "STOPPED"
    if status < RUNNING:
        return "PENDING"
    return "STOPPED" if task.exited and first else "RUNNING"


def network_bindings(engine: Engine, task: Task, definition: ContainerDefinition) -> list[dict[str, Any]]:
    """Where the container's ports are on the instance: in network mode bridge, once it runs (PLACE-006).

    Which port Docker gives to a container that asks for any one is not played: tasks are given the ports of the
    host's range in turn (AGENT-008, NET-006).
    """
    if task.template.network_mode != "bridge" or task.started_at != task.started_at:
        return []
    bindings = []
    for number, mapping in enumerate(definition.port_mappings):
        if mapping.container_port is None:
            continue
        low, high = engine.world.instances[task.instance].group.agent.port_range
        port = low + (task.ordinal + 4096 * number) % (high - low + 1)
        binding = {"bindIP": "0.0.0.0", "containerPort": mapping.container_port}
        bindings.append({**binding, "hostPort": mapping.host_port or port, "protocol": mapping.protocol.value})
    return bindings


def _label(engine: Engine, task: Task, status: int) -> str:
    """The lastStatus; the model may show a pull that is under way as PENDING (LIFE-007)."""
    pulls = status == ACTIVATING and not pulled(task, engine.kernel.now)
    pending = pulls and engine.model.image_pull_state == "PENDING"
    return TASK_STATUS_NAMES[PENDING if pending else status]


# -- place ----------------------------------------------------------------------------------------------------


def _zone(engine: Engine, task: Task) -> str | None:
    if task.instance >= 0:
        return str(engine.world.instances[task.instance].zone)
    return engine.world.subnets[task.subnet].zone if task.subnet >= 0 else None


def attachment_status(engine: Engine, task: Task, status: int) -> str:
    """What the task's interface shows at a status of the task (META-023).

    The interface of a task whose instance went away is DETACHED by that; a task that passed DEPROVISIONING, or
    got no address at all, leaves no interface behind.
    """
    if status == PROVISIONING:
        return "ATTACHING" if task.address >= 0 else "PRECREATED"
    if status == DEPROVISIONING:
        return "DETACHING"
    if status < STOPPED:
        return "ATTACHED"
    went = task.address >= 0 and task.instance >= 0
    lost = went and engine.world.instances[task.instance].terminated_at == task.stopped_at
    return "DETACHED" if lost else "DELETED"


def _addresses(engine: Engine, task: Task) -> dict[str, str]:
    """The addresses of the task's interface: IPv4, IPv6 or both (NET-045, NET-046)."""
    shown = {}
    if task.address > 0:
        shown["privateIpv4Address"] = str(IPv4Address(task.address))
    ipv6 = engine.subnets.ipv6_of(task)
    if ipv6:
        shown["ipv6Address"] = str(IPv6Address(ipv6))
    return shown


def _attachments(engine: Engine, task: Task, name: str, status: int) -> list[dict[str, Any]]:
    """The task's own network interface, in network mode awsvpc (NET-003)."""
    if not task.template.eni:
        return []
    details = []
    if task.subnet >= 0:
        details.append({"name": "subnetId", "value": engine.world.subnets[task.subnet].name})
    if task.address >= 0:
        details += [
            {"name": "networkInterfaceId", "value": interface_id(engine, name)},
            {"name": "macAddress", "value": mac_address(engine, name)},
        ]
        kinds = {"privateIpv4Address": "privateIPv4Address", "ipv6Address": "iPv6Address"}
        details += [{"name": kinds[kind], "value": value} for kind, value in _addresses(engine, task).items()]
    shown = attachment_status(engine, task, status)
    return [{"id": attachment_id(engine, name), "type": "ElasticNetworkInterface", "status": shown, "details": details}]
