"""Standalone tasks: RunTask calls that arrive by a law or by a trace, from callers that may retry.

A batch trace has one row for each job: ``perRow`` names the columns that become overrides of that call and
the run time of its task. Times are seconds, ``cpu`` CPU units, ``memory`` MiB, ``gpus`` whole GPUs, as in the
API.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.requests import RunTask
from ecssim.aws.shape import Name, Shape
from ecssim.scenario.traffic import Trace
from ecssim.scenario.units import Duration, Rate


class Arrivals(Shape):
    """When jobs arrive: a Poisson rate, a fixed interval, or the rows of a trace."""

    poisson: Rate | None = None
    every: Duration | None = None
    trace: Trace | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Arrivals:
        if sum(given is not None for given in (self.poisson, self.every, self.trace)) != 1:
            raise PydanticCustomError("one_of", "give one of poisson, every, trace")
        if self.every is not None and self.every <= 0:
            raise PydanticCustomError("value", "every: expected a duration above 0")
        return self


class PerRow(Shape):
    """Columns of the trace: overrides (``cpu``, ``memory``, ``gpus``) and the run time in seconds."""

    cpu: str | None = None
    memory: str | None = None
    gpus: str | None = None
    runs_for: str | None = None


class Retry(Shape):
    """A caller that tries again after a refusal: at most ``attempts`` calls, ``backoff`` apart, doubling."""

    attempts: Annotated[int, Field(ge=1)] = 1
    backoff: Duration = 1.0
    max_backoff: Duration | None = None


class Job(Shape):
    """A stream of standalone tasks."""

    name: Name
    arrivals: Arrivals
    run_task: RunTask
    per_row: PerRow | None = None
    retry: Retry = Field(default_factory=Retry)

    @model_validator(mode="after")
    def _rows_come_from_a_trace(self) -> Job:
        trace = self.arrivals.trace
        if trace is not None and (trace.time_column is None or not trace.file.endswith(".csv")):
            raise PydanticCustomError("incomplete", "the trace of a job is a CSV with a timeColumn")
        if self.per_row is not None and self.arrivals.trace is None:
            raise PydanticCustomError("value", "perRow needs arrivals: {{trace}}")
        return self
