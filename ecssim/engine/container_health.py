"""Container health checks: solved, reported by the agent, and what a service makes of them (LIFE-062 to LIFE-066)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.decide.containers import health_changes, passes, task_health
from ecssim.world.containers import RUNNING, Container
from ecssim.world.instances import Instance
from ecssim.world.states import HEALTH_NAMES, HEALTHY, TARGET_HEALTHY, UNHEALTHY, UNKNOWN
from ecssim.world.states import RUNNING as TASK_RUNNING
from ecssim.world.states import STOPPED as TASK_STOPPED
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.containers import Containers
    from ecssim.engine.simulation import Engine


class ContainerHealth:
    """Keeps the health of containers, and tells the scheduler what the agent reports of it."""

    def __init__(self, engine: Engine, containers: Containers) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.containers = containers

    def begin(self, container: Container, *, healthy: bool = False) -> None:
        """The container has started: solve its checks. ``healthy``: it is past its first ones (steady start)."""
        check = container.spec.check
        if check is None:
            return
        now = self.kernel._now
        ahead = health_changes(check, container.started_at, container.up_from, container.up_to)
        if healthy:
            container.health = container.reported = HEALTHY
            ahead = tuple(c for c in ahead if c.t > now and c.health == UNHEALTHY)
        container.ahead = ahead
        self._arm(container)

    def _arm(self, container: Container) -> None:
        if container.ahead:
            self.kernel.at(container.ahead[0].t, 0, self._on_change, container, container.epoch)

    def _on_change(self, container: Container, epoch: int) -> None:
        """The deciding probe is done."""
        if container.epoch != epoch or container.task.status >= TASK_STOPPED:
            return
        change, *rest = container.ahead
        container.ahead = tuple(rest)
        container.health = change.health
        event = self.containers.record(container)
        if change.health == HEALTHY:
            self.containers.became_healthy(container, event)
        self._report(container.task)
        self._arm(container)

    def forget(self, container: Container) -> None:
        """The container has exited: its health is not known, and its targets find nobody (LIFE-063)."""
        container.ahead = ()
        task = container.task
        chain = task.template.chain
        if chain is not None and task.targets is not None and container.spec.index == chain.main and task.running:
            self.engine.targets.answers_until(task, self.kernel._now)
        if container.health != UNKNOWN:
            container.health = UNKNOWN
            self._report(task)

    def answers_again(self, container: Container) -> None:
        """The container was started again: its targets may find it from its readiness on."""
        task = container.task
        chain = task.template.chain
        if chain is not None and task.targets is not None and container.spec.index == chain.main:
            self.engine.targets.answers_from(task, container.up_from, container.up_to)

    # -- what the control plane knows -------------------------------------------------------------------------

    def _report(self, task: Task) -> None:
        """The agent reports; while it is disconnected the last report stands (LIFE-066)."""
        if task.instance >= 0:
            instance = self.engine.world.instances[task.instance]
            if not instance.connected or self.kernel._now < instance.cut_until:
                return
        changed = False
        for container in task.containers or ():
            if container.reported != container.health:
                container.reported = container.health
                changed = True
        if changed:
            self.judge(task)

    def reconnected(self, instance: Instance) -> None:
        """The agent is back: it reports what changed meanwhile."""
        for task in list(instance.tasks.values()):
            if task.containers is not None:
                self._report(task)

    def name(self, container: Container) -> str:
        """The container's health in the words of the API."""
        return HEALTH_NAMES[container.health]

    def status(self, task: Task) -> int:
        """The task's healthStatus as DescribeTasks shows it (LIFE-063, LIFE-064)."""
        if not task.containers:
            return UNKNOWN
        return task_health((c.spec.essential, c.reported) for c in task.containers)

    def good(self, task: Task) -> bool:
        """Whether every essential container with a check is HEALTHY, as far as is known (SVC-020)."""
        return passes((c.spec.essential, c.spec.check is not None, c.reported) for c in task.containers or ())

    def bad(self, task: Task) -> bool:
        """Whether an essential container is UNHEALTHY, as far as is known (LIFE-064)."""
        return any(c.spec.essential and c.reported == UNHEALTHY for c in task.containers or ())

    def judge(self, task: Task) -> None:
        """Tell the scheduler what a service's task in RUNNING is worth (LIFE-065, SVC-020)."""
        chain = task.template.chain
        if chain is None or not chain.checked or not task.running or task.status != TASK_RUNNING:
            return
        services = self.engine.services
        if self.good(task):
            if all(target.state == TARGET_HEALTHY for target in task.targets or ()):
                services.on_healthy(task)
        elif self.bad(task):
            if task.health == UNHEALTHY:
                return
            services.on_unhealthy(task, None)
        else:
            services.on_evaluating(task)

    # -- the steady start -------------------------------------------------------------------------------------

    def settled(self, container: Container, age: float) -> None:
        """The container has run for ``age`` seconds and is healthy (initialState: steady)."""
        container.status = RUNNING
        container.started_at = container.first_started_at = -age
        container.up_from = -age
        container.up_to = self.containers.luck.down_after(container)
        self.begin(container, healthy=True)
