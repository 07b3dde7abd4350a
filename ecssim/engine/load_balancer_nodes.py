"""The nodes of load balancers: each holds an address of a subnet, and an Application Load Balancer has more of them
the more it carries (NET-033, NET-035 to NET-037).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ecssim.aws.load_balancing import LoadBalancer as Document
from ecssim.aws.names import LoadBalancerScheme, LoadBalancerType
from ecssim.decide.capacity_units import LCU, LCU_MUTUAL_TLS, MICRO, Use, units
from ecssim.decide.load_balancer_nodes import FEWEST_PER_ZONE, nodes_per_zone
from ecssim.engine.flow_targets import Stream, Target

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

CONSUMER: Final = "load_balancers"
#: A node goes when it was not needed for so many minutes (NET-036; assumed).
MINUTES_BEFORE_SHRINKING: Final = 15
MINUTES_PER_HOUR: Final = 60


@dataclass(slots=True, eq=False)
class Balancer:
    """One load balancer with the addresses of its nodes by subnet; ``lacking`` if a node found no address."""

    name: str
    code: int
    public: bool
    grows: bool
    nodes: dict[int, list[int]] = field(default_factory=dict)
    lacking: bool = False
    event: int = 0

    @property
    def count(self) -> int:
        """How many nodes there are in all zones."""
        return sum(map(len, self.nodes.values()))


class LoadBalancerNodes:
    """Makes the nodes of load balancers at the start and holds their number against the load each minute."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.balancers: list[Balancer] = []
        self._rows = engine.recorder.tables["load_balancer_events"]
        names = engine.recorder.names
        self._names = names.pool("load_balancer")
        self._states = names.pool("load_balancer_state")
        #: Those that traffic reaches and that grow; the balancer of each flow target, by number, or the last row.
        self._growing: list[Balancer] = []
        self._of_target: npt.NDArray[np.int64] = np.empty(0, np.int64)
        #: What a request to each flow target is: connections, seconds that they are open, bytes. ``_mixed`` targets
        #: have streams whose requests differ; they are weighed each minute by what has arrived.
        self._per_request: npt.NDArray[np.float64] = np.empty((3, 0))
        self._mixed: list[Target] = []
        self._arrived: npt.NDArray[np.int64] = np.empty(0, np.int64)
        self._recent: npt.NDArray[np.float64] = np.empty((MINUTES_BEFORE_SHRINKING, 0))

    def add(self, document: Document) -> None:
        """Create a load balancer with its first nodes: two in each zone, or the one that an NLB keeps."""
        application = document.type is LoadBalancerType.APPLICATION
        public = document.scheme is not LoadBalancerScheme.INTERNAL
        name = document.load_balancer_name
        balancer = Balancer(name, self._names[name], public, application)
        balancer.nodes = {self.engine.builder.subnets[s]: [] for s in document.subnet_ids}
        self.balancers.append(balancer)
        self.engine.meters.by_started_hour(name, "albHour" if application else "nlbHour")
        self._resize(balancer, FEWEST_PER_ZONE if application else 1, 0.0)

    def begin(self) -> None:
        """All targets of traffic are known, or a listener forwards elsewhere: find the load balancer of each."""
        engine = self.engine
        by_name = {b.name: b for b in self.balancers if b.grows}
        homes: dict[int, Balancer] = {}
        for target in engine.traffic.targets:
            before = engine.balancers.before.get(target.group) if target.balanced else None
            if before is not None and before.name in by_name:
                homes[target.index] = by_name[before.name]
        known = {id(b): self._recent[:, i] for i, b in enumerate(self._growing)}
        self._growing = list(dict.fromkeys([*self._growing, *homes.values()]))
        number = {id(b): i for i, b in enumerate(self._growing)}
        nobody = len(self._growing)
        self._of_target = np.array(
            [number[id(homes[t.index])] if t.index in homes else nobody for t in engine.traffic.targets], np.int64
        )
        rest = np.zeros(MINUTES_BEFORE_SHRINKING)
        self._recent = (
            np.array([known.get(id(b), rest) for b in self._growing]).reshape(nobody, MINUTES_BEFORE_SHRINKING).T.copy()
        )
        self._per_request = np.zeros((3, len(engine.traffic.targets)))
        self._mixed, self._arrived = [], engine.traffic.flows.view("arrived").copy()
        for target in (t for t in engine.traffic.targets if t.index in homes and t.streams):
            figures = [_figures(stream) for stream in target.streams]
            self._per_request[:, target.index] = np.mean(figures, axis=0) * self._weight(target)
            if len(set(figures)) > 1:
                self._mixed.append(target)

    def tick(self, minute: int) -> None:
        """The minute's load is known, all load balancers at once: grow what carries too much, shrink what rested."""
        if not self._growing:
            return
        lcus = self._lcus()
        self._recent[minute % MINUTES_BEFORE_SHRINKING] = lcus
        peaks = self._recent.max(axis=0).tolist()
        for balancer, peak, now in zip(self._growing, peaks, lcus.tolist(), strict=True):
            wanted = nodes_per_zone(peak, len(balancer.nodes))
            if balancer.lacking or any(len(nodes) != wanted for nodes in balancer.nodes.values()):
                self._resize(balancer, wanted, now)

    def _lcus(self) -> npt.NDArray[np.float64]:
        """The capacity units that each carried in the minute, by the requests that came to it (COST-025)."""
        traffic = self.engine.traffic
        n = len(self._growing)
        if self._mixed:
            self._weigh()
        target = traffic.cells.view("target")[traffic.order]
        home = self._of_target[target]
        offered = traffic.cells.view("offered")[traffic.order] * MINUTES_PER_HOUR  # an hour at the rate of the minute
        use = [np.bincount(home, weights=offered * each[target], minlength=n + 1)[:n] for each in self._per_request]
        uses = (Use(*map(round, row)) for row in zip(*(column.tolist() for column in use), strict=True))
        return np.fromiter((max(units(use, LCU).values()) / MICRO for use in uses), np.float64, n)

    def _weigh(self) -> None:
        """Where streams of different requests meet: what an average one of the minute was."""
        arrived = self.engine.traffic.flows.view("arrived").copy()
        before, self._arrived = self._arrived, arrived
        for target in self._mixed:
            weights = [
                (arrived[s.index] - before[s.index]) * s.weights[s.targets.index(target)] / sum(s.weights)
                for s in target.streams
            ]
            if sum(weights) > 0.0:
                figures = [_figures(stream) for stream in target.streams]
                average = np.average(figures, axis=0, weights=weights)
                self._per_request[:, target.index] = average * self._weight(target)

    def _weight(self, target: Target) -> npt.NDArray[np.float64]:
        """What counts more: with mutual TLS fewer open connections make a capacity unit (COST-025, NET-036)."""
        mutual = target.group in self.engine.balancers.mutual_tls
        return np.array([1.0, LCU.active_connections / LCU_MUTUAL_TLS.active_connections if mutual else 1.0, 1.0])

    def _resize(self, balancer: Balancer, wanted: int, lcus: float) -> None:
        """Bring each zone to ``wanted`` nodes; a zone without a free address stays behind and is impaired."""
        engine = self.engine
        before, lacked = balancer.count, balancer.lacking
        balancer.lacking = False
        for subnet, nodes in balancer.nodes.items():
            while len(nodes) > wanted:
                engine.subnets.give_back(subnet, nodes.pop(), CONSUMER, self.kernel._now)
            while len(nodes) < wanted:
                address = engine.subnets.take(subnet, CONSUMER)
                if address < 0:
                    engine.subnets.refused(subnet, CONSUMER, None, balancer.event)
                    balancer.lacking = True
                    break
                nodes.append(address)
        after = balancer.count
        if balancer.public and after != before:
            engine.meters.public_addresses(balancer.name, after - before)
        if after != before or balancer.lacking != lacked:
            self._record(balancer, wanted, lcus)

    def _record(self, balancer: Balancer, wanted: int, lcus: float) -> None:
        cause, balancer.event = balancer.event, self.engine.recorder.new_event()
        self._rows.append(
            self.kernel._now,
            balancer.event,
            cause,
            balancer.code,
            balancer.count,
            wanted * len(balancer.nodes),
            lcus,
            self._states["active_impaired" if balancer.lacking else "active"],
            self.engine.region_code,
        )


def _figures(stream: Stream) -> tuple[float, float, float]:
    """One request of a stream: connections, seconds that they are open, bytes."""
    clients = stream.clients
    connections = 1.0 / clients.per_connection
    return connections, connections * clients.connection_lasts, float(clients.sent + clients.received)
