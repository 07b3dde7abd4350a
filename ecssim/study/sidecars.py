"""Services that could be containers of another service's tasks: one interface and one address for all (NET-002).

A helper that runs beside every task of a service, as a task of its own, is a sidecar that was never made one. What
its tasks reserve is added to the main task's size, which on Fargate is the next one that is sold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ecssim.aws.names import Compatibility
from ecssim.aws.service import Service
from ecssim.aws.task_definition import TaskDefinition
from ecssim.catalog import fargate_sizes
from ecssim.results.wording import listed, path
from ecssim.scenario.load import Loaded
from ecssim.scenario.timeline import TimelineCall
from ecssim.study.subnet_alternatives import Alternative, definitions, family_of


def sidecars(loaded: Loaded) -> list[Alternative]:
    """Services that always have as many tasks as another, as containers of its tasks (NET-002)."""
    found = []
    used: set[str] = set()
    for main in loaded.scenario.services:
        if main.service_name in used or not main.subnets or not main.desired_count:
            continue
        others = [s for s in loaded.scenario.services if s.service_name not in used and _belongs(loaded, main, s)]
        if not others:
            continue
        used |= {main.service_name, *(s.service_name for s in others)}
        options = _merged(loaded, main, others)
        if options is not None:
            text = f"{listed([s.service_name for s in others])} as containers of {main.service_name}"
            found.append(Alternative("sidecars in one task", text, tuple(options)))
    return found


def _belongs(loaded: Loaded, main: Service, other: Service) -> bool:
    """Whether ``other`` could be a part of ``main``'s tasks: as many of them, always, in the same places."""
    scenario = loaded.scenario
    name = other.service_name
    scaled = any(str(t.resource_id).endswith(f"/{name}") for t in scenario.scalable_targets)
    mains = any(str(t.resource_id).endswith(f"/{main.service_name}") for t in scenario.scalable_targets)
    resized = any(
        isinstance(e, TimelineCall)
        and str(e.with_.get("service", "")).rsplit("/", 1)[-1] in (name, main.service_name)
        and "desiredCount" in e.with_
        for e in scenario.timeline
    )
    return (
        other is not main
        and not other.load_balancers
        and not (scaled or mains or resized)
        and other.desired_count == main.desired_count
        and other.cluster == main.cluster
        and set(other.subnets) == set(main.subnets)
        and other.launch_type == main.launch_type
        and other.capacity_provider_strategy == main.capacity_provider_strategy
        and family_of(other.task_definition or "") != family_of(main.task_definition or "")
    )


def _merged(loaded: Loaded, main: Service, others: Sequence[Service]) -> list[str] | None:
    """The options that put the containers of ``others`` into every revision of ``main``'s task definition."""
    written: Sequence[Mapping[str, Any]] = loaded.resolved["taskDefinitions"]
    latest = {str(document.get("family")): document for document in written}
    parts = [latest[family_of(service.task_definition or "")] for service in others]
    options = []
    own = family_of(main.task_definition or "")
    for where, definition in definitions(loaded):
        if definition.family != own:
            continue
        names = {container.name for container in definition.container_definitions}
        for part in parts:
            for container in part["containerDefinitions"]:
                name = container["name"] if container["name"] not in names else f"{part['family']}-{container['name']}"
                names.add(name)
                options.append(f"{where}.containerDefinitions.+={json.dumps({**container, 'name': name})}")
        if definition.cpu is not None and definition.memory is not None:
            size = _size(loaded, definition, parts)
            if size is None:
                return None
            options += [f'{where}.cpu="{size[0]}"', f'{where}.memory="{size[1]}"']
    gone = [service.service_name for service in others]
    for number in range(len(loaded.scenario.timeline) - 1, -1, -1):
        entry = loaded.scenario.timeline[number]
        if isinstance(entry, TimelineCall) and str(entry.with_.get("service", "")).rsplit("/", 1)[-1] in gone:
            options.append(f"timeline.{number}=null")
    return [*options, *(f"{path('services', name)}=null" for name in gone)]


def _size(loaded: Loaded, definition: TaskDefinition, parts: Sequence[Mapping[str, Any]]) -> tuple[int, int] | None:
    """CPU units and MiB for all together: the sum, on Fargate the next size that is sold; None if none is (FG-003)."""
    of = {d.family: d for d in loaded.scenario.task_definitions}
    together = [of[str(part["family"])] for part in parts]
    cpu = (definition.cpu or 0) + sum(d.cpu or 0 for d in together)
    memory = (definition.memory or 0) + sum(d.memory or 0 for d in together)
    if Compatibility.FARGATE not in definition.requires_compatibilities:
        return cpu, memory
    for units, sold in sorted(fargate_sizes().items()):
        if units >= cpu:
            enough = [mib for mib in sold if mib >= memory]
            if enough:
                return units, min(enough)
    return None
