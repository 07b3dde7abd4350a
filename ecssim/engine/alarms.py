"""CloudWatch alarms over the service metrics, judged all at once at every minute (ALARM-005).

A data point of a minute is judged at the first minute boundary after it has been published (ALARM-018,
ALARM-021, SCALE-015). Python runs only for alarms that change their state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from math import ceil, isnan
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from ecssim.decide import alarms as judge
from ecssim.engine.alarm_lanes import Lanes
from ecssim.engine.metric_history import DEPTH, SERIES, MetricHistory
from ecssim.world.scaling import AlarmSettings, MetricAlarm
from ecssim.world.services import Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Metrics that come later than this many minutes count as lost.
MOST_BEHIND: Final = 120
#: Seconds of the shortest period of alarms that are judged every minute.
MINUTE: Final = 60
_NAN: Final = float("nan")
_PHRASES: Final = (
    "greater than the threshold",
    "greater than or equal to the threshold",
    "less than the threshold",
    "less than or equal to the threshold",
)


class Alarms:
    """All alarms of the run. ``behind`` is how many minutes metrics come late, beyond their usual delay.

    Those with periods of 20 seconds are in a second object of this class, whose "minutes" are of 20 seconds: its
    ``unit`` (SCALE-012, ALARM-005).
    """

    def __init__(self, engine: Engine, unit: int = MINUTE, history: MetricHistory | None = None) -> None:
        self.engine = engine
        self.unit = unit
        self.history = MetricHistory() if history is None else history
        self.by_name: dict[str, MetricAlarm] = {}
        #: Told the name of every alarm that goes into ALARM, if anybody asked: deployments do (DEPLOY-050).
        self.on_alarm: Callable[[str], None] | None = None
        self.behind = 0
        self._was_behind = 0
        self.minute = -1
        self.primed = False
        #: Alarms of up to so many periods of a minute are judged as masks, the others one by one.
        self.mask_periods = judge.MASK_PERIODS
        self._lanes = Lanes([])
        self._slow: list[MetricAlarm] = []
        self._stale = False
        recorder = engine.recorder
        self._rows = recorder.tables["alarms"]
        self._names = recorder.names.pool("alarm")
        self._states = recorder.names.pool("alarm_state")
        self._metrics = recorder.names.pool("metric")
        self._texts = recorder.names.pool("text")

    # -- which alarms there are -------------------------------------------------------------------------------

    def put(self, settings: AlarmSettings, side: int = 0) -> MetricAlarm:
        """Create an alarm, or edit it: it keeps its state (ALARM-001) and looks back on what was published."""
        self.history.reserve(settings.service + 1)
        alarm = self.by_name.get(settings.name)
        if alarm is None:
            alarm = MetricAlarm(settings, self._names[settings.name], self._metrics[settings.metric], side)
            self.by_name[settings.name] = alarm
            self.engine.monitoring.alarm(self._watched(settings), 1)
        else:
            alarm.settings = settings
            alarm.metric_code = self._metrics[settings.metric]
            if self._in_lanes(alarm):
                self._lanes.told[alarm.row] = False
        alarm.lag = self._lag(settings)
        alarm.fresh = True
        self._stale = True
        return alarm

    def delete(self, alarm: MetricAlarm) -> None:
        """Delete an alarm."""
        del self.by_name[alarm.settings.name]
        self.engine.monitoring.alarm(self._watched(alarm.settings), -1)
        self._stale = True

    def _watched(self, settings: AlarmSettings) -> Service | None:
        """The service whose metric the alarm watches; a series of metric math belongs to none."""
        return None if settings.column == SERIES else self.engine.world.services[settings.service]

    def _in_lanes(self, alarm: MetricAlarm) -> bool:
        lanes = self._lanes.alarms
        return 0 <= alarm.row < len(lanes) and lanes[alarm.row] is alarm

    def changed(self) -> None:
        """Who acts on an alarm, or within which bounds, is different now."""
        self._stale = True

    def _lag(self, settings: AlarmSettings) -> int:
        """Minutes from the end of a period to the boundary at which its point is judged (ALARM-021)."""
        engine = self.engine
        if settings.column == SERIES:
            return ceil(engine.series.delays[settings.service] / self.unit)
        name = "albMetricPublish" if settings.metric not in _OF_ECS else "metricPublish"
        if self.unit < MINUTE:
            name = "fineMetricPublish"
        service = engine.world.services[settings.service]
        luck = engine.luck(name, service.cluster.name, service.name)
        law = engine.timing[name]
        # One draw serves either kind of law: a normal one is not needed for a delay that only rounds up.
        delay = float(law.values_of(np.zeros(1), np.array([luck[0]]))[0])
        return ceil(delay / self.unit)

    def _pack(self) -> None:
        self._lanes.store()
        fast: list[MetricAlarm] = []
        self._slow = []
        for alarm in self.by_name.values():
            short = alarm.settings.minutes == 1 and alarm.settings.periods <= self.mask_periods
            alarm.row = -1
            (fast if short else self._slow).append(alarm)
        self._backfill([a for a in fast if a.fresh])
        for alarm in self._slow:
            if alarm.fresh:
                self._backfill_slow(alarm)
        self._lanes = Lanes(fast)
        self._stale = False

    def _backfill(self, alarms: list[MetricAlarm]) -> None:
        """Give new alarms the points that were published before they existed."""
        if not alarms:
            return
        for alarm in alarms:
            alarm.real = alarm.breach = 0
            alarm.fresh = False
        lanes = Lanes(alarms)
        if self.minute >= 0 or self.primed:
            for age in range(int(lanes.n.max()) + judge.EXTRA):
                lanes.reveal(self.history, self.minute, age)
            if self.minute < 0:
                # Before t = 0 nothing was out of the ordinary: what is, becomes news at the first minute.
                lanes.state[lanes.real > 0] = judge.OK
        lanes.store()

    def _backfill_slow(self, alarm: MetricAlarm) -> None:
        settings = alarm.settings
        span = settings.periods + judge.EXTRA
        alarm.points = [deque([_NAN] * span, maxlen=span) for _ in range(settings.minutes)]
        alarm.fresh = False
        if self.minute >= 0 or self.primed:
            back = min(span * settings.minutes, DEPTH - alarm.lag - settings.minutes)
            for minute in range(self.minute - back + 1, self.minute + 1):
                self._append(alarm, minute)
            if self.minute < 0:
                alarm.state = judge.OK

    # -- the minute -------------------------------------------------------------------------------------------

    def prime(self) -> None:
        """The run begins in a steady state: the metrics have been the same as in its first minute for long."""
        self.primed = True

    def tick(self, minute: int, latest: Mapping[str, npt.NDArray[np.float64]]) -> None:
        """The metrics of ``minute`` are closed: publish what is due, judge every alarm, record the changes."""
        series = self.engine.series.tick() if self.unit == MINUTE else None
        if minute == 0 and self.primed:
            self.history.prime(latest, series)
        if self._stale:
            self._pack()
        self.history.keep(minute, latest, series)
        self.minute = minute
        if not self.by_name:
            return
        lanes = self._lanes
        lanes.shift()
        # What became visible since the last minute: one period as a rule, none or several around a delay.
        behind = min(self.behind, self._was_behind + 1, MOST_BEHIND)
        ages = range(self._was_behind, behind - 1, -1)
        self._was_behind = behind
        for age in ages:
            lanes.reveal(self.history, minute, age)
        states = lanes.judge()
        changes = np.flatnonzero(states != lanes.state)
        if changes.size:
            lanes.told[changes] = False
            before = lanes.state
            lanes.state = states
            for row in changes.tolist():
                self._record(lanes.alarms[row], int(before[row]), int(states[row]))
        for alarm in self._slow:
            for age in ages:
                self._tick_slow(alarm, minute - age)

    def _tick_slow(self, alarm: MetricAlarm, minute: int) -> None:
        """Judge an alarm whose period is longer than a minute, or which looks far back: a sliding window."""
        settings = alarm.settings
        self._append(alarm, minute)
        points = [
            None if isnan(v) else judge.breaches(v, settings.operator, settings.threshold)
            for v in alarm.points[minute % settings.minutes]
        ]
        state = judge.evaluate(points, settings.periods, settings.datapoints, settings.treat, alarm.state)
        if state != alarm.state:
            old, alarm.state = alarm.state, state
            self._record(alarm, old, state)

    def _append(self, alarm: MetricAlarm, minute: int) -> None:
        """Add the point of the period that ends with the minute that is published now."""
        settings = alarm.settings
        values = self.history.window(settings.column, minute - alarm.lag, settings.minutes, settings.service)
        alarm.points[minute % settings.minutes].append(aggregate(values, settings.statistic))

    def firing(self, desired: npt.NDArray[np.float64]) -> list[MetricAlarm]:
        """Return the alarms in ALARM whose policies may have something to do (SCALE-013).

        ``desired`` is the desired count by service. A policy that has said that its bound is reached is not
        asked again while that is so.
        """
        lanes = self._lanes
        hot = (lanes.state == judge.ALARM) & lanes.acts
        if hot.any():
            now = desired[lanes.owner]
            bounded = np.where(lanes.side < 0, now <= lanes.stop, (lanes.side > 0) & (now >= lanes.stop))
            hot &= ~(lanes.told & bounded)
        found = [lanes.alarms[row] for row in np.flatnonzero(hot).tolist()]
        found += [a for a in self._slow if a.state == judge.ALARM and a.policies and a.settings.actions_enabled]
        return found

    def any_alarm(self) -> bool:
        """Whether any alarm is in ALARM."""
        return bool((self._lanes.state == judge.ALARM).any()) or any(a.state == judge.ALARM for a in self._slow)

    def awaited(self, desired: npt.NDArray[np.float64]) -> list[MetricAlarm]:
        """Return the high alarms of services at zero whose newest point shows demand (SCALE-030)."""
        if desired.all():
            return []
        lanes = self._lanes
        idle = (lanes.side > 0) & (desired[lanes.owner] == 0)
        found = []
        for row in np.flatnonzero(idle).tolist():
            alarm = lanes.alarms[row]
            settings = alarm.settings
            minute = self.minute - alarm.lag
            # A point of a minute in which tasks still ran is no demand that waits.
            ran = self.history.window("running_count", minute, 2, int(lanes.owner[row]))
            if ran == [0.0, 0.0] and self.history.value(settings.column, minute, settings.service) > 0:
                found.append(alarm)
        return found

    def tell(self, alarm: MetricAlarm) -> None:
        """A policy has said why it does nothing about this alarm."""
        if self._in_lanes(alarm):
            self._lanes.told[alarm.row] = True

    def state(self, alarm: MetricAlarm) -> int:
        """Return the state of an alarm, a code."""
        return int(self._lanes.state[alarm.row]) if self._in_lanes(alarm) else alarm.state

    # -- what alarms saw --------------------------------------------------------------------------------------

    def recent(self, alarm: MetricAlarm) -> list[float]:
        """Return the newest real points of the evaluation range, at most N, newest first."""
        settings = alarm.settings
        if alarm.points:
            phase = alarm.points[(self.minute - self._was_behind) % settings.minutes]
            values = [v for v in reversed(phase) if not isnan(v)]
        else:
            last = self.minute - alarm.lag
            span = range(self._was_behind, settings.periods + judge.EXTRA)
            got = (self.history.value(settings.column, last - age, settings.service) for age in span)
            values = [v for v in got if not isnan(v)]
        return values[: settings.periods]

    def _record(self, alarm: MetricAlarm, old: int, new: int) -> None:
        """Write one change of state; its cause is the alarm's last one."""
        engine = self.engine
        settings = alarm.settings
        points = self.recent(alarm)
        shown = ", ".join(f"{v:.6g}" for v in points)
        event = engine.recorder.new_event()
        self._rows.append(
            engine.kernel._now,
            event,
            alarm.last_event,
            alarm.code,
            self._states[judge.STATE_NAMES[old]],
            self._states[judge.STATE_NAMES[new]],
            alarm.metric_code,
            self._texts.fresh(shown) if shown else 0,
            settings.threshold,
            self._texts.fresh(_reason(settings, points, shown, old, new)),
            engine.region_code,
        )
        alarm.last_event = event
        if new == judge.ALARM and self.on_alarm is not None:
            self.on_alarm(settings.name)


def aggregate(values: Sequence[float], statistic: str) -> float:
    """Return one statistic of the values of several minutes, NaN without any."""
    if not values:
        return _NAN
    match statistic:
        case "Sum" | "SampleCount":
            return sum(values)
        case "Minimum":
            return min(values)
        case "Maximum":
            return max(values)
    return sum(values) / len(values)


def _reason(settings: AlarmSettings, points: list[float], shown: str, old: int, new: int) -> str:
    if new == judge.INSUFFICIENT_DATA:
        return f"Insufficient Data: {settings.periods} datapoints were unknown."
    phrase = f"{_PHRASES[settings.operator]} ({settings.threshold:g})"
    if new == judge.OK:
        return f"Threshold Crossed: {len(points)} datapoints [{shown}] were not {phrase}."
    hits = sum(judge.breaches(v, settings.operator, settings.threshold) for v in points)
    plural = "datapoint" if settings.datapoints == 1 else "datapoints"
    return (
        f"Threshold Crossed: {hits} out of the last {settings.periods} datapoints [{shown}] were {phrase} "
        f"(minimum {settings.datapoints} {plural} for {judge.STATE_NAMES[old]} -> ALARM transition)."
    )


_OF_ECS: Final = frozenset({"CPUUtilization", "MemoryUtilization"})
