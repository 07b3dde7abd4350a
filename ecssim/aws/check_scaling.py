"""What Application Auto Scaling and CloudWatch refuse, and what of their documents the project does not model.

Implements SCALE-001 to SCALE-004, SCALE-006, SCALE-011, SCALE-052, SCALE-060 to SCALE-062.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import Final

from ecssim.aws.check_alarms import check_alarm
from ecssim.aws.check_metrics import check_metric, check_queries, group_in
from ecssim.aws.check_predictive import check_predictive
from ecssim.aws.names import AdjustmentType, PredefinedMetricType, ScalingPolicyType
from ecssim.aws.refusals import Refusal
from ecssim.aws.scaling import (
    Alarm,
    CustomizedMetricSpecification,
    ScalableTarget,
    ScalingPolicy,
    ScheduledAction,
    StepAdjustment,
    StepScalingConfiguration,
    TargetTrackingConfiguration,
)
from ecssim.aws.schedules import BadScheduleError, BadTimeZoneError, Schedule, moment_of, parse_schedule

CODE: Final = "ValidationException"
MOST_STEPS: Final = 20

#: The predefined metrics of a service under CloudWatch's names: namespace and metric (SCALE-005).
PREDEFINED: Final[Mapping[PredefinedMetricType, tuple[str, str]]] = {
    PredefinedMetricType.ECS_SERVICE_AVERAGE_CPU_UTILIZATION: ("AWS/ECS", "CPUUtilization"),
    PredefinedMetricType.ECS_SERVICE_AVERAGE_MEMORY_UTILIZATION: ("AWS/ECS", "MemoryUtilization"),
    PredefinedMetricType.ALB_REQUEST_COUNT_PER_TARGET: ("AWS/ApplicationELB", "RequestCountPerTarget"),
    PredefinedMetricType.ECS_SERVICE_AVERAGE_CPU_UTILIZATION_HIGH_RESOLUTION: ("AWS/ECS", "CPUUtilization"),
    PredefinedMetricType.ECS_SERVICE_AVERAGE_MEMORY_UTILIZATION_HIGH_RESOLUTION: ("AWS/ECS", "MemoryUtilization"),
}
#: Predefined metrics with a point every 20 seconds (SCALE-011).
HIGH_RESOLUTION: Final = frozenset(kind for kind in PREDEFINED if kind.endswith("HighResolution"))

#: What each policy type keeps its configuration in.
CONFIGURATIONS: Final[Mapping[ScalingPolicyType, str]] = {
    ScalingPolicyType.TARGET_TRACKING_SCALING: "targetTrackingScalingPolicyConfiguration",
    ScalingPolicyType.STEP_SCALING: "stepScalingPolicyConfiguration",
    ScalingPolicyType.PREDICTIVE_SCALING: "predictiveScalingPolicyConfiguration",
}


def check_scaling_request(
    request: ScalableTarget | ScalingPolicy | ScheduledAction | Alarm,
) -> list[Refusal]:
    """Every reason for which the request would be refused, whatever else there is."""
    match request:
        case ScalableTarget():
            return list(_bounds(request.min_capacity, request.max_capacity, ()))
        case ScalingPolicy():
            return list(_policy(request))
        case ScheduledAction():
            return list(_scheduled(request))
        case Alarm():
            return list(check_alarm(request))


def kind_of(policy: ScalingPolicy) -> ScalingPolicyType:
    """The type of a policy; one that does not say is a step policy unless it has another's configuration."""
    if policy.policy_type is not None:
        return policy.policy_type
    if policy.target_tracking_scaling_policy_configuration is not None:
        return ScalingPolicyType.TARGET_TRACKING_SCALING
    if policy.predictive_scaling_policy_configuration is not None:
        return ScalingPolicyType.PREDICTIVE_SCALING
    return ScalingPolicyType.STEP_SCALING


def schedule_of(action: ScheduledAction) -> Schedule:
    """The schedule of a scheduled action; start and end times are UTC (SCALE-060)."""
    start, end = moment_of(action.start_time, "startTime"), moment_of(action.end_time, "endTime")
    return parse_schedule(action.schedule, action.timezone, start, end)


def _bounds(minimum: int | None, maximum: int | None, where: tuple[str, ...]) -> Iterator[Refusal]:
    if minimum is not None and maximum is not None and minimum > maximum:
        message = f"minCapacity {minimum} is more than maxCapacity {maximum}"
        yield Refusal((*where, "minCapacity"), message, "SCALE-001", CODE)


def _policy(policy: ScalingPolicy) -> Iterator[Refusal]:
    kind = kind_of(policy)
    key = CONFIGURATIONS[kind]
    if kind is ScalingPolicyType.PREDICTIVE_SCALING:
        yield from check_predictive(policy)
        return
    if policy.load_history:
        yield Refusal(("loadHistory",), "only predictive scaling looks at loadHistory", "SCALE-070", CODE)
    tracking = policy.target_tracking_scaling_policy_configuration
    steps = policy.step_scaling_policy_configuration
    configuration = tracking if kind is ScalingPolicyType.TARGET_TRACKING_SCALING else steps
    if configuration is None:
        yield Refusal((), f"policy type {kind} needs {key}", "SCALE-002", CODE)
    elif isinstance(configuration, TargetTrackingConfiguration):
        yield from _tracking(configuration, key)
    else:
        yield from _steps(configuration, key)


def _tracking(tracking: TargetTrackingConfiguration, key: str) -> Iterator[Refusal]:
    predefined, customized = tracking.predefined_metric_specification, tracking.customized_metric_specification
    if (predefined is None) == (customized is None):
        message = "give one of predefinedMetricSpecification, customizedMetricSpecification"
        yield Refusal((key,), message, "SCALE-006", CODE)
        return
    if tracking.target_value <= 0:
        yield Refusal(
            (key, "targetValue"), f"targetValue must be more than 0, got {tracking.target_value:g}", "SCALE-006", CODE
        )
    if predefined is not None:
        wants_label = predefined.predefined_metric_type is PredefinedMetricType.ALB_REQUEST_COUNT_PER_TARGET
        where = (key, "predefinedMetricSpecification", "resourceLabel")
        if predefined.resource_label is not None and not wants_label:
            message = f"{predefined.predefined_metric_type} takes no resourceLabel"
            yield Refusal(where, message, "SCALE-004", CODE)
        elif wants_label and not group_in(predefined.resource_label or ""):
            message = (
                f"{predefined.predefined_metric_type} needs resourceLabel: the target group's name, or "
                "app/<load balancer>/<id>/targetgroup/<target group>/<id>"
            )
            yield Refusal(where[:2], message, "SCALE-004", CODE)
    if customized is not None:
        yield from _customized(customized, (key, "customizedMetricSpecification"))


def _customized(spec: CustomizedMetricSpecification, where: tuple[str, ...]) -> Iterator[Refusal]:
    if spec.metrics:
        if spec.metric_name is not None:
            yield Refusal(where, "give one of metricName, metrics", "SCALE-006", CODE)
        yield from check_queries(spec.metrics, (*where, "metrics"), "SCALE-006")
    else:
        yield from check_metric(spec.namespace, spec.metric_name, spec.statistic, where)


def _steps(configuration: StepScalingConfiguration, key: str) -> Iterator[Refusal]:
    where = (key, "stepAdjustments")
    steps = configuration.step_adjustments
    if not 1 <= len(steps) <= MOST_STEPS:
        yield Refusal(where, f"a step policy has 1 to {MOST_STEPS} steps, got {len(steps)}", "SCALE-002", CODE)
    for message in step_problems(steps):
        yield Refusal(where, message, "SCALE-052", CODE)
    if configuration.adjustment_type is AdjustmentType.EXACT_CAPACITY:
        if any(step.scaling_adjustment < 0 for step in steps):
            yield Refusal(where, "an exact capacity is not negative", "SCALE-055", CODE)
    aggregation = configuration.metric_aggregation_type
    if aggregation not in (None, "Average", "Minimum", "Maximum"):
        message = f"metricAggregationType is Average, Minimum or Maximum, not {aggregation}"
        yield Refusal((key, "metricAggregationType"), message, "SCALE-050", CODE)


def step_problems(steps: Sequence[StepAdjustment]) -> list[str]:
    """What the API refuses in the bounds of a set of steps, in words (SCALE-052)."""
    found = []
    spans = sorted(bounds_of(step) for step in steps)
    if any(lower == -inf and upper == inf for lower, upper in spans):
        found.append("a step needs metricIntervalLowerBound or metricIntervalUpperBound")
    if any(upper <= lower for lower, upper in spans):
        found.append("metricIntervalUpperBound must be more than metricIntervalLowerBound")
    if sum(lower == -inf for lower, _ in spans) > 1 or sum(upper == inf for _, upper in spans) > 1:
        found.append("at most one step may leave out each bound")
    for (_, before), (after, _) in pairwise(spans):
        if after < before:
            found.append("steps must not overlap")
        elif after > before:
            found.append("steps must not leave a gap between them")
    if spans and -inf < spans[0][0] < 0:
        found.append("a negative lower bound needs a step without a lower bound")
    if spans and 0 < max(upper for _, upper in spans) < inf:
        found.append("a positive upper bound needs a step without an upper bound")
    return list(dict.fromkeys(found))


def bounds_of(step: StepAdjustment) -> tuple[float, float]:
    """The bounds of a step; infinity stands for one left out."""
    lower, upper = step.metric_interval_lower_bound, step.metric_interval_upper_bound
    return -inf if lower is None else lower, inf if upper is None else upper


def _scheduled(action: ScheduledAction) -> Iterator[Refusal]:
    try:
        schedule_of(action)
    except BadScheduleError as error:
        key = "timezone" if isinstance(error, BadTimeZoneError) else "schedule"
        yield Refusal((key,), str(error), "SCALE-060", CODE)
    given = action.scalable_target_action
    if given is None or (given.min_capacity is None and given.max_capacity is None):
        message = "a scheduled action needs scalableTargetAction with minCapacity or maxCapacity"
        yield Refusal((), message, "SCALE-062", CODE)
    else:
        yield from _bounds(given.min_capacity, given.max_capacity, ("scalableTargetAction",))
