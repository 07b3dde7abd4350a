"""Checks of what an Auto Scaling group was told about its instances: markets, types, hooks, pools.

Implements ASG-002 (protection), ASG-006 (weights), ASG-042 (policies), ASG-046 (hooks), ASG-052 (distribution),
ASG-053 and SPOT-038 (advice, as warnings), ASG-056 (warm pools), SPOT-014.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from ecssim.aws.cluster import AutoScalingGroup
from ecssim.aws.names import EnabledDisabled, SpotAllocationStrategy, WarmPoolState
from ecssim.catalog import instance_types
from ecssim.decide.lifecycle_hooks import MOST_HOOKS
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names
from ecssim.scenario.nodes import Step
from ecssim.scenario.spot_pools import FARGATE_SPOT

#: AWS's rule of thumb for the types of a Spot group (SPOT-038).
MANY_TYPES = 10
#: The first agent that can stay out of its cluster while it is in a warm pool (ASG-056).
WARM_AGENT = (1, 59, 0)
SHORTEST_LIFETIME = 86_400


def check_groups(names: Names, findings: Findings) -> None:
    """Every group, and the providers that make demands on theirs."""
    for index, group in enumerate(names.scenario.auto_scaling_groups):
        where: tuple[Step, ...] = ("autoScalingGroups", index)
        _hooks(where, group, findings)
        _distribution(where, group, findings)
        _types(where, group, names, findings)
        _warm_pool(where, group, findings)
        lifetime = group.max_instance_lifetime
        if lifetime is not None and 0 < lifetime < SHORTEST_LIFETIME:
            message = f"maxInstanceLifetime: expected 0 or at least {SHORTEST_LIFETIME:,} s (a day), got {lifetime:,}"
            findings.error((*where, "maxInstanceLifetime"), message)
    _protection(names, findings)
    zones = {s.availability_zone for s in names.scenario.subnets}
    for name in names.scenario.spot_pools:
        kind, _, zone = name.partition("/")
        steps = ("spotPools", name)
        if findings.refers(steps, "instance type (or FARGATE_SPOT)", kind, {*instance_types(), FARGATE_SPOT}) and zone:
            findings.refers(steps, "subnet in zone", zone, zones, "subnets")


def _hooks(where: tuple[Step, ...], group: AutoScalingGroup, findings: Findings) -> None:
    hooks = group.lifecycle_hook_specification_list
    steps = (*where, "lifecycleHookSpecificationList")
    if len(hooks) > MOST_HOOKS:
        findings.error(steps, f"a group has at most {MOST_HOOKS} lifecycle hooks, got {len(hooks)}", "ASG-046")
    seen: set[str] = set()
    for number, hook in enumerate(hooks):
        if hook.lifecycle_hook_name in seen:
            message = f"lifecycle hook {hook.lifecycle_hook_name!r} is given twice"
            findings.error((*steps, number, "lifecycleHookName"), message, "ASG-046")
        seen.add(hook.lifecycle_hook_name)


def _distribution(where: tuple[Step, ...], group: AutoScalingGroup, findings: Findings) -> None:
    """What an InstancesDistribution cannot say (ASG-052)."""
    distribution = group.distribution
    if distribution is None:
        return
    inner = (*where, "mixedInstancesPolicy", "instancesDistribution")
    strategy = distribution.spot_allocation_strategy
    if distribution.spot_instance_pools is not None and strategy not in (None, SpotAllocationStrategy.LOWEST_PRICE):
        message = f"spotInstancePools goes with spotAllocationStrategy lowest-price only, got {strategy.value}"
        findings.error((*inner, "spotInstancePools"), message, "ASG-052")
    most = distribution.spot_max_price
    if most:
        try:
            fine = Decimal(most) > 0
        except InvalidOperation:
            fine = False
        if not fine:
            message = f'spotMaxPrice: expected US dollars an hour as text ("0.05"), got {most!r}'
            findings.error((*inner, "spotMaxPrice"), message, "ASG-052")
    if group.mixed_instances_policy is not None and group.mixed_instances_policy.launch_template is not None:
        for number, override in enumerate(group.mixed_instances_policy.launch_template.overrides):
            if override.instance_requirements is not None:
                steps = (*where, "mixedInstancesPolicy", "launchTemplate", "overrides", number, "instanceRequirements")
                findings.error(steps, "instanceRequirements is not modelled; name the instance types", "ASG-052")


def _types(where: tuple[Step, ...], group: AutoScalingGroup, names: Names, findings: Findings) -> None:
    """What AWS advises about several types (ASG-053) and about Spot (SPOT-038)."""
    known = instance_types()
    sizes = [known[c.instance_type].vcpu for c in group.choices if c.instance_type in known]
    provided = any(
        p.auto_scaling_group_provider is not None
        and p.auto_scaling_group_provider.group_name == group.auto_scaling_group_name
        for p in names.scenario.capacity_providers
    )
    steps = (*where, "mixedInstancesPolicy", "launchTemplate", "overrides")
    if provided and sizes != sorted(sizes, reverse=True):
        findings.warning(steps, "a capacity provider scales best with the larger types first in the list", "ASG-053")
    if group.distribution is not None and group.buys_spot and len(sizes) < MANY_TYPES:
        zones = {names.subnets[s].availability_zone for s in group.subnet_ids if s in names.subnets}
        message = (
            f"Spot from {len(sizes)} types in {len(zones)} zones are {len(sizes) * len(zones)} pools; AWS advises at "
            f"least {MANY_TYPES} types and every zone"
        )
        findings.warning(steps, message, "SPOT-038")


def _warm_pool(where: tuple[Step, ...], group: AutoScalingGroup, findings: Findings) -> None:
    """What a warm pool of container instances must and must not be (ASG-056)."""
    pool = group.warm_pool
    if pool is None:
        return
    steps = (*where, "warmPool")
    if pool.instance_reuse_policy is not None and pool.instance_reuse_policy.reuse_on_scale_in:
        message = "reuseOnScaleIn is not allowed with Amazon ECS"
        findings.error((*steps, "instanceReusePolicy", "reuseOnScaleIn"), message, "ASG-056")
    if pool.pool_state is not WarmPoolState.STOPPED:
        message = f"poolState {pool.pool_state.value} is not modelled; pools of Stopped instances are"
        findings.error((*steps, "poolState"), message, "ASG-056")
    if group.mixed_instances_policy is not None or group.buys_spot:
        findings.error(steps, "a warm pool goes with one launch template and On-Demand instances only", "ASG-056")
    if not group.agent.warm_pools_check:
        message = "without agent: {ECS_WARM_POOLS_CHECK: true} pooled instances join the cluster, which is not modelled"
        findings.error(steps, message, "ASG-056")
    version = group.agent.version
    if version is not None and _version(version) < WARM_AGENT:
        message = f"ECS_WARM_POOLS_CHECK needs agent 1.59.0 or later, got {version}"
        findings.error((*where, "agent", "version"), message, "ASG-056")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdecimal())


def _protection(names: Names, findings: Findings) -> None:
    """Managed termination protection needs protected instances, weights no provider (ASG-002, ASG-006)."""
    for index, provider in enumerate(names.scenario.capacity_providers):
        behind = provider.auto_scaling_group_provider
        group = names.groups.get(behind.group_name) if behind is not None else None
        if behind is None or group is None:
            continue
        inner: tuple[Step, ...] = ("capacityProviders", index, "autoScalingGroupProvider")
        protects = behind.managed_termination_protection is EnabledDisabled.ENABLED
        if protects and group.new_instances_protected_from_scale_in is False:
            message = (
                f"managedTerminationProtection needs newInstancesProtectedFromScaleIn on group {behind.group_name}, "
                "which has switched it off"
            )
            findings.error((*inner, "managedTerminationProtection"), message, "ASG-002")
        if any(choice.weight != 1 for choice in group.choices):
            key = "autoScalingGroup" if behind.auto_scaling_group is not None else "autoScalingGroupArn"
            message = "instance weights (weightedCapacity) do not go with a capacity provider"
            findings.error((*inner, key), message, "ASG-006")
