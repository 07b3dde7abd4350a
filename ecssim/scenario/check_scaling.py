"""Checks of scalable targets, scaling policies, scheduled actions and alarms between the items of a scenario."""

from __future__ import annotations

from ecssim.aws.check_metrics import Used, group_in
from ecssim.aws.check_scaling import CONFIGURATIONS, HIGH_RESOLUTION, PREDEFINED, check_scaling_request, kind_of
from ecssim.aws.names import PredefinedMetricType, ScalingPolicyType
from ecssim.aws.refusals import Step
from ecssim.aws.scaling import ScalingPolicy
from ecssim.scenario.check_metrics import behind, check_custom_metrics, check_math, check_predictive_metrics, check_used
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names


def check_scaling(names: Names, findings: Findings) -> None:
    """Each item is one that the API takes, and names targets, policies and metrics that are there."""
    check_custom_metrics(names, findings)
    targets = _targets(names, findings)
    _policies(names, findings, targets)
    for index, action in enumerate(names.scenario.scheduled_actions):
        where = ("scheduledActions", index)
        _needs_target(where, action.resource_id, targets, names, findings)
        findings.refusals(where, check_scaling_request(action))
    _alarms(names, findings)
    _autoscalers(names, findings, targets)


def _autoscalers(names: Names, findings: Findings, targets: set[str]) -> None:
    """The Kubernetes autoscaler is a what-if, and scales what Application Auto Scaling does not."""
    allowed = "kubernetesAutoscaler" in names.scenario.allow
    seen: set[str] = set()
    for index, autoscaler in enumerate(names.scenario.horizontal_pod_autoscalers):
        where: tuple[Step, ...] = ("horizontalPodAutoscalers", index)
        if not allowed:
            message = "ECS has no horizontal pod autoscaler: a what-if needs allow: [kubernetesAutoscaler]"
            findings.error(where, message, "K8S-010")
        if autoscaler.min_replicas > autoscaler.max_replicas:
            message = f"minReplicas {autoscaler.min_replicas} is more than maxReplicas {autoscaler.max_replicas}"
            findings.error((*where, "minReplicas"), message, "K8S-010")
        reference = autoscaler.scale_target_ref.name
        steps = (*where, "scaleTargetRef", "name")
        service = names.service(reference)
        if service is None:
            known = {*names.services, *(s.service_name for s in names.scenario.services)}
            findings.refers(steps, "service", reference, known, "services", "clusters")
            continue
        full = f"{names.cluster_of(service.cluster)}/{service.service_name}"
        if service.is_daemon:
            findings.error(steps, f"{full} is a DAEMON service and cannot be scaled", "SVC-060")
        if f"service/{full}" in targets or full in seen:
            findings.error(steps, f"something else scales {full} already", "K8S-010")
        seen.add(full)


def _targets(names: Names, findings: Findings) -> set[str]:
    targets: set[str] = set()
    for index, target in enumerate(names.scenario.scalable_targets):
        where: tuple[Step, ...] = ("scalableTargets", index)
        _scaled_service(where, target.resource_id, names, findings)
        if target.resource_id in targets:
            message = f"{target.resource_id} is a scalable target already"
            findings.error((*where, "resourceId"), message, "SCALE-001")
        targets.add(target.resource_id)
        findings.refusals(where, check_scaling_request(target))
    return targets


def _policies(names: Names, findings: Findings, targets: set[str]) -> None:
    followed: dict[tuple[str, ...], str] = {}
    for index, policy in enumerate(names.scenario.scaling_policies):
        where: tuple[Step, ...] = ("scalingPolicies", index)
        _needs_target(where, policy.resource_id, targets, names, findings)
        refusals = check_scaling_request(policy)
        key = CONFIGURATIONS[kind_of(policy)]
        if findings.root.entries["scalingPolicies"].items[index].entries.get(key) is not None:
            # It is there and did not parse, which has been said.
            refusals = [r for r in refusals if r.where or r.rule != "SCALE-002"]
        findings.refusals(where, refusals)
        if refusals:
            continue
        if kind_of(policy) is ScalingPolicyType.PREDICTIVE_SCALING:
            check_predictive_metrics((*where, key), policy, names, findings)
        if kind_of(policy) is not ScalingPolicyType.TARGET_TRACKING_SCALING:
            continue
        metric = _followed((*where, key), policy, names, findings)
        if metric is not None:
            other = followed.setdefault((policy.resource_id, *metric), policy.policy_name)
            if other != policy.policy_name:
                message = f"policies {other} and {policy.policy_name} track the same metric"
                findings.error((*where, key), message, "SCALE-002")


def _followed(
    where: tuple[Step, ...], policy: ScalingPolicy, names: Names, findings: Findings
) -> tuple[str, ...] | None:
    """Return what names the policy's metric, after checking that it is there."""
    tracking = policy.target_tracking_scaling_policy_configuration
    if tracking is None:
        return None
    predefined, customized = tracking.predefined_metric_specification, tracking.customized_metric_specification
    if predefined is not None:
        label = predefined.resource_label
        if label is not None:
            steps = (*where, "predefinedMetricSpecification", "resourceLabel")
            behind(steps, group_in(label) or label, names, findings)
        if predefined.predefined_metric_type in HIGH_RESOLUTION:
            steps = (*where, "predefinedMetricSpecification", "predefinedMetricType")
            _is_monitored(steps, predefined.predefined_metric_type, policy.resource_id, names, findings)
        return (predefined.predefined_metric_type, label or "")
    if customized is None:
        return None
    steps = (*where, "customizedMetricSpecification")
    if customized.metrics:
        check_math(customized.metrics, (*steps, "metrics"), names, findings)
        return (str(customized.metrics),)
    metric = Used(steps, customized.namespace or "", customized.metric_name or "", "", customized.dimensions)
    check_used(metric, names, findings)
    dimensions = sorted((d.name, d.value) for d in customized.dimensions)
    return (customized.namespace or "", customized.metric_name or "", str(customized.statistic), str(dimensions))


def _alarms(names: Names, findings: Findings) -> None:
    policies = {p.policy_name: kind_of(p) for p in names.scenario.scaling_policies}
    for index, alarm in enumerate(names.scenario.alarms):
        where: tuple[Step, ...] = ("alarms", index)
        refusals = check_scaling_request(alarm)
        findings.refusals(where, refusals)
        if not refusals and alarm.metrics:
            check_math(alarm.metrics, (*where, "metrics"), names, findings)
        elif not refusals:
            metric = Used(where, alarm.namespace or "", alarm.metric_name or "", "", alarm.dimensions)
            check_used(metric, names, findings)
        for number, action in enumerate(alarm.alarm_actions):
            steps = (*where, "alarmActions", number)
            if action.startswith("arn:"):
                continue
            if findings.refers(steps, "scaling policy", action, policies, "scalingPolicies"):
                if policies[action] is ScalingPolicyType.TARGET_TRACKING_SCALING:
                    message = f"{action} is a target-tracking policy, which has alarms of its own"
                    findings.error(steps, message, "SCALE-007")
                elif policies[action] is ScalingPolicyType.PREDICTIVE_SCALING:
                    message = f"{action} is a predictive policy, which no alarm triggers"
                    findings.error(steps, message, "SCALE-070")


def _is_monitored(where: tuple[Step, ...], kind: str, resource: str, names: Names, findings: Findings) -> None:
    """A policy on a metric of 20 seconds needs a service that publishes it (SCALE-011)."""
    service = names.services.get(resource.removeprefix("service/"))
    if service is None:
        return
    wanted = PREDEFINED[PredefinedMetricType(kind)][1]
    if service.monitoring is None or wanted not in service.monitoring.fine:
        message = f"{service.service_name} needs monitoring.metricConfigurations with {wanted} every 20 seconds"
        findings.error(where, message, "SCALE-011")


def _scaled_service(where: tuple[Step, ...], resource: str, names: Names, findings: Findings) -> None:
    full = resource.removeprefix("service/")
    if full.rsplit("/", 1)[-1] in names.created_by_calls["services"]:
        return
    if findings.refers((*where, "resourceId"), "service", full, names.services, "services", "clusters"):
        if names.services[full].is_daemon:
            message = f"{full} is a DAEMON service and cannot be scaled"
            findings.error((*where, "resourceId"), message, "SVC-060")


def _needs_target(where: tuple[Step, ...], resource: str, targets: set[str], names: Names, findings: Findings) -> None:
    if resource in targets or "scalableTargets" in findings.unsure:
        return
    if resource.removeprefix("service/") in names.services:
        message = f"{resource} is no scalable target; add it to scalableTargets"
        findings.error((*where, "resourceId"), message, "SCALE-001")
    else:
        findings.refers((*where, "resourceId"), "scalable target", resource, targets, "scalableTargets")
