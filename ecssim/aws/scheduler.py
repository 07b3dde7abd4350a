"""EventBridge Scheduler: schedules that call an API (CreateSchedule documents; PascalCase is accepted).

The targets that are modelled are AWS API calls, ``arn:aws:scheduler:::aws-sdk:ecs:updateService``; ``input`` is the
call's parameters, as JSON text as the API has it, or written out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, ValidationError

from ecssim.aws.refusals import Refusal
from ecssim.aws.requests import REQUESTS
from ecssim.aws.scaling import ScalingShape
from ecssim.aws.schedules import BadScheduleError, BadTimeZoneError, Schedule, moment_of, parse_schedule
from ecssim.aws.shape import JsonObject, Name, Region, Shape

CODE: Final = "ValidationException"
PREFIX: Final = "arn:aws:scheduler:::aws-sdk:"
MOST_MINUTES: Final = 1440


class FlexibleTimeWindow(ScalingShape):
    """Whether a schedule may fire somewhat later, and how much (BATCH-020)."""

    mode: Literal["OFF", "FLEXIBLE"]
    maximum_window_in_minutes: int | None = None


class ScheduleTarget(ScalingShape):
    """The API call that a schedule makes."""

    arn: str
    input: str | JsonObject | None = None
    role_arn: str | None = None
    retry_policy: JsonObject | None = None
    dead_letter_config: JsonObject | None = None


class EventSchedule(ScalingShape):
    """A schedule as CreateSchedule takes it."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    name: Name
    schedule_expression: Annotated[str, Field(pattern=r"^(at|rate|cron)\(.+\)$")]
    target: ScheduleTarget
    flexible_time_window: FlexibleTimeWindow = FlexibleTimeWindow.model_construct(mode="OFF")
    region: Region | None = None
    group_name: str | None = None
    description: str | None = None
    schedule_expression_timezone: str | None = None
    start_date: str | None = None
    end_date: str | None = None
    state: Literal["ENABLED", "DISABLED"] = "ENABLED"
    action_after_completion: Literal["NONE", "DELETE"] = "NONE"
    kms_key_arn: str | None = None


def schedule_of(document: EventSchedule) -> Schedule:
    """When the schedule fires; start and end are UTC unless they say otherwise."""
    start, end = moment_of(document.start_date, "startDate"), moment_of(document.end_date, "endDate")
    return parse_schedule(document.schedule_expression, document.schedule_expression_timezone, start, end)


def action_of(document: EventSchedule) -> str:
    """The API action that it calls (``UpdateService``), empty if its target is none."""
    _, _, action = document.target.arn.removeprefix(PREFIX).partition(":")
    return action[:1].upper() + action[1:] if document.target.arn.startswith(PREFIX) else ""


def parameters_of(document: EventSchedule) -> dict[str, Any]:
    """The parameters of its call, in camelCase.

    :raises ValueError: if ``input`` is no JSON object.
    """
    given = document.target.input
    read = json.loads(given) if isinstance(given, str) else given or {}
    if not isinstance(read, Mapping):
        raise ValueError("input is a JSON object: the parameters of the call")
    camel: dict[str, Any] = _camel(read)
    return camel


def check_schedule(document: EventSchedule) -> Iterator[Refusal]:
    """Every reason for which a schedule would be refused, whatever else there is."""
    try:
        schedule_of(document)
    except BadScheduleError as error:
        zone = "Timezone" if isinstance(error, BadTimeZoneError) else ""
        yield Refusal((f"scheduleExpression{zone}",), str(error), "SCALE-060", CODE)
    window = document.flexible_time_window
    minutes = window.maximum_window_in_minutes
    if window.mode == "FLEXIBLE" and not 1 <= (minutes or 0) <= MOST_MINUTES:
        message = f"a flexible window has maximumWindowInMinutes, 1 to {MOST_MINUTES}"
        yield Refusal(("flexibleTimeWindow",), message, "BATCH-020", CODE)
    if window.mode == "OFF" and minutes is not None:
        yield Refusal(("flexibleTimeWindow",), "maximumWindowInMinutes goes with mode FLEXIBLE", "BATCH-020", CODE)
    yield from _call(document)


def _call(document: EventSchedule) -> Iterator[Refusal]:
    action = action_of(document)
    if not action:
        message = f"only API calls are modelled as targets (notModelled): {PREFIX}ecs:updateService"
        yield Refusal(("target", "arn"), message, "SCALE-066", CODE)
        return
    model = REQUESTS.get(action)
    if model is None:
        yield Refusal(("target", "arn"), f"there is no call {action}", "SCALE-066", CODE)
        return
    try:
        request_of(document, model)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        yield Refusal(("target", "input"), f"{where}: {first['msg']}" if where else first["msg"], "SCALE-066", CODE)
    except ValueError:
        yield Refusal(("target", "input"), "input is a JSON object: the parameters of the call", "SCALE-066", CODE)


def request_of(document: EventSchedule, model: type[Shape]) -> Shape:
    """The call's parameters as the API reads them."""
    return model.model_validate_json(json.dumps(parameters_of(document)))


def _camel(value: Any) -> Any:
    """Keys as an SDK writes them (``DesiredCount``), in camelCase."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _camel(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_camel(inner) for inner in value]
    return value
