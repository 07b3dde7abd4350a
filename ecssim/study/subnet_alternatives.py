"""What would keep subnets from running out, as changes of the scenario that can be run.

Each alternative is a list of ``--set`` options. What the API refuses in a scenario (a bridge where a network load
balancer wants addresses) is kept with the reason: that it cannot be done is an answer, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ecssim.aws.names import Compatibility, LaunchType, NetworkMode
from ecssim.aws.service import Service
from ecssim.errors import BadInput
from ecssim.results.address_fixes import block_settings
from ecssim.results.wording import listed, path
from ecssim.scenario.load import Loaded
from ecssim.scenario.setting import setting_of
from ecssim.scenario.timeline import TimelineCall

#: Percentages that are tried one after the other, from the present one down.
PERCENTS: Final = (175, 150, 140, 130, 125, 120, 115, 110, 109, 108, 107, 106, 105, 104, 103, 102, 101)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One change: its kind, what it is in words, and its options; ``refused`` says why it cannot be made."""

    kind: str
    text: str
    options: tuple[str, ...] = ()
    refused: str | None = None


def changed(loaded: Loaded, alternative: Alternative) -> Loaded | Alternative:
    """The scenario with the change, or the alternative with the reason why the API refuses it."""
    try:
        return loaded.changed(alternative.options)
    except BadInput as error:
        message = error.problems[0].message
        return Alternative(alternative.kind, alternative.text, alternative.options, message)


def larger(loaded: Loaded, needed: Mapping[str, int]) -> Alternative | None:
    """Larger blocks for the subnets that are too small, where the VPC has room for them."""
    settings = block_settings(setting_of(loaded.scenario), needed)
    if settings is None:
        text = f"larger blocks for {listed(list(needed))}"
        return Alternative("larger subnets", text, (), "the VPC has no free block that is large enough")
    blocks = {path("subnets", name, "cidrBlock"): name for name in needed}
    written = [f"{blocks[where]} as {value}" for where, value in settings]
    return Alternative("larger subnets", listed(written, 6), _options(settings)) if settings else None


def smaller_waves(loaded: Loaded, services: Sequence[str]) -> list[Alternative]:
    """Lower maximumPercent for services that are deployed while addresses run out, less and less of it."""
    found = []
    mine = {s.service_name: s for s in loaded.scenario.services if s.service_name in services}
    fixed = {
        str(entry.with_.get("service", "")).rsplit("/", 1)[-1]
        for entry in loaded.scenario.timeline
        if isinstance(entry, TimelineCall) and "deploymentConfiguration" in entry.with_
    }
    mine = {name: service for name, service in mine.items() if name not in fixed and not service.is_daemon}
    if not mine:
        return []
    for percent in PERCENTS:
        lower = [name for name, service in mine.items() if percent < service.maximum_percent]
        if not lower:
            continue
        settings: list[tuple[str, object]] = []
        for name in lower:
            where = ("services", name, "deploymentConfiguration")
            settings.append((path(*where, "maximumPercent"), percent))
            if mine[name].minimum_healthy_percent < 100:
                settings.append((path(*where, "minimumHealthyPercent"), 100))
        text = f"maximumPercent {percent} for {listed(lower)}"
        found.append(Alternative("smaller waves", text, _options(settings)))
    return found


def trunking(loaded: Loaded) -> Alternative | None:
    """More tasks with interfaces of their own on each instance, hence fewer instances with theirs (NET-018)."""
    if loaded.scenario.account.settings.awsvpc_trunking in ("enabled", "on") or not _on_instances(loaded):
        return None
    return Alternative("trunking", "awsvpcTrunking enabled", ("account.settings.awsvpcTrunking=enabled",))


def bridge(loaded: Loaded) -> Alternative | None:
    """Tasks on instances behind the instance's own address (NET-003, NET-033)."""
    services = _on_instances(loaded)
    if not services:
        return None
    families = {family_of(service.task_definition or "") for service in services}
    options = []
    for where, definition in definitions(loaded):
        if definition.family not in families:
            continue
        options.append(f"{where}.networkMode=bridge")
        if Compatibility.FARGATE in definition.requires_compatibilities:
            options.append(f"{where}.requiresCompatibilities=[EC2]")
        for container in definition.container_definitions:
            for number, mapping in enumerate(container.port_mappings):
                if mapping.host_port:
                    options.append(
                        f"{where}.{path('containerDefinitions', container.name)}.portMappings.{number}.hostPort=0"
                    )
    options += [f"{path('services', service.service_name, 'networkConfiguration')}=null" for service in services]
    options += [
        f"{path('targetGroups', name, 'targetType')}=instance"
        for name in groups_of(loaded, [s.service_name for s in services])
    ]
    return Alternative("bridge mode", f"bridge for {listed([s.service_name for s in services])}", tuple(options))


# -- how the changes are written ----------------------------------------------------------------------------------


def groups_of(loaded: Loaded, services: Sequence[str]) -> list[str]:
    """Target groups of these services, each once."""
    named: dict[str, None] = {}
    for service in loaded.scenario.services:
        if service.service_name in services:
            for balancer in service.load_balancers:
                arn = balancer.target_group_arn or ""
                named[arn.rsplit("targetgroup/", 1)[-1].split("/", 1)[0]] = None
    return [group.target_group_name for group in loaded.scenario.target_groups if group.target_group_name in named]


def _on_instances(loaded: Loaded) -> list[Service]:
    """Services whose tasks run on container instances with interfaces of their own."""
    awsvpc = {d.family for d in loaded.scenario.task_definitions if d.effective_network_mode is NetworkMode.AWSVPC}
    found = []
    for service in loaded.scenario.services:
        if family_of(service.task_definition or "") not in awsvpc:
            continue
        named = [item.capacity_provider for item in service.capacity_provider_strategy]
        fargate = service.launch_type is LaunchType.FARGATE or any(name.startswith("FARGATE") for name in named)
        if not fargate and (service.launch_type is LaunchType.EC2 or named):
            found.append(service)
    return found


def definitions(loaded: Loaded) -> Iterator[tuple[str, Any]]:
    """Every task definition with its path."""
    revisions: dict[str, int] = {}
    for definition in loaded.scenario.task_definitions:
        revisions[definition.family] = revisions.get(definition.family, 0) + 1
        yield path("taskDefinitions", f"{definition.family}:{revisions[definition.family]}"), definition


def family_of(task_definition: str) -> str:
    """The family of ``family``, ``family:revision`` or an ARN."""
    return task_definition.rsplit("/", 1)[-1].partition(":")[0]


def _options(settings: Sequence[tuple[str, object]]) -> tuple[str, ...]:
    return tuple(f"{where}={value}" for where, value in settings)
