"""What load balancers are paid for besides their hours: capacity units, by the dimension of which most were used.

A capacity unit is so much of each of several things; an hour is billed for the one of which most was used on average
(COST-025, COST-026). Quantities are whole numbers of an hour's use, results micro-LCU-hours, so that a meter adds
them up exactly. Every listener protocol of a Network Load Balancer has figures of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ecssim.decide.pricing import Dimension

HOUR: Final = 3600
MICRO: Final = 10**6
BYTES: Final = 10**9
#: Rules of a listener whose evaluation costs nothing (COST-025).
FREE_RULES: Final = 10


@dataclass(frozen=True, slots=True)
class UnitSize:
    """One capacity unit: new connections a second, connections at a time, rule evaluations a second; always a GB."""

    new_connections: int
    active_connections: int
    rule_evaluations: int = 0


LCU: Final = UnitSize(25, 3000, 1000)
#: With mutual TLS fewer connections make a unit (COST-025).
LCU_MUTUAL_TLS: Final = UnitSize(25, 1500, 1000)
#: By the protocol of the listener (COST-026).
NLCU: Final[Mapping[str, UnitSize]] = MappingProxyType(
    {"TCP": UnitSize(800, 100_000), "UDP": UnitSize(400, 50_000), "TLS": UnitSize(50, 3000)}
)


@dataclass(slots=True)
class Use:
    """What passed in one hour: new connections, seconds that connections were open, bytes, requests times rules.

    ``evaluations`` counts the rules beyond the free ones that requests went through.
    """

    connections: int = 0
    connection_seconds: int = 0
    bytes: int = 0
    evaluations: int = 0


def units(use: Use, size: UnitSize) -> dict[Dimension, int]:
    """Micro-LCU-hours by dimension: each thing averaged over the hour, in units of ``size``."""
    found = {
        Dimension.LCU_NEW_CONNECTIONS: use.connections * MICRO // (HOUR * size.new_connections),
        Dimension.LCU_ACTIVE_CONNECTIONS: use.connection_seconds * MICRO // (HOUR * size.active_connections),
        Dimension.LCU_BYTES: use.bytes * MICRO // BYTES,
    }
    if size.rule_evaluations:
        found[Dimension.LCU_RULES] = use.evaluations * MICRO // (HOUR * size.rule_evaluations)
    return found


def billed(use: Use, size: UnitSize) -> tuple[Dimension, int]:
    """The dimension of which most was used, and how many micro-LCU-hours it makes; the first among equals."""
    found = units(use, size)
    most = max(found, key=lambda dimension: found[dimension])
    return most, found[most]


def evaluations(requests: int, rules: int) -> int:
    """Rule evaluations that count: those beyond the free ones, for each request (COST-025)."""
    return requests * max(0, rules - FREE_RULES)


def unit_size(*, network: bool, protocol: str, mutual_tls: bool = False) -> UnitSize:
    """The unit of a load balancer's listener; a TCP_UDP listener's requests count as TCP."""
    if not network:
        return LCU_MUTUAL_TLS if mutual_tls else LCU
    return NLCU.get(protocol, NLCU["TCP"])


def cross_zone(count: int, zones: int) -> int:
    """Bytes of ``count`` that a Network Load Balancer with cross-zone on moves between zones, charged each direction.

    Every zone's node gets an equal part and hands it to targets of all zones, so that one in ``zones`` stays at home
    wherever the targets are (COST-023, COST-044).
    """
    return 2 * (count * (zones - 1) // zones) if zones else 0
