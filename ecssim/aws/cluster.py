"""Clusters, capacity providers and the Auto Scaling groups under them.

Capacity providers and clusters are ECS documents; an Auto Scaling group is a document of EC2 Auto Scaling,
whose PascalCase is accepted too. ``targetCapacity`` is percent, ``instanceWarmupPeriod`` seconds. What the
instances of a group are may be written short (``instances``) or as the API has it (``mixedInstancesPolicy``);
``agent`` takes the ECS agent's own configuration names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ecssim.aws.agent import AgentConfiguration
from ecssim.aws.auto_scaling import AvailabilityZoneDistribution, LifecycleHookSpecification, WarmPool
from ecssim.aws.managed_instances import ManagedInstancesProvider
from ecssim.aws.names import (
    EnabledDisabled,
    Market,
    OnDemandAllocationStrategy,
    SpotAllocationStrategy,
    TerminationPolicy,
)
from ecssim.aws.service import CapacityProviderStrategyItem
from ecssim.aws.shape import JsonObject, Name, PlainName, Region, Shape
from ecssim.aws.task_definition import Tag


class ClusterSetting(Shape):
    """A setting of a cluster, such as Container Insights."""

    name: str | None = None
    value: str | None = None


class ClusterServiceConnectDefaults(Shape):
    """The namespace that services of the cluster use when they name none."""

    namespace: str


class Cluster(Shape):
    """A cluster as CreateCluster takes it."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    cluster_name: PlainName
    region: Region | None = None
    capacity_providers: tuple[str, ...] = ()
    default_capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...] = ()
    settings: tuple[ClusterSetting, ...] = ()
    configuration: JsonObject | None = None
    service_connect_defaults: ClusterServiceConnectDefaults | None = None
    tags: tuple[Tag, ...] = ()


class ManagedScaling(Shape):
    """Cluster auto scaling of one provider (ASG section)."""

    status: EnabledDisabled | None = None
    target_capacity: Annotated[int, Field(ge=1, le=100)] | None = None
    minimum_scaling_step_size: Annotated[int, Field(ge=1, le=10000)] | None = None
    maximum_scaling_step_size: Annotated[int, Field(ge=1, le=10000)] | None = None
    instance_warmup_period: Annotated[int, Field(ge=0, le=10000)] | None = None


class AutoScalingGroupProvider(Shape):
    """The Auto Scaling group behind a capacity provider, by ARN or by name."""

    additions: ClassVar[frozenset[str]] = frozenset({"autoScalingGroup"})
    shorthands: ClassVar[Mapping[str, str]] = {"autoScalingGroup": "autoScalingGroupArn"}

    auto_scaling_group_arn: str | None = None
    auto_scaling_group: str | None = None
    managed_scaling: ManagedScaling | None = None
    managed_termination_protection: EnabledDisabled | None = None
    managed_draining: EnabledDisabled | None = None

    @model_validator(mode="after")
    def _names_one_group(self) -> AutoScalingGroupProvider:
        if (self.auto_scaling_group_arn is None) == (self.auto_scaling_group is None):
            raise PydanticCustomError(
                "one_of", "give autoScalingGroupArn or its shorthand autoScalingGroup, one of them"
            )
        return self

    @property
    def group_name(self) -> str:
        """Name of the group, also when it was given by ARN."""
        given = self.auto_scaling_group or self.auto_scaling_group_arn or ""
        return given.rsplit("autoScalingGroupName/", 1)[-1]


class CapacityProvider(Shape):
    """A user's capacity provider as CreateCapacityProvider takes it (CAP-013)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    name: PlainName
    region: Region | None = None
    cluster: str | None = None
    auto_scaling_group_provider: AutoScalingGroupProvider | None = None
    managed_instances_provider: ManagedInstancesProvider | None = None
    tags: tuple[Tag, ...] = ()


class EbsBlockDevice(Shape):
    """An EBS volume of an instance; gp3, whose 3,000 IOPS and 125 MB/s are included, is what has a price here."""

    pascal: ClassVar[bool] = True

    volume_size: Annotated[int, Field(ge=1, le=65536)]
    volume_type: Literal["gp3"] = "gp3"
    delete_on_termination: bool | None = None
    encrypted: bool | None = None


class BlockDeviceMapping(Shape):
    """A volume of a launch template (COST-027)."""

    pascal: ClassVar[bool] = True

    device_name: str | None = None
    ebs: EbsBlockDevice


#: GiB of the root volume of the ECS-optimized AMI (ECS developer guide, "Amazon ECS-optimized AMI", read in 2026).
ROOT_VOLUME_GIB = 30


class InstancesShorthand(Shape):
    """``instances: {instanceType, market}``: short for a launch template with one type.

    ``blockDeviceMappings`` are the volumes of the launch template; without them there is the root volume of the image.
    """

    additions: ClassVar[frozenset[str]] = frozenset({"market"})

    instance_type: str
    market: Market = Market.ON_DEMAND
    image_id: str | None = None
    block_device_mappings: tuple[BlockDeviceMapping, ...] = ()
    security_group_ids: tuple[str, ...] = ()
    associate_public_ip_address: bool | None = None


class LaunchTemplateSpecification(Shape):
    """A launch template; its instance type may be written beside it because AWS keeps it elsewhere."""

    pascal: ClassVar[bool] = True

    launch_template_id: str | None = None
    launch_template_name: str | None = None
    version: str | None = None


class LaunchTemplateOverride(Shape):
    """One instance type of a mixed group and how many units of capacity one instance counts for."""

    pascal: ClassVar[bool] = True

    instance_type: str | None = None
    weighted_capacity: Annotated[str, Field(pattern=r"^[1-9]\d{0,2}$")] | None = None
    launch_template_specification: LaunchTemplateSpecification | None = None
    instance_requirements: JsonObject | None = None
    image_id: str | None = None


class MixedLaunchTemplate(Shape):
    """The instance types of a mixed group; the volumes of its launch template may be written beside them."""

    pascal: ClassVar[bool] = True
    additions: ClassVar[frozenset[str]] = frozenset({"blockDeviceMappings"})

    launch_template_specification: LaunchTemplateSpecification | None = None
    overrides: tuple[LaunchTemplateOverride, ...] = ()
    block_device_mappings: tuple[BlockDeviceMapping, ...] = ()


class InstancesDistribution(Shape):
    """How a mixed group divides its instances between On-Demand and Spot."""

    pascal: ClassVar[bool] = True

    on_demand_allocation_strategy: OnDemandAllocationStrategy | None = None
    on_demand_base_capacity: Annotated[int, Field(ge=0)] | None = None
    on_demand_percentage_above_base_capacity: Annotated[int, Field(ge=0, le=100)] | None = None
    spot_allocation_strategy: SpotAllocationStrategy | None = None
    spot_instance_pools: Annotated[int, Field(ge=1, le=20)] | None = None
    spot_max_price: str | None = None
    distribution_segments: tuple[JsonObject, ...] = ()


class MixedInstancesPolicy(Shape):
    """Several instance types and both markets in one group."""

    pascal: ClassVar[bool] = True

    launch_template: MixedLaunchTemplate | None = None
    instances_distribution: InstancesDistribution | None = None


@dataclass(frozen=True, slots=True)
class InstanceChoice:
    """One instance type that a group may launch, and the units of capacity that one instance counts for."""

    instance_type: str
    weight: int = 1
    image_id: str | None = None


class AutoScalingGroup(Shape):
    """An Auto Scaling group as CreateAutoScalingGroup takes it, with its ECS agent.

    ``subnets`` is short for ``vpcZoneIdentifier`` and ``instances`` for a launch template with one type.
    ``interfacesAttachedByHand`` are network interfaces on each instance that ECS does not know of (NET-022).
    """

    pascal: ClassVar[bool] = True
    additions: ClassVar[frozenset[str]] = frozenset(
        {"region", "subnets", "instances", "agent", "warmPool", "interfacesAttachedByHand"}
    )
    shorthands: ClassVar[Mapping[str, str]] = {
        "warmPool": "a PutWarmPool call of its own",
        "subnets": "vpcZoneIdentifier (the subnet ids joined by commas)",
        "instances": "a launch template with this instance type and, for Spot, its instanceMarketOptions",
    }

    auto_scaling_group_name: Name
    region: Region | None = None
    min_size: Annotated[int, Field(ge=0)]
    max_size: Annotated[int, Field(ge=0)]
    desired_capacity: Annotated[int, Field(ge=0)] | None = None
    subnets: tuple[str, ...] = ()
    vpc_zone_identifier: Annotated[str | None, Field(alias="vpcZoneIdentifier")] = None
    instances: InstancesShorthand | None = None
    launch_template: LaunchTemplateSpecification | None = None
    mixed_instances_policy: MixedInstancesPolicy | None = None
    agent: AgentConfiguration = Field(default_factory=AgentConfiguration)
    interfaces_attached_by_hand: Annotated[int, Field(ge=0)] = 0
    default_cooldown: Annotated[int, Field(ge=0)] | None = None
    default_instance_warmup: Annotated[int, Field(ge=-1)] | None = None
    health_check_type: str | None = None
    health_check_grace_period: Annotated[int, Field(ge=0)] | None = None
    new_instances_protected_from_scale_in: bool | None = None
    termination_policies: tuple[TerminationPolicy, ...] = ()
    capacity_rebalance: bool | None = None
    max_instance_lifetime: Annotated[int, Field(ge=0)] | None = None
    instance_maintenance_policy: JsonObject | None = None
    availability_zones: tuple[str, ...] = ()
    availability_zone_ids: tuple[str, ...] = ()
    availability_zone_distribution: AvailabilityZoneDistribution | None = None
    availability_zone_impairment_policy: JsonObject | None = None
    target_group_arns: Annotated[tuple[str, ...], Field(alias="targetGroupARNs")] = ()
    load_balancer_names: tuple[str, ...] = ()
    traffic_sources: tuple[JsonObject, ...] = ()
    lifecycle_hook_specification_list: tuple[LifecycleHookSpecification, ...] = ()
    warm_pool: WarmPool | None = None
    launch_configuration_name: str | None = None
    instance_id: str | None = None
    placement_group: str | None = None
    service_linked_role_arn: Annotated[str | None, Field(alias="serviceLinkedRoleARN")] = None
    desired_capacity_type: str | None = None
    deletion_protection: str | None = None
    capacity_reservation_specification: JsonObject | None = None
    instance_lifecycle_policy: JsonObject | None = None
    skip_zonal_shift_validation: bool | None = None
    operator: JsonObject | None = None
    context: str | None = None
    tags: tuple[JsonObject, ...] = ()

    @model_validator(mode="after")
    def _launches_something(self) -> AutoScalingGroup:
        sources = [self.instances, self.mixed_instances_policy]
        if sum(source is not None for source in sources) > 1:
            raise PydanticCustomError("one_of", "give instances or mixedInstancesPolicy, not both")
        if self.subnets and self.vpc_zone_identifier is not None:
            raise PydanticCustomError("one_of", "give vpcZoneIdentifier or its shorthand subnets, not both")
        return self

    @property
    def buys_spot(self) -> bool:
        """Whether any instance of the group may be Spot."""
        return self.on_demand_percent < 100

    @property
    def cluster(self) -> str | None:
        """The cluster that the agents on the instances were told to join; None if they were told nothing."""
        return self.agent.cluster

    @property
    def subnet_ids(self) -> tuple[str, ...]:
        """Subnets in which the group launches, whichever way they were written."""
        if self.vpc_zone_identifier is not None:
            return tuple(part for part in re.split(r"[,\s]+", self.vpc_zone_identifier) if part)
        return self.subnets

    @property
    def choices(self) -> tuple[InstanceChoice, ...]:
        """The instance types that the group may launch, in the order of preference."""
        if self.instances is not None:
            return (InstanceChoice(self.instances.instance_type, image_id=self.instances.image_id),)
        policy = self.mixed_instances_policy
        overrides = policy.launch_template.overrides if policy and policy.launch_template else ()
        return tuple(
            InstanceChoice(o.instance_type, int(o.weighted_capacity or 1), o.image_id)
            for o in overrides
            if o.instance_type is not None
        )

    @property
    def distribution(self) -> InstancesDistribution | None:
        """How a mixed group divides its instances; the API's defaults if its policy says nothing."""
        policy = self.mixed_instances_policy
        return None if policy is None else policy.instances_distribution or InstancesDistribution()

    @property
    def volume_gib(self) -> int:
        """GiB of all volumes of an instance (COST-027)."""
        policy = self.mixed_instances_policy
        template = policy.launch_template if policy is not None else None
        given = self.instances.block_device_mappings if self.instances is not None else ()
        if template is not None:
            given = template.block_device_mappings
        return sum(mapping.ebs.volume_size for mapping in given) or ROOT_VOLUME_GIB

    @property
    def on_demand_base(self) -> int:
        """Instances that are On-Demand before any Spot is bought."""
        distribution = self.distribution
        return (distribution.on_demand_base_capacity or 0) if distribution else 0

    @property
    def on_demand_percent(self) -> int:
        """Percent of the instances above the base that are On-Demand; EC2's default is 100."""
        if self.instances is not None:
            return 100 if self.instances.market is Market.ON_DEMAND else 0
        distribution = self.distribution
        given = distribution.on_demand_percentage_above_base_capacity if distribution else None
        return 100 if given is None else given
