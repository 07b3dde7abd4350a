"""What traffic costs beside servers: capacity units of load balancers, bytes to the internet and between zones.

Works once an hour on what the streams have brought: requests become connections, bytes and rule evaluations by the
figures of their stream, and the hour's meters get whole numbers (COST-023 to COST-026, COST-044, COST-045). What tasks
themselves exchange with the internet takes the way of their subnet and is counted cell by cell. Exists only where a
load balancer stands before a target of traffic, or tasks of a described network talk to the internet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecssim.decide.capacity_units import UnitSize, Use, billed, cross_zone, evaluations
from ecssim.decide.pricing import Dimension, Unit
from ecssim.decide.routes import Kind
from ecssim.engine.flow_targets import Clients
from ecssim.engine.meters import MeterKey
from ecssim.workload.arrivals import BLOCK
from ecssim.world.services import Service
from ecssim.world.tasks import Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.engine.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Front:
    """The listener before a flow target. ``zones`` between which its balancer hands requests on for money; else 0."""

    balancer: str
    sku: str
    protocol: str
    size: UnitSize
    rules: int
    facing_internet: bool
    zones: int


@dataclass(slots=True)
class _Shared:
    """Requests of a stream so far and what each of its targets has had of them."""

    arrived: int = 0
    given: list[int] = field(default_factory=list)


class DataUse:
    """Turns an hour's requests into meters."""

    def __init__(self, engine: Engine, fronts: dict[int, Front], *, to_internet: bool) -> None:
        """``fronts`` by flow target; ``to_internet``: some task exchanges bytes with it."""
        self.engine = engine
        self._fronts = fronts
        self._to_internet = to_internet
        self._so_far = [_Shared(given=[0] * len(s.targets)) for s in engine.traffic.streams]
        self._offered: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def minute(self, traffic: Traffic) -> None:
        """A minute of traffic is over: at the end of an hour, before cells are forgotten, everything is metered."""
        if self._to_internet:
            offered = traffic.cells.view("offered")
            if len(self._offered) < len(offered):
                self._offered = np.concatenate([self._offered, np.zeros(len(offered) - len(self._offered), np.int64)])
            self._offered[: len(offered)] += offered
        if traffic.minute % BLOCK == 0:
            self.settle()

    def settle(self) -> None:
        """Meter what has come since the last time."""
        self._balancers()
        if self._to_internet and self.engine.reach is not None:
            self._tasks()

    # -- load balancers ---------------------------------------------------------------------------------------

    def _balancers(self) -> None:
        uses: dict[tuple[str, str, UnitSize], tuple[Use, Front]] = {}
        for stream, so_far in zip(self.engine.traffic.streams, self._so_far, strict=True):
            so_far.arrived = self.engine.traffic.arrived(stream)
            # Weights may have changed, and a listener may forward to more targets than it did.
            so_far.given += [0] * (len(stream.targets) - len(so_far.given))
            new = so_far.arrived - sum(so_far.given)
            total = sum(stream.weights)
            upto = 0.0
            before = 0
            for i, (target, weight) in enumerate(zip(stream.targets, stream.weights, strict=True)):
                upto += weight
                until = new if i == len(stream.targets) - 1 else int(new * upto / total)
                count = until - before
                before = until
                so_far.given[i] += count
                front = self._fronts.get(target.index)
                if front is None or count <= 0:
                    continue
                # A Network Load Balancer's protocols count each for itself, an Application one as a whole.
                use, _ = uses.setdefault((front.balancer, front.protocol, front.size), (Use(), front))
                self._passes(use, front, stream.clients, count)
        for use, front in uses.values():
            dimension, quantity = billed(use, front.size)
            key = MeterKey(0, 0, front.balancer, dimension, front.sku, Unit.LCU_MICROHOUR)
            self.engine.meters.add(key, quantity)

    def _passes(self, use: Use, front: Front, client: Clients, count: int) -> None:
        connections = -(-count // client.per_connection)
        moved = count * (client.sent + client.received)
        use.connections += connections
        use.connection_seconds += round(connections * client.connection_lasts)
        use.bytes += moved
        use.evaluations += evaluations(count, front.rules)
        if front.facing_internet and client.egress:
            self._add(front.balancer, Dimension.INTERNET_EGRESS, "internetEgressGb", count * client.received)
        if front.zones:
            self._add(front.balancer, Dimension.CROSS_ZONE, "crossZoneGb", cross_zone(moved, front.zones))

    def _add(self, resource: str, dimension: Dimension, sku: str, quantity: int) -> None:
        if quantity:
            self.engine.meters.add(MeterKey(0, 0, resource, dimension, sku, Unit.BYTE), quantity)

    # -- what tasks exchange with the internet ----------------------------------------------------------------

    def _tasks(self) -> None:
        engine = self.engine
        templates = {t.code: t for t in engine.builder.templates.made()}
        for (_, service, code, zone), i in engine.traffic.cells_by_key():
            template = templates[code]
            law = template.laws.request
            count = int(self._offered[i]) if i < len(self._offered) else 0
            if count and (law.internet_sent or law.internet_received):
                self._exchange(engine.world.services[service], template, zone, count)
        self._offered[:] = 0

    def _exchange(self, service: Service, template: Template, zone: str, count: int) -> None:
        engine = self.engine
        assert engine.reach is not None
        law = template.laws.request
        places = engine.reach.places_of(template, service.cluster, zone)
        for number, (group, subnet) in enumerate(places):
            share = count // len(places) + (number < count % len(places))
            over = engine.reach.to_the_internet(template, subnet, group)
            if not over.open:
                continue
            sent, received = share * law.internet_sent, share * law.internet_received
            engine.reach.moved(service, over, zone, sent + received)
            if over.kind in (Kind.NAT, Kind.INTERNET_GATEWAY):
                key = MeterKey(
                    service.service_code,
                    service.cluster.code,
                    over.name,
                    Dimension.INTERNET_EGRESS,
                    "internetEgressGb",
                    Unit.BYTE,
                )
                engine.meters.add(key, sent)
