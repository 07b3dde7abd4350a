"""What would a repack save, and at how many restarts? (``ecssim repack``)

Instances are emptied one after the other, those with the fewest tasks first; each task of one moves to the fullest
instance that takes it, in the same cluster, capacity provider, instance type and zone, so that neither the spread over
zones nor what is bought changes. A task moves once, tasks of daemons do not move: they end with their instance. What
the tables do not say is not looked at: host ports, GPUs (their instances stay as they are), memberOf and
distinctInstance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ecssim.catalog import ec2_price, instance_type
from ecssim.results.facts import Facts
from ecssim.results.groups import key_of
from ecssim.results.packing import Ints, Packing
from ecssim.results.wording import count


@dataclass(frozen=True)
class Step:
    """After ``restarts`` restarts in all, ``saved`` instances can go."""

    restarts: int
    saved: int


@dataclass(frozen=True)
class Repack:
    """The answer at one moment: ``usd_per_hour`` is at the On-Demand price of what can go."""

    t: float
    instances: int
    empty: int
    saved: int
    restarts: int
    usd_per_hour: float
    steps: tuple[Step, ...]

    @property
    def text(self) -> str:
        """The answer in words."""
        if not self.instances:
            return "There were no container instances."
        if not self.saved:
            return f"A repack would save none of {count(self.instances, 'instance')}."
        empty = f", {self.empty} of them empty already" if self.empty else ""
        lines = [
            f"A repack would save {self.saved} of {count(self.instances, 'instance')}{empty}, at "
            f"{count(self.restarts, 'restart')}: {self.usd_per_hour:.4g} USD an hour at On-Demand prices."
        ]
        lines += [f"  {count(step.restarts, 'restart')}: {step.saved} saved" for step in self.steps]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "t": self.t,
            "instances": self.instances,
            "empty": self.empty,
            "saved": self.saved,
            "restarts": self.restarts,
            "usd_per_hour": round(self.usd_per_hour, 6),
            "steps": [{"restarts": step.restarts, "saved": step.saved} for step in self.steps],
        }


def repack(facts: Facts, t: float | None = None, packing: Packing | None = None) -> Repack:
    """Answer for the moment ``t`` (seconds from the start), without one for the last moment of the record."""
    packing = packing or Packing(facts)
    moment = float(np.nextafter(packing.end, 0.0)) if t is None else t
    state = packing.at(moment)
    there = np.flatnonzero(state.alive)
    rows = packing.rows
    daemons = [
        (facts.code("service", s["serviceName"]) << 32) | facts.code("cluster", s["cluster"])
        for s in facts.setting.get("services", ())
        if s.get("daemon")
    ]
    owners = key_of(packing.service, packing.cluster)
    moving = state.tasks[~np.isin(owners[state.tasks], daemons)]
    on: dict[int, list[int]] = {i: [] for i in there.tolist()}
    for task in moving.tolist():
        on.setdefault(int(packing.instance[task]), []).append(task)
    pools: dict[tuple[int, ...], list[int]] = {}
    for i in there.tolist():
        if not instance_type(facts.name("instance_type", int(rows["instance_type"][i]))).gpus:
            key = ("cluster", "capacity_provider", "instance_type", "availability_zone")
            pools.setdefault(tuple(int(rows[name][i]) for name in key), []).append(i)
    left = state.left.copy()
    gone: list[tuple[int, int]] = []  # instance, restarts
    for members in pools.values():
        gone += _empty_out(members, on, left, packing.size)
    gone.sort(key=lambda pair: (pair[1], pair[0]))
    steps: list[Step] = []
    restarts = 0
    for saved, (_, moved) in enumerate(gone, 1):
        restarts += moved
        if steps and steps[-1].restarts == restarts:
            steps.pop()
        steps.append(Step(restarts, saved))
    usd = 0.0
    for i, _ in gone:
        price = ec2_price(facts.name("instance_type", int(rows["instance_type"][i])), facts.manifest.get("region", ""))
        usd += float(price.usd) if price is not None else 0.0
    empty = sum(1 for i in there.tolist() if not on[i])
    return Repack(moment, len(there), empty, len(gone), restarts, usd, tuple(steps))


def _empty_out(members: list[int], on: dict[int, list[int]], left: Ints, size: Ints) -> list[tuple[int, int]]:
    """Empty what can be emptied of instances that may take each other's tasks; ``left`` follows the moves."""
    gone: list[tuple[int, int]] = []
    full: set[int] = set()  # took tasks from others: a task moves once
    staying = list(members)
    for i in sorted(members, key=lambda m: (len(on[m]), -int(left[m, 0]), m)):
        if i in full:
            continue
        others = [m for m in staying if m != i and on[m]]
        moves = _moves(on[i], others, left, size)
        if moves is None:
            continue
        for task, target in moves:
            left[target] -= size[task]
            full.add(target)
        staying.remove(i)
        gone.append((i, len(on[i])))
    return gone


def _moves(tasks: list[int], others: list[int], left: Ints, size: Ints) -> list[tuple[int, int]] | None:
    """Where each task would go, largest first and fullest instance first; None if one has no place."""
    if not tasks:
        return []
    rest = {m: left[m].copy() for m in others}
    moves = []
    for task in sorted(tasks, key=lambda t: (-int(size[t, 1]), -int(size[t, 0]), t)):
        need = size[task]
        able = [m for m in others if (rest[m] >= need).all()]
        if not able:
            return None
        target = min(able, key=lambda m: (int(rest[m][1]), int(rest[m][0]), m))
        rest[target] -= need
        moves.append((task, target))
    return moves
