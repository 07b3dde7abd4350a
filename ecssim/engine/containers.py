"""The containers inside a task whose containers have lives of their own: pull, start, end, restart, stop.

The agent's work, for tasks whose template has a chain (:mod:`ecssim.world.containers`); every other task starts
and stops as a whole in :mod:`ecssim.engine.lifecycle`. What follows from what is decided in
:mod:`ecssim.decide.containers`; health is in :mod:`ecssim.engine.container_health`. Implements LIFE-008, LIFE-032,
LIFE-050 to LIFE-060, LIFE-069.
"""

from __future__ import annotations

from math import inf, isnan
from typing import TYPE_CHECKING, Final

from ecssim.aws.reasons import cut, fails_before_pull, fails_in_pull
from ecssim.decide.containers import MET, NEVER, dependency, gives_up_at, known_status
from ecssim.decide.lifecycle import START_FAILED, STARTED, STOP
from ecssim.engine.container_ends import ContainerEnds
from ecssim.engine.container_health import ContainerHealth
from ecssim.engine.container_luck import ContainerLuck
from ecssim.engine.container_pulls import ContainerPulls
from ecssim.engine.container_reports import ContainerReports
from ecssim.engine.timing import (
    CHANCE,
    CRASH_AFTER,
    EXIT,
    READY,
    START,
)
from ecssim.world.containers import (
    CONDITION_NAMES,
    CONTAINER_STATUS_NAMES,
    CREATED,
    MANIFEST_PULLED,
    NONE,
    PULLED,
    RUNNING,
    STOPPED,
    Chain,
    Container,
)
from ecssim.world.states import ACTIVATING, STOPPING
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Why a task ends when an essential container has (LIFE-027).
EXITED: Final = "Essential container in task exited"
#: Exit code of a process that was killed, and of one that ended at its stop signal.
KILLED: Final = 137
ENDED: Final = 0
#: Seconds from the notice to the end of a Fargate Spot task, whatever its containers still do (SPOT-001).
SPOT_NOTICE: Final = 120.0


class Containers:
    """Moves the containers of tasks with a chain, and the task with them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.luck = ContainerLuck(engine)
        self.health = ContainerHealth(engine, self)
        self.pulls = ContainerPulls(engine)
        self.told = ContainerReports(engine)
        self.ends = ContainerEnds(engine, self)
        self.crash = self.ends.crash
        self.stop = self.ends.stop
        table = engine.recorder.tables["container_events"]
        self._pack, self._rows = table.pack, table.buffer
        pool = engine.recorder.names.pool
        self._names, self._states, self._texts = pool("container"), pool("container_status"), pool("text")
        self._healths = pool("health_status")

    # -- the way up -------------------------------------------------------------------------------------------

    def begin(self, task: Task, *, asked: bool = False) -> bool:
        """The agent has the task: make its containers; False if this launch goes the ordinary way after all.

        ``asked``: the registry did not answer, and what is on the instance will do (AGENT-030).
        """
        chain = task.template.chain
        assert chain is not None
        if chain.early and task.delays[CHANCE] < chain.early:
            self._fail_early(task, chain)
            return True
        if not chain.specs:
            return False
        now = self.kernel._now
        if isnan(task.pull_started_at):  # not one that asks a registry again that did not answer
            task.pull_started_at = now
            if task.template.fargate:
                self.engine.meters.fargate_began(task)
        self.pulls.clean(task)
        if not asked and self.engine.pulls.unanswered(task):
            return True
        task.pull_stopped_at = now
        self.make(task, chain)
        for container in task.containers or ():
            # The manifest is resolved at once, whatever else a container waits for (LIFE-055).
            container.status = MANIFEST_PULLED
            container.manifest_at = now + (0.0 if task.template.fargate else self.pulls.manifest)
        upfront = not task.template.fargate and self.engine.world.instances[task.instance].group.pull_upfront
        for container in task.containers or ():
            if upfront:
                self._pull(container)
            self._go_on(container, task.last_event)
            if not self.told.wanted(task):
                break
        return True

    @staticmethod
    def make(task: Task, chain: Chain) -> None:
        """Give the task its containers; its length, drawn or given by a job, is that of the main one."""
        task.containers = tuple(Container(task, spec) for spec in chain.specs)
        task.containers[chain.main].given = task.runs_for
        task.runs_for = -1.0

    def settle(self, task: Task, age: float, rest: float) -> None:
        """Put the containers of a task in place that was RUNNING before the run began (initialState: steady)."""
        chain = task.template.chain
        assert chain is not None
        self.make(task, chain)
        for container in task.containers or ():
            main = container.spec.index == chain.main
            if container.spec.runs_once and not main:
                container.status, container.exit_code = STOPPED, 0
                container.first_started_at = container.stopped_at = -age
                continue
            self.health.settled(container, age)
            left = rest if main else self.luck.rest(container)
            if left >= 0.0:
                container.ends_with = self._exit_code(container)
                self.kernel.after(left, self.ends.on_end, container, container.epoch)

    def _fail_early(self, task: Task, chain: Chain) -> None:
        """What the task needs cannot be had: nothing is pulled, or the pull fails (LIFE-041)."""
        now = self.kernel._now
        if fails_before_pull(chain.early_reason):
            self.kernel.after(task.delays[START], self._on_early_failure, task, task.epoch)
            return
        task.pull_started_at = now
        if task.template.fargate:
            self.engine.meters.fargate_began(task)
        task.pull_stopped_at = now + self.pulls.failing(task)
        self.kernel.at(task.pull_stopped_at, 0, self._on_early_failure, task, task.epoch)

    def _on_early_failure(self, task: Task, epoch: int) -> None:
        if task.epoch == epoch and task.template.chain is not None:
            self._fails_for(task, START_FAILED, task.template.chain.early_reason, 0)

    def _go_on(self, container: Container, cause: int) -> None:
        """Pull or create the container if nothing holds it back any more (LIFE-053, LIFE-055)."""
        task = container.task
        others = task.containers or ()
        if container.status >= CREATED or not task.running:
            return
        met = True
        for index, condition in container.spec.depends:
            verdict = dependency(condition, others[index])
            if verdict == NEVER:
                self._give_up(container, index, condition, "can never be", cause)
                return
            met = met and verdict == MET
        if not met:
            return
        if container.status == PULLED:
            container.status = CREATED
            self.start(container)
        elif container.pulled_at < 0.0:
            container.last_event = cause
            self._pull(container)

    def _give_up(self, container: Container, index: int, condition: int, how: str, cause: int) -> None:
        """A dependency cannot be met any more: the task's start has failed (LIFE-056)."""
        target = (container.task.containers or ())[index].spec
        self.fail(
            container.task,
            f"TaskDependencyError: container {container.spec.name} depends on container {target.name}, which {how} "
            f"{CONDITION_NAMES[condition]}",
            cause,
        )

    def _pull(self, container: Container) -> None:
        """Pull the container's image, or begin the pull that fails."""
        task = container.task
        if fails_in_pull(container.spec.laws.fails_reason) and self._fails(container):
            done = self.kernel._now + self.pulls.failing(task)
        else:
            done = self.pulls.done_at(container)
        self._there_at(container, done)

    def _there_at(self, container: Container, done: float) -> None:
        task = container.task
        container.pulled_at = done
        task.pull_stopped_at = max(task.pull_stopped_at, done)
        self.kernel.at(done, 0, self._on_pulled, container, container.epoch)

    def _on_pulled(self, container: Container, epoch: int) -> None:
        if not container.waits(epoch):
            return
        laws = container.spec.laws
        if fails_in_pull(laws.fails_reason) and self._fails(container):
            self._failed(container, laws.fails_reason)
            return
        later = self.pulls.still(container)
        if later:
            self._there_at(container, later)
            return
        container.status = PULLED
        event = self.record(container)
        self._go_on(container, event)

    def start(self, container: Container) -> None:
        """Start the container; on an instance the call has a time limit of its own (LIFE-058, AGENT-033)."""
        delay = self.luck.value(container, START)
        limit = self._start_limit(container.task)
        if delay > limit:
            self.kernel.after(limit, self._on_start_timeout, container, container.epoch)
        else:
            self.kernel.after(delay, self._on_started, container, container.epoch)

    def _start_limit(self, task: Task) -> float:
        """Seconds that the agent gives the start of a container; Fargate has no such limit of its own."""
        if task.template.fargate:
            return inf
        agent = self.engine.world.instances[task.instance].group.agent
        return agent.windows_start_timeout if task.template.windows else agent.start_timeout

    def _on_start_timeout(self, container: Container, epoch: int) -> None:
        if container.waits(epoch):
            minutes, seconds = divmod(self._start_limit(container.task), 60.0)
            late = f"Could not transition to started; timed out after waiting {minutes:.0f}m{seconds:g}s"
            self._failed(container, f"ContainerRuntimeTimeoutError: {late}")

    def _fails(self, container: Container) -> bool:
        share = container.spec.laws.fails_share
        return share > 0.0 and container.restarts == 0 and self.luck.value(container, CHANCE) < share

    def _failed(self, container: Container, reason: str) -> None:
        """The container cannot be started; a task that can do without it goes on (LIFE-041, LIFE-052)."""
        container.reason = cut(reason)
        if container.spec.essential and not self.told.started(container.task):
            self.fail(container.task, reason, self.ends.close(container, -1))
        else:
            self.ends.stopped(container, -1)

    def fail(self, task: Task, reason: str, cause: int) -> None:
        """The task's start has failed; containers that exist are stopped first (LIFE-026)."""
        exist = any(CREATED <= c.status < STOPPED for c in task.containers or ())
        if not exist:
            for container in task.containers or ():
                if container.status != STOPPED:
                    self.ends.close(container, -1, cause)
        self._fails_for(task, STOP if exist else START_FAILED, cut(reason), cause)
        if exist and task.status < STOPPING:
            # ECS has not heard of it: the agent stops what there is all the same.
            self.ends.give_up(task, cause)

    def _fails_for(self, task: Task, how: int, reason: str, cause: int) -> None:
        """The start has failed, and ECS is told so; what the task held of its instance is free at once."""

        def change() -> None:
            if task.running:
                self.engine.lifecycle.fail(task, how, reason, cause)

        self.told.tell(task, change, ending=True)
        self.ends.let_go(task)

    def _on_started(self, container: Container, epoch: int) -> None:
        """The container runs: arm its end and its checks, and let those go on that waited for it."""
        if not container.waits(epoch):
            return
        laws = container.spec.laws
        if self._fails(container) and not fails_in_pull(laws.fails_reason):
            self._failed(container, laws.fails_reason)
            return
        self.run(container)
        task = container.task
        event = self.record(container)
        if container.spec.start_timeout < inf:
            self._arm_start_timeout(container)
        if container.restarts:
            self.health.answers_again(container)
        self.dependents_go_on(container, event)
        self.started(task, event)

    def run(self, container: Container) -> None:
        """Note the container's start at this instant, and arm its own end and its health checks."""
        now = self.kernel._now
        laws = container.spec.laws
        luck = self.luck
        container.status = RUNNING
        container.started_at = now
        if not container.ran:
            container.first_started_at = now
        container.up_from = now + luck.value(container, READY)
        container.up_to = now + luck.down_after(container)
        if laws.crash_share and luck.value(container, CHANCE) >= 1.0 - laws.crash_share:
            container.ends_with = laws.crash_code
            self.kernel.after(luck.value(container, CRASH_AFTER), self.ends.on_end, container, container.epoch)
        else:
            rest = luck.runs_for(container)
            if rest >= 0.0:
                container.ends_with = self._exit_code(container)
                self.kernel.after(rest, self.ends.on_end, container, container.epoch)
        self.health.begin(container)

    @staticmethod
    def main(task: Task) -> int:
        """Return the index of the task's main container."""
        chain = task.template.chain
        assert chain is not None
        return chain.main

    def _exit_code(self, container: Container) -> int:
        """The exit code of the present run, if it ends by itself; most have only one."""
        codes = container.spec.laws.exit_codes
        if len(codes) == 1:
            return int(codes[0][1])
        return int(container.spec.laws.exit_code(self.luck.value(container, EXIT)))

    def dependents_go_on(self, container: Container, cause: int) -> None:
        """Something happened to the container: look at those that depend on it again."""
        others = container.task.containers or ()
        for index in container.spec.dependents:
            self._go_on(others[index], cause)

    def became_healthy(self, container: Container, cause: int) -> None:
        """Its health check passed: that is what HEALTHY waits for."""
        self.dependents_go_on(container, cause)

    def started(self, task: Task, cause: int) -> None:
        """The task is RUNNING once every container has been started (LIFE-008, LIFE-051)."""
        if task.status != ACTIVATING or not self.told.wanted(task) or self.told.started(task):
            return
        states = [(c.status, c.spec.essential) for c in task.containers or ()]
        if known_status(NONE, states) < RUNNING:
            return

        def change() -> None:
            if task.status == ACTIVATING and task.running:
                self.engine.lifecycle.advance(task, STARTED, cause)
                self.health.judge(task)

        self.told.tell(task, change, started=True)

    # -- time-outs of dependencies ----------------------------------------------------------------------------

    def _arm_start_timeout(self, container: Container) -> None:
        """Whoever waits for this container gives up ``startTimeout`` after its first start (LIFE-056)."""
        others = container.task.containers or ()
        waiting = [
            gives_up_at(condition, container.first_started_at, container.spec.start_timeout)
            for i in container.spec.dependents
            for target, condition in others[i].spec.depends
            if target == container.spec.index and others[i].status < CREATED
        ]
        at = min(waiting, default=inf)
        if self.kernel._now < at < inf:
            self.kernel.at(at, 0, self._on_out_of_time, container, container.epoch)

    def _on_out_of_time(self, container: Container, epoch: int) -> None:
        if not container.waits(epoch):
            return
        others = container.task.containers or ()
        for index in container.spec.dependents:
            dependent = others[index]
            if dependent.status >= CREATED:
                continue
            for target, condition in dependent.spec.depends:
                waits = gives_up_at(condition, 0.0, 0.0) < inf and dependency(condition, container) != MET
                if target == container.spec.index and waits:
                    how = f"did not within its startTimeout of {container.spec.start_timeout:g} s reach"
                    self._give_up(dependent, target, condition, how, container.last_event)
                    return

    # -- the record -------------------------------------------------------------------------------------------

    def record(self, container: Container, cause: int = 0) -> int:
        """Record what the container is now; return the event."""
        engine = self.engine
        task = container.task
        recorder = engine.recorder
        recorder.events = event = recorder.events + 1
        rows = self._rows
        rows += self._pack(
            self.kernel._now,
            event,
            cause or container.last_event or task.last_event,
            task.ordinal,
            self._names[container.spec.name],
            self._states[CONTAINER_STATUS_NAMES[container.status]],
            self._healths[self.health.name(container)],
            container.exit_code if container.status == STOPPED or container.restarts else -1,
            container.restarts,
            self._texts[container.reason or None],
            task.owner.cluster.code,
            engine.region_code,
        )
        container.last_event = event
        return event
