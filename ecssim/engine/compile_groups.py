"""From the documents of Auto Scaling groups to the rules that their instances follow."""

from __future__ import annotations

from decimal import Decimal

from ecssim.aws.auto_scaling import LifecycleHookSpecification
from ecssim.aws.cluster import AutoScalingGroup
from ecssim.aws.names import (
    CapacityDistributionStrategy,
    LifecycleActionResult,
    LifecycleTransition,
    OnDemandAllocationStrategy,
    SpotAllocationStrategy,
)
from ecssim.decide.lifecycle_hooks import DEFAULT_TIMEOUT, Hook
from ecssim.scenario.document import Scenario
from ecssim.world.group_rules import GroupRules, WarmPoolRules


def group_rules(document: AutoScalingGroup) -> GroupRules:
    """Read a group's settings with the API's defaults (ASG-046, ASG-052, ASG-055, ASG-056)."""
    distribution = document.distribution
    on_demand = spot = None
    pools, most = 2, None
    if distribution is not None:
        on_demand = distribution.on_demand_allocation_strategy
        spot = distribution.spot_allocation_strategy or SpotAllocationStrategy.LOWEST_PRICE
        pools = distribution.spot_instance_pools or 2
        most = Decimal(distribution.spot_max_price) if distribution.spot_max_price else None
    zones = document.availability_zone_distribution
    strategy = zones.capacity_distribution_strategy if zones is not None else None
    pool = document.warm_pool
    warm = None
    if pool is not None:
        prepared = pool.max_group_prepared_capacity
        warm = WarmPoolRules(None if prepared is None or prepared < 0 else prepared, pool.min_size)
    return GroupRules(
        mixed=distribution is not None,
        on_demand_strategy=(on_demand or OnDemandAllocationStrategy.PRIORITIZED).value,
        spot_strategy=spot.value if spot is not None else "",
        spot_pools=pools,
        spot_max_price=most,
        advice=bool(document.capacity_rebalance),
        balanced_only=strategy is CapacityDistributionStrategy.BALANCED_ONLY,
        hooks=tuple(_hook(hook) for hook in document.lifecycle_hook_specification_list),
        grace=float(document.health_check_grace_period or 0),
        cooldown=float(300 if document.default_cooldown is None else document.default_cooldown),
        lifetime=float(document.max_instance_lifetime or 0),
        protected=bool(document.new_instances_protected_from_scale_in),
        warm=warm,
    )


def _hook(document: LifecycleHookSpecification) -> Hook:
    """One that nobody completes in time ends at its timeout with its default result, ABANDON if it names none."""
    timeout = float(DEFAULT_TIMEOUT if document.heartbeat_timeout is None else document.heartbeat_timeout)
    completed = document.completes_after is not None and document.completes_after < timeout
    return Hook(
        document.lifecycle_hook_name,
        document.lifecycle_transition is LifecycleTransition.LAUNCHING,
        float(document.completes_after or 0) if completed else timeout,
        not completed and document.default_result is not LifecycleActionResult.CONTINUE,
    )


def several_places(document: AutoScalingGroup, scenario: Scenario) -> bool:
    """Whether a group has more than one instance type or zone (ASG-022)."""
    zones = {s.availability_zone for s in scenario.subnets if s.subnet_id in document.subnet_ids}
    return len(document.choices) > 1 or len(zones) > 1
