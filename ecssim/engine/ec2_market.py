"""What EC2 has to sell: prices and depth of the pools, vCPU quotas, and what cannot be had now.

The price and the depth of a pool are functions of (seed, pool) and stay for the run; shortages are faults of the
scenario or droughts of Spot pools. Implements ASG-058 (the codes of failed launches), SPOT-019 and SPOT-012 (price).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from ecssim.catalog import ec2_price, instance_type
from ecssim.decide.allocation import Offer
from ecssim.decide.spot import spot_discount
from ecssim.engine.spot import Pool
from ecssim.world.instances import AutoScalingGroup, Instance, InstanceKind

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

NO_CAPACITY: Final = "InsufficientInstanceCapacity"
NO_ADDRESS: Final = "InsufficientFreeAddressesInSubnet"
NO_VCPU: Final = "VcpuLimitExceeded"
NO_SPOT_VCPU: Final = "MaxSpotInstanceCountExceeded"
TOO_DEAR: Final = "SpotMaxPriceTooLow"


class OwnPrices(Protocol):
    """The prices of a scenario, as far as they decide what a group launches."""

    @property
    def on_demand(self) -> Mapping[str, Decimal]:
        """Dollars an hour by type."""

    @property
    def spot(self) -> Mapping[str, Decimal]:
        """Dollars an hour by type, or by type and zone."""

    @property
    def spot_discount(self) -> Decimal | None:
        """What is off On-Demand in every other Spot pool; None: drawn by pool."""


class Ec2Market:
    """Answers what a type costs, how deep its pool is, and why EC2 would not launch it now."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        limits = engine.limits
        #: vCPUs by (Spot, standard family): the quota, and what is running.
        self._quotas = {
            (False, True): limits.on_demand_standard_vcpu,
            (False, False): limits.on_demand_accelerated_vcpu,
            (True, True): limits.spot_standard_vcpu,
            (True, False): limits.spot_accelerated_vcpu,
        }
        self._used = dict.fromkeys(self._quotas, 0)
        self._limited = any(quota is not None for quota in self._quotas.values())
        self._short_until: dict[tuple[str, str], float] = {}
        self._own: OwnPrices | None = None
        self._prices: dict[Pool, Decimal] = {}

    def begin(self, own: OwnPrices) -> None:
        """Take up the scenario's own prices."""
        self._own = own

    # -- prices and depth -------------------------------------------------------------------------------------

    def on_demand_price(self, type_name: str) -> Decimal:
        """Return dollars an hour of an On-Demand instance; 0 if nobody knows the price."""
        given = self._own.on_demand.get(type_name) if self._own is not None else None
        if given is not None:
            return given
        price = ec2_price(type_name, self.engine.region)
        return price.usd if price is not None else Decimal(0)

    def spot_price(self, pool: Pool) -> Decimal:
        """Return dollars an hour of a Spot instance of the pool (SPOT-020)."""
        price = self._prices.get(pool)
        if price is None:
            price = self._prices[pool] = self._spot_price(pool)
        return price

    def _spot_price(self, pool: Pool) -> Decimal:
        discount = None
        if self._own is not None:
            given = self._own.spot.get(f"{pool.kind}/{pool.zone}", self._own.spot.get(pool.kind))
            if given is not None:
                return given
            discount = self._own.spot_discount
        if discount is None:
            discount = spot_discount(self.engine.luck.seed, pool.kind, pool.zone)
        return self.on_demand_price(pool.kind) * (1 - discount)

    def offer(self, position: int, kind: InstanceKind, zone: str, spot: bool, held: int) -> Offer:
        """Describe one type in one zone to the allocation strategies."""
        if not spot:
            return Offer(position, self.on_demand_price(kind.type) / kind.weight)
        pool = Pool(kind.type, zone)
        return Offer(
            position,
            self.spot_price(pool) / kind.weight,
            self.engine.spot.band(pool),
            self.engine.luck.number("spot", "depth", str(pool)),
            held,
            self.engine.advice.at_risk(pool),
        )

    # -- refusals ---------------------------------------------------------------------------------------------

    def refusal(self, group: AutoScalingGroup, kind: InstanceKind, zone: str, spot: bool) -> str:
        """Return the error code of a launch now; empty: EC2 would launch it (ASG-058, SPOT-019)."""
        if self._limited:
            type_ = instance_type(kind.type)
            market = (spot, type_.standard)
            quota = self._quotas[market]
            if quota is not None and self._used[market] + type_.vcpu > quota:
                return NO_SPOT_VCPU if spot else NO_VCPU
        if not spot:
            return NO_CAPACITY if self._is_short(kind.type, zone) else ""
        pool = Pool(kind.type, zone)
        most = group.rules.spot_max_price
        if self.spot_price(pool) > (self.on_demand_price(kind.type) if most is None else most):
            return TOO_DEAR
        return NO_CAPACITY if self.engine.spot.is_dry(pool) else ""

    def _is_short(self, type_name: str, zone: str) -> bool:
        return bool(self._short_until) and self.engine.kernel._now < self._short_until.get((type_name, zone), 0.0)

    def shortage(self, type_name: str, zones: tuple[str, ...], until: float) -> None:
        """EC2 launches no On-Demand instance of the type in the zones until then (a fault)."""
        for zone in zones:
            self._short_until[type_name, zone] = max(until, self._short_until.get((type_name, zone), 0.0))

    # -- what is running --------------------------------------------------------------------------------------

    def launched(self, instance: Instance) -> None:
        """The instance's vCPUs count from now on."""
        self._count(instance, 1)

    def ended(self, instance: Instance) -> None:
        """They count no longer."""
        self._count(instance, -1)

    def _count(self, instance: Instance, sign: int) -> None:
        if self._limited:
            type_ = instance_type(instance.type)
            self._used[instance.spot, type_.standard] += sign * type_.vcpu
