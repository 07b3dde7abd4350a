"""Managed scaling at work: each minute, per capacity provider, the metric, the alarms and what follows.

A provider with managed scaling measures its group (ASG-010), and its group grows when tasks wait for instances
and shrinks after a quarter of an hour with too many. Growing takes effect ``managedScalingDelay`` after the
first task began to wait (ASG-039: metric, alarm and evaluation in one), shrinking at the minute. Decisions are
those of :mod:`ecssim.decide.managed_scaling`; every minute is a row of ``capacity_provider_decisions``, every
change of the size one of ``scaling_activities``, every change of an alarm one of ``alarms``. Implements ASG-004,
ASG-005, ASG-034 to ASG-043.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ecssim.decide.managed_scaling import (
    Alarms,
    Extremes,
    Measure,
    Reservation,
    ScalingPolicy,
    Size,
    evaluate,
    extremes,
    measure,
    right_size,
    scale_in_step,
    scale_out,
    warming_up,
)
from ecssim.engine.kernel import CONTROLLER
from ecssim.engine.occupancy import occupancy
from ecssim.engine.retiring import may_go
from ecssim.engine.scaling_decisions import Done, ScalingDecisions
from ecssim.world.instances import AutoScalingGroup
from ecssim.world.tasks import NAN

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

METRIC: Final = "CapacityProviderReservation"
MINUTE_SECONDS: Final = 60.0


class _Order(NamedTuple):
    """A scale-out that has been decided and takes effect later."""

    group: AutoScalingGroup
    desired: int
    reservation: Reservation


class _Scaler:
    """The state of one provider's scaling."""

    __slots__ = ("alarms", "due", "group", "measure", "ordered", "policy", "refused", "reservation", "shown", "sizes")

    def __init__(self, group: AutoScalingGroup, policy: ScalingPolicy) -> None:
        self.group = group
        self.policy = policy
        shapes = [kind.shape for kind in group.kinds]
        self.sizes: Extremes = extremes(Size(s.cpu, s.memory, s.gpus, s.eni_slots) for s in shapes)
        self.alarms = Alarms()
        self.shown = {"AlarmHigh": "INSUFFICIENT_DATA", "AlarmLow": "INSUFFICIENT_DATA"}
        self.ordered = False
        #: When the order that is under way takes effect.
        self.due = NAN
        self.refused = ""
        self.reservation = Reservation(0, 0, 100)
        self.measure = Measure(self.reservation)


class Capacity:
    """Scales the groups of capacity providers and publishes their metrics."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._delay = engine.timing["managedScalingDelay"]
        recorder = engine.recorder
        self._metrics = recorder.tables["capacity_provider_metrics"]
        self._activities = recorder.tables["scaling_activities"]
        self._alarms = recorder.tables["alarms"]
        names = recorder.names
        self._targets = names.pool("scaling_target")
        self._policies = names.pool("policy")
        self._statuses = names.pool("scaling_status")
        self._texts = names.pool("text")
        self._alarm_names = names.pool("alarm")
        self._states = names.pool("alarm_state")
        self._metric = names.pool("metric")[METRIC]
        self._scalers: dict[int, _Scaler] = {}
        self._decisions = ScalingDecisions(engine)
        self._minute = 0.0

    def begin(self) -> None:
        """Take up the groups whose provider scales them."""
        for group in self.engine.world.groups:
            if group.settings.scaling is not None and group.provider_code:
                self._scalers[group.provider_code] = _Scaler(group, group.settings.scaling)

    def kinds_changed(self, group: AutoScalingGroup) -> None:
        """What the group's next instances register has changed."""
        scaler = self._scalers.get(group.provider_code)
        if scaler is not None:
            shapes = [kind.shape for kind in group.kinds]
            scaler.sizes = extremes(Size(s.cpu, s.memory, s.gpus, s.eni_slots) for s in shapes)

    def follow(self, group: AutoScalingGroup) -> None:
        """A call changed what the group's provider does: scale by the new words from now on."""
        scaling, code = group.settings.scaling, group.provider_code
        scaler = self._scalers.get(code)
        if scaling is None:
            self.forget(code)
        elif scaler is None:
            self._scalers[code] = _Scaler(group, scaling)
        else:
            scaler.policy = scaling

    def forget(self, provider: int) -> None:
        """The provider scales its group no more."""
        self._scalers.pop(provider, None)

    def manages(self, provider: int) -> bool:
        """Whether the provider's instances come by themselves, so that its tasks may wait in PROVISIONING (CAP-044)."""
        return provider in self._scalers or provider in self.engine.managed

    def right_size(self, group: AutoScalingGroup) -> int:
        """Return the size at which the group is at its target with what runs on it now (ASG-037)."""
        wanted = right_size(occupancy(group).busy, group.settings.scaling)
        return max(group.min_size, min(group.max_size, wanted))

    # -- the minute -------------------------------------------------------------------------------------------

    def publish(self, t: float) -> None:
        """Write the providers' rows of the minute that began at ``t``; decide nothing."""
        engine = self.engine
        self._minute = t
        for group in engine.world.groups:
            code = group.provider_code
            if not code:
                continue
            seen = occupancy(group)
            policy = group.settings.scaling or ScalingPolicy()
            scaler = self._scalers.get(code)
            needs = engine.waiting.needs(group.cluster, code)
            sizes = scaler.sizes if scaler is not None else Extremes(Size(0, 0, 0, 0), Size(0, 0, 0, 0))
            measured = measure(seen.instances, seen.busy, needs, sizes, policy)
            reservation = measured.reservation
            if scaler is not None:
                scaler.measure, scaler.reservation = measured, reservation
            self._metrics.append(
                t,
                code,
                reservation.percent if group.managed is None else NAN,
                group.desired if group.managed is None else len(group.instances),
                seen.instances,
                seen.instances - seen.busy,
                seen.tasks,
                engine.waiting.count(code),
                group.cluster.code,
                engine.region_code,
            )

    def on_minute(self) -> None:
        """Let every provider act on the value that was just published."""
        for scaler in self._scalers.values():
            self._act(scaler)

    def _act(self, scaler: _Scaler) -> None:
        group, reservation = scaler.group, scaler.reservation
        scaler.alarms = evaluate(scaler.alarms, reservation.against(scaler.policy.target_capacity))
        event = self._show(scaler)
        before = group.desired
        done = Done("none", before)
        suspended = "AlarmNotification" in group.suspended
        if suspended:
            done = Done("suspended", before)
        elif scaler.alarms.high:
            done = self._grow(scaler, event)
        elif scaler.alarms.low:
            done = Done("ordered before", before, scaler.due) if scaler.ordered else self._shrink(scaler, event)
        self._decisions.write(self._minute, group, scaler.measure, scaler.policy, scaler.alarms, before, done)
        if suspended:
            return
        if not scaler.alarms.high:
            scaler.refused = ""
        if group.failing and len(group.instances) >= group.desired:
            group.failing = ""

    # -- out --------------------------------------------------------------------------------------------------

    def _grow(self, scaler: _Scaler, event: int) -> Done:
        """Order more instances unless some are still warming up (ASG-034) or an order is under way."""
        group = scaler.group
        now = self.kernel._now
        if scaler.ordered:
            return Done("ordered before", group.desired, scaler.due)
        # Instances that were there before the run are past their warm-up.
        launched = [i.launched_at for i in group.instances.values() if i.registered_at != i.launched_at]
        if warming_up(now, launched, scaler.policy):
            return Done("warming up", group.desired, max(launched) + scaler.policy.warmup)
        wanted = scale_out(scaler.reservation, scaler.policy)
        desired = max(group.desired, min(group.max_size, wanted))
        if desired == group.desired:
            if wanted <= group.max_size:
                return Done("launching", desired)
            if scaler.refused != "AlreadyAtMaxCapacity":
                scaler.refused = "AlreadyAtMaxCapacity"
                self._record(scaler, group.desired, group.desired, scaler.refused, event)
            return Done("at maximum", desired)
        waiting = self.engine.waiting
        code = group.provider_code
        began = waiting.since.get(code, now - MINUTE_SECONDS)
        number = waiting.periods[code] if code in waiting.since else -int(now)
        delay = self.engine.luck.value(self._delay, "managed-scaling-delay", group.name, str(number))
        scaler.ordered = True
        scaler.due = max(now, began + delay)
        order = _Order(group, desired, scaler.reservation)
        self.kernel.at(scaler.due, CONTROLLER, self._on_order, (order, event))
        return Done("ordered", desired, scaler.due)

    def _on_order(self, what: tuple[_Order, int], _: int) -> None:
        """The alarm's action arrives: raise the desired capacity (ASG-032, ASG-033)."""
        (group, desired, reservation), event = what
        scaler = self._scalers.get(group.provider_code)
        if scaler is None:  # a call has switched managed scaling off meanwhile
            return
        scaler.ordered = False
        scaler.alarms = Alarms(scaler.alarms.high, 0)
        before = group.desired
        if desired > before:
            group.desired = desired
            scaler.reservation = reservation
            self.engine.groups.reconcile(group, self._record(scaler, before, desired, "", event))

    # -- in ---------------------------------------------------------------------------------------------------

    def _shrink(self, scaler: _Scaler, event: int) -> Done:
        """Let one minute's share of the surplus go (ASG-035); protected instances stay (ASG-040, ASG-041)."""
        group = scaler.group
        before = group.desired
        step = scale_in_step(scaler.reservation, scaler.policy)
        if step <= 0:
            return Done("at its size", before)
        step = min(step, before - group.min_size)
        if step <= 0:
            return Done("at minimum", before)
        able = [i for i in group.instances.values() if may_go(i)]
        step = min(step, len(able))
        if step <= 0:
            return Done("protected", before)
        if "Terminate" in group.suspended:
            return Done("suspended", before)
        chosen = self.engine.sizes.choose(group, able, step)
        group.desired = before - step
        activity = self._record(scaler, before, group.desired, "", event)
        for ordinal in chosen:
            self.engine.retiring.retire(self.engine.world.instances[ordinal], activity, replace=False)
        return Done("scaled in", group.desired, self.kernel._now)

    # -- the record -------------------------------------------------------------------------------------------

    def _record(self, scaler: _Scaler, before: int, after: int, refused: str, cause: int) -> int:
        group = scaler.group
        event = self.engine.recorder.new_event()
        self._activities.append(
            self.kernel._now,
            event,
            cause,
            self._targets[f"autoScalingGroup/{group.name}"],
            self._policies[f"ECSManagedAutoScalingPolicy-{group.provider}"],
            scaler.reservation.percent,
            before,
            after,
            self._statuses["Failed" if refused else "Successful"],
            self._texts[refused] if refused else 0,
            group.cluster.code,
            self.engine.region_code,
        )
        return event

    def _show(self, scaler: _Scaler) -> int:
        """Record what changed of the two alarms; return the event of the newest change that stands behind it."""
        alarms, target = scaler.alarms, scaler.policy.target_capacity
        event = 0
        for name, on, points in (("AlarmHigh", alarms.high, 1), ("AlarmLow", alarms.low, 15)):
            state = "ALARM" if on else "OK"
            if state == scaler.shown[name]:
                continue
            event = self.engine.recorder.new_event()
            side = "greater" if name == "AlarmHigh" else "less"
            percent = scaler.reservation.percent
            self._alarms.append(
                self.kernel._now,
                event,
                0,
                self._alarm_names[f"TargetTracking-{scaler.group.name}-{name}"],
                self._states[scaler.shown[name]],
                self._states[state],
                self._metric,
                self._texts[f"{percent:g}"],
                float(target),
                self._texts[
                    f"{points} of {points} datapoints {'were' if on else 'were not'} {side} than the threshold "
                    f"({target})"
                ],
                self.engine.region_code,
            )
            scaler.shown[name] = state
        return event
