"""Instances on their way out: DRAINING until their tasks have gone elsewhere, then terminated.

With managed draining an instance that its group lets go stays in ``Terminating:Wait`` and becomes DRAINING
(ASG-043, ASG-045); the group does not count it any more. Without it, its end is abrupt (LIFE-028), unless a
lifecycle hook of the group holds it (ASG-046). The last tasks to leave a DRAINING instance are those of daemons
(AGENT-052).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecssim.engine.kernel import CONTROLLER, WORLD
from ecssim.engine.occupancy import instance_left
from ecssim.world.instances import AutoScalingGroup, Instance
from ecssim.world.states import ACTIVE, DRAINING, SERVICE_SCHEDULER_INITIATED
from ecssim.world.tasks import Task

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


def settled(instance: Instance) -> bool:
    """Whether the instance has registered: before that nobody has looked whether it is empty."""
    return instance.status == ACTIVE or instance.registered_at == instance.registered_at


def may_go(instance: Instance) -> bool:
    """Whether the group may choose the instance when it shrinks (ASG-002, ASG-040).

    With managed termination protection ECS lifts the protection of empty instances; else the group's own setting
    protects all of them or none.
    """
    group = instance.group
    if group.settings.protection:
        return not is_busy(instance) and settled(instance)
    return not group.rules.protected


class Retiring:
    """Lets instances go as their capacity provider says, and finishes what drains."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        #: Until when hooks hold instances that drain.
        self._held: dict[int, float] = {}

    def retire(self, instance: Instance, cause: int, *, replace: bool, longest: float = LONGEST_DRAIN) -> None:
        """The group lets the instance go; with ``replace`` it launches another at once to keep its size.

        Draining lasts ``longest`` seconds at the most.
        """
        engine = self.engine
        group = instance.group
        if instance.retiring or instance.ended or instance.ordinal not in group.instances:
            return
        if group.rules.warm is not None:
            # A smaller group leaves more to the pool (ASG-056), once its new size is known.
            self.kernel.soon(CONTROLLER, self._on_room, group)
        now = self.kernel._now
        drains = group.settings.draining and instance.fleet_ordinal >= 0
        held = engine.states.leaving(instance, cause, drains=drains)
        if not drains and held <= now:
            engine.groups.terminate(instance, cause, replace=replace)
            return
        if instance.fleet_ordinal >= 0:
            instance_left(instance)
        instance.retiring = True
        group.part(instance)
        group.retiring[instance.ordinal] = instance
        if drains:
            self._drain(instance, cause, held, longest)
        else:
            self.kernel.at(held, WORLD, self._on_held, instance, instance.epoch)
        if replace:
            engine.groups.reconcile(group, instance.last_event)

    def _on_room(self, group: AutoScalingGroup, _: int) -> None:
        self.engine.warm_pools.fill(group)

    def _drain(self, instance: Instance, cause: int, held: float, longest: float) -> None:
        """Managed draining is a hook of its own; one of the group's that is abandoned cuts it short (ASG-046)."""
        if held > self.kernel._now:
            self._held[instance.ordinal] = held
            if self.engine.states.gives_up_draining(instance):
                self.kernel.at(held, WORLD, self._on_held, instance, instance.epoch)
        self.kernel.after(longest, self._on_timeout, instance, instance.epoch)
        if instance.status == ACTIVE:
            self.engine.groups.drain(instance, cause)
        else:
            self.left(instance)

    def abandon(self, instance: Instance) -> None:
        """A launch hook ended with ABANDON: the instance ends, and the group tries another (ASG-046)."""
        self.engine.groups.terminate(instance, instance.last_event)

    def on_lifetime(self, what: tuple[Instance, int], _: int) -> None:
        """The instance is as old as its group lets it become: another takes its place."""
        self.retire(what[0], what[0].last_event, replace=True)

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
            at = max(self.kernel._now, self._held.pop(instance.ordinal, 0.0))
            self.kernel.at(at, WORLD, self._on_empty, instance, epoch)

    def _on_empty(self, instance: Instance, epoch: int) -> None:
        if instance.epoch == epoch:
            self.engine.groups.terminate(instance, instance.last_event, replace=False)

    def _on_held(self, instance: Instance, epoch: int) -> None:
        """No hook holds the instance any more."""
        if instance.epoch == epoch:
            self.engine.groups.terminate(instance, instance.last_event, replace=False)

    def _on_timeout(self, instance: Instance, epoch: int) -> None:
        if instance.epoch == epoch:
            self.engine.groups.terminate(instance, instance.last_event, replace=False)
