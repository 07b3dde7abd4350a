"""What would have made room on instances: packing instead of spreading, more instances, a larger type.

Computed from sizes: the tasks that were there and the ones that found no room are laid out anew
(:mod:`ecssim.results.repack`). Where packing alone makes room, that is the fix, since it costs nothing. An
instance takes tasks by CPU units and memory, and as many awsvpc tasks as it has network interfaces for
(NET-010, NET-011). A type on which not one task fits is exchanged for the next larger one of its family. Only
services on one fixed group (an entry of ``autoScalingGroups``) have such a fix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from ecssim.catalog import InstanceType, instance_type, instance_types
from ecssim.record.codes import NETWORK_MODES
from ecssim.results.facts import Facts
from ecssim.results.fleet_figures import FleetFigures
from ecssim.results.repack import Demand, fits
from ecssim.results.service_figures import ServiceFigures
from ecssim.results.wording import options, path

#: Share of an instance that is planned to be filled: tasks of several sizes leave gaps.
FILLED = 0.8
#: More tasks than this are not laid out anew one by one; the size of more instances is enough then.
MANY = 1000
#: Numbers of instances that are tried one by one.
TRIES = 30
_PACKING = "[{type: binpack, field: memory}]"


class Want(NamedTuple):
    """``tasks`` of a service that found no place at ``t`` seconds."""

    figures: ServiceFigures
    tasks: int
    t: float


def room_for(facts: Facts, want: Want, others: Sequence[Want], fleets: list[FleetFigures]) -> str | None:
    """Options that give ``want`` room, and the ``others`` of its group with it; None if not known."""
    group_name = _group_of(facts, want)
    size = _size_of(facts, want)
    if group_name is None or size is None:
        return None
    group = facts.setting["autoScalingGroups"][group_name]
    if group["instanceType"] is None:
        return None
    trunk = bool(facts.setting.get("awsvpcTrunking"))
    capacity = _capacity(instance_type(group["instanceType"]), group, trunk)
    if any(asked > there for asked, there in zip(size, capacity, strict=True)):
        larger = _larger(group, size, trunk)
        if larger is None or not group["oneType"]:
            return None
        return options([(path("autoScalingGroups", group_name, "instances", "instanceType"), larger)])
    fleet = next((f for f in fleets if f.group == group_name), None)
    there = _there(facts, fleet, max(w.t for w in (want, *others))) if fleet is not None else {}
    demands = [demand for _, demand in there.values()]
    for one in others:
        asked = _size_of(facts, one)
        if _group_of(facts, one) == group_name and asked is not None:
            # What fits on no instance of this type has a fix of its own.
            if all(a <= c for a, c in zip(asked, capacity, strict=True)):
                demands.append(Demand(one.tasks, asked, _strategy(_setting(facts, one))))
    spreading = [n for n, (stays, d) in there.items() if not stays and d.strategy != "binpack"]
    return _laid_out(group_name, group, capacity, demands, spreading)


def _laid_out(
    name: str, group: Mapping[str, Any], capacity: tuple[int, ...], demands: list[Demand], spreading: list[str]
) -> str:
    """Packing on the instances that are there, else the fewest instances on which all find a place."""
    desired = int(group["desiredCapacity"])
    sums = [sum(d.count * d.size[i] for d in demands) for i in range(len(capacity))]
    least = max(ceil(asked / max(1, there)) for asked, there in zip(sums, capacity, strict=True))
    if sum(d.count for d in demands) > MANY:
        return _resized(name, group, max(desired + 1, ceil(least / FILLED)))
    packing = [(path("services", service, "placementStrategy"), _PACKING) for service in spreading]
    packed = [replace(d, strategy="binpack") for d in demands]
    if packing and fits(packed, desired, capacity):
        return options(packing)
    first = max(desired + 1, least)
    for instances in range(first, first + TRIES):
        if fits(demands, instances, capacity):
            return _resized(name, group, instances)
        if packing and fits(packed, instances, capacity):
            return f"{options(packing)} {_resized(name, group, instances)}"
    return _resized(name, group, first + TRIES)


def _setting(facts: Facts, want: Want) -> Mapping[str, Any]:
    return facts.service_setting(facts.name("service", want.figures.service), want.figures.cluster_name)


def _size_of(facts: Facts, want: Want) -> tuple[int, ...] | None:
    return _size(facts, facts.name("service", want.figures.service), _setting(facts, want))


def _strategy(setting: Mapping[str, Any]) -> str:
    """The kind of strategy that decides how full instances get; ECS's own default spreads (PLACE-010)."""
    kinds = [kind for kind, _ in setting.get("placementStrategy", ())]
    return "binpack" if "binpack" in kinds else "random" if kinds == ["random"] else "spread"


def _there(facts: Facts, fleet: FleetFigures, t: float) -> dict[str, tuple[bool, Demand]]:
    """The tasks on the group's instances at ``t``, by service in the order of the scenario; is it a daemon?"""
    tasks = facts.tasks
    rows = facts.result.settled("instances")
    provider = facts.code("capacity_provider", fleet.name) if fleet.name != fleet.group else 0
    kind = facts.code("instance_type", fleet.instance_type)
    mine = rows[(rows["capacity_provider"] == max(provider, 0)) & (rows["instance_type"] == kind)]
    alive = np.isin(tasks.instance, mine["instance_id"]) & (tasks.instance != 0)
    alive &= (tasks.created <= t) & ~(tasks.stopping <= t)
    found = {}
    for setting in facts.setting.get("services", ()):
        name = setting["serviceName"]
        cluster = facts.code("cluster", setting["cluster"])
        own = alive & (tasks.service == facts.code("service", name)) & (tasks.cluster == cluster)
        if own.any():
            size = _size(facts, name, setting) or (0, 0, 0)
            found[name if name not in found else f"{setting['cluster']}/{name}"] = (
                bool(setting["daemon"]),
                Demand(int(own.sum()), size, _strategy(setting)),
            )
    return found


def fewer_instances(facts: Facts, fleet: FleetFigures, idle: float) -> str | None:
    """Options that leave an idle group the instances which its peak needs; None if that is what it has.

    Managed scaling sets the desired capacity of its group itself: only the group's limits hold it (ASG-001).
    """
    groups = facts.setting.get("autoScalingGroups", {})
    if fleet.group is None or fleet.group not in groups:
        return None
    group = groups[fleet.group]
    peak = max(fleet.peak_cpu / fleet.cpu, fleet.peak_memory / fleet.memory) / FILLED
    # Tasks that may not share an instance are spread over the zones of the group at least.
    enough = max(1, ceil(peak))
    if not group["managedScaling"]:
        return _resized(fleet.group, group, enough) if enough < group["desiredCapacity"] else None
    hours = facts.end / 3600.0
    if enough >= group["maxSize"] or fleet.used * fleet.instance_hours < idle * enough * hours:
        return None
    limits = ["maxSize", *(key for key in ("minSize", "desiredCapacity") if group[key] > enough)]
    return options([(path("autoScalingGroups", fleet.group, key), enough) for key in limits])


def _resized(name: str, group: Mapping[str, Any], desired: int) -> str:
    where = ("autoScalingGroups", name)
    settings = []
    if desired > group["maxSize"]:
        settings.append((path(*where, "maxSize"), desired))
    if desired < group["minSize"]:
        settings.append((path(*where, "minSize"), desired))
    return options([*settings, (path(*where, "desiredCapacity"), desired)])


def _group_of(facts: Facts, want: Want) -> str | None:
    """The one group whose instances take tasks of the service; None if there are several or none."""
    setting, cluster = _setting(facts, want), want.figures.cluster_name
    groups: Mapping[str, Mapping[str, Any]] = facts.setting.get("autoScalingGroups", {})
    providers = setting.get("capacityProviders", ())
    fitting = [
        name
        for name, group in groups.items()
        if (group["capacityProvider"] in providers if providers else group["cluster"] == cluster)
    ]
    return fitting[0] if len(fitting) == 1 else None


def _size(facts: Facts, service: str, setting: Mapping[str, Any]) -> tuple[int, ...] | None:
    """CPU units, MiB and network interfaces of the largest revision that the service ran or wanted to run."""
    templates = facts.raw("_templates")
    tasks = facts.tasks
    used = np.unique(tasks.index.template_at()[tasks.service == facts.code("service", service)])
    rows = templates[used[used >= 0]]
    wanted = str(setting.get("taskDefinition") or "").rsplit("/", 1)[-1]
    names = [facts.name("task_definition", code) for code in templates["task_definition"].tolist()]
    family = [n == wanted or n.rpartition(":")[0] == wanted or n.partition(":")[0] == wanted for n in names]
    rows = np.concatenate([rows, templates[np.array(family, bool)]]) if names else rows
    if not len(rows):
        return None
    awsvpc = bool((rows["network_mode"] == NETWORK_MODES.index("awsvpc") + 1).any())
    return int(rows["cpu"].max()), int(rows["memory"].max()), int(awsvpc)


def _capacity(kind: InstanceType, group: Mapping[str, Any], trunk: bool) -> tuple[int, ...]:
    """What one instance registers: CPU units, MiB, room for awsvpc tasks (ASG-061, ASG-062)."""
    memory = kind.registered_memory_mib - int(group["reservedMemory"])
    return kind.cpu_units, memory, kind.awsvpc_tasks(trunk)


def _larger(group: Mapping[str, Any], size: tuple[int, ...], trunk: bool) -> str | None:
    """The smallest type of the group's family that takes one task of ``size``."""
    family = instance_type(group["instanceType"]).family
    fitting = [
        kind
        for kind in instance_types().values()
        if kind.family == family and all(a <= c for a, c in zip(size, _capacity(kind, group, trunk), strict=True))
    ]
    return min(fitting, key=lambda kind: (kind.vcpu, kind.memory_mib, kind.name)).name if fitting else None
