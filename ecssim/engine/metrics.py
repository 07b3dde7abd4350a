"""The minute tick: one row per service, subnet and provider for the minute that just ended, and the hour's commit."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ecssim.engine.balancer_metrics import BalancerMetrics
from ecssim.engine.flow_metrics import Minute, Served, ServiceFacts, fill_flow, fill_responses
from ecssim.engine.kernel import MINUTE, OBSERVER
from ecssim.engine.metric_history import COLUMNS
from ecssim.workload.queueing import Station

if TYPE_CHECKING:
    from ecssim.engine.sampling import Totals
    from ecssim.engine.simulation import Engine

MINUTE_SECONDS = 60.0
HOUR_SECONDS = 3600.0
#: Columns that are what the rows of services say.
_OF_ROWS = tuple(name for name in COLUMNS if name != "sample_count")


#: Rows of services that are held back, at most until the hour is over, to work out response times for many at once.
HELD_ROWS = 64

# Read by the interpreter's own loops: a thousand services a minute.
_ACTIVE, _HEALTHY, _DISPLACED = attrgetter("active"), attrgetter("healthy"), attrgetter("displaced")
_DESIRED = attrgetter("desired")


class Sampler(Protocol):
    """Looks at services between minutes."""

    def before_minute(self) -> None:
        """The traffic of the minute is closed, its figures are still there."""


class Newest(NamedTuple):
    """The newest minute: its rows, what its response times follow from, task-seconds RUNNING and its length."""

    rows: npt.NDArray[np.void]
    station: Station | None
    running_seconds: npt.NDArray[np.float64]
    span: float


class Metrics:
    """Publishes one-minute metrics; a minute's row carries the minute's start."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        recorder = engine.recorder
        self._services = recorder.tables["service_metrics"]
        self._subnets = recorder.tables["subnet_metrics"]
        self._usage = recorder.tables["subnet_usage"]
        self._consumers = recorder.names.pool("consumer")
        self._balancers = BalancerMetrics(engine)
        self.minute = 0
        self.hour = 0
        #: The newest minute's values by column of ``service_metrics``, indexed by service ordinal; NaN: no data.
        self.latest: dict[str, npt.NDArray[np.float64]] = {name: np.empty(0) for name in COLUMNS}
        self._facts = ServiceFacts.of([], -1)
        #: Whether somebody looks at response times every minute, so that they cannot wait to be worked out.
        self.responses = False
        #: What samples services more often than every minute; told before and after a minute's figures are taken.
        self.samplers: list[Sampler] = []
        #: What they have counted at one instant, to be shared.
        self.sampled: tuple[float, Totals] | None = None
        self._held: list[tuple[npt.NDArray[np.void], Served | None, ServiceFacts]] = []
        self._held_rows = 0
        self._newest: Newest | None = None

    def begin(self) -> None:
        """Arm the first minute and the first hour."""
        self.kernel.at(MINUTE_SECONDS, MINUTE, self._on_minute, None)
        self.kernel.at(HOUR_SECONDS, OBSERVER, self._on_hour, None)

    def _on_minute(self, _arg: None, _epoch: int) -> None:
        self.engine.traffic.tick()
        self.engine.balancer_nodes.tick(self.minute)
        for sampler in self.samplers:
            sampler.before_minute()
        self.publish()
        self.engine.capacity.on_minute()
        self.engine.scaling.tick(self.minute)
        self.minute += 1
        self.engine.recorder.spill()
        if self.engine.observers:
            self.kernel.at(self.kernel._now, OBSERVER, self._on_look, None)
        self.kernel.at((self.minute + 1) * MINUTE_SECONDS, MINUTE, self._on_minute, None)

    def _on_look(self, _arg: None, _epoch: int) -> None:
        self.engine.observe()

    def _on_hour(self, _arg: None, _epoch: int) -> None:
        self.hour += 1
        self._let_go()
        self.engine.meters.flush()
        self.engine.recorder.commit_hour(self.hour)
        self.kernel.at((self.hour + 1) * HOUR_SECONDS, OBSERVER, self._on_hour, None)

    def finish(self) -> None:
        """Publish the rows of the last, perhaps partial, minute."""
        if self.kernel._now > self.minute * MINUTE_SECONDS:
            self.engine.traffic.finish()
            self.publish()
        self._let_go()

    def publish(self) -> None:
        """Write the rows of the minute that began at ``minute x 60`` seconds."""
        t = self.minute * MINUTE_SECONDS
        self._publish_services(t)
        if self.engine.balancers.balancers:
            self._balancers.publish(t)
        self.engine.traffic.record(t)
        self._publish_subnets(t)
        self.engine.capacity.publish(t)

    def _publish_services(self, t: float) -> None:
        engine = self.engine
        services = engine.world.services
        if not services:
            return
        engine.services.ripen()
        now = self.kernel._now
        facts = self.facts()
        columns = engine.services.columns
        running = columns.view("running")
        integral = running * now
        seconds = columns.view("acc") + integral
        columns.view("acc")[:] = -integral
        n = len(services)
        active = np.fromiter(map(_ACTIVE, facts.primaries), np.int64, n)
        healthy = np.fromiter(map(_HEALTHY, facts.primaries), np.int64, n)
        healthy += np.fromiter(map(len, map(_DISPLACED, facts.primaries)), np.int64, n)
        for s in facts.several:
            active[s.ordinal] = sum(d.active for d in s.deployments)
            healthy[s.ordinal] = sum(d.healthy + len(d.displaced) for d in s.deployments)
        rows = self._services.new_rows(n)
        rows["t"] = t
        rows["service"] = facts.codes
        rows["cluster"] = facts.clusters
        rows["region"] = engine.region_code
        rows["desired_count"] = np.fromiter(map(_DESIRED, services), np.int64, n)
        rows["running_count"] = running
        rows["pending_count"] = active - running
        rows["healthy_count"] = healthy
        span = max(now - t, 1e-9)
        served = fill_flow(rows, engine, facts, seconds, span)
        if engine.monitoring.logs:
            engine.monitoring.minute(seconds, rows["served_count"])
        if self.responses and served is not None:
            fill_responses([Minute(rows, served, facts.shapes)])
        self._keep_latest(rows)
        self._newest = Newest(rows, served.station if served is not None else None, seconds, span)
        self._held.append((rows, None if self.responses else served, facts))
        self._held_rows += len(rows)
        if self._held_rows >= HELD_ROWS:
            self._let_go()

    def _let_go(self) -> None:
        """Record the minutes that were held back, with their response times worked out in one go."""
        held, self._held = self._held, []
        self._held_rows = 0
        fill_responses([Minute(rows, station, facts.shapes) for rows, station, facts in held if station is not None])
        for rows, _, facts in held:
            # Of a deleted service only what clients still ask of it: every request is somebody's.
            kept = None if facts.alive is None else facts.alive | (rows["offered_count"] > 0)
            self._services.extend_array(rows if kept is None else rows[kept])

    def _keep_latest(self, rows: npt.NDArray[np.void]) -> None:
        """Keep what alarms and scaling look at, by service ordinal."""
        for name in ("desired_count", *_OF_ROWS):
            self.latest[name] = rows[name].astype(np.float64)
        running = self.latest["running_count"]
        # A service without running tasks publishes nothing, not zeros (ALARM-020).
        self.latest["sample_count"] = np.where(running > 0, running, np.nan)

    def facts(self) -> ServiceFacts:
        """Return what the figures of services rest on, as of now."""
        engine = self.engine
        if self._facts.version != engine.services.version:
            self._facts = ServiceFacts.of(engine.world.services, engine.services.version)
        return self._facts

    def quantity(self, name: str) -> npt.NDArray[np.float64]:
        """Return a quantity of the newest minute by service ordinal: a column of its rows, or a fact of services."""
        newest = self._newest
        if newest is None:
            return np.empty(0)
        facts = self._facts
        if name == "running_mean":
            return newest.running_seconds / newest.span
        if name in ("task_cpu", "task_memory"):
            return facts.cpu if name == "task_cpu" else facts.memory
        if name == "deployment_count":
            return np.array([len(s.deployments) for s in self.engine.world.services], dtype=np.float64)
        if name == "queued_count":
            # What no server works on yet.
            waiting = newest.rows["in_flight_count"].astype(np.float64)
            return waiting if newest.station is None else np.maximum(waiting - newest.station.servers, 0.0)
        return newest.rows[name].astype(np.float64)

    def _publish_subnets(self, t: float) -> None:
        engine = self.engine
        now = self.kernel._now
        region = engine.region_code
        for subnet in engine.world.subnets:
            if not subnet.total:
                continue  # IPv6 only: there is nothing to count (NET-046)
            engine.subnets.thaw(subnet, now)
            free = subnet.pool.free
            free_min = min(subnet.free_min, free)
            usable = subnet.total - subnet.reserved
            self._subnets.append(
                t,
                subnet.code,
                engine.zone_codes[subnet.zone],
                subnet.total,
                subnet.reserved,
                usable - free,
                free,
                free_min,
                usable - free_min,
                subnet.failed_minute,
                region,
            )
            subnet.free_min = free
            subnet.failed_minute = 0
            cooling = len(subnet.cooling)
            for consumer, used in subnet.used.items():
                if used:
                    self._usage.append(t, subnet.code, self._consumers[consumer], used, region)
            if cooling:
                self._usage.append(t, subnet.code, self._consumers["cooling"], cooling, region)
