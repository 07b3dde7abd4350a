"""What a provider of Managed Instances may launch: its requirements over the catalogue, with the Region's prices."""

from __future__ import annotations

from typing import Final

from ecssim.aws.managed_instances import InstanceRequirements, ManagedInstancesProvider
from ecssim.aws.names import CapacityOptionType
from ecssim.catalog import InstanceType, ec2_price, instance_types
from ecssim.catalog.instance_attributes import has_local_storage, is_current, manufacturer, series
from ecssim.decide.instance_choice import (
    ANY,
    Offer,
    Range,
    Requirements,
    general_purpose,
    matches,
    price_protected,
)

#: Percent over the cheapest usual type that a provider pays if it does not say itself (CAP-063).
ON_DEMAND_PROTECTION: Final = 20
SPOT_PROTECTION: Final = 100
NANODOLLARS: Final = 10**9


def all_offers(region: str) -> tuple[Offer, ...]:
    """Every type with a price in the Region; ENI trunking is on where ECS supports it (CAP-067)."""
    found = []
    for kind in instance_types().values():
        price = ec2_price(kind.name, region)
        if price is not None:
            found.append(_offer(kind, int(price.usd * NANODOLLARS)))
    return tuple(found)


def _offer(kind: InstanceType, price: int) -> Offer:
    return Offer(
        name=kind.name,
        vcpu=kind.vcpu,
        memory_mib=kind.memory_mib,
        cpu=kind.cpu_units,
        memory=kind.registered_memory_mib,
        gpus=kind.gpus,
        eni_slots=kind.awsvpc_tasks(trunking=True),
        enis=kind.max_enis,
        price=price,
        architecture=kind.architecture,
        manufacturer=manufacturer(kind),
        series=series(kind),
        current=is_current(kind),
        burstable=kind.burstable,
        bare_metal=kind.bare_metal,
        local_storage=has_local_storage(kind),
    )


def requirements_of(given: InstanceRequirements) -> Requirements:
    """``instanceRequirements`` as the decision reads them (CAP-062)."""

    def within(bounds: object) -> Range:
        if bounds is None:
            return ANY
        return Range(getattr(bounds, "min", None) or 0, getattr(bounds, "max", None))

    return Requirements(
        vcpu=within(given.v_cpu_count),
        memory_mib=within(given.memory_mib),
        memory_gib_per_vcpu=within(given.memory_gib_per_v_cpu),
        enis=within(given.network_interface_count),
        gpus=within(given.accelerator_count),
        needs_gpu="gpu" in given.accelerator_types,
        manufacturers=given.cpu_manufacturers,
        allowed=given.allowed_instance_types,
        excluded=given.excluded_instance_types,
        generations=given.instance_generations,
        bare_metal=given.bare_metal or "excluded",
        burstable=given.burstable_performance or "excluded",
        local_storage=given.local_storage or "included",
    )


def offers_of(given: ManagedInstancesProvider, region: str) -> tuple[Offer, ...]:
    """The types that a provider may launch (CAP-062, CAP-063)."""
    template = given.instance_launch_template
    wanted = template.instance_requirements
    offers = all_offers(region)
    if wanted is None:
        return general_purpose(offers)
    fitting = tuple(o for o in offers if matches(o, requirements_of(wanted)))
    if template.capacity_option_type is CapacityOptionType.SPOT:
        percent = wanted.spot_max_price_percentage_over_lowest_price
        return price_protected(fitting, SPOT_PROTECTION if percent is None else percent)
    percent = wanted.on_demand_max_price_percentage_over_lowest_price
    return price_protected(fitting, ON_DEMAND_PROTECTION if percent is None else percent)
