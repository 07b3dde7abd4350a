"""How often Spot capacity is taken back, and from whom: the arithmetic of pool histories.

A pool is an instance type in a zone (SPOT-010) or, for Fargate Spot, an architecture in a zone (SPOT-006).
Rates are per hour, times in seconds; draws come as uniforms in [0, 1). Implements SPOT-031, SPOT-034,
SPOT-035. Also what does not depend on time: the reach of a reclaim by allocation strategy (SPOT-037), the lead of
a rebalance recommendation (SPOT-015), the discount of a pool (SPOT-020).
"""

from __future__ import annotations

from decimal import Decimal
from hashlib import blake2b
from math import log, sqrt
from typing import Final

from ecssim.decide.allocation import LOWEST_PRICE

#: Share of a pool's instances interrupted in a month, for the bands 0 to 4 of the Spot Instance Advisor.
BANDS: Final = (0.025, 0.075, 0.125, 0.175, 0.25)
HOURS_PER_MONTH: Final = 730.0
#: Mean of the share of a pool that one reclaim takes, Beta(2, 1).
MEAN_FRACTION: Final = 2.0 / 3.0
#: A reclaim hits its victims within this many seconds.
RECLAIM_SPREAD: Final = 180.0


def hazard_of_band(band: int) -> float:
    """Return the interruptions per instance and hour of an advisor band 0 to 4 (SPOT-031)."""
    return -log(1.0 - BANDS[band]) / HOURS_PER_MONTH


#: Band 1 as expected interruptions per instance and month: the default of the model option (SPOT-006).
DEFAULT_PER_MONTH: Final = round(hazard_of_band(1) * HOURS_PER_MONTH, 3)


def reclaims_per_hour(per_month: float) -> float:
    """Return the rate of a pool's reclaim events that leaves ``per_month`` interruptions per instance (SPOT-034)."""
    return per_month / HOURS_PER_MONTH / MEAN_FRACTION


def fraction_taken(u: float) -> float:
    """Return the share of the pool that one event takes: Beta(2, 1) by inversion (SPOT-034)."""
    return sqrt(u)


def waiting_time(mean: float, u: float) -> float:
    """Return an exponential time of the given mean, in its unit."""
    return -mean * log(1.0 - u)


#: Hazard of the instances of a group by how it chooses its pools (SPOT-037).
CHEAP_FACTOR: Final = 1.5
CAREFUL_FACTOR: Final = 0.7
#: Mean of the seconds by which a recommendation that comes early comes before the notice (SPOT-015).
EARLY_ADVICE: Final = 600.0
#: Bounds of a Spot pool's discount off On-Demand (SPOT-020).
SPOT_DISCOUNTS: Final = (Decimal("0.55"), Decimal("0.75"))


def hazard_factor(strategy: str) -> float:
    """Return by what an allocation strategy multiplies the hazard of its instances; none: by nothing (SPOT-037)."""
    if not strategy:
        return 1.0
    return CHEAP_FACTOR if strategy == LOWEST_PRICE else CAREFUL_FACTOR


def reaches(u: float, factor: float) -> bool:
    """Whether a reclaim whose own draw is ``u`` touches groups with a hazard ``factor`` of at most 1 (SPOT-037)."""
    return u < factor


def advice_lead(chance: float, u: float) -> float:
    """Return the seconds from a rebalance recommendation to the notice: half of them come early (SPOT-015)."""
    return waiting_time(EARLY_ADVICE, u) if chance < 0.5 else 0.0


def spot_discount(seed: int, type_name: str, zone: str) -> Decimal:
    """What is off On-Demand in a Spot pool, to a tenth of a percent: uniform in 55 to 75 %, one draw per seed and pool
    (SPOT-020).
    """
    digest = blake2b(f"spotPrice/{seed}/{type_name}/{zone}".encode(), digest_size=8).digest()
    u = Decimal(int.from_bytes(digest, "little")) / Decimal(2**64)
    low, high = SPOT_DISCOUNTS
    return (low + (high - low) * u).quantize(Decimal("0.001"))
