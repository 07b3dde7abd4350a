"""CPU and memory metrics with a point every 20 seconds, and the alarms that look at them (SCALE-011, SCALE-012).

A service asks for them in ``monitoring``; as this is part of a service revision, they are there once the deployment
that brought it is complete, since only then all of the service's tasks publish so often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ecssim.engine.alarms import MINUTE, Alarms
from ecssim.engine.metric_history import MetricHistory
from ecssim.engine.sampling import FINE, Look, Sampler
from ecssim.world.services import Service
from ecssim.world.states import COMPLETED

if TYPE_CHECKING:
    from ecssim.engine.scaling import Scaling
    from ecssim.engine.simulation import Engine

COLUMNS: Final = ("cpu_utilization", "memory_utilization")
_NAMES: Final = ("CPUUtilization", "MemoryUtilization")


class HighResolution:
    """The services with fine metrics, and their alarms."""

    def __init__(self, engine: Engine, scaling: Scaling) -> None:
        self.engine = engine
        self.scaling = scaling
        self.alarms = Alarms(engine, FINE, MetricHistory(COLUMNS))
        self.sampler = Sampler(engine, FINE, self._on_step)
        #: The fine metrics that each service publishes now, by its ordinal.
        self.published: dict[int, frozenset[str]] = {}
        self._pending: set[int] = set()
        self._version = -1
        self._shown: tuple[npt.NDArray[np.int64], ...] = ()

    def asked(self, service: Service) -> None:
        """The service's document has just been set: does it ask for fine metrics, or no longer?"""
        if service.ordinal in self.published or self._wanted(service.ordinal):
            self.published.setdefault(service.ordinal, frozenset())
            self._version = -1
            self.sampler.watch([service.ordinal])

    def _wanted(self, ordinal: int) -> frozenset[str]:
        monitoring = self.engine.builder.documents[ordinal].monitoring
        return monitoring.fine if monitoring is not None else frozenset()

    def _refresh(self) -> None:
        """Who publishes: all that a completed deployment asked for, of a running one what is as before."""
        engine = self.engine
        if self._version != engine.services.version:
            self._version = engine.services.version
            self._pending = set(self.published)
            self._shown = ()
        for ordinal in sorted(self._pending):
            service = engine.world.services[ordinal]
            wanted = self._wanted(ordinal)
            before = self.published[ordinal]
            done = len(service.deployments) == 1 and service.deployments[0].rollout_state == COMPLETED
            self.published[ordinal] = wanted if done else wanted & before
            if done:
                self._pending.discard(ordinal)
            if self.published[ordinal] != before:
                self._shown = ()
        if not self._shown:
            self._shown = tuple(
                np.array([o for o, names in self.published.items() if name in names], dtype=np.int64) for name in _NAMES
            )

    def _on_step(self, step: int) -> None:
        self.tick(step)
        self.scaling.step()

    def minute(self, minute: int) -> None:
        """The third step of a minute, judged after the minute's own alarms."""
        if self.published:
            self.tick((minute + 1) * MINUTE // FINE - 1)

    def tick(self, step: int) -> None:
        """Publish the points of one step and judge the alarms."""
        self._refresh()
        look: Look = self.sampler.latest
        latest = {}
        for column, ordinals, values in zip(COLUMNS, self._shown, look, strict=True):
            shown = np.full(len(values), np.nan)
            shown[ordinals] = values[ordinals]
            latest[column] = shown
        self.alarms.tick(step, latest)
