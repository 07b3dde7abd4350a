"""From a scenario to a world that is ready to run: names to ordinals, defaults, units, laws (design rule 16).

Only this module and the builder read scenario models.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from ecssim.aws import capabilities
from ecssim.aws.agent import AgentConfiguration, go_seconds
from ecssim.aws.capabilities import TRUNKING_AGENT, version_of
from ecssim.aws.cluster import AutoScalingGroup as GroupDocument
from ecssim.catalog import instance_type, quotas
from ecssim.engine.account_settings import ON, trunked
from ecssim.engine.address_users import hold_addresses
from ecssim.engine.behaviours import law_of
from ecssim.engine.builder import Builder
from ecssim.engine.calls import SCENARIO
from ecssim.engine.compile_balancers import add_balancers
from ecssim.engine.compile_data_use import compile_data_use
from ecssim.engine.compile_groups import group_rules, several_places
from ecssim.engine.compile_jobs import job_stream
from ecssim.engine.compile_managed import add_managed
from ecssim.engine.compile_providers import add_providers, settings_of
from ecssim.engine.compile_reach import compile_reach
from ecssim.engine.compile_scaling import compile_scaling
from ecssim.engine.compile_traffic import add_streams, add_targets
from ecssim.engine.door_checks import DoorChecks
from ecssim.engine.event_schedules import EventCalls
from ecssim.engine.memory_limits import MemoryLimits
from ecssim.engine.model_options import ModelOptions
from ecssim.engine.simulation import Engine
from ecssim.engine.steady import settle
from ecssim.engine.templates import Templates
from ecssim.engine.timing import Timing
from ecssim.record.recorder import Recorder
from ecssim.scenario.document import Scenario
from ecssim.scenario.names import Names
from ecssim.scenario.timeline import seconds_of
from ecssim.world.addresses import AddressPool, NoIpv4
from ecssim.world.agent_settings import AgentSettings
from ecssim.world.fleet import Fleet
from ecssim.world.instances import AutoScalingGroup, InstanceKind, InstanceShape
from ecssim.world.places import Cluster, Subnet, TargetGroup

#: The VPC of subnets that name none in a scenario that has none.
DEFAULT_VPC = "vpc-default"


def compile_scenario(
    scenario: Scenario,
    recorder: Recorder,
    seed: int,
    make: Callable[..., Engine] = Engine,
    *,
    base_dir: Path = Path(),
) -> Engine:
    """Build the engine of one run, by ``make``, and put its first entries into the queue.

    ``base_dir`` is where the scenario stands: its own placement strategies may be files beside it.
    """
    overrides = {name: law_of(given) for name, given in scenario.timing.overrides.items()}
    limits = quotas(scenario.account.quotas.base, scenario.region)
    given = {k: None if v is None else int(v) for k, v in scenario.account.quotas.overrides.items()}
    engine = make(
        recorder=recorder,
        seed=seed,
        timing=Timing.of(scenario.timing.profile, overrides),
        model=ModelOptions.of(scenario.model),
        quotas=limits.overridden(given) if given else limits,
        region=scenario.region,
        start=scenario.start,
        duration=float(scenario.duration),
        account_id=scenario.account.account_id,
    )
    trunking = scenario.account.settings.awsvpc_trunking in ON
    engine.builder = Builder(engine, Templates(engine, scenario.behaviour, scenario.images, trunking), base_dir)
    engine.door_checks = DoorChecks(engine, scenario)
    steady = scenario.initial_state == "steady"
    _clusters(engine, scenario)
    _insights(engine, scenario)
    _subnets(engine, scenario)
    _network(engine, scenario)
    hold_addresses(engine, scenario)
    _target_groups(engine, scenario)
    add_balancers(engine, scenario)
    _groups(engine, scenario, trunking)
    engine.interfaces.begin(any(group.interfaces_by_hand for group in engine.world.groups))
    add_managed(engine, scenario)
    add_providers(engine, scenario)
    compile_reach(engine, scenario)
    for definition in scenario.task_definitions:
        engine.builder.templates.register(definition)
    engine.capacity.begin()
    engine.ec2_market.begin(scenario.prices)
    engine.spot.bands = {name: facts.interruption_band for name, facts in scenario.spot_pools.items()}
    for group in engine.world.groups:
        if group.managed is not None:
            continue
        if not steady:
            engine.calls.note(SCENARIO, "CreateAutoScalingGroup", group.name)
        if steady:
            if engine.capacity.manages(group.provider_code):
                group.desired = group.min_size
            while group.size < group.desired and engine.groups.launch(group, booted=True):
                pass
        engine.groups.reconcile(group)
    for document in scenario.services:
        event = 0 if steady else engine.calls.note(SCENARIO, "CreateService", document.service_name)
        service = engine.builder.create_service(document, event, quiet=steady)
        if not steady:
            engine.services.mark(service)
    add_targets(engine, scenario)
    add_streams(engine, scenario)
    if engine.model.memory_limit == "enforced":
        engine.metrics.samplers.append(MemoryLimits(engine))
    engine.balancer_nodes.begin()
    compile_data_use(engine, scenario)
    if steady:
        settle(engine)
    compile_scaling(engine, scenario)
    for schedule in scenario.schedules:
        EventCalls(engine, schedule)
    for job in scenario.jobs:
        stream = job_stream(engine, job, scenario)
        engine.job_streams.append(stream)
        stream.begin()
    for entry in scenario.timeline:
        engine.timeline.plan(entry, seconds_of(entry.at, scenario.start))
    names = Names(scenario)
    used = [name for c in scenario.clusters for name in (*c.capacity_providers, *names.put_by_calls(c.cluster_name))]
    engine.spot.begin(fargate="FARGATE_SPOT" in used)
    engine.retirement.begin(int(scenario.account.settings.fargate_task_retirement_wait_period or "7"))
    engine.metrics.begin()
    return engine


def _clusters(engine: Engine, scenario: Scenario) -> None:
    names = engine.recorder.names.pool("cluster")
    documents = scenario.clusters
    wanted = [c.cluster_name for c in documents] or ["default"]
    for i, name in enumerate(wanted):
        cluster = Cluster(i, name, names[name], Fleet())
        if documents:
            cluster.default_strategy = documents[i].default_capacity_provider_strategy
        engine.world.clusters.append(cluster)


def _insights(engine: Engine, scenario: Scenario) -> None:
    """Clusters with Container Insights: by their own setting, else by the account's (COST-029)."""
    account = scenario.account.settings.container_insights
    on = set()
    for cluster, document in zip(engine.world.clusters, scenario.clusters or (None,), strict=True):
        given = [s.value for s in document.settings if s.name == "containerInsights"] if document is not None else []
        if (given[-1] if given else account) in ("enabled", "enhanced"):
            on.add(cluster.code)
    engine.monitoring.insights = frozenset(on)


def _subnets(engine: Engine, scenario: Scenario) -> None:
    names = engine.recorder.names.pool("subnet")
    engine.subnets.dual_stack = scenario.account.settings.dual_stack_ipv6 in (None, "enabled", "on")
    for i, document in enumerate(scenario.subnets):
        pool: AddressPool | NoIpv4 = NoIpv4()
        if document.cidr_block is not None:
            network = IPv4Network(document.cidr_block)
            pool = AddressPool(int(network.network_address), network.num_addresses)
        subnet = Subnet(
            i,
            document.subnet_id,
            names[document.subnet_id],
            document.availability_zone,
            pool.base,
            pool.total,
            pool,
            reserved=5 if pool.total else 0,
        )
        subnet.zone_id = document.availability_zone_id
        for block in document.ipv6_blocks:
            subnet.ipv6 = int(IPv6Network(block).network_address)
        subnet.vpc = document.vpc_id or (scenario.vpcs[0].vpc_id if scenario.vpcs else DEFAULT_VPC)
        if document.addresses_in_use and isinstance(pool, AddressPool):
            subnet.used["declared"] = pool.take_top(document.addresses_in_use)
        subnet.free_min = pool.free if pool.total else 0
        if document.resource_names_in_dns or document.owner_id not in (None, scenario.account.account_id):
            engine.account_settings.without_trunk |= {i}
        engine.world.subnets.append(subnet)
        engine.builder.subnets[document.subnet_id] = i


def _network(engine: Engine, scenario: Scenario) -> None:
    """Everything that holds addresses for the whole run (NET-033, NET-036, NET-037)."""

    def hold(subnet: str, consumer: str, count: int) -> int:
        """Take up to ``count`` addresses; return how many were there."""
        ordinal = engine.builder.subnets[subnet]
        for got in range(count):
            if engine.subnets.take(ordinal, consumer) < 0:
                engine.subnets.refused(ordinal, consumer, None, 0)
                return got
        return count

    meters = engine.meters
    for balancer in scenario.load_balancers:
        engine.balancer_nodes.add(balancer)
    for gateway in scenario.nat_gateways:
        addresses = hold(gateway.subnet_id, "nat_gateways", 1 + gateway.secondary_private_ip_address_count)
        engine.subnets.interfaces -= max(0, addresses - 1)  # all on one interface
        meters.by_started_hour(gateway.nat_gateway_id, "natGatewayHour")
        if gateway.connectivity_type != "private":
            meters.public_addresses(gateway.nat_gateway_id, 1)
    for number, endpoint in enumerate(scenario.vpc_endpoints):
        for subnet in endpoint.subnet_ids:
            hold(subnet, "vpc_endpoints", 1)
        if endpoint.subnet_ids:
            name = endpoint.vpc_endpoint_id or f"{endpoint.service_name}-{number}"
            meters.by_started_hour(name, "vpcEndpointHour", len(endpoint.subnet_ids))


def _target_groups(engine: Engine, scenario: Scenario) -> None:
    names = engine.recorder.names.pool("target_group")
    for i, document in enumerate(scenario.target_groups):
        network = document.protocol.value in ("TCP", "UDP", "TLS", "TCP_UDP")
        delay = "networkTargetRegistration" if network else "targetRegistration"
        engine.world.target_groups.append(
            TargetGroup(
                i,
                document.target_group_name,
                names[document.target_group_name],
                interval=float(document.health_check_interval_seconds),
                healthy_threshold=document.healthy_threshold_count,
                unhealthy_threshold=document.unhealthy_threshold_count,
                deregistration_delay=float(document.deregistration_delay_seconds),
                registration_delay=engine.timing[delay].median,
                network=network,
            )
        )
        engine.builder.target_groups[document.target_group_name] = i


def _groups(engine: Engine, scenario: Scenario, trunking: bool) -> None:
    names = engine.recorder.names.pool("auto_scaling_group")
    providers = {
        p.auto_scaling_group_provider.group_name: p
        for p in scenario.capacity_providers
        if p.auto_scaling_group_provider is not None
    }
    for i, document in enumerate(scenario.auto_scaling_groups):
        name = document.auto_scaling_group_name
        document_of_provider = providers.get(name)
        provider = document_of_provider.name if document_of_provider is not None else None
        cluster = _cluster_of(engine, scenario, document, provider)
        desired = document.desired_capacity if document.desired_capacity is not None else document.min_size
        kinds = tuple(
            trunked(
                InstanceKind(
                    choice.instance_type,
                    plain := _shape(document, choice.instance_type, choice.image_id, False),
                    choice.weight,
                    with_trunk=_shape(document, choice.instance_type, choice.image_id, True),
                    without_trunk=plain,
                ),
                trunking,
            )
            for choice in document.choices
        )
        group = AutoScalingGroup(
            i,
            name,
            names[name],
            cluster,
            kinds[0].type,
            kinds[0].shape,
            tuple(engine.builder.subnets[s] for s in document.subnet_ids),
            document.min_size,
            document.max_size,
            desired,
            provider,
            engine.provider_code(provider) if provider is not None else 0,
            kinds,
            on_demand_base=document.on_demand_base,
            on_demand_percent=document.on_demand_percent,
            termination_policies=document.termination_policies,
            settings=settings_of(document_of_provider, engine.model, several=several_places(document, scenario)),
            spot_draining=document.agent.enable_spot_instance_draining,
            agent=_agent_settings(document.agent),
            draws=engine.luck.launches("asg", name),
            rules=group_rules(document),
        )
        group.volume_gib = document.volume_gib
        group.pull_upfront = document.agent.pull_dependent_containers_upfront
        if document.agent.version is not None:
            group.agent_version = document.agent.version
        group.interfaces_by_hand = document.interfaces_attached_by_hand
        engine.world.groups.append(group)
        engine.builder.templates.capabilities.append(frozenset(capabilities.registered(document.agent)))


def _agent_settings(agent: AgentConfiguration) -> AgentSettings:
    """Read what the agents of a group do with images, containers and ports."""
    behavior = agent.image_pull_behavior or "default"
    low, high = agent.dynamic_ports
    wait, interval = "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", "ECS_IMAGE_CLEANUP_INTERVAL"
    age, start = "ECS_IMAGE_MINIMUM_CLEANUP_AGE", "ECS_CONTAINER_START_TIMEOUT"
    return AgentSettings(
        eager=behavior in ("default", "always"),
        fallback=behavior != "always",
        start_timeout=agent.seconds(start, agent.container_start_timeout, 180.0),
        windows_start_timeout=agent.seconds(start, agent.container_start_timeout, 480.0),
        cleanup_wait=agent.seconds(wait, agent.engine_task_cleanup_wait_duration, 10800.0),
        cleanup_jitter=go_seconds(agent.engine_task_cleanup_wait_duration_jitter or ""),
        cleans=not (agent.disable_image_cleanup or behavior == "prefer-cached"),
        image_interval=agent.seconds(interval, agent.image_cleanup_interval, 1800.0),
        image_age=agent.seconds(age, agent.image_minimum_cleanup_age, 3600.0),
        images_per_cycle=agent.num_images_delete_per_cycle or 5,
        port_range=(low, high),
        dynamic_ports=high - low + 1 if agent.dynamic_host_port_range is not None else -1,
    )


def _cluster_of(engine: Engine, scenario: Scenario, document: GroupDocument, provider: str | None) -> Cluster:
    """Return the cluster whose agents run on the group: named, or the one associated with its provider."""
    if document.agent.cluster is not None:
        return engine.builder.cluster(document.agent.cluster)
    for i, cluster in enumerate(scenario.clusters):
        if provider is not None and provider in cluster.capacity_providers:
            return engine.world.clusters[i]
    return engine.world.clusters[0]


def _shape(document: GroupDocument, type_name: str, image_id: str | None, trunking: bool) -> InstanceShape:
    """Return what one instance of the group registers (ASG-061, ASG-062, NET-010, NET-011, PLACE-052)."""
    kind = instance_type(type_name)
    agent = document.agent
    trunk = trunking and kind.trunking and (agent.version is None or version_of(agent.version) >= TRUNKING_AGENT)
    attributes: dict[str, str | None] = {
        "ecs.ami-id": image_id or f"ami-ecs-optimized-{kind.architecture}",
        "ecs.instance-type": kind.name,
        "ecs.os-type": "linux",
        "ecs.os-family": "LINUX",
        "ecs.cpu-architecture": "arm64" if kind.architecture == "arm64" else "x86_64",
    }
    attributes.update(dict.fromkeys(capabilities.registered(agent, trunk=trunk)))
    attributes.update(agent.instance_attributes)
    return InstanceShape(
        cpu=kind.cpu_units,
        memory=kind.registered_memory_mib - agent.reserved_memory,
        gpus=kind.gpus,
        eni_slots=kind.awsvpc_tasks(trunk),
        trunk=trunk,
        ports=agent.host_ports,
        attributes=tuple(attributes.items()),
        boot_factor=2.0 if kind.gpus or kind.bare_metal else 1.0,
    )
