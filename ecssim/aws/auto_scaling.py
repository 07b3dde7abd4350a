"""The parts of an Auto Scaling group beside its sizes: lifecycle hooks, warm pool, distribution over zones.

Documents of EC2 Auto Scaling, whose PascalCase is accepted. A hook may say with ``completesAfter`` (seconds) when
somebody completes it with CONTINUE; without that it runs into its timeout and ends with its default result.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ecssim.aws.names import (
    CapacityDistributionStrategy,
    LifecycleActionResult,
    LifecycleTransition,
    ScalingProcess,
    WarmPoolState,
)
from ecssim.aws.shape import Name, Shape


class LifecycleHookSpecification(Shape):
    """A lifecycle hook: it holds instances that launch or end until it is completed or times out (ASG-046)."""

    pascal: ClassVar[bool] = True
    additions: ClassVar[frozenset[str]] = frozenset({"completesAfter"})

    lifecycle_hook_name: Name
    lifecycle_transition: LifecycleTransition
    heartbeat_timeout: Annotated[int | None, Field(ge=30, le=7200)] = None
    default_result: LifecycleActionResult | None = None
    notification_metadata: str | None = None
    notification_target_arn: Annotated[str | None, Field(alias="notificationTargetARN")] = None
    role_arn: Annotated[str | None, Field(alias="roleARN")] = None
    completes_after: Annotated[int | None, Field(ge=0)] = None


class InstanceReusePolicy(Shape):
    """Whether instances go back to the warm pool when the group shrinks; not with Amazon ECS (ASG-056)."""

    pascal: ClassVar[bool] = True

    reuse_on_scale_in: bool = False


class WarmPool(Shape):
    """A pool of instances that were booted once and wait, as PutWarmPool takes it (ASG-056)."""

    pascal: ClassVar[bool] = True

    max_group_prepared_capacity: Annotated[int | None, Field(ge=-1)] = None
    min_size: Annotated[int, Field(ge=0)] = 0
    pool_state: WarmPoolState = WarmPoolState.STOPPED
    instance_reuse_policy: InstanceReusePolicy | None = None


class AvailabilityZoneDistribution(Shape):
    """Where a launch that failed is tried again: in another zone, or in the same one (ASG-050)."""

    pascal: ClassVar[bool] = True

    capacity_distribution_strategy: CapacityDistributionStrategy = CapacityDistributionStrategy.BALANCED_BEST_EFFORT


class SuspendProcesses(Shape):
    """Suspend processes of a group; none named: all of them."""

    pascal: ClassVar[bool] = True

    auto_scaling_group_name: str
    scaling_processes: tuple[ScalingProcess, ...] = ()


class ResumeProcesses(SuspendProcesses):
    """Let suspended processes go on; none named: all of them."""


class RefreshPreferences(Shape):
    """How an instance refresh goes: percent of the desired capacity in service, seconds of warm-up."""

    pascal: ClassVar[bool] = True

    min_healthy_percentage: Annotated[int, Field(ge=0, le=100)] = 90
    max_healthy_percentage: Annotated[int | None, Field(ge=100, le=200)] = None
    instance_warmup: Annotated[int, Field(ge=0)] = 0
    skip_matching: bool | None = None


class StartInstanceRefresh(Shape):
    """Replace every instance of a group, some at a time."""

    pascal: ClassVar[bool] = True

    auto_scaling_group_name: str
    strategy: str | None = None
    preferences: RefreshPreferences = Field(default_factory=RefreshPreferences)


class UpdateAutoScalingGroup(Shape):
    """Change the sizes, the subnets and a few settings of a group."""

    pascal: ClassVar[bool] = True

    auto_scaling_group_name: str
    min_size: Annotated[int | None, Field(ge=0)] = None
    max_size: Annotated[int | None, Field(ge=0)] = None
    desired_capacity: Annotated[int | None, Field(ge=0)] = None
    vpc_zone_identifier: Annotated[str | None, Field(alias="vpcZoneIdentifier")] = None
    termination_policies: tuple[str, ...] | None = None
    capacity_rebalance: bool | None = None
    default_cooldown: Annotated[int | None, Field(ge=0)] = None
    health_check_grace_period: Annotated[int | None, Field(ge=0)] = None
