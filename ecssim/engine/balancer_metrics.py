"""The minute's figures of load balancers and target groups, under CloudWatch's names (LB-045 to LB-047).

Only load balancers that the scenario declares have rows; target groups have them where one of those is before them.
Connections, bytes and rule evaluations are whole numbers that add up over minutes: what a bill of capacity units is
made from (LB-048, LB-049).
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

from ecssim.engine.flow_targets import Target
from ecssim.world.states import TARGET_HEALTHY, TARGET_UNHEALTHY

if TYPE_CHECKING:
    from ecssim.engine.load_balancers import Balancer
    from ecssim.engine.simulation import Engine

#: Rules of a listener that are looked at for free (LB-048).
FREE_RULES = 10


class BalancerMetrics:
    """Publishes the rows; reads the cells of the minute before they are cleared."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._balancers = engine.recorder.tables["load_balancer_metrics"]
        self._groups = engine.recorder.tables["target_group_metrics"]
        #: By stream: requests so far, connections so far, bytes so far; fractions are kept.
        self._so_far: dict[int, tuple[int, int, int]] = {}
        self._errors: dict[int, tuple[int, int]] = {}
        self._targets: list[tuple[Target, Balancer]] = []

    def begin(self) -> None:
        """All targets are known: those with a load balancer before them get rows."""
        engine = self.engine
        before = engine.balancers.before
        self._targets = [(t, before[t.group]) for t in engine.traffic.targets if t.balanced and t.group in before]

    def publish(self, t: float) -> None:
        """Write the rows of the minute that began at ``t``."""
        engine = self.engine
        if not engine.balancers.balancers:
            return
        if len(self._targets) < len(engine.traffic.by_group):
            self.begin()
        sums = {
            b.index: dict.fromkeys(("asked", "f502", "f503", "f504", "f4xx", "t5xx", "opened"), 0)
            for b in engine.balancers.balancers
        }
        for target, balancer in self._targets:
            one = self._group(t, target, balancer)
            total = sums[balancer.index]
            for name, value in one.items():
                total[name] += value
        senders = self._senders()
        for balancer in engine.balancers.balancers:
            total = sums[balancer.index]
            opened, active, size, looked_at = senders.get(balancer.name, (0, 0, 0, 0))
            self._balancers.append(
                t,
                balancer.code,
                total["asked"] - total["f503"] - total["f4xx"],
                opened,
                active,
                size,
                looked_at,
                total["f4xx"],
                total["f502"] + total["f503"] + total["f504"],
                total["f502"],
                total["f503"],
                total["f504"],
                total["t5xx"],
                total["opened"],
                engine.region_code,
            )

    def _group(self, t: float, target: Target, balancer: Balancer) -> dict[str, int]:
        """Write the row of one target group; return what its load balancer adds up."""
        engine = self.engine
        c = engine.traffic.cells.columns
        cells = target.cells
        offered = sum(c["offered"][i] + c["retried"][i] for i in cells)
        f503 = sum(c["f503"][i] for i in cells)
        f4xx = sum(c["f460"][i] + c["f464"][i] for i in cells)
        t5xx = sum(self._target_errors(i) for i in cells)
        group = engine.world.target_groups[target.group]
        settings = target.uneven.settings if target.uneven is not None else None
        healthy = [m for m in group.members.values() if m.state == TARGET_HEALTHY]
        unhealthy = [m for m in group.members.values() if m.state == TARGET_UNHEALTHY]
        if settings is not None and settings.zones:
            # A node that keeps to its zone reports the targets of its zone (LB-047).
            zone_of = engine.zone_of
            nodes = [
                (sum(zone_of(m.task) == z for m in healthy), sum(zone_of(m.task) == z for m in unhealthy))
                for z in balancer.zones
            ]
        else:
            nodes = [(len(healthy), len(unhealthy))]
        well, ill = zip(*nodes, strict=True)
        minutes = sum(c["minute_seconds"][i] for i in cells) / 60.0
        mismatched = sum(c["f464"][i] for i in cells)
        chosen = offered - f503 - mismatched
        self._groups.append(
            t,
            target.code,
            balancer.code,
            chosen,
            chosen / minutes if minutes > 0.0 else 0.0,
            sum(well) / len(well),
            min(well),
            max(well),
            sum(ill) / len(ill),
            min(ill),
            max(ill),
            t5xx,
            sum(c["f502"][i] for i in cells),
            target.opened,
            engine.region_code,
        )
        return {
            "asked": offered,
            "f502": sum(c["f502"][i] for i in cells),
            "f503": f503,
            "f504": sum(c["f504"][i] for i in cells),
            "f4xx": f4xx,
            "t5xx": t5xx,
            "opened": target.opened,
        }

    def _target_errors(self, i: int) -> int:
        """How many of the minute's answers of a cell had a status of 500 and more, to the last one over time."""
        c = self.engine.traffic.cells.columns
        share = c["errors"][i]
        if share <= 0.0:
            return 0
        answered, wrong = self._errors.get(i, (0, 0))
        answered += c["served"][i]
        now: int = floor(answered * share + 1e-9)
        self._errors[i] = answered, now
        return int(now - wrong)

    def _senders(self) -> dict[str, tuple[int, int, int, int]]:
        """By load balancer: new connections, active connections, bytes and rule evaluations of the minute."""
        traffic = self.engine.traffic
        before = self.engine.balancers.before
        out: dict[str, tuple[int, int, int, int]] = {}
        for stream in traffic.streams:
            name = stream.listener.partition(":")[0]
            if not name:
                found = next((before[t.group] for t in stream.targets if t.balanced and t.group in before), None)
                if found is None:
                    continue
                name = found.name
            arrived = traffic.flows.columns["arrived"][stream.index]
            requests, connections, size = self._so_far.get(stream.index, (0, 0, 0))
            clients = stream.clients
            all_connections = arrived // clients.per_connection
            all_bytes = arrived * (clients.sent + clients.received)
            self._so_far[stream.index] = arrived, all_connections, all_bytes
            new = all_connections - connections
            had = out.get(name, (0, 0, 0, 0))
            out[name] = (
                had[0] + new,
                had[1] + round(new / 60.0 * clients.connection_lasts),
                had[2] + all_bytes - size,
                had[3] + (arrived - requests) * max(0, stream.rules - FREE_RULES),
            )
        return out
