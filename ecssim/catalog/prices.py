"""List prices in US dollars, each with where it comes from and when it was true.

``basis`` says how near a price is to something published: ``listed`` (the source states it), ``derived``
(from the prices of its family or another region), ``fallback`` (nothing is known for the Region: the price of
us-east-1 stands in). Implements COST-010 to COST-013 and COST-020 to COST-029.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

DATA = Path(__file__).parent / "data"

HOME_REGION = "us-east-1"

Basis = Literal["listed", "derived", "fallback"]


@dataclass(frozen=True, slots=True)
class Price:
    """``usd`` for one ``unit`` (``hour``, ``GB``, ``GB-month``, ...), and why we think so."""

    usd: Decimal
    unit: str
    source: str
    as_of: str
    basis: Basis = "listed"

    def standing_in_for(self, region: str) -> Price:
        """The same price, marked as a stand-in in a Region whose own price is not known."""
        return replace(self, basis="fallback", source=f"{self.source} ({HOME_REGION}, in place of {region})")


@cache
def _ec2_prices() -> Mapping[tuple[str, str], Price]:
    prices: dict[tuple[str, str], Price] = {}
    with (DATA / "ec2_prices.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            prices[row["instance_type"], row["region"]] = Price(
                usd=Decimal(row["usd_per_hour"]),
                unit="hour",
                source=row["source"],
                as_of=row["as_of"],
                basis="derived" if row["basis"] == "derived" else "listed",
            )
    return MappingProxyType(prices)


def ec2_price(instance_type: str, region: str = HOME_REGION) -> Price | None:
    """On-demand Linux price of an instance-hour, shared tenancy; ``None`` if unknown (COST-010..013).

    A Region without a price of its own answers with that of us-east-1, marked ``fallback``.
    """
    own = _ec2_prices().get((instance_type, region))
    if own is not None:
        return own
    home = _ec2_prices().get((instance_type, HOME_REGION))
    return home.standing_in_for(region) if home is not None else None


@cache
def unit_prices() -> Mapping[str, Price]:
    """Prices around the tasks in us-east-1, by name: ``natGatewayHour``, ``albHour``, ... (COST-020..029)."""
    document = json.loads((DATA / "unit_prices.json").read_text(encoding="utf-8"))
    return MappingProxyType(
        {name: Price(Decimal(row["usd"]), row["unit"], row["source"], row["as_of"]) for name, row in document.items()}
    )


def unit_price(name: str, region: str = HOME_REGION) -> Price:
    """One price of :func:`unit_prices`; outside us-east-1 it stands in. ``KeyError`` for an unknown name."""
    price = unit_prices()[name]
    return price if region == HOME_REGION else price.standing_in_for(region)
