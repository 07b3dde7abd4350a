"""Checks of scalable targets, scaling policies, scheduled actions and alarms between the items of a scenario."""

from __future__ import annotations

from collections.abc import Sequence

from ecssim.aws.check_scaling import CONFIGURATIONS, PREDEFINED, check_scaling_request, group_in, kind_of
from ecssim.aws.names import ScalingPolicyType
from ecssim.aws.refusals import Step
from ecssim.aws.scaling import Dimension, ScalingPolicy
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names, name_of


def check_scaling(names: Names, findings: Findings) -> None:
    """Each item is one that the API takes, and names targets, policies and metrics that are there."""
    targets = _targets(names, findings)
    _policies(names, findings, targets)
    for index, action in enumerate(names.scenario.scheduled_actions):
        where = ("scheduledActions", index)
        _needs_target(where, action.resource_id, targets, names, findings)
        findings.refusals(where, check_scaling_request(action))
    _alarms(names, findings)


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
        if refusals or kind_of(policy) is not ScalingPolicyType.TARGET_TRACKING_SCALING:
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
            _behind(steps, group_in(label) or label, names, findings)
        return (*PREDEFINED[predefined.predefined_metric_type], label or "")
    if customized is None:
        return None
    steps = (*where, "customizedMetricSpecification")
    _dimensions(steps, customized.namespace, customized.dimensions, names, findings)
    dimensions = sorted((d.name, d.value) for d in customized.dimensions)
    return (customized.namespace or "", customized.metric_name or "", str(customized.statistic), str(dimensions))


def _alarms(names: Names, findings: Findings) -> None:
    policies = {p.policy_name: kind_of(p) for p in names.scenario.scaling_policies}
    for index, alarm in enumerate(names.scenario.alarms):
        where: tuple[Step, ...] = ("alarms", index)
        refusals = check_scaling_request(alarm)
        findings.refusals(where, refusals)
        if not refusals:
            _dimensions(where, alarm.namespace, alarm.dimensions, names, findings)
        for number, action in enumerate(alarm.alarm_actions):
            steps = (*where, "alarmActions", number)
            if action.startswith("arn:"):
                continue
            if findings.refers(steps, "scaling policy", action, policies, "scalingPolicies"):
                if policies[action] is ScalingPolicyType.TARGET_TRACKING_SCALING:
                    message = f"{action} is a target-tracking policy, which has alarms of its own"
                    findings.error(steps, message, "SCALE-007")


def _dimensions(
    where: tuple[Step, ...],
    namespace: str | None,
    dimensions: Sequence[Dimension],
    names: Names,
    findings: Findings,
) -> None:
    """A metric of ECS is that of a service, one of a load balancer that of a target group with a service."""
    values = {d.name: d.value for d in dimensions}
    steps = (*where, "dimensions")
    if namespace == "AWS/ECS":
        service = values.get("ServiceName")
        if service is None:
            findings.error(where, "metrics of a cluster are not modelled (notModelled): give ServiceName", "SCALE-005")
            return
        home = values.get("ClusterName")
        bare = {s.service_name for s in names.scenario.services}
        full, known = (service, bare) if home is None else (f"{home}/{service}", set(names.services))
        if service not in names.created_by_calls["services"]:
            findings.refers(steps, "service", full, known, "services", "clusters")
    elif "TargetGroup" not in values:
        findings.error(where, "a metric of a load balancer needs the dimension TargetGroup", "SCALE-005")
    else:
        _behind(steps, group_in(values["TargetGroup"]) or values["TargetGroup"], names, findings)


def _behind(steps: tuple[Step, ...], group: str, names: Names, findings: Findings) -> None:
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
