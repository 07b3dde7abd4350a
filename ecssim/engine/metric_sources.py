"""Where a metric comes from that a policy or an alarm names: a column of a service, or a series (ALARM-021).

Metrics of services and target groups are columns of their minute; those of clusters, Container Insights, the
scenario's own and metric math are series, which are made here when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from ecssim.aws import check_metrics as metrics
from ecssim.aws.metric_math import Node, name, parse
from ecssim.aws.scaling import Dimension, MetricDataQuery
from ecssim.engine.flow_metrics import RESPONSE_COLUMNS
from ecssim.engine.metric_history import SERIES
from ecssim.engine.series import OTHER, Leaf
from ecssim.errors import ClientError
from ecssim.world.services import Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: What a metric is called that has no name of its own.
EXPRESSION: Final = "metric math"
#: The law of the delay with which the metrics of a namespace are published.
DELAYS: Final = {
    metrics.ECS: "metricPublish",
    metrics.BALANCER: "albMetricPublish",
    metrics.INSIGHTS: "insightsMetricPublish",
}


class Source(NamedTuple):
    """A column of the metric history, and the ordinal of the service, or the number of the series, in it."""

    column: str
    ordinal: int
    metric: str


def source(
    engine: Engine,
    namespace: str,
    metric: str,
    statistic: str | None,
    dimensions: Sequence[Dimension],
    home: Service | None = None,
) -> Source:
    """Find a metric; ``home`` is its service if the policy's target says so.

    :raises ClientError: if nothing publishes it.
    """
    stat = statistic or "Average"
    if home is None and not _plain(namespace, stat, dimensions):
        return Source(SERIES, _series_of(engine, namespace, metric, stat, dimensions), metric)
    service = home or _service(engine, namespace, metric, dimensions)
    if namespace == metrics.ECS and stat == "SampleCount":
        return Source("sample_count", service.ordinal, metric)  # ALARM-027
    column = metrics.METRIC_COLUMNS[namespace, metric]
    if column in RESPONSE_COLUMNS:
        engine.metrics.responses = True
    return Source(column, service.ordinal, metric)


def math_source(engine: Engine, queries: Sequence[MetricDataQuery]) -> Source:
    """Make the series of metric math (ALARM-016, SCALE-006); its point is there when those of all its metrics are."""
    nodes: dict[str, Node] = {}
    leaves: dict[str, Leaf] = {}
    delay = 0.0
    for query in queries:
        stat = query.metric_stat
        if stat is not None:
            given = stat.metric
            space, metric = given.namespace or "", given.metric_name or ""
            nodes[query.id], bound = _leaf(engine, query.id, space, metric, stat.stat, given.dimensions)
            leaves |= bound
            delay = max(delay, _delay(engine, space, bound))
    pending = {q.id: parse(q.expression) for q in queries if q.expression is not None}
    for _ in range(len(pending) + 1):
        for key, node in list(pending.items()):
            if not set(node.names()) & pending.keys():
                nodes[key] = node.replaced(nodes)
                del pending[key]
    wanted = metrics.returned(queries)[0]
    label = wanted.label or (wanted.metric_stat.metric.metric_name if wanted.metric_stat is not None else None)
    return Source(SERIES, engine.series.add(nodes[wanted.id], leaves, delay), label or wanted.expression or EXPRESSION)


def expression_series(engine: Engine, text: str, service: Service, delay: float) -> int:
    """Make the series of an expression over the quantities of one service."""
    node = parse(text)
    return engine.series.add(node, {q: Leaf(q, service.ordinal) for q in node.names()}, delay)


def low_sample_source(engine: Engine, percentile: str, dimensions: Sequence[Dimension], *, ignore: bool) -> Source:
    """Make the series of a percentile of the response time; with ``ignore`` a minute of few requests has no point.

    Few are fewer than 10 / (1 - p) for p of one half and more, and 10 / p below (ALARM-014).
    """
    service = _service(engine, metrics.BALANCER, "TargetResponseTime", dimensions)
    column = metrics.PERCENTILES[percentile]
    share = metrics.percentile_of(percentile) or 0.0
    least = round(10.0 / (1.0 - share) if share >= 0.5 else 10.0 / share, 9)
    text = f"IF(request_count >= {least}, {column})" if ignore else column
    delay = published_after(engine, metrics.BALANCER, service)
    return Source(SERIES, expression_series(engine, text, service, delay), "TargetResponseTime")


def published_after(engine: Engine, namespace: str, service: Service) -> float:
    """Return the seconds from the end of a minute until a service's metrics of a namespace are there (ALARM-021)."""
    law_name = DELAYS[namespace]
    luck = engine.luck(law_name, service.cluster.name, service.name)
    return float(engine.timing[law_name].values_of(np.zeros(1), np.array([luck[0]]))[0])


def _plain(namespace: str, stat: str, dimensions: Sequence[Dimension]) -> bool:
    """Whether a metric is a column of a service's minute."""
    if namespace == metrics.ECS:
        return any(d.name == "ServiceName" for d in dimensions) and stat != "Sum"
    return namespace == metrics.BALANCER


def _series_of(engine: Engine, namespace: str, metric: str, stat: str, dimensions: Sequence[Dimension]) -> int:
    node, bound = _leaf(engine, "m", namespace, metric, stat, dimensions)
    leaf = next(iter(bound.values()))
    if leaf.quantity == OTHER and node == name("m"):
        return leaf.ordinal
    return engine.series.add(node, bound, _delay(engine, namespace, bound))


def _leaf(
    engine: Engine, key: str, namespace: str, metric: str, stat: str, dimensions: Sequence[Dimension]
) -> tuple[Node, dict[str, Leaf]]:
    """Return what a metric stands for in an expression, under the name ``key``."""
    values = {d.name: d.value for d in dimensions}
    if namespace not in metrics.OWN:
        number = engine.series.custom.get((namespace, metric, frozenset(values.items())))
        if number is None:
            raise _unknown(metric, dimensions)
        return name(key), {key: Leaf(OTHER, number)}
    if namespace == metrics.ECS and "ServiceName" not in values:
        cluster = engine.world.cluster_named(values.get("ClusterName"))
        if cluster is None or metric not in metrics.CLUSTER_METRICS:
            raise _unknown(metric, dimensions)
        delay = float(engine.timing[DELAYS[namespace]].median)
        return name(key), {key: Leaf(OTHER, engine.series.of_cluster(cluster, metric, delay))}
    service = _service(engine, namespace, metric, dimensions)
    if namespace == metrics.INSIGHTS:
        text = metrics.INSIGHTS_METRICS[metric]
    elif stat in metrics.PERCENTILES:
        text = metrics.PERCENTILES[stat]
    else:
        text = metrics.METRIC_COLUMNS[namespace, metric]
        if namespace == metrics.ECS and stat == "SampleCount":
            text = "IF(running_count > 0, running_count)"  # ALARM-027, ALARM-020
        elif namespace == metrics.ECS and stat == "Sum":
            text = f"{text} * running_count"
    node = parse(text)
    names = {q: f"{key}_{q}" for q in node.names()}
    leaves = {variable: Leaf(quantity, service.ordinal) for quantity, variable in names.items()}
    return node.replaced({q: name(v) for q, v in names.items()}), leaves


def _delay(engine: Engine, namespace: str, bound: dict[str, Leaf]) -> float:
    """Seconds until a metric's point is there."""
    leaf = next(iter(bound.values()))
    if leaf.quantity == OTHER:
        return engine.series.delays[leaf.ordinal]
    return published_after(engine, namespace, engine.world.services[leaf.ordinal])


def _service(engine: Engine, namespace: str, metric: str, dimensions: Sequence[Dimension]) -> Service:
    values = {d.name: d.value for d in dimensions}
    if namespace == metrics.BALANCER:
        found = _behind(engine, values.get("TargetGroup", ""))
    else:
        found = engine.world.service_named(values.get("ServiceName", ""), values.get("ClusterName"))
    if found is None:
        raise _unknown(metric, dimensions)
    return found


def _unknown(metric: str, dimensions: Sequence[Dimension]) -> ClientError:
    named = ", ".join(f"{d.name}={d.value}" for d in dimensions) or "none"
    return ClientError("ValidationException", f"no service has the metric {metric} with dimensions {named}")


def _behind(engine: Engine, group: str) -> Service | None:
    """Return the first service behind a target group, named bare or as CloudWatch does."""
    ordinal = engine.builder.target_groups.get(metrics.group_in(group) or group)
    for service in engine.world.services:
        if any(ordinal in d.template.target_groups for d in service.deployments):
            return service
    return None
