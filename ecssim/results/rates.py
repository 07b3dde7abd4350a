"""The rate of each thing that a run meters: the catalogue's list price, or what ``prices`` says instead.

The Spot price of a pool (type and zone) is On-Demand less a discount drawn once per seed and pool from 55 to 75 %
(SPOT-020); Fargate Spot has the price seen in us-east-1 (COST-005). Prices differ by Region; where none is known
that of us-east-1 stands in, and the price's source says so.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ecssim.catalog import ec2_price, fargate_price, instance_type, instance_types, unit_price
from ecssim.decide.pricing import (
    TICKS_PER_SECOND,
    Commitment,
    Dimension,
    Rate,
    Unit,
    Use,
    percent,
)
from ecssim.decide.spot import spot_discount
from ecssim.scenario.prices import FargateRates, Prices, ReservedInstances, SavingsPlan

if TYPE_CHECKING:
    from ecssim.catalog import FargatePrice

OWN: Final = "scenario prices"
_HOURLY: Final = 3600 * TICKS_PER_SECOND


class RateBook:
    """Rates of one run: of a Region, under a seed (which draws the Spot discounts), with a scenario's own prices."""

    def __init__(self, region: str, seed: int, prices: Prices) -> None:
        self.region = region
        self.seed = seed
        self.prices = prices
        self._known: dict[tuple[str, str], Rate] = {}

    def rate(self, sku: str, dimension: str) -> Rate:
        """The rate of a dimension of what is sold as ``sku``; a price that nobody knows is 0 and says so."""
        known = self._known.get((sku, dimension))
        if known is None:
            known = self._known[sku, dimension] = self._find(sku, dimension)
        return known

    def _find(self, sku: str, dimension: str) -> Rate:
        if dimension == Dimension.INTERRUPTED:
            paid = self.rate(sku, Dimension.INSTANCES)
            return Rate(-paid.usd, f"back, interrupted by EC2 in its first hour (COST-042): {paid.source}")
        if sku.startswith("FARGATE"):
            return self._fargate(sku, dimension)
        if "/" in sku:
            type_name, market, *zone = sku.split("/")
            if dimension == Dimension.MANAGEMENT_FEE:
                return self._fee(type_name)
            return self._spot(type_name, zone[0]) if market == "spot" else self._on_demand(type_name)
        own = self.prices.rates.get(sku)
        if own is not None:
            return Rate(own, OWN)
        price = unit_price(sku, self.region)
        return Rate(price.usd, _source(price.source, price.as_of, price.basis))

    def _on_demand(self, type_name: str) -> Rate:
        own = self.prices.on_demand.get(type_name)
        if own is not None:
            return Rate(own, OWN)
        price = ec2_price(type_name, self.region)
        if price is None:
            return Rate(Decimal(0), f"no price of {type_name} is known")
        return Rate(price.usd, _source(price.source, price.as_of, price.basis))

    def _fee(self, type_name: str) -> Rate:
        """The fee of ECS Managed Instances: a share of the On-Demand price, whatever the instance is paid with."""
        gpus = instance_type(type_name).gpus if type_name in instance_types() else 0
        share = self.rate("managementFeeShareGpu" if gpus else "managementFeeShare", "")
        price = self._on_demand(type_name)
        return Rate(price.usd * share.usd, f"{percent(share.usd)} ({share.source}) of {price.source}")

    def _spot(self, type_name: str, zone: str) -> Rate:
        spot = self.prices.spot
        own = spot.get(f"{type_name}/{zone}", spot.get(type_name))
        if own is not None:
            return Rate(own, OWN)
        discount = self.prices.spot_discount
        if discount is not None:
            return self._on_demand(type_name).off(discount, f"Spot ({OWN})")
        return self._on_demand(type_name).off(spot_discount(self.seed, type_name, zone), "Spot (SPOT-020)")

    def _fargate(self, sku: str, dimension: str) -> Rate:
        provider, system, architecture = sku.split("/")
        spot = provider == "FARGATE_SPOT"
        by_architecture = self.prices.fargate_spot if spot else self.prices.fargate
        own = next((r for a, r in by_architecture.items() if a.value == architecture), FargateRates())
        of_own: dict[str, Decimal | None] = {
            Dimension.VCPU: own.vcpu_hour,
            Dimension.MEMORY: own.gb_hour,
            Dimension.EPHEMERAL_STORAGE: own.ephemeral_gb_hour,
        }
        given = of_own.get(dimension)
        if given is not None:
            return Rate(given, OWN)
        price = fargate_price(self.region, system, architecture, spot)
        return Rate(_of_fargate(price)[dimension], _source(price.source, price.as_of, price.basis))

    # -- commitments ------------------------------------------------------------------------------------------

    def commitments(self) -> list[Commitment]:
        """What is paid every hour, in the order in which AWS applies it: reserved instances, then the narrower
        Savings Plans.
        """
        plans = sorted(self.prices.savings_plans, key=lambda plan: plan.type != "ec2Instance")
        return [self._reserved(item) for item in self.prices.reserved_instances] + [_plan(item) for item in plans]

    def _reserved(self, item: ReservedInstances) -> Commitment:
        sku = f"{item.instance_type}/onDemand"
        name = f"reserved {item.instance_type}"
        return Commitment(
            name,
            lambda use: item.discount if use.sku == sku else None,
            self._on_demand(item.instance_type).off(item.discount, name),
            Unit.INSTANCE_TICK,
            quantity=item.instance_count * _HOURLY,
        )


def _plan(item: SavingsPlan) -> Commitment:
    name = item.name or f"{item.type} Savings Plan"
    return Commitment(
        name,
        _reach(item),
        Rate(Decimal(1), f"commitment of {item.commitment} USD an hour"),
        Unit.NANODOLLAR,
        usd=item.commitment,
    )


def _reach(item: SavingsPlan) -> Callable[[Use], Decimal | None]:
    """Answer what a plan takes off a use: On-Demand instances and, for compute plans, Fargate's CPU and memory."""

    def discount(use: Use) -> Decimal | None:
        type_name, _, market = use.sku.partition("/")
        if market == "onDemand":
            family = type_name.partition(".")[0]
            return item.ec2_discount if item.instance_family in (None, family) else None
        paid = use.dimension in (Dimension.VCPU, Dimension.MEMORY)
        return item.fargate_discount if type_name == "FARGATE" and paid and item.type == "compute" else None

    return discount


def _of_fargate(price: FargatePrice) -> dict[str, Decimal]:
    return {
        Dimension.VCPU: price.vcpu_hour,
        Dimension.MEMORY: price.gb_hour,
        Dimension.EPHEMERAL_STORAGE: price.ephemeral_gb_hour,
        Dimension.WINDOWS_LICENCE: price.os_vcpu_hour,
    }


def _source(source: str, as_of: str, basis: str) -> str:
    return f"{source}, {as_of}" + (f" ({basis})" if basis != "listed" else "")
