"""``horizontalPodAutoscalers``: a what-if, services scaled by the Kubernetes HPA (spec of autoscaling/v2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecssim.aws.shape import Name, Shape

Seconds = Annotated[int, Field(ge=0, le=3600)]


class ScaleTargetRef(Shape):
    """The service that is scaled, by name or ``cluster/service``."""

    name: str
    kind: Literal["Deployment", "Service"] = "Service"


class ResourceTarget(Shape):
    """The mean over the replicas, in percent of what each requests."""

    type: Literal["Utilization"] = "Utilization"
    average_utilization: Annotated[int, Field(ge=1)]


class ResourceMetric(Shape):
    """CPU or memory."""

    name: Literal["cpu", "memory"]
    target: ResourceTarget


class PodMetric(Shape):
    """One metric; others than resources are not modelled."""

    type: Literal["Resource"] = "Resource"
    resource: ResourceMetric


class ScalingPace(Shape):
    """At most so many pods, or percent of them, within a period."""

    type: Literal["Pods", "Percent"]
    value: Annotated[int, Field(ge=1)]
    period_seconds: Annotated[int, Field(ge=1, le=1800)]


class ScalingRules(Shape):
    """How one direction is slowed down."""

    stabilization_window_seconds: Seconds | None = None
    policies: tuple[ScalingPace, ...] = ()
    select_policy: Literal["Max", "Min", "Disabled"] = "Max"


class ScalingBehavior(Shape):
    """Both directions."""

    scale_up: ScalingRules | None = None
    scale_down: ScalingRules | None = None


class PodAutoscaler(Shape):
    """One autoscaler."""

    name: Name
    scale_target_ref: ScaleTargetRef
    max_replicas: Annotated[int, Field(ge=1)]
    min_replicas: Annotated[int, Field(ge=1)] = 1
    metrics: Annotated[tuple[PodMetric, ...], Field(min_length=1)]
    behavior: ScalingBehavior | None = None
