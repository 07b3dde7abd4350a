"""The end of single containers: exits, restarts, and the reverse order in which a task stops (LIFE-052 to LIFE-069).

A part of :mod:`ecssim.engine.containers`: what a container does from its start on until it is STOPPED.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from ecssim.aws.reasons import error_name
from ecssim.decide.containers import may_stop, restarts
from ecssim.decide.lifecycle import CONTAINERS_STOPPED
from ecssim.engine.timing import STOP
from ecssim.world.containers import RUNNING, STOPPED, Container
from ecssim.world.states import ESSENTIAL_CONTAINER_EXITED, SPOT_INTERRUPTION, STOPPING
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.containers import Containers
    from ecssim.engine.simulation import Engine

#: Why a task ends when an essential container has (LIFE-027).
EXITED: Final = "Essential container in task exited"
#: Exit code of a process that was killed, and of one that ended at its stop signal.
KILLED: Final = 137
ENDED: Final = 0
#: Seconds from the notice to the end of a Fargate Spot task, whatever its containers still do (SPOT-001).
SPOT_NOTICE: Final = 120.0


class ContainerEnds:
    """Ends containers, one by one, and their task with the last of them."""

    def __init__(self, engine: Engine, containers: Containers) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.containers = containers

    def on_end(self, container: Container, epoch: int) -> None:
        """The process ends by itself, with the code that is its own."""
        if container.waits(epoch):
            self._exited(container, container.ends_with, 0)

    def crash(self, task: Task, cause: int, reason: str = EXITED) -> None:
        """Something made the process of the main container exit (a fault, or too much memory: AGENT-046)."""
        container = (task.containers or ())[self.containers.main(task)]
        if container.status == RUNNING:
            container.reason = reason if reason != EXITED else container.reason
            self._exited(container, KILLED, cause)

    def _exited(self, container: Container, code: int, cause: int) -> None:
        """The container exited: start it again, or it has stopped (LIFE-069)."""
        now = self.kernel._now
        again = restarts(
            container.spec.restart,
            wanted=self.containers.told.wanted(container.task),
            exit_code=code,
            now=now,
            last_started_at=container.started_at,
        )
        if not again:
            self.stopped(container, code, cause)
            return
        container.epoch += 1
        container.restarts += 1
        container.exit_code = code
        container.up_to = now
        self.containers.health.forget(container)
        self.containers.record(container, cause)
        self.containers.start(container)

    def close(self, container: Container, code: int, cause: int = 0) -> int:
        """Note that the container is STOPPED; return the event."""
        container.epoch += 1
        container.status = STOPPED
        container.exit_code = code
        container.stopped_at = container.up_to = self.kernel._now
        self.containers.health.forget(container)
        return self.containers.record(container, cause)

    def stopped(self, container: Container, code: int, cause: int = 0) -> None:
        """The container is STOPPED: an essential one takes the task with it (LIFE-052)."""
        task = container.task
        event = self.close(container, code, cause)
        if container.spec.essential:
            if task.execution_stopped_at != task.execution_stopped_at:
                task.execution_stopped_at = self.kernel._now
            if self.containers.told.wanted(task):
                reason = container.reason if error_name(container.reason) == "OutOfMemoryError" else EXITED
                self._essential_ended(task, code, event, reason)
                return
            self._order_stop(task, event)
        elif self.containers.told.wanted(task):
            self.containers.dependents_go_on(container, event)
            self.containers.started(task, event)
            return
        self._signal(task, event)
        self._settle(task)

    def _essential_ended(self, task: Task, code: int, cause: int, reason: str) -> None:
        """An essential container ended by itself (LIFE-027); before RUNNING the start has failed (LIFE-026)."""
        engine = self.engine
        task.exit_code = code
        task.exited = True
        if self.containers.told.started(task):

            def change() -> None:
                if task.running:
                    engine.lifecycle.stop(task, ESSENTIAL_CONTAINER_EXITED, reason, cause)

            dirty = engine.services.dirty
            dirty.hold()
            self.containers.told.tell(task, change, ending=True)
            # The others are stopped at once, while targets may still be drained.
            self.give_up(task, cause)
            dirty.let_go()
        else:
            self.containers.fail(task, reason, cause)

    # -- the way down -----------------------------------------------------------------------------------------

    def stop(self, task: Task) -> None:
        """The task is STOPPING: stop its containers in the reverse order of their start (LIFE-057)."""
        self._order_stop(task, task.last_event)
        self._settle(task)
        if task.status == STOPPING and task.stop_code == SPOT_INTERRUPTION and task.template.fargate:
            self.kernel.after(SPOT_NOTICE, self._on_capacity_gone, task, task.epoch)

    def give_up(self, task: Task, cause: int) -> None:
        """The agent stops what is left of a task that ends, whether or not ECS has heard of it."""
        self._order_stop(task, cause)
        self.let_go(task)

    def let_go(self, task: Task) -> None:
        """On the instance nothing is left of the task: its share is free, also while ECS does not know (AGENT-024)."""
        if task.holds_agent and self.containers.told.holding(task):
            if all(c.status == STOPPED for c in task.containers or ()):
                self.engine.agents.release(task)

    def _order_stop(self, task: Task, cause: int) -> None:
        """Give up what does not run yet, and signal what nothing depends on any more."""
        for container in task.containers or ():
            if container.status < RUNNING:
                self.close(container, -1, cause)
        self._signal(task, cause)

    def _signal(self, task: Task, cause: int) -> None:
        """Signal the containers whose dependents have stopped; each has its own stopTimeout from then (LIFE-060)."""
        containers = task.containers or ()
        for i in may_stop([c.status for c in containers], [c.spec.dependents for c in containers]):
            container = containers[i]
            if container.signalled:
                continue
            container.signalled = True
            container.epoch += 1
            container.last_event = cause
            limit = container.spec.stop_timeout
            laws = container.spec.laws
            needs = inf if laws.stops_never else self.containers.luck.value(container, STOP)
            container.ends_with = ENDED if needs < limit else KILLED
            self.kernel.after(min(needs, limit), self._on_signalled_end, container, container.epoch)

    def _on_signalled_end(self, container: Container, epoch: int) -> None:
        if container.waits(epoch):
            self.stopped(container, container.ends_with)

    def _on_capacity_gone(self, task: Task, epoch: int) -> None:
        """Two minutes after the notice the capacity is gone, whatever still runs (SPOT-001)."""
        if task.epoch == epoch and task.status == STOPPING:
            for container in task.containers or ():
                if container.status != STOPPED:
                    self.close(container, KILLED, task.last_event)
            self._settle(task)

    def _settle(self, task: Task) -> None:
        """The last container has stopped: the task's own way down goes on (LIFE-010, LIFE-051)."""
        if task.status != STOPPING:
            self.let_go(task)
            return
        if all(c.status == STOPPED for c in task.containers or ()):
            if task.execution_stopped_at != task.execution_stopped_at:
                task.execution_stopped_at = self.kernel._now

            def change() -> None:
                if task.status == STOPPING:
                    self.engine.lifecycle.advance(task, CONTAINERS_STOPPED)

            self.containers.told.tell(task, change)
            self.let_go(task)
