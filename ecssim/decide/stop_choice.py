"""Which tasks of a service stop when it has too many (PLACE-070..PLACE-073)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ecssim.decide.own_strategy import CUSTOM
from ecssim.decide.placement import SERVICE_DEFAULT, Strategy, StrategyItem
from ecssim.world.requests import ZONE_ATTRIBUTE

NO_ATTRIBUTES: Final[Mapping[str, str | None]] = MappingProxyType({})


class RunningTask(NamedTuple):
    """One task of the service with desired status RUNNING, as the choice sees it.

    ``instance`` is its container instance (-1 on Fargate); ``cpu`` and ``memory`` are its own size in CPU
    units and MiB, ``left_cpu`` and ``left_memory`` what its instance has left beside it. ``running`` is false
    before last status RUNNING; ``healthy`` is false for UNHEALTHY only. ``created_at`` is in seconds.
    """

    ordinal: int
    zone: str
    instance: int = -1
    running: bool = True
    healthy: bool = True
    created_at: float = 0.0
    protected: bool = False
    cpu: int = 0
    memory: int = 0
    left_cpu: int = 0
    left_memory: int = 0
    attributes: Mapping[str, str | None] = NO_ATTRIBUTES


def choose_to_stop(
    tasks: Iterable[RunningTask],
    count: int,
    strategy: Strategy = (),
    draws: Sequence[float] | None = None,
) -> tuple[int, ...]:
    """Return the ordinals of up to ``count`` tasks to stop, in the order in which to stop them.

    Protected tasks are never among them; tasks that do not serve (not yet RUNNING, UNHEALTHY) go before the
    others (PLACE-072). Without strategies: the fullest zone, in it the fullest instance (PLACE-070). With
    strategies, in their order: ``spread`` thins the value group with the most tasks, ``binpack`` frees the
    instance with the most left after the stop, ``random`` draws (PLACE-071). What is left tied goes to the
    oldest task, or to ``draws[k]`` for stop number k, uniform in [0, 1), where draws are given (PLACE-073).

    Counts include protected tasks: they are where they are. Raises ValueError where ``random`` has no draw.
    """
    # A user's own strategy says where tasks go, not which of them leave.
    kinds = [item for item in strategy if item.type != CUSTOM] or list(SERVICE_DEFAULT)
    # The oldest first: what is left tied is then in the order of PLACE-073.
    everyone = sorted(tasks, key=lambda task: (task.created_at, task.ordinal))
    choosable = [task for task in everyone if not task.protected]
    stops = min(count, len(choosable))
    scores: list[_Crowd | _Room] = []
    for item in kinds:
        if item.type == "random":
            if draws is None and stops > 0:
                raise ValueError("a random choice needs a draw for every stop")
            break
        scores.append(_Room(choosable, item) if item.type == "binpack" else _Crowd(choosable, everyone, item))
    serving = np.fromiter((task.running and task.healthy for task in choosable), np.bool_, len(choosable))
    left, idle = np.ones(len(choosable), np.bool_), int(np.count_nonzero(~serving))
    chosen = []
    for number in range(stops):
        # Tasks that serve nobody go first, then all others (PLACE-072).
        best = np.flatnonzero(left & ~serving if number < idle else left)
        for score in scores:
            points = score.of(best)
            best = best[points == points.max()]
        i = int(best[0] if draws is None else best[int(draws[number] * len(best))])
        chosen.append(choosable[i].ordinal)
        left[i] = False
        for score in scores:
            score.stopped(i)
    return tuple(chosen)


class _Crowd:
    """``spread``: how many tasks are in the value group of each task."""

    def __init__(self, choosable: list[RunningTask], everyone: list[RunningTask], item: StrategyItem) -> None:
        numbers: dict[str, int] = {}
        groups = [numbers.setdefault(_value(task, item.field), len(numbers)) for task in everyone]
        self._tasks = np.bincount(np.array(groups, np.int64), minlength=1)
        mine = (group for task, group in zip(everyone, groups, strict=True) if not task.protected)
        self._group = np.fromiter(mine, np.int64, len(choosable))

    def of(self, some: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._tasks[self._group[some]]

    def stopped(self, i: int) -> None:
        self._tasks[self._group[i]] -= 1


class _Room:
    """``binpack``: what the instance of each task has left after its stop, with what the stops before it freed."""

    def __init__(self, choosable: list[RunningTask], item: StrategyItem) -> None:
        cpu = item.field.lower() == "cpu"
        numbers: dict[int, int] = {}
        instances = (numbers.setdefault(task.instance, len(numbers)) for task in choosable)
        self._instance = np.fromiter(instances, np.int64, len(choosable))
        self._own = np.array([task.cpu if cpu else task.memory for task in choosable], np.int64)
        self._after = self._own + np.array([task.left_cpu if cpu else task.left_memory for task in choosable], np.int64)
        self._freed = np.zeros(len(numbers), np.int64)

    def of(self, some: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._after[some] + self._freed[self._instance[some]]

    def stopped(self, i: int) -> None:
        self._freed[self._instance[i]] += self._own[i]


def _value(task: RunningTask, spread_field: str) -> str:
    """Return the value group of the task; '' collects those without the attribute (PLACE-025)."""
    if spread_field in ("instanceId", "host"):
        return str(task.instance)
    name = spread_field.removeprefix("attribute:")
    return task.zone if name == ZONE_ATTRIBUTE else task.attributes.get(name) or ""
