"""How often Spot capacity is taken back, and from whom: the arithmetic of pool histories.

A pool is an instance type in a zone (SPOT-010) or, for Fargate Spot, an architecture in a zone (SPOT-006).
Rates are per hour, times in seconds; draws come as uniforms in [0, 1). Implements SPOT-031, SPOT-034,
SPOT-035.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Final

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
