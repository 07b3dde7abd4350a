"""What exists now, in the shapes of the Describe calls of the ECS and EC2 APIs.

Times are datetimes in UTC, as boto3 returns them. What is asked for by its id and is not there is a failure
``MISSING`` of the answer, as in the API (PLACE-066); a filter that names nothing is bad input.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ecssim.engine.describe_deployments import service_deployments, service_revisions
from ecssim.engine.describe_instances import instance_arn, instance_document, registered
from ecssim.engine.describe_services import service_arn, service_document
from ecssim.engine.describe_tasks import Words, task_document
from ecssim.engine.outside import DESCRIBABLE, Outside
from ecssim.errors import BadInput, Problem
from ecssim.world.instances import Instance
from ecssim.world.places import Cluster, Subnet
from ecssim.world.services import Service
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: What can be described, and the key under which the API's answer lists it.
KEYS: Final = {
    "tasks": "tasks",
    "services": "services",
    "service-deployments": "serviceDeployments",
    "service-revisions": "serviceRevisions",
    "container-instances": "containerInstances",
    "subnets": "Subnets",
}
DESIRED: Final = ("RUNNING", "STOPPED")

_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Query:
    """What to leave in: names, ids or ARNs, as the API takes them.

    ``tasks``, ``services``, ``instances`` and ``subnets`` choose among things of their own kind by id;
    ``services`` and ``instances`` also choose the tasks that are theirs. ``desired`` is a desiredStatus.
    """

    cluster: str | None = None
    services: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    family: str | None = None
    desired: str | None = None


def answer(engine: Engine, outside: Outside, what: str, query: Query) -> dict[str, Any]:
    """The whole answer of the Describe call for ``what``: what was found in the order of creation, and failures.

    :raises BadInput: if there is no such kind of thing, or a filter names nothing.
    """
    if what not in KEYS:
        raise _unknown("cannot describe", what, KEYS)
    if query.desired is not None and query.desired not in DESIRED:
        raise _unknown("there is no desiredStatus", query.desired, DESIRED)
    outside.read()
    cluster = _cluster(engine, query.cluster) if query.cluster is not None else None
    failures: list[dict[str, Any]] = []
    match what:
        case "tasks":
            found = _tasks(engine, outside, query, cluster, failures)
        case "services":
            services = _services(engine, query, cluster, failures)
            found = [service_document(engine, s, outside.events_of(s.name, s.cluster.name)) for s in services]
        case "service-deployments" | "service-revisions":
            show = service_deployments if what == "service-deployments" else service_revisions
            services = _services(engine, query, cluster, failures)
            found = [document for service in services for document in show(engine, service)]
        case "container-instances":
            instances = _instances(engine, query, cluster, failures)
            found = [instance_document(engine, i, outside.version_of_instance(i)) for i in instances]
        case _:
            named = _by_id(engine.world.subnets, query.subnets, lambda s: (s.name,), failures)
            return {KEYS[what]: [_subnet(engine, subnet) for subnet in named]}
    return {KEYS[what]: found, "failures": failures}


# -- choosing -------------------------------------------------------------------------------------------------


def _tasks(
    engine: Engine, outside: Outside, query: Query, cluster: Cluster | None, failures: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Tasks, with those that stopped within the last hour (LIFE-012)."""
    tasks: Iterable[Task] = [*outside.stopped_within(DESCRIBABLE), *engine.lifecycle.live.values()]
    if cluster is not None:
        tasks = [t for t in tasks if t.owner.cluster is cluster]
    if query.services:
        owners = {s for name in query.services for s in _named_services(engine, name, cluster)}
        tasks = [t for t in tasks if t.owner in owners]
    if query.instances:
        places = {_instance_named(engine, name).ordinal for name in query.instances}
        tasks = [t for t in tasks if t.instance in places]
    if query.family is not None:
        tasks = [t for t in tasks if t.template.family == query.family]
    if query.desired is not None:
        tasks = [t for t in tasks if t.running is (query.desired == "RUNNING")]

    def names(task: Task) -> tuple[str, ...]:
        name = engine.task_id(task)
        return name, engine.arn("task", f"{task.owner.cluster.name}/{name}")

    chosen = _by_id(sorted(tasks, key=lambda t: t.ordinal), query.tasks, names, failures)
    words = Words.of(engine)
    return [task_document(engine, task, words, outside.version_of(task)) for task in chosen]


def _services(engine: Engine, query: Query, cluster: Cluster | None, failures: list[dict[str, Any]]) -> list[Service]:
    """Services; one that is INACTIVE is shown to those who ask for it by name (SVC-002)."""
    services = [s for s in engine.world.services if cluster in (None, s.cluster)]
    if not query.services:
        return [s for s in services if s.status != "INACTIVE"]

    def names(service: Service) -> tuple[str, ...]:
        return service.name, f"{service.cluster.name}/{service.name}", service_arn(engine, service)

    return _by_id(services, query.services, names, failures)


def _instances(engine: Engine, query: Query, cluster: Cluster | None, failures: list[dict[str, Any]]) -> list[Instance]:
    """Container instances; one that is INACTIVE is shown to those who ask for it by id."""
    instances = [i for i in engine.world.instances if cluster in (None, i.group.cluster)]
    if not query.instances:
        return [i for i in instances if registered(i)]
    known = [i for i in instances if i.registered_at == i.registered_at]
    return _by_id(known, query.instances, lambda i: (i.id, instance_arn(engine, i)), failures)


def _by_id(
    things: Sequence[_Thing], wanted: Sequence[str], names: Callable[[_Thing], Sequence[str]], failures: list[Any]
) -> list[_Thing]:
    """Those of ``things`` that are wanted, all if nothing is; what is not there is a failure (PLACE-066)."""
    if not wanted:
        return list(things)
    found: list[_Thing] = []
    for name in wanted:
        chosen = [thing for thing in things if name in names(thing)]
        found += (thing for thing in chosen if thing not in found)
        if not chosen:
            failures.append({"arn": name, "reason": "MISSING"})
    return found


def _cluster(engine: Engine, name: str) -> Cluster:
    cluster = engine.world.cluster_named(name)
    if cluster is None:
        raise _unknown("there is no cluster", name, [c.name for c in engine.world.clusters])
    return cluster


def _named_services(engine: Engine, name: str, cluster: Cluster | None) -> list[Service]:
    found = [
        s
        for s in engine.world.services
        if cluster in (None, s.cluster) and name in (s.name, f"{s.cluster.name}/{s.name}", service_arn(engine, s))
    ]
    if not found:
        raise _unknown("there is no service", name, [s.name for s in engine.world.services])
    return found


def _instance_named(engine: Engine, name: str) -> Instance:
    for instance in engine.world.instances:
        if name in (instance.id, instance_arn(engine, instance)):
            return instance
    raise _unknown("there is no container instance", name, [i.id for i in engine.world.instances])


def task_named(engine: Engine, outside: Outside, name: str, seconds: float = DESCRIBABLE) -> Task:
    """The task of an id or ARN, also one that stopped within so many seconds.

    :raises BadInput: if there is none.
    """
    outside.read()
    bare = name.rpartition("/")[2]
    known = {engine.task_id(t): t for t in (*engine.lifecycle.live.values(), *outside.stopped_within(seconds))}
    if bare not in known:
        raise _unknown("there is no task", name, known)
    return known[bare]


def instance_named(engine: Engine, name: str) -> Instance:
    """The container instance of an id or ARN.

    :raises BadInput: if there is none, or its agent has not registered yet.
    """
    instance = _instance_named(engine, name)
    if instance.registered_at != instance.registered_at:
        raise BadInput([Problem("describe", 0, 0, f"the agent of {instance.id} has not registered yet")])
    return instance


def _unknown(message: str, given: str, known: Iterable[str]) -> BadInput:
    names = list(known)
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.0)
    hint = f"; did you mean {near[0]}?" if near else ""
    return BadInput([Problem("describe", 0, 0, f"{message} {given!r}{hint}")])


# -- subnets --------------------------------------------------------------------------------------------------


def _subnet(engine: Engine, subnet: Subnet) -> dict[str, Any]:
    """A subnet as the EC2 API shows it; addresses that are still cooling are not available (NET-060)."""
    engine.subnets.thaw(subnet, engine.kernel.now)
    shown: dict[str, Any] = {"SubnetId": subnet.name, "AvailabilityZone": subnet.zone}
    if subnet.total:
        prefix = 32 - (subnet.total.bit_length() - 1)
        shown["CidrBlock"] = str(IPv4Network((subnet.base, prefix)))
    shown |= {
        "AvailableIpAddressCount": subnet.pool.free if subnet.total else 0,
        "State": "available",
        "OwnerId": engine.account_id,
    }
    if subnet.ipv6:
        block = str(IPv6Network((subnet.ipv6, 64)))
        shown["Ipv6CidrBlockAssociationSet"] = [{"Ipv6CidrBlock": block}]
        shown["Ipv6Native"] = not subnet.total
    return shown
