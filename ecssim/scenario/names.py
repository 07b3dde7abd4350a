"""Looking things up in a scenario by name or ARN, as the API and the contract allow.

A service, cluster or target group may be named bare while that is unique, else ``cluster/service``; a task
definition is ``family`` (the latest revision) or ``family:revision``, the n-th item of a family being
revision n; wherever the API takes an ARN the name works as well. ``compile`` uses the same lookups, so that
check and run agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from ecssim.aws.cluster import AutoScalingGroup, CapacityProvider, Cluster
from ecssim.aws.load_balancing import LoadBalancer, TargetGroup
from ecssim.aws.names import CapacityProviderType
from ecssim.aws.network import Subnet
from ecssim.aws.service import Service
from ecssim.aws.task_definition import TaskDefinition
from ecssim.scenario.document import Scenario
from ecssim.scenario.timeline import TimelineCall

FARGATE_PROVIDERS: Mapping[str, CapacityProviderType] = {
    "FARGATE": CapacityProviderType.FARGATE,
    "FARGATE_SPOT": CapacityProviderType.FARGATE_SPOT,
}
DEFAULT_CLUSTER = "default"


def name_of(reference: str) -> str:
    """The name in an ARN (or in ``cluster/service``); what is no ARN is returned as it is.

    >>> name_of("arn:aws:ecs:us-east-1:123456789012:cluster/prod")
    'prod'
    """
    if not reference.startswith("arn:"):
        return reference
    resource = reference.split(":", 5)[-1]
    kind, _, rest = resource.partition("/")
    if kind == "targetgroup":
        return rest.split("/")[0]
    if kind == "loadbalancer":
        return rest.split("/")[1] if rest.count("/") >= 2 else rest
    if kind == "service":
        return rest
    return rest.rsplit("/", 1)[-1] if rest else resource.rsplit(":", 1)[-1]


class Names:
    """The lookups of one scenario; built once, never changed."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @cached_property
    def subnets(self) -> Mapping[str, Subnet]:
        """Subnets by id."""
        return {s.subnet_id: s for s in self.scenario.subnets}

    @cached_property
    def clusters(self) -> Mapping[str, Cluster]:
        """Clusters by name."""
        return {c.cluster_name: c for c in self.scenario.clusters}

    @cached_property
    def groups(self) -> Mapping[str, AutoScalingGroup]:
        """Auto Scaling groups by name."""
        return {g.auto_scaling_group_name: g for g in self.scenario.auto_scaling_groups}

    @cached_property
    def providers(self) -> Mapping[str, CapacityProvider]:
        """The user's capacity providers by name."""
        return {p.name: p for p in self.scenario.capacity_providers}

    @cached_property
    def provider_types(self) -> Mapping[str, CapacityProviderType]:
        """Type of every capacity provider, the two of Fargate included (CAP-001, CAP-013)."""
        own = {
            p.name: CapacityProviderType.MANAGED_INSTANCES
            if p.managed_instances_provider is not None
            else CapacityProviderType.EC2_AUTOSCALING
            for p in self.scenario.capacity_providers
        }
        return {**FARGATE_PROVIDERS, **own}

    @cached_property
    def target_groups(self) -> Mapping[str, TargetGroup]:
        """Target groups by name and by ARN."""
        by_name = {g.target_group_name: g for g in self.scenario.target_groups}
        by_arn = {g.target_group_arn: g for g in self.scenario.target_groups if g.target_group_arn is not None}
        return {**by_name, **by_arn}

    @cached_property
    def load_balancers(self) -> Mapping[str, LoadBalancer]:
        """Load balancers by name and by ARN."""
        by_name = {b.load_balancer_name: b for b in self.scenario.load_balancers}
        by_arn = {b.load_balancer_arn: b for b in self.scenario.load_balancers if b.load_balancer_arn}
        return {**by_name, **by_arn}

    @cached_property
    def families(self) -> Mapping[str, tuple[TaskDefinition, ...]]:
        """Revisions of each family, the n-th being revision n."""
        found: dict[str, list[TaskDefinition]] = {}
        for definition in self.scenario.task_definitions:
            found.setdefault(definition.family, []).append(definition)
        return {family: tuple(revisions) for family, revisions in found.items()}

    @cached_property
    def services(self) -> Mapping[str, Service]:
        """Services by ``cluster/service``."""
        found: dict[str, Service] = {}
        for service in self.scenario.services:
            found.setdefault(f"{self.cluster_of(service.cluster)}/{service.service_name}", service)
        return found

    @cached_property
    def created_by_calls(self) -> Mapping[str, frozenset[str]]:
        """Names that the timeline creates, by kind (``services``, ``families``): they may be referred to."""
        services: set[str] = set()
        families: set[str] = set()
        alarms: set[str] = set()
        providers: set[str] = set()
        for entry in self.scenario.timeline:
            if isinstance(entry, TimelineCall):
                if entry.call == "CreateService":
                    services.add(str(entry.with_.get("serviceName")))
                if entry.call == "RegisterTaskDefinition":
                    families.add(str(entry.with_.get("family")))
                if entry.call == "CreateCapacityProvider":
                    providers.add(str(entry.with_.get("name")))
                if entry.call == "PutMetricAlarm":
                    alarms.add(str(entry.with_.get("alarmName", entry.with_.get("AlarmName"))))
        return {
            "services": frozenset(services),
            "families": frozenset(families),
            "alarms": frozenset(alarms),
            "providers": frozenset(providers),
        }

    def put_by_calls(self, cluster: str) -> frozenset[str]:
        """The providers that calls of the timeline associate with a cluster while the run goes on (CAP-014)."""
        found: set[str] = set()
        for entry in self.scenario.timeline:
            if isinstance(entry, TimelineCall) and entry.call == "PutClusterCapacityProviders":
                given = entry.with_.get("capacityProviders")
                if name_of(str(entry.with_.get("cluster"))) == cluster and isinstance(given, list | tuple):
                    found |= {str(name) for name in given}
        return frozenset(found)

    def cluster_of(self, reference: str | None) -> str:
        """Name of the cluster that a request means: the named one, the only one, or ``default``."""
        if reference is not None:
            return name_of(reference)
        names = list(self.clusters)
        return names[0] if len(names) == 1 else DEFAULT_CLUSTER

    def service(self, reference: str, cluster: str | None = None) -> Service | None:
        """A service by name in ``cluster``, by ``cluster/service``, by ARN, or bare while that is unique."""
        name = name_of(reference)
        if cluster is not None:
            return self.services.get(f"{self.cluster_of(cluster)}/{name.rsplit('/', 1)[-1]}")
        if "/" in name:
            return self.services.get(name)
        found = [s for s in self.scenario.services if s.service_name == name]
        return found[0] if len(found) == 1 else None

    def target_group(self, reference: str) -> TargetGroup | None:
        """A target group by name or ARN."""
        return self.target_groups.get(reference) or self.target_groups.get(name_of(reference))

    def load_balancer(self, reference: str) -> LoadBalancer | None:
        """A load balancer by name or ARN."""
        return self.load_balancers.get(reference) or self.load_balancers.get(name_of(reference))

    def task_definition(self, reference: str) -> TaskDefinition | None:
        """A revision by ``family`` (the latest), ``family:revision`` or ARN."""
        family, _, revision = name_of(reference).partition(":")
        revisions = self.families.get(family, ())
        if not revision:
            return revisions[-1] if revisions else None
        number = int(revision) if revision.isdecimal() else 0
        return revisions[number - 1] if 1 <= number <= len(revisions) else None

    def groups_of_cluster(self, cluster: str) -> tuple[AutoScalingGroup, ...]:
        """Auto Scaling groups whose instances join a cluster (see :meth:`cluster_of_group`)."""
        return tuple(g for g in self.groups.values() if self.cluster_of_group(g) == cluster)

    def cluster_of_group(self, group: AutoScalingGroup) -> str:
        """The cluster that the instances of a group join.

        The agent's ``ECS_CLUSTER``, else the cluster with a capacity provider of the group, else the only
        cluster, else the agent's own default (``default``).
        """
        if group.agent.cluster is not None:
            return name_of(group.agent.cluster)
        return self._homes_by_provider.get(group.auto_scaling_group_name) or self.cluster_of(None)

    @cached_property
    def _homes_by_provider(self) -> Mapping[str, str]:
        """The first cluster with a capacity provider of each group."""
        homes: dict[str, str] = {}
        for cluster in self.scenario.clusters:
            for name in cluster.capacity_providers:
                provider = self.providers.get(name)
                behind = provider.auto_scaling_group_provider if provider is not None else None
                if behind is not None:
                    homes.setdefault(behind.group_name, cluster.cluster_name)
        return homes
