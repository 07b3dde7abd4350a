"""Looking at some services more often than every minute: their utilisation since the last look.

A look closes the running segment of the targets before these services, so that the requests of the meantime have
been served (design rule 11: any cut of time conserves them). Periods divide a minute; at the minute itself the look
is taken after the traffic has moved and before the minute's figures are put away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ecssim.engine.flow_targets import Target
from ecssim.engine.kernel import MINUTE

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

Floats = npt.NDArray[np.float64]

#: Seconds between two points of a fine metric (SCALE-011).
FINE: Final = 20


class Look(NamedTuple):
    """Utilisation in percent by service ordinal since the last look, NaN where nothing ran or nobody looks."""

    cpu: Floats
    memory: Floats


class Totals(NamedTuple):
    """Of the minute so far, by service: CPU-seconds used, seconds RUNNING; and MiB that requests hold now."""

    busy: Floats
    seconds: Floats
    held: Floats


class Sampler:
    """Looks every ``period`` seconds; ``on_step`` is told the number of the look that ended, but at full minutes.

    There whoever wants it asks for ``latest`` once the minute's own metrics are out.
    """

    def __init__(self, engine: Engine, period: int, on_step: Callable[[int], None]) -> None:
        self.engine = engine
        self.period = period
        self.on_step = on_step
        self.services: set[int] = set()
        self.latest = Look(np.empty(0), np.empty(0))
        self._armed = False
        self._known = (-1, -1, -1)
        self._targets: list[Target] = []
        self._busy: Floats = np.empty(0)
        self._seconds: Floats = np.empty(0)
        self._since = 0.0

    def watch(self, services: Iterable[int]) -> None:
        """From now on look at these services, too."""
        self.services.update(services)
        self._known = (-1, -1, -1)
        if self._armed or not self.services:
            return
        self._armed = True
        now = self.engine.kernel._now
        self.engine.metrics.samplers.append(self)
        self._busy, self._seconds, _ = self._count(now)
        self._since = now
        self._arm(now)

    def _arm(self, now: float) -> None:
        step = int(now // self.period) + 1
        if (step * self.period) % 60 == 0:
            step += 1  # the minute looks by itself
        self.engine.kernel.at(float(step * self.period), MINUTE, self._on_step, None)

    def _on_step(self, _arg: None, _epoch: int) -> None:
        now = self.engine.kernel._now
        for target in self._before():
            self.engine.traffic.close(target, now)
        self._look(now)
        self.on_step(round(now / self.period) - 1)
        self._arm(now)

    def before_minute(self) -> None:
        """The traffic of the minute is closed: look, and begin the next minute at zero."""
        now = self.engine.kernel._now
        self._look(now)
        self._busy = np.zeros_like(self._busy)
        self._seconds = np.zeros_like(self._seconds)

    def _before(self) -> list[Target]:
        """The flow targets before the services."""
        engine = self.engine
        traffic = engine.traffic
        version = (engine.services.version, len(traffic.targets), len(self.services))
        if version != self._known:
            self._known = version
            found: dict[int, Target] = {}
            for ordinal in sorted(self.services):
                targets = [traffic.by_service.get(ordinal)]
                for deployment in engine.world.services[ordinal].deployments:
                    targets += [traffic.by_group.get(group) for group in deployment.template.target_groups]
                found |= {t.index: t for t in targets if t is not None}
            self._targets = list(found.values())
        return self._targets

    def _totals(self, now: float) -> Totals:
        """CPU-seconds used and seconds RUNNING since the minute began, and MiB held by requests, by service."""
        metrics = self.engine.metrics
        known = metrics.sampled
        # At a full minute all who look see the same, after every target has been closed.
        if known is None or known[0] != now or now % 60:
            known = metrics.sampled = (now, self._count(now))
        return known[1]

    def _count(self, now: float) -> Totals:
        engine = self.engine
        n = len(engine.world.services)
        columns = engine.services.columns
        seconds = columns.view("acc") + columns.view("running") * now
        if not engine.traffic.targets:
            return Totals(np.zeros(n), seconds, np.zeros(n))
        view = engine.traffic.cells.view
        service = view("service")
        busy: Floats = np.bincount(service, weights=view("served") * view("cpu_seconds"), minlength=n).astype(
            np.float64
        )
        held: Floats = np.bincount(service, weights=view("in_flight") * view("memory"), minlength=n).astype(np.float64)
        return Totals(busy, seconds, held)

    def _look(self, now: float) -> None:
        facts = self.engine.metrics.facts()
        busy, seconds, held = self._totals(now)
        n = len(seconds)
        done, ran = busy - _padded(self._busy, n), seconds - _padded(self._seconds, n)
        span = max(now - self._since, 1e-9)
        with np.errstate(divide="ignore", invalid="ignore"):
            cpu = np.minimum(100.0 * (1024.0 * done + facts.idle_cpu * ran) / (facts.cpu * ran), 100.0)
            tasks = ran / span
            memory = 100.0 * (facts.idle_memory * tasks + held) / (facts.memory * tasks)
        unknown = ran <= 1e-9
        cpu[unknown] = np.nan
        memory[unknown] = np.nan
        self.latest = Look(cpu, memory)
        self._busy, self._seconds, self._since = busy, seconds, now


def _padded(values: Floats, n: int) -> Floats:
    return values if len(values) == n else np.concatenate([values, np.zeros(n - len(values))])
