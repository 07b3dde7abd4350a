"""How full each container instance was at a moment: what the placement figures and the repack are computed from.

Read from the tables alone, so that a finished or killed run can be asked. Amounts are CPU units, MiB and slots for the
interfaces of awsvpc tasks; ports, GPUs and constraints are not in the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ecssim.catalog import instance_type
from ecssim.record.codes import LAUNCH_TYPES, NETWORK_MODES
from ecssim.results.facts import Facts
from ecssim.results.fleet_figures import group_named, placed_at

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CPU, MEMORY, ENI = range(3)
MOST_SHAPES = 64
_EC2 = LAUNCH_TYPES.index("EC2") + 1
_AWSVPC = NETWORK_MODES.index("awsvpc") + 1


@dataclass(frozen=True)
class State:
    """One moment: which instances there were, what was left on each, and which tasks (by number) held something."""

    t: float
    alive: npt.NDArray[np.bool_]
    occupied: npt.NDArray[np.bool_]
    left: Ints
    tasks: Ints


class Packing:
    """The instances and the tasks that ran on them, as arrays.

    ``capacity`` and ``size`` have a row for each instance and task, and a column for CPU, memory and interfaces.
    """

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        rows = facts.result.settled("instances")
        self.rows = rows[np.argsort(rows["instance_id"], kind="stable")]
        self.capacity = self._capacities()
        end = facts.end
        self.registered = np.nan_to_num(self.rows["registered_at"], nan=np.inf)
        self.terminated = np.nan_to_num(self.rows["terminated_at"], nan=np.inf)
        tasks = facts.tasks
        codes = self.rows["instance_id"]
        at = np.searchsorted(codes, tasks.instance)
        at = np.clip(at, 0, max(0, len(codes) - 1))
        mine = (tasks.instance != 0) & (codes[at] == tasks.instance) if len(codes) else np.zeros(len(at), bool)
        self.of = np.flatnonzero(mine)
        self.instance: Ints = at[mine].astype(np.int64)
        self.begin: Floats = np.maximum(tasks.created[mine], placed_at(facts, tasks.task[mine]))
        self.until: Floats = np.nan_to_num(tasks.stopping[mine], nan=np.inf)
        # An interface's slot comes back when it is deleted (AGENT-041).
        freed = np.nan_to_num(tasks.freed[mine], nan=np.inf)
        template = tasks.index.template_at()[mine]
        modes = np.append(facts.raw("_templates")["network_mode"], 0)[template]
        eni = modes == _AWSVPC
        self.eni_until: Floats = np.where(eni, np.maximum(freed, self.until), self.until)
        self.size: Ints = np.stack([tasks.cpu[mine], tasks.memory[mine], eni.astype(np.int64)], axis=1)
        self.owner = tasks.owner[mine]
        self.service = tasks.service[mine]
        self.cluster = tasks.cluster[mine]
        self.end = end

    def _capacities(self) -> Ints:
        facts = self.facts
        trunking = bool(facts.setting.get("awsvpcTrunking"))
        groups: Mapping[str, Mapping[str, Any]] = facts.setting.get("autoScalingGroups", {})
        known: dict[tuple[int, int, int], tuple[int, int, int]] = {}
        found = []
        for row in self.rows:
            key = (int(row["capacity_provider"]), int(row["cluster"]), int(row["instance_type"]))
            if key not in known:
                kind = facts.name("instance_type", key[2])
                published = instance_type(kind)
                provider, cluster = facts.name("capacity_provider", key[0]), facts.name("cluster", key[1])
                group = group_named(facts, provider, cluster, kind)
                reserved = int(groups.get(group or "", {}).get("reservedMemory", 0))
                slots = published.awsvpc_tasks(trunking and published.trunking)
                known[key] = (published.cpu_units, published.registered_memory_mib - reserved, slots)
            found.append(known[key])
        return np.array(found, np.int64).reshape(len(found), 3)

    @cached_property
    def shapes(self) -> Ints:
        """The sizes that tasks on instances have in this run, also of tasks that found no room; each once.

        Of a trace that brings a size with each row, the :data:`MOST_SHAPES` that were launched most.
        """
        templates = self.facts.raw("_templates")
        mine = templates[templates["launch_type"] == _EC2]
        wanted = np.stack([mine["cpu"], mine["memory"], mine["network_mode"] == _AWSVPC], axis=1).astype(np.int64)
        sizes, counts = np.unique(np.concatenate([self.size, wanted]), axis=0, return_counts=True)
        most = np.argsort(-counts, kind="stable")[:MOST_SHAPES]
        found: Ints = sizes[np.sort(most)].astype(np.int64)
        return found

    def at(self, t: float) -> State:
        """The moment ``t``, in seconds from the start."""
        alive = (self.registered <= t) & (t < self.terminated)
        holds = (self.begin <= t) & (t < self.until)
        tasks = np.flatnonzero(holds)
        used = np.zeros_like(self.capacity)
        np.add.at(used, self.instance[tasks], self.size[tasks] * np.array([1, 1, 0]))
        slots = np.flatnonzero((self.begin <= t) & (t < self.eni_until))
        np.add.at(used[:, ENI], self.instance[slots], self.size[slots, ENI])
        occupied = np.zeros(len(alive), bool)
        occupied[self.instance[tasks]] = True
        return State(t, alive, occupied & alive, np.maximum(0, self.capacity - used), tasks)
