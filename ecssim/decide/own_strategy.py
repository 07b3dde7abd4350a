"""Users' own placement strategies: what their function is given, and how its scores narrow the choice.

A strategy is a function of a task and of the instances that could take it, as columns; it returns one score for each
instance, and the lowest wins. What it leaves tied goes to the next strategy of the list, like AWS's own (PLACE-024).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ecssim.errors import BadInput, Problem
from ecssim.world.requests import ZONE_ATTRIBUTE, Request, Resources
from ecssim.world.views import FleetView

Ints = npt.NDArray[np.int64]

#: The ``type`` of a strategy that is a user's own; AWS has no such type.
CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class TaskToPlace:
    """The task that wants an instance.

    ``cpu`` in CPU units, ``memory`` in MiB, whole ``gpus``, ``eni`` whether it needs an interface of its own. ``draw``
    is uniform in [0, 1) and the launch's own: the only luck that a strategy may use.
    """

    cpu: int
    memory: int
    gpus: int
    eni: bool
    draw: float


class Instances:
    """The instances that could take the task, as columns in the order of their registration.

    Columns are read from the cluster when they are first asked for, and are good for this one call.
    """

    def __init__(self, view: FleetView, ordinals: list[int], group: int) -> None:
        self._view, self._ordinals, self._group = view, ordinals, group

    def __len__(self) -> int:
        return len(self._ordinals)

    @cached_property
    def _left(self) -> Ints:
        return _table([self._view.remaining(ordinal) for ordinal in self._ordinals])

    @cached_property
    def _registered(self) -> Ints:
        return _table([self._view.registered(ordinal) for ordinal in self._ordinals])

    @property
    def cpu(self) -> Ints:
        """CPU units left."""
        return self._left[:, 0]

    @property
    def memory(self) -> Ints:
        """MiB left."""
        return self._left[:, 1]

    @property
    def gpus(self) -> Ints:
        """GPUs left."""
        return self._left[:, 2]

    @property
    def enis(self) -> Ints:
        """Slots for interfaces of awsvpc tasks left."""
        return self._left[:, 3]

    @property
    def registered_cpu(self) -> Ints:
        """CPU units registered."""
        return self._registered[:, 0]

    @property
    def registered_memory(self) -> Ints:
        """MiB registered."""
        return self._registered[:, 1]

    @property
    def registered_gpus(self) -> Ints:
        """GPUs registered."""
        return self._registered[:, 2]

    @property
    def registered_enis(self) -> Ints:
        """Slots for interfaces registered."""
        return self._registered[:, 3]

    @cached_property
    def group_tasks(self) -> Ints:
        """Tasks of the same service or task group on the instance (PLACE-026)."""
        counts = [self._view.group_count(self._group, ordinal) for ordinal in self._ordinals]
        return np.array(counts, np.int64)

    @cached_property
    def zone_tasks(self) -> Ints:
        """Tasks of the same service or task group in the instance's zone."""
        return self.tasks_by(ZONE_ATTRIBUTE)

    @cached_property
    def zone(self) -> npt.NDArray[np.str_]:
        """Availability Zones."""
        return self.attribute(ZONE_ATTRIBUTE)

    def attribute(self, name: str) -> npt.NDArray[np.str_]:
        """Values of an attribute such as ``ecs.instance-type``; empty where an instance does not have it."""
        return np.array([self._view.spread_value(ordinal, name) for ordinal in self._ordinals], np.str_)

    def tasks_by(self, name: str) -> Ints:
        """Tasks of the same group on all instances with the same value of an attribute."""
        counts: Mapping[str, int] = self._view.spread_counts(name, self._group)
        values = [self._view.spread_value(ordinal, name) for ordinal in self._ordinals]
        return np.array([counts.get(value, 0) for value in values], np.int64)


def _table(rows: list[Resources]) -> Ints:
    return np.array(rows, np.int64).reshape(len(rows), 4)


#: What a user writes. The annotations of it may be anything; what it returns is checked at every call.
Score = Callable[[TaskToPlace, Instances], Any]


class OwnField(str):
    """The field of a ``custom`` strategy: the name that the user wrote, and the function that it means."""

    score: Score

    def __new__(cls, name: str, score: Score) -> OwnField:
        """Bind a name to its function; equality and tables go by the name."""
        made = super().__new__(cls, name)
        made.score = score
        return made


def best(view: FleetView, ordinals: list[int], name: OwnField, request: Request, group: int, u: float) -> list[int]:
    """Return the ordinals with the lowest score, in registration order.

    Raises ``BadInput`` where the function fails or does not return one real number for each instance.
    """
    task = TaskToPlace(request.cpu, request.memory, request.gpus, request.eni, u)
    scores = scored(name, name.score, task, Instances(view, ordinals, group))
    return [ordinals[i] for i in np.flatnonzero(scores == scores.min()).tolist()]


def scored(name: str, score: Score, task: TaskToPlace, instances: Instances) -> npt.NDArray[np.float64]:
    """Call the function and hold what it returns to the contract."""
    try:
        scores = np.asarray(score(task, instances), np.float64)
    except Exception as error:
        raise _wrong(name, f"it raised {type(error).__name__}: {error}") from error
    if scores.shape != (len(instances),):
        shape = f"{len(scores)} scores" if scores.ndim == 1 else f"an array of shape {scores.shape}"
        raise _wrong(name, f"it returned {shape} for {len(instances)} instances")
    if np.isnan(scores).any():
        raise _wrong(name, "it returned NaN for an instance")
    return scores


def _wrong(name: str, what: str) -> BadInput:
    return BadInput([Problem("placementStrategy", 0, 0, f"placement strategy {str(name)!r}: {what}", rule="PLACE-020")])
