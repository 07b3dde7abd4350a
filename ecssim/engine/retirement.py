"""Fargate task retirement: a revision of the platform is announced, and later every older task has to go.

When the platform gets a new revision is exogenous: a function of (seed, Region) (FG-032). Tasks that exist then are
told; after the account's wait of 0, 7 or 14 days (FG-030) those of services are replaced as if their instance
drained: the successor first, where the deployment configuration allows it; standalone ones are just stopped (FG-031).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecssim.engine.kernel import WORLD
from ecssim.record.codes import RETIREMENT
from ecssim.world.states import HEALTHY, RUNNING, TERMINATION_NOTICE
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

DAY: Final = 86400.0


class Retirement:
    """Plays the revisions of Fargate's platform; ``wait`` is in seconds."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.wait = 7 * DAY
        #: The announcement of the tasks that go now.
        self._cause = 0

    def begin(self, wait_days: int) -> None:
        """Arm the first revision whose tasks go within the run; it may have been announced before the run."""
        self.wait = wait_days * DAY
        self._next(-self.wait, 0)

    def _next(self, after: float, number: int) -> None:
        """Arm revision ``number``, the next after ``after``, if its tasks go within the run."""
        at = after + self.gap(number)
        if at <= after or at + self.wait >= self.engine.duration:
            return
        self.kernel.at(max(at, 0.0), WORLD, self._on_revision, (at, number))

    def gap(self, number: int) -> float:
        """Seconds from the revision before to revision ``number`` (FG-032)."""
        law = self.engine.timing["fargateRevision"]
        return self.engine.luck.value(law, "fargateRevision", self.engine.region, str(number))

    def _on_revision(self, what: tuple[float, int], _: int) -> None:
        at, number = what
        self.announce(at)
        self._next(at, number + 1)

    def announce(self, at: float, cause: int = 0) -> None:
        """The revision of ``at`` is out: tasks that are older are told, and go when the wait is over."""
        told = self._older(at)
        if told and not cause:
            many = f"{len(told)} task{'s' if len(told) > 1 else ''}"
            cause = self.engine.calls.note("aws", "FargateTaskRetirement", many)
        if told:
            self.kernel.at(max(at + self.wait, self.kernel._now), WORLD, self._on_end, (at, cause))

    def _older(self, at: float) -> list[Task]:
        live = self.engine.lifecycle.live.values()
        return [task for task in live if task.template.fargate and task.running and task.created_at < at]

    def _on_end(self, what: tuple[float, int], _: int) -> None:
        at, cause = what
        self._cause = cause
        dirty = self.engine.services.dirty
        dirty.hold()
        for task in self._older(at):
            deployment = task.deployment
            if deployment is not None and task.status == RUNNING and task.health == HEALTHY:
                if task.ordinal not in deployment.displaced:
                    self.engine.services.displace(task)
            else:
                self.retire(task)
        dirty.let_go()

    def retire(self, task: Task) -> None:
        """Stop a task whose turn has come (LIFE-043, FG-031)."""
        self.engine.lifecycle.stop(task, TERMINATION_NOTICE, RETIREMENT, self._cause)
