"""What must hold at the end of a run: a scenario can be a test in a user's CI.

``metric`` is ``kind.name`` (``subnet.freeAddresses``), ``of`` names the resource. ``statistic: min`` is over
instants for state and over minutes for rates. ``after``, ``before`` and ``during`` narrow the time, ``share``
says for which part of it the bound must hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.shape import Shape
from ecssim.scenario.timeline import Moment
from ecssim.scenario.units import Duration, Share

METRICS: Mapping[str, tuple[str, str]] = {
    "subnet.freeAddresses": ("subnet_metrics", "free"),
    "subnet.usedAddresses": ("subnet_metrics", "used"),
    "subnet.failedAllocations": ("subnet_metrics", "failed_allocations"),
    "service.desiredCount": ("service_metrics", "desired_count"),
    "service.runningCount": ("service_metrics", "running_count"),
    "service.pendingCount": ("service_metrics", "pending_count"),
    "service.healthyCount": ("service_metrics", "healthy_count"),
    "service.cpuUtilization": ("service_metrics", "cpu_utilization"),
    "service.memoryUtilization": ("service_metrics", "memory_utilization"),
    "service.offeredCount": ("service_metrics", "offered_count"),
    "service.servedCount": ("service_metrics", "served_count"),
    "service.failedCount": ("service_metrics", "failed_count"),
    "service.retriedCount": ("service_metrics", "retried_count"),
    "service.requestCount": ("service_metrics", "request_count"),
    "service.requestCountPerTarget": ("service_metrics", "request_count_per_target"),
    "service.targetResponseTime": ("service_metrics", "target_response_time"),
    "service.latencyP50": ("service_metrics", "latency_p50"),
    "service.latencyP95": ("service_metrics", "latency_p95"),
    "service.latencyP99": ("service_metrics", "latency_p99"),
    "service.http502Count": ("service_metrics", "http_502_count"),
    "service.http503Count": ("service_metrics", "http_503_count"),
    "service.http504Count": ("service_metrics", "http_504_count"),
    "capacityProvider.instances": ("capacity_provider_metrics", "instances"),
    "capacityProvider.desiredCapacity": ("capacity_provider_metrics", "desired_capacity"),
    "capacityProvider.emptyInstances": ("capacity_provider_metrics", "empty_instances"),
    "capacityProvider.runningTasks": ("capacity_provider_metrics", "running_tasks"),
    "capacityProvider.provisioningTasks": ("capacity_provider_metrics", "provisioning_tasks"),
    "capacityProvider.reservation": ("capacity_provider_metrics", "capacity_provider_reservation"),
    "cost.usd": ("costs", "usd"),
}
"""The metrics that an expectation may name, with the table and the column that hold them."""

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
