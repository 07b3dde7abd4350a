"""Providers of Managed Instances, from their documents to what the engine chooses and launches from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecssim.aws import capabilities
from ecssim.aws.agent import AgentConfiguration
from ecssim.aws.cluster import CapacityProvider
from ecssim.aws.managed_instances import ManagedInstancesProvider
from ecssim.aws.names import CapacityOptionType, EnabledDisabled
from ecssim.catalog import instance_types
from ecssim.decide.instance_choice import Offer
from ecssim.engine.managed_instances import ManagedPool
from ecssim.scenario.document import Scenario
from ecssim.scenario.managed_offers import offers_of
from ecssim.world.instances import AutoScalingGroup, InstanceKind, InstanceShape, ProviderSettings

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: The operating system that ECS gives its instances (CAP-067).
BOTTLEROCKET: Final = "bottlerocket"


def add_managed(engine: Engine, scenario: Scenario) -> None:
    """Every provider of Managed Instances with a group of its own that only ECS fills."""
    for document in scenario.capacity_providers:
        if document.managed_instances_provider is not None:
            _add(engine, document, document.managed_instances_provider)


def _add(engine: Engine, document: CapacityProvider, given: ManagedInstancesProvider) -> None:
    template = given.instance_launch_template
    cluster = engine.builder.cluster(document.cluster)
    offers = offers_of(given, engine.region)
    agent = AgentConfiguration()
    kinds = {o.name: InstanceKind(o.name, _shape(o, agent)) for o in offers}
    spot = template.capacity_option_type is CapacityOptionType.SPOT
    group = AutoScalingGroup(
        len(engine.world.groups),
        document.name,
        engine.recorder.names.pool("auto_scaling_group")[document.name],
        cluster,
        offers[0].name,
        kinds[offers[0].name].shape,
        tuple(engine.builder.subnets[s] for s in template.network_configuration.subnets),
        0,
        0,
        0,
        document.name,
        engine.provider_code(document.name),
        tuple(kinds.values()),
        on_demand_percent=0 if spot else 100,
        settings=ProviderSettings(None, protection=False, draining=True),
        draws=engine.luck.launches("managed-instances", document.name),
    )
    optimization = given.infrastructure_optimization
    after = optimization.scale_in_after if optimization is not None else None
    repair = given.auto_repair_configuration
    group.managed = ManagedPool(
        engine,
        group,
        offers,
        kinds,
        spot=spot,
        delay=engine.timing["managedIdle"].median if after is None else float(after),
        repairs=repair is not None and repair.actions_status is EnabledDisabled.ENABLED,
    )
    engine.managed[group.provider_code] = group.managed
    engine.world.groups.append(group)
    engine.builder.templates.capabilities.append(frozenset(capabilities.registered(agent, trunk=True)))


def _shape(offer: Offer, agent: AgentConfiguration) -> InstanceShape:
    kind = instance_types()[offer.name]
    architecture = "arm64" if offer.architecture == "arm64" else "x86_64"
    attributes: dict[str, str | None] = {
        "ecs.ami-id": f"{BOTTLEROCKET}-{architecture}",
        "ecs.instance-type": offer.name,
        "ecs.os-type": "linux",
        "ecs.os-family": "LINUX",
        "ecs.cpu-architecture": architecture,
    }
    attributes.update(dict.fromkeys(capabilities.registered(agent, trunk=kind.trunking)))
    return InstanceShape(
        cpu=offer.cpu,
        memory=offer.memory,
        gpus=offer.gpus,
        eni_slots=offer.eni_slots,
        trunk=kind.trunking,
        ports=agent.host_ports,
        attributes=tuple(attributes.items()),
        boot_factor=2.0 if offer.gpus or offer.bare_metal else 1.0,
    )
