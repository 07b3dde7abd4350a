"""What must hold of containers between two events: a part of :mod:`ecssim.engine.invariants`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.world.containers import RUNNING, STOPPED
from ecssim.world.states import DEPROVISIONING, HEALTHY, TASK_STATUS_NAMES
from ecssim.world.states import RUNNING as TASK_RUNNING
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def container_violations(engine: Engine) -> list[str]:
    """Return every law of containers that does not hold now (LIFE-008, LIFE-051, LIFE-052, SVC-020)."""
    found: list[str] = []
    for task in engine.lifecycle.live.values():
        if task.containers:
            found += [f"task {task.ordinal}, {TASK_STATUS_NAMES[task.status]}: {text}" for text in _laws(engine, task)]
    return found


def _laws(engine: Engine, task: Task) -> list[str]:
    containers = task.containers or ()
    chain = task.template.chain
    gone = [c.spec.name for c in containers if c.status == STOPPED and c.spec.essential]
    waiting = [c.spec.name for c in containers if c.status < RUNNING]
    alive = [c.spec.name for c in containers if c.status != STOPPED]
    found = []
    if task.status == TASK_RUNNING and waiting:
        found.append(f"{waiting} have not been started")
    if engine.containers.told.wanted(task) and gone:
        found.append(f"essential {gone} have stopped, and nobody has decided that the task ends")
    if task.status >= DEPROVISIONING and alive:
        found.append(f"{alive} have not stopped")
    if task.running and chain is not None and chain.checked and task.health == HEALTHY:
        if task.deployment is not None and not engine.containers.health.good(task):
            found.append("it counts as healthy, and an essential container is not")
    if any(c.spec.restart is None and c.restarts for c in containers):
        found.append("a container without a restart policy was restarted")
    return found
