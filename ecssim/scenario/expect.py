"""What must hold at the end of a run: a scenario can be a test in a user's CI.

``metric`` is ``kind.name`` (``subnet.freeAddresses``), ``of`` names the resource. ``statistic: min`` is over
instants for state and over minutes for rates. ``after``, ``before`` and ``during`` narrow the time, ``share``
says for which part of it the bound must hold.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.shape import Shape
from ecssim.scenario.timeline import Moment
from ecssim.scenario.units import Duration, Share

Statistic = Literal["min", "max", "mean", "sum", "count", "last", "p50", "p90", "p95", "p99"]


class Expectation(Shape):
    """One bound on one metric."""

    metric: Annotated[str, Field(pattern=r"^[A-Za-z]+(\.[A-Za-z0-9]+)+$")]
    of: str | None = None
    statistic: Statistic | None = None
    at_least: float | None = None
    at_most: float | None = None
    share: Share | None = None
    after: Moment | None = None
    before: Moment | None = None
    during: tuple[Moment, Moment] | None = None
    per: Duration | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Expectation:
        if self.at_least is None and self.at_most is None:
            raise PydanticCustomError("one_of", "give atLeast or atMost")
        return self
