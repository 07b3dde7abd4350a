"""What a target has of its target group, of the load balancer before it and of the clients that reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine.flow_targets import Clients, Target
from ecssim.engine.retries import Retries
from ecssim.engine.uneven import Uneven

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def route_target(engine: Engine, target: Target) -> None:
    """Give a target its routing: algorithm, zones, thresholds, slow start, time-outs and retries."""
    traffic = engine.traffic
    codes = engine.zone_codes
    if target.balanced:
        _from_group(engine, target)
    _from_clients(target, [stream.clients for stream in target.streams])
    uneven = target.uneven
    if uneven is not None:
        uneven.client_zones.clear()
        for stream in target.streams:
            for zone, share in stream.clients.zones:
                code = codes[zone]
                uneven.client_zones[code] = uneven.client_zones.get(code, 0.0) + share / len(target.streams)
    for i in target.cells:
        traffic.cells.columns["patience"][i] = target.patience


def _from_group(engine: Engine, target: Target) -> None:
    balancers = engine.balancers
    settings = balancers.settings(target.group)
    target.patience = balancers.patience(target.group)
    stays = [s.clients.stays for s in target.streams if s.clients.stays is not None]
    document = balancers.documents[target.group]
    if document.network:
        # Requests of one connection go to one target: clients stay for as long as their connections (LB-029).
        lasts = [s.clients.connection_lasts for s in target.streams if s.clients.per_connection > 1]
        settings.stays = max([settings.stays, *lasts])
    elif settings.stays and stays:
        settings.stays = min(settings.stays, max(stays))
    if not settings.plain:
        if target.uneven is not None:
            target.uneven.settings = settings
        else:
            target.uneven = Uneven(settings)


def _from_clients(target: Target, clients: list[Clients]) -> None:
    """Time-outs and retries of those who send: the most impatient of them speaks for all (LB-044)."""
    patience = min((c.patience for c in clients), default=float("inf"))
    if patience < target.patience:
        target.patience = patience
        target.late = "f460" if target.balanced else "f504"
    retrying = [c for c in clients if c.attempts > 1]
    if retrying:
        first = retrying[0]
        if target.retries is not None:
            return
        target.retries = Retries(
            max(c.attempts for c in retrying), first.backoff, first.factor, first.on, len(retrying) / len(clients)
        )
