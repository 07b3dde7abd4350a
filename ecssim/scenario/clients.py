"""Who sends requests: how patient clients are, what they do when a request fails, how they connect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.shape import Shape
from ecssim.scenario.units import Duration, Share

Failure = Literal["502", "503", "504", "460"]


class Retries(Shape):
    """Clients try a failed request again: ``attempts`` in all, ``backoff`` before the first retry, then longer.

    Each further wait is ``factor`` times the one before. ``on`` are the answers that they try again.
    """

    attempts: Annotated[int, Field(ge=2, le=10)]
    backoff: Duration = 1.0
    factor: Annotated[float, Field(ge=1)] = 2.0
    on: Annotated[tuple[Failure, ...], Field(min_length=1)] = ("502", "503", "504", "460")


class Clients(Shape):
    """The clients of a stream.

    ``timeout``: they give up after it (the load balancer counts 460). ``staysFor``: how long a user comes back, which
    bounds what cookies do. ``zones``: the share of them in each Availability Zone. How large their requests are and how
    they connect stands beside the stream itself (``requestSize``, ``requestsPerConnection`` ...).
    """

    timeout: Duration | None = None
    retries: Retries | None = None
    stays_for: Duration | None = None
    zones: Mapping[str, Share] = Field(default_factory=dict)
    protocol: Literal["http1", "http2", "grpc"] = "http1"

    @model_validator(mode="after")
    def _adds_up(self) -> Clients:
        if self.zones and abs(sum(self.zones.values()) - 1.0) > 1e-6:
            raise PydanticCustomError("value", "zones: expected shares that sum to 1")
        for name in ("timeout", "stays_for"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                key = type(self).model_fields[name].alias
                raise PydanticCustomError("value", "{text}", {"text": f"{key}: expected a duration above 0"})
        return self
