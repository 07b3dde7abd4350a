"""Prices that fall with the quantity of a month: the free GB of egress, the cheaper PB of an endpoint.

A run rarely lasts a month. Its tiers are the month's in proportion to its length: a run of a day has a thirtieth of
the free 100 GB, as the month that it stands for would have all of them. A month is 730 hours (COST-046).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

MONTH_HOURS: Final = 730
GB: Final = 10**9
PB: Final = 10**15

#: For a unit price: up to how many units of a month which price holds; the last is for all beyond (None). The name of
#: a unit price, ``""`` for nothing to pay (COST-021, COST-024).
TIERS: Final[Mapping[str, tuple[tuple[int | None, str], ...]]] = MappingProxyType(
    {
        "internetEgressGb": ((100 * GB, ""), (None, "internetEgressGb")),
        "vpcEndpointGb": (
            (PB, "vpcEndpointGb"),
            (5 * PB, "vpcEndpointGbNext"),
            (None, "vpcEndpointGbBeyond"),
        ),
    }
)


def month_part(hours: float) -> Decimal:
    """The part of a month that a run of so many hours is; 1 for a month and longer (COST-046)."""
    return min(Decimal(1), Decimal(str(hours)) / MONTH_HOURS)


def split_by_tier(sku: str, before: int, quantity: int, part: Decimal) -> Iterator[tuple[str, int]]:
    """Divide a quantity of a unit price among its tiers: (name of the price, how much), ``before`` being used up.

    ``part`` is the run's part of a month. A price without tiers has one.
    """
    tiers = TIERS.get(sku)
    if tiers is None:
        yield sku, quantity
        return
    at, left = before, quantity
    for limit, price in tiers:
        if left <= 0:
            return
        room = left if limit is None else max(0, int(limit * part) - at)
        got = min(left, room)
        if got:
            yield price, got
            at += got
            left -= got
