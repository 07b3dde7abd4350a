"""Which metrics alarms and policies may use, and what is refused of metric math.

Implements ALARM-003, ALARM-014, ALARM-016, SCALE-005, SCALE-006. A metric of a namespace that is not AWS's own is
one that the scenario defines (``customMetrics``); whether it does is checked between the items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ecssim.aws.metric_math import BadExpressionError, parse
from ecssim.aws.names import MetricStatistic
from ecssim.aws.refusals import Refusal
from ecssim.aws.scaling import Dimension, MetricDataQuery

CODE: Final = "ValidationException"
ECS: Final = "AWS/ECS"
BALANCER: Final = "AWS/ApplicationELB"
INSIGHTS: Final = "ECS/ContainerInsights"
#: Namespaces whose metrics the simulator publishes by itself.
OWN: Final = (ECS, BALANCER, INSIGHTS)
MOST_METRICS: Final = 10

#: Metrics of a service or its target group, with their column of ``service_metrics``.
METRIC_COLUMNS: Final[Mapping[tuple[str, str], str]] = {
    (ECS, "CPUUtilization"): "cpu_utilization",
    (ECS, "MemoryUtilization"): "memory_utilization",
    (BALANCER, "RequestCountPerTarget"): "request_count_per_target",
    (BALANCER, "RequestCount"): "request_count",
    (BALANCER, "TargetResponseTime"): "target_response_time",
    (BALANCER, "HealthyHostCount"): "healthy_count",
    (BALANCER, "HTTPCode_ELB_502_Count"): "http_502_count",
    (BALANCER, "HTTPCode_ELB_503_Count"): "http_503_count",
    (BALANCER, "HTTPCode_ELB_504_Count"): "http_504_count",
}
#: Metrics of a cluster's instances (ALARM-025, ALARM-026).
CLUSTER_METRICS: Final = (
    "CPUReservation",
    "MemoryReservation",
    "GPUReservation",
    "CPUUtilization",
    "MemoryUtilization",
)
#: Container Insights of a service, in terms of the quantities of its minute (OBS-016, OBS-017).
INSIGHTS_METRICS: Final[Mapping[str, str]] = {
    "CpuUtilized": "cpu_utilization / 100 * task_cpu * running_mean",
    "CpuReserved": "task_cpu * running_mean",
    "MemoryUtilized": "memory_utilization / 100 * task_memory * running_mean",
    "MemoryReserved": "task_memory * running_mean",
    "DesiredTaskCount": "desired_count",
    "RunningTaskCount": "running_count",
    "PendingTaskCount": "pending_count",
    "DeploymentCount": "deployment_count",
    "TaskCpuUtilization": "cpu_utilization",
    "TaskMemoryUtilization": "memory_utilization",
}
#: What a custom metric may be made of: columns of ``service_metrics`` and facts of the service's minute.
QUANTITIES: Final = (
    "cpu_utilization",
    "deployment_count",
    "desired_count",
    "failed_count",
    "healthy_count",
    "http_502_count",
    "http_503_count",
    "http_504_count",
    "in_flight_count",
    "latency_p50",
    "latency_p95",
    "latency_p99",
    "memory_utilization",
    "offered_count",
    "pending_count",
    "queued_count",
    "request_count",
    "request_count_per_target",
    "running_count",
    "running_mean",
    "served_count",
    "target_response_time",
    "task_cpu",
    "task_memory",
)
#: Percentiles of the response time that the simulator works out.
PERCENTILES: Final[Mapping[str, str]] = {"p50": "latency_p50", "p95": "latency_p95", "p99": "latency_p99"}


class Used(NamedTuple):
    """A metric that a document uses: where it says so, and which one."""

    where: tuple[str | int, ...]
    namespace: str
    metric: str
    stat: str
    dimensions: tuple[Dimension, ...]


def group_in(label: str) -> str | None:
    """The target group in a resource label; a bare name stands for itself (SCALE-004)."""
    parts = label.split("/")
    if "targetgroup" in parts[:-1]:
        return parts[parts.index("targetgroup") + 1]
    return label if len(parts) == 1 and label else None


def known_metrics(namespace: str) -> tuple[str, ...]:
    """The metrics of one of the simulator's own namespaces."""
    if namespace == INSIGHTS:
        return tuple(INSIGHTS_METRICS)
    found = [metric for space, metric in METRIC_COLUMNS if space == namespace]
    if namespace == ECS:
        found += CLUSTER_METRICS
    return tuple(dict.fromkeys(found))


def check_metric(
    namespace: str | None, name: str | None, statistic: str | None, where: tuple[str | int, ...]
) -> Iterator[Refusal]:
    """What is refused of one metric by itself."""
    if namespace is None or name is None:
        yield Refusal(where, "a metric needs namespace and metricName", "SCALE-006", CODE)
    elif namespace in OWN and name not in known_metrics(namespace):
        known = ", ".join(sorted(known_metrics(namespace)))
        message = f"metric {name} of {namespace} is not modelled (notModelled); of {namespace} these are: {known}"
        yield Refusal((*where, "metricName"), message, "SCALE-006", CODE)
    elif statistic is None:
        yield Refusal(where, "a metric needs a statistic", "SCALE-006", CODE)


def percentile_of(text: str) -> float | None:
    """The share that a percentile statistic names (``p99.9``: 0.999), None if it is none."""
    found = re.fullmatch(r"p(\d{1,2}(?:\.\d{1,10})?|100)", text)
    return float(found[1]) / 100.0 if found else None


def check_percentile(text: str, name: str | None, where: tuple[str | int, ...]) -> Iterator[Refusal]:
    """Percentiles are those of the response time, as far as it is known (ALARM-014)."""
    if percentile_of(text) is None:
        yield Refusal(where, f"a percentile is p0.0 to p100, got {text}", "ALARM-003", CODE)
    elif name != "TargetResponseTime" or text not in PERCENTILES:
        known = ", ".join(PERCENTILES)
        message = f"{text} of {name} is not modelled (notModelled); of TargetResponseTime these are: {known}"
        yield Refusal(where, message, "ALARM-014", CODE)


def check_queries(queries: Sequence[MetricDataQuery], where: tuple[str | int, ...], rule: str) -> Iterator[Refusal]:
    """Metric math: up to ten metrics of one period, exactly one query that returns data (ALARM-016, SCALE-006)."""
    ids = [q.id for q in queries]
    if len(set(ids)) < len(ids):
        yield Refusal(where, "two queries have the same id", rule, CODE)
    if sum(q.metric_stat is not None for q in queries) > MOST_METRICS:
        yield Refusal(where, f"metric math uses at most {MOST_METRICS} metrics", rule, CODE)
    periods = {q.metric_stat.period for q in queries if q.metric_stat is not None}
    if len(periods) > 1:
        yield Refusal(where, "all metrics of an expression have the same period", rule, CODE)
    if any(p not in (None, 60) for p in periods):
        yield Refusal(where, "metric math of other periods than 60 s is not modelled (notModelled)", rule, CODE)
    if len(returned(queries)) != 1:
        yield Refusal(where, "exactly one query returns data: set returnData of the others to false", rule, CODE)
    for number, query in enumerate(queries):
        yield from _query(query, set(ids), (*where, number), rule)
    if _circular(queries):
        yield Refusal(where, "an expression uses itself", rule, CODE)


def returned(queries: Sequence[MetricDataQuery]) -> list[MetricDataQuery]:
    """The queries that return data; it is returned unless a query says otherwise."""
    return [q for q in queries if q.return_data is not False]


def used_metrics(queries: Sequence[MetricDataQuery], where: tuple[str | int, ...]) -> list[Used]:
    """The metrics that queries use."""
    return [
        Used((*where, number, "metricStat", "metric"), m.namespace or "", m.metric_name or "", s.stat, m.dimensions)
        for number, query in enumerate(queries)
        if (s := query.metric_stat) is not None and (m := s.metric)
    ]


def _query(query: MetricDataQuery, ids: set[str], where: tuple[str | int, ...], rule: str) -> Iterator[Refusal]:
    if (query.expression is None) == (query.metric_stat is None):
        yield Refusal(where, "give one of expression, metricStat", rule, CODE)
    elif query.expression is not None:
        try:
            node = parse(query.expression)
        except BadExpressionError as error:
            yield Refusal((*where, "expression"), str(error), rule, CODE)
            return
        for name in dict.fromkeys(node.names()):
            if name not in ids and name != "REPEAT":
                yield Refusal((*where, "expression"), f"no query has the id {name}", rule, CODE)
    else:
        stat = query.metric_stat
        assert stat is not None
        inner = (*where, "metricStat", "metric")
        yield from check_metric(stat.metric.namespace, stat.metric.metric_name, stat.stat, inner)
        if stat.stat not in list(MetricStatistic):
            yield from check_percentile(stat.stat, stat.metric.metric_name, (*where, "metricStat", "stat"))


def _circular(queries: Sequence[MetricDataQuery]) -> bool:
    """Whether following the ids in expressions never ends."""
    uses: dict[str, set[str]] = {}
    for query in queries:
        try:
            uses[query.id] = set(parse(query.expression).names()) if query.expression is not None else set()
        except BadExpressionError:
            return False
    for _ in queries:
        uses = {name: others for name, others in uses.items() if others & uses.keys()}
    return bool(uses)
