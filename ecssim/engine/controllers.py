"""When controllers run: only while dirty, in ordinal order, at the controller phase of an instant (rule 8)."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, inf
from typing import TYPE_CHECKING

from ecssim.engine.kernel import CONTROLLER
from ecssim.world.services import Service

if TYPE_CHECKING:
    from ecssim.engine.kernel import Kernel


class Dirty:
    """The services whose pass is due. Marking twice is marking once; the order of marking does not matter."""

    def __init__(self, kernel: Kernel, run: Callable[[Service], None], period: float) -> None:
        self.kernel = kernel
        self._run = run
        self._period = period
        # Bound once: every entry would else make a method object of its own.
        self._then_wake = self._wake
        self._then_drain = self._drain
        self._marked: list[Service] = []
        self._armed = False
        self._holding = False

    def mark(self, service: Service) -> None:
        """Run the service's pass at this instant, after the world's own facts (PLACE-092)."""
        if service.dirty:
            return
        service.dirty = True
        self._marked.append(service)
        if not self._armed and not self._holding:
            self._armed = True
            self.kernel.soon(CONTROLLER, self._then_drain, None)

    def hold(self) -> None:
        """Only collect marks until :meth:`let_go`: for an entry of the queue whose last act that is."""
        self._holding = True

    def let_go(self) -> None:
        """Run what was marked since :meth:`hold`: at once if nothing else is due at this instant, else in its turn."""
        self._holding = False
        marked = self._marked
        if marked and not self._armed:
            queue = self.kernel._queue
            if not queue or queue[0][0] > self.kernel._now:
                if len(marked) == 1:
                    service = marked.pop()
                    service.dirty = False
                    self._run(service)
                else:
                    self._drain(None, 0)
            else:
                self._armed = True
                self.kernel.soon(CONTROLLER, self._then_drain, None)

    def mark_at_grid(self, service: Service) -> None:
        """Run it at its next point of the scheduler's period: the ordinary pass (PLACE-092)."""
        now = self.kernel._now
        period = self._period
        n = floor((now - service.pass_phase) / period) + 1
        self.mark_at(service, service.pass_phase + n * period)

    def mark_at(self, service: Service, t: float) -> None:
        """Run it at ``t``, unless it is due before."""
        if t < service.wake_at:
            service.wake_at = t
            self.kernel.at(t, CONTROLLER, self._then_wake, service, 0)

    def _wake(self, service: Service, _: int) -> None:
        # An earlier wake-up may have replaced this one; entries of the past are told by the time they carry.
        kernel = self.kernel
        now = kernel._now
        if service.wake_at <= now:
            service.wake_at = inf
            queue = kernel._queue
            if not self._marked and (not queue or queue[0][0] > now):
                # Nothing else happens at this instant: the pass need not queue behind anybody.
                self._run(service)
            else:
                self.mark(service)

    def remind(self, service: Service) -> None:
        """Run a steady service's pass at its ``next_steady_event`` (SVC-050), which may be put off meanwhile.

        One entry per service, however often it was put off: those of six hours would fill the queue.
        """
        if not service.reminded:
            service.reminded = True
            self.kernel.at(service.next_steady_event, CONTROLLER, self._on_reminder, service)

    def _on_reminder(self, service: Service, _: int) -> None:
        service.reminded = False
        if service.steady:
            if service.next_steady_event > self.kernel._now:
                self.remind(service)
            else:
                self.mark(service)

    def _drain(self, _arg: None, _epoch: int) -> None:
        marked, self._marked = self._marked, []
        self._armed = False
        if len(marked) > 1:
            # Daemons go first: their share of an instance is reserved before replicas ask (SVC-060).
            marked.sort(key=lambda s: (not s.daemon, s.ordinal))
        for service in marked:
            service.dirty = False
            self._run(service)
