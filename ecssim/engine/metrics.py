"""The minute tick: one row per service, subnet and provider for the minute that just ended, and the hour's commit."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecssim.engine.flow_metrics import ServiceFacts, Station, fill_flow, fill_responses
from ecssim.engine.kernel import MINUTE, OBSERVER
from ecssim.engine.metric_history import COLUMNS

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

MINUTE_SECONDS = 60.0
HOUR_SECONDS = 3600.0


#: Rows of services that are held back, at most until the hour is over, to work out response times for many at once.
HELD_ROWS = 64

# Read by the interpreter's own loops: a thousand services a minute.
_ACTIVE, _HEALTHY, _DISPLACED = attrgetter("active"), attrgetter("healthy"), attrgetter("displaced")
_DESIRED = attrgetter("desired")


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
        self.minute = 0
        self.hour = 0
        #: The newest minute's values by column of ``service_metrics``, indexed by service ordinal; NaN: no data.
        self.latest: dict[str, npt.NDArray[np.float64]] = {name: np.empty(0) for name in COLUMNS}
        self._facts = ServiceFacts.of([], -1)
        self._held: list[tuple[npt.NDArray[np.void], Station | None, npt.NDArray[np.bool_] | None]] = []
        self._held_rows = 0

    def begin(self) -> None:
        """Arm the first minute and the first hour."""
        self.kernel.at(MINUTE_SECONDS, MINUTE, self._on_minute, None)
        self.kernel.at(HOUR_SECONDS, OBSERVER, self._on_hour, None)

    def _on_minute(self, _arg: None, _epoch: int) -> None:
        self.engine.traffic.tick()
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
        if self._facts.version != engine.services.version:
            self._facts = ServiceFacts.of(services, engine.services.version)
        facts = self._facts
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
        station = fill_flow(rows, engine, facts, seconds, max(now - t, 1e-9))
        if engine.monitoring.logs:
            engine.monitoring.minute(seconds, rows["served_count"])
        self._keep_latest(rows)
        self._held.append((rows, station, facts.alive))
        self._held_rows += len(rows)
        if self._held_rows >= HELD_ROWS:
            self._let_go()

    def _let_go(self) -> None:
        """Record the minutes that were held back, with their response times worked out in one go."""
        held, self._held = self._held, []
        self._held_rows = 0
        fill_responses([(rows, station) for rows, station, _ in held if station is not None])
        for rows, _, alive in held:
            self._services.extend_array(rows if alive is None else rows[alive])

    def _keep_latest(self, rows: npt.NDArray[np.void]) -> None:
        """Keep what alarms and scaling look at, by service ordinal."""
        for name in ("desired_count", *COLUMNS):
            self.latest[name] = rows[name].astype(np.float64)

    def _publish_subnets(self, t: float) -> None:
        engine = self.engine
        now = self.kernel._now
        region = engine.region_code
        for subnet in engine.world.subnets:
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
