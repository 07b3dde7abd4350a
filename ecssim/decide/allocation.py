"""Which instance type an Auto Scaling group launches next, and in which zone: the allocation strategies.

An :class:`Offer` is one type of the group's list in one zone that EC2 would launch now. AWS does not publish how
deep a Spot pool is; here the depth of a pool is its interruption band, and among equal bands a number of its own.
Implements ASG-050 (zones) and ASG-052 (types).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

PRIORITIZED: Final = "prioritized"
LOWEST_PRICE: Final = "lowest-price"
CAPACITY_OPTIMIZED: Final = "capacity-optimized"
CAPACITY_PRIORITIZED: Final = "capacity-optimized-prioritized"
PRICE_CAPACITY: Final = "price-capacity-optimized"

ON_DEMAND_STRATEGIES: Final = (PRIORITIZED, LOWEST_PRICE)
SPOT_STRATEGIES: Final = (LOWEST_PRICE, CAPACITY_OPTIMIZED, CAPACITY_PRIORITIZED, PRICE_CAPACITY)


class Offer(NamedTuple):
    """A type that could be launched in a zone.

    ``position`` in the group's list, ``price`` of one unit of capacity for an hour, ``band`` of interruption 0 to
    4 (:data:`ecssim.decide.spot.BANDS`), ``depth`` in [0, 1) of the pool among those of its band, ``held``
    instances of the group in it, ``at_risk``: EC2 has recommended to leave the pool.
    """

    position: int
    price: Decimal = Decimal(0)
    band: int = 1
    depth: float = 0.0
    held: int = 0
    at_risk: bool = False


def on_demand_order(offers: Iterable[Offer], strategy: str = PRIORITIZED) -> tuple[int, ...]:
    """Return the positions in the order in which they are tried: that of the list, or of the price (ASG-052)."""
    if strategy == LOWEST_PRICE:
        return tuple(o.position for o in sorted(offers, key=lambda o: (o.price, o.position)))
    return tuple(sorted(o.position for o in offers))


def spot_order(offers: Iterable[Offer], strategy: str, pools: int = 2) -> tuple[int, ...]:
    """Return the positions in the order in which a zone's Spot pools are tried (ASG-052).

    ``lowest-price`` divides evenly over the ``pools`` cheapest and looks at nothing else. ``capacity-optimized``
    takes the deepest pool, its prioritized form the first of the list among the pools of the best band,
    ``price-capacity-optimized`` the cheapest of the deeper half. The latter three leave pools at risk to the end.
    """
    left = list(offers)
    if strategy == LOWEST_PRICE:
        cheap = sorted(left, key=lambda o: (o.price, o.position))
        first = sorted(cheap[:pools], key=lambda o: (o.held, o.price, o.position))
        return tuple(o.position for o in (*first, *cheap[pools:]))
    if strategy == CAPACITY_PRIORITIZED:
        return tuple(o.position for o in sorted(left, key=lambda o: (o.at_risk, o.band, o.position)))
    deep = sorted(left, key=_depth)
    if strategy == PRICE_CAPACITY:
        safe = sum(not o.at_risk for o in deep)
        half = -(-safe // 2)
        deep[:half] = sorted(deep[:half], key=lambda o: (o.price, o.position))
    return tuple(o.position for o in deep)


def _depth(offer: Offer) -> tuple[bool, int, float, int]:
    return offer.at_risk, offer.band, -offer.depth, offer.position


def zone_order(zones: Sequence[str], counts: Mapping[str, int], *, balanced_only: bool = False) -> tuple[str, ...]:
    """Return the zones in which a launch is tried, the one with the fewest instances first (ASG-050).

    With ``balanced_only`` a launch that fails is tried again in the same zone and in no other.
    """
    order = sorted(range(len(zones)), key=lambda i: (counts.get(zones[i], 0), i))
    return tuple(zones[i] for i in (order[:1] if balanced_only else order))


def zone_to_relieve(zones: Sequence[str], counts: Mapping[str, int], given_up: Iterable[str] = ()) -> str | None:
    """Return the zone that an instance should leave for another, None if the zones are balanced (ASG-051).

    Zones that the group has ``given_up`` are emptied first; else the fullest of its ``zones`` goes, if it has at
    least two more than the emptiest.
    """
    if not zones:
        return None
    for zone in given_up:
        if counts.get(zone, 0) > 0:
            return zone
    fullest = max(zones, key=lambda zone: counts.get(zone, 0))
    least = min(counts.get(zone, 0) for zone in zones)
    return fullest if counts.get(fullest, 0) - least > 1 else None


def beyond_maximum(max_size: int) -> int:
    """Return how many instances a group may have while replacements come before what they replace.

    A tenth of the maximum more than it, at least one (ASG-051, SPOT-014).
    """
    return max_size + max(1, max_size // 10)
