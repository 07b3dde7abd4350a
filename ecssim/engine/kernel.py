"""The clock: one SimPy environment whose queue holds plain call entries beside SimPy's own events.

An entry is ``(time, phase, number, function, argument, epoch)``; ``function(argument, epoch)`` is called when
it is due. Real SimPy events are pushed as entries that run the event's callbacks, so users' processes and the
engine share one queue in SimPy's order: time, priority, insertion. A cancelled wait is a stale epoch, never an
interrupt: the entity's ``epoch`` has moved on, and the handler drops the entry.

Entries further ahead than a *page* wait in unsorted pages and enter the heap when time reaches their page: tens
of thousands of long run times then cost nothing while short waits go in and out of a small heap. The order is
exactly that of one heap.

Phases are heap priorities at one instant (design rule 12): facts of the world first, then calls from outside
and users' processes, then controllers, then the minute tick, then observers. The horizon is half-open.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from math import ceil
from types import MethodType
from typing import Any, Final

import simpy
from simpy.core import EmptySchedule, Infinity
from simpy.events import Event, Process, Timeout

#: Every time in the queue is a multiple of this many seconds, so that float sums are exact and ties are real.
TICK: Final = 2.0**-20
_PER_SECOND: Final = 2.0**20
#: Seconds of one page of the far future; a power of two, so that page bounds are exact. Short, so that most waits
#: of a task's life go to a page and the heap holds a few hundred entries: 64 s cost 6 % of the plain day.
PAGE: Final = 4.0
_PAGES_PER_SECOND: Final = 1.0 / PAGE

BEFORE_ALL: Final = -1
WORLD: Final = 0
CALL: Final = 1
CONTROLLER: Final = 2
MINUTE: Final = 3
OBSERVER: Final = 4

Handler = Callable[[Any, int], object]


class _HaltError(Exception):
    """The run has come to its end; never leaves the kernel."""


def on_grid(t: float) -> float:
    """Round ``t`` seconds up to the clock's grid."""
    return ceil(t * _PER_SECOND) * TICK


class Kernel(simpy.Environment):
    """SimPy's environment with call entries, phases and a half-open horizon."""

    def __init__(self) -> None:
        super().__init__(0.0)
        self._queue: list[Any] = []
        self._pages: dict[int, list[Any]] = {}
        self._page_numbers: list[int] = []
        self._edge = PAGE
        self._numbers = iter(range(1, 1 << 62)).__next__
        self.events_done = 0
        self.stale = 0
        self._halts = 0
        self._stop_requested = False
        # SimPy binds these shortcuts early only for the concrete class's own attributes: any subclass loses
        # them, and with them a tenth of the speed of every process.
        for name, kind in (("timeout", Timeout), ("process", Process), ("event", Event)):
            setattr(self, name, MethodType(kind, self))

    def at(self, t: float, phase: int, fn: Handler, arg: Any, epoch: int = 0) -> None:
        """Call ``fn(arg, epoch)`` at ``t`` seconds (rounded up to the grid) in ``phase``."""
        t = ceil(t * _PER_SECOND) * TICK
        if t < self._edge:
            heappush(self._queue, (t, phase, self._numbers(), fn, arg, epoch))
            return
        try:
            self._pages[int(t * _PAGES_PER_SECOND)].append((t, phase, self._numbers(), fn, arg, epoch))
        except KeyError:
            self._later((t, phase, self._numbers(), fn, arg, epoch))

    def after(self, delay: float, fn: Handler, arg: Any, epoch: int) -> None:
        """Call ``fn(arg, epoch)`` in ``delay`` seconds as a fact of the world: the hot path of every task."""
        t = ceil((self._now + delay) * _PER_SECOND) * TICK
        if t < self._edge:
            heappush(self._queue, (t, 0, self._numbers(), fn, arg, epoch))
            return
        try:
            self._pages[int(t * _PAGES_PER_SECOND)].append((t, 0, self._numbers(), fn, arg, epoch))
        except KeyError:
            self._later((t, 0, self._numbers(), fn, arg, epoch))

    def soon(self, phase: int, fn: Handler, arg: Any) -> None:
        """Call ``fn(arg, 0)`` at this instant, in ``phase``."""
        heappush(self._queue, (self._now, phase, self._numbers(), fn, arg, 0))

    def schedule(self, event: Event, priority: int = 1, delay: float = 0) -> None:
        """Queue a SimPy event; SimPy's normal priority is the phase of outside calls."""
        self.at(self._now + delay, priority, self._fire, event)

    def _later(self, entry: Any) -> None:
        """Begin the page of an entry beyond the heap's edge."""
        number = int(entry[0] * _PAGES_PER_SECOND)
        self._pages[number] = [entry]
        heappush(self._page_numbers, number)

    def _turn(self) -> bool:
        """Move the next page that holds anything into the empty heap; False if there is none."""
        queue = self._queue
        while self._page_numbers and not queue:
            number = heappop(self._page_numbers)
            queue.extend(self._pages.pop(number))
            heapify(queue)
            self._edge = (number + 1) * PAGE
        return bool(queue)

    @staticmethod
    def _fire(event: Any, _: int) -> None:
        callbacks, event.callbacks = event.callbacks, None
        for callback in callbacks:
            callback(event)
        if not event._ok and not hasattr(event, "_defused"):
            raise event._value

    def peek(self) -> float:
        """Return the time of the next entry, infinity if there is none."""
        return float(self._queue[0][0]) if self._queue or self._turn() else Infinity

    def step(self) -> None:
        """Run the next entry."""
        if not self._queue and not self._turn():
            raise EmptySchedule
        t, _, _, fn, arg, epoch = heappop(self._queue)
        self._now = t
        self.events_done += 1
        fn(arg, epoch)

    @property
    def alone(self) -> bool:
        """Whether nothing else is due at this instant."""
        return not self._queue or self._queue[0][0] > self._now

    def run(self, until: Any = None) -> Any:
        """Run to ``until`` seconds, half-open; without it to the end of the queue (SimPy's own spelling)."""
        if isinstance(until, Event):
            while until.callbacks is not None:
                self.step()
            return until.value
        return self.run_until(Infinity if until is None else float(until))

    def run_until(self, horizon: float) -> None:
        """Run every entry before ``horizon`` and set the clock to it; what is due exactly then stays queued.

        The clock stands on its grid then too, so that what is planned for "now" is not due a tick later.
        """
        if horizon <= self._now:
            return
        queue = self._queue
        done = 0
        self._halts += 1
        if horizon != Infinity:
            # An entry of its own before all others at the horizon: the loop need not compare every time with it.
            self.at(horizon, BEFORE_ALL, self._halt, self._halts)
        try:
            while queue or self._turn():
                t, _, _, fn, arg, epoch = heappop(queue)
                self._now = t
                done += 1
                fn(arg, epoch)
        except _HaltError:
            done -= 1
        finally:
            self.events_done += done

    def _halt(self, number: int, _: int) -> None:
        """End the run that this entry was made for; one that another end came before is ignored."""
        if number == self._halts:
            raise _HaltError

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked for the end of the run; asking works from a signal handler too."""
        return self._stop_requested

    @stop_requested.setter
    def stop_requested(self, wanted: bool) -> None:
        self._stop_requested = wanted
        if wanted:
            heappush(self._queue, (self._now, BEFORE_ALL, self._numbers(), self._halt, self._halts, 0))

    def note_stale(self) -> None:
        """Count one abandoned entry; when most of a large queue is abandoned, drop them all."""
        self.stale += 1
        if self.stale > 20_000 and self.stale * 2 > len(self._queue) + sum(map(len, self._pages.values())):
            self.compact()

    def compact(self) -> None:
        """Drop every entry whose entity has moved to another epoch."""
        queue = self._queue
        queue[:] = [e for e in queue if getattr(e[4], "epoch", e[5]) == e[5]]
        heapify(queue)
        for page in self._pages.values():
            page[:] = [e for e in page if getattr(e[4], "epoch", e[5]) == e[5]]
        self.stale = 0
