"""Instances on their way out: DRAINING until their tasks have gone elsewhere, then terminated.

With managed draining an instance that its group lets go stays in ``Terminating:Wait`` and becomes DRAINING
(ASG-043, ASG-045); the group does not count it any more. Without it, its end is abrupt (LIFE-028). The last
tasks to leave a DRAINING instance are those of daemons (AGENT-052).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecssim.engine.kernel import CONTROLLER, WORLD
from ecssim.engine.occupancy import instance_left
from ecssim.world.entities import Instance, Task
from ecssim.world.states import ACTIVE, DRAINING, SERVICE_SCHEDULER_INITIATED

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Seconds after which a lifecycle hook of managed draining lets the instance go, tasks or not (ASG-043).
LONGEST_DRAIN: Final = 48 * 3600.0


def of_daemon(task: Task) -> bool:
    """Whether the task belongs to a daemon service: such a task does not make an instance busy (ASG-014)."""
    return task.deployment is not None and task.deployment.service.daemon


def is_busy(instance: Instance) -> bool:
    """Whether a task other than a daemon's is on the instance (ASG-040)."""
    return any(not of_daemon(task) for task in instance.tasks.values())


class Retiring:
    """Lets instances go as their capacity provider says, and finishes what drains."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel

    def retire(self, instance: Instance, cause: int, *, replace: bool, longest: float = LONGEST_DRAIN) -> None:
        """The group lets the instance go; with ``replace`` it launches another at once to keep its size.

        Draining lasts ``longest`` seconds at the most.
        """
        engine = self.engine
        group = instance.group
        if instance.retiring or instance.ended:
            return
        if not group.settings.draining or instance.fleet_ordinal < 0:
            engine.groups.terminate(instance, cause, replace=replace)
            return
        instance_left(instance)
        instance.retiring = True
        del group.instances[instance.ordinal]
        group.retiring[instance.ordinal] = instance
        group.zone_counts[instance.zone] -= 1
        self.kernel.after(longest, self._on_timeout, instance, instance.epoch)
        if instance.status == ACTIVE:
            engine.groups.drain(instance, cause)
        else:
            self.left(instance)
        if replace:
            engine.groups.reconcile(group, instance.last_event)

    def left(self, instance: Instance) -> None:
        """A task left a DRAINING instance, or it has just become one: see later in this instant what remains."""
        self.kernel.at(self.kernel._now, CONTROLLER, self._on_left, instance, instance.epoch)

    def _on_left(self, instance: Instance, epoch: int) -> None:
        if instance.epoch != epoch or instance.status != DRAINING or is_busy(instance):
            return
        if instance.tasks:
            reason = "Task stopped: its container instance is DRAINING"
            for task in [t for t in instance.tasks.values() if t.running]:
                self.engine.lifecycle.stop(task, SERVICE_SCHEDULER_INITIATED, reason, instance.last_event)
        elif instance.retiring:
            self.kernel.at(self.kernel._now, WORLD, self._on_empty, instance, epoch)

    def _on_empty(self, instance: Instance, epoch: int) -> None:
        if instance.epoch == epoch:
            self.engine.groups.terminate(instance, instance.last_event, replace=False)

    def _on_timeout(self, instance: Instance, epoch: int) -> None:
        if instance.epoch == epoch:
            self.engine.groups.terminate(instance, instance.last_event, replace=False)
