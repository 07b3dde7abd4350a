"""What ECS does with the Managed Instances that it has: idle ones end, under-used ones are emptied, old ones replaced.

An instance that has been left alone for ``scaleInAfter`` ends if it holds nothing but daemons (CAP-068); if its
service tasks fit on the others of its provider it is drained (CAP-069). Fourteen days after its launch every
instance is drained, and seven days later at the latest it ends (CAP-072, CAP-073).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import nsmallest
from typing import TYPE_CHECKING, Final

from ecssim.engine.kernel import CONTROLLER
from ecssim.engine.retiring import is_busy, of_daemon
from ecssim.world.instances import Instance
from ecssim.world.requests import Resources
from ecssim.world.states import ACTIVE
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.managed_instances import ManagedPool
    from ecssim.engine.simulation import Engine

DAY: Final = 86400.0
#: Age at which an instance is drained, and how long that may take (CAP-072, CAP-073).
LIFE_SPAN: Final = 14 * DAY
LONGEST_DRAIN: Final = 7 * DAY
#: Seconds between two looks for an under-used instance at the least, and how many of the emptiest are tried: bounds
#: on what a large fleet costs, not rules of AWS.
LOOK_SECONDS: Final = 10.0
CANDIDATES: Final = 10
#: ``scaleInAfter`` that switches the optimisation off (CAP-070).
OFF: Final = -1.0


class WatchedTasks(dict[int, Task]):
    """The tasks of a managed instance: tells when one comes or goes, so that plain instances pay nothing for it."""

    __slots__ = ("_changed",)

    def __init__(self, tasks: dict[int, Task], changed: Callable[[], None]) -> None:
        super().__init__(tasks)
        self._changed = changed

    def __setitem__(self, ordinal: int, task: Task) -> None:
        super().__setitem__(ordinal, task)
        self._changed()

    def __delitem__(self, ordinal: int) -> None:
        super().__delitem__(ordinal)
        self._changed()


class Upkeep:
    """Looks after the instances of one provider; ``delay`` is ``scaleInAfter`` in seconds."""

    def __init__(self, engine: Engine, pool: ManagedPool, delay: float) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.pool = pool
        self.delay = delay
        #: When a task last came to or left each instance (or it registered), by ordinal, oldest first.
        self._touched: dict[int, float] = {}
        self._next = float("inf")
        self._looked = float("-inf")

    def launched(self, instance: Instance) -> None:
        """An instance is on its way: watch its tasks, and its age."""
        instance.tasks = WatchedTasks(instance.tasks, lambda: self.touched(instance))
        self.kernel.at(instance.launched_at + LIFE_SPAN, CONTROLLER, self._on_old, instance, instance.epoch)

    def touched(self, instance: Instance) -> None:
        """A task came or went, or the instance registered: its time begins anew (CAP-068, CAP-069)."""
        if self.delay == OFF:
            return
        now = self.kernel._now
        self._touched.pop(instance.ordinal, None)
        self._touched[instance.ordinal] = now
        if not is_busy(instance):
            self.kernel.at(now + self.delay, CONTROLLER, self._on_idle, (instance, now))
        self._arm(now + self.delay)

    def gone(self, instance: Instance) -> None:
        """The instance has ended; the next one may be drained now."""
        if self._touched.pop(instance.ordinal, None) is not None and self.delay != OFF:
            self._arm(self.kernel._now)

    # -- idle -------------------------------------------------------------------------------------------------

    def _on_idle(self, what: tuple[Instance, float], _: int) -> None:
        """An instance has been without tasks, daemons aside, for its time: DEREGISTERING and terminated (CAP-068)."""
        instance, since = what
        if self._touched.get(instance.ordinal) != since or instance.status != ACTIVE or instance.retiring:
            return
        if not is_busy(instance):
            event = self._note("TerminateInstances", instance, "it is idle")
            self.engine.groups.terminate(instance, event, replace=False)

    # -- under-used -------------------------------------------------------------------------------------------

    def _arm(self, at: float) -> None:
        at = max(at, self._looked + LOOK_SECONDS)
        if at < self._next:
            self._next = at
            self.kernel.at(at, CONTROLLER, self._on_look, None)

    def _on_look(self, _: None, __: int) -> None:
        """Look at the instances that have been left alone for long enough."""
        now = self.kernel._now
        if now < self._next:
            return
        self._next, self._looked = float("inf"), now
        instances = self.engine.world.instances
        due = []
        for ordinal, t in self._touched.items():
            if t + self.delay > now:
                self._arm(t + self.delay)
                break
            instance = instances[ordinal]
            if instance.status == ACTIVE and not instance.retiring and is_busy(instance):
                due.append(instance)
        self._consolidate(due)

    def _consolidate(self, due: list[Instance]) -> None:
        """Drain the instance with the fewest tasks whose tasks fit on the others; one at a time (CAP-069)."""
        pool = self.pool
        if pool.group.retiring or self.engine.waiting.count(pool.group.provider_code):
            return
        if not due:
            return
        others = [i for i in pool.group.instances.values() if i.status == ACTIVE]
        fleet = pool.group.cluster.fleet
        left = {i.ordinal: fleet.remaining(i.fleet_ordinal) for i in others}
        for instance in nsmallest(CANDIDATES, due, key=lambda i: (len(i.tasks), i.ordinal)):
            if self._fits_elsewhere(instance, others, left):
                self.retire(instance, "its tasks fit on the others")
                return

    def _fits_elsewhere(self, instance: Instance, others: list[Instance], left: Mapping[int, Resources]) -> bool:
        """Whether all service tasks of the instance fit on other ACTIVE ones, in their own zone if they are spread.

        Standalone and protected tasks keep an instance (CAP-069).
        """
        fleet = self.pool.group.cluster.fleet
        taken: dict[int, Resources] = {}
        tasks = [t for t in instance.tasks.values() if not of_daemon(t)]
        for task in sorted(tasks, key=lambda t: (-t.template.cpu, -t.template.memory, t.ordinal)):
            if task.deployment is None:
                return False
            if task.protected_until > self.kernel._now:
                self._arm(task.protected_until)
                return False
            request = task.template.requests[task.provider]
            spread = len(task.template.zones) > 1
            for other in others:
                if other is instance or (spread and other.zone != instance.zone):
                    continue
                room = taken.get(other.ordinal) or left[other.ordinal]
                if (
                    room.cpu >= request.cpu
                    and room.memory >= request.memory
                    and room.gpus >= request.gpus
                    and room.eni_slots >= int(request.eni)
                    and fleet.fits(other.fleet_ordinal, request, task.owner.group)
                ):
                    taken[other.ordinal] = Resources(
                        room.cpu - request.cpu,
                        room.memory - request.memory,
                        room.gpus - request.gpus,
                        room.eni_slots - int(request.eni),
                    )
                    break
            else:
                return False
        return True

    def retire(self, instance: Instance, why: str) -> None:
        """DRAINING: its service tasks are replaced within their services' limits, then it ends (CAP-069, CAP-073)."""
        event = self._note("DrainInstance", instance, why)
        self.engine.retiring.retire(instance, event, replace=False, longest=LONGEST_DRAIN)

    def _on_old(self, instance: Instance, _: int) -> None:
        """Fourteen days after its launch (CAP-072)."""
        if not instance.ended and not instance.retiring:
            self.retire(instance, "it is 14 days old")

    def _note(self, action: str, instance: Instance, why: str) -> int:
        return self.engine.calls.note("ecs", action, f"{self.pool.group.name}: {instance.id}, {why}")
