"""From documents of Application Auto Scaling and CloudWatch to targets, policies, alarms and scheduled actions.

Used by compile at the start and by the one door during the run. A document put again replaces what has its
name; state (an alarm's, a cooldown) stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from ecssim.aws import check_scaling as checks
from ecssim.aws.check_metrics import group_in
from ecssim.aws.names import MetricStatistic, ScalingPolicyType
from ecssim.aws.scaling import (
    Alarm,
    Dimension,
    ScalableTarget,
    ScalingPolicy,
    ScheduledAction,
    StepScalingConfiguration,
    TargetTrackingConfiguration,
)
from ecssim.decide import alarms as judge
from ecssim.decide import target_tracking as tracking
from ecssim.decide.step_scaling import Step, Steps
from ecssim.engine import metric_sources as sources
from ecssim.engine.alarms import MINUTE
from ecssim.engine.metric_history import SERIES
from ecssim.engine.sampling import FINE
from ecssim.errors import ClientError
from ecssim.record.ids import owner_key
from ecssim.world import scaling as entities
from ecssim.world.services import Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

MOST_POLICIES: Final = 50
MOST_ACTIONS: Final = 200


def _accept(document: ScalableTarget | ScalingPolicy | ScheduledAction | Alarm) -> None:
    """Refuse what the API refuses in any state of the world."""
    refusals = [r for r in checks.check_scaling_request(document) if r.severity == "error"]
    if refusals:
        raise ClientError(refusals[0].code, refusals[0].message)


def _service(engine: Engine, resource: str) -> Service:
    service = engine.world.service_named(resource.removeprefix("service/"))
    if service is None:
        raise ClientError("ValidationException", f"ECS service doesn't exist: {resource}")
    return service


def scalable_target(engine: Engine, resource: str) -> entities.ScalableTarget:
    """Return the scalable target of a resource, or refuse."""
    target = engine.scaling.targets.get(resource)
    if target is None:
        raise ClientError(
            "ObjectNotFoundException",
            f"No scalable target registered for service namespace: ecs, resource ID: {resource}, "
            "scalable dimension: ecs:service:DesiredCount",
        )
    return target


def register_target(engine: Engine, document: ScalableTarget, event: int) -> None:
    """RegisterScalableTarget: a new target, or new bounds and suspensions (SCALE-001, SCALE-034, SCALE-045)."""
    _accept(document)
    scaling = engine.scaling
    target = scaling.targets.get(document.resource_id)
    if target is None:
        service = _service(engine, document.resource_id)
        if service.daemon:
            raise ClientError("ValidationException", f"{service.name} is a DAEMON service and cannot be scaled")
        code = engine.recorder.names.pool("scaling_target")[document.resource_id]
        target = entities.ScalableTarget(
            service, document.resource_id, code, document.min_capacity, document.max_capacity
        )
        scaling.targets[document.resource_id] = target
    if document.suspended_state is not None:
        state = document.suspended_state
        target.in_suspended = state.dynamic_scaling_in_suspended
        target.out_suspended = state.dynamic_scaling_out_suspended
        target.scheduled_suspended = state.scheduled_scaling_suspended
    scaling.set_bounds(target, document.min_capacity, document.max_capacity, event)


def deregister_target(engine: Engine, resource: str) -> None:
    """DeregisterScalableTarget: its policies, their alarms and its scheduled actions go with it."""
    target = scalable_target(engine, resource)
    for name in list(target.policies):
        delete_policy(engine, resource, name)
    for name in list(target.actions):
        engine.scaling.schedules.delete(target, name)
    target.activity = None
    del engine.scaling.targets[resource]


def put_policy(engine: Engine, document: ScalingPolicy) -> entities.ScalingPolicy:
    """PutScalingPolicy: a target-tracking policy gets its managed alarms (SCALE-002, SCALE-007)."""
    _accept(document)
    target = scalable_target(engine, document.resource_id)
    old = target.policies.get(document.policy_name)
    if old is None and len(target.policies) >= MOST_POLICIES:
        raise ClientError("LimitExceededException", f"a target has at most {MOST_POLICIES} policies")
    followed = steps = None
    if checks.kind_of(document) is ScalingPolicyType.TARGET_TRACKING_SCALING:
        configuration = document.target_tracking_scaling_policy_configuration
        assert configuration is not None
        followed = _tracking(engine, target, configuration)
        for other in target.policies.values():
            theirs = other.tracking
            if other is not old and theirs is not None and _metric_of(theirs) == _metric_of(followed):
                raise ClientError(
                    "ValidationException",
                    "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
                )
    elif checks.kind_of(document) is ScalingPolicyType.PREDICTIVE_SCALING:
        return engine.scaling.predictive.put(target, document)
    else:
        assert document.step_scaling_policy_configuration is not None
        steps = _steps(document.step_scaling_policy_configuration)
    if old is not None and ((old.tracking is None) != (followed is None) or old.forecast is not None):
        raise ClientError("ValidationException", "PolicyType cannot be changed once created.")
    if old is None:
        code = engine.recorder.names.pool("policy")[document.policy_name]
        policy = entities.ScalingPolicy(document.policy_name, code, target, followed, steps, tracking.Cooldown())
        target.policies[policy.name] = policy
    else:
        policy = old
        policy.tracking, policy.steps = followed, steps
    if followed is not None:
        _managed_alarms(engine, policy, followed)
    else:
        _link(engine)
    return policy


def delete_policy(engine: Engine, resource: str, name: str) -> None:
    """DeleteScalingPolicy: its managed alarms go with it (SCALE-007); a user's alarm stays, without it."""
    target = scalable_target(engine, resource)
    policy = target.policies.pop(name, None)
    if policy is None:
        raise ClientError("ObjectNotFoundException", f"No scaling policy found: {name}")
    if policy.forecast is not None:
        engine.scaling.predictive.delete(policy)
    for alarm in (policy.high, policy.low):
        if alarm is not None:
            engine.scaling.delete_alarm(alarm)
    _link(engine)


def put_action(engine: Engine, document: ScheduledAction) -> None:
    """PutScheduledAction (SCALE-060)."""
    _accept(document)
    target = scalable_target(engine, document.resource_id)
    name = document.scheduled_action_name
    if name not in target.actions and len(target.actions) >= MOST_ACTIONS:
        raise ClientError("LimitExceededException", f"a target has at most {MOST_ACTIONS} scheduled actions")
    given = document.scalable_target_action
    assert given is not None
    engine.scaling.schedules.put(target, name, checks.schedule_of(document), given.min_capacity, given.max_capacity)


def put_alarm(engine: Engine, document: Alarm) -> entities.MetricAlarm:
    """PutMetricAlarm on a metric, a percentile or metric math; actions name policies (SCALE-050, ALARM-016)."""
    _accept(document)
    assert document.threshold is not None
    assert document.evaluation_periods is not None
    treat = judge.TREATMENTS.index(document.treat_missing_data)
    period = document.period or MINUTE
    if document.metrics:
        found = sources.math_source(engine, document.metrics)
    elif document.extended_statistic is not None:
        ignore = document.evaluate_low_sample_count_percentile == "ignore"
        found = sources.low_sample_source(engine, document.extended_statistic, document.dimensions, ignore=ignore)
        # While there are too few samples the alarm keeps its state (ALARM-014).
        treat = judge.IGNORE if ignore else treat
    else:
        found = sources.source(
            engine,
            document.namespace or "",
            document.metric_name or "",
            document.statistic,
            document.dimensions,
        )
    unit = MINUTE if period % MINUTE == 0 else period
    settings = entities.AlarmSettings(
        name=document.alarm_name,
        metric=found.metric,
        column=found.column,
        service=found.ordinal,
        threshold=document.threshold,
        operator=judge.OPERATORS.index(document.comparison_operator or ""),
        periods=document.evaluation_periods,
        datapoints=document.datapoints_to_alarm or document.evaluation_periods,
        treat=treat,
        minutes=period // unit,
        unit=unit,
        statistic=document.statistic or "Average",
        actions_enabled=document.actions_enabled,
        actions=document.alarm_actions,
    )
    alarm = engine.scaling.put_alarm(settings)
    _link(engine)
    return alarm


def _tracking(
    engine: Engine, target: entities.ScalableTarget, configuration: TargetTrackingConfiguration
) -> entities.TrackingSettings:
    """Bind a policy to its metric (SCALE-003 to SCALE-006), with the default cooldowns (SCALE-040)."""
    predefined = configuration.predefined_metric_specification
    customized = configuration.customized_metric_specification
    statistic: MetricStatistic | None = MetricStatistic.AVERAGE
    unit = MINUTE
    if predefined is not None:
        namespace, metric = checks.PREDEFINED[predefined.predefined_metric_type]
        if predefined.predefined_metric_type in checks.HIGH_RESOLUTION:
            unit = FINE
        dimensions: tuple[Dimension, ...] = ()
        home: Service | None = target.service
        if predefined.resource_label is not None:
            statistic = MetricStatistic.SUM
            home = None
            group = group_in(predefined.resource_label)
            dimensions = (Dimension.model_construct(name="TargetGroup", value=group or ""),)
        found = sources.source(engine, namespace, metric, statistic, dimensions, home)
    else:
        assert customized is not None
        if customized.metrics:
            found = sources.math_source(engine, customized.metrics)
        else:
            statistic = customized.statistic
            found = sources.source(
                engine, customized.namespace or "", customized.metric_name or "", statistic, customized.dimensions
            )
    out_cooldown, in_cooldown = configuration.scale_out_cooldown, configuration.scale_in_cooldown
    return entities.TrackingSettings(
        metric=found.metric,
        column=found.column,
        service=found.ordinal,
        value=configuration.target_value,
        out_cooldown=tracking.DEFAULT_COOLDOWN if out_cooldown is None else float(out_cooldown),
        in_cooldown=tracking.DEFAULT_COOLDOWN if in_cooldown is None else float(in_cooldown),
        disable_scale_in=configuration.disable_scale_in,
        statistic=statistic or MetricStatistic.AVERAGE,
        unit=unit,
    )


def _metric_of(settings: entities.TrackingSettings) -> tuple[str, str, int, str, int]:
    return settings.metric, settings.column, settings.service, settings.statistic, settings.unit


def _steps(configuration: StepScalingConfiguration) -> entities.StepSettings:
    steps = tuple(Step(s.scaling_adjustment, *checks.bounds_of(s)) for s in configuration.step_adjustments)
    cooldown = configuration.cooldown
    return entities.StepSettings(
        Steps(configuration.adjustment_type, steps, configuration.min_adjustment_magnitude or 0),
        tracking.DEFAULT_COOLDOWN if cooldown is None else float(cooldown),
        configuration.metric_aggregation_type or "Average",
    )


def _managed_alarms(engine: Engine, policy: entities.ScalingPolicy, settings: entities.TrackingSettings) -> None:
    """Create or edit the two alarms of a target-tracking policy (SCALE-007 to SCALE-009, SCALE-012)."""
    scaling = engine.scaling

    def put(side: int, threshold: float, operator: int, periods: int) -> entities.MetricAlarm:
        kind = "High" if side > 0 else "Low"
        parts = ("alarm", policy.target.resource, policy.name, kind)
        halves = [owner_key(engine.luck.seed, *parts, str(i)).to_bytes(8, "big") for i in range(2)]
        uuid = UUID(bytes=b"".join(halves), version=4)
        name = f"TargetTracking-{policy.target.resource}-Alarm{kind}-{uuid}"
        alarm = scaling.put_alarm(
            entities.AlarmSettings(
                name=name,
                metric=settings.metric,
                column=settings.column,
                service=settings.service,
                threshold=threshold,
                operator=operator,
                periods=periods,
                datapoints=periods,
                treat=judge.MISSING,
                statistic=settings.statistic,
                unit=settings.unit,
            ),
            side,
        )
        alarm.policies = [policy]
        return alarm

    value = settings.value
    policy.high = put(1, value, 0, tracking.HIGH_PERIODS)
    if not settings.disable_scale_in:
        periods = tracking.LOW_PERIODS if settings.unit == MINUTE else tracking.LOW_PERIODS_FINE
        policy.low = put(-1, tracking.LOW_SHARE * value, 2, periods)
    elif policy.low is not None:
        scaling.delete_alarm(policy.low)
        policy.low = None


def _link(engine: Engine) -> None:
    """Find the step policies that users' alarms name: by name, by ARN, on the alarm's own service if unclear."""
    by_name: dict[str, list[entities.ScalingPolicy]] = {}
    for target in engine.scaling.targets.values():
        for policy in target.policies.values():
            if policy.steps is not None:
                by_name.setdefault(policy.name, []).append(policy)
    for alarm in engine.scaling.all_alarms():
        if alarm.side == 0:
            alarm.policies = [p for action in alarm.settings.actions for p in _named(action, by_name, alarm)]
    engine.scaling.changed()


def _named(
    action: str, by_name: dict[str, list[entities.ScalingPolicy]], alarm: entities.MetricAlarm
) -> list[entities.ScalingPolicy]:
    where, _, name = action.rpartition("policyName/")
    found = by_name.get(name, [])
    if where:
        found = [p for p in found if f"resource/ecs/{p.target.resource}:" in where]
    if len(found) > 1:
        settings = alarm.settings
        own = [p for p in found if settings.column != SERIES and p.target.service.ordinal == settings.service]
        found = own or found
    return found
