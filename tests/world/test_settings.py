"""What holds where a scenario says nothing: the defaults that AWS documents, and those that mean "none of it"."""

from __future__ import annotations

from dataclasses import MISSING, fields
from math import inf
from typing import Any

import pytest

from ecssim.aws.capabilities import TRUNKING_AGENT, version_of
from ecssim.aws.names import ServiceDeploymentStatus, ThresholdType
from ecssim.world.agent_settings import AgentSettings
from ecssim.world.containers import Chain, HealthCheck, RestartPolicy
from ecssim.world.group_rules import GroupRules, WarmPoolRules
from ecssim.world.instances import AutoScalingGroup, InstanceKind, InstanceShape, ProviderSettings
from ecssim.world.places import Subnet, TargetGroup
from ecssim.world.scaling import (
    AlarmSettings,
    MetricAlarm,
    ScalableTarget,
    ScalingPolicy,
    ScheduledAction,
    StepSettings,
    TrackingSettings,
)
from ecssim.world.service_deployments import BreakerSettings, CircuitBreaker, EarlySuccess, ServiceDeployment
from ecssim.world.tasks import Image, Template


def defaults(kind: Any) -> dict[str, object]:
    """The fields that may be left out, with what they are then; containers that begin empty aside."""
    return {field.name: field.default for field in fields(kind) if field.default is not MISSING}


DOCUMENTED = [
    pytest.param(
        HealthCheck,
        {"interval": 30.0, "timeout": 5.0, "retries": 3, "start_period": 0.0, "takes": 0.0},
        id="a container's health check",
    ),
    pytest.param(
        RestartPolicy, {"ignored": frozenset(), "attempt_period": 300.0}, id="a restart policy of five minutes"
    ),
    pytest.param(
        AgentSettings,
        {
            # ECS_IMAGE_PULL_BEHAVIOR default: pull, and take a cached image where that fails
            "eager": True,
            "fallback": True,
            # ECS_CONTAINER_START_TIMEOUT: 3 minutes on Linux, 8 on Windows
            "start_timeout": 3 * 60.0,
            "windows_start_timeout": 8 * 60.0,
            # ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION: 3 hours, without jitter
            "cleanup_wait": 3 * 3600.0,
            "cleanup_jitter": 0.0,
            # ECS_DISABLE_IMAGE_CLEANUP is off; every half hour five images that are an hour old
            "cleans": True,
            "image_interval": 30 * 60.0,
            "image_age": 3600.0,
            "images_per_cycle": 5,
            "dynamic_ports": -1,
            # Linux: net.ipv4.ip_local_port_range
            "port_range": (32768, 60999),
        },
        id="an agent without configuration",
    ),
    pytest.param(
        TargetGroup,
        {
            "interval": 30.0,
            "healthy_threshold": 5,
            "unhealthy_threshold": 2,
            "deregistration_delay": 300.0,
            "registration_delay": 5.0,
            "network": False,
            "check_timeout": 5.0,
            "zones": None,
            "attached": True,
            "phase": 0.0,
            "healthy": 0,
        },
        id="a target group of an Application Load Balancer",
    ),
    pytest.param(
        GroupRules,
        {
            "mixed": False,
            "on_demand_strategy": "prioritized",
            "spot_strategy": "",
            "spot_pools": 2,
            "spot_max_price": None,
            "advice": False,
            "balanced_only": False,
            "hooks": (),
            "grace": 0.0,
            "cooldown": 300.0,
            "lifetime": 0.0,
            "protected": False,
            "warm": None,
        },
        id="an Auto Scaling group",
    ),
    pytest.param(WarmPoolRules, {"prepared": None, "minimum": 0}, id="a warm pool up to the group's maximum"),
    pytest.param(
        BreakerSettings,
        {"kind": ThresholdType.BOUNDED_PERCENT, "value": 50, "reset": True},
        id="a circuit breaker: half of the desired count, reset by a healthy task",
    ),
    pytest.param(EarlySuccess, {"deferred": False}, id="old tasks go when a deployment is early done"),
    pytest.param(
        AlarmSettings,
        {
            "treat": 0,
            "minutes": 1,
            "unit": 60,
            "statistic": "Average",
            "actions_enabled": True,
            "actions": (),
        },
        id="an alarm: the average of minutes, missing points are missing, actions are on",
    ),
    pytest.param(
        TrackingSettings, {"disable_scale_in": False, "statistic": "Average", "unit": 60}, id="target tracking"
    ),
    pytest.param(StepSettings, {"aggregation": "Average"}, id="step scaling"),
    pytest.param(
        ProviderSettings,
        {"scaling": None, "protection": False, "draining": False},
        id="a capacity provider of which nothing is managed",
    ),
    pytest.param(
        Template,
        {
            "subnets": (),
            "zones": (),
            "images": (),
            "image_set": 0,
            "dynamic_ports": 0,
            # ECS_CONTAINER_STOP_TIMEOUT, and stopTimeout on Fargate
            "stop_timeout": 30.0,
            "containers": (),
            "essential": (),
            "target_groups": (),
            "public_ip": False,
            # runtimePlatform.cpuArchitecture
            "architecture": "X86_64",
            "windows": False,
            # ephemeralStorage on Fargate
            "storage_gib": 20,
            "laws": None,
            "chain": None,
            "ripens": True,
            "nowhere": False,
            "on_instances": None,
            "instance_providers": frozenset(),
            "ends_at_once": None,
            "exec_agent": False,
            # a task without an interface and without targets: PENDING, ACTIVATING, RUNNING
            "after_network": 1,
            "after_dispatch": 2,
            "after_start": 3,
        },
        id="a task definition of the plainest kind",
    ),
]


@pytest.mark.parametrize(("kind", "said"), DOCUMENTED)
def test_settings_that_nobody_made(kind: Any, said: dict[str, object]) -> None:
    assert defaults(kind) == said


NOTHING_YET = [
    pytest.param(Image, {"lazy": False}, id="an image is pulled whole"),
    pytest.param(
        Chain,
        {"main": 0, "checked": False, "early": 0.0, "early_reason": ""},
        id="containers: the first is the main one, nothing is checked, no launch ends early",
    ),
    pytest.param(InstanceShape, {"boot_factor": 1.0}, id="an instance boots as the model says"),
    pytest.param(InstanceKind, {"weight": 1}, id="an instance counts as one"),
    pytest.param(
        AutoScalingGroup,
        {
            # of a group without a mixed instances policy all is On-Demand
            "on_demand_base": 0,
            "on_demand_percent": 100,
            "spot_draining": False,
            "launched": 0,
            "retry_armed": False,
            "failing": "",
            "registered": 0,
            "busy": 0,
            "claims": 0,
            "pull_upfront": False,
            "interfaces_by_hand": 0,
            "size": 0,
            "on_demand_size": 0,
            # the root volume of the ECS-optimized images
            "volume_gib": 30,
            "scaled_at": -inf,
        },
        id="a group has launched, failed and scaled nothing",
    ),
    pytest.param(
        Subnet,
        {"reserved": 5, "vpc": "", "zone_id": None, "failed": 0, "failed_minute": 0, "ipv6": 0},
        id="a subnet: five addresses are AWS's, it has no IPv6 and nothing has failed",
    ),
    pytest.param(CircuitBreaker, {"failures": 0}, id="a circuit breaker has counted nothing"),
    pytest.param(
        ServiceDeployment,
        {"status": ServiceDeploymentStatus.PENDING, "status_reason": "", "rollback": None},
        id="a service deployment is pending for no reason",
    ),
    pytest.param(
        MetricAlarm,
        {
            "side": 0,
            "lag": 1,
            # a new alarm is INSUFFICIENT_DATA (ALARM-001)
            "state": 0,
            "real": 0,
            "breach": 0,
            "last_event": 0,
            "told": False,
            "fresh": True,
            "row": -1,
        },
        id="an alarm has seen nothing",
    ),
    pytest.param(ScalingPolicy, {"base": 0, "high": None, "low": None}, id="a policy has scaled nothing"),
    pytest.param(
        ScalableTarget,
        {
            "in_suspended": False,
            "out_suspended": False,
            "scheduled_suspended": False,
            "activity": None,
            "busy_until": 0.0,
            "floor": 0,
            "ceiling": 0,
        },
        id="nothing of a scalable target is suspended, busy or forecast",
    ),
    pytest.param(ScheduledAction, {"epoch": 0}, id="a scheduled action as it was put first"),
]


@pytest.mark.parametrize(("kind", "said"), NOTHING_YET)
def test_what_is_made_begins_with_nothing_done(kind: Any, said: dict[str, object]) -> None:
    found = defaults(kind)
    assert {name: found[name] for name in said} == said


@pytest.mark.parametrize(
    ("minimum", "maximum", "floor", "ceiling", "lowest", "highest"),
    [
        pytest.param(2, 10, 0, 0, 2, 10, id="its own bounds without a forecast"),
        pytest.param(2, 10, 6, 0, 6, 10, id="a forecast holds the count above the minimum"),
        pytest.param(2, 10, 1, 0, 2, 10, id="and never below it"),
        pytest.param(2, 10, 14, 0, 10, 10, id="a forecast beyond the maximum honours it"),
        pytest.param(2, 10, 14, 15, 14, 15, id="unless a buffer raises the maximum"),
        pytest.param(2, 10, 3, 7, 3, 10, id="which it never lowers"),
    ],
)
def test_the_bounds_of_a_target_with_a_forecast(
    minimum: int, maximum: int, floor: int, ceiling: int, lowest: int, highest: int
) -> None:
    nobody: Any = None
    target = ScalableTarget(nobody, "service/c/s", 0, minimum, maximum, floor=floor, ceiling=ceiling)
    assert (target.lowest, target.highest) == (lowest, highest)


def test_agents_have_a_version_of_dotted_numbers_that_knows_trunking() -> None:
    version = defaults(AutoScalingGroup)["agent_version"]
    assert isinstance(version, str)
    assert version_of(version) >= TRUNKING_AGENT
    assert ".".join(str(number) for number in version_of(version)) == version
