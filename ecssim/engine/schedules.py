"""Scheduled actions: at their time they write a target's bounds, and the target follows (SCALE-060 to SCALE-064)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from ecssim.aws.schedules import Schedule, occurrences
from ecssim.engine.kernel import CALL
from ecssim.world.scaling import ScalableTarget, ScheduledAction

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Schedules:
    """Arms the next moment of each scheduled action, one entry of the queue an action."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._policies = engine.recorder.names.pool("policy")
        self._delay = engine.timing["scheduledAction"].median

    def put(
        self, target: ScalableTarget, name: str, schedule: Schedule, minimum: int | None, maximum: int | None
    ) -> None:
        """Create a scheduled action, or replace the one of this name; times that have passed are lost."""
        self.delete(target, name)
        engine = self.engine
        now = datetime.fromtimestamp(engine.start_epoch + self.kernel._now, tz=engine.start.tzinfo)
        moments = self._seconds(occurrences(schedule, now))
        action = ScheduledAction(name, target, minimum, maximum, moments)
        target.actions[name] = action
        self._arm(action)

    def delete(self, target: ScalableTarget, name: str) -> None:
        """Forget a scheduled action, if there is one of this name."""
        old = target.actions.pop(name, None)
        if old is not None:
            old.epoch += 1

    def _seconds(self, moments: Iterator[datetime]) -> Iterator[float]:
        start = self.engine.start
        return ((moment - start).total_seconds() for moment in moments)

    def _arm(self, action: ScheduledAction) -> None:
        t = next(action.moments, None)
        if t is not None and t < self.engine.duration:
            self.kernel.at(t, CALL, self._fire, action, action.epoch)

    def _fire(self, action: ScheduledAction, epoch: int) -> None:
        """The action's time has come: it takes effect a few seconds later, after those before it (SCALE-064)."""
        if action.epoch != epoch:
            return
        self._arm(action)
        target = action.target
        if target.scheduled_suspended:
            return  # and it is lost (SCALE-045)
        target.busy_until = max(self.kernel._now, target.busy_until) + self._delay
        self.kernel.at(target.busy_until, CALL, self._take_effect, action, epoch)

    def _take_effect(self, action: ScheduledAction, epoch: int) -> None:
        """Write the given bounds, leave the other (SCALE-062, SCALE-063)."""
        if action.epoch != epoch:
            return
        engine = self.engine
        target = action.target
        event = engine.calls.note("autoscaling", f"scheduledAction:{action.name}", target.resource)
        minimum = action.minimum if action.minimum is not None else target.minimum
        maximum = action.maximum if action.maximum is not None else target.maximum
        why = self._policies[action.name]
        if minimum > maximum:
            message = f"Minimum capacity {minimum} is more than maximum capacity {maximum}."
            engine.scaling.refuse(target, why, event, message)
            return
        engine.scaling.set_bounds(target, minimum, maximum, event, why)
