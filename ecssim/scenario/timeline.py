"""What happens at a named time: API calls by people and pipelines, and faults.

``at`` is a duration from start, a clock time of the virtual day (``13:00``: the first such moment at or after
start) or a timestamp. ``every`` repeats, ``times`` says how often in all. Calls carry the API's parameters in
``with`` (documents of ``aws/requests.py``), faults the parameters of design section 5.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.requests import REQUESTS
from ecssim.aws.shape import JsonObject, Shape, bad
from ecssim.scenario.units import Duration, PositiveCount, Share, parse_duration

EXPECTED_MOMENT = "a duration from start (90s, 2h), a clock time (13:00) or a timestamp (2026-03-02T13:00:00Z)"
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?")


def _moment(written: object) -> object:
    if isinstance(written, str):
        if _CLOCK.fullmatch(written):
            return written
        if "T" in written:
            try:
                if datetime.fromisoformat(written).tzinfo is not None:
                    return written
            except ValueError:
                pass
            raise bad(EXPECTED_MOMENT)
    try:
        parse_duration(written)
    except PydanticCustomError:
        raise bad(EXPECTED_MOMENT) from None
    return str(written)


Moment = Annotated[
    str,
    BeforeValidator(_moment),
    WithJsonSchema({"type": ["string", "number"], "description": EXPECTED_MOMENT}),
]


def seconds_of(moment: str, start: datetime) -> float:
    """Seconds from ``start`` of a moment; a clock time means its first occurrence at or after the start.

    A timestamp before the start gives a negative number.
    """
    if _CLOCK.fullmatch(moment):
        parts = [int(part) for part in moment.split(":")]
        wanted = parts[0] * 3600 + parts[1] * 60 + (parts[2] if len(parts) > 2 else 0)
        now = start.hour * 3600 + start.minute * 60 + start.second + start.microsecond / 1e6
        return (wanted - now) % 86400.0
    if "T" in moment:
        return (datetime.fromisoformat(moment) - start).total_seconds()
    return parse_duration(0 if moment in ("0", "0.0") else moment)


class _Entry(Shape):
    """What calls and faults share."""

    at: Moment
    every: Duration | None = None
    times: PositiveCount | None = None

    @model_validator(mode="after")
    def _repeats_well(self) -> _Entry:
        if self.times is not None and self.every is None:
            raise PydanticCustomError("value", "times needs every")
        if self.every is not None and self.every <= 0:
            raise PydanticCustomError("value", "every: expected a duration above 0")
        return self


class TimelineCall(_Entry):
    """An API call; ``caller`` is free text that the table of calls shows."""

    call: str
    with_: Annotated[JsonObject, Field(alias="with")] = Field(default_factory=dict)
    caller: str | None = None


class TimelineFault(_Entry):
    """Something that breaks."""

    fault: str
    with_: Annotated[JsonObject, Field(alias="with")] = Field(default_factory=dict)


def _kind(entry: object) -> str | None:
    keys: object = entry if isinstance(entry, Mapping) else getattr(entry, "__dict__", {})
    if not isinstance(keys, Mapping) or "call" in keys:
        return "<call>"
    return "<fault>" if "fault" in keys else None


TimelineEntry = Annotated[
    Annotated[TimelineCall, Tag("<call>")] | Annotated[TimelineFault, Tag("<fault>")], Discriminator(_kind)
]


class SpotReclaim(Shape):
    """Spot capacity is taken back from a share of a provider's tasks or instances.

    ``noticeAfter``: EC2 recommends to rebalance at once and gives the notice so much later (SPOT-013). ``notice`` is
    the time from the notice to the end of an instance, less than two minutes when EC2 could not keep to them
    (SPOT-011); a task on Fargate Spot always has its two minutes.
    """

    capacity_provider: str
    fraction: Share
    availability_zone: str | None = None
    instance_type: str | None = None
    notice_after: Duration = 0.0
    notice: Duration = 120.0

    @model_validator(mode="after")
    def _gives_notice_in_time(self) -> SpotReclaim:
        if self.notice > 120.0:
            raise PydanticCustomError("value", "notice: expected at most 2m, the notice that EC2 gives")
        return self


class SpotDrought(Shape):
    """No Spot capacity of a provider is to be had for a while."""

    capacity_provider: str
    for_: Annotated[Duration, Field(alias="for")]
    availability_zone: str | None = None
    instance_type: str | None = None


class InsufficientCapacity(Shape):
    """EC2 has no On-Demand instances of a type left, in one zone or in all, for a while (ASG-058)."""

    instance_type: str
    for_: Annotated[Duration, Field(alias="for")]
    availability_zone: str | None = None


class FargateRetirement(Shape):
    """Fargate's platform gets a new revision: tasks that exist now retire after the account's wait (FG-030)."""


class AzOutage(Shape):
    """A zone fails for a while."""

    availability_zone: str
    for_: Annotated[Duration, Field(alias="for")]


class InstanceTermination(Shape):
    """Instances end without warning: some of a provider, or one by its id."""

    capacity_provider: str | None = None
    count: PositiveCount | None = None
    instance_id: str | None = None

    @model_validator(mode="after")
    def _names_victims(self) -> InstanceTermination:
        by_count = self.capacity_provider is not None and self.count is not None
        if by_count == (self.instance_id is not None):
            raise PydanticCustomError("one_of", "give capacityProvider and count, or instanceId")
        return self


class InstanceImpairment(Shape):
    """Instances of a provider become impaired for a while."""

    capacity_provider: str
    count: PositiveCount
    for_: Annotated[Duration, Field(alias="for")]


class AgentDisconnect(Shape):
    """Agents of a provider's instances lose their connection for a while."""

    capacity_provider: str
    count: PositiveCount
    for_: Annotated[Duration, Field(alias="for")]


class TaskCrash(Shape):
    """Tasks of a service end at once: a number or a share of them."""

    service: str
    count: PositiveCount | None = None
    fraction: Share | None = None

    @model_validator(mode="after")
    def _says_how_many(self) -> TaskCrash:
        if (self.count is None) == (self.fraction is None):
            raise PydanticCustomError("one_of", "give one of count, fraction")
        return self


class SlowTask(Shape):
    """A share of a service's tasks is slower by a factor for a while."""

    service: str
    fraction: Share
    factor: Annotated[float, Field(gt=0)]
    for_: Annotated[Duration, Field(alias="for")]


class RegistrySlow(Shape):
    """Image pulls take longer by a factor for a while."""

    factor: Annotated[float, Field(gt=0)]
    for_: Annotated[Duration, Field(alias="for")]


class RegistryDown(Shape):
    """No image can be pulled for a while."""

    for_: Annotated[Duration, Field(alias="for")]


class AddressesTaken(Shape):
    """Somebody else takes addresses of a subnet, for a while or for good."""

    subnet: str
    count: PositiveCount
    for_: Annotated[Duration | None, Field(alias="for")] = None


class ApiThrottling(Shape):
    """The rate of one API action is divided by a factor for a while."""

    action: str
    factor: Annotated[float, Field(gt=0)]
    for_: Annotated[Duration, Field(alias="for")]


class MetricDelay(Shape):
    """CloudWatch metrics arrive later for a while."""

    delay: Duration
    for_: Annotated[Duration, Field(alias="for")]


class DependencySlow(Shape):
    """A database or another dependency answers slower by a factor for a while."""

    dependency: str
    factor: Annotated[float, Field(gt=0)]
    for_: Annotated[Duration, Field(alias="for")]


FAULTS: Mapping[str, type[Shape]] = {
    "spotReclaim": SpotReclaim,
    "spotDrought": SpotDrought,
    "insufficientCapacity": InsufficientCapacity,
    "fargateRetirement": FargateRetirement,
    "azOutage": AzOutage,
    "instanceTermination": InstanceTermination,
    "instanceImpairment": InstanceImpairment,
    "agentDisconnect": AgentDisconnect,
    "taskCrash": TaskCrash,
    "slowTask": SlowTask,
    "registrySlow": RegistrySlow,
    "registryDown": RegistryDown,
    "addressesTaken": AddressesTaken,
    "apiThrottling": ApiThrottling,
    "metricDelay": MetricDelay,
    "dependencySlow": DependencySlow,
}
"""The parameters of every fault that a timeline may name."""


def parameters_of(entry: TimelineCall | TimelineFault) -> type[Shape] | None:
    """The document that the entry's ``with`` must be; None if the call or fault does not exist."""
    if isinstance(entry, TimelineCall):
        return REQUESTS.get(entry.call)
    return FAULTS.get(entry.fault)


def request_of(entry: TimelineCall | TimelineFault) -> Shape:
    """The parsed parameters of an entry; a loaded scenario has only entries for which this works."""
    model = parameters_of(entry)
    if model is None:
        raise KeyError(entry.call if isinstance(entry, TimelineCall) else entry.fault)
    return model.model_validate_json(json.dumps(dict(entry.with_)))
