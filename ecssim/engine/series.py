"""Metrics that are worked out from others: metric math, custom metrics, Container Insights, those of clusters.

Each is a *series* with a number and one value a minute, which alarms and policies look at like any other metric
(column :data:`ecssim.engine.metric_history.SERIES`). Series with the same expression over the same quantities are
one vector: a thousand services with the same metric math cost one evaluation a minute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ecssim.aws.metric_math import Node, name
from ecssim.decide.metric_math import evaluate_quietly
from ecssim.engine.cluster_metrics import cluster_percent
from ecssim.engine.flow_metrics import RESPONSE_COLUMNS
from ecssim.world.places import Cluster

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: The quantity of a leaf that is another series.
OTHER: Final = "series"
#: What the variables of a group are called, in the order of their use.
_VARIABLES: Final = tuple(f"v{i}" for i in range(200))


class Leaf(NamedTuple):
    """What a variable stands for: a quantity of the service with this ordinal, or another series by number."""

    quantity: str
    ordinal: int


@dataclass(slots=True)
class _Group:
    """Series with one expression over the same quantities: ``columns[i]`` are the ordinals of variable ``i``."""

    node: Node
    quantities: tuple[str, ...]
    slots: list[int] = field(default_factory=list)
    columns: list[list[int]] = field(default_factory=list)
    packed: tuple[Ints, tuple[Ints, ...], int] | None = None
    before: dict[str, Floats] = field(default_factory=dict)


class Series:
    """All series of the run, evaluated at every minute from the figures of that minute."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.count = 0
        #: Seconds from the end of a minute until a series' point is there, by its number.
        self.delays: list[float] = []
        #: The custom metrics of the scenario: namespace, name and dimensions to number.
        self.custom: dict[tuple[str, str, frozenset[tuple[str, str]]], int] = {}
        self._depths: list[int] = []
        self._groups: dict[tuple[int, str, tuple[str, ...]], _Group] = {}
        self._known: dict[tuple[str, tuple[Leaf, ...], float], int] = {}
        self._clusters: dict[tuple[int, str], int] = {}

    def _slot(self, delay: float, depth: int) -> int:
        self.delays.append(delay)
        self._depths.append(depth)
        self.count += 1
        return self.count - 1

    def add(self, node: Node, leaves: Mapping[str, Leaf], delay: float) -> int:
        """Return the number of the series that ``node`` gives; one that is there already is used again."""
        used = [v for v in dict.fromkeys(node.names()) if v in leaves]
        plain = {v: name(_VARIABLES[i]) for i, v in enumerate(used)}
        shape = node.replaced(plain)
        bound = tuple(leaves[v] for v in used)
        key = (shape.text(), bound, delay)
        known = self._known.get(key)
        if known is not None:
            return known
        depth = 1 + max((self._depths[leaf.ordinal] for leaf in bound if leaf.quantity == OTHER), default=0)
        slot = self._known[key] = self._slot(delay, depth)
        quantities = tuple(leaf.quantity for leaf in bound)
        group = self._groups.get((depth, key[0], quantities))
        if group is None:
            group = self._groups[depth, key[0], quantities] = _Group(shape, quantities, [], [[] for _ in bound])
            self._groups = dict(sorted(self._groups.items(), key=lambda item: item[0][0]))
        group.slots.append(slot)
        for column, leaf in zip(group.columns, bound, strict=True):
            column.append(leaf.ordinal)
        group.packed = None
        group.before.clear()
        if not self.engine.metrics.responses and any(q in RESPONSE_COLUMNS for q in quantities):
            self.engine.metrics.responses = True
        return slot

    def of_cluster(self, cluster: Cluster, metric: str, delay: float) -> int:
        """Return the number of a metric of a cluster's instances (ALARM-025, ALARM-026)."""
        key = (cluster.ordinal, metric)
        if key not in self._clusters:
            self._clusters[key] = self._slot(delay, 0)
        return self._clusters[key]

    def follow(self, old: int, new: int) -> None:
        """Look at another service (ordinals) where one was looked at that is gone."""

        def moved(leaf: Leaf) -> Leaf:
            return Leaf(leaf.quantity, new) if leaf.quantity != OTHER and leaf.ordinal == old else leaf

        self._known = {(t, tuple(map(moved, bound)), d): n for (t, bound, d), n in self._known.items()}
        for group in self._groups.values():
            for quantity, column in zip(group.quantities, group.columns, strict=True):
                column[:] = [moved(Leaf(quantity, ordinal)).ordinal for ordinal in column]
            group.packed = None
            group.before.clear()

    def tick(self) -> Floats | None:
        """Return the values of the minute whose figures are out, by number of the series; None if there is none."""
        if not self.count:
            return None
        values = np.full(self.count, np.nan)
        shares: dict[int, dict[str, float]] = {}
        for (ordinal, metric), slot in self._clusters.items():
            if ordinal not in shares:
                shares[ordinal] = cluster_percent(self.engine, self.engine.world.clusters[ordinal], self.quantity)
            values[slot] = shares[ordinal][metric]
        figures: dict[str, Floats] = {OTHER: values}
        with np.errstate(all="ignore"):
            for group in self._groups.values():
                slots, columns, most = _packed(group)
                given: dict[str, Floats] = {}
                for i, quantity in enumerate(group.quantities):
                    if quantity not in figures:
                        figures[quantity] = self.quantity(quantity)
                    source = figures[quantity]
                    if most >= len(source):
                        # A service that came within this very minute has no figures yet.
                        source = np.concatenate([source, np.full(most + 1 - len(source), np.nan)])
                    given[_VARIABLES[i]] = source[columns[i]]
                values[slots] = evaluate_quietly(group.node, given, group.before)
        return values

    def quantity(self, quantity: str) -> Floats:
        """Return one quantity of the minute by service ordinal."""
        metrics = self.engine.metrics
        known = metrics.latest.get(quantity)
        return known if known is not None else metrics.quantity(quantity)


def _packed(group: _Group) -> tuple[Ints, tuple[Ints, ...], int]:
    """The numbers of the group's series, the ordinals behind each variable, and the largest of these."""
    if group.packed is None:
        columns = tuple(np.array(column, dtype=np.int64) for column in group.columns)
        most = max((max(column) for column in group.columns), default=-1)
        group.packed = np.array(group.slots, dtype=np.int64), columns, most
    return group.packed
