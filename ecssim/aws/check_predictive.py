"""What is refused of predictive scaling (SCALE-070 to SCALE-074)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ecssim.aws.check_metrics import CODE, check_queries, group_in
from ecssim.aws.names import MaxCapacityBreachBehavior, PredictiveMetricType
from ecssim.aws.refusals import Refusal
from ecssim.aws.scaling import PredictiveMetric, PredictiveMetricSpecification, ScalingPolicy

KEY: Final = "predictiveScalingPolicyConfiguration"
_T = PredictiveMetricType

#: The load metric of each pair, and of each load that is named by itself: what is summed over the tasks.
LOADS: Final[Mapping[PredictiveMetricType, str]] = {
    _T.ECS_SERVICE_CPU_UTILIZATION: "cpu_utilization * running_count",
    _T.ECS_SERVICE_TOTAL_CPU_UTILIZATION: "cpu_utilization * running_count",
    _T.ECS_SERVICE_MEMORY_UTILIZATION: "memory_utilization * running_count",
    _T.ECS_SERVICE_TOTAL_MEMORY_UTILIZATION: "memory_utilization * running_count",
    _T.ALB_REQUEST_COUNT: "request_count",
    _T.TOTAL_ALB_REQUEST_COUNT: "request_count",
}
PAIRS: Final = (_T.ECS_SERVICE_CPU_UTILIZATION, _T.ECS_SERVICE_MEMORY_UTILIZATION, _T.ALB_REQUEST_COUNT)
TOTALS: Final = (
    _T.ECS_SERVICE_TOTAL_CPU_UTILIZATION,
    _T.ECS_SERVICE_TOTAL_MEMORY_UTILIZATION,
    _T.TOTAL_ALB_REQUEST_COUNT,
)
SCALING: Final = (
    _T.ECS_SERVICE_AVERAGE_CPU_UTILIZATION,
    _T.ECS_SERVICE_AVERAGE_MEMORY_UTILIZATION,
    _T.ALB_REQUEST_COUNT_PER_TARGET,
)
#: Metrics that belong to a target group, which resourceLabel names.
OF_BALANCER: Final = frozenset({_T.ALB_REQUEST_COUNT, _T.TOTAL_ALB_REQUEST_COUNT, _T.ALB_REQUEST_COUNT_PER_TARGET})


def check_predictive(policy: ScalingPolicy) -> Iterator[Refusal]:
    """Every reason for which a predictive policy would be refused, whatever else there is."""
    configuration = policy.predictive_scaling_policy_configuration
    if configuration is None:
        yield Refusal((), f"policy type PredictiveScaling needs {KEY}", "SCALE-002", CODE)
        return
    specifications = configuration.metric_specifications
    if len(specifications) != 1:
        message = f"one metric specification a policy, got {len(specifications)}"
        yield Refusal((KEY, "metricSpecifications"), message, "SCALE-074", CODE)
    for number, specification in enumerate(specifications):
        yield from _specification(specification, (KEY, "metricSpecifications", number))
    if configuration.scheduling_buffer_time is not None and configuration.scheduling_buffer_time >= 3600:
        message = "schedulingBufferTime is less than 3600"
        yield Refusal((KEY, "schedulingBufferTime"), message, "SCALE-072", CODE)
    increases = configuration.max_capacity_breach_behavior is MaxCapacityBreachBehavior.INCREASE_MAX_CAPACITY
    if increases != (configuration.max_capacity_buffer is not None):
        message = "maxCapacityBuffer goes with maxCapacityBreachBehavior IncreaseMaxCapacity, and only with it"
        yield Refusal((KEY, "maxCapacityBuffer"), message, "SCALE-073", CODE)


def _specification(given: PredictiveMetricSpecification, where: tuple[str | int, ...]) -> Iterator[Refusal]:
    if given.target_value <= 0:
        message = f"targetValue must be more than 0, got {given.target_value:g}"
        yield Refusal((*where, "targetValue"), message, "SCALE-070", CODE)
    if given.customized_capacity_metric_specification is not None:
        message = "a capacity metric of one's own is not modelled (notModelled)"
        yield Refusal((*where, "customizedCapacityMetricSpecification"), message, "SCALE-074", CODE)
    pair = given.predefined_metric_pair_specification
    loads = (given.predefined_load_metric_specification, given.customized_load_metric_specification)
    scaling = (given.predefined_scaling_metric_specification, given.customized_scaling_metric_specification)
    single = [item for item in (*loads, *scaling) if item is not None]
    alone = sum(x is not None for x in loads) == 1 and sum(x is not None for x in scaling) == 1
    if (pair is not None and single) or (pair is None and not alone):
        message = "give a metric pair, or one load metric and one scaling metric"
        yield Refusal(where, message, "SCALE-074", CODE)
    for key, metric, known in (
        ("predefinedMetricPairSpecification", pair, PAIRS),
        ("predefinedLoadMetricSpecification", loads[0], TOTALS),
        ("predefinedScalingMetricSpecification", scaling[0], SCALING),
    ):
        if metric is not None:
            yield from _predefined(metric, known, (*where, key))
    for key, custom in (
        ("customizedLoadMetricSpecification", loads[1]),
        ("customizedScalingMetricSpecification", scaling[1]),
    ):
        if custom is not None:
            yield from check_queries(custom.metric_data_queries, (*where, key, "metricDataQueries"), "SCALE-074")


def _predefined(
    metric: PredictiveMetric, known: tuple[PredictiveMetricType, ...], where: tuple[str | int, ...]
) -> Iterator[Refusal]:
    kind = metric.predefined_metric_type
    if kind not in known:
        message = f"predefinedMetricType is one of {', '.join(known)}, not {kind}"
        yield Refusal((*where, "predefinedMetricType"), message, "SCALE-074", CODE)
    elif kind in OF_BALANCER and not group_in(metric.resource_label or ""):
        yield Refusal(where, f"{kind} needs resourceLabel, which names the target group", "SCALE-074", CODE)
    elif kind not in OF_BALANCER and metric.resource_label is not None:
        yield Refusal((*where, "resourceLabel"), f"{kind} takes no resourceLabel", "SCALE-074", CODE)
