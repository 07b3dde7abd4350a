"""Capacity providers of a scenario, or of a call, as the engine holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.aws.check_providers import scales
from ecssim.aws.cluster import AutoScalingGroupProvider, CapacityProvider
from ecssim.aws.names import CapacityProviderType, EnabledDisabled
from ecssim.decide.managed_scaling import ScalingPolicy
from ecssim.engine.model_options import ModelOptions
from ecssim.scenario.document import Scenario
from ecssim.world.instances import ProviderSettings
from ecssim.world.providers import FARGATE_PROVIDERS, Provider

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def add_providers(engine: Engine, scenario: Scenario) -> None:
    """Every provider of the account, the two of Fargate first (CAP-013), with the clusters that use them."""
    world = engine.world
    for kind in FARGATE_PROVIDERS:
        world.add_provider(Provider(kind.value, kind))
    groups = {group.provider: group for group in world.groups}
    for document in scenario.capacity_providers:
        managed = document.managed_instances_provider is not None
        kind = CapacityProviderType.MANAGED_INSTANCES if managed else CapacityProviderType.EC2_AUTOSCALING
        world.add_provider(Provider(document.name, kind, groups.get(document.name)))
        if document.auto_scaling_group_provider is not None:
            engine.builder.provider_documents[document.name] = document.auto_scaling_group_provider
        if managed and document.cluster is not None:
            world.providers[document.name].clusters[engine.builder.cluster(document.cluster).name] = None
    for cluster in scenario.clusters:
        for name in cluster.capacity_providers:
            world.providers[name].clusters[cluster.cluster_name] = None


def settings_of(document: CapacityProvider | None, model: ModelOptions, *, several: bool) -> ProviderSettings:
    """Read a provider's settings with their defaults."""
    behind = document.auto_scaling_group_provider if document is not None else None
    return settings_behind(behind, model, several=several) if behind is not None else ProviderSettings()


def settings_behind(behind: AutoScalingGroupProvider, model: ModelOptions, *, several: bool) -> ProviderSettings:
    """Read what a provider does with its group (ASG-001 to ASG-003).

    ``several``: its group has more than one type or zone, where once only the minimum step counted (ASG-022).
    Without a ``managedScaling`` block it is off, as the API leaves it; a block without ``status`` means ENABLED.
    Draining is on unless it is DISABLED, as reported of the service.
    """
    given = behind.managed_scaling
    scaling = None
    if given is not None and scales(behind):
        minimum = given.minimum_scaling_step_size or 1
        legacy = several and model.legacy_min_step == "on"
        scaling = ScalingPolicy(
            target_capacity=given.target_capacity or 100,
            minimum_step=minimum,
            maximum_step=minimum if legacy else given.maximum_scaling_step_size or 10000,
            warmup=float(300 if given.instance_warmup_period is None else given.instance_warmup_period),
            combination=model.group_combination,
        )
    return ProviderSettings(
        scaling,
        protection=behind.managed_termination_protection is EnabledDisabled.ENABLED,
        draining=behind.managed_draining is not EnabledDisabled.DISABLED,
    )
