"""From API documents to running entities: services, their revisions, and plans of RunTask calls.

Used by compile at the start and by the one door during the run, so that a service of the scenario and one
created by a call are the same thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecssim.aws import requests as req
from ecssim.aws.checks import updated
from ecssim.aws.cluster import AutoScalingGroupProvider
from ecssim.aws.names import AvailabilityZoneRebalancing, LaunchType, PlacementStrategyChoice
from ecssim.aws.rebalancing import rebalancing_at_creation, why_not_rebalanced
from ecssim.aws.service import CapacityProviderStrategyItem, NetworkConfiguration, PlacementStrategy
from ecssim.aws.service import Service as ServiceDocument
from ecssim.aws.task_definition import TaskDefinition
from ecssim.decide.own_strategy import OwnField
from ecssim.decide.placement import RUN_TASK_DEFAULT, SERVICE_DEFAULT, Strategy, StrategyItem
from ecssim.decide.provider_split import Share
from ecssim.engine.deployment_settings import detectors_of
from ecssim.engine.namesakes import follow
from ecssim.engine.standalone import RunTaskPlan
from ecssim.engine.templates import Templates, Wish
from ecssim.errors import ClientError
from ecssim.world.buckets import TokenBucket
from ecssim.world.places import Cluster
from ecssim.world.services import Owner, Service
from ecssim.world.states import COMPLETED
from ecssim.world.tasks import Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
#: How ECS places on its own instances: evenly over zones, then packed (CAP-065, CAP-066).
MANAGED_DEFAULT: Strategy = (
    StrategyItem("spread", "attribute:ecs.availability-zone"),
    StrategyItem("binpack", "memory"),
)
#: What a service revision fixes: a change of one of these starts a deployment (DEPLOY-002, DEPLOY-009).
REVISION_FIELDS = (
    "task_definition",
    "network_configuration",
    "load_balancers",
    "service_registries",
    "platform_version",
    "monitoring",
)


class Builder:
    """Creates and changes services and plans calls."""

    def __init__(self, engine: Engine, templates: Templates, base_dir: Path = Path()) -> None:
        self.engine = engine
        self.base_dir = base_dir
        self._own: dict[str, OwnField] = {}
        self.templates = templates
        self.documents: dict[int, ServiceDocument] = {}
        #: The launch type that each service was created with, which an empty strategy falls back to (CAP-027).
        self._launch_types: dict[int, LaunchType] = {}
        #: Providers over Auto Scaling groups as they were last written, by name.
        self.provider_documents: dict[str, AutoScalingGroupProvider] = {}
        self.subnets: dict[str, int] = {}
        self.target_groups: dict[str, int] = {}
        self._groups = 0
        self._task_groups: dict[tuple[int, str], int] = {}

    def strategy(self, given: Sequence[PlacementStrategy]) -> Strategy:
        """Turn the API's placement strategy into the decision's; a user's own is found and looked at once."""
        return tuple(
            StrategyItem(
                item.type.value,
                self._own_strategy(item.field or "")
                if item.type is PlacementStrategyChoice.CUSTOM
                else item.field or "",
            )
            for item in given
        )

    def _own_strategy(self, name: str) -> OwnField:
        found = self._own.get(name)
        if found is None:
            from ecssim.scenario.own_strategies import StrategyError, find_strategy

            try:
                found = self._own[name] = find_strategy(name, self.base_dir)
            except StrategyError as error:  # one of the scenario was looked at before; this came with a call
                raise ClientError("InvalidParameterException", f"placementStrategy: {error}") from None
        return found

    def cluster(self, name: str | None) -> Cluster:
        """Return the cluster, or refuse as the API does."""
        cluster = self.engine.world.cluster_named(name)
        if cluster is None:
            raise ClientError("ClusterNotFoundException", f"Cluster not found: {name or 'default'}.")
        return cluster

    def definition(self, name: str | None) -> tuple[TaskDefinition, int]:
        """Return a task definition and its revision, or refuse."""
        found = self.templates.find(name or "")
        if found is None:
            raise ClientError("ClientException", "Unable to find task definition.")
        return found

    def next_group(self) -> int:
        """Return a new number under which placement counts tasks."""
        self._groups += 1
        return self._groups

    def group_number(self, cluster: Cluster, name: str) -> int:
        """Return the number of a task group: one for all who launch tasks of it (PLACE-022, PLACE-050, LIFE-038)."""
        key = (cluster.ordinal, name)
        if key not in self._task_groups:
            self._task_groups[key] = number = self.next_group()
            cluster.fleet.name_group(number, name)
        return self._task_groups[key]

    def create_service(self, document: ServiceDocument, cause: int, *, quiet: bool = False) -> Service:
        """Create a service with its first deployment; its tasks come with its first pass."""
        engine = self.engine
        cluster = self.cluster(document.cluster)
        document = self._with_strategy(document, cluster)
        world = engine.world
        before = [s for s in world.services if s.name == document.service_name and s.cluster is cluster]
        if any(s.status == "ACTIVE" for s in before):
            raise ClientError("InvalidParameterException", "Creation of service was not idempotent.")
        if any(s.status == "DRAINING" for s in before):
            # The tasks of the deleted service have not all gone yet (SVC-002; API:DeleteService).
            raise ClientError("InvalidParameterException", "Unable to Start a service that is still Draining.")
        most = engine.limits.services_per_cluster
        if sum(s.cluster is cluster and s.status != "INACTIVE" for s in world.services) >= most:
            raise ClientError("ClientException", f"You've reached the limit of {most:,} services in the cluster.")
        group_name = f"service:{document.service_name}"
        # A service that is created again after its deletion is another one, with ids and luck of its own.
        kind = f"service#{len(before)}" if before else "service"
        code, key, draws = engine.owner_parts(kind, cluster, group_name)
        service = Service(len(world.services), document.service_name, cluster, self.next_group(), code, key, draws)
        cluster.fleet.name_group(service.group, group_name)
        service.created_at = engine.kernel.now
        service.service_code = engine.recorder.names.pool("service")[document.service_name]
        service.daemon = document.is_daemon
        service.desired = document.desired_count or 0
        service.pass_phase = engine.luck("pass", cluster.name, service.name)[0] * engine.timing["schedulerPass"].a
        definition = self.definition(document.task_definition)[0]
        service.rebalancing = rebalancing_at_creation(document, definition)
        self._settings(service, document)
        template = self._template(document)
        limits = engine.limits
        per_minute = limits.service_launches_per_minute
        if template.fargate:
            per_minute = limits.fargate_service_launches_per_minute
        service.bucket = TokenBucket(per_minute, per_minute / 60.0)
        self.documents[service.ordinal] = _pinned(document, template)
        if document.monitoring is not None:
            self.engine.scaling.high_resolution.asked(service)
        if not document.capacity_provider_strategy:
            self._launch_types[service.ordinal] = document.launch_type or LaunchType.EC2
        world.services.append(service)
        engine.services.add_row()
        engine.services.deployments.begin(service, template, cause, quiet=quiet)
        service.ripens_by_time = template.ripens
        if before:
            follow(engine, before[-1], service)
        return service

    @staticmethod
    def _with_strategy(document: ServiceDocument, cluster: Cluster) -> ServiceDocument:
        """The document with the cluster's default strategy, if it says nothing itself (CAP-021).

        It is the service's own from then on: a later default does not move it (CAP-024).
        """
        if document.capacity_provider_strategy or document.launch_type is not None or document.is_daemon:
            return document
        return document.model_copy(update={"capacity_provider_strategy": tuple(cluster.default_strategy)})

    def _settings(self, service: Service, document: ServiceDocument) -> None:
        """Set what does not start a deployment (DEPLOY-003)."""
        service.minimum_healthy_percent = document.minimum_healthy_percent
        service.maximum_percent = document.maximum_percent
        service.detectors = detectors_of(document.deployment_configuration)
        service.grace = float(document.health_check_grace_period_seconds or 0)
        default = MANAGED_DEFAULT if self._on_managed(document.capacity_provider_strategy) else SERVICE_DEFAULT
        service.strategy = self.strategy(document.placement_strategy) or default
        service.provider_strategy = self.shares(document.capacity_provider_strategy)
        definition = self.definition(document.task_definition)[0]
        service.rebalances = service.rebalancing and why_not_rebalanced(document, definition) is None

    def _on_managed(self, strategy: Sequence[CapacityProviderStrategyItem]) -> bool:
        """Whether a strategy names a provider of Managed Instances."""
        managed = self.engine.managed
        return bool(managed) and any(self.engine.provider_code(i.capacity_provider) in managed for i in strategy)

    def shares(self, strategy: Sequence[CapacityProviderStrategyItem]) -> tuple[Share, ...]:
        """Turn a capacity provider strategy into the decision's shares."""
        return tuple(Share(self.engine.provider_code(i.capacity_provider), i.base, i.weight) for i in strategy)

    def _template(self, document: ServiceDocument) -> Template:
        definition, revision = self.definition(document.task_definition)
        strategy = document.capacity_provider_strategy
        return self.made(
            definition,
            revision,
            self.wish(
                document.network_configuration,
                document.launch_type.value if document.launch_type is not None else None,
                strategy,
                constraints=tuple((c.type.value, c.expression) for c in document.placement_constraints),
                # Two ports of a task in one group are one target to us.
                target_groups=tuple(
                    dict.fromkeys(
                        self.target_groups[_bare(b.target_group_arn)]
                        for b in document.load_balancers
                        if b.target_group_arn is not None and _bare(b.target_group_arn) in self.target_groups
                    )
                ),
                registries=bool(document.service_registries),
                daemon=document.is_daemon,
                serving=next((b.container_name for b in document.load_balancers), None),
                platform=document.platform_version,
                exec_agent=document.enable_execute_command,
            ),
        )

    def made(self, definition: TaskDefinition, revision: int, wish: Wish) -> Template:
        """The template of a wish; with the one for instances beside it if a what-if mixes the kinds of providers."""
        template = self.templates.make(definition, revision, self._of_architecture(wish, definition))
        others = frozenset(code for code, name in wish.providers if name not in FARGATE_PROVIDERS)
        if template.fargate and others and template.on_instances is None:
            template.on_instances = self.templates.make(definition, revision, replace(wish, launch_type="EC2"))
            template.instance_providers = others
        return template

    def _of_architecture(self, wish: Wish, definition: TaskDefinition) -> Wish:
        """On Managed Instances, which may be of either, a task that names its architecture keeps to it (CAP-066)."""
        platform = definition.runtime_platform
        named = platform.cpu_architecture if platform is not None else None
        if named is None or not any(code in self.engine.managed for code, _ in wish.providers):
            return wish
        only = ("memberOf", f"attribute:ecs.cpu-architecture == {named.value.lower()}")
        return replace(wish, constraints=(*wish.constraints, only))

    def wish(
        self,
        network: NetworkConfiguration | None,
        launch_type: str | None,
        strategy: Sequence[CapacityProviderStrategyItem],
        *,
        constraints: tuple[tuple[str, str | None], ...] = (),
        target_groups: tuple[int, ...] = (),
        registries: bool = False,
        daemon: bool = False,
        serving: str | None = None,
        platform: str | None = None,
        exec_agent: bool | None = None,
    ) -> Wish:
        """Collect what a request adds to its task definition (CAP-021, CAP-022)."""
        names = [item.capacity_provider for item in strategy]
        fargate = launch_type == "FARGATE" or any(n in FARGATE_PROVIDERS for n in names)
        vpc = network.awsvpc_configuration if network is not None else None
        return Wish(
            launch_type="FARGATE" if fargate else launch_type or "EC2",
            subnets=tuple(self.subnets[_bare(s)] for s in vpc.subnets) if vpc is not None else (),
            public_ip=vpc is not None and vpc.assign_public_ip.value == "ENABLED",
            constraints=constraints,
            target_groups=target_groups,
            registries=registries,
            providers=tuple((self.engine.provider_code(n), n) for n in names),
            daemon=daemon,
            serving=serving,
            security_groups=vpc.security_groups if vpc is not None and self.engine.reach is not None else (),
            platform=platform if platform != "LATEST" and (fargate or self.engine.reach is not None) else None,
            exec_agent=bool(exec_agent),
        )

    def update_service(self, service: Service, call: req.UpdateService, event: int) -> None:
        """Apply UpdateService: a new deployment if the revision changes (DEPLOY-002), else settings only."""
        old = self.documents[service.ordinal]
        fields = (
            "task_definition",
            "capacity_provider_strategy",
            "deployment_configuration",
            "network_configuration",
            "placement_constraints",
            "placement_strategy",
            "load_balancers",
            "service_registries",
            "platform_version",
            "health_check_grace_period_seconds",
            "availability_zone_rebalancing",
            "monitoring",
            "enable_execute_command",
        )
        changes: dict[str, Any] = {f: getattr(call, f) for f in fields if getattr(call, f) is not None}
        if call.desired_count is not None:
            changes["desired_count"] = call.desired_count
        if call.deployment_configuration is not None:
            # Field by field: what is left out stays (DEPLOY-003).
            changes["deployment_configuration"] = updated(old, call).deployment_configuration
        if call.capacity_provider_strategy is not None:
            changes |= self._moved(service, call.capacity_provider_strategy)
        new = old.model_copy(update=changes)
        deploys = call.force_new_deployment or any(
            f in REVISION_FIELDS and getattr(old, f) != changes[f] for f in changes
        )
        template = self._template(new)
        monitored = new.monitoring != old.monitoring
        # These are part of the revision, though tasks of the old one and the new one may look alike.
        forced = call.force_new_deployment or _unseen(new) != _unseen(old)
        if deploys and not forced and template is service.deployments[0].template:
            deploys = False
        self.documents[service.ordinal] = new = _pinned(new, template)
        if monitored:
            self.engine.scaling.high_resolution.asked(service)
        if call.availability_zone_rebalancing is not None:  # else what is stored stays (PLACE-083)
            service.rebalancing = call.availability_zone_rebalancing is AvailabilityZoneRebalancing.ENABLED
        if call.desired_count is not None and not service.daemon:
            service.desired = call.desired_count
            service.steady = False
            primary = service.deployments[0]
            if primary.rollout_state == COMPLETED:
                # What is started or stopped from now on is this call's doing, no longer the deployment's.
                primary.event = event
        self._settings(service, new)
        service.cluster.waiting.pop(service.group, None)
        primary = service.deployments[0]
        if not deploys and template is not primary.template:
            # Constraints and providers count for the tasks that start from now on (DEPLOY-003, CAP-036).
            primary.template = template
        if deploys:
            service.ripens_by_time = template.ripens
            self.engine.services.deployments.begin(service, template, event)
        elif call.desired_count is not None:
            self.engine.services.deployments.rollouts.desired_changed(service)

    def _moved(self, service: Service, strategy: tuple[CapacityProviderStrategyItem, ...]) -> dict[str, Any]:
        """What UpdateService's strategy changes: with one the launch type is gone (CAP-026).

        An empty one means the cluster's default strategy, else the launch type that the service was created with
        (CAP-027).
        """
        strategy = strategy or tuple(service.cluster.default_strategy)
        created = self._launch_types.get(service.ordinal)
        if not strategy and created is None:
            raise ClientError(
                "InvalidParameterException",
                "No launch type to fall back to for empty capacity provider strategy. Your service was not created "
                "with a launch type.",
            )
        return {"capacity_provider_strategy": strategy, "launch_type": None if strategy else created}

    def restore(self, service: Service, revision: ServiceDocument) -> None:
        """A rollback: the service is again what ``revision`` says, as far as that is part of a revision."""
        old = self.documents[service.ordinal]
        new = old.model_copy(update={f: getattr(revision, f) for f in REVISION_FIELDS})
        self.documents[service.ordinal] = new
        if new.monitoring is not None or old.monitoring is not None:
            self.engine.scaling.high_resolution.asked(service)
        template = self._template(new)
        service.deployments[0].template = template
        service.ripens_by_time = template.ripens

    def task_group(self, cluster: Cluster, name: str) -> Owner:
        """Return the owner of standalone tasks of one group (LIFE-038)."""
        key = (cluster.ordinal, name)
        owner = self.engine.world.task_groups.get(key)
        if owner is None:
            code, hashed, draws = self.engine.owner_parts("group", cluster, name)
            owner = Owner(
                len(self.engine.world.task_groups), name, cluster, self.group_number(cluster, name), code, hashed, draws
            )
            self.engine.world.task_groups[key] = owner
        return owner

    def run_task_plan(
        self, call: req.RunTask, *, owner: Owner | None = None, origin: int = 5, runs_for: float = -1.0
    ) -> RunTaskPlan:
        """Parse one RunTask call into a plan."""
        cluster = self.cluster(call.cluster)
        definition, revision = self.definition(call.task_definition)
        given = call.capacity_provider_strategy
        if not given and call.launch_type is None:
            given = tuple(cluster.default_strategy)
        wish = self.wish(
            call.network_configuration,
            call.launch_type.value if call.launch_type is not None else None,
            given,
            constraints=tuple((c.type.value, c.expression) for c in call.placement_constraints),
            platform=call.platform_version,
            exec_agent=call.enable_execute_command,
        )
        wish = _overridden(wish, definition, call.overrides)
        return RunTaskPlan(
            self.made(definition, revision, wish),
            owner or self.task_group(cluster, call.group or f"family:{definition.family}"),
            call.count,
            self.strategy(call.placement_strategy)
            or (MANAGED_DEFAULT if self._on_managed(given) else RUN_TASK_DEFAULT),
            self.shares(given),
            runs_for,
            origin,
        )

    def start_task_plan(self, call: req.StartTask) -> RunTaskPlan:
        """Parse one StartTask call into a plan for one instance."""
        cluster = self.cluster(call.cluster)
        definition, revision = self.definition(call.task_definition)
        wish = _overridden(self.wish(call.network_configuration, "EC2", ()), definition, call.overrides)
        return RunTaskPlan(
            self.templates.make(definition, revision, wish),
            self.task_group(cluster, call.group or f"family:{definition.family}"),
        )


def _unseen(document: ServiceDocument) -> tuple[object, ...]:
    """What a revision fixes without showing in the tasks that are simulated (DEPLOY-002).

    Its security groups, where no network is described (none is the VPC's default group: NET-040), its load balancers
    down to the port, its registries, its platform version, and what it publishes (SCALE-011).
    """
    network = document.network_configuration
    vpc = network.awsvpc_configuration if network is not None else None
    return (
        frozenset(vpc.security_groups) if vpc is not None else frozenset(),
        frozenset(
            (_bare(b.target_group_arn or ""), b.container_name, b.container_port) for b in document.load_balancers
        ),
        document.service_registries,
        document.platform_version or "LATEST",
        document.monitoring,
    )


def _pinned(document: ServiceDocument, template: Template) -> ServiceDocument:
    """The document with the revision that a bare family means now: later ones do not change the service."""
    return document.model_copy(update={"task_definition": template.name})


def _overridden(wish: Wish, definition: TaskDefinition, overrides: req.TaskOverride | None) -> Wish:
    """The wish with the CPU units, MiB and GPUs that an override makes of the task's needs (PLACE-004)."""
    if overrides is None:
        return wish
    by_name = {c.name: c for c in overrides.container_overrides}
    containers = []
    for container in definition.container_definitions:
        given = by_name.get(container.name)
        fields = ("cpu", "memory", "memory_reservation", "resource_requirements")
        changes = {f: getattr(given, f) for f in fields if given is not None and getattr(given, f) is not None}
        containers.append(container.model_copy(update=changes))
    changed: dict[str, object] = {"container_definitions": tuple(containers)}
    if overrides.cpu is not None:
        changed["cpu"] = overrides.cpu
    if overrides.memory is not None:
        changed["memory"] = overrides.memory
    new = definition.model_copy(update=changed)
    return replace(
        wish,
        cpu=new.cpu_need if new.cpu_need != definition.cpu_need else None,
        memory=new.memory_need if new.memory_need != definition.memory_need else None,
        gpus=new.gpu_need if new.gpu_need != definition.gpu_need else None,
        storage=overrides.ephemeral_storage.size_in_gib if overrides.ephemeral_storage is not None else None,
    )


def _bare(name: str) -> str:
    """Return the name inside an ARN, or the name itself."""
    if name.startswith("arn:"):
        tail = name.rsplit(":", 1)[-1]
        parts = tail.split("/")
        return parts[1] if len(parts) > 1 else tail
    return name
