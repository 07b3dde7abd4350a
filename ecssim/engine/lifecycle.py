"""The one writer of a task's ``lastStatus``.

A task is moved by queue entries: each attachment (network, agent, containers, targets) acquires or releases
something, and answers with a cause; :meth:`Lifecycle.advance` looks the next status up in the task's table
(:mod:`ecssim.decide.lifecycle`), records the event and starts what the new status waits for. Delays come from
the launch's own draws. No timer exists for a task without a natural end.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING, Final

from ecssim.decide.lifecycle import (
    AGENT_READY,
    CAUSE_NAMES,
    CONTAINERS_STOPPED,
    DRAINED,
    INSTANCE_LOST,
    N_CAUSES,
    NETWORK_FAILED,
    NETWORK_READY,
    NETWORK_RELEASED,
    SIGNAL,
    START_FAILED,
    STARTED,
    STOP,
)
from ecssim.engine.births import WANT_RUNNING, WANT_STOPPED, Births
from ecssim.engine.occupancy import task_left
from ecssim.engine.timing import (
    CHANCE,
    CRASH_AFTER,
    DISPATCH,
    EXIT,
    RELEASE,
)
from ecssim.engine.timing import STOP as STOP_DELAY
from ecssim.errors import IllegalTransition
from ecssim.world.states import (
    ACTIVATING,
    DRAINING,
    ESSENTIAL_CONTAINER_EXITED,
    PROVISIONING,
    RUNNING,
    SPOT_INTERRUPTION,
    TASK_FAILED_TO_START,
    TASK_STATUS_NAMES,
)
from ecssim.world.tasks import NAN, Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

EXITED: Final = "Essential container in task exited"
ENI_TIMEOUT: Final = "Timeout waiting for network interface provisioning to complete."


class Lifecycle:
    """Moves tasks through their states, and writes them down when they end; ``births`` creates them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.recorder = recorder = engine.recorder
        events = recorder.tables["task_events"]
        self._pack = events.pack
        self._pack_two = Struct("<" + 2 * events.schema.format.removeprefix("<")).pack
        self._rows = events.buffer
        tasks = recorder.tables["tasks"]
        self._pack_task = tasks.pack
        self._task_rows = tasks.buffer
        self._reasons = recorder.names.pool("text")
        self._address_release = engine.timing["addressRelease"].median
        self.instances = engine.world.instances
        self.live: dict[int, Task] = {}
        #: What is done with a task that has ended; the outside view puts itself in between to remember it.
        self.ended: Callable[[Task], None] = self.write
        #: Whether somebody goes on looking at tasks that have ended (engine.outside).
        self.remembers = False
        #: How an agent takes a task (engine.agents).
        self.submit: Callable[[Task], None]
        #: Whether an agent somewhere cannot tell ECS what happens (engine.reports).
        self.held = False
        # Bound once: every wait would else make a method object, and keep it as long as it lasts.
        self.then_network = self.on_network
        self.then_late_network = self.on_late_network
        self.then_no_address = self.on_no_address
        self.then_dispatched = self.on_dispatched
        self.then_exit = self.on_exit
        self.then_started = self._on_started
        self._then_drained = self._on_drained
        self.then_containers_stopped = self._on_containers_stopped
        self.then_network_released = self._on_network_released
        self.births = births = Births(engine, self)
        self.create = births.create
        self.create_initial = births.create_initial
        # What each status starts, by the number of the status.
        self._enter: tuple[Callable[[Task], None], ...] = (
            self._nothing,
            self._enter_pending,
            self._enter_activating,
            self._enter_running,
            self._enter_deactivating,
            self.stop_containers,
            self._enter_deprovisioning,
            self._enter_stopped,
            self._nothing,
        )

    @property
    def created(self) -> int:
        """How many tasks there have been; the next one's ordinal is one more."""
        return self.births.created

    def entering(self, status: int, handler: Callable[[Task], None]) -> Callable[[Task], None]:
        """Let ``handler`` do what entering ``status`` starts; return who did it before."""
        before = self._enter[status]
        self._enter = (*self._enter[:status], handler, *self._enter[status + 1 :])
        return before

    # -- the table --------------------------------------------------------------------------------------------

    def advance(self, task: Task, cause: int, cause_event: int = 0) -> None:
        """Move ``task`` by ``cause``: look the next status up, record it, start what it waits for.

        ``cause_event`` is the event that brought it about; without one it is the task's own last event, as for
        every timer. An illegal cause raises and changes nothing.
        """
        status = task.template.table[task.status * N_CAUSES + cause]
        if status < 0:
            raise IllegalTransition(
                f"task {task.ordinal} of {task.owner.name}",
                TASK_STATUS_NAMES[task.status],
                CAUSE_NAMES[cause],
                [n for c, n in enumerate(CAUSE_NAMES) if task.template.table[task.status * N_CAUSES + c] >= 0],
            )
        recorder = self.recorder
        recorder.events = event = recorder.events + 1
        rows = self._rows
        rows += self._pack(
            self.kernel._now,
            event,
            cause_event or task.last_event,
            task.ordinal,
            status + 1,
            WANT_RUNNING if task.running else WANT_STOPPED,
            task.stop_code,
            task.reason,
        )
        task.last_event = event
        task.status = status
        self._enter[status](task)

    def step(self, task: Task, status: int) -> None:
        """Record that ``task`` reached ``status`` on its way up, which its template looked up in the table before.

        What the status starts is the caller's: three times in every task's life this saves the general way.
        """
        recorder = self.recorder
        recorder.events = event = recorder.events + 1
        rows = self._rows
        rows += self._pack(self.kernel._now, event, task.last_event, task.ordinal, status + 1, WANT_RUNNING, 0, 0)
        task.last_event = event
        task.status = status

    def guard_activation(self, guard: Callable[[Task], None]) -> Callable[[Task], None]:
        """Let ``guard`` decide how tasks activate from now on; return what they would do without it."""
        ordinary = self._enter[ACTIVATING]
        self._enter = (*self._enter[:ACTIVATING], guard, *self._enter[ACTIVATING + 1 :])
        return ordinary

    # -- the way up -------------------------------------------------------------------------------------------

    def _nothing(self, task: Task) -> None:
        """A status that waits for something already under way."""

    def on_network(self, task: Task, epoch: int) -> None:
        """The ENI is attached (EC2), or the micro-VM with its ENI stands and its agent connects (Fargate, LIFE-031)."""
        if task.epoch != epoch or (self.held and self.engine.reports.holds(task, self.then_network, epoch)):
            return
        if task.status == PROVISIONING:
            if task.template.fargate:
                task.connectivity_at = self.kernel._now
            self.step(task, task.template.after_network)
            self.kernel.after(task.delays[DISPATCH], self.then_dispatched, task, epoch)
        else:
            self.advance(task, NETWORK_READY)

    def on_late_network(self, task: Task, epoch: int) -> None:
        """The ENI is not attached within its time, or ECS has not heard of it (AGENT-045, NET-053)."""
        if task.epoch == epoch and task.status == PROVISIONING:
            self.fail(task, START_FAILED, ENI_TIMEOUT)

    def on_no_address(self, task: Task, epoch: int) -> None:
        """The subnet had no free address: the create-interface call failed (NET-050 to NET-052, LIFE-047)."""
        if task.epoch == epoch:
            self.fail(task, NETWORK_FAILED, self.engine.subnets.failure(task))

    def _enter_pending(self, task: Task) -> None:
        """ECS hands the task to its agent (LIFE-006)."""
        self.kernel.after(task.delays[DISPATCH], self.then_dispatched, task, task.epoch)

    def on_dispatched(self, task: Task, epoch: int) -> None:
        """The agent has the task; on EC2 it starts when what it needs is physically free (AGENT-040)."""
        if task.epoch != epoch:
            return
        if task.template.fargate:
            self.advance(task, AGENT_READY)
        else:
            self.submit(task)

    def activate(self, task: Task) -> None:
        """The registry answers again: the pull, which began and is billed already, goes on (AGENT-032, LIFE-032)."""
        if task.template.chain is None or not self.engine.containers.begin(task):
            self.engine.pulls.begin(task)

    def _enter_activating(self, task: Task) -> None:
        """Pull the images and start the containers (LIFE-007, LIFE-032)."""
        engine = self.engine
        if task.template.chain is not None and engine.containers.begin(task):
            return
        task.pull_started_at = self.kernel._now
        if task.template.fargate:
            engine.meters.fargate_began(task)
        engine.pulls.begin(task)

    def _on_started(self, task: Task, epoch: int) -> None:
        """All containers have started, or this launch is one that cannot start."""
        if task.epoch != epoch or (self.held and self.engine.reports.holds(task, self.then_started, epoch)):
            return
        laws = task.template.laws
        if laws.fails_share and task.delays[CHANCE] < laws.fails_share:
            self.fail(task, START_FAILED, laws.fails_reason)
        elif task.status == ACTIVATING:
            self.step(task, task.template.after_start)
            self._enter_running(task)
        else:
            self.advance(task, STARTED)

    def _enter_running(self, task: Task) -> None:
        """All containers run (LIFE-008): the task is a successful start, and may have an end of its own."""
        task.started_at = self.kernel._now
        laws = task.template.laws
        # The crash draw is the failing draw's complement, so that a launch's fate is one number.
        if laws.crash_share and task.delays[CHANCE] >= 1.0 - laws.crash_share:
            task.exit_code = laws.crash_code
            self.kernel.after(task.delays[CRASH_AFTER], self.then_exit, task, task.epoch)
        elif task.runs_for >= 0.0:
            self.kernel.after(task.runs_for, self.then_exit, task, task.epoch)
        if task.deployment is not None:
            self.engine.services.on_running(task)
        else:
            self.engine.standalone.on_running(task)

    # -- the way down -----------------------------------------------------------------------------------------

    def on_exit(self, task: Task, epoch: int) -> None:
        """An essential container ended by itself (LIFE-027, LIFE-042)."""
        if task.epoch != epoch or (self.held and self.engine.reports.holds(task, self.then_exit, epoch)):
            return
        if task.exit_code < 0:
            task.exit_code = task.template.laws.exit_code(task.delays[EXIT])
        task.exited = True
        if task.execution_stopped_at != task.execution_stopped_at:
            task.execution_stopped_at = self.kernel._now
        dirty = self.engine.services.dirty
        dirty.hold()
        self._want_stopped(task, ESSENTIAL_CONTAINER_EXITED, EXITED)
        if task.template.ends_at_once is None or self.held:
            self.advance(task, STOP)
        else:
            self._end_at_once(task, *task.template.ends_at_once)
        dirty.let_go()

    def _end_at_once(self, task: Task, stopping: int, after: int) -> None:
        """Advance twice at one go, where nothing is left to wait for between ``stopping`` and ``after``."""
        recorder = self.recorder
        recorder.events = event = recorder.events + 2
        now, ordinal, code, reason = self.kernel._now, task.ordinal, task.stop_code, task.reason
        rows = self._rows
        # fmt: off
        rows += self._pack_two(
            now, event - 1, task.last_event, ordinal, stopping + 1, WANT_STOPPED, code, reason,
            now, event, event - 1, ordinal, after + 1, WANT_STOPPED, code, reason,
        )
        # fmt: on
        task.last_event = event
        task.status = after
        self._enter[after](task)

    def crash(self, task: Task, cause_event: int, reason: str = EXITED) -> None:
        """Something made the task's essential container exit (a fault, or too much memory: AGENT-046)."""
        if task.running and task.status == RUNNING:
            if task.containers:
                self.engine.containers.crash(task, cause_event, reason)
                return
            task.exit_code = 137
            if self.held and self.engine.reports.holds(task, self.then_exit, task.epoch):
                return
            task.exited = True
            task.execution_stopped_at = self.kernel._now
            self.stop(task, ESSENTIAL_CONTAINER_EXITED, reason, cause_event)

    def fail(self, task: Task, cause: int, reason: str, cause_event: int = 0) -> None:
        """The task ends before RUNNING (LIFE-026, LIFE-041)."""
        self._want_stopped(task, TASK_FAILED_TO_START, reason)
        self.advance(task, cause, cause_event)

    def stop(self, task: Task, code: int, reason: str, cause_event: int = 0, *, signal: bool = False) -> None:
        """Set desiredStatus STOPPED; the first reason stays (LIFE-049). ``signal``: no wait for targets (SPOT-001)."""
        if not task.running:
            if signal and task.status < RUNNING + 2:
                task.epoch += 1
                self.advance(task, SIGNAL, cause_event)
            return
        self._want_stopped(task, code, reason)
        cause = SIGNAL if signal else STOP
        if task.instance < 0 and not task.template.fargate:
            cause = NETWORK_FAILED  # it waited for an instance: there is no interface to release
        self.advance(task, cause, cause_event)

    def interrupt(self, task: Task, reason: str, cause_event: int) -> None:
        """Fargate Spot takes the capacity back (SPOT-001): the stop signal goes out at once.

        The notice is an event of its own, with desiredStatus STOPPED and the lastStatus that the task still
        has. A task that is being stopped already keeps its reason and gets the signal now (LIFE-009).
        """
        if not task.running:
            self.stop(task, SPOT_INTERRUPTION, reason, cause_event, signal=True)
            return
        self._want_stopped(task, SPOT_INTERRUPTION, reason)
        recorder = self.recorder
        recorder.events = event = recorder.events + 1
        status = task.status + 1
        self._rows += self._pack(
            self.kernel._now, event, cause_event, task.ordinal, status, WANT_STOPPED, task.stop_code, task.reason
        )
        task.last_event = event
        self.advance(task, SIGNAL, event)

    def lose(self, task: Task, code: int, reason: str, cause_event: int) -> None:
        """The instance is gone under the task: STOPPED at once (LIFE-028)."""
        if task.running:
            self._want_stopped(task, code, reason)
        task.epoch += 1
        if task.execution_stopped_at != task.execution_stopped_at:
            task.execution_stopped_at = self.kernel._now
        if task.targets is not None:
            self.engine.targets.deregister(task, lost=True)
        self.advance(task, INSTANCE_LOST, cause_event)

    def _want_stopped(self, task: Task, code: int, reason: str) -> None:
        """desiredStatus becomes STOPPED: what the control plane's ledger holds for the task is free (AGENT-041)."""
        engine = self.engine
        task.running = False
        task.epoch += 1
        if not task.exited and task.status == RUNNING and task.runs_for >= 0.0:
            self.kernel.note_stale()
        task.stop_code = code
        task.reason = self._reasons[reason]
        task.stopping_at = self.kernel._now
        if task.instance >= 0:
            engine.fleets.release(task)
        elif task.template.fargate:
            engine.fargate.stopping(task)
        else:
            engine.waiting.leave(task)
        deployment = task.deployment
        if deployment is not None:
            engine.services.on_stopping(task, deployment)
        else:
            engine.standalone.on_stopping(task)

    def _enter_deactivating(self, task: Task) -> None:
        """Deregister the targets and wait until they are unused (LIFE-009, LB-040, LB-062)."""
        delay = self.engine.targets.deregister(task)
        self.kernel.after(delay, self._then_drained, task, task.epoch)

    def _on_drained(self, task: Task, epoch: int) -> None:
        if task.epoch == epoch:
            task.drained_at = self.kernel._now
            self.advance(task, DRAINED)

    def stop_containers(self, task: Task) -> None:
        """Signal the containers; each ends when it is done or when its stopTimeout is over (LIFE-010, LIFE-060)."""
        if task.targets is not None and task.drained_at != task.drained_at:
            self.engine.targets.deregister(task)
        if self.held and self.engine.reports.parks(task):
            return
        template = task.template
        if task.containers:
            self.engine.containers.stop(task)
            return
        if task.exited and len(template.containers) <= 1:
            self.advance(task, CONTAINERS_STOPPED)
            return
        needs = template.stop_timeout if template.laws.stops_never else task.delays[STOP_DELAY]
        limit = template.stop_timeout
        self.kernel.after(needs if needs < limit else limit, self.then_containers_stopped, task, task.epoch)

    def _on_containers_stopped(self, task: Task, epoch: int) -> None:
        if task.epoch != epoch or (self.held and self.engine.reports.holds(task, self.then_containers_stopped, epoch)):
            return
        if task.execution_stopped_at != task.execution_stopped_at:
            task.execution_stopped_at = self.kernel._now
        self.advance(task, CONTAINERS_STOPPED)

    def _enter_deprovisioning(self, task: Task) -> None:
        """Detach and delete the ENI (LIFE-011, NET-055); the containers' share of the instance is free."""
        if task.holds_agent:
            self.engine.agents.release(task)
        delay = task.delays[RELEASE]
        if delay > 0.0:
            self.kernel.after(delay, self.then_network_released, task, task.epoch)
        else:
            self.advance(task, NETWORK_RELEASED)  # no interface to delete: nothing to queue for

    def _on_network_released(self, task: Task, epoch: int) -> None:
        """The ENI is deleted: the last step of most awsvpc tasks, without the general way."""
        if task.epoch != epoch:
            return
        status = task.template.table[task.status * N_CAUSES + NETWORK_RELEASED]
        if status < 0:
            self.advance(task, NETWORK_RELEASED)  # which says what is wrong
            return
        recorder = self.recorder
        recorder.events = event = recorder.events + 1
        rows = self._rows
        rows += self._pack(
            self.kernel._now,
            event,
            task.last_event,
            task.ordinal,
            status + 1,
            WANT_STOPPED,
            task.stop_code,
            task.reason,
        )
        task.last_event = event
        task.status = status
        self._enter[status](task)

    def _enter_stopped(self, task: Task) -> None:
        """The end: give back what is still held, tell the owner, write the task down and forget it."""
        engine = self.engine
        now = task.stopped_at = self.kernel._now
        if task.holds_agent:
            engine.agents.release(task)
        if task.instance >= 0:
            instance = self.instances[task.instance]
            del instance.tasks[task.ordinal]
            left_at = instance.left_at
            image_set = task.template.image_set
            if image_set in left_at:
                del left_at[image_set]
            left_at[image_set] = now
            if task.provider and task.provider == instance.group.provider_code:
                task_left(instance)
            if instance.status == DRAINING:
                engine.retiring.left(instance)
            if task.template.eni:
                engine.fleets.eni_deleted(instance)
        if task.address >= 0:
            engine.subnets.give_back(task.subnet, task.address, "tasks", now)
        if task.template.fargate:
            engine.fargate.stopped(task)
        del self.live[task.ordinal]
        self.ended(task)
        deployment = task.deployment
        if deployment is not None:
            del deployment.tasks[task.ordinal]
            engine.services.on_stopped(task, deployment)
        else:
            del task.owner.tasks[task.ordinal]
            engine.standalone.on_stopped(task)
        # What points back at its task is cut off: the task is freed now, not when the collector comes by.
        task.targets = None
        if not self.remembers:
            task.containers = None

    # -- the record -------------------------------------------------------------------------------------------

    def write(self, task: Task) -> None:
        """Write the task's row: once, at its end or at the end of the run."""
        freed = task.stopped_at + self._address_release if task.address > 0 else NAN
        if task.healthy_at != task.healthy_at:
            self._ripened(task)
        rows = self._task_rows
        rows += self._pack_task(
            task.ordinal,
            task.created_at,
            task.connectivity_at,
            task.pull_started_at,
            task.pull_stopped_at,
            task.started_at,
            task.healthy_at,
            task.stopping_at,
            task.drained_at,
            task.execution_stopped_at,
            task.stopped_at,
            freed,
            task.stop_code,
            task.reason,
        )

    def _ripened(self, task: Task) -> None:
        """Note that the task came to count as healthy though nobody looked meanwhile (SVC-020)."""
        deployment = task.deployment
        if deployment is None or not task.template.ripens or task.started_at != task.started_at:
            return
        ripe = task.started_at + self.engine.services.ripe_after
        end = task.stopping_at if task.stopping_at == task.stopping_at else self.kernel._now
        if ripe <= end:
            task.healthy_at = ripe

    def finish(self) -> None:
        """Write the rows of the tasks that are still there at the horizon."""
        for task in self.live.values():
            self.write(task)
