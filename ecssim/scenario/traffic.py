"""Requests that reach the services: patterns and recorded traces.

Rates are requests per second as plain numbers (the contract's unit for traffic), times a duration from start, a
clock time or a timestamp, each to the second. A stream goes to a service, a target group, a listener or a discovery
name, or is split over several. At a listener ``host``, ``path`` and ``method`` decide which rule takes it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.shape import Name, Region, Shape
from ecssim.scenario.clients import Clients
from ecssim.scenario.timeline import Moment
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

    at: Moment
    rate: Number


class Stage(Shape):
    """One stage of a load test: the rate goes evenly to ``target`` within ``duration``."""

    duration: Duration
    target: Number


class Burst(Shape):
    """For a while the load is ``factor`` times as high: at one time, or at random times ``every`` so often."""

    factor: Number
    for_: Annotated[Duration, Field(alias="for")]
    at: Moment | None = None
    every: Duration | None = None

    @model_validator(mode="after")
    def _is_sometime(self) -> Burst:
        if (self.at is None) == (self.every is None):
            raise PydanticCustomError("one_of", "give one of at, every")
        if self.every is not None and not 0 < self.for_ <= self.every:
            raise PydanticCustomError("value", "every: expected a duration that is not shorter than for")
        if self.every is not None and self.for_ > 3600:
            raise PydanticCustomError("value", "for: a burst at random times lasts an hour at most")
        return self


class Trace(Shape):
    """A recorded series: CSV or Parquet with a time and a value column, or the JSON of ``get-metric-data``.

    In that JSON ``valueColumn`` is the Id or Label of the result, which need not be named if it is the only one.

    ``unit: count`` says that values are requests in the interval, ``rate`` that they are requests per second.
    ``after`` says what happens when the trace ends before the scenario does.
    """

    file: str
    time_column: str | None = None
    value_column: str | None = None
    interval: Duration | None = None
    unit: Literal["count", "rate"] = "count"
    start: str | None = None
    scale: Number = 1.0
    after: Literal["hold", "repeat", "zero", "error"] = "zero"
    where: str | None = None
    digest: str | None = None

    @model_validator(mode="after")
    def _has_times(self) -> Trace:
        if self.time_column is None and not self.file.endswith(".json"):
            raise PydanticCustomError("incomplete", "a trace needs timeColumn, unless it is get-metric-data JSON")
        return self


#: What a client's requests are taken for where a stream does not say: bytes of request and response, how many go over
#: one connection and how long that stays open (assumed: nobody publishes such figures).
REQUEST_BYTES: Final = 500
RESPONSE_BYTES: Final = 4500
REQUESTS_PER_CONNECTION: Final = 10
CONNECTION_SECONDS: Final = 60.0


class Traffic(Shape):
    """One stream of requests: a pattern or a trace, and where it goes.

    Bytes of a request and of its response, headers included, how many requests clients send over one connection and how
    long that stays open: what a load balancer counts, grows with and is billed for (NET-036, COST-025, COST-026), and
    for how long a connection holds its client behind a Network Load Balancer (LB-029). Nobody publishes such figures;
    the defaults (500 B, 4.5 kB, 10, 60 s: an Application Load Balancer's idle time-out) are assumed. Responses to the
    internet are billed by the GB only where ``responseSize`` is given: a guess would be most of the bill (COST-024).
    """

    KEYS_OF_PATTERN: ClassVar[dict[str, tuple[str, ...]]] = {
        "constant": ("rate",),
        "steps": ("steps",),
        "diurnal": ("base", "peak", "peakAt"),
        "weekly": ("base", "peak", "peakAt"),
        "spike": ("base", "peak", "at", "for"),
        "stages": ("stages",),
    }

    name: Name
    to: Destination | None = None
    split: Annotated[tuple[Split, ...], Field(min_length=1)] | None = None
    region: Region | None = None
    pattern: Literal["constant", "steps", "diurnal", "weekly", "spike", "stages"] | None = None
    rate: Number | None = None
    steps: tuple[Step, ...] | None = None
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)] | None = None
    base: Number | None = None
    peak: Number | None = None
    peak_at: ClockTime | None = None
    weekend: Share | None = None
    at: Moment | None = None
    for_: Annotated[Duration | None, Field(alias="for")] = None
    ramp: Duration | None = None
    noise: Share | None = None
    request_size: Size = REQUEST_BYTES
    response_size: Size = RESPONSE_BYTES
    requests_per_connection: Annotated[int, Field(ge=1)] = REQUESTS_PER_CONNECTION
    connection_lasts: Duration = CONNECTION_SECONDS
    trace: Trace | None = None
    bursts: tuple[Burst, ...] = ()
    clients: Clients | None = None
    host: str = ""
    path: str = "/"
    method: str = "GET"

    @model_validator(mode="after")
    def _is_whole(self) -> Traffic:
        if (self.to is None) == (self.split is None):
            raise PydanticCustomError("one_of", "give one of to, split")
        if (self.pattern is None) == (self.trace is None):
            raise PydanticCustomError("one_of", "give one of pattern, trace")
        if self.connection_lasts <= 0:
            raise PydanticCustomError("value", "connectionLasts: expected a duration above 0")
        needed = self.KEYS_OF_PATTERN.get(self.pattern or "", ())
        given = {self.__class__.model_fields[name].alias for name in self.model_fields_set}
        missing = [key for key in needed if key not in given]
        if missing:
            raise PydanticCustomError(
                "incomplete", "{text}", {"text": f"pattern {self.pattern} needs {', '.join(missing)}"}
            )
        return self
