"""What DescribeTargetHealth shows: every target of a group with its state, and why it is in it (LB-008)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecssim.aws import requests as req
from ecssim.world.states import (
    TARGET_DRAINING,
    TARGET_HEALTHY,
    TARGET_INITIAL,
    TARGET_STATE_NAMES,
    TARGET_UNHEALTHY,
)

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.engine.targets import Target


def describe_target_health(engine: Engine, call: req.DescribeTargetHealth, event: int) -> dict[str, Any]:
    """DescribeTargetHealth: registered targets, those that drain, and named ones that are not there."""
    ordinal = engine.balancers.group(call.target_group_arn)
    group = engine.world.target_groups[ordinal]
    found = {}
    for task in engine.lifecycle.live.values():
        for target in task.targets or ():
            if target.group is group:
                found[_id(engine, target)] = (target, task)
    shown = []
    for name, (target, task) in found.items():
        if not call.targets or any(t.id == name for t in call.targets):
            shown.append(_document(name, engine.zone_of(task), _state(engine, target)))
    for wanted in call.targets:
        if wanted.id not in found:
            shown.append(_document(wanted.id, None, ("unused", "Target.NotRegistered")))
    return {"TargetHealthDescriptions": shown}


def _id(engine: Engine, target: Target) -> str:
    """An ``ip`` target is its address, an ``instance`` target the instance (LB-060)."""
    task = target.task
    if task.address >= 0:
        return ".".join(str(task.address >> shift & 255) for shift in (24, 16, 8, 0))
    return str(engine.world.instances[task.instance].id) if task.instance >= 0 else engine.task_id(task)


def _state(engine: Engine, target: Target) -> tuple[str, str | None]:
    """The state's name and the reason that goes with it."""
    group = target.group
    name = TARGET_STATE_NAMES[target.state]
    if target.state == TARGET_HEALTHY:
        return name, None
    if target.state == TARGET_DRAINING:
        return name, "Target.DeregistrationInProgress"
    if target.state == TARGET_UNHEALTHY:
        hangs = target.task.template.laws.unhealthy_after is not None and not target.task.exited
        return name, "Target.Timeout" if hangs else "Target.FailedHealthChecks"
    if target.state == TARGET_INITIAL:
        registered = target.task.started_at + group.registration_delay
        checked = engine.kernel._now >= registered
        return name, "Elb.InitialHealthChecking" if checked else "Elb.RegistrationInProgress"
    return name, "Target.NotInUse"


def _document(name: str, zone: str | None, state: tuple[str, str | None]) -> dict[str, Any]:
    health: dict[str, Any] = {"State": state[0]}
    if state[1] is not None:
        health["Reason"] = state[1]
    target: dict[str, Any] = {"Id": name}
    if zone is not None:
        target["AvailabilityZone"] = zone
    return {"Target": target, "TargetHealth": health}
