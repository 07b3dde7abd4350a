"""Requests that reach the services: patterns and recorded traces.

Rates are requests per second as plain numbers (the contract's unit for traffic), times seconds from start or
a clock time. A stream goes to a service, a target group, a listener or a discovery name, or is split over
several.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.shape import Name, Region, Shape
from ecssim.scenario.units import Duration, Number, Share, Size

ClockTime = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$")]


class Destination(Shape):
    """Where requests go: exactly one of the four."""

    service: str | None = None
    target_group: str | None = None
    listener: str | None = None
    discovery_name: str | None = None

    @model_validator(mode="after")
    def _names_one(self) -> Destination:
        given = [self.service, self.target_group, self.listener, self.discovery_name]
        if sum(name is not None for name in given) != 1:
            raise PydanticCustomError("one_of", "give one of service, targetGroup, listener, discoveryName")
        return self


class Split(Shape):
    """A share of a stream by weight."""

    to: Destination
    weight: Annotated[int, Field(ge=0)]


class Step(Shape):
    """From ``at`` on the rate is ``rate``."""

    at: Duration
    rate: Number


class Trace(Shape):
    """A recorded series: a CSV with a time column and a value column.

    ``unit: count`` says that values are requests in the interval, ``rate`` that they are requests per second.
    ``after`` says what happens when the trace ends before the scenario does.
    """

    file: str
    time_column: str
    value_column: str | None = None
    interval: Duration | None = None
    unit: Literal["count", "rate"] = "count"
    start: str | None = None
    scale: Number = 1.0
    after: Literal["hold", "repeat", "zero", "error"] = "zero"
    where: str | None = None
    digest: str | None = None


class Traffic(Shape):
    """One stream of requests: a pattern or a trace, and where it goes.

    What its clients do to a load balancer's bill (COST-025, COST-026): bytes of a request and of its response, how
    many requests they send over one connection and how long that stays open. Nobody publishes such figures; the
    defaults (500 B, 4.5 kB, 10, 60 s: an Application Load Balancer's idle time-out) are assumed. Responses to the
    internet are billed by the GB only where ``responseSize`` is given: a guess would be most of the bill (COST-024).
    """

    KEYS_OF_PATTERN: ClassVar[dict[str, tuple[str, ...]]] = {
        "constant": ("rate",),
        "steps": ("steps",),
        "diurnal": ("base", "peak", "peakAt"),
        "weekly": ("base", "peak", "peakAt"),
        "spike": ("base", "peak", "at", "for"),
    }

    name: Name
    to: Destination | None = None
    split: Annotated[tuple[Split, ...], Field(min_length=1)] | None = None
    region: Region | None = None
    pattern: Literal["constant", "steps", "diurnal", "weekly", "spike"] | None = None
    rate: Number | None = None
    steps: tuple[Step, ...] | None = None
    base: Number | None = None
    peak: Number | None = None
    peak_at: ClockTime | None = None
    weekend: Share | None = None
    at: Duration | None = None
    for_: Annotated[Duration | None, Field(alias="for")] = None
    ramp: Duration | None = None
    noise: Share | None = None
    request_size: Size = 500
    response_size: Size = 4500
    requests_per_connection: Annotated[int, Field(ge=1)] = 10
    connection_lasts: Duration = 60.0
    trace: Trace | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Traffic:
        if (self.to is None) == (self.split is None):
            raise PydanticCustomError("one_of", "give one of to, split")
        if (self.pattern is None) == (self.trace is None):
            raise PydanticCustomError("one_of", "give one of pattern, trace")
        needed = self.KEYS_OF_PATTERN.get(self.pattern or "", ())
        given = {self.__class__.model_fields[name].alias for name in self.model_fields_set}
        missing = [key for key in needed if key not in given]
        if missing:
            raise PydanticCustomError(
                "incomplete", "{text}", {"text": f"pattern {self.pattern} needs {', '.join(missing)}"}
            )
        return self
