"""How many more tasks of one shape fit, and what binds first: the question of ``ecssim fit``.

Instances are filled on a copy of each fleet by the checks that placement makes, one task after the other, so that
ports, ENI slots, distinctInstance and expressions over tasks count as they would. Addresses and the vCPU quota of
Fargate limit what instances and AWS would take. Nothing of the run itself is moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ecssim.engine.templates import Wish
from ecssim.world.instances import Instance
from ecssim.world.places import Cluster
from ecssim.world.requests import Request, Resources
from ecssim.world.services import Service
from ecssim.world.tasks import Template
from ecssim.world.trial_fleet import TrialFleet

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Tasks that are tried on one instance: no instance runs more, and a task may ask for next to nothing.
MOST_ON_ONE = 10_000


class TypeRoom(NamedTuple):
    """The instances of one type: ``more`` tasks fit on them in all.

    ``binds`` counts the instances by the checks that refuse the next task there (``memory``, ``cpu+eni``);
    ``left`` is what all of them together still have when they are full: stranded for this shape.
    """

    instance_type: str
    instances: int
    more: int
    binds: Mapping[str, int]
    left: Resources


class ZoneRoom(NamedTuple):
    """One zone: what its instances take, the addresses that its subnets have for the task, and the smaller one.

    ``on_instances`` is None for Fargate, ``addresses`` for tasks that take none.
    """

    availability_zone: str
    on_instances: int | None
    addresses: int | None
    more: int


class SubnetRoom(NamedTuple):
    """A subnet of the task: addresses that are free, and that were freed and cannot be used again yet."""

    subnet: str
    availability_zone: str
    free: int
    cooling: int


class Fit(NamedTuple):
    """How many ``more`` tasks fit in one cluster, under one launch type or capacity provider.

    ``binds`` is what ends it: checks, ``addresses`` or ``vcpuQuota``; empty where nothing does. ``waiting`` are
    tasks that wait for room in the cluster already and would take it first. ``vcpu_quota`` is how many more the
    quota allows, None without one.
    """

    cluster: str
    service: str | None
    task_definition: str
    launch_type: str
    capacity_provider: str | None
    request: Request
    more: int
    binds: tuple[str, ...]
    types: tuple[TypeRoom, ...]
    zones: tuple[ZoneRoom, ...]
    subnets: tuple[SubnetRoom, ...]
    vcpu_quota: int | None
    waiting: int


class Shape(NamedTuple):
    """One way in which the family runs: its template, where, and under which group placement counts it."""

    cluster: Cluster
    service: Service | None
    template: Template
    provider: int
    group: int


def how_many(engine: Engine, name: str) -> list[Fit]:
    """Return a :class:`Fit` for each way in which tasks of ``family`` or ``family:revision`` run now.

    Those are the services that have it, with their subnets, constraints and capacity providers; without any the
    jobs and calls that were seen; without these the definition alone, on every cluster.
    """
    return [_fit(engine, shape) for shape in shapes_of(engine, name)]


def shapes_of(engine: Engine, name: str) -> list[Shape]:
    """Return the ways in which a task definition runs; none if there is no such definition."""
    templates = engine.builder.templates
    found = templates.find(name)
    if found is None:
        return []
    definition, revision = found
    exact = ":" in name.rsplit("task-definition/", 1)[-1]
    shapes = [
        Shape(service.cluster, service, template.of_provider(provider), provider, service.group)
        for service in engine.world.services
        if service.status == "ACTIVE" and service.deployments
        for template in (service.deployments[0].template,)
        if template.family == definition.family and (not exact or template.revision == revision)
        for provider in ([share.provider for share in service.provider_strategy] or [0])
    ]
    if shapes:
        return shapes
    wishes = [
        replace(templates.wish_of(made), cpu=None, memory=None, gpus=None)
        for made in templates.made()
        if made.family == definition.family and (not exact or made.revision == revision)
    ]
    kinds = {kind.value for kind in definition.requires_compatibilities}
    launch_type = "FARGATE" if "FARGATE" in kinds and "EC2" not in kinds else "EC2"
    alone = Wish(launch_type, tuple(range(len(engine.world.subnets))))
    return [
        Shape(
            cluster, None, template, provider, engine.builder.task_group(cluster, f"family:{definition.family}").group
        )
        for wish in dict.fromkeys(wishes or [alone])
        for template in (templates.make(definition, revision, wish),)
        for cluster in engine.world.clusters
        for provider in ([code for code, _ in wish.providers] or [0])
    ]


def _fit(engine: Engine, shape: Shape) -> Fit:
    cluster, service, template, provider, _ = shape
    names = dict(engine.builder.templates.wish_of(template).providers)
    subnets = tuple(_subnets(engine, template))
    quota = None
    types: tuple[TypeRoom, ...] = ()
    if template.fargate:
        zones = tuple(_zones(None, subnets))
        more = sum(zone.more for zone in zones)
        binds: tuple[str, ...] = ("addresses",)
        if engine.fargate.vcpu_quota[engine.fargate.is_spot(provider)] is not None:
            quota = engine.fargate.room(template, provider)
            if quota <= more:
                binds = ("vcpuQuota",) if quota < more else ("vcpuQuota", "addresses")
                more = quota
    else:
        types, rooms = _on_instances(engine, shape)
        zones = tuple(_zones(rooms, subnets if template.eni else None))
        more = sum(zone.more for zone in zones)
        short = any(zone.addresses is not None and zone.addresses < (zone.on_instances or 0) for zone in zones)
        checks = sorted({check for room in types for key in room.binds for check in key.split("+")})
        binds = (*(["addresses"] if short else []), *checks)
    return Fit(
        cluster=cluster.name,
        service=service.name if service is not None else None,
        task_definition=template.name,
        launch_type=template.launch_type,
        capacity_provider=names.get(provider),
        request=template.requests[provider],
        more=more,
        binds=binds,
        types=types,
        zones=zones,
        subnets=subnets,
        vcpu_quota=quota,
        waiting=_waiting(engine, cluster),
    )


def _on_instances(engine: Engine, shape: Shape) -> tuple[tuple[TypeRoom, ...], dict[str, int]]:
    """Fill every instance that the request is tried on; return the types, and the tasks by zone."""
    fleet = TrialFleet.of(shape.cluster.fleet)
    request = shape.template.requests[shape.provider]
    by_type: dict[str, list[tuple[int, str, Resources]]] = {}
    zones: dict[str, int] = {}
    for ordinal in fleet.ordinals(fleet.seen(request)):
        instance: Instance = engine.fleets.by_fleet[shape.cluster.ordinal][ordinal]
        count = fleet.fill(ordinal, request, shape.group, MOST_ON_ONE)
        binds = "+".join(fleet.lack(ordinal, request, shape.group).checks)
        by_type.setdefault(instance.type, []).append((count, binds, fleet.remaining(ordinal)))
        zones[instance.zone] = zones.get(instance.zone, 0) + count
    types = tuple(
        TypeRoom(
            name,
            len(rooms),
            sum(count for count, _, _ in rooms),
            dict(Counter(binds for _, binds, _ in rooms if binds).most_common()),
            Resources(*(sum(amounts) for amounts in zip(*(left for _, _, left in rooms), strict=True))),
        )
        for name, rooms in by_type.items()
    )
    return types, zones


def _zones(on_instances: Mapping[str, int] | None, subnets: tuple[SubnetRoom, ...] | None) -> Iterator[ZoneRoom]:
    """Zone by zone, the smaller of what instances take and what subnets have; None where one does not count."""
    addresses: dict[str, int] = {}
    for subnet in subnets or ():
        addresses[subnet.availability_zone] = addresses.get(subnet.availability_zone, 0) + subnet.free
    for zone in sorted({*addresses, *(on_instances or {})}):
        room = on_instances.get(zone, 0) if on_instances is not None else None
        free = addresses.get(zone, 0) if subnets is not None else None
        yield ZoneRoom(zone, room, free, min(amount for amount in (room, free) if amount is not None))


def _subnets(engine: Engine, template: Template) -> Iterator[SubnetRoom]:
    now = engine.kernel.now
    for ordinal in template.subnets:
        subnet = engine.world.subnets[ordinal]
        thawed = sum(at <= now for at, _ in subnet.cooling)
        yield SubnetRoom(subnet.name, subnet.zone, subnet.pool.free + thawed, len(subnet.cooling) - thawed)


def _waiting(engine: Engine, cluster: Cluster) -> int:
    unplaced = sum(service.unplaced for service in engine.world.services if service.cluster is cluster)
    return unplaced + len(cluster.provisioning)
