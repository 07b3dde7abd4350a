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
from ecssim.decide.load_balancer_nodes import FEWEST_PER_ZONE, lcus_per_request_rate, nodes_per_zone
from ecssim.scenario.document import Scenario

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

CONSUMER: Final = "load_balancers"
#: A node goes when it was not needed for so many minutes (NET-036; assumed).
MINUTES_BEFORE_SHRINKING: Final = 15
MINUTE_SECONDS: Final = 60.0
#: Capacity units for each request a second.
LCUS_PER_RATE: Final = lcus_per_request_rate()


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

    def begin(self, scenario: Scenario) -> None:
        """All targets of traffic are known: find the load balancer that carries each."""
        engine = self.engine
        by_name = {b.name: b for b in self.balancers if b.grows}
        arns = {d.load_balancer_arn: d.load_balancer_name for d in scenario.load_balancers}
        homes: dict[int, Balancer] = {}
        for listener in scenario.listeners:
            named = listener.load_balancer_name
            balancer = by_name.get(arns.get(named, _bare(named)))
            if balancer is None:
                continue
            for group, _ in (forward for action in listener.actions for forward in action.forwards_to):
                ordinal = engine.builder.target_groups.get(group.rsplit("targetgroup/", 1)[-1].split("/", 1)[0])
                target = engine.traffic.by_group.get(-1 if ordinal is None else ordinal)
                if target is not None:
                    homes[target.index] = balancer
        self._growing = list(dict.fromkeys(homes.values()))
        number = {id(b): i for i, b in enumerate(self._growing)}
        nobody = len(self._growing)
        self._of_target = np.array(
            [number[id(homes[t.index])] if t.index in homes else nobody for t in engine.traffic.targets], np.int64
        )
        self._recent = np.zeros((MINUTES_BEFORE_SHRINKING, nobody))

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
        home = self._of_target[traffic.cells.view("target")[traffic.order]]
        offered = np.bincount(home, weights=traffic.cells.view("offered")[traffic.order], minlength=n + 1)[:n]
        lcus: npt.NDArray[np.float64] = offered / MINUTE_SECONDS * LCUS_PER_RATE
        return lcus

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


def _bare(name: str) -> str:
    """The name inside a load balancer's ARN, or the name itself."""
    parts = name.rsplit("loadbalancer/", 1)[-1].split("/")
    return parts[1] if len(parts) > 1 else parts[0]
