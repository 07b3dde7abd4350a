"""Surprises for a scenario: what may happen on any day, put at one moment of it.

A forced new deployment of each of the largest services, every service scaled out at once, half of the Spot capacity
reclaimed. They are written as entries of the timeline, in the place of what the scenario itself has planned for the
minutes after, so that two things that are never planned for one time are not added up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ecssim.scenario.load import Loaded
from ecssim.scenario.timeline import seconds_of
from ecssim.study.subnet_runs import AFTER

#: Services whose deployment is tried, those with most tasks first.
DEPLOYED: Final = 3
#: By how much a service without auto scaling is scaled out, in percent.
SCALED_BY: Final = 50
#: The share of Spot tasks or instances that is reclaimed.
RECLAIMED: Final = 0.5


@dataclass(frozen=True, slots=True)
class Surprise:
    """One surprise in words, with the options that make it happen."""

    text: str
    options: tuple[str, ...]


def surprises(loaded: Loaded, moment: float) -> list[Surprise]:
    """All surprises that this scenario can have at ``moment`` (seconds)."""
    return [*_deployments(loaded, moment), *_scale_outs(loaded, moment), *_reclaims(loaded, moment)]


def _deployments(loaded: Loaded, moment: float) -> Iterator[Surprise]:
    ours = [s for s in loaded.scenario.services if s.subnets and not s.is_daemon]
    for service in sorted(ours, key=lambda s: -(s.desired_count or 0))[:DEPLOYED]:
        with_: dict[str, Any] = {"service": service.service_name, "forceNewDeployment": True}
        yield Surprise(
            f"deployment of {service.service_name}", _entries(loaded, [_call(loaded, service, with_, moment)], moment)
        )


def _scale_outs(loaded: Loaded, moment: float) -> Iterator[Surprise]:
    scenario = loaded.scenario
    most = {str(t.resource_id).rsplit("/", 1)[-1]: t.max_capacity for t in scenario.scalable_targets}
    entries, words = [], []
    for service in scenario.services:
        if not service.subnets or service.is_daemon or not service.desired_count:
            continue
        name = service.service_name
        wanted = most.get(name) or -(-service.desired_count * (100 + SCALED_BY) // 100)
        if wanted > service.desired_count:
            entries.append(_call(loaded, service, {"service": name, "desiredCount": wanted}, moment))
            words.append(f"{name} {wanted}")
    if entries:
        yield Surprise(f"scale-out to {', '.join(words)}", _entries(loaded, entries, moment))


def _reclaims(loaded: Loaded, moment: float) -> Iterator[Surprise]:
    scenario = loaded.scenario
    used = {item.capacity_provider for s in scenario.services for item in s.capacity_provider_strategy}
    used |= {item.capacity_provider for job in scenario.jobs for item in job.run_task.capacity_provider_strategy}
    used |= {item.capacity_provider for c in scenario.clusters for item in c.default_capacity_provider_strategy}
    spot = ["FARGATE_SPOT"] if "FARGATE_SPOT" in used else []
    groups = {g.auto_scaling_group_name: g for g in scenario.auto_scaling_groups}
    for provider in scenario.capacity_providers:
        of = provider.auto_scaling_group_provider
        group = groups.get(of.group_name) if of is not None else None
        if group is not None and group.on_demand_percent < 100:
            spot.append(provider.name)
    if spot:
        entries = [
            {"at": f"{moment:g}s", "fault": "spotReclaim", "with": {"capacityProvider": p, "fraction": RECLAIMED}}
            for p in spot
        ]
        yield Surprise(f"reclaim of half of the Spot capacity ({', '.join(spot)})", _entries(loaded, entries, moment))


def _call(loaded: Loaded, service: Any, with_: dict[str, Any], moment: float) -> dict[str, Any]:
    cluster = {"cluster": service.cluster} if service.cluster else {}
    return {"at": f"{moment:g}s", "call": "UpdateService", "with": {**cluster, **with_}}


def _entries(loaded: Loaded, entries: list[dict[str, Any]], moment: float) -> tuple[str, ...]:
    """The options that put the entries into the timeline, in the place of what it has soon after the moment."""
    scenario = loaded.scenario
    if not scenario.timeline:
        return (f"timeline={json.dumps(entries)}",)
    soon = [
        number
        for number, entry in enumerate(scenario.timeline)
        if moment <= seconds_of(entry.at, scenario.start) < moment + AFTER and entry.every is None
    ]
    without = [f"timeline.{number}=null" for number in reversed(soon)]
    return (*without, *(f"timeline.+={json.dumps(entry)}" for entry in entries))
