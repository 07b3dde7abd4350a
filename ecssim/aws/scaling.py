"""Scalable targets, scaling policies, alarms and scheduled actions.

Documents of Application Auto Scaling and CloudWatch; PascalCase is accepted. Cooldowns and periods are
seconds. ``serviceNamespace`` and ``scalableDimension`` have only one value here and may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from ecssim.aws.names import (
    AdjustmentType,
    ComparisonOperator,
    MaxCapacityBreachBehavior,
    MetricStatistic,
    PredefinedMetricType,
    PredictiveMetricType,
    PredictiveScalingMode,
    ScalableDimension,
    ScalingPolicyType,
    ServiceNamespace,
    TreatMissingData,
)
from ecssim.aws.shape import JsonObject, Name, Region, Shape

Count = Annotated[int, Field(ge=0)]
ResourceId = Annotated[str, Field(pattern=r"^service/[^/]+/[^/]+$")]


class ScalingShape(Shape):
    """A document of Application Auto Scaling or CloudWatch, which write PascalCase."""

    pascal: ClassVar[bool] = True


class SuspendedState(ScalingShape):
    """Which kinds of scaling are switched off."""

    dynamic_scaling_in_suspended: bool = False
    dynamic_scaling_out_suspended: bool = False
    scheduled_scaling_suspended: bool = False


class ScalableTarget(ScalingShape):
    """A service that may be scaled, with its bounds."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    resource_id: ResourceId
    min_capacity: Count
    max_capacity: Count
    region: Region | None = None
    service_namespace: ServiceNamespace = ServiceNamespace.ECS
    scalable_dimension: ScalableDimension = ScalableDimension.ECS_SERVICE_DESIRED_COUNT
    suspended_state: SuspendedState | None = None
    role_arn: Annotated[str | None, Field(alias="roleARN")] = None
    tags: Mapping[str, str] | None = None


class Dimension(ScalingShape):
    """A dimension of a metric."""

    name: str
    value: str


class PredefinedMetricSpecification(ScalingShape):
    """A metric that Application Auto Scaling knows by name."""

    predefined_metric_type: PredefinedMetricType
    resource_label: str | None = None


class MetricName(ScalingShape):
    """A metric by namespace, name and dimensions."""

    namespace: str | None = None
    metric_name: str | None = None
    dimensions: tuple[Dimension, ...] = ()


class MetricStat(ScalingShape):
    """A statistic of one metric; ``period`` belongs to alarms alone."""

    metric: MetricName
    stat: str
    period: Annotated[int, Field(ge=1)] | None = None
    unit: str | None = None


class MetricDataQuery(ScalingShape):
    """One part of metric math: a metric, or an expression over the ids of others (ALARM-016, SCALE-006)."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-zA-Z0-9_]*$")]
    expression: str | None = None
    metric_stat: MetricStat | None = None
    label: str | None = None
    return_data: bool | None = None
    period: Annotated[int, Field(ge=1)] | None = None
    account_id: str | None = None


class CustomizedMetricSpecification(ScalingShape):
    """A metric of the user's own, or metric math."""

    metric_name: str | None = None
    namespace: str | None = None
    dimensions: tuple[Dimension, ...] = ()
    statistic: MetricStatistic | None = None
    unit: str | None = None
    metrics: tuple[MetricDataQuery, ...] = ()


class TargetTrackingConfiguration(ScalingShape):
    """Keep a metric at a value."""

    target_value: float
    predefined_metric_specification: PredefinedMetricSpecification | None = None
    customized_metric_specification: CustomizedMetricSpecification | None = None
    scale_out_cooldown: Count | None = None
    scale_in_cooldown: Count | None = None
    disable_scale_in: bool = False


class StepAdjustment(ScalingShape):
    """One step: between two distances from the threshold, change by so much."""

    scaling_adjustment: int
    metric_interval_lower_bound: float | None = None
    metric_interval_upper_bound: float | None = None


class StepScalingConfiguration(ScalingShape):
    """Change the capacity by steps when an alarm fires."""

    adjustment_type: AdjustmentType
    step_adjustments: tuple[StepAdjustment, ...] = ()
    min_adjustment_magnitude: int | None = None
    cooldown: Count | None = None
    metric_aggregation_type: str | None = None


class PredictiveMetric(ScalingShape):
    """One of the metrics that predictive scaling knows by name."""

    predefined_metric_type: PredictiveMetricType
    resource_label: str | None = None


class PredictiveCustomMetric(ScalingShape):
    """Metric math that gives a load or a scaling metric."""

    metric_data_queries: tuple[MetricDataQuery, ...]


class PredictiveMetricSpecification(ScalingShape):
    """What is forecast, and the value that one task is to have of it."""

    target_value: float
    predefined_metric_pair_specification: PredictiveMetric | None = None
    predefined_scaling_metric_specification: PredictiveMetric | None = None
    predefined_load_metric_specification: PredictiveMetric | None = None
    customized_scaling_metric_specification: PredictiveCustomMetric | None = None
    customized_load_metric_specification: PredictiveCustomMetric | None = None
    customized_capacity_metric_specification: PredictiveCustomMetric | None = None


class PredictiveScalingConfiguration(ScalingShape):
    """Forecast the load of the coming hours, and have the tasks for it in time (SCALE-070)."""

    metric_specifications: tuple[PredictiveMetricSpecification, ...]
    mode: PredictiveScalingMode = PredictiveScalingMode.FORECAST_ONLY
    scheduling_buffer_time: Annotated[int, Field(ge=0, le=3600)] | None = None
    max_capacity_breach_behavior: MaxCapacityBreachBehavior = MaxCapacityBreachBehavior.HONOR_MAX_CAPACITY
    max_capacity_buffer: Annotated[int, Field(ge=0, le=100)] | None = None


class ScalingPolicy(ScalingShape):
    """A scaling policy as PutScalingPolicy takes it.

    ``loadHistory`` is what AWS would know and a scenario must say: the load of each whole hour before its start,
    oldest first, in the unit of the policy's load metric (the mean over the hour's minutes).
    """

    additions: ClassVar[frozenset[str]] = frozenset({"region", "loadHistory"})

    policy_name: Name
    resource_id: ResourceId
    region: Region | None = None
    policy_type: ScalingPolicyType | None = None
    service_namespace: ServiceNamespace = ServiceNamespace.ECS
    scalable_dimension: ScalableDimension = ScalableDimension.ECS_SERVICE_DESIRED_COUNT
    target_tracking_scaling_policy_configuration: TargetTrackingConfiguration | None = None
    step_scaling_policy_configuration: StepScalingConfiguration | None = None
    predictive_scaling_policy_configuration: PredictiveScalingConfiguration | None = None
    load_history: tuple[Annotated[float, Field(ge=0)], ...] = ()


class ScalableTargetAction(ScalingShape):
    """The bounds that a scheduled action sets."""

    min_capacity: Count | None = None
    max_capacity: Count | None = None


class ScheduledAction(ScalingShape):
    """A scheduled action as PutScheduledAction takes it: at(...), rate(...) or cron(...)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    scheduled_action_name: Name
    resource_id: ResourceId
    schedule: Annotated[str, Field(pattern=r"^(at|rate|cron)\(.+\)$")]
    region: Region | None = None
    timezone: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    service_namespace: ServiceNamespace = ServiceNamespace.ECS
    scalable_dimension: ScalableDimension = ScalableDimension.ECS_SERVICE_DESIRED_COUNT
    scalable_target_action: ScalableTargetAction | None = None


class Alarm(ScalingShape):
    """An alarm as PutMetricAlarm takes it; ``alarmActions`` name a policy or its ARN (ALARM section)."""

    additions: ClassVar[frozenset[str]] = frozenset({"region"})

    alarm_name: Name
    region: Region | None = None
    alarm_description: str | None = None
    metric_name: str | None = None
    namespace: str | None = None
    statistic: MetricStatistic | None = None
    extended_statistic: str | None = None
    dimensions: tuple[Dimension, ...] = ()
    period: Annotated[int, Field(ge=10)] | None = None
    unit: str | None = None
    evaluation_periods: Annotated[int, Field(ge=1)] | None = None
    datapoints_to_alarm: Annotated[int, Field(ge=1)] | None = None
    threshold: float | None = None
    comparison_operator: ComparisonOperator | None = None
    treat_missing_data: TreatMissingData = TreatMissingData.MISSING
    evaluate_low_sample_count_percentile: str | None = None
    metrics: tuple[MetricDataQuery, ...] = ()
    actions_enabled: bool = True
    alarm_actions: tuple[str, ...] = ()
    ok_actions: Annotated[tuple[str, ...], Field(alias="okActions")] = ()
    insufficient_data_actions: tuple[str, ...] = ()
    threshold_metric_id: str | None = None
    evaluation_window: JsonObject | None = None
    warm_up_configuration: JsonObject | None = None
    evaluation_criteria: JsonObject | None = None
    evaluation_interval: int | None = None
    action_configuration: JsonObject | None = None
    tags: tuple[JsonObject, ...] = ()
