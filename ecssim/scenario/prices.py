"""``prices``: what a team pays that is not the list price: own rates, Spot prices, reserved instances, Savings Plans.

Everything is US dollars; what is left out has the price of the catalogue. ::

    prices:
      onDemand: {m6i.large: 0.091}                    # an instance-hour
      spot: {m6i.large: 0.035, c6i.large/us-east-1a: 0.03}   # by type, or by type and zone
      spotDiscount: 60%                               # off On-Demand, for all other pools (SPOT-020)
      fargate: {X86_64: {vcpuHour: 0.0365, gbHour: 0.004}}
      fargateSpot: {ARM64: {vcpuHour: 0.0121}}
      rates: {albHour: 0.02, publicIpv4Hour: 0}       # by the names of `ecssim catalog prices`
      reservedInstances: [{instanceType: m6i.large, instanceCount: 4}]              # 37 % off unless said otherwise
      savingsPlans: [{type: compute, commitment: 1.5}]   # dollars an hour, at discounted prices, used or not
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ecssim.aws.names import CpuArchitecture
from ecssim.aws.shape import Name, Shape, bad
from ecssim.catalog import instance_types, unit_prices
from ecssim.errors import BadInput, Problem
from ecssim.scenario.units import EXPECTED_SHARE, parse_share


def _usd(written: object) -> Decimal:
    if isinstance(written, bool) or not isinstance(written, int | float | Decimal) or written < 0:
        raise bad("US dollars, a number that is not negative")
    # By its shortest text: 0.1 means a tenth of a dollar, not the binary fraction next to it.
    return Decimal(str(written))


def _discount(written: object) -> Decimal:
    return Decimal(str(round(parse_share(written), 9)))


_AS_NUMBER = PlainSerializer(float, when_used="json")

Usd = Annotated[Decimal, BeforeValidator(_usd), WithJsonSchema({"type": "number", "minimum": 0}), _AS_NUMBER]
Discount = Annotated[
    Decimal,
    BeforeValidator(_discount),
    WithJsonSchema({"type": ["number", "string"], "description": EXPECTED_SHARE}),
    _AS_NUMBER,
]


def _one_of(names: Mapping[str, Any], name: str, written: str, kind: str) -> str:
    if name not in names:
        near = get_close_matches(name, list(names), 1)
        raise bad(f"{kind}{f' (did you mean {near[0]}?)' if near else ''}")
    return written


def _type(written: str) -> str:
    return _one_of(instance_types(), written, written, "an instance type of the catalogue")


def _pool(written: str) -> str:
    kind = "an instance type, or a type and a zone (m6i.large/us-east-1a)"
    return _one_of(instance_types(), written.partition("/")[0], written, kind)


def _rate(written: str) -> str:
    return _one_of(unit_prices(), written, written, "the name of a unit price")


TypeName = Annotated[str, AfterValidator(_type)]
PoolName = Annotated[str, AfterValidator(_pool)]
RateName = Annotated[str, AfterValidator(_rate)]


class FargateRates(Shape):
    """Own prices of a Fargate architecture: for a vCPU-hour, a GB-hour and a GB-hour of ephemeral storage."""

    vcpu_hour: Usd | None = None
    gb_hour: Usd | None = None
    ephemeral_gb_hour: Usd | None = None


class ReservedInstances(Shape):
    """``instanceCount`` instances of a type paid for every hour at a discount off On-Demand (COST-015)."""

    instance_type: TypeName
    instance_count: Annotated[int, Field(ge=1)]
    discount: Discount = Decimal("0.37")


class SavingsPlan(Shape):
    """A commitment in dollars an hour at discounted prices, paid whether it is used or not (COST-006, COST-015).

    ``compute`` covers On-Demand instances of all families (27 % off) and Fargate (``fargateDiscount``, 20 %), not
    Spot; ``ec2Instance`` one ``instanceFamily`` (37 % off).
    """

    type: Literal["compute", "ec2Instance"]
    commitment: Usd
    name: Name | None = None
    instance_family: str | None = None
    discount: Discount | None = None
    fargate_discount: Discount = Decimal("0.20")

    @model_validator(mode="after")
    def _names_its_family(self) -> SavingsPlan:
        if (self.type == "ec2Instance") != (self.instance_family is not None):
            raise PydanticCustomError("one_of", "instanceFamily belongs to type ec2Instance, and only there")
        return self

    @property
    def ec2_discount(self) -> Decimal:
        """What is off On-Demand instances."""
        if self.discount is not None:
            return self.discount
        return Decimal("0.27") if self.type == "compute" else Decimal("0.37")


class Prices(Shape):
    """What differs from the catalogue's list prices."""

    on_demand: Mapping[TypeName, Usd] = Field(default_factory=dict)
    spot: Mapping[PoolName, Usd] = Field(default_factory=dict)
    spot_discount: Discount | None = None
    fargate: Mapping[CpuArchitecture, FargateRates] = Field(default_factory=dict)
    fargate_spot: Mapping[CpuArchitecture, FargateRates] = Field(default_factory=dict)
    rates: Mapping[RateName, Usd] = Field(default_factory=dict)
    reserved_instances: tuple[ReservedInstances, ...] = ()
    savings_plans: tuple[SavingsPlan, ...] = ()

    def written(self) -> dict[str, Any]:
        """The document as it could stand in a scenario; empty if nothing differs."""
        document: dict[str, Any] = json.loads(self.model_dump_json(by_alias=True, exclude_defaults=True))
        return document


def read_prices(document: Mapping[str, Any]) -> Prices:
    """Prices given as plain values; raises :class:`BadInput` with every problem of them."""
    try:
        return Prices.model_validate_json(json.dumps(document))
    except ValidationError as error:
        problems = []
        for detail in error.errors():
            where = ".".join(str(step) for step in ("prices", *detail["loc"]) if step != "[key]")
            problems.append(Problem(where, 0, 0, detail["msg"]))
        raise BadInput(problems) from None
