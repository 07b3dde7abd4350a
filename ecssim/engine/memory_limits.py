"""Requests that need more memory than a container may have (AGENT-046): model option ``memoryLimit: enforced``.

``memory`` of a container is a hard limit, and a task's ``memory`` one for all of its containers: who exceeds it is
killed. What a task holds is what it holds when idle and what its requests in flight take, which lie evenly on the
tasks of a flow cell. It is looked at when a minute ends; a task behind two target groups by each group's requests
alone. Without the option utilisation goes above 100 % and nobody dies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecssim.engine.kernel import WORLD
from ecssim.world.states import RUNNING
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: What the container and the stopped task say (LIFE-044).
KILLED_FOR_MEMORY: Final = "OutOfMemoryError: Container killed due to memory usage"


class MemoryLimits:
    """Looks at every flow cell when a minute ends, and kills the containers that hold too much."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._limits: dict[int, float] = {}

    def before_minute(self) -> None:
        """Find the tasks above their limit; they end at this instant, after the minute's figures were taken."""
        traffic = self.engine.traffic
        columns = traffic.cells.columns
        made = self.engine.builder.templates.made()
        for (target, service, code, _), i in traffic.cells_by_key():
            servers, held = columns["servers"][i], columns["in_flight"][i] * columns["memory"][i]
            if held <= 0.0 or servers <= 0.0:
                continue
            template = made[code - 1]
            if template.laws.request.idle_memory + held / servers > self.limit(template):
                for task in self._tasks(target, service, i):
                    self.engine.kernel.soon(WORLD, self._on_exceeded, task)

    def limit(self, template: Template) -> float:
        """MiB that the container which takes the requests may have; infinite where it has no hard limit."""
        known = self._limits.get(template.code)
        if known is None:
            found = self.engine.builder.templates.find(template.name)
            assert found is not None
            definition = found[0]
            main = template.chain.main if template.chain is not None and template.chain.specs else None
            containers = definition.container_definitions
            container = containers[main if main is not None else template.essential.index(True)]
            given = [m for m in (container.memory, definition.memory) if m is not None]
            known = self._limits[template.code] = float(min(given)) if given else float("inf")
        return known

    def _tasks(self, target: int, service: int, cell: int) -> list[Task]:
        """The tasks that serve in a cell."""
        flow = self.engine.traffic.targets[target]
        if flow.balanced:
            members = self.engine.world.target_groups[flow.group].members.values()
            return [member.task for member in members if member.cell == cell]
        deployments = self.engine.world.services[service].deployments
        return [task for d in deployments for task in d.tasks.values() if task.cell == cell]

    def _on_exceeded(self, task: Task, _: int) -> None:
        if task.running and task.status == RUNNING:
            self.engine.lifecycle.crash(task, task.last_event, KILLED_FOR_MEMORY)
