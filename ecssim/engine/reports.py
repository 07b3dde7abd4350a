"""What agents tell ECS, and when: the control plane knows what was reported, not what is true.

As a rule a report is there at once. While an instance has no network, or ECS throttles the agents' submissions, what
happens on it is true and unknown: its containers hold and free their share of the instance, and the task's status
stays as it was last reported (AGENT-024, LIFE-066). ``lifecycle.held`` says whether anyone has to ask here at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ecssim.decide.agent import reported_at, submit_wait
from ecssim.decide.lifecycle import CONTAINERS_STOPPED
from ecssim.engine.kernel import WORLD, Handler
from ecssim.engine.timing import PROVISION
from ecssim.world.instances import Instance
from ecssim.world.states import STOPPED, STOPPING
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

SUBMIT: Final = "SubmitTaskStateChange"


class Unheard(NamedTuple):
    """Something that happened to a task and that ECS has not been told: what follows once it is, and the tries."""

    task: Task
    then: Handler
    happened: float
    tries: int


class Reports:
    """Holds what agents could not report, and the stop signals that did not reach them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.lifecycle = engine.lifecycle
        self.instances = engine.world.instances
        self._unit = engine.timing["submitRetry"]
        self._eni_limit = engine.timing["eniTimeout"].median
        self._unheard: dict[int, list[tuple[Unheard, int]]] = {}
        self._unsignalled: dict[int, list[tuple[Task, int]]] = {}
        #: Tasks whose containers have ended while ECS does not know.
        self._ended: set[int] = set()
        self._away: dict[int, Instance] = {}
        self._delivering = False

    # -- who has to ask ---------------------------------------------------------------------------------------

    def away(self, instance: Instance, away: bool) -> None:
        """The instance has no connection or no network, or has both again."""
        if away:
            self.engine.containers.told.freeze(instance)
            self._away[instance.ordinal] = instance
        else:
            self._away.pop(instance.ordinal, None)
        self.throttling()

    def throttling(self) -> None:
        """The throttle on the agents' submissions changed."""
        self.lifecycle.held = bool(self._away) or self._factor > 1.0

    @property
    def _factor(self) -> float:
        return self.engine.calls.throttled.get(SUBMIT, 1.0)

    # -- on the way to ECS ------------------------------------------------------------------------------------

    def holds(self, task: Task, then: Handler, epoch: int) -> bool:
        """Whether ECS does not hear now of what just happened to the task; ``then`` follows when it does."""
        if self._delivering:
            return False
        if task.ordinal in self._ended:
            return True
        now = self.kernel._now
        what = Unheard(task, then, now, 1)
        if task.instance >= 0 and now < self.instances[task.instance].cut_until:
            self._happened(what, epoch)
            self._unheard.setdefault(task.instance, []).append((what, epoch))
            return True
        if self._factor > 1.0 and then is not self.lifecycle.then_network:
            if self.engine.calls.submit(SUBMIT) is not None:
                self._happened(what, epoch)
                self._again(what, epoch)
                return True
        return False

    def _happened(self, what: Unheard, epoch: int) -> None:
        """The truth of it: containers that have ended free their share; an interface that nobody sees expires."""
        task, lifecycle = what.task, self.lifecycle
        if what.then is self.engine.containers.told.then_told:
            pass  # containers with lives of their own see to it themselves
        elif what.then is lifecycle.then_network:
            expires = what.happened - task.delays[PROVISION] + self._eni_limit
            self.kernel.at(max(what.happened, expires), WORLD, lifecycle.then_late_network, task, epoch)
        elif what.then is not lifecycle.then_started:
            self._ended.add(task.ordinal)
            self.engine.targets.dies(task)
            if task.holds_agent:
                self.engine.agents.release(task)

    def _again(self, what: Unheard, epoch: int) -> None:
        """ECS refused the submission: the agent tries again later (AGENT-043)."""
        wait = submit_wait(what.tries, self._retry(what.task, what.tries))
        self.kernel.at(self.kernel._now + wait, WORLD, self._on_report, what, epoch)

    def _retry(self, task: Task, attempt: int) -> float:
        return self.engine.luck.value(self._unit, "submit", task.owner.name, str(task.k), str(attempt))

    def flush(self, instance: Instance) -> None:
        """The instance has its network again: each report gets through at its next try (AGENT-042, AGENT-043)."""
        self.engine.containers.told.thaw(instance)
        self.engine.containers.health.reconnected(instance)
        held = self._unheard.pop(instance.ordinal, [])
        tasks = [what.task for what, _ in held]
        times = reported_at([w.happened for w, _ in held], self.kernel._now, lambda i, n: self._retry(tasks[i], n))
        for (what, epoch), t in zip(held, times, strict=True):
            if t < self.engine.duration:
                self.kernel.at(t, WORLD, self._on_report, what, epoch)

    def _on_report(self, what: Unheard, epoch: int) -> None:
        """A submission that was tried before: it gets through unless the network or ECS's patience is gone again."""
        task = what.task
        now = self.kernel._now
        if task.instance >= 0 and now < self.instances[task.instance].cut_until:
            self._unheard.setdefault(task.instance, []).append((what, epoch))
        elif self._factor > 1.0 and self.engine.calls.submit(SUBMIT) is not None:
            self._again(what._replace(tries=what.tries + 1), epoch)
        else:
            self._deliver(what, epoch)

    def _deliver(self, what: Unheard, epoch: int) -> None:
        """ECS hears of it; what is too late for the task's present state is dropped (AGENT-044)."""
        task, then, happened, _ = what
        lifecycle = self.lifecycle
        self._ended.discard(task.ordinal)
        if task.status == STOPPED:
            self.engine.containers.told.forget(task)
            return
        whole = then is not self.engine.containers.told.then_told
        ended = then is lifecycle.then_exit or then is lifecycle.then_containers_stopped
        if ended and task.execution_stopped_at != task.execution_stopped_at:
            task.execution_stopped_at = happened
        if task.epoch != epoch and whole:
            if ended:
                task.exited = True
                if task.status == STOPPING:
                    lifecycle.advance(task, CONTAINERS_STOPPED)
            return
        if then is lifecycle.then_started and task.runs_for >= 0.0:
            # Its containers have been running since: their natural end is that much nearer.
            task.runs_for = max(0.0, task.runs_for - (self.kernel._now - happened))
        self._delivering = True
        try:
            then(task, epoch)
        finally:
            self._delivering = False

    # -- on the way to the agent ------------------------------------------------------------------------------

    def parks(self, task: Task) -> bool:
        """Whether the stop signal has to wait because the task's agent hears nothing."""
        if task.instance < 0 or self.instances[task.instance].online or task.exited:
            return False
        self._unsignalled.setdefault(task.instance, []).append((task, task.epoch))
        return True

    def signal(self, instance: Instance) -> None:
        """The agent hears ECS again: it stops what it was to stop. For what has ended only the report is late."""
        for task, epoch in self._unsignalled.pop(instance.ordinal, []):
            if task.epoch == epoch and task.status == STOPPING and task.ordinal not in self._ended:
                self.lifecycle.stop_containers(task)

    def forget(self, instance: Instance) -> None:
        """The instance is gone, and with it what it had not said."""
        for what, _ in self._unheard.pop(instance.ordinal, []):
            self._ended.discard(what.task.ordinal)
            self.engine.containers.told.forget(what.task)
        self._unsignalled.pop(instance.ordinal, None)
