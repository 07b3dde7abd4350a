"""The task metadata endpoint, version 4: what a container sees of its own task.

A document is what the agent would answer at this moment; keys that do not apply are absent, never null (META-003).
Times are RFC 3339 texts. What nothing in the simulation says is left out: sizes of volumes, statistics.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Any, Final

from ecssim.decide.agent_status import NONE, agent_status
from ecssim.engine.describe_tasks import (
    container_status,
    definition_of,
    essential_container,
    group_name,
    lived_until,
    network_bindings,
    pulled,
)
from ecssim.engine.identities import container_arn, image_digest, mac_address, runtime_id, uuid_of
from ecssim.errors import BadInput, Problem
from ecssim.world.services import Service
from ecssim.world.states import HEALTH_NAMES, HEALTHY, RUNNING, TASK_STATUS_NAMES
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.aws.task_definition import ContainerDefinition
    from ecssim.engine.simulation import Engine

#: Paths under ``${ECS_CONTAINER_METADATA_URI_V4}`` that are answered (META-001).
PATHS: Final = ("", "/task", "/taskWithTags")
#: Paths that exist on AWS and have no answer here.
UNANSWERED: Final = ("/stats", "/task/stats", "/associations")
#: The resolver that answers in every VPC.
_RESOLVER: Final = "169.254.169.253"
#: Directions that zone ids shorten to two letters.
_SHORT: Final = {"northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw"}


def metadata(engine: Engine, task: Task, path: str = "/task", container: str | None = None) -> dict[str, Any]:
    """What the endpoint answers under ``path``: the task, or the container that asks (META-001).

    ``container`` is the one that asks; only the container path needs it, and a task with one container has one.

    :raises BadInput: if there is no such path or container, or no agent has the task yet.
    """
    if task.status < RUNNING and not _with_its_agent(task):
        raise _bad(f"task {engine.task_id(task)} is {TASK_STATUS_NAMES[task.status]}: no agent has it yet")
    if path.startswith(UNANSWERED):
        raise _bad(f"{path} is not modelled: nothing in the simulation says what it would answer")
    if path not in PATHS:
        raise _bad(f"the endpoint has no path {path!r}: expected one of {', '.join(repr(p) for p in PATHS)}")
    if path == "":
        return _container(engine, task, _asking(task, container))
    document = _task(engine, task)
    if path == "/taskWithTags":
        document["TaskTags"] = {}
        if not task.template.fargate:
            document["ContainerInstanceTags"] = {}
    return document


def _with_its_agent(task: Task) -> bool:
    """Whether the agent has taken the task; before that there is no endpoint for it."""
    return task.connectivity_at == task.connectivity_at


def _asking(task: Task, container: str | None) -> int:
    names = task.template.containers
    if container is None and len(names) == 1:
        return 0
    if container not in names:
        raise _bad(f"the task has no container {container!r}: expected one of {', '.join(names)}")
    return names.index(container)


def _bad(message: str) -> BadInput:
    return BadInput([Problem("metadata", 0, 0, message)])


# -- the task -------------------------------------------------------------------------------------------------


def _task(engine: Engine, task: Task) -> dict[str, Any]:
    """META-002, META-005: VPCID on instances alone, clock and storage on Fargate alone."""
    template, now = task.template, engine.kernel.now
    cluster = task.owner.cluster.name
    definition = definition_of(engine, task)
    shown: dict[str, Any] = {
        "Cluster": engine.arn("cluster", cluster),
        "TaskARN": engine.arn("task", f"{cluster}/{engine.task_id(task)}"),
        "Family": template.family,
        "Revision": str(template.revision),
        "DesiredStatus": "RUNNING" if task.running else "STOPPED",
        "KnownStatus": agent_status(task.status, pulled(task, now)),
        "LaunchType": template.launch_type,
        "Group": group_name(task),
        "FaultInjectionEnabled": bool(definition.enable_fault_injection),
        "Containers": [
            _container(engine, task, number)
            for number in range(len(template.containers))
            if agent_status(task.status, pulled(task, now)) != NONE
        ],
    }
    if isinstance(task.owner, Service):
        shown["ServiceName"] = task.owner.name
    if definition.cpu is not None or definition.memory is not None:
        shown["Limits"] = {"CPU": template.cpu / 1024.0, "Memory": template.memory}
    for key, t in (
        ("PullStartedAt", task.pull_started_at),
        ("PullStoppedAt", task.pull_stopped_at),
        ("ExecutionStoppedAt", task.execution_stopped_at),
    ):
        if t <= lived_until(task, now):
            shown[key] = _time(engine, t)
    zone = engine.zone_of(task)
    shown["AvailabilityZone"] = zone
    shown["AvailabilityZoneID"] = _zone_id(zone)
    if template.fargate:
        used = round(sum(image.size_mb for image in template.images))
        shown["EphemeralStorageMetrics"] = {"Utilized": used, "Reserved": template.storage_gib * 1024}
        shown["ClockDrift"] = {
            "ClockErrorBound": 0.0,
            "ReferenceTimestamp": _time(engine, now),
            "ClockSynchronizationStatus": "SYNCHRONIZED",
        }
    else:
        attributes = engine.world.instances[task.instance].attributes
        made_up = f"vpc-{uuid_of(engine, 'vpc', engine.region).hex[:17]}"
        shown["VPCID"] = attributes.get("ecs.vpc-id") or made_up
    return shown


def _zone_id(zone: str) -> str:
    """A zone's id where the account's zones are numbered as they are lettered: ``use1-az1`` of us-east-1a."""
    area, *places, number = zone[:-1].split("-")
    short = "".join(_SHORT.get(place, place[0]) for place in places)
    return f"{area}{short}{number}-az{ord(zone[-1]) - ord('a') + 1}"


# -- containers -----------------------------------------------------------------------------------------------


def _container(engine: Engine, task: Task, number: int) -> dict[str, Any]:
    """META-003: what does not apply is absent."""
    template, now = task.template, engine.kernel.now
    definition: ContainerDefinition = definition_of(engine, task).container_definitions[number]
    container = template.containers[number]
    cluster, name = task.owner.cluster.name, engine.task_id(task)
    known = agent_status(task.status, pulled(task, now))
    if container_status(task, task.status, number == essential_container(task)) == "STOPPED":
        known = "STOPPED"
    limits: dict[str, Any] = {"CPU": definition.cpu}
    memory = definition.memory or definition.memory_reservation
    if memory is not None:
        limits["Memory"] = memory
    shown: dict[str, Any] = {
        "DockerId": runtime_id(engine, task, name, container),
        "Name": container,
        "DockerName": docker_name(engine, task, name, container),
        "Labels": {
            "com.amazonaws.ecs.cluster": engine.arn("cluster", cluster),
            "com.amazonaws.ecs.container-name": container,
            "com.amazonaws.ecs.task-arn": engine.arn("task", f"{cluster}/{name}"),
            "com.amazonaws.ecs.task-definition-family": template.family,
            "com.amazonaws.ecs.task-definition-version": str(template.revision),
            **(definition.docker_labels or {}),
        },
        "DesiredStatus": "RUNNING" if task.running else "STOPPED",
        "KnownStatus": known,
        "Limits": limits,
        "Type": "NORMAL",
        "ContainerARN": container_arn(engine, cluster, name, container),
        "Networks": [_network(engine, task)],
    }
    if definition.image is not None:
        shown["Image"] = definition.image
        if pulled(task, now):
            shown["ImageID"] = image_digest(engine, definition.image)
    if pulled(task, now):
        shown["CreatedAt"] = _time(engine, task.pull_stopped_at)
    if task.started_at == task.started_at:
        shown["StartedAt"] = _time(engine, task.started_at)
    if known == "STOPPED" and task.execution_stopped_at == task.execution_stopped_at:
        shown["FinishedAt"] = _time(engine, task.execution_stopped_at)
    if known == "STOPPED" and task.exited and task.exit_code >= 0 and number == essential_container(task):
        shown["ExitCode"] = task.exit_code
    ports = _ports(engine, task, definition)
    if ports:
        shown["Ports"] = ports
    if definition.health_check is not None:
        shown["Health"] = {"status": HEALTH_NAMES[task.health]}
        if task.health == HEALTHY and task.healthy_at == task.healthy_at:
            shown["Health"]["statusSince"] = _time(engine, task.healthy_at)
    if definition.mount_points:
        shown["Volumes"] = [
            {"DockerName": mount.source_volume, "Destination": mount.container_path}
            for mount in definition.mount_points
            if mount.source_volume is not None and mount.container_path is not None
        ]
    if definition.log_configuration is not None:
        shown["LogDriver"] = definition.log_configuration.log_driver.value
        shown["LogOptions"] = dict(definition.log_configuration.options or {})
    if template.fargate:
        shown["Snapshotter"] = "overlayfs"
    if definition.restart_policy is not None and definition.restart_policy.enabled:
        shown["RestartCount"] = 0
    return shown


def docker_name(engine: Engine, task: Task, name: str, container: str) -> str:
    """What Docker calls the container: its own name on Fargate, on an instance the agent's composition."""
    if task.template.fargate:
        return container
    digits = uuid_of(engine, name, container, "docker name").hex[:20]
    return f"ecs-{task.template.family}-{task.template.revision}-{container}-{digits}"


def _ports(engine: Engine, task: Task, definition: ContainerDefinition) -> list[dict[str, Any]]:
    if task.template.network_mode == "bridge":
        return [
            {
                "ContainerPort": bound["containerPort"],
                "Protocol": bound["protocol"],
                "HostPort": bound["hostPort"],
                "HostIp": bound["bindIP"],
            }
            for bound in network_bindings(engine, task, definition)
        ]
    return [
        {"ContainerPort": mapping.container_port, "Protocol": mapping.protocol.value}
        for mapping in definition.port_mappings
        if mapping.container_port is not None and task.started_at == task.started_at
    ]


def _network(engine: Engine, task: Task) -> dict[str, Any]:
    """The network of the task's containers (META-004): its own interface under awsvpc, else the instance's."""
    template = task.template
    shown: dict[str, Any] = {"NetworkMode": template.network_mode}
    if template.network_mode == "bridge" and task.started_at == task.started_at:
        # Docker's own network of the instance; which of its addresses is not played.
        shown["IPv4Addresses"] = [str(IPv4Address("172.17.0.2") + task.ordinal % 60_000)]
    if not template.eni or task.address < 0:
        return shown
    subnet = engine.world.subnets[task.subnet]
    domain = "ec2.internal" if engine.region == "us-east-1" else f"{engine.region}.compute.internal"
    ipv6 = engine.subnets.ipv6_of(task)
    if ipv6:
        shown["IPv6Addresses"] = [str(IPv6Address(ipv6))]
        shown["IPv6SubnetCIDRBlock"] = str(IPv6Network((subnet.ipv6, 64)))
    shown |= {"AttachmentIndex": 0, "MACAddress": mac_address(engine, engine.task_id(task))}
    if not task.address:
        return shown | {"DomainNameServers": [_RESOLVER], "DomainNameSearchList": [domain]}
    network = IPv4Network((subnet.base, 32 - (subnet.total.bit_length() - 1)))
    address = str(IPv4Address(task.address))
    return shown | {
        "IPv4Addresses": [address],
        "IPv4SubnetCIDRBlock": str(network),
        "DomainNameServers": [_RESOLVER],
        "DomainNameSearchList": [domain],
        "PrivateDNSName": f"ip-{address.replace('.', '-')}.{domain}",
        "SubnetGatewayIpv4Address": f"{network.network_address + 1}/{network.prefixlen}",
    }


def _time(engine: Engine, t: float) -> str:
    moment: datetime = engine.start + timedelta(seconds=t)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
