"""Which zone and which subnet a task's network interface goes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

SubnetChoice = Literal["random", "most_free"]


def choose_zone(zones: Sequence[str], counts: Mapping[str, int], u: float | None = None) -> str:
    """Return the zone with the fewest tasks (PLACE-013, NET-042).

    Ties go to the first in the order of the service's subnets, or by ``u`` in [0, 1) to a draw among them.
    """
    fewest = min(counts.get(zone, 0) for zone in zones)
    best = [zone for zone in zones if counts.get(zone, 0) == fewest]
    return best[0] if u is None else best[int(u * len(best))]


def choose_subnet(free: Sequence[int], u: float, option: SubnetChoice) -> int:
    """Return the position of the chosen one of a zone's subnets, given the free addresses of each (NET-043).

    ``random`` takes any of them by ``u`` in [0, 1), also a full one: the attempt then fails and is not moved to
    another subnet (NET-044). ``most_free`` takes the one with the most free addresses, the first on a tie.
    """
    if len(free) == 1:
        return 0
    if option == "most_free":
        return max(range(len(free)), key=lambda i: (free[i], -i))
    return draw_subnet(len(free), u)


def draw_subnet(count: int, u: float) -> int:
    """Return the position of one of ``count`` subnets by ``u`` in [0, 1), whatever they have free (NET-043)."""
    return int(u * count)
