"""Network Address Usage: the units by which AWS limits the size of a VPC (NET-047)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Units of one of each: what sits in every zone it is enabled in counts six times there, an address counts once.
#: A task on an instance is an additional interface with an address, one on Fargate has its address alone (the user
#: guide speaks of instances only: assumed).
UNITS: Final[Mapping[str, int]] = {
    "instances": 1,
    "trunks": 1,
    "tasks_on_instances": 2,
    "tasks_on_fargate": 1,
    "network_load_balancers": 6,
    "vpc_endpoints": 6,
    "nat_gateways": 6,
    "lambda": 6,
    "mount_targets": 6,
}


def address_units(counts: Mapping[str, int]) -> int:
    """Return the units of a VPC that holds so many of each; NLBs and endpoints are counted once a zone."""
    return sum(UNITS[kind] * count for kind, count in counts.items())
