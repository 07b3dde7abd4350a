"""Targets whose tasks do not all get the same share of the requests at once.

Slow start and cold caches, clients that stay with the task that they know, zones that keep their requests to
themselves, algorithms that look at what is outstanding. Such a target is moved by itself; all others pay nothing.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from ecssim.engine.flow_targets import Holder

#: Seconds for which clients may keep the address of a node that DNS does not give out any more (LB-011).
DNS_TTL: Final = 60.0

Columns = dict[str, "array[Any]"]


@dataclass(slots=True, eq=False)
class Settings:
    """How a target group routes: its attributes, and those of the load balancer before it.

    ``zones`` are the codes of the zones whose nodes keep to their own targets (cross-zone off), empty otherwise;
    ``minimum`` and ``percent`` (0: off) the healthy targets below which everybody gets requests (LB-010),
    ``dns_minimum`` and ``dns_percent`` those below which a zone leaves DNS (LB-011). ``affinity`` is the share of
    clients that are sent to the node of their own zone (LB-032).
    """

    algorithm: str = "round_robin"
    zones: tuple[int, ...] = ()
    minimum: int = 1
    percent: float = 0.0
    dns_minimum: int = 1
    dns_percent: float = 0.0
    slow_start: float = 0.0
    stays: float = 0.0
    affinity: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether all that is special is that nothing is."""
        return (
            self.algorithm != "least_outstanding_requests"
            and not self.zones
            and self.minimum == 1
            and not (self.percent or self.slow_start or self.stays)
        )


@dataclass(slots=True, eq=False)
class Uneven:
    """The routing of one target beyond equal shares for all of its tasks.

    ``starts`` is when each task in its slow start or warm-up began, by cell; ``warm`` how long and how deep a cold
    task is slower. ``held`` are the shares of the clients that stay, by cell, ``fresh`` by cell the tasks' worth of
    clients that new tasks have not got yet. ``below`` is since when a zone has too few healthy targets.
    """

    settings: Settings
    client_zones: dict[int, float] = field(default_factory=dict)
    starts: dict[int, dict[Holder, float]] = field(default_factory=dict)
    warmups: dict[int, tuple[float, float]] = field(default_factory=dict)
    held: dict[int, float] = field(default_factory=dict)
    fresh: dict[int, float] = field(default_factory=dict)
    below: dict[int, float] = field(default_factory=dict)
    #: Tasks that do not answer though their checks have not noticed yet, by cell.
    silent: dict[int, set[Holder]] = field(default_factory=dict)
    #: When the first target became healthy after there was none.
    awake: float = -1.0

    def joins(
        self, cell: int, holder: Holder, columns: Columns, cells: list[int], now: float, registered: float
    ) -> None:
        """A task that registered at some time starts to take requests; it is not in ``columns`` yet (LB-023, LB-029).

        It starts slowly only if another is past its slow start already; those that were registered together into an
        empty group, before any was healthy, are at once in full.
        """
        settings = self.settings
        there = sum(columns["servers"][i] for i in cells)
        if there <= 0.0:
            self.awake = now
        starting = 0
        if settings.slow_start:
            for begun in self.starts.values():
                starting += sum(now - start < settings.slow_start for start in begun.values())
        slow = settings.slow_start > 0.0 and there - starting >= 1.0 and registered > self.awake
        if slow or cell in self.warmups:
            # Tasks of a steady start have been there for long.
            self.starts.setdefault(cell, {})[holder] = now if now > 0.0 else -math.inf
        if settings.stays and columns["servers"][cell] >= 1.0:
            self.fresh[cell] = self.fresh.get(cell, 0.0) + 1.0

    def leaves(self, cell: int, holder: Holder, had: float) -> None:
        """A task takes no more requests; ``had`` were there. Its clients go to whom they are sent now (LB-024)."""
        self.starts.get(cell, {}).pop(holder, None)
        self.silent.get(cell, set()).discard(holder)
        if had > 0.0:
            left = max(0.0, had - 1.0) / had
            if cell in self.fresh:
                self.fresh[cell] *= left
            if cell in self.held:
                self.held[cell] *= left

    def ramp(self, cell: int, start: float, end: float) -> tuple[float, float]:
        """Server-seconds between two times that a cell's tasks do not take, and that they are too cold to use."""
        begun = self.starts.get(cell)
        untaken = cold = 0.0
        if begun:
            slow = self.settings.slow_start
            lasts, depth = self.warmups.get(cell, (0.0, 0.0))
            longest = max(slow, lasts)
            for holder, since in list(begun.items()):
                if slow:
                    untaken += _triangle(since, slow, start, end)
                if depth:
                    cold += depth * _triangle(since, lasts, start, end)
                if end - since > longest:
                    del begun[holder]
        return untaken, cold

    def unreached(self, cell: int, dt: float) -> float:
        """Server-seconds of new tasks that clients have not come to yet, because they stay where they are."""
        fresh = self.fresh.get(cell, 0.0)
        if fresh <= 0.0:
            return 0.0
        stays = self.settings.stays
        kept = float(np.exp(-dt / stays))
        self.fresh[cell] = fresh * kept if fresh * kept > 1e-3 else 0.0
        return fresh * stays * (1.0 - kept)

    def shares(
        self, cells: list[int], columns: Columns, taking: list[float], dt: float, now: float
    ) -> tuple[list[float], dict[int, float]]:
        """Return the share of the requests that each cell gets, and by zone what finds no target there.

        ``taking`` are the server-seconds that take requests, by cell.
        """
        weights = taking
        if self.settings.algorithm == "least_outstanding_requests":
            weights = [w / _response(columns, i) for w, i in zip(taking, cells, strict=True)]
        nowhere: dict[int, float] = {}
        if self.settings.zones:
            parts = [0.0] * len(cells)
            for zone, share in self._nodes(cells, columns, now, dt).items():
                inside = [n for n, i in enumerate(cells) if columns["zone"][i] == zone]
                total = sum(weights[n] for n in inside)
                if total <= 0.0:
                    if share > 0.0:
                        nowhere[zone] = share
                    continue
                for n in inside:
                    parts[n] = share * weights[n] / total
        else:
            total = sum(weights)
            parts = [w / total for w in weights] if total > 0.0 else [0.0] * len(cells)
        if self.settings.stays and not nowhere:
            parts = self._stay(cells, parts, dt)
        return parts, nowhere

    def _stay(self, cells: list[int], parts: list[float], dt: float) -> list[float]:
        """Clients that have a target keep it for a while; those of a target that is gone are sent anew."""
        held = [self.held.get(i, 0.0) if part > 0.0 else 0.0 for i, part in zip(cells, parts, strict=True)]
        kept = sum(held)
        missing = 1.0 - kept
        held = [h + missing * part for h, part in zip(held, parts, strict=True)]
        pace = dt / self.settings.stays
        left = float(np.exp(-pace))
        average = (1.0 - left) / pace if pace > 0.0 else 1.0
        now = [p + (h - p) * average for h, p in zip(held, parts, strict=True)]
        for i, h, p in zip(cells, held, parts, strict=True):
            self.held[i] = p + (h - p) * left
        return now

    def _nodes(self, cells: list[int], columns: Columns, now: float, dt: float) -> dict[int, float]:
        """The share of the clients at each zone's node: evenly over those in DNS, or by where clients are."""
        settings = self.settings
        zones = settings.zones
        in_dns = {}
        for zone in zones:
            inside = [i for i in cells if columns["zone"][i] == zone]
            healthy = sum(columns["servers"][i] for i in inside)
            needed = max(settings.dns_minimum, 1)
            if healthy < needed:
                since = self.below.setdefault(zone, now - dt)
                in_dns[zone] = _triangle(since, DNS_TTL, now - dt, now) / dt
            else:
                self.below.pop(zone, None)
                in_dns[zone] = 1.0
        if len(self.below) == len(zones):
            in_dns = dict.fromkeys(zones, 1.0)
        even = sum(in_dns.values()) or 1.0
        spread = {zone: share / even for zone, share in in_dns.items()}
        if settings.affinity <= 0.0 or not self.client_zones:
            return spread
        near = {zone: self.client_zones.get(zone, 0.0) * in_dns[zone] for zone in zones}
        rest = 1.0 - settings.affinity * sum(near.values())
        return {zone: settings.affinity * near[zone] + rest * spread[zone] for zone in zones}


def _triangle(since: float, lasts: float, start: float, end: float) -> float:
    """Integral of ``1 - (t - since) / lasts`` over the part of [start, end] in which it is above 0."""
    low, high = max(start, since), min(end, since + lasts)
    if high <= low or math.isinf(since):
        return 0.0
    return (high - low) * (1.0 - ((low + high) / 2.0 - since) / lasts)


def _response(columns: Columns, i: int) -> float:
    """Seconds that a request takes in a cell: unloaded, and behind what waits there."""
    speed = columns["servers"][i] * columns["rate"][i] * columns["cores"][i]
    waits = columns["in_flight"][i] / speed if 0.0 < speed < 1e300 else 0.0
    return float(max(columns["unloaded"][i], waits, 1e-9))
