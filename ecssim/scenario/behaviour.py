"""What AWS cannot know about a task: how its processes behave, and facts about images.

``startsAfter`` is how long a container takes from its creation to its start (the profile's delay where it is not
given). ``readyAfter`` runs from container start to serving and never delays RUNNING; ``runsFor`` runs from RUNNING;
``stopsAfter`` from the stop signal (``never``: only the kill after stopTimeout ends it); ``unhealthyAfter``
from container start (``0s``: never healthy); ``healthCheckTakes`` is what one probe of the container's own health
check lasts. Times are seconds, sizes bytes, ``cpu`` CPU units.

In a task whose containers have an order (``dependsOn``), health checks or restart policies of their own, what the
task says of ``startsAfter``, ``readyAfter`` and ``stopsAfter`` holds for each of its containers; everything else is
about its main one, which the load balancer names, or else the first essential one. Times count from that
container's own start then, and a container that others wait for to end (COMPLETE, SUCCESS) ends by itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from ecssim.aws.shape import Shape
from ecssim.scenario.distributions import (
    Constant,
    Distribution,
    DistributionOf,
    DurationDistribution,
    NumberDistribution,
    SizeDistribution,
    base_dir_of,
    placed,
)
from ecssim.scenario.units import (
    EXPECTED_DURATION,
    EXPECTED_SHARE,
    Number,
    Share,
    Size,
    parse_duration,
    parse_share,
)

NEVER = Constant(math.inf)
"""``stopsAfter: never``: the process ignores the stop signal, only the kill after stopTimeout ends it."""

PRIVATE_ECR: Final = re.compile(r"^\d{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/")
"""The registry of a private ECR repository, the only kind that Fargate loads images from lazily (FG-021)."""

_DELAY = DistributionOf(parse_duration, EXPECTED_DURATION)


class ImageFacts(Shape):
    """Facts about one image: its compressed size in bytes, and its layers' share that others have too.

    On Windows ``shared`` is the base layer, which Fargate keeps (FG-020). ``sociIndex``: the repository holds an index
    of the image for lazy loading on Fargate (FG-021).
    """

    size: Size
    shared: Share | None = None
    soci_index: bool = False


class Request(Shape):
    """What one request costs: CPU seconds, time spent waiting elsewhere, memory while it is in flight.

    ``internetSent`` and ``internetReceived`` are bytes that the task exchanges with hosts of the internet for it (an
    API of somebody else's); they take the way of the task's subnet. The default is none.
    """

    cpu_seconds: NumberDistribution | None = None
    latency: DurationDistribution | None = None
    memory: SizeDistribution | None = None
    concurrency: Annotated[int, Field(ge=1)] | None = None
    internet_sent: Size = 0
    internet_received: Size = 0


class Idle(Shape):
    """What a container uses without any request: CPU units and bytes."""

    cpu: Number = 0.0
    memory: Size = 0


class Logs(Shape):
    """What a task logs to CloudWatch (log driver ``awslogs``): bytes in an hour, and for each request served."""

    per_hour: Size = 0
    per_request: Size = 0


class Failure(Shape):
    """A share of the tasks (``rate``) whose essential container ends ``after`` its start."""

    rate: Share
    after: DurationDistribution


class FailsToStart(Shape):
    """A share of the tasks that never start; ``reason`` appears in ``stopped_reason``."""

    share: Share
    reason: str = "CannotStartContainerError"


def _read_exit_code(written: Any) -> tuple[tuple[int, float], ...]:
    if isinstance(written, bool):
        raise placed((), "value", "an exit code, or {code: share}")
    if isinstance(written, int):
        return ((_code(written, ()), 1.0),)
    if not isinstance(written, Mapping) or not written:
        raise placed((), "value", "an exit code, or {code: share}")
    shares = []
    for code, share in written.items():
        if not str(code).isdecimal():
            raise placed((str(code),), "value", "an exit code from 0 to 255 as the key")
        number = _code(int(code), (str(code),))
        try:
            shares.append((number, parse_share(share)))
        except PydanticCustomError:
            raise placed((str(code),), "value", EXPECTED_SHARE) from None
    if abs(sum(share for _, share in shares) - 1.0) > 1e-9:
        raise placed((), "value", "shares that sum to 1")
    return tuple(shares)


def _code(code: int, where: tuple[str, ...]) -> int:
    if not 0 <= code <= 255:
        raise placed(where, "value", "an exit code from 0 to 255")
    return code


def _read_stops_after(written: Any, info: ValidationInfo) -> Distribution:
    return NEVER if written == "never" else _DELAY.read(written, base_dir_of(info))


ExitCode = Annotated[
    tuple[tuple[int, float], ...],
    PlainValidator(_read_exit_code),
    WithJsonSchema({"type": ["integer", "object"], "description": "an exit code, or {code: share}"}),
]
StopsAfter = Annotated[
    Distribution,
    PlainValidator(_read_stops_after),
    WithJsonSchema({"description": f"{EXPECTED_DURATION}, a distribution, or never"}),
]


class ContainerBehaviour(Shape):
    """How one container behaves; what is not given keeps the defaults of the task."""

    starts_after: DurationDistribution | None = None
    ready_after: DurationDistribution | None = None
    runs_for: DurationDistribution | None = None
    stops_after: StopsAfter | None = None
    unhealthy_after: DurationDistribution | None = None
    health_check_takes: DurationDistribution | None = None
    fails_to_start: FailsToStart | None = None
    failure: Failure | None = None
    exit_code: ExitCode | None = None
    request: Request | None = None
    idle: Idle | None = None
    logs: Logs | None = None


class Behaviour(ContainerBehaviour):
    """How the tasks of a family (or of ``family:revision``) behave; ``containers`` refines one container."""

    containers: Mapping[str, ContainerBehaviour] = Field(default_factory=dict)
