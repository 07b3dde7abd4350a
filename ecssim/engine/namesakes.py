"""A service that is created again after its deletion: what knows a service by its name alone means the new one.

The two are different services, with ids, deployments and luck of their own. But a scalable target is
``service/prod/web`` (SCALE-001), a metric has the dimensions ClusterName and ServiceName (SCALE-005), and clients ask
for a name: they do not notice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ecssim.engine.metric_history import SERIES
from ecssim.world.services import Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def follow(engine: Engine, old: Service, new: Service) -> None:
    """Let scaling, alarms, metrics and requests of ``old``, which is INACTIVE, go on with ``new``."""
    scaling = engine.scaling
    for target in scaling.targets.values():
        if target.service is old:
            target.service = new
            for policy in target.policies.values():
                if policy.tracking is not None and _watches(policy.tracking.column, policy.tracking.service, old):
                    policy.tracking = replace(policy.tracking, service=new.ordinal)
    for alarm in scaling.all_alarms():
        if _watches(alarm.settings.column, alarm.settings.service, old):
            scaling.put_alarm(replace(alarm.settings, service=new.ordinal), alarm.side)
    scaling.changed()
    scaling.autoscalers.follow(old, new)
    engine.series.follow(old.ordinal, new.ordinal)
    engine.traffic.follow(old.ordinal, new.ordinal)


def _watches(column: str, ordinal: int, service: Service) -> bool:
    return column != SERIES and ordinal == service.ordinal
