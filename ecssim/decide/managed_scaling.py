"""Cluster auto scaling of one capacity provider: how full its group is, and how many instances it should have.

Pure integer arithmetic. Each minute the engine measures the group (instances, busy instances, waiting tasks by
shape); :func:`reserve` makes CapacityProviderReservation of it, :func:`evaluate` moves the two CloudWatch
alarms, and :func:`scale_out` and :func:`scale_in_step` say what follows. ``targetCapacity`` is percent, sizes
are CPU units, MiB, GPUs and awsvpc tasks, times seconds. Implements ASG-010 to ASG-021, ASG-030 to ASG-038.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

#: Datapoints of one minute below the target before the low alarm fires (ASG-031).
LOW_POINTS: Final = 15
#: Instances that a group gets first when it has none, whatever the need (ASG-033).
FROM_ZERO: Final = 2

Combination = Literal["max", "sum"]


@dataclass(frozen=True, slots=True)
class ScalingPolicy:
    """``managedScaling`` of one provider with its defaults (ASG-001).

    ``combination`` is the model option ``groupCombination``: how the needs of several task shapes make one
    number (ASG-019).
    """

    target_capacity: int = 100
    minimum_step: int = 1
    maximum_step: int = 10000
    warmup: float = 300.0
    combination: Combination = "max"


class Need(NamedTuple):
    """What one waiting task asks of an instance; equal needs are one task group (ASG-015).

    ``ports`` are the host ports that it holds, ``alone`` is distinctInstance: of either, one task of the group
    fits on an instance (the one constraint that AWS recommends beside managed scaling: ASG-023).
    """

    cpu: int
    memory: int
    gpus: int = 0
    eni: bool = False
    ports: tuple[tuple[str, int], ...] = ()
    alone: bool = False


class Size(NamedTuple):
    """What an instance type registers."""

    cpu: int
    memory: int
    gpus: int
    eni_slots: int


class Extremes(NamedTuple):
    """The smallest and the largest value of each dimension over a group's types (ASG-016)."""

    smallest: Size
    largest: Size


def extremes(sizes: Iterable[Size]) -> Extremes:
    """Sort the types of a group per dimension: the values may come from different types (ASG-016)."""
    columns = list(zip(*sizes, strict=True))
    return Extremes(Size(*(min(c) for c in columns)), Size(*(max(c) for c in columns)))


def per_instance(need: Need, size: Size) -> int:
    """Return how many tasks of ``need`` an empty instance of ``size`` holds (ASG-018)."""
    rooms = []
    if need.cpu:
        rooms.append(size.cpu // need.cpu)
    if need.memory:
        rooms.append(size.memory // need.memory)
    if need.gpus:
        rooms.append(size.gpus // need.gpus)
    if need.eni:
        rooms.append(size.eni_slots)
    if need.ports or need.alone:
        rooms.append(1)
    return min(rooms, default=1)


class Reservation(NamedTuple):
    """One minute's CapacityProviderReservation: ``percent`` is ``numerator / denominator`` exactly.

    ``needed`` is M, ``instances`` is N (ASG-010).
    """

    needed: int
    instances: int
    numerator: int
    denominator: int = 1

    @property
    def percent(self) -> float:
        """The published value."""
        return self.numerator / self.denominator

    def against(self, target: int) -> int:
        """Compare with a target in percent, exactly: -1 below, 0 at it, 1 above."""
        left, right = self.numerator, target * self.denominator
        return (left > right) - (left < right)


class TaskGroup(NamedTuple):
    """What one task group has to do with the lower bound: ``tasks`` that wait, ``each`` on an empty instance of
    the largest values, so many ``instances``. ``lacks`` names what of the smallest values is too small for one
    task: such a group is left out and has no instances (ASG-017).
    """

    need: Need
    tasks: int
    each: int
    instances: int
    lacks: str = ""


class Measure(NamedTuple):
    """One minute's reservation with all that it was made of (ASG-010, ASG-015 to ASG-020).

    ``lower_bound`` is n, ``step`` what is added to N; both are 0 when nothing that fits waits.
    """

    reservation: Reservation
    groups: tuple[TaskGroup, ...] = ()
    lower_bound: int = 0
    step: int = 0


def lacking(need: Need, size: Size) -> str:
    """Return what of an empty instance of ``size`` is too small for one task of ``need``; empty if it fits."""
    for name, wanted, there in (
        ("CPU", need.cpu, size.cpu),
        ("memory", need.memory, size.memory),
        ("GPU", need.gpus, size.gpus),
        ("ENI slots", int(need.eni), size.eni_slots),
    ):
        if wanted > there:
            return name
    return ""


def measure(instances: int, busy: int, waiting: Mapping[Need, int], sizes: Extremes, policy: ScalingPolicy) -> Measure:
    """Measure a group with ``instances`` running, ``busy`` of them with non-daemon tasks.

    Nothing waits: M is the busy ones (ASG-013, ASG-014). Tasks wait: M is N and one step more (ASG-020), the
    step from a bin-pack count on the largest values (ASG-018) over the task groups that fit the smallest
    (ASG-017). If none of those fits, the value stays at the target. Without instances it is 100 or 200
    (ASG-011); it has no upper bound otherwise (ASG-012).
    """
    groups = tuple(_task_group(need, count, sizes) for need, count in waiting.items() if count)
    counts = [group.instances for group in groups if not group.lacks]
    if not counts:
        at_target = Reservation(busy, instances, policy.target_capacity)
        return Measure(at_target if groups else _ratio(busy, instances), groups)
    lower_bound = max(counts) if policy.combination == "max" else sum(counts)
    step = min(max(lower_bound, policy.minimum_step), policy.maximum_step)
    return Measure(_ratio(instances + step, instances), groups, lower_bound, step)


def _task_group(need: Need, tasks: int, sizes: Extremes) -> TaskGroup:
    each = per_instance(need, sizes.largest)
    lacks = lacking(need, sizes.smallest)
    return TaskGroup(need, tasks, each, 0 if lacks else -(-tasks // each), lacks)


def reserve(
    instances: int, busy: int, waiting: Mapping[Need, int], sizes: Extremes, policy: ScalingPolicy
) -> Reservation:
    """Return the reservation alone (:func:`measure`)."""
    return measure(instances, busy, waiting, sizes, policy).reservation


def _ratio(needed: int, instances: int) -> Reservation:
    if instances == 0:
        return Reservation(needed, 0, 200 if needed else 100)
    return Reservation(needed, instances, 100 * needed, instances)


def right_size(needed: int, policy: ScalingPolicy) -> int:
    """Return the instances at which ``needed`` of them are the target: ceil(100 x M / target) (ASG-037)."""
    return -(-100 * needed // policy.target_capacity)


def scale_out(reservation: Reservation, policy: ScalingPolicy) -> int:
    """Return the desired capacity that the high alarm asks for, unclamped (ASG-032); from zero it is 2 (ASG-033)."""
    if reservation.instances == 0:
        return FROM_ZERO
    return right_size(reservation.needed, policy)


def scale_in_step(reservation: Reservation, policy: ScalingPolicy) -> int:
    """Return how many instances to remove in one minute of the low alarm (ASG-035).

    At least one, less than half of the group (a group of two gives one), and never below the right size.
    """
    n = reservation.instances
    pace = max(1, (n + 1) // 2 - 1)
    return max(0, min(n - right_size(reservation.needed, policy), pace))


def warming_up(now: float, launched: Iterable[float], policy: ScalingPolicy) -> bool:
    """Whether an instance is younger than the warm-up, which forbids another scale-out (ASG-034)."""
    return any(now - t < policy.warmup for t in launched)


class Alarms(NamedTuple):
    """The state of a provider's two alarms: high after 1 of 1 points above, low after 15 of 15 points below.

    ``low_points`` counts the newest points below the target without a gap (ASG-030, ASG-031).
    """

    high: bool = False
    low_points: int = 0

    @property
    def low(self) -> bool:
        """Whether the low alarm is in ALARM."""
        return self.low_points >= LOW_POINTS


def evaluate(alarms: Alarms, against_target: int) -> Alarms:
    """Return the alarms after one more datapoint; one at or above the target starts the 15 anew (ASG-036)."""
    if against_target < 0:
        return Alarms(False, min(LOW_POINTS, alarms.low_points + 1))
    return Alarms(against_target > 0, 0)
