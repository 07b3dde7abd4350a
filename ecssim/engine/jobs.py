"""Jobs: streams of RunTask calls by callers that may try again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ecssim.engine.kernel import CALL
from ecssim.engine.standalone import RunTaskPlan
from ecssim.errors import ClientError
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Arrival(NamedTuple):
    """One job to submit at ``t`` seconds, as a planned call."""

    t: float
    plan: RunTaskPlan


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most ``attempts`` calls, ``backoff`` seconds apart and doubling up to ``longest``."""

    attempts: int
    backoff: float
    longest: float

    def delay(self, failed: int) -> float:
        """Seconds to wait after ``failed`` refused calls."""
        return min(self.longest, self.backoff * 2.0 ** min(failed - 1, 30))


class Attempt:
    """One submission that has not succeeded yet; ``left`` tasks of it still have to be started."""

    __slots__ = ("epoch", "failed", "left", "plan")

    def __init__(self, plan: RunTaskPlan) -> None:
        self.plan = plan
        self.left = plan.count
        self.failed = 0
        self.epoch = 0


class JobStream:
    """One entry of ``jobs``: every submitted task is waiting to be accepted, under way, done, failed or given up."""

    def __init__(
        self, engine: Engine, name: str, arrivals: Callable[[], Iterator[Arrival]], retry: RetryPolicy
    ) -> None:
        self.engine = engine
        self.name = name
        self._arrivals = arrivals()
        self.retry = retry
        self.submitted = 0
        self.accepted = 0
        self.retried = 0
        self.gave_up = 0
        self.waiting = 0
        self.started = 0
        self.done = 0
        self.failed_to_start = 0
        self._next: Arrival | None = None
        #: The ``startedBy`` of its calls (LIFE-038).
        self.started_by: str | None = None

    def begin(self) -> None:
        """Queue the first arrival; each queues the one after it."""
        self._queue_next()

    def _queue_next(self) -> None:
        arrival = next(self._arrivals, None)
        if arrival is not None:
            self.engine.kernel.at(arrival.t, CALL, self._arrive, arrival)

    def _arrive(self, arrival: Arrival, _: int) -> None:
        self._queue_next()
        self.submitted += arrival.plan.count
        self.waiting += arrival.plan.count
        self._try(Attempt(arrival.plan), 0)

    def _try(self, attempt: Attempt, _: int) -> None:
        plan = attempt.plan
        if attempt.left != plan.count:
            plan = RunTaskPlan(
                plan.template,
                plan.owner,
                attempt.left,
                plan.strategy,
                plan.provider_strategy,
                plan.runs_for,
                plan.origin,
            )
        answer = self.engine.calls.run_task(plan, caller=f"job/{self.name}")
        if not isinstance(answer, ClientError):
            started = len(answer.tasks)
            self.accepted += started
            self.waiting -= started
            attempt.left -= started
        if attempt.left == 0:
            return
        attempt.failed += 1
        if attempt.failed >= self.retry.attempts:
            self.gave_up += attempt.left
            self.waiting -= attempt.left
            return
        self.retried += 1
        kernel = self.engine.kernel
        kernel.at(kernel._now + self.retry.delay(attempt.failed), CALL, self._try, attempt)

    def ended(self, task: Task) -> None:
        """A task of the stream is STOPPED."""
        if task.started_at == task.started_at:
            self.done += 1
        else:
            self.failed_to_start += 1

    def account(self) -> dict[str, int]:
        """Where every submitted task is now; the parts add up to ``submitted``."""
        under_way = self.accepted - self.done - self.failed_to_start
        return {
            "submitted": self.submitted,
            "done": self.done,
            "under_way": under_way,
            "failed_to_start": self.failed_to_start,
            "waiting": self.waiting,
            "gave_up": self.gave_up,
            "retried_calls": self.retried,
        }
