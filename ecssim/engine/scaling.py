"""Application Auto Scaling: who may be scaled, which policies ask for it, and what becomes of their activities.

At every minute, after the alarms were judged: activities are concluded, and each target whose alarms ask for
something gets one decision. Moving the desired count is a call through the one door.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ecssim.aws.names import ScalingActivityStatus as Status
from ecssim.decide import target_tracking as tracking
from ecssim.decide.step_scaling import scale_by_steps
from ecssim.decide.target_tracking import Capacity, Decision, Vote
from ecssim.engine.alarms import MINUTE, Alarms, aggregate
from ecssim.engine.high_resolution import HighResolution
from ecssim.engine.pod_autoscalers import PodAutoscalers
from ecssim.engine.predictive import Predictive
from ecssim.engine.sampling import FINE
from ecssim.engine.schedules import Schedules
from ecssim.errors import ClientError
from ecssim.world.scaling import Activity, AlarmSettings, MetricAlarm, ScalableTarget, ScalingPolicy
from ecssim.world.states import IN_PROGRESS

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Who calls UpdateService for a scaling activity.
CALLER: Final = "autoscaling"


class Ask(NamedTuple):
    """An alarm that asks its policy for a decision; ``waking``: one point of demand, nothing runs (SCALE-030)."""

    policy: ScalingPolicy
    alarm: MetricAlarm
    waking: bool


class Scaling:
    """The scalable targets of the run and everything that moves them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.alarms = Alarms(engine)
        self.high_resolution = HighResolution(engine, self)
        self.fine_alarms = self.high_resolution.alarms
        self.schedules = Schedules(engine)
        self.predictive = Predictive(engine, self)
        self.autoscalers = PodAutoscalers(engine)
        self.targets: dict[str, ScalableTarget] = {}
        self._open: list[ScalableTarget] = []
        recorder = engine.recorder
        self._rows = recorder.tables["scaling_activities"]
        self._statuses = recorder.names.pool("scaling_status")
        self._texts = recorder.names.pool("text")
        self._fulfilment = engine.timing["scalingFulfilment"].median
        self._max_step = int(engine.model.max_scale_in_step)
        self._counts_added = engine.model.scale_out_cooldown_base == "before"

    # -- the minute -------------------------------------------------------------------------------------------

    def tick(self, minute: int) -> None:
        """The metrics of ``minute`` are there: judge alarms, conclude activities, decide, call."""
        self.alarms.tick(minute, self.engine.metrics.latest)
        self.high_resolution.minute(minute)
        self.autoscalers.minute()
        if self._open:
            self._conclude()
        if not self.targets:
            return
        self.predictive.minute(minute)
        desired = self.engine.metrics.latest["desired_count"]
        asks: dict[int, list[Ask]] = {}
        firing = self.alarms.firing(desired)
        if self.fine_alarms.by_name:
            firing += self.fine_alarms.firing(desired)
        for waking, found in ((False, firing), (True, self.alarms.awaited(desired))):
            for alarm in found:
                for policy in alarm.policies:
                    asks.setdefault(policy.target.code, []).append(Ask(policy, alarm, waking))
        for asked in asks.values():
            self._consider(asked)

    def step(self) -> None:
        """Fine metrics are there between minutes: only targets with a policy on them are looked at (SCALE-012).

        Alarms of whole minutes then have a say about these targets, as policies that are ready or not.
        """
        if self._open:
            self._conclude(fine=True)
        if not self.fine_alarms.any_alarm():
            return
        desired = np.array([s.desired for s in self.engine.world.services], dtype=np.float64)
        asks: dict[int, list[Ask]] = {}
        for alarm in self.fine_alarms.firing(desired):
            for policy in alarm.policies:
                asks.setdefault(policy.target.code, []).append(Ask(policy, alarm, False))
        if not asks:
            return
        for alarm in self.alarms.firing(desired):
            for policy in alarm.policies:
                if policy.target.code in asks:
                    asks[policy.target.code].append(Ask(policy, alarm, False))
        for asked in asks.values():
            self._consider(asked)

    # -- alarms of both resolutions ---------------------------------------------------------------------------

    def _home(self, alarm: MetricAlarm) -> Alarms:
        return self.alarms if alarm.settings.unit == MINUTE else self.fine_alarms

    def put_alarm(self, settings: AlarmSettings, side: int = 0) -> MetricAlarm:
        """Create an alarm, or edit the one of this name."""
        home, other = self.alarms, self.fine_alarms
        if settings.unit != MINUTE:
            home, other = other, home
        moved = other.by_name.get(settings.name)
        if moved is not None:
            other.delete(moved)
        return home.put(settings, side)

    def delete_alarm(self, alarm: MetricAlarm) -> None:
        """Delete an alarm."""
        self._home(alarm).delete(alarm)

    def all_alarms(self) -> list[MetricAlarm]:
        """Return every alarm."""
        return [*self.alarms.by_name.values(), *self.fine_alarms.by_name.values()]

    def alarm_named(self, name: str) -> MetricAlarm | None:
        """Return the alarm of this name."""
        return self.alarms.by_name.get(name) or self.fine_alarms.by_name.get(name)

    def state(self, alarm: MetricAlarm) -> int:
        """Return the state of an alarm, a code."""
        return self._home(alarm).state(alarm)

    def on_alarm(self, told: Callable[[str], None]) -> None:
        """Tell somebody of every alarm that goes into ALARM."""
        self.alarms.on_alarm = self.fine_alarms.on_alarm = told

    def changed(self) -> None:
        """Who acts on an alarm, or within which bounds, is different now."""
        self.alarms.changed()
        self.fine_alarms.changed()

    def delay_metrics(self, minutes: int) -> None:
        """Metrics come so many minutes later from now on, beyond what they did."""
        self.alarms.behind += minutes
        self.fine_alarms.behind += minutes * (MINUTE // FINE)

    def capacity(self, target: ScalableTarget) -> Capacity:
        """Return what a decision may see of a target now (SCALE-021, SCALE-032)."""
        service = target.service
        deployments = service.deployments
        return Capacity(
            sum(d.running for d in deployments),
            service.desired,
            target.lowest,
            target.highest,
            len(deployments) > 1 or deployments[0].rollout_state == IN_PROGRESS,
        )

    def _consider(self, asks: list[Ask]) -> None:
        """Decide once for one target, whatever number of policies ask (SCALE-027, SCALE-028)."""
        target = asks[0].policy.target
        if target.service.status != "ACTIVE":
            return
        at = self.capacity(target)
        votes: list[Vote] = []
        values: list[float] = []
        for i, ask in enumerate(asks):
            decision, value = self._ask(ask, at)
            values.append(value)
            if decision.reason is not None:
                self._not_scaled(ask, value, decision, at)
            if decision.to is not None and not self._suspended(target, decision.to, at):
                votes.append(Vote(i, decision.to, ask.policy.tracking is not None))
            elif decision.reason == tracking.AT_DESIRED.reason and ask.alarm.side < 0:
                # Ready to scale in, to no less than there is: the largest capacity wins.
                votes.append(Vote(i, at.desired, True))
        if not votes:
            return
        ready = {asks[v.policy].policy.name for v in votes if v.to <= at.desired}
        unready = sum(p.low is not None and p.name not in ready for p in target.policies.values())
        chosen = tracking.choose(votes, at.desired, unready)
        if chosen is not None:
            ask = asks[chosen.policy]
            self.move(target, chosen.to, ask.alarm.last_event, ask.policy, values[chosen.policy], at)

    def _ask(self, ask: Ask, at: Capacity) -> tuple[Decision, float]:
        """Return one policy's decision and the metric that it rests on."""
        policy, alarm = ask.policy, ask.alarm
        now = self.kernel._now
        points = self._home(alarm).recent(alarm)
        if not points:
            return tracking.WAIT, float("nan")
        cooldown = policy.cooldown
        settings = policy.tracking
        if policy.steps is not None:
            value = aggregate(points, policy.steps.aggregation)
            threshold = alarm.settings.threshold
            counted = self._counted(policy, at)
            return scale_by_steps(value, threshold, policy.steps.steps, counted, cooldown, now), value
        assert settings is not None
        value = points[0]  # the newest (SCALE-022)
        if ask.waking:
            return tracking.scale_from_zero(at, cooldown, now), value
        if alarm.side < 0:
            return tracking.scale_in(value, settings.value, at, cooldown, now, self._max_step), value
        if at.running == 0:
            return tracking.scale_from_zero(at, cooldown, now) if at.desired == 0 else tracking.WAIT, value
        return tracking.scale_out(value, settings.value, self._counted(policy, at), cooldown, now), value

    def _is_new(self, policy: ScalingPolicy) -> bool:
        """Whether the policy's last scale-out is still on its way, or its cooldown runs (SCALE-041)."""
        activity = policy.target.activity
        if activity is not None and activity.outward and activity.policy is policy:
            return True
        return self.kernel._now < float(policy.cooldown.out_until)

    def _counted(self, policy: ScalingPolicy, at: Capacity) -> Capacity:
        """Count what a scale-out that is still new has added already (SCALE-041)."""
        return at._replace(before=policy.base) if self._counts_added and self._is_new(policy) else at

    @staticmethod
    def _suspended(target: ScalableTarget, to: int, at: Capacity) -> bool:
        """Whether scaling in this direction is suspended (SCALE-045)."""
        return target.out_suspended if to > at.desired else target.in_suspended

    # -- activities -------------------------------------------------------------------------------------------

    def move(
        self,
        target: ScalableTarget,
        to: int,
        cause: int,
        policy: ScalingPolicy | None,
        value: float,
        at: Capacity,
        *,
        why: int = 0,
    ) -> bool:
        """Start an activity: set the desired count through the one door. False if the call was refused.

        ``why`` is the code of what is recorded in place of a policy (a scheduled action).
        """
        engine = self.engine
        now = self.kernel._now
        new = policy is not None and self._is_new(policy)
        self._override(target)
        event = engine.recorder.new_event()
        code = policy.code if policy is not None else why
        answer = engine.calls.set_desired_count(target.service, to, CALLER, event)
        if isinstance(answer, ClientError):
            self._write(event, cause, target, code, value, at.desired, at.desired, Status.FAILED, answer.message)
            return False
        self._write(event, cause, target, code, value, at.desired, to, Status.IN_PROGRESS)
        outward = to > at.desired
        target.activity = Activity(event, policy, outward, to, code, now + self._fulfilment)
        self._open.append(target)
        if policy is not None and policy.forecast is None and outward:
            if not new:
                policy.base = at.running
            # A scale-out cancels what is left of a scale-in cooldown (SCALE-042).
            policy.cooldown = policy.cooldown._replace(in_until=0.0, reached=to)
        return True

    def _conclude(self, *, fine: bool = False) -> None:
        """Look which activities ECS has fulfilled; a success starts the policy's cooldown (SCALE-044).

        With ``fine`` only at those of policies on metrics of 20 seconds.
        """
        now = self.kernel._now
        still: list[ScalableTarget] = []
        for target in self._open:
            activity = target.activity
            if activity is None:
                continue
            if fine and not _is_fine(activity.policy):
                still.append(target)
                continue
            service = target.service
            if service.status != "ACTIVE" or service.desired != activity.to:
                self._override(target)
            elif self._fulfilled(activity, sum(d.running for d in service.deployments)):
                self._close(target, Status.SUCCESSFUL)
                self._start_cooldown(activity, now)
            elif now >= activity.give_up_at:
                self._close(target, Status.UNFULFILLED)
            else:
                still.append(target)
        self._open = still

    @staticmethod
    def _fulfilled(activity: Activity, running: int) -> bool:
        """Whether the count is reached; in a deployment there may be more tasks than that."""
        return running >= activity.to if activity.outward else running <= activity.to

    @staticmethod
    def _start_cooldown(activity: Activity, now: float) -> None:
        policy = activity.policy
        if policy is None or policy.forecast is not None:
            return  # what no alarm asked for starts no cooldown (SCALE-043)
        if policy.steps is not None:
            wait_out = wait_in = policy.steps.cooldown
        else:
            assert policy.tracking is not None
            wait_out, wait_in = policy.tracking.out_cooldown, policy.tracking.in_cooldown
        if activity.outward:
            policy.cooldown = policy.cooldown._replace(out_until=now + wait_out)
        else:
            policy.cooldown = policy.cooldown._replace(in_until=now + wait_in)

    def _override(self, target: ScalableTarget) -> None:
        """Something newer moves the target: its activity ends as it is (SCALE-046)."""
        if target.activity is not None:
            self._close(target, Status.OVERRIDDEN)

    def _close(self, target: ScalableTarget, status: Status) -> None:
        """Record how an activity ended; the row's cause is the activity."""
        activity = target.activity
        assert activity is not None
        target.activity = None
        event = self.engine.recorder.new_event()
        to = activity.to
        self._write(event, activity.event, target, activity.policy_code, float("nan"), to, to, status)

    def _not_scaled(self, ask: Ask, value: float, decision: Decision, at: Capacity) -> None:
        """Record why nothing happens, once for each stay of the alarm in ALARM (SCALE-023, SCALE-046)."""
        policy, alarm = ask.policy, ask.alarm
        assert decision.reason is not None
        self._home(alarm).tell(alarm)
        said = (alarm.last_event, decision.reason.value)
        if policy.said == said:
            return
        policy.said = said
        event = self.engine.recorder.new_event()
        self._write(
            event,
            alarm.last_event,
            policy.target,
            policy.code,
            value,
            at.desired,
            at.desired,
            Status.FAILED,
            decision.reason.value,
        )

    def _write(
        self,
        event: int,
        cause: int,
        target: ScalableTarget,
        policy: int,
        value: float,
        before: int,
        after: int,
        status: Status,
        reason: str | None = None,
    ) -> None:
        self._rows.append(
            self.kernel._now,
            event,
            cause,
            target.code,
            policy,
            value,
            before,
            after,
            self._statuses[status.value],
            self._texts[reason],
            target.service.cluster.code,
            self.engine.region_code,
        )

    def note_activity(
        self,
        event: int,
        target: ScalableTarget,
        code: int,
        value: float,
        before: int,
        after: int,
        status: Status,
        reason: str | None,
    ) -> None:
        """Record what somebody else than Application Auto Scaling has made of a service's count."""
        self._write(event, 0, target, code, value, before, after, status, reason)

    def refuse(self, target: ScalableTarget, why: int, cause: int, message: str) -> None:
        """Record a scheduled action that could not be done."""
        event = self.engine.recorder.new_event()
        count = target.service.desired
        self._write(event, cause, target, why, float("nan"), count, count, Status.FAILED, message)

    # -- bounds -----------------------------------------------------------------------------------------------

    def set_bounds(self, target: ScalableTarget, minimum: int, maximum: int, cause: int, why: int = 0) -> None:
        """Change a target's bounds; a desired count outside is moved inside at once (SCALE-034, SCALE-062).

        Cooldowns do not matter here (SCALE-043).
        """
        if (minimum, maximum) != (target.minimum, target.maximum):
            target.minimum, target.maximum = minimum, maximum
            self.changed()
        at = self.capacity(target)
        to = min(max(at.desired, minimum), maximum)
        if to != at.desired and target.service.status == "ACTIVE":
            self.move(target, to, cause, None, float("nan"), at, why=why)


def _is_fine(policy: ScalingPolicy | None) -> bool:
    return policy is not None and policy.tracking is not None and policy.tracking.unit == FINE
