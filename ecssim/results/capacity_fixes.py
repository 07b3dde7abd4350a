"""What would have made room on instances: packing instead of spreading, more instances, a larger type.

Computed from sizes: the tasks that were there and the ones that found no room are laid out anew
(:mod:`ecssim.results.repack`). Where packing alone makes room, that is the fix, since it costs nothing. An
instance takes tasks by CPU units and memory, and as many awsvpc tasks as it has network interfaces for
(NET-010, NET-011). A type on which not one task fits is exchanged for the next larger one of its family. Only
services on one fixed group (an entry of ``autoScalingGroups``) have such a fix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

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
#: More tasks than this are not laid out anew one by one; the size of one more instance is enough then.
MANY = 3000


def room_for(
    facts: Facts, figures: ServiceFigures, missing: int, t: float, fleets: list[FleetFigures]
) -> str | None:
    """Options that give ``missing`` more tasks of the service room at ``t``; None if not known."""
    name = facts.name("service", figures.service)
    setting = facts.service_setting(name, figures.cluster_name)
    group_name = _group_of(facts, setting, figures.cluster_name)
    fleet = next((f for f in fleets if f.group == group_name and group_name is not None), None)
    size = _size(facts, name, setting)
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
    desired = int(group["desiredCapacity"])
    there = _there(facts, fleet, figures, t) if fleet is not None else {}
    wanted = Demand(missing, size, _strategy(setting))
    if sum(demand.count for _, demand in there.values()) + missing > MANY:
        fit = min(c // max(1, s) for c, s in zip(capacity, size, strict=True))
        return _resized(group_name, group, desired + ceil(missing / fit))
    spreading = {n: d for n, (packs, d) in there.items() if not packs and d.strategy != "binpack"}
    demands = [demand for _, demand in there.values()]
    packed = [replace(d, strategy="binpack") for d in (*demands, wanted)]
    if spreading and fits(packed, desired, capacity):
        packing = "[{type: binpack, field: memory}]"
        return options([(path("services", n, "placementStrategy"), packing) for n in spreading])
    for instances in range(desired + 1, desired + sum(d.count for d in demands) + missing + 1):
        if fits([*demands, wanted], instances, capacity):
            return _resized(group_name, group, instances)
    return None


def _strategy(setting: Mapping[str, Any]) -> str:
    """The kind of strategy that decides how full instances get; ECS's own default spreads (PLACE-010)."""
    kinds = [kind for kind, _ in setting.get("placementStrategy", ())]
    return "binpack" if "binpack" in kinds else "random" if kinds == ["random"] else "spread"


def _there(
    facts: Facts, fleet: FleetFigures, figures: ServiceFigures, t: float
) -> dict[str, tuple[bool, Demand]]:
    """The tasks on the group's instances at ``t``, by service in the order of the scenario."""
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
        own = alive & (tasks.service == facts.code("service", name))
        if own.any():
            size = _size(facts, name, setting) or (0, 0, 0)
            found[name] = (bool(setting["daemon"]), Demand(int(own.sum()), size, _strategy(setting)))
    return found


def fewer_instances(facts: Facts, fleet: FleetFigures) -> str | None:
    """Options that leave an idle group the instances which its peak needs; None if that is what it has."""
    groups = facts.setting.get("autoScalingGroups", {})
    if fleet.group is None or fleet.group not in groups:
        return None
    group = groups[fleet.group]
    peak = max(fleet.peak_cpu / fleet.cpu, fleet.peak_memory / fleet.memory) / FILLED
    # Tasks that may not share an instance are spread over the zones of the group at least.
    enough = max(1, ceil(peak))
    if enough >= group["desiredCapacity"]:
        return None
    return _resized(fleet.group, group, enough)


def _resized(name: str, group: Mapping[str, Any], desired: int) -> str:
    where = ("autoScalingGroups", name)
    settings = []
    if desired > group["maxSize"]:
        settings.append((path(*where, "maxSize"), desired))
    if desired < group["minSize"]:
        settings.append((path(*where, "minSize"), desired))
    return options([*settings, (path(*where, "desiredCapacity"), desired)])


def _group_of(facts: Facts, setting: Mapping[str, Any], cluster: str) -> str | None:
    """The one group whose instances take tasks of the service; None if there are several or none."""
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
        if kind.family == family
        and all(a <= c for a, c in zip(size, _capacity(kind, group, trunk), strict=True))
    ]
    return min(fitting, key=lambda kind: (kind.vcpu, kind.memory_mib, kind.name)).name if fitting else None
