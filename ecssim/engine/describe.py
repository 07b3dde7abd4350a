"""What exists now, in the shapes of DescribeTasks, DescribeServices, DescribeContainerInstances and DescribeSubnets.

Times are datetimes in UTC, as boto3 returns them. Tasks are those that are not STOPPED yet: a finished task is
a row of the record and no longer part of the world.
"""

from __future__ import annotations

import difflib
from datetime import datetime, timedelta
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any, Final

from ecssim.engine.describe_tasks import Words, task_document
from ecssim.errors import BadInput, Problem
from ecssim.world.entities import Cluster, Deployment, Instance, Service, Subnet
from ecssim.world.states import INACTIVE, INSTANCE_STATUS_NAMES, ROLLOUT_NAMES, RUNNING

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

WHAT: Final = ("tasks", "services", "container-instances", "subnets")


def describe(engine: Engine, what: str, cluster: str | None = None) -> list[dict[str, Any]]:
    """Return the live ``tasks``, ``services``, ``container-instances`` or ``subnets``, in the order of creation.

    :param cluster: only what belongs to this cluster (name or ARN); subnets belong to none.
    :raises BadInput: if there is no such kind of thing, or no such cluster.
    """
    if what not in WHAT:
        near = difflib.get_close_matches(what, WHAT, n=1, cutoff=0.0)[0]
        raise BadInput([Problem("describe", 0, 0, f"cannot describe {what!r}; did you mean {near}?")])
    found = _cluster(engine, cluster) if cluster is not None else None
    match what:
        case "tasks":
            words = Words.of(engine)
            tasks = engine.lifecycle.live.values()
            return [task_document(engine, t, words) for t in tasks if found in (None, t.owner.cluster)]
        case "services":
            services = (s for s in engine.world.services if s.status != "INACTIVE")
            return [_service(engine, s) for s in services if found in (None, s.cluster)]
        case "container-instances":
            instances = (i for i in engine.world.instances if _registered(i))
            return [_instance(engine, i) for i in instances if found in (None, i.group.cluster)]
    return [_subnet(engine, subnet) for subnet in engine.world.subnets]


def _cluster(engine: Engine, name: str) -> Cluster:
    cluster = engine.world.cluster_named(name)
    if cluster is None:
        known = [c.name for c in engine.world.clusters]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadInput([Problem("describe", 0, 0, f"there is no cluster {name!r}{hint}")])
    return cluster


# -- services -------------------------------------------------------------------------------------------------


def _service(engine: Engine, service: Service) -> dict[str, Any]:
    document = engine.builder.documents[service.ordinal]
    written = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    primary = service.deployments[0] if service.deployments else None
    shown: dict[str, Any] = {
        "serviceArn": engine.arn("service", f"{service.cluster.name}/{service.name}"),
        "serviceName": service.name,
        "clusterArn": engine.arn("cluster", service.cluster.name),
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": sum(d.running for d in service.deployments),
        "pendingCount": sum(d.active - d.running for d in service.deployments),
        "schedulingStrategy": "DAEMON" if service.daemon else "REPLICA",
        "deploymentConfiguration": {
            **written.get("deploymentConfiguration", {}),
            "maximumPercent": service.maximum_percent,
            "minimumHealthyPercent": service.minimum_healthy_percent,
        },
        "deployments": [
            _deployment(engine, service, d, "PRIMARY" if d is primary else "ACTIVE") for d in service.deployments
        ],
        "events": [],
        "loadBalancers": written.get("loadBalancers", []),
        "serviceRegistries": written.get("serviceRegistries", []),
        "placementConstraints": written.get("placementConstraints", []),
        "placementStrategy": written.get("placementStrategy", []),
    }
    if primary is not None:
        shown["taskDefinition"] = engine.arn("task-definition", primary.template.name)
    for key in ("launchType", "capacityProviderStrategy", "networkConfiguration", "healthCheckGracePeriodSeconds"):
        if written.get(key):
            shown[key] = written[key]
    return shown


def _deployment(engine: Engine, service: Service, deployment: Deployment, status: str) -> dict[str, Any]:
    created = at(engine, deployment.created_at)
    shown: dict[str, Any] = {
        "id": deployment.id,
        "status": status,
        "taskDefinition": engine.arn("task-definition", deployment.template.name),
        # What is being replaced has no wish of its own any more.
        "desiredCount": service.desired if status == "PRIMARY" else deployment.active,
        "pendingCount": deployment.active - deployment.running,
        "runningCount": deployment.running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": created,
        "updatedAt": at(engine, deployment.finished_at) if deployment.finished_at >= 0.0 else created,
        "launchType": deployment.template.launch_type,
        "rolloutState": ROLLOUT_NAMES[deployment.rollout_state],
    }
    if deployment.reason:
        shown["rolloutStateReason"] = deployment.reason
    return shown


# -- container instances --------------------------------------------------------------------------------------


def _registered(instance: Instance) -> bool:
    return instance.registered_at == instance.registered_at and instance.status != INACTIVE


def _instance(engine: Engine, instance: Instance) -> dict[str, Any]:
    fleet = instance.group.cluster.fleet
    shape = instance.shape
    left = fleet.remaining(instance.fleet_ordinal)
    tcp, udp = fleet.ports(instance.fleet_ordinal)
    reserved_tcp = [port for kind, port in shape.ports if kind == "tcp"]
    reserved_udp = [port for kind, port in shape.ports if kind == "udp"]
    wanted = [task for task in instance.tasks.values() if task.running]
    running = sum(task.status == RUNNING for task in wanted)
    shown: dict[str, Any] = {
        "containerInstanceArn": engine.arn("container-instance", f"{instance.group.cluster.name}/{instance.id}"),
        "ec2InstanceId": instance.id,
        "status": INSTANCE_STATUS_NAMES[instance.status],
        "agentConnected": instance.connected,
        "versionInfo": {"agentVersion": instance.group.agent_version},
        "registeredResources": _resources(shape.cpu, shape.memory, reserved_tcp, reserved_udp),
        "remainingResources": _resources(left.cpu, left.memory, sorted(tcp), sorted(udp)),
        "runningTasksCount": running,
        "pendingTasksCount": len(wanted) - running,
        "registeredAt": at(engine, instance.registered_at),
        "attributes": [
            {"name": name, "value": value} if value is not None else {"name": name}
            for name, value in {**instance.attributes, "ecs.availability-zone": instance.zone}.items()
        ],
        "attachments": [],
        "tags": [],
    }
    if instance.group.provider is not None:
        shown["capacityProviderName"] = instance.group.provider
    return shown


def _resources(cpu: int, memory: int, tcp: list[int], udp: list[int]) -> list[dict[str, Any]]:
    """CPU units, MiB and the ports in use: the API shows ports that are taken in both lists (AGENT-010)."""
    return [
        {"name": "CPU", "type": "INTEGER", "integerValue": cpu},
        {"name": "MEMORY", "type": "INTEGER", "integerValue": memory},
        {"name": "PORTS", "type": "STRINGSET", "stringSetValue": [str(port) for port in tcp]},
        {"name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": [str(port) for port in udp]},
    ]


# -- subnets --------------------------------------------------------------------------------------------------


def _subnet(engine: Engine, subnet: Subnet) -> dict[str, Any]:
    """A subnet as the EC2 API shows it; addresses that are still cooling are not available (NET-060)."""
    engine.subnets.thaw(subnet, engine.kernel.now)
    prefix = 32 - (subnet.total.bit_length() - 1)
    return {
        "SubnetId": subnet.name,
        "AvailabilityZone": subnet.zone,
        "CidrBlock": str(IPv4Network((subnet.base, prefix))),
        "AvailableIpAddressCount": subnet.pool.free,
        "State": "available",
        "OwnerId": engine.account_id,
    }


def at(engine: Engine, t: float) -> datetime:
    """The virtual wall clock at ``t`` seconds."""
    return engine.start + timedelta(seconds=t)
