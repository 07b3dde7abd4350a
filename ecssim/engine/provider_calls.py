"""The calls about capacity providers: put them on a cluster, create, change, delete and describe them.

Changes take effect at once: the ``*_IN_PROGRESS`` words of CAP-002 pass in no time. Implements CAP-002, CAP-013 to
CAP-016, CAP-024.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from ecssim.aws import requests as req
from ecssim.aws.check_providers import check_group_provider
from ecssim.aws.names import CapacityProviderStatus, CapacityProviderType, CapacityProviderUpdateStatus
from ecssim.engine.compile_providers import settings_behind
from ecssim.errors import ClientError
from ecssim.world.instances import AutoScalingGroup
from ecssim.world.places import Cluster
from ecssim.world.providers import FARGATE_PROVIDERS, Provider

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def _refuse(message: str, code: str = "InvalidParameterException") -> NoReturn:
    raise ClientError(code, message)


def _provider(engine: Engine, reference: str) -> Provider:
    """The provider of a name or ARN, unless it was deleted."""
    found = engine.world.providers.get(reference.rsplit("/", 1)[-1])
    if found is None or not found.usable:
        _refuse(f"The specified capacity provider '{reference}' was not found. Specify a valid name or ARN.")
    return found


def _in_use(engine: Engine, cluster: Cluster, provider: Provider) -> bool:
    """Whether a task of the cluster is the provider's."""
    code = engine.provider_code(provider.name)
    return any(t.provider == code and t.owner.cluster is cluster for t in engine.lifecycle.live.values())


def _several(engine: Engine, group: AutoScalingGroup) -> bool:
    """Whether the group has more than one instance type or zone (ASG-022)."""
    return len(group.kinds) > 1 or len({engine.world.subnets[s].zone for s in group.subnets}) > 1


def put_cluster_capacity_providers(engine: Engine, call: req.PutClusterCapacityProviders, event: int) -> dict[str, Any]:
    """PutClusterCapacityProviders: the whole list and the default strategy anew (CAP-014, CAP-016).

    Services keep the strategies that they have (CAP-024).
    """
    cluster = engine.world.cluster_named(call.cluster)
    if cluster is None:
        raise ClientError("ClusterNotFoundException", f"Cluster not found: {call.cluster}.")
    wanted = {p.name: p for p in (_provider(engine, name) for name in call.capacity_providers)}
    for provider in wanted.values():
        others = [name for name in provider.clusters if name != cluster.name]
        if others and provider.group is not None and provider.group.settings.scaling is not None:
            _refuse(f"{provider.name} has managed scaling and belongs to cluster {others[0]} already.")
    for provider in engine.world.providers.values():
        bound = provider.kind is CapacityProviderType.MANAGED_INSTANCES
        if cluster.name not in provider.clusters or provider.name in wanted or bound:
            continue
        if _in_use(engine, cluster, provider):
            _refuse(
                f"The capacity provider {provider.name} is in use by tasks of cluster {cluster.name} and cannot be "
                "removed.",
                "ResourceInUseException",
            )
    for provider in engine.world.providers.values():
        if provider.name in wanted:
            provider.clusters[cluster.name] = None
        elif provider.kind is not CapacityProviderType.MANAGED_INSTANCES:
            provider.clusters.pop(cluster.name, None)
    cluster.default_strategy = call.default_capacity_provider_strategy
    return {"cluster": {"clusterName": cluster.name, "capacityProviders": list(wanted)}}


def create_capacity_provider(engine: Engine, call: req.CreateCapacityProvider, event: int) -> dict[str, Any]:
    """CreateCapacityProvider over an Auto Scaling group that has none; instances launched from now on are its own."""
    known = engine.world.providers.get(call.name)
    if known is not None and known.usable:
        _refuse(f"The capacity provider {call.name} already exists.")
    behind = call.auto_scaling_group_provider
    if behind is None:
        _refuse("a provider of Managed Instances can only be part of the scenario", "UnsupportedFeatureException")
    group = next((g for g in engine.world.groups if g.name == behind.group_name and g.managed is None), None)
    if group is None:
        _refuse(f"The Auto Scaling group {behind.group_name} was not found.")
    if group.provider is not None:
        _refuse(f"The Auto Scaling group {group.name} is behind capacity provider {group.provider} already.")
    group.provider, group.provider_code = call.name, engine.provider_code(call.name)
    group.settings = settings_behind(behind, engine.model, several=_several(engine, group))
    engine.builder.provider_documents[call.name] = behind
    engine.world.add_provider(Provider(call.name, CapacityProviderType.EC2_AUTOSCALING, group))
    engine.capacity.follow(group)
    return {"capacityProvider": _document(engine, engine.world.providers[call.name])}


def update_capacity_provider(engine: Engine, call: req.UpdateCapacityProvider, event: int) -> dict[str, Any]:
    """UpdateCapacityProvider: what it names changes, the rest stays; the group scales by the new words at once."""
    provider = _provider(engine, call.name)
    group = provider.group
    given = call.auto_scaling_group_provider
    if group is None or given is None or provider.kind is not CapacityProviderType.EC2_AUTOSCALING:
        _refuse(f"{provider.name} takes no such update.")
    document = engine.builder.provider_documents[provider.name]
    changes = {name: getattr(given, name) for name in given.model_fields_set}
    if given.managed_scaling is not None and document.managed_scaling is not None:
        fields = {name: getattr(given.managed_scaling, name) for name in given.managed_scaling.model_fields_set}
        changes["managed_scaling"] = document.managed_scaling.model_copy(update=fields)
    new = document.model_copy(update=changes)
    for refusal in check_group_provider(new):
        _refuse(refusal.message)
    engine.builder.provider_documents[provider.name] = new
    group.settings = settings_behind(new, engine.model, several=_several(engine, group))
    provider.update_status = CapacityProviderUpdateStatus.UPDATE_COMPLETE
    engine.capacity.follow(group)
    return {"capacityProvider": _document(engine, provider)}


def delete_capacity_provider(engine: Engine, call: req.DeleteCapacityProvider, event: int) -> dict[str, Any]:
    """DeleteCapacityProvider: nothing may use it, and those of Fargate stay (CAP-013, CAP-015)."""
    provider = _provider(engine, call.capacity_provider)
    if provider.kind in FARGATE_PROVIDERS:
        _refuse(f"The capacity provider {provider.name} is reserved and cannot be deleted.")
    code = engine.provider_code(provider.name)
    for service in engine.world.services:
        if service.status != "INACTIVE" and any(share.provider == code for share in service.provider_strategy):
            _refuse(f"{provider.name} is in the capacity provider strategy of service {service.name}.")
    bound = provider.kind is CapacityProviderType.MANAGED_INSTANCES
    if provider.clusters and not bound:
        _refuse(f"{provider.name} is associated with cluster {next(iter(provider.clusters))}; remove it there first.")
    if bound and provider.group is not None and provider.group.instances:
        _refuse(f"{provider.name} still has instances.")
    provider.status = CapacityProviderStatus.INACTIVE
    provider.update_status = CapacityProviderUpdateStatus.DELETE_COMPLETE
    del engine.world.provider_kinds[provider.name]
    if provider.group is not None and not bound:
        provider.group.provider, provider.group.provider_code = None, 0
        engine.capacity.forget(code)
    return {"capacityProvider": _document(engine, provider)}


def describe_capacity_providers(engine: Engine, call: req.DescribeCapacityProviders, event: int) -> dict[str, Any]:
    """DescribeCapacityProviders: what is not there is MISSING (PLACE-066); deleted ones are shown by name only."""
    providers = engine.world.providers
    if not call.capacity_providers:
        found = [p for p in providers.values() if p.usable]
        return {"capacityProviders": [_document(engine, p) for p in found], "failures": []}
    shown, failures = [], []
    for reference in call.capacity_providers:
        provider = providers.get(reference.rsplit("/", 1)[-1])
        if provider is not None:
            shown.append(_document(engine, provider))
        else:
            failures.append({"arn": engine.arn("capacity-provider", reference), "reason": "MISSING"})
    return {"capacityProviders": shown, "failures": failures}


def _document(engine: Engine, provider: Provider) -> dict[str, Any]:
    """A provider as the API shows it."""
    shown: dict[str, Any] = {
        "capacityProviderArn": engine.arn("capacity-provider", provider.name),
        "name": provider.name,
        "status": provider.status.value,
        "updateStatus": provider.update_status.value,
        "type": provider.kind.value,
    }
    group = provider.group
    if provider.kind is CapacityProviderType.EC2_AUTOSCALING and group is not None:
        shown["autoScalingGroupProvider"] = _group_document(engine, group.name, group.settings)
    if provider.kind is CapacityProviderType.MANAGED_INSTANCES:
        shown["cluster"] = next(iter(provider.clusters), "")
    return shown


def _group_document(engine: Engine, name: str, settings: Any) -> dict[str, Any]:
    scaling = settings.scaling
    managed: dict[str, Any] = {"status": "DISABLED"}
    if scaling is not None:
        managed = {
            "status": "ENABLED",
            "targetCapacity": scaling.target_capacity,
            "minimumScalingStepSize": scaling.minimum_step,
            "maximumScalingStepSize": scaling.maximum_step,
            "instanceWarmupPeriod": int(scaling.warmup),
        }
    return {
        "autoScalingGroupArn": (
            f"arn:aws:autoscaling:{engine.region}:{engine.account_id}:autoScalingGroup:*:autoScalingGroupName/{name}"
        ),
        "managedScaling": managed,
        "managedTerminationProtection": "ENABLED" if settings.protection else "DISABLED",
        "managedDraining": "ENABLED" if settings.draining else "DISABLED",
    }


PROVIDER_CALLS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "CreateCapacityProvider": create_capacity_provider,
    "DeleteCapacityProvider": delete_capacity_provider,
    "DescribeCapacityProviders": describe_capacity_providers,
    "PutClusterCapacityProviders": put_cluster_capacity_providers,
    "UpdateCapacityProvider": update_capacity_provider,
}
