"""Which tasks of a service stop when it has too many (PLACE-070..PLACE-073)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ecssim.decide.own_strategy import CUSTOM
from ecssim.decide.placement import SERVICE_DEFAULT, Strategy, StrategyItem
from ecssim.world.requests import ZONE_ATTRIBUTE


@dataclass(frozen=True, slots=True)
class RunningTask:
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
    attributes: Mapping[str, str | None] = field(default_factory=dict)


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
    kinds = [item for item in strategy if item.type != CUSTOM]
    everyone = list(tasks)
    choosable = [task for task in everyone if not task.protected]
    freed = _Freed()
    chosen = []
    for number in range(min(count, len(choosable))):
        best = _worst_serving(choosable)
        for item in kinds or SERVICE_DEFAULT:
            if item.type == "random":
                if draws is None:
                    raise ValueError("a random choice needs a draw for every stop")
                break
            best = _narrow(best, everyone, item, freed)
        best.sort(key=lambda task: (task.created_at, task.ordinal))
        task = best[0] if draws is None else best[int(draws[number] * len(best))]
        chosen.append(task.ordinal)
        everyone.remove(task)
        choosable.remove(task)
        freed.add(task)
    return tuple(chosen)


class _Freed:
    """What the stops chosen so far give back to their instances."""

    def __init__(self) -> None:
        self.cpu: Counter[int] = Counter()
        self.memory: Counter[int] = Counter()

    def add(self, task: RunningTask) -> None:
        self.cpu[task.instance] += task.cpu
        self.memory[task.instance] += task.memory


def _worst_serving(tasks: list[RunningTask]) -> list[RunningTask]:
    """Return the tasks that serve nobody, all of them if there are none such (PLACE-072)."""
    return [task for task in tasks if not (task.running and task.healthy)] or list(tasks)


def _narrow(
    tasks: list[RunningTask], everyone: list[RunningTask], item: StrategyItem, freed: _Freed
) -> list[RunningTask]:
    score: Callable[[RunningTask], int]
    if item.type == "binpack":
        if item.field.lower() == "cpu":

            def score(task: RunningTask) -> int:
                return task.left_cpu + freed.cpu[task.instance] + task.cpu
        else:

            def score(task: RunningTask) -> int:
                return task.left_memory + freed.memory[task.instance] + task.memory
    else:
        counts = Counter(_value(task, item.field) for task in everyone)

        def score(task: RunningTask) -> int:
            return counts[_value(task, item.field)]

    scores = [score(task) for task in tasks]
    most = max(scores)
    return [task for task, points in zip(tasks, scores, strict=True) if points == most]


def _value(task: RunningTask, spread_field: str) -> str:
    """Return the value group of the task; '' collects those without the attribute (PLACE-025)."""
    if spread_field in ("instanceId", "host"):
        return str(task.instance)
    name = spread_field.removeprefix("attribute:")
    return task.zone if name == ZONE_ATTRIBUTE else task.attributes.get(name) or ""
