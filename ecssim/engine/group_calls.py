"""The calls of EC2 Auto Scaling behind the one door: sizes, suspended processes, instances by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecssim.aws import requests as req
from ecssim.aws.auto_scaling import (
    ResumeProcesses,
    StartInstanceRefresh,
    SuspendProcesses,
    UpdateAutoScalingGroup,
)
from ecssim.aws.names import ScalingProcess
from ecssim.errors import ClientError
from ecssim.world.instances import AutoScalingGroup

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def _group(engine: Engine, name: str) -> AutoScalingGroup:
    group = next((g for g in engine.world.groups if g.name == name and g.managed is None), None)
    if group is None:
        raise ClientError("ValidationError", f"AutoScalingGroup name not found - {name}")
    return group


def set_desired_capacity(engine: Engine, call: req.SetDesiredCapacity, event: int) -> dict[str, Any]:
    """SetDesiredCapacity within the group's bounds; with ``honorCooldown`` not during its cooldown (ASG-055)."""
    group = _group(engine, call.auto_scaling_group_name)
    if not group.min_size <= call.desired_capacity <= group.max_size:
        raise ClientError(
            "ValidationError",
            f"New SetDesiredCapacity value {call.desired_capacity} is outside of {group.min_size} to "
            f"{group.max_size} for the AutoScalingGroup.",
        )
    if call.honor_cooldown and engine.kernel._now < group.scaled_at + group.rules.cooldown:
        raise ClientError(
            "ScalingActivityInProgress",
            f"Scaling activity is in progress or in cooldown for AutoScalingGroup {group.name}",
        )
    engine.sizes.resize(group, call.desired_capacity, event)
    return {}


def terminate_instance(engine: Engine, call: req.TerminateInstanceInAutoScalingGroup, event: int) -> dict[str, Any]:
    """TerminateInstanceInAutoScalingGroup: the group replaces it unless its size is decremented."""
    instance = next((i for i in engine.world.instances if i.id == call.instance_id), None)
    if instance is None:
        raise ClientError("ValidationError", f"Instance Id not found - {call.instance_id}")
    if call.should_decrement_desired_capacity:
        instance.group.desired = max(instance.group.min_size, instance.group.desired - 1)
    engine.retiring.retire(instance, event, replace=True)
    return {}


def update_group(engine: Engine, call: UpdateAutoScalingGroup, event: int) -> dict[str, Any]:
    """UpdateAutoScalingGroup: new bounds move the desired capacity into them, new subnets the instances (ASG-051)."""
    group = _group(engine, call.auto_scaling_group_name)
    low = group.min_size if call.min_size is None else call.min_size
    high = group.max_size if call.max_size is None else call.max_size
    wanted = max(low, min(high, group.desired)) if call.desired_capacity is None else call.desired_capacity
    if not low <= wanted <= high:
        raise ClientError("ValidationError", f"Desired capacity {wanted} must be between {low} and {high}.")
    changes: dict[str, Any] = {
        "cooldown": None if call.default_cooldown is None else float(call.default_cooldown),
        "grace": None if call.health_check_grace_period is None else float(call.health_check_grace_period),
        "advice": call.capacity_rebalance,
    }
    if call.vpc_zone_identifier is not None:
        group.subnets = _subnets(engine, call.vpc_zone_identifier)
    if call.termination_policies is not None:
        group.termination_policies = call.termination_policies
    group.rules = replace(group.rules, **{k: v for k, v in changes.items() if v is not None})
    group.min_size, group.max_size = low, high
    if wanted != group.desired:
        engine.sizes.resize(group, wanted, event)
    else:
        engine.groups.reconcile(group, event)
    engine.succession.look(group, event)
    return {}


def _subnets(engine: Engine, identifier: str) -> tuple[int, ...]:
    names = [part.strip() for part in identifier.split(",") if part.strip()]
    known = engine.builder.subnets
    missing = next((name for name in names if name not in known), None)
    if missing is not None or not names:
        raise ClientError("ValidationError", f"The subnet ID '{missing or ''}' does not exist")
    return tuple(known[name] for name in names)


def start_instance_refresh(engine: Engine, call: StartInstanceRefresh, event: int) -> dict[str, Any]:
    """StartInstanceRefresh: refused while another is under way."""
    group = _group(engine, call.auto_scaling_group_name)
    if engine.refreshes.busy(group):
        raise ClientError("InstanceRefreshInProgress", f"An Instance Refresh is already in progress for {group.name}.")
    wish = call.preferences
    engine.refreshes.start(
        group, wish.min_healthy_percentage, wish.max_healthy_percentage or 100, float(wish.instance_warmup), event
    )
    return {"instanceRefreshId": f"{group.name}-{event}"}


def suspend_processes(engine: Engine, call: SuspendProcesses, event: int) -> dict[str, Any]:
    """SuspendProcesses: what is suspended does not happen until it is resumed."""
    _group(engine, call.auto_scaling_group_name).suspended |= _processes(call)
    return {}


def resume_processes(engine: Engine, call: ResumeProcesses, event: int) -> dict[str, Any]:
    """ResumeProcesses: the group looks again at what it missed."""
    group = _group(engine, call.auto_scaling_group_name)
    group.suspended -= _processes(call)
    engine.sizes.resume(group, event)
    engine.succession.look(group, event)
    return {}


def _processes(call: SuspendProcesses) -> set[str]:
    return {p.value for p in call.scaling_processes or tuple(ScalingProcess)}


GROUP_CALLS: dict[str, Any] = {
    "ResumeProcesses": resume_processes,
    "SetDesiredCapacity": set_desired_capacity,
    "StartInstanceRefresh": start_instance_refresh,
    "SuspendProcesses": suspend_processes,
    "TerminateInstanceInAutoScalingGroup": terminate_instance,
    "UpdateAutoScalingGroup": update_group,
}
"""Action to handler."""
