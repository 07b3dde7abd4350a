"""Checks of task definitions, services and jobs against everything that they name.

The API's own checks come from ``aws/checks.py``; here are the references (subnets, clusters, target groups),
and what could never be placed because no instance of the cluster is of the right kind. Implements NET-041,
LB-009, PLACE-052, PLACE-063, LIFE and CAP references by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ecssim.aws.check_launch import Launch
from ecssim.aws.checks import Surroundings, check_request, check_service, check_task_definition, runs_on
from ecssim.aws.names import CapacityProviderType, NetworkMode, PlacementConstraintType
from ecssim.aws.service import (
    AwsVpcConfiguration,
    CapacityProviderStrategyItem,
    DeploymentConfiguration,
    PlacementConstraint,
    Service,
)
from ecssim.aws.task_definition import TaskDefinition, TaskDefinitionPlacementConstraint
from ecssim.catalog import InstanceType, Quotas, instance_types, quota_names, quotas
from ecssim.scenario.check_network import refers_to_subnet
from ecssim.scenario.document import Scenario
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import DEFAULT_CLUSTER, Names, name_of
from ecssim.scenario.nodes import Step

Constraints = Sequence[PlacementConstraint | TaskDefinitionPlacementConstraint]


def surroundings(names: Names) -> Surroundings:
    """What the API's checks may ask of a scenario."""

    def associated(cluster: str | None) -> frozenset[str] | None:
        found = names.clusters.get(names.cluster_of(cluster))
        if found is None:
            return None
        own = {
            p.name
            for p in names.providers.values()
            if p.cluster is not None and name_of(p.cluster) == found.cluster_name
        }
        return frozenset(found.capacity_providers) | own | names.put_by_calls(found.cluster_name)

    def default_strategy(cluster: str | None) -> Sequence[CapacityProviderStrategyItem]:
        found = names.clusters.get(names.cluster_of(cluster))
        return found.default_capacity_provider_strategy if found is not None else ()

    def subnet_vpc(subnet: str) -> str | None:
        found = names.subnets.get(subnet)
        return found.vpc_id if found is not None else None

    return Surroundings(
        providers=names.provider_types,
        task_definition=names.task_definition,
        cluster_providers=associated,
        default_strategy=default_strategy,
        target_type=lambda group: found.target_type if (found := names.target_group(group)) else None,
        subnet_vpc=subnet_vpc,
        allow_mixed="mixedCapacityProviderStrategy" in names.scenario.allow,
        allow_custom="customPlacementStrategy" in names.scenario.allow,
        limits=limits_of(names.scenario),
    )


def limits_of(scenario: Scenario) -> Quotas:
    """The account's quotas; single ones that cannot be read are left at their defaults, and said elsewhere."""
    given = scenario.account.quotas
    known = quota_names()
    whole = {
        name: int(value) for name, value in given.overrides.items() if name in known and isinstance(value, int | float)
    }
    return quotas(given.base, scenario.region).overridden(whole)


def _numbers(names: Names, limits: Quotas, findings: Findings) -> None:
    """How many services a cluster has and how many revisions a family (QUOTA-002, QUOTA-008)."""
    homes: Counter[str] = Counter()
    for index, service in enumerate(names.scenario.services):
        home = names.cluster_of(service.cluster)
        homes[home] += 1
        if homes[home] == limits.services_per_cluster + 1:
            message = f"a cluster has at most {limits.services_per_cluster:,} services; this is one more in {home}"
            findings.error(("services", index), message, "QUOTA-002")
    families: Counter[str] = Counter()
    for index, definition in enumerate(names.scenario.task_definitions):
        families[definition.family] += 1
        if families[definition.family] == limits.revisions_per_family + 1:
            message = f"family {definition.family} has at most {limits.revisions_per_family:,} revisions"
            findings.error(("taskDefinitions", index), message, "QUOTA-008")


def check_services(names: Names, around: Surroundings, findings: Findings) -> None:
    """Task definitions, services and jobs."""
    _numbers(names, around.limits, findings)
    for index, definition in enumerate(names.scenario.task_definitions):
        findings.refusals(("taskDefinitions", index), check_task_definition(definition, around.limits))
        check_expressions(("taskDefinitions", index), definition.placement_constraints, findings)
    for index, service in enumerate(names.scenario.services):
        where: tuple[Step, ...] = ("services", index)
        findings.refusals(where, check_service(service, around))
        check_references(where, service, names, around, findings)
        _target_groups(where, service, names, findings)
        check_deployment_alarms(where, service.deployment_configuration, names, findings)
    for index, job in enumerate(names.scenario.jobs):
        where = ("jobs", index, "runTask")
        findings.refusals(where, check_request(job.run_task, around))
        check_references(where, job.run_task, names, around, findings)


def check_expressions(where: tuple[Step, ...], constraints: Constraints, findings: Findings) -> None:
    """That the expressions of ``memberOf`` constraints are of the cluster query language (PLACE-043 ff)."""
    for index, constraint in enumerate(constraints):
        if not constraint.expression or constraint.type is not PlacementConstraintType.MEMBER_OF:
            continue
        # the parser is loaded only by scenarios that have an expression
        from ecssim.decide.query import ExpressionError, compile_expression

        try:
            compile_expression(constraint.expression)
        except ExpressionError as error:
            steps = (*where, "placementConstraints", index, "expression")
            message = f"expression, character {error.column}: {error.message}"
            findings.error(steps, message, error.rule)


def check_references(
    where: tuple[Step, ...], request: Launch, names: Names, around: Surroundings, findings: Findings
) -> None:
    """That everything which a request to start tasks names is there and goes together."""
    cluster = names.cluster_of(request.cluster)
    if request.cluster is not None:
        findings.refers((*where, "cluster"), "cluster", cluster, names.clusters, "clusters")
    elif cluster == DEFAULT_CLUSTER and cluster not in names.clusters and "clusters" not in findings.unsure:
        known = ", ".join(names.clusters) or "none"
        findings.error(where, f"cluster is missing, and there is no cluster {cluster!r}; clusters: {known}")
    if request.task_definition is not None:
        refers_to_task_definition((*where, "taskDefinition"), request.task_definition, names, findings)
    check_strategy_names(where, request.capacity_provider_strategy, names, findings)
    check_expressions(where, request.placement_constraints, findings)
    network = request.network_configuration
    vpc = network.awsvpc_configuration if network is not None else None
    if vpc is not None:
        check_vpc_configuration((*where, "networkConfiguration", "awsvpcConfiguration"), vpc, names, findings)
    definition = names.task_definition(request.task_definition or "")
    kinds = runs_on(request, around)
    if definition is not None and kinds == {CapacityProviderType.EC2_AUTOSCALING}:
        _instances_for(where, request, definition, cluster, names, findings)


def check_deployment_alarms(
    where: tuple[Step, ...], given: DeploymentConfiguration | None, names: Names, findings: Findings
) -> None:
    """That the alarms which may fail a deployment exist; a policy's own ones do, whatever they are called."""
    alarms = given.alarms if given is not None else None
    known = {a.alarm_name for a in names.scenario.alarms} | names.created_by_calls["alarms"]
    for number, name in enumerate(alarms.alarm_names if alarms is not None else ()):
        if name.startswith("TargetTracking-") and names.scenario.scaling_policies:
            continue
        steps = (*where, "deploymentConfiguration", "alarms", "alarmNames", number)
        findings.refers(steps, "alarm", name, known, "alarms", rule="DEPLOY-050")


def check_strategy_names(
    where: tuple[Step, ...], items: Sequence[CapacityProviderStrategyItem], names: Names, findings: Findings
) -> None:
    """That the providers of a strategy exist."""
    for number, item in enumerate(items):
        steps = (*where, "capacityProviderStrategy", number, "capacityProvider")
        known = names.provider_types.keys() | names.created_by_calls["providers"]
        findings.refers(steps, "capacity provider", item.capacity_provider, known, "capacityProviders")


def check_vpc_configuration(
    where: tuple[Step, ...], vpc: AwsVpcConfiguration, names: Names, findings: Findings
) -> None:
    """That the subnets and security groups of tasks exist."""
    for number, subnet in enumerate(vpc.subnets):
        refers_to_subnet((*where, "subnets", number), subnet, names, findings)
    known = {g.group_id for g in names.scenario.security_groups}
    for number, group in enumerate(vpc.security_groups if known else ()):
        findings.refers((*where, "securityGroups", number), "security group", group, known, "securityGroups")


def refers_to_task_definition(
    steps: tuple[Step, ...], reference: str, names: Names, findings: Findings
) -> TaskDefinition | None:
    """The revision that is named; a family that the timeline registers later counts as there."""
    found = names.task_definition(reference)
    if found is not None:
        return found
    family, _, revision = name_of(reference).partition(":")
    if family in names.created_by_calls["families"]:
        return None
    if findings.refers(steps, "task definition", family, names.families, "taskDefinitions"):
        count = len(names.families[family])
        if "taskDefinitions" not in findings.unsure:
            message = f"{family} has {count} revision{'s' if count != 1 else ''}, there is no {family}:{revision}"
            findings.error(steps, message)
    return None


def _target_groups(where: tuple[Step, ...], service: Service, names: Names, findings: Findings) -> None:
    balanced = {
        group: balancer.load_balancer_name
        for balancer in names.scenario.listeners
        for action in balancer.actions
        for group, _ in action.forwards_to
    }
    for number, target in enumerate(service.load_balancers):
        reference = target.target_group_arn
        if reference is None:
            continue
        steps = (*where, "loadBalancers", number, "targetGroupArn")
        group = names.target_group(reference)
        if group is None:
            known = [g.target_group_name for g in names.scenario.target_groups]
            findings.refers(steps, "target group", name_of(reference), known, "targetGroups", rule="LB-060")
            continue
        zones = {names.subnets[s].availability_zone for s in service.subnets if s in names.subnets}
        in_front = names.load_balancer(balanced.get(group.target_group_name, ""))
        if in_front is not None and zones:
            enabled = {names.subnets[s].availability_zone for s in in_front.subnet_ids if s in names.subnets}
            outside = sorted(zones - enabled)
            if outside:
                message = (
                    f"load balancer {in_front.load_balancer_name} is not in {', '.join(outside)}: "
                    "tasks there stay unused and are replaced for ever"
                )
                findings.warning(steps, message, "LB-009")


def _instances_for(
    where: tuple[Step, ...],
    request: Launch,
    definition: TaskDefinition,
    cluster: str,
    names: Names,
    findings: Findings,
) -> None:
    """Whether any instance that the request may use could ever take the task."""
    if findings.unsure & {"autoScalingGroups", "capacityProviders", "clusters"} or cluster not in names.clusters:
        return
    groups = names.groups_of_cluster(cluster)
    wanted = {item.capacity_provider for item in request.capacity_provider_strategy}
    if wanted:
        behind = [p.auto_scaling_group_provider for name, p in names.providers.items() if name in wanted]
        group_names = {b.group_name for b in behind if b is not None}
        groups = tuple(g for g in groups if g.auto_scaling_group_name in group_names)
    if not groups:
        findings.warning(where, f"cluster {cluster} has no instances: nothing of this can be placed", "PLACE-063")
        return
    known = instance_types()
    types = [known[c.instance_type] for g in groups for c in g.choices if c.instance_type in known]
    if types:
        _fits(where, request.task_definition or "", definition, types, findings)
    if definition.effective_network_mode is NetworkMode.AWSVPC:
        network = request.network_configuration
        vpc = network.awsvpc_configuration if network is not None else None
        task_zones = {names.subnets[s].availability_zone for s in (vpc.subnets if vpc else ()) if s in names.subnets}
        zones = {names.subnets[s].availability_zone for g in groups for s in g.subnet_ids if s in names.subnets}
        if task_zones and zones and not task_zones & zones:
            message = (
                f"the subnets are in {', '.join(sorted(task_zones))}, the instances in "
                f"{', '.join(sorted(zones))}: no instance is in a zone of the task's subnets"
            )
            findings.error((*where, "networkConfiguration", "awsvpcConfiguration", "subnets"), message, "NET-041")


def _fits(
    where: tuple[Step, ...],
    named: str,
    definition: TaskDefinition,
    types: Sequence[InstanceType],
    findings: Findings,
) -> None:
    steps = (*where, "taskDefinition")
    wanted = definition.cpu_architecture.lower()
    right = [t for t in types if t.architecture == wanted]
    if not right:
        message = f"{named} is {wanted}, the instances are {types[0].architecture}: it can never be placed"
        findings.error(steps, message, "PLACE-052")
        return
    for what, need, most in (
        ("CPU units", definition.cpu_need, max(t.cpu_units for t in right)),
        ("MiB", definition.memory_need, max(t.registered_memory_mib for t in right)),
        ("GPUs", definition.gpu_need, max(t.gpus for t in right)),
    ):
        if need > most:
            message = f"{named} needs {need:,} {what}, the largest instance has {most:,}: it can never be placed"
            findings.warning(steps, message, "PLACE-063")
