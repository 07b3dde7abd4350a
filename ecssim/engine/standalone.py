"""Standalone tasks: what RunTask and StartTask launch, and who is told when they end (PLACE-060)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from ecssim.decide.placement import RUN_TASK_DEFAULT, Strategy
from ecssim.decide.provider_split import Share, split
from ecssim.engine.service_events import UNAVAILABLE
from ecssim.errors import ClientError
from ecssim.world.buckets import TokenBucket
from ecssim.world.instances import Instance
from ecssim.world.services import Owner
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


@dataclass(frozen=True, slots=True)
class RunTaskPlan:
    """One RunTask call in the engine's own words: parsed outside, so that jobs pay for it once."""

    template: Template
    owner: Owner
    count: int = 1
    strategy: Strategy = RUN_TASK_DEFAULT
    provider_strategy: tuple[Share, ...] = ()
    runs_for: float = -1.0
    origin: int = 5

    def for_provider(self, provider: int) -> RunTaskPlan:
        """The plan of the tasks for one provider: in a what-if that mixes kinds each has a template of its own."""
        template = self.template.of_provider(provider)
        return self if template is self.template else replace(self, template=template)


class Failure(NamedTuple):
    """Why one wanted task does not exist; ``provider`` is the code of the capacity provider it was for."""

    reason: str
    provider: int


class RunTaskResult(NamedTuple):
    """The tasks that exist now, and the reason for each that does not (failures of the API's answer)."""

    tasks: tuple[Task, ...]
    failures: tuple[Failure, ...]


class Standalone:
    """Launches standalone tasks; ECS retries none of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        rate = engine.limits.fargate_run_task_rate
        self._fargate_calls = TokenBucket(rate, rate)
        #: What calls have said who starts their tasks, by task (LIFE-038); tasks of jobs ask their stream.
        self._callers: dict[int, str] = {}

    def named_by(self, tasks: Iterable[Task], started_by: str | None) -> None:
        """Remember the ``startedBy`` of a call (LIFE-038)."""
        if started_by:
            self._callers.update((task.ordinal, started_by) for task in tasks)

    def started_by(self, task: Task) -> str | None:
        """Who started a standalone task, in the words of its call."""
        job = task.owner.job
        return self._callers.get(task.ordinal) or (job.started_by if job is not None else None)

    def run(self, plan: RunTaskPlan, cause: int) -> RunTaskResult:
        """Launch up to ``plan.count`` tasks; partial success is normal (PLACE-060)."""
        strategy = plan.provider_strategy
        shares = split(strategy, {}, plan.count) if strategy else [(0, plan.count)]
        self._admit(plan, shares)
        tasks: list[Task] = []
        failures: list[Failure] = []
        for provider, count in shares:
            part = plan.for_provider(provider)
            if part.template.fargate:
                self._on_fargate(part, provider, count, cause, tasks, failures)
            else:
                self._on_instances(part, provider, count, cause, tasks, failures)
        return RunTaskResult(tuple(tasks), tuple(failures))

    def _admit(self, plan: RunTaskPlan, shares: list[tuple[int, int]]) -> None:
        """Refuse the call for the sake of the account's quotas.

        On Fargate 20 calls a second have a bucket of their own, beside the API's (QUOTA-014); a managed provider's
        cluster has at most so many waiting tasks (PLACE-064, QUOTA-005).
        """
        engine = self.engine
        if plan.template.fargate and not self._fargate_calls.take(1, engine.kernel._now):
            raise ClientError("ThrottlingException", "Rate exceeded")
        cluster = plan.owner.cluster
        if any(engine.capacity.manages(p) and not engine.waiting.room(cluster, p) for p, _ in shares):
            limit = engine.limits.provisioning_tasks_per_cluster
            raise ClientError(
                "ClientException",
                f"You've reached the limit of {limit} tasks in the PROVISIONING state for your cluster.",
            )

    def _on_fargate(
        self, plan: RunTaskPlan, provider: int, count: int, cause: int, tasks: list[Task], failures: list[Failure]
    ) -> None:
        fargate = self.engine.fargate
        got, refused = fargate.admit(plan.template, provider, count)
        for _ in range(got):
            tasks.append(fargate.launch(plan.template, plan.owner, None, provider, plan.origin, cause, plan.runs_for))
        if refused is not None:
            throttled = refused.event_name == "ECS_OPERATION_THROTTLED"
            reason = UNAVAILABLE if throttled else refused.reason
            failures += [Failure(reason, provider)] * (count - got)

    def _on_instances(
        self, plan: RunTaskPlan, provider: int, count: int, cause: int, tasks: list[Task], failures: list[Failure]
    ) -> None:
        engine = self.engine
        engine.waiting.settle(plan.owner.cluster)
        for started in range(count):
            instance = engine.fleets.place(plan.template, provider, plan.owner, plan.strategy, cause)
            if instance is None:
                left = count - started
                if engine.capacity.manages(provider):
                    waiters = engine.waiting.enter(
                        plan.template,
                        plan.owner,
                        None,
                        provider,
                        plan.strategy,
                        left,
                        origin=plan.origin,
                        cause=cause,
                        runs_for=plan.runs_for,
                    )
                    tasks += waiters
                    left -= len(waiters)
                    if not left:
                        return
                verdict = engine.fleets.refuse(plan.template, provider, plan.owner, plan.strategy, left, cause)
                failures += [Failure(str(verdict.reason), provider)] * left
                return
            tasks.append(
                engine.launch_on(instance, plan.template, plan.owner, None, provider, plan.origin, cause, plan.runs_for)
            )

    def start_on(self, plan: RunTaskPlan, instance: Instance, cause: int) -> Task | str:
        """StartTask: one task on the named instance, or the reason why not (PLACE-060, PLACE-061)."""
        engine = self.engine
        request = plan.template.request
        fleet = plan.owner.cluster.fleet
        if not fleet.fits(instance.fleet_ordinal, request, plan.owner.group):
            return engine.fleets.why_not(instance, request, plan.owner)
        engine.fleets.place_on(instance, plan.template, plan.owner, cause)
        return engine.launch_on(instance, plan.template, plan.owner, None, 0, plan.origin, cause, plan.runs_for)

    def on_running(self, task: Task) -> None:
        """A standalone task reached RUNNING."""
        job = task.owner.job
        if job is not None:
            job.started += 1

    def on_stopping(self, task: Task) -> None:
        """It was told to stop, or ended by itself."""

    def on_stopped(self, task: Task) -> None:
        """It is STOPPED; a job counts it as done or as failed before RUNNING."""
        job = task.owner.job
        if job is not None:
            job.ended(task)
