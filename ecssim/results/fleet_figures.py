"""Figures by group of instances: how much of what was paid for was reserved by tasks.

A group is what shares a capacity provider (or an Auto Scaling group without one), a cluster and an instance
type. Utilisation is reserved CPU units and MiB over registered ones, both times seconds; waste is what the
fuller of the two dimensions leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecssim.catalog import instance_type
from ecssim.results.facts import Facts
from ecssim.results.wording import figure, sized


@dataclass
class FleetFigures:
    """One group of instances over the run."""

    name: str
    group: str | None
    cluster: str
    instance_type: str
    instances: int
    instance_hours: float
    cpu: int
    memory: int
    cpu_share: float
    memory_share: float
    peak_cpu: int
    peak_memory: int
    peak_tasks: int

    @property
    def used(self) -> float:
        """Share of the scarcer dimension that was reserved."""
        return max(self.cpu_share, self.memory_share)

    def as_json(self) -> dict[str, Any]:
        """The entry of the summary."""
        return {
            "cluster": self.cluster,
            "instance_type": self.instance_type,
            "instances": self.instances,
            "instance_hours": sized(self.instance_hours),
            "cpu_reserved": figure(self.cpu_share),
            "memory_reserved": figure(self.memory_share),
            "waste": figure(1.0 - self.used),
            "peak_tasks": self.peak_tasks,
        }


def fleet_figures(facts: Facts) -> list[FleetFigures]:
    """The figures of every group of instances."""
    rows = facts.result.settled("instances")
    keys = rows[["capacity_provider", "cluster", "instance_type"]]
    found = []
    for key in np.unique(keys):
        found.append(_figures(facts, rows[keys == key], key))
    return found


def _figures(facts: Facts, rows: np.ndarray, key: np.void) -> FleetFigures:
    provider = facts.name("capacity_provider", int(key["capacity_provider"]))
    cluster = facts.name("cluster", int(key["cluster"]))
    kind = facts.name("instance_type", int(key["instance_type"]))
    group = group_named(facts, provider, cluster, kind)
    cpu, memory = registered(facts, group, kind)
    end = facts.end
    begin = np.clip(np.nan_to_num(rows["registered_at"], nan=end), 0.0, end)
    until = np.clip(np.nan_to_num(rows["terminated_at"], nan=end), 0.0, end)
    seconds = float(np.maximum(0.0, until - begin).sum())
    tasks = facts.tasks
    mine = np.isin(tasks.instance, rows["instance_id"]) & (tasks.instance != 0)
    created = np.clip(np.maximum(tasks.created[mine], placed_at(facts, tasks.task[mine])), 0.0, end)
    gone = np.maximum(created, np.clip(np.nan_to_num(tasks.stopping[mine], nan=end), 0.0, end))
    held = gone - created
    asked_cpu, asked_memory = tasks.cpu[mine], tasks.memory[mine]
    return FleetFigures(
        provider or group or kind,
        group,
        cluster,
        kind,
        len(rows),
        seconds / 3600.0,
        cpu,
        memory,
        float((held * asked_cpu).sum()) / (seconds * cpu) if seconds else float("nan"),
        float((held * asked_memory).sum()) / (seconds * memory) if seconds else float("nan"),
        *most_of(created, gone, asked_cpu, asked_memory, np.ones(len(created), np.int64)),
    )


def registered(facts: Facts, group: str | None, kind: str) -> tuple[int, int]:
    """CPU units and MiB that an instance of a type registers in a group (AGENT-004)."""
    setting: Mapping[str, Any] = facts.setting.get("autoScalingGroups", {}).get(group, {})
    published = instance_type(kind)
    return published.cpu_units, published.registered_memory_mib - int(setting.get("reservedMemory", 0))


def placed_at(facts: Facts, ordinals: np.ndarray) -> np.ndarray:
    """When each task was placed: later than it was created if it waited for an instance (LIFE-004)."""
    verdicts = facts.raw("placements", "t", "task", "container_instance")
    placed = verdicts[(verdicts["task"] > 0) & (verdicts["container_instance"] > 0)]
    last = max(int(ordinals.max(initial=0)), int(placed["task"].max(initial=0)))
    times = np.zeros(last + 1)
    times[placed["task"]] = placed["t"]
    when: np.ndarray = times[ordinals]
    return when


def group_named(facts: Facts, provider: str, cluster: str, kind: str) -> str | None:
    """The Auto Scaling group behind a provider, or the only one without a provider that fits; else None."""
    groups: Mapping[str, Mapping[str, Any]] = facts.setting.get("autoScalingGroups", {})
    fitting = [
        name
        for name, group in groups.items()
        if (group["capacityProvider"] or "") == provider
        and (provider or (group["cluster"] == cluster and group["instanceType"] == kind))
    ]
    return fitting[0] if len(fitting) == 1 else None


def most_of(begin: np.ndarray, until: np.ndarray, *amounts: np.ndarray) -> list[int]:
    """The most of each of ``amounts`` that was held at one instant."""
    if not len(begin):
        return [0] * len(amounts)
    # What ends at an instant is gone before what begins then: the sort is stable.
    order = np.argsort(np.concatenate([until, begin]), kind="stable")
    return [int(np.cumsum(np.concatenate([-amount, amount])[order]).max()) for amount in amounts]
