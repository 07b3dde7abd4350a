"""What a capacity provider must be, and what a cluster may be told about its providers.

The same checks answer ``check`` and the calls CreateCapacityProvider, UpdateCapacityProvider and
PutClusterCapacityProviders. Implements ASG-002, CAP-001, CAP-012, CAP-013, CAP-014, CAP-060.
"""

from __future__ import annotations

from collections.abc import Iterator

from ecssim.aws.check_launch import Surroundings, check_strategy
from ecssim.aws.check_managed import check_managed_provider
from ecssim.aws.cluster import AutoScalingGroupProvider, CapacityProvider
from ecssim.aws.names import CapacityProviderType, EnabledDisabled
from ecssim.aws.refusals import Refusal
from ecssim.aws.requests import PutClusterCapacityProviders

RESERVED_PREFIXES = ("aws", "ecs", "fargate")


def check_provider(provider: CapacityProvider) -> Iterator[Refusal]:
    """A capacity provider in itself: its name, and that it is of one kind (CAP-001, CAP-013)."""
    if provider.name.lower().startswith(RESERVED_PREFIXES):
        message = f"a capacity provider's name must not begin with aws, ecs or fargate: {provider.name}"
        yield Refusal(("name",), message, "CAP-013")
    behind = provider.auto_scaling_group_provider
    if (behind is None) == (provider.managed_instances_provider is None):
        message = "a capacity provider has an autoScalingGroupProvider or a managedInstancesProvider"
        yield Refusal((), message, "CAP-001")
    if provider.managed_instances_provider is not None:
        yield from check_managed_provider(provider.managed_instances_provider, provider.cluster)
    if behind is not None:
        yield from check_group_provider(behind)


def check_group_provider(behind: AutoScalingGroupProvider) -> Iterator[Refusal]:
    """Termination protection needs managed scaling (ASG-002)."""
    if behind.managed_termination_protection is EnabledDisabled.ENABLED and not scales(behind):
        message = "managedTerminationProtection needs managedScaling with status ENABLED"
        yield Refusal(("autoScalingGroupProvider", "managedTerminationProtection"), message, "ASG-002")


def scales(behind: AutoScalingGroupProvider | None) -> bool:
    """Whether the provider has managed scaling: a ``managedScaling`` block without status means ENABLED."""
    scaling = behind.managed_scaling if behind is not None else None
    return scaling is not None and scaling.status is not EnabledDisabled.DISABLED


def check_put(request: PutClusterCapacityProviders, around: Surroundings) -> Iterator[Refusal]:
    """The new list of a cluster's providers and its default strategy (CAP-011, CAP-012, CAP-014)."""
    key = "defaultCapacityProviderStrategy"
    most = around.limits.capacity_providers_per_cluster
    if len(request.capacity_providers) > most:
        message = f"a cluster has at most {most} capacity providers, got {len(request.capacity_providers)}"
        yield Refusal(("capacityProviders",), message, "CAP-012")
    for index, name in enumerate(request.capacity_providers):
        if around.providers.get(name) is CapacityProviderType.MANAGED_INSTANCES:
            message = f"{name} is of Managed Instances and bound to its cluster: it is not put"
            yield Refusal(("capacityProviders", index), message, "CAP-014")
    yield from check_strategy(request.default_capacity_provider_strategy, around, key)
    for index, item in enumerate(request.default_capacity_provider_strategy):
        name = item.capacity_provider
        own = around.providers.get(name) is CapacityProviderType.MANAGED_INSTANCES
        if name not in request.capacity_providers and not own:
            message = f"{name} is not among the capacityProviders of cluster {request.cluster}"
            yield Refusal((key, index, "capacityProvider"), message, "CAP-011")
