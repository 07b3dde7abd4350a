"""The ``managedInstancesProvider`` of a capacity provider: ECS itself chooses, launches and ends the instances.

Sizes are MiB, GiB where a name says so, delays seconds, shares whole percent. Implements the documents of CAP-060 to
CAP-063, CAP-070 and CAP-075.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ecssim.aws.names import CapacityOptionType, EnabledDisabled
from ecssim.aws.shape import JsonObject, Shape, ruled

Presence = Literal["included", "required", "excluded"]
Count = Annotated[int, Field(ge=0)]


class CountRange(Shape):
    """At least ``min`` and at most ``max`` of something; no ``max`` is no limit."""

    min: Count
    max: Count | None = None


class OptionalCountRange(Shape):
    """A range of which either end may be left out."""

    min: Count | None = None
    max: Count | None = None


class AmountRange(Shape):
    """A range of a fractional amount."""

    min: Annotated[float, Field(ge=0)] | None = None
    max: Annotated[float, Field(ge=0)] | None = None


class InstanceRequirements(Shape):
    """What an instance type must be; it must satisfy every attribute that is given (CAP-062)."""

    v_cpu_count: Annotated[CountRange, Field(alias="vCpuCount")]
    memory_mib: Annotated[CountRange, Field(alias="memoryMiB")]
    cpu_manufacturers: tuple[Literal["intel", "amd", "amazon-web-services"], ...] = ()
    memory_gib_per_v_cpu: Annotated[AmountRange | None, Field(alias="memoryGiBPerVCpu")] = None
    allowed_instance_types: tuple[str, ...] = ()
    excluded_instance_types: tuple[str, ...] = ()
    instance_generations: tuple[Literal["current", "previous"], ...] = ()
    bare_metal: Presence | None = None
    burstable_performance: Presence | None = None
    local_storage: Presence | None = None
    network_interface_count: OptionalCountRange | None = None
    accelerator_count: OptionalCountRange | None = None
    accelerator_types: tuple[Literal["gpu", "fpga", "inference"], ...] = ()
    on_demand_max_price_percentage_over_lowest_price: Count | None = None
    spot_max_price_percentage_over_lowest_price: Count | None = None
    max_spot_price_as_percentage_of_optimal_on_demand_price: Count | None = None
    local_storage_types: tuple[str, ...] = ()
    total_local_storage_gb: Annotated[AmountRange | None, Field(alias="totalLocalStorageGB")] = None
    baseline_ebs_bandwidth_mbps: OptionalCountRange | None = None
    network_bandwidth_gbps: AmountRange | None = None
    accelerator_manufacturers: tuple[str, ...] = ()
    accelerator_names: tuple[str, ...] = ()
    accelerator_total_memory_mib: Annotated[OptionalCountRange | None, Field(alias="acceleratorTotalMemoryMiB")] = None
    require_hibernate_support: bool | None = None


class ManagedInstancesNetworkConfiguration(Shape):
    """Where the instances stand: subnets of one VPC, and their security groups (CAP-060)."""

    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


class CapacityReservations(Shape):
    """Which capacity reservations the instances use (CAP-061)."""

    reservation_group_arn: str | None = None
    reservation_preference: Literal["RESERVATIONS_ONLY", "RESERVATIONS_FIRST", "RESERVATIONS_EXCLUDED"] | None = None


class InstanceLaunchTemplate(Shape):
    """What every instance of the provider is launched with."""

    ec2_instance_profile_arn: Annotated[str, Field(alias="ec2InstanceProfileArn")]
    network_configuration: ManagedInstancesNetworkConfiguration
    capacity_option_type: CapacityOptionType = CapacityOptionType.ON_DEMAND
    instance_requirements: InstanceRequirements | None = None
    storage_configuration: JsonObject | None = None
    local_storage_configuration: JsonObject | None = None
    monitoring: Literal["BASIC", "DETAILED"] | None = None
    instance_metadata_tags_propagation: bool | None = None
    fips_enabled: bool | None = None
    nitro_enclaves_enabled: bool | None = None
    capacity_reservations: CapacityReservations | None = None


class InfrastructureOptimization(Shape):
    """``scaleInAfter``: seconds before an idle or under-used instance goes; -1 never, none is AWS's (CAP-070)."""

    scale_in_after: Annotated[int, ruled("CAP-070", ge=-1, le=3600)] | None = None


class AutoRepairConfiguration(Shape):
    """Whether impaired instances are replaced (CAP-075)."""

    actions_status: EnabledDisabled | None = None


class ManagedInstancesProvider(Shape):
    """The provider's infrastructure role, launch template and upkeep (CAP-060)."""

    infrastructure_role_arn: str
    instance_launch_template: InstanceLaunchTemplate
    propagate_tags: Literal["CAPACITY_PROVIDER", "NONE"] | None = None
    infrastructure_optimization: InfrastructureOptimization | None = None
    auto_repair_configuration: AutoRepairConfiguration | None = None
