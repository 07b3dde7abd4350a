"""EventBridge Scheduler at work: at its times a schedule makes its call through the one door (SCALE-066).

A flexible window moves each call by a share of the window that is drawn for the schedule and the occasion alone
(BATCH-020). What the call changes is undone by the next policy activity if it is the desired count, and not if it is
a bound: nothing here says so, it follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from ecssim.aws.scheduler import EventSchedule, action_of, parameters_of, schedule_of
from ecssim.aws.schedules import occurrences
from ecssim.engine.kernel import CALL

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Who calls.
CALLER: Final = "scheduler"


class EventCalls:
    """One schedule: arms its next occasion, one entry of the queue at a time."""

    def __init__(self, engine: Engine, document: EventSchedule) -> None:
        self.engine = engine
        self.action = action_of(document)
        self.parameters = parameters_of(document)
        self._luck = engine.luck("schedule", document.group_name or "default", document.name)
        self._window = 60.0 * (document.flexible_time_window.maximum_window_in_minutes or 0)
        created = datetime.fromtimestamp(engine.start_epoch + engine.kernel._now, tz=engine.start.tzinfo)
        moments = occurrences(schedule_of(document), created, at_start=False)
        self._times: Iterator[float] = ((moment - engine.start).total_seconds() for moment in moments)
        self._occasion = -1
        if document.state == "ENABLED":
            self._arm()

    def _arm(self) -> None:
        t = next(self._times, None)
        if t is None or t >= self.engine.duration:
            return
        self._occasion += 1
        self.engine.kernel.at(t, CALL, self._fire, self._occasion)

    def _fire(self, occasion: int, _epoch: int) -> None:
        self._arm()
        if self._window:
            at = self.engine.kernel._now + self._luck[occasion] * self._window
            self.engine.kernel.at(at, CALL, self._call, None)
        else:
            self._call(None, 0)

    def _call(self, _arg: None, _epoch: int) -> None:
        self.engine.calls.call(self.action, self.parameters, CALLER)
