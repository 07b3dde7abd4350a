"""Would these tasks fit on so many instances? A placement of sizes alone, for the fixes of the summary.

A coarse copy of ECS's strategies over equal, empty instances: ``binpack`` takes the fullest instance that
fits, ``spread`` the one with the fewest tasks of the service, and ``random`` is taken for the worst that it
can do, the emptiest. Zones, ports and attributes are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Demand:
    """``count`` tasks of one size that are placed by one kind of strategy: binpack, spread or random."""

    count: int
    size: tuple[int, ...]
    strategy: str


def fits(demands: Sequence[Demand], instances: int, capacity: tuple[int, ...]) -> bool:
    """Whether all tasks find room, placed in this order; sizes and capacity have the same dimensions."""
    left = np.tile(np.array(capacity, np.int64), (instances, 1))
    for demand in demands:
        size = np.array(demand.size, np.int64)
        mine = np.zeros(instances, np.int64)
        for _ in range(demand.count):
            able = (left >= size).all(axis=1)
            if not able.any():
                return False
            # Memory is the second dimension; ties go to the instance that came first.
            if demand.strategy == "binpack":
                score = left[:, 1]
            elif demand.strategy == "spread":
                score = mine
            else:
                score = -left[:, 1]
            chosen = int(np.argmin(np.where(able, score, np.iinfo(np.int64).max)))
            left[chosen] -= size
            mine[chosen] += 1
    return True
