"""What ECS has been told of tasks whose containers have lives of their own (AGENT-024, AGENT-042, LIFE-066).

On an instance without network the containers go on: they start, wait for each other, end, and the agent stops the
rest of a task whose essential container has ended. ECS hears of the task as a whole, in the order in which it
happened, when the agent gets its reports through (:mod:`ecssim.engine.reports`); until then it sees the containers as
they were. The table of container events says what happened and when, whoever knew of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ecssim.world.containers import Container
from ecssim.world.instances import Instance
from ecssim.world.states import RUNNING as TASK_RUNNING
from ecssim.world.states import STOPPED as TASK_STOPPED
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class _Untold:
    """What the agent has to tell of one task: changes of the task in their order; how far the task really is."""

    __slots__ = ("changes", "ending", "started")

    def __init__(self) -> None:
        self.changes: list[Callable[[], None]] = []
        self.started = False
        self.ending = False


class ContainerReports:
    """Holds back what follows for a task from what its containers did, where ECS does not hear of it at once."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._untold: dict[int, _Untold] = {}
        self.then_told = self._on_told

    # -- what is true -----------------------------------------------------------------------------------------

    def started(self, task: Task) -> bool:
        """Whether all containers of the task have been started, whatever ECS knows of it."""
        untold = self._untold.get(task.ordinal)
        return task.status >= TASK_RUNNING or (untold is not None and untold.started)

    def wanted(self, task: Task) -> bool:
        """Whether the task is to go on: neither ECS nor the agent has decided that it ends."""
        if not task.running:
            return False
        untold = self._untold.get(task.ordinal)
        return untold is None or not untold.ending

    def holding(self, task: Task) -> bool:
        """Whether there is something of the task that ECS has not heard of."""
        return task.ordinal in self._untold

    # -- on the way to ECS ------------------------------------------------------------------------------------

    def tell(self, task: Task, change: Callable[[], None], *, started: bool = False, ending: bool = False) -> None:
        """Do what follows for the task, now or when ECS hears of it: after everything that it has to hear before.

        ``change`` looks itself whether the task is still in a state for it (AGENT-044).
        """
        untold = self._untold.get(task.ordinal)
        if untold is None:
            if not (self.engine.lifecycle.held and self.engine.reports.holds(task, self.then_told, task.epoch)):
                change()
                return
            untold = self._untold[task.ordinal] = _Untold()
        untold.changes.append(change)
        untold.started |= started
        untold.ending |= ending

    def _on_told(self, task: Task, _: int) -> None:
        """A report got through: all that is to be told of the task goes with it."""
        untold = self._untold.pop(task.ordinal, None)
        self._thaw(task)
        for change in untold.changes if untold is not None else ():
            change()

    def forget(self, task: Task) -> None:
        """Nobody will hear of it any more."""
        self._untold.pop(task.ordinal, None)

    # -- what ECS sees meanwhile ------------------------------------------------------------------------------

    def freeze(self, instance: Instance) -> None:
        """The instance's agent is not heard: its containers stay for ECS what they are now."""
        for task in instance.tasks.values():
            for container in task.containers or ():
                if container.told is None:
                    container.told = (container.status, container.exit_code, container.reason)

    def thaw(self, instance: Instance) -> None:
        """The agent is heard again; what it has to say of tasks that changed follows with their own reports."""
        for task in instance.tasks.values():
            if task.ordinal not in self._untold:
                self._thaw(task)

    @staticmethod
    def _thaw(task: Task) -> None:
        for container in task.containers or ():
            container.told = None

    @staticmethod
    def shown(container: Container) -> tuple[int, int, str]:
        """Status, exit code and reason of a container as far as ECS knows them."""
        if container.told is not None and container.task.status < TASK_STOPPED:
            return container.told
        return container.status, container.exit_code, container.reason
