"""Predictive scaling at work: hourly loads become forecasts, forecasts become tasks ahead of their hour.

At every full hour the load of the past one joins the history; every six hours a forecast is made and recorded in
``capacity_forecasts``. A policy that also scales raises the desired count before each hour (SCALE-071, SCALE-072) and
holds other policies at no less within it; it never scales in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor
from typing import TYPE_CHECKING, Final

from ecssim.aws.check_metrics import group_in
from ecssim.aws.check_predictive import LOADS
from ecssim.aws.names import MaxCapacityBreachBehavior, PredictiveScalingMode
from ecssim.aws.scaling import Dimension, ScalingPolicy
from ecssim.decide import predictive as decide
from ecssim.decide.target_tracking import Cooldown
from ecssim.engine import metric_sources as sources
from ecssim.engine.kernel import CALL
from ecssim.engine.metric_history import SERIES
from ecssim.errors import ClientError
from ecssim.world import scaling as entities

if TYPE_CHECKING:
    from ecssim.engine.scaling import Scaling
    from ecssim.engine.simulation import Engine

HOUR: Final = 3600.0
MINUTES: Final = 60
#: Of an hour that nothing is known of.
NOTHING: Final = decide.Limits(0, 0)


@dataclass(slots=True, eq=False)
class Forecasts:
    """One policy's state: its load by hour (from 1970), what it expects, and the count it holds now.

    ``series`` is the number of its load metric; ``epoch`` goes up when the policy is put again or deleted.
    """

    policy: entities.ScalingPolicy
    target_value: float
    series: int
    scales: bool
    buffer_time: float
    max_buffer: int | None
    loads: dict[int, float] = field(default_factory=dict)
    expected: dict[int, float] = field(default_factory=dict)
    made_at: int = 0
    held: decide.Limits = NOTHING
    epoch: int = 0


class Predictive:
    """All predictive policies of the run."""

    def __init__(self, engine: Engine, scaling: Scaling) -> None:
        self.engine = engine
        self.scaling = scaling
        self._rows = engine.recorder.tables["capacity_forecasts"]
        self._policies: list[Forecasts] = []
        self._hour = floor(engine.start_epoch / HOUR)

    def put(self, target: entities.ScalableTarget, document: ScalingPolicy) -> entities.ScalingPolicy:
        """PutScalingPolicy: make the first forecast at once (SCALE-070)."""
        configuration = document.predictive_scaling_policy_configuration
        assert configuration is not None
        specification = configuration.metric_specifications[0]
        old = target.policies.get(document.policy_name)
        if old is not None and old.forecast is None:
            raise ClientError("ValidationException", "PolicyType cannot be changed once created.")
        code = self.engine.recorder.names.pool("policy")[document.policy_name]
        policy = old or entities.ScalingPolicy(document.policy_name, code, target, None, None, Cooldown())
        buffer_time = configuration.scheduling_buffer_time
        increases = configuration.max_capacity_breach_behavior is MaxCapacityBreachBehavior.INCREASE_MAX_CAPACITY
        state = Forecasts(
            policy,
            specification.target_value,
            self._load(target, document),
            configuration.mode is PredictiveScalingMode.FORECAST_AND_SCALE,
            decide.BUFFER if buffer_time is None else float(buffer_time),
            configuration.max_capacity_buffer if increases else None,
        )
        before = floor(self.engine.start_epoch / HOUR)
        given = document.load_history
        state.loads = {before - len(given) + i: load for i, load in enumerate(given)}
        if old is not None:
            state.loads = {**old.forecast.loads, **state.loads}
            self.delete(old)
        policy.forecast = state
        target.policies[policy.name] = policy
        self._policies.append(state)
        self._make(state)
        self._hold(state, self._now_hour())
        self._arm(state)
        return policy

    def delete(self, policy: entities.ScalingPolicy) -> None:
        """The policy is gone, or is put anew."""
        state: Forecasts = policy.forecast
        state.epoch += 1
        state.held = NOTHING
        self._policies.remove(state)
        self._bound(policy.target)

    def _load(self, target: entities.ScalableTarget, document: ScalingPolicy) -> int:
        """Return the number of the series that is the policy's load (SCALE-074)."""
        engine = self.engine
        configuration = document.predictive_scaling_policy_configuration
        assert configuration is not None
        specification = configuration.metric_specifications[0]
        custom = specification.customized_load_metric_specification
        if custom is not None:
            return sources.math_source(engine, custom.metric_data_queries).ordinal
        pair = specification.predefined_metric_pair_specification
        metric = pair or specification.predefined_load_metric_specification
        assert metric is not None
        service = target.service
        delay = sources.published_after(engine, "AWS/ECS", service)
        if metric.resource_label is not None:
            group = Dimension.model_construct(name="TargetGroup", value=group_in(metric.resource_label) or "")
            found = sources.source(engine, "AWS/ApplicationELB", "RequestCount", "Sum", [group])
            service = engine.world.services[found.ordinal]
        return sources.expression_series(engine, LOADS[metric.predefined_metric_type], service, delay)

    # -- hours ------------------------------------------------------------------------------------------------

    def _now_hour(self) -> int:
        return floor((self.engine.start_epoch + self.engine.kernel._now) / HOUR)

    def minute(self, minute: int) -> None:
        """The minute is over: if an hour is, its load is known, and a forecast may be due."""
        hour = self._now_hour()
        if hour == self._hour:
            return
        self._hour = hour
        for state in self._policies:
            got = self.scaling.alarms.history.window(SERIES, minute, MINUTES, state.series)
            if got:
                state.loads[hour - 1] = sum(got) / len(got)
            for old in [h for h in state.loads if h < hour - decide.MOST_HISTORY]:
                del state.loads[old]
            if not state.expected or hour - state.made_at >= decide.EVERY:
                self._make(state)

    def _make(self, state: Forecasts) -> None:
        """Forecast the next two days and record it (SCALE-070, SCALE-075)."""
        engine = self.engine
        now = engine.kernel._now
        hour = self._now_hour()
        state.made_at = hour
        # The hour that runs is expected, too: it has no load of its own yet.
        state.expected = decide.forecast(state.loads, hour)
        target = state.policy.target
        for at, load in state.expected.items():
            self._rows.append(
                now,
                target.code,
                state.policy.code,
                at * HOUR - engine.start_epoch,
                load,
                decide.capacity(load, state.target_value),
                target.service.cluster.code,
                engine.region_code,
            )

    # -- scaling ----------------------------------------------------------------------------------------------

    def _arm(self, state: Forecasts) -> None:
        """Two moments an hour: its tasks are started ahead of it, and the hour before lets go of its own."""
        if not state.scales:
            return
        kernel = self.engine.kernel
        start = (self._now_hour() + 1) * HOUR - self.engine.start_epoch
        ahead = start - state.buffer_time
        at = ahead if ahead > kernel._now else start
        kernel.at(at, CALL, self._on_time, state, state.epoch)

    def _on_time(self, state: Forecasts, epoch: int) -> None:
        if state.epoch != epoch:
            return
        kernel = self.engine.kernel
        coming = floor((self.engine.start_epoch + kernel._now + state.buffer_time) / HOUR)
        self._hold(state, coming)
        self._arm(state)

    def _hold(self, state: Forecasts, hour: int) -> None:
        """Hold the count of an hour from now on, together with the one that still runs (SCALE-071, SCALE-073)."""
        if not state.scales:
            return
        target = state.policy.target
        asked = [self._limits(state, h) for h in range(self._now_hour(), hour + 1)]
        state.held = decide.Limits(max(a.tasks for a in asked), max(a.ceiling for a in asked))
        self._bound(target)
        if target.out_suspended or target.service.status != "ACTIVE":
            return
        at = self.scaling.capacity(target)
        to = min(state.held.tasks, target.highest)
        if to > at.desired:
            load = state.expected.get(hour, float("nan"))
            event = self.engine.calls.note("autoscaling", f"predictiveScaling:{state.policy.name}", target.resource)
            self.scaling.move(target, to, event, state.policy, load, at)

    def _limits(self, state: Forecasts, hour: int) -> decide.Limits:
        load = state.expected.get(hour)
        if load is None:
            return NOTHING
        count = decide.capacity(load, state.target_value)
        return decide.limits(count, state.policy.target.maximum, state.max_buffer)

    def _bound(self, target: entities.ScalableTarget) -> None:
        held = [s.held for s in self._policies if s.policy.target is target]
        floor_, ceiling = max((h.tasks for h in held), default=0), max((h.ceiling for h in held), default=0)
        if (floor_, ceiling) != (target.floor, target.ceiling):
            target.floor, target.ceiling = floor_, ceiling
            self.scaling.changed()
