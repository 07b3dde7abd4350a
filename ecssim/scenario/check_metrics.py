"""Checks of the metrics that alarms and policies name, and of those that the scenario itself defines."""

from __future__ import annotations

from collections.abc import Sequence

from ecssim.aws.check_metrics import (
    BALANCER,
    CLUSTER_METRICS,
    ECS,
    INSIGHTS,
    OWN,
    QUANTITIES,
    Used,
    group_in,
    used_metrics,
)
from ecssim.aws.check_predictive import KEY
from ecssim.aws.metric_math import BadExpressionError, parse
from ecssim.aws.refusals import Step
from ecssim.aws.scaling import MetricDataQuery, ScalingPolicy
from ecssim.scenario.findings import Findings
from ecssim.scenario.messages import suggestion
from ecssim.scenario.names import Names, name_of


def check_custom_metrics(names: Names, findings: Findings) -> None:
    """Each is of a service that is there, made of quantities that exist, and there once."""
    seen: set[tuple[str, str, frozenset[tuple[str, str]]]] = set()
    for index, metric in enumerate(names.scenario.custom_metrics):
        where: tuple[Step, ...] = ("customMetrics", index)
        if metric.namespace in OWN:
            message = f"{metric.namespace} has metrics of its own: give another namespace"
            findings.error((*where, "namespace"), message, "SCALE-006")
        if names.service(metric.of) is None:
            known = {*names.services, *(s.service_name for s in names.scenario.services)}
            findings.refers((*where, "of"), "service", metric.of, known, "services", "clusters")
        try:
            used = list(parse(metric.value).names())
        except BadExpressionError as error:
            findings.error((*where, "value"), str(error), "SCALE-006")
            used = []
        for name in dict.fromkeys(used):
            if name not in QUANTITIES and name != "REPEAT":
                message = f"a service has no quantity {name!r}{suggestion(name, QUANTITIES)}"
                findings.error((*where, "value"), message, "SCALE-006")
        key = (metric.namespace, metric.metric_name, frozenset((d.name, d.value) for d in metric.dimensions))
        if key in seen:
            message = f"{metric.metric_name} of {metric.namespace} is there already, with the same dimensions"
            findings.error((*where, "metricName"), message, "SCALE-006")
        seen.add(key)


def check_math(queries: Sequence[MetricDataQuery], where: tuple[Step, ...], names: Names, findings: Findings) -> None:
    """Every metric of an expression is there."""
    for metric in used_metrics(queries, where):
        check_used(metric, names, findings)


def check_predictive_metrics(where: tuple[Step, ...], policy: ScalingPolicy, names: Names, findings: Findings) -> None:
    """The target group or the metrics that a forecast rests on are there."""
    configuration = policy.predictive_scaling_policy_configuration
    assert configuration is not None
    for number, specification in enumerate(configuration.metric_specifications):
        steps = (*where, "metricSpecifications", number)
        for key, metric in (
            ("predefinedMetricPairSpecification", specification.predefined_metric_pair_specification),
            ("predefinedLoadMetricSpecification", specification.predefined_load_metric_specification),
        ):
            if metric is not None and metric.resource_label is not None:
                group = group_in(metric.resource_label) or metric.resource_label
                behind((*steps, key, "resourceLabel"), group, names, findings)
        custom = specification.customized_load_metric_specification
        if custom is not None:
            inner = (*steps, "customizedLoadMetricSpecification", "metricDataQueries")
            check_math(custom.metric_data_queries, inner, names, findings)
    if len(policy.load_history) < 24 and names.scenario.duration < 24 * 3600.0:
        message = (
            f"{KEY} makes no forecast: it needs 24 hours of history, from loadHistory "
            f"({len(policy.load_history)} hours) and the run"
        )
        findings.warning(where, message, "SCALE-070")


def check_used(metric: Used, names: Names, findings: Findings) -> None:
    """A metric of ECS is that of a service or a cluster, one of a load balancer that of a group with a service."""
    values = {d.name: d.value for d in metric.dimensions}
    where = metric.where
    steps = (*where, "dimensions")
    if metric.namespace in (ECS, INSIGHTS):
        _of_ecs(metric, values, names, findings)
    elif metric.namespace == BALANCER:
        if "TargetGroup" not in values:
            findings.error(where, "a metric of a load balancer needs the dimension TargetGroup", "SCALE-005")
        else:
            behind(steps, group_in(values["TargetGroup"]) or values["TargetGroup"], names, findings)
    else:
        _custom(metric, values, names, findings)


def _of_ecs(metric: Used, values: dict[str, str], names: Names, findings: Findings) -> None:
    service, home = values.get("ServiceName"), values.get("ClusterName")
    steps = (*metric.where, "dimensions")
    if service is None:
        if metric.namespace == INSIGHTS or metric.metric not in CLUSTER_METRICS:
            message = f"{metric.metric} of a cluster is not modelled (notModelled): give ServiceName"
            findings.error(metric.where, message, "SCALE-005")
        elif home is None:
            message = f"{metric.metric} needs the dimension ClusterName, or ServiceName beside it"
            findings.error(metric.where, message, "ALARM-025")
        else:
            findings.refers(steps, "cluster", home, set(names.clusters), "clusters")
        return
    if metric.metric.endswith("Reservation"):
        message = f"{metric.metric} is a metric of clusters: leave out ServiceName"
        findings.error(metric.where, message, "ALARM-025")
        return
    bare = {s.service_name for s in names.scenario.services}
    full, known = (service, bare) if home is None else (f"{home}/{service}", set(names.services))
    if service not in names.created_by_calls["services"]:
        findings.refers(steps, "service", full, known, "services", "clusters")


def _custom(metric: Used, values: dict[str, str], names: Names, findings: Findings) -> None:
    """A metric of another namespace is one that the scenario defines."""
    known = names.scenario.custom_metrics
    if "customMetrics" in findings.unsure:
        return
    same = [m for m in known if (m.namespace, m.metric_name) == (metric.namespace, metric.metric)]
    if not same:
        spelt = {f"{m.namespace} {m.metric_name}" for m in known}
        name = f"{metric.namespace} {metric.metric}"
        message = f"customMetrics has no metric {name!r}{suggestion(name, spelt)}"
        findings.error((*metric.where, "metricName"), message, "SCALE-006")
    elif not any({d.name: d.value for d in m.dimensions} == values for m in same):
        findings.error(metric.where, f"{metric.metric} has other dimensions in customMetrics", "SCALE-006")


def behind(steps: tuple[Step, ...], group: str, names: Names, findings: Findings) -> None:
    """The target group is there, and a service is behind it."""
    known = [g.target_group_name for g in names.scenario.target_groups]
    if not findings.refers(steps, "target group", group, known, "targetGroups"):
        return
    used = {
        name_of(balancer.target_group_arn)
        for service in names.scenario.services
        for balancer in service.load_balancers
        if balancer.target_group_arn is not None
    }
    if group not in used and not findings.unsure & {"services"} and not names.created_by_calls["services"]:
        findings.error(steps, f"no service is behind target group {group}", "SCALE-004")
