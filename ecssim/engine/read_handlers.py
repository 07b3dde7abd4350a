"""The reading half of the API: what Describe* and List* calls answer, in the shapes of ``describe.py``.

They draw on the account's read buckets like any other call (QUOTA-022, QUOTA-023). What is asked for by name and is
not there is a failure with reason MISSING (PLACE-066); lists come in one page, in the order of creation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ecssim.aws import requests as req
from ecssim.engine.describe import KEYS, Query, answer
from ecssim.errors import ClientError
from ecssim.world.places import Cluster

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

Document = dict[str, Any]


def _cluster(engine: Engine, name: str | None) -> Cluster:
    cluster = engine.world.cluster_named(name)
    if cluster is None:
        raise ClientError("ClusterNotFoundException", f"Cluster not found: {name or 'default'}.")
    return cluster


def describe(engine: Engine, what: str, cluster: str) -> list[Document]:
    """The documents of everything of one kind that a cluster shows now."""
    found: list[Document] = answer(engine, engine.outside, what, Query(cluster=cluster))[KEYS[what]]
    return found


def _named(
    engine: Engine, cluster: Cluster, kind: str, names: Iterable[str], found: Mapping[str, Document]
) -> tuple[list[Document], list[Document]]:
    """The documents that were asked for by ARN or id, and a failure for each that is not there."""
    shown, failures = [], []
    for name in names:
        wanted = name.rsplit("/", 1)[-1]
        if wanted in found:
            shown.append(found[wanted])
        else:
            failures.append({"arn": engine.arn(kind, f"{cluster.name}/{wanted}"), "reason": "MISSING"})
    return shown, failures


def _by(documents: Iterable[Document], key: str) -> dict[str, Document]:
    return {str(document[key]).rsplit("/", 1)[-1]: document for document in documents}


def describe_tasks(engine: Engine, call: req.DescribeTasks, event: int) -> Document:
    """DescribeTasks: at most 100 tasks (QUOTA-027); one that is not there is MISSING (PLACE-066)."""
    cluster = _cluster(engine, call.cluster)
    most = engine.limits.tasks_per_describe_tasks
    if not 1 <= len(call.tasks) <= most:
        raise ClientError("InvalidParameterException", f"Tasks must be 1 to {most}, got {len(call.tasks)}.")
    found = _by(describe(engine, "tasks", cluster.name), "taskArn")
    tasks, failures = _named(engine, cluster, "task", call.tasks, found)
    return {"tasks": tasks, "failures": failures}


def list_tasks(engine: Engine, call: req.ListTasks, event: int) -> Document:
    """ListTasks, by service, family, instance or desired status; RUNNING unless it says otherwise."""
    cluster = _cluster(engine, call.cluster)
    wanted = call.desired_status.value if call.desired_status is not None else "RUNNING"
    instance = call.container_instance.rsplit("/", 1)[-1] if call.container_instance is not None else None
    group = f"service:{call.service_name.rsplit('/', 1)[-1]}" if call.service_name is not None else None
    arns = []
    for task in describe(engine, "tasks", cluster.name):
        family = str(task["taskDefinitionArn"]).rsplit("/", 1)[-1].partition(":")[0]
        if task["desiredStatus"] != wanted or call.family not in (None, family):
            continue
        if group is not None and task["group"] != group:
            continue
        if instance in (None, str(task.get("containerInstanceArn", "")).rsplit("/", 1)[-1]):
            arns.append(task["taskArn"])
    return {"taskArns": arns}


def describe_container_instances(engine: Engine, call: req.DescribeContainerInstances, event: int) -> Document:
    """DescribeContainerInstances: one that is not registered is MISSING (PLACE-066)."""
    cluster = _cluster(engine, call.cluster)
    found = _by(describe(engine, "container-instances", cluster.name), "containerInstanceArn")
    shown, failures = _named(engine, cluster, "container-instance", call.container_instances, found)
    return {"containerInstances": shown, "failures": failures}


def list_container_instances(engine: Engine, call: req.ListContainerInstances, event: int) -> Document:
    """ListContainerInstances; ``filter`` is an expression of the cluster query language (PLACE-042)."""
    cluster = _cluster(engine, call.cluster)
    chosen = describe(engine, "container-instances", cluster.name)
    if call.status is not None:
        chosen = [one for one in chosen if one["status"] == call.status.value]
    if call.filter is not None:
        predicate = engine.builder.templates.predicate(call.filter)
        holding = {i.id for i in cluster.instances.values() if predicate(cluster.fleet.facts_of(i.fleet_ordinal))}
        chosen = [one for one in chosen if one["ec2InstanceId"] in holding]
    return {"containerInstanceArns": [one["containerInstanceArn"] for one in chosen]}


def describe_services(engine: Engine, call: req.DescribeServices, event: int) -> Document:
    """DescribeServices: one that is not there is MISSING (PLACE-066)."""
    cluster = _cluster(engine, call.cluster)
    found = _by(describe(engine, "services", cluster.name), "serviceArn")
    services, failures = _named(engine, cluster, "service", call.services, found)
    return {"services": services, "failures": failures}


def list_services(engine: Engine, call: req.ListServices, event: int) -> Document:
    """ListServices, by scheduling strategy or launch type."""
    cluster = _cluster(engine, call.cluster)
    arns = []
    for service in describe(engine, "services", cluster.name):
        if call.scheduling_strategy is not None and service["schedulingStrategy"] != call.scheduling_strategy.value:
            continue
        if call.launch_type is None or service.get("launchType") == call.launch_type.value:
            arns.append(service["serviceArn"])
    return {"serviceArns": arns}


READS: dict[str, Callable[..., Document]] = {
    "DescribeContainerInstances": describe_container_instances,
    "DescribeServices": describe_services,
    "DescribeTasks": describe_tasks,
    "ListContainerInstances": list_container_instances,
    "ListServices": list_services,
    "ListTasks": list_tasks,
}
