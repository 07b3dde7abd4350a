"""How many nodes an Application Load Balancer has, and with them addresses: an assumption within AWS's bounds.

AWS says that each enabled subnet needs eight free addresses and that a load balancer uses at most 100 over all of
them (NET-035); how it grows is not published (NET-036).
"""

from __future__ import annotations

from typing import Final

#: Nodes in each zone of a load balancer without load, and capacity units that one node carries (NET-036).
FEWEST_PER_ZONE: Final = 2
LCUS_PER_NODE: Final = 8
#: The most addresses of one load balancer over all of its subnets (NET-035).
MOST_NODES: Final = 100


def nodes_per_zone(lcus: float, zones: int) -> int:
    """Return the nodes that a load balancer wants in each of its zones while it carries ``lcus`` (NET-036)."""
    wanted = max(FEWEST_PER_ZONE, -int(-lcus // LCUS_PER_NODE))
    return min(wanted, MOST_NODES // max(1, zones))
