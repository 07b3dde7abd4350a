"""One container instance in the shape of DescribeContainerInstances."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ecssim.world.instances import Instance
from ecssim.world.states import INACTIVE, INSTANCE_STATUS_NAMES, PENDING

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def instance_arn(engine: Engine, instance: Instance) -> str:
    """The ARN of the container instance; its id is the EC2 instance's."""
    return engine.arn("container-instance", f"{instance.group.cluster.name}/{instance.id}")


def registered(instance: Instance) -> bool:
    """Whether the instance is a container instance: its agent has registered it, and it is not gone."""
    return instance.registered_at == instance.registered_at and instance.status != INACTIVE


def instance_document(engine: Engine, instance: Instance, version: int | None = None) -> dict[str, Any]:
    """The instance as the API shows it now (AGENT-004, AGENT-009, AGENT-011).

    ``pendingTasksCount`` counts tasks in PENDING alone, ``runningTasksCount`` all whose desired status is RUNNING.
    """
    shape = instance.shape
    reserved_tcp = [port for kind, port in shape.ports if kind == "tcp"]
    reserved_udp = [port for kind, port in shape.ports if kind == "udp"]
    whole = _resources(shape.cpu, shape.memory, reserved_tcp, reserved_udp)
    wanted = [task for task in instance.tasks.values() if task.running]
    shown: dict[str, Any] = {
        "containerInstanceArn": instance_arn(engine, instance),
        "ec2InstanceId": instance.id,
        "status": INSTANCE_STATUS_NAMES[instance.status],
        "agentConnected": instance.connected and instance.status != INACTIVE,
        "versionInfo": {"agentVersion": instance.group.agent_version},
        "registeredResources": whole,
        "remainingResources": _left(instance) if registered(instance) else whole,
        "runningTasksCount": len(wanted),
        "pendingTasksCount": sum(task.status == PENDING for task in wanted),
        "registeredAt": engine.start + timedelta(seconds=instance.registered_at),
        "attributes": [
            {"name": name, "value": value} if value is not None else {"name": name}
            for name, value in {**instance.attributes, "ecs.availability-zone": instance.zone}.items()
        ],
        "attachments": [],
        "tags": [],
    }
    if version is not None:
        shown["version"] = version
    if engine.instance_health.status(instance) == "IMPAIRED":  # the API shows what is OK only to who asks for it
        shown["healthStatus"] = {"overallStatus": "IMPAIRED"}
    if instance.group.provider is not None:
        shown["capacityProviderName"] = instance.group.provider
    return shown


def _left(instance: Instance) -> list[dict[str, Any]]:
    """What the control plane believes is left (AGENT-041); ports are those in use, the agent's own among them."""
    fleet = instance.group.cluster.fleet
    left = fleet.remaining(instance.fleet_ordinal)
    tcp, udp = fleet.ports(instance.fleet_ordinal)
    return _resources(left.cpu, left.memory, sorted(tcp), sorted(udp))


def _resources(cpu: int, memory: int, tcp: list[int], udp: list[int]) -> list[dict[str, Any]]:
    """CPU units, MiB and the ports in use: the API shows ports that are taken in both lists (AGENT-009)."""
    return [
        {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": [str(port) for port in tcp]},
        {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": [str(port) for port in udp]},
    ]
