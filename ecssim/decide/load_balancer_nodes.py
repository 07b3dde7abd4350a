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
#: What a client's requests are taken for: over one connection, how long that stays open, bytes of request and response
#: (assumed: nobody publishes such figures).
REQUESTS_PER_CONNECTION: Final = 10.0
CONNECTION_SECONDS: Final = 60.0
BYTES_PER_REQUEST: Final = 5000.0


def lcus_per_request_rate(
    requests_per_connection: float = REQUESTS_PER_CONNECTION,
    connection_seconds: float = CONNECTION_SECONDS,
    bytes_per_request: float = BYTES_PER_REQUEST,
) -> float:
    """Return the capacity units that one request a second takes: the most used of three dimensions (COST-025).

    One unit carries 25 new connections a second, 3,000 at a time and 1 GB an hour; rules are not counted.
    """
    connections = 1.0 / requests_per_connection
    return max(connections / 25.0, connections * connection_seconds / 3000.0, bytes_per_request * 3600.0 / 1e9)


def nodes_per_zone(lcus: float, zones: int) -> int:
    """Return the nodes that a load balancer wants in each of its zones while it carries ``lcus`` (NET-036)."""
    wanted = max(FEWEST_PER_ZONE, -int(-lcus // LCUS_PER_NODE))
    return min(wanted, MOST_NODES // max(1, zones))
