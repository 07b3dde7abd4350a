"""What watching costs: log bytes of services, alarms, and the metrics of Container Insights, all metered by the hour.

Logs (COST-028): the containers of a service that log to CloudWatch (driver ``awslogs``) write what ``behaviour.logs``
says for each hour of a running task and for each served request; the bytes are counted by the minute and metered
by the hour, and are kept from then on (no retention ends). Alarms (COST-029) count from their making to their
deletion. A metric is billed for every hour in which something is published under it: Container Insights publishes for
clusters, services and families with running tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ecssim.catalog.insights import CLUSTER_METRICS, FAMILY_METRICS, FARGATE_METRICS, SERVICE_METRICS
from ecssim.decide.pricing import Dimension, Unit
from ecssim.engine.meters import MeterKey

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.world.services import Service
    from ecssim.world.tasks import Template

CLOUDWATCH: Final = "CloudWatch"
HOUR_SECONDS: Final = 3600

Floats = npt.NDArray[np.float64]


class Monitoring:
    """Counts log bytes, alarms and metrics; ``insights`` are the codes of clusters with Container Insights."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.insights: frozenset[int] = frozenset()
        #: Whether any service logs to CloudWatch; nothing is counted otherwise.
        self.logs = False
        self._version = -1
        self._per_second: Floats = np.empty(0)
        self._per_request: Floats = np.empty(0)
        self._bytes: Floats = np.zeros(0)
        self._stored: dict[tuple[int, int], int] = {}

    # -- logs -------------------------------------------------------------------------------------------------

    def minute(self, running_seconds: Floats, served: npt.NDArray[np.int64]) -> None:
        """Count the bytes that services wrote in this minute."""
        version = self.engine.services.version
        if version != self._version or len(served) != len(self._per_second):
            laws = [s.deployments[0].template.laws for s in self.engine.world.services]
            self._per_second = np.array([law.log_rate for law in laws])
            self._per_request = np.array([law.log_request for law in laws])
            self._bytes = np.append(self._bytes, np.zeros(len(laws) - len(self._bytes)))
            self._version = version
        self._bytes += running_seconds * self._per_second + served * self._per_request

    def flush(self, seconds: int) -> None:
        """An hour, or the last part of one, of ``seconds`` is over: meter it."""
        meters = self.engine.meters
        for (service, cluster), kept in self._stored.items():
            meters.add(
                _key(service, cluster, Dimension.LOGS_STORED, "logsStoredGbMonth", Unit.BYTE_SECOND), kept * seconds
            )
        services = self.engine.world.services
        whole = self._bytes.astype(np.int64)
        for i in np.flatnonzero(whole).tolist():
            written, owner = int(whole[i]), (services[i].service_code, services[i].cluster.code)
            meters.add(_key(*owner, Dimension.LOGS_INGESTED, "logsIngestedGb", Unit.BYTE), written)
            self._stored[owner] = self._stored.get(owner, 0) + written
        self._bytes -= whole
        if self.insights:
            self._insights()

    # -- alarms -----------------------------------------------------------------------------------------------

    def alarm(self, service: Service | None, delta: int) -> None:
        """The service, or nobody by name, has ``delta`` more alarms from now on."""
        owner, cluster = (service.service_code, service.cluster.code) if service is not None else (0, 0)
        key = _key(owner, cluster, Dimension.ALARMS, "standardAlarmMonth", Unit.ALARM_SECOND)
        self.engine.meters.change(key, delta)

    # -- Container Insights -----------------------------------------------------------------------------------

    def _insights(self) -> None:
        """Meter an hour of the metrics of everything that has running tasks now."""
        families: set[tuple[int, str]] = set()
        clusters: dict[int, bool] = {}
        for service in self.engine.world.services:
            cluster = service.cluster.code
            if cluster not in self.insights:
                continue
            running = [d.template for d in service.deployments if d.running]
            if not running:
                continue
            fargate = any(template.fargate for template in running)
            clusters[cluster] = clusters.get(cluster, False) or fargate
            many = len(SERVICE_METRICS) + fargate * len(FARGATE_METRICS)
            # What services share of a family is the first one's.
            for template in running:
                many += 0 if (cluster, template.family) in families else _of_family(template)
                families.add((cluster, template.family))
            self._metrics(service.service_code, cluster, many)
        for cluster, fargate in clusters.items():
            self._metrics(0, cluster, len(CLUSTER_METRICS) + fargate * len(FARGATE_METRICS))

    def _metrics(self, service: int, cluster: int, many: int) -> None:
        key = _key(service, cluster, Dimension.METRICS, "customMetricMonth", Unit.METRIC_SECOND)
        self.engine.meters.add(key, many * HOUR_SECONDS)


def _of_family(template: Template) -> int:
    return len(FAMILY_METRICS) + template.fargate * len(FARGATE_METRICS)


def _key(service: int, cluster: int, dimension: Dimension, sku: str, unit: Unit) -> MeterKey:
    return MeterKey(service, cluster, CLOUDWATCH, dimension, sku, unit)
