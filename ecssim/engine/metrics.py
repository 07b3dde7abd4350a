"""The minute tick: one row per service, subnet and provider for the minute that just ended, and the hour's commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecssim.engine.kernel import MINUTE, OBSERVER
from ecssim.world.entities import Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

MINUTE_SECONDS = 60.0
HOUR_SECONDS = 3600.0


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
        self.latest: dict[str, npt.NDArray[np.float64]] = {}

    def begin(self) -> None:
        """Arm the first minute and the first hour."""
        self.kernel.at(MINUTE_SECONDS, MINUTE, self._on_minute, None)
        self.kernel.at(HOUR_SECONDS, OBSERVER, self._on_hour, None)

    def _on_minute(self, _arg: None, _epoch: int) -> None:
        self.publish()
        self.engine.capacity.on_minute()
        self.minute += 1
        self.engine.recorder.spill()
        if self.engine.observers:
            self.kernel.at(self.kernel._now, OBSERVER, self._on_look, None)
        self.kernel.at((self.minute + 1) * MINUTE_SECONDS, MINUTE, self._on_minute, None)

    def _on_look(self, _arg: None, _epoch: int) -> None:
        self.engine.observe()

    def _on_hour(self, _arg: None, _epoch: int) -> None:
        self.hour += 1
        self.engine.recorder.commit_hour(self.hour)
        self.kernel.at((self.hour + 1) * HOUR_SECONDS, OBSERVER, self._on_hour, None)

    def finish(self) -> None:
        """Publish the rows of the last, perhaps partial, minute."""
        if self.kernel._now > self.minute * MINUTE_SECONDS:
            self.publish()

    def publish(self) -> None:
        """Write the rows of the minute that began at ``minute x 60`` seconds."""
        t = self.minute * MINUTE_SECONDS
        self._publish_services(t)
        self._publish_subnets(t)
        self.engine.capacity.publish(t)

    def _publish_services(self, t: float) -> None:
        engine = self.engine
        services = [s for s in engine.world.services if s.status != "INACTIVE"]
        if not services:
            return
        engine.services.ripen()
        counts = []
        for s in services:
            running = healthy = active = 0
            for d in s.deployments:
                running += d.running
                active += d.active
                healthy += d.healthy + len(d.displaced)
            counts.append((s.service_code, s.desired, running, active - running, healthy, s.cluster.code))
        block = np.array(counts, dtype=np.int64)
        rows = self._services.new_rows(len(services))
        rows["t"] = t
        rows["service"] = block[:, 0]
        rows["desired_count"] = block[:, 1]
        rows["running_count"] = block[:, 2]
        rows["pending_count"] = block[:, 3]
        rows["healthy_count"] = block[:, 4]
        rows["cluster"] = block[:, 5]
        rows["region"] = engine.region_code
        nan = float("nan")
        for name in ("cpu_utilization", "memory_utilization", "request_count_per_target", "target_response_time",
                     "latency_p50", "latency_p95", "latency_p99"):
            rows[name] = nan
        self._services.extend_array(rows)
        self._keep_latest(services, rows)

    def _keep_latest(self, services: list[Service], rows: npt.NDArray[np.void]) -> None:
        """Keep what alarms and scaling look at, by service ordinal."""
        ordinals = np.array([s.ordinal for s in services])
        for name in ("cpu_utilization", "memory_utilization", "request_count_per_target", "running_count"):
            values = np.full(len(self.engine.world.services), np.nan)
            values[ordinals] = rows[name]
            self.latest[name] = values

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
