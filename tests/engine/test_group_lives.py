"""Instances of Auto Scaling groups that are held, replaced ahead, kept warm, checked and left alone."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Document, Sim, call, fault, group, run_dict, scenario, service, task_definition

from ecssim.errors import ClientError
from ecssim.results.result import Result
from ecssim.world.states import INSTANCE_STATUS_NAMES

QUIET = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}
BOOT = 45.0


def provider(draining: str = "DISABLED", **more: Any) -> Document:
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "DISABLED"}, "managedDraining": draining}
    return {"name": "ec2", "autoScalingGroupProvider": behind | more}


def world(size: Document, *services: Document, behind: Document | None = None, **more: Any) -> Document:
    base: Document = {
        "autoScalingGroups": [size],
        "capacityProviders": [behind or provider()],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [task_definition()],
        "services": list(services),
        "model": QUIET,
        "duration": "30m",
    }
    return scenario(**(base | more))


def web(count: int = 1, **more: Any) -> Document:
    return service("web", count, capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}], **more)


def states(result: Result, number: int = 0) -> list[tuple[float, str]]:
    """(t, LifecycleState) of the n-th instance of the run."""
    rows = result.instance_lifecycle
    ids = list(dict.fromkeys(rows["instance_id"].astype(str)))
    mine = rows[rows["instance_id"].astype(str) == ids[number]]
    return list(zip(mine["t"], mine["lifecycle_state"].astype(str), strict=True))


def resize(at: str, count: int, **more: Any) -> Document:
    return call(at, "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=count, **more)


def hook(transition: str, **more: Any) -> Document:
    name = f"autoscaling:EC2_INSTANCE_{transition}"
    return {"lifecycleHookName": f"{transition}-{len(str(more))}", "lifecycleTransition": name} | more


def alive(sim: Sim) -> list[tuple[int, str]]:
    return [(i.ordinal, i.zone) for i in sim.engine.world.groups[0].instances.values()]


# -- lifecycle states and hooks -------------------------------------------------------------------------------


@pytest.mark.rule("ASG-054")
def test_the_states_of_an_instance() -> None:
    result = run_dict(world(group(1), timeline=[resize("5m", 0)]))
    assert states(result) == [(0.0, "Pending"), (BOOT, "InService"), (300.0, "Terminating"), (300.0, "Terminated")]


@pytest.mark.rule("ASG-046", "ASG-054")
def test_launch_hooks_hold_side_by_side_and_ecs_does_not_know() -> None:
    hooks = [hook("LAUNCHING", completesAfter=100), hook("LAUNCHING", heartbeatTimeout=200, defaultResult="CONTINUE")]
    result = run_dict(world(group(1, lifecycleHookSpecificationList=hooks), web()))
    assert states(result) == [
        (0.0, "Pending"),
        (0.0, "Pending:Wait"),
        (200.0, "Pending:Proceed"),
        (200.0, "InService"),
    ]
    # The agent registered at 45 s, and tasks came at once.
    assert list(result.instances["registered_at"]) == [BOOT]
    assert list(result.tasks["created_at"]) == [BOOT]


@pytest.mark.rule("ASG-046")
def test_a_launch_that_nobody_completes_is_abandoned_after_an_hour_and_tried_again() -> None:
    result = run_dict(world(group(1, lifecycleHookSpecificationList=[hook("LAUNCHING")]), duration="2h"))
    assert list(result.instances["launched_at"]) == [0.0, 3600.0]
    assert states(result)[-1] == (3600.0, "Terminated")
    short = [hook("LAUNCHING", heartbeatTimeout=60)]
    result = run_dict(world(group(1, lifecycleHookSpecificationList=short), duration="5m"))
    assert list(result.instances["launched_at"]) == [0.0, 60.0, 120.0, 180.0, 240.0]


@pytest.mark.rule("ASG-046")
@pytest.mark.parametrize(
    ("hooks", "gone"),
    [
        pytest.param([{"completesAfter": 90}, {"completesAfter": 100}], 400.0, id="the longest of two"),
        pytest.param([{"heartbeatTimeout": 60}, {"completesAfter": 100}], 360.0, id="one that abandons ends the wait"),
        pytest.param([{"heartbeatTimeout": 60, "defaultResult": "CONTINUE"}], 360.0, id="a timeout"),
    ],
)
def test_termination_hooks_hold_the_instance_with_its_tasks(hooks: list[Document], gone: float) -> None:
    size = group(1, lifecycleHookSpecificationList=[hook("TERMINATING", **h) for h in hooks])
    result = run_dict(world(size, web(), timeline=[resize("5m", 0)]))
    assert states(result)[2:] == [
        (300.0, "Terminating"),
        (300.0, "Terminating:Wait"),
        (gone, "Terminating:Proceed"),
        (gone, "Terminated"),
    ]
    assert result.tasks["stopped_at"][0] == gone
    # The group does not count it any more, though ECS runs its tasks.
    assert result.instances["terminated_at"][0] == gone


@pytest.mark.rule("ASG-046", "ASG-043")
@pytest.mark.parametrize(
    ("given", "gone"),
    [
        pytest.param({"completesAfter": 600}, 900.0, id="the hook outlasts the drain"),
        pytest.param({"heartbeatTimeout": 30}, 330.0, id="abandoned: draining is skipped"),
    ],
)
def test_managed_draining_is_a_hook_beside_the_others(given: Document, gone: float) -> None:
    size = group(2, lifecycleHookSpecificationList=[hook("TERMINATING", **given)])
    # Without room on the other instance the task stays while the instance drains.
    big = [task_definition(cpu="2048", memory="1024")]
    spare = given == {"completesAfter": 600}
    services = [web(1 if spare else 2)]
    sim = Sim(world(size, *services, behind=provider("ENABLED"), taskDefinitions=big)).to(300.0)
    busy = next(i for i in sim.engine.world.instances if i.tasks)
    sim.engine.retiring.retire(busy, 0, replace=False)
    sim.to(1200.0)
    assert busy.draining_at == 300.0
    assert busy.terminated_at == gone


# -- warm pools -----------------------------------------------------------------------------------------------


def warm(count: int, most: int, **pool: Any) -> Document:
    return group(count, maxSize=most, warmPool=pool, agent={"ECS_WARM_POOLS_CHECK": True})


@pytest.mark.rule("ASG-056", "ASG-054")
def test_a_warm_pool_holds_what_is_missing_to_the_maximum_outside_of_the_cluster() -> None:
    sim = Sim(world(warm(6, 10), web(6))).to(200.0)
    asg = sim.engine.world.groups[0]
    assert (len(asg.instances), len(asg.warm)) == (6, 4)
    assert len(sim.engine.world.clusters[0].instances) == 6
    assert {sim.engine.states.state(i) for i in asg.warm.values()} == {"Warmed:Stopped"}
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=8)
    sim.to(400.0)
    assert (len(asg.instances), len(asg.warm)) == (8, 2)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=3)
    sim.to(600.0)
    # It is filled again by new instances: those that left are not used again.
    assert (len(asg.instances), len(asg.warm)) == (3, 7)
    assert len(sim.engine.world.instances) == 15
    first = states(sim.finish(), 6)
    assert first[:2] == [(0.0, "Warmed:Pending"), (BOOT, "Warmed:Stopped")]


@pytest.mark.rule("ASG-057")
@pytest.mark.parametrize(("share", "took"), [({}, 27.0), ({"warmStartShare": 0.2}, 9.0)])
def test_a_warm_start_takes_a_part_of_a_cold_one(share: Document, took: float) -> None:
    size = warm(0, 1)
    result = run_dict(world(size, web(), model=QUIET | share, timeline=[resize("5m", 1)]))
    assert list(result.instances["registered_at"]) == [300.0 + took]
    assert states(result) == [
        (0.0, "Warmed:Pending"),
        (BOOT, "Warmed:Stopped"),
        (300.0, "Pending"),
        (300.0 + took, "InService"),
    ]


def test_stopped_instances_cost_no_instance_time_and_keep_their_addresses() -> None:
    sim = Sim(world(warm(0, 3), duration="1h"))
    sim.to(600.0)
    assert sim.engine.world.subnets[0].used["instances"] == 3
    result = sim.finish()
    costs = result.costs[(result.costs["resource"] == "asg") & (result.costs["unit"] == "instance-hour")]
    hours = costs["quantity"].sum()
    # Each ran through its first boot, of which EC2 bills a minute.
    assert hours * 3600.0 == pytest.approx(3 * 60.0)


@pytest.mark.rule("ASG-056")
def test_managed_scaling_takes_from_the_pool_and_gives_room_back_to_it() -> None:
    managed = provider(managedScaling={"status": "ENABLED"})
    down = call("10m", "UpdateService", cluster="prod", service="web", desiredCount=0)
    big = [task_definition(cpu="2048", memory="1024")]
    document = world(warm(0, 4), web(2), behind=managed, taskDefinitions=big, timeline=[down], duration="1h")
    sim = Sim(document).to(500.0)
    asg = sim.engine.world.groups[0]
    # Ordered at 105 s, registered after six tenths of 45 s.
    assert sorted(i.registered_at for i in asg.instances.values()) == [132.0] * 2
    assert len(asg.warm) == 2
    sim.to(3000.0)
    assert (len(asg.instances), len(asg.warm)) == (0, 4)


def test_a_zone_that_is_down_gives_no_warm_instances() -> None:
    size = warm(0, 4) | {"subnets": ["a", "b"]}
    outage = fault("2m", "azOutage", availabilityZone="us-east-1a", **{"for": "10m"})
    sim = Sim(world(size, timeline=[outage, resize("3m", 3)])).to(250.0)
    assert [zone for _, zone in alive(sim)] == ["us-east-1b"] * 3


def test_an_outage_ends_what_boots_drains_or_waits_in_a_pool_as_well() -> None:
    outage = fault("8m", "azOutage", availabilityZone="us-east-1a", **{"for": "30m"})
    sim = Sim(world(warm(4, 12) | {"subnets": ["a", "b"]}, timeline=[outage])).to(470.0)
    asg = sim.engine.world.groups[0]
    sim.engine.groups.drain(next(i for i in asg.instances.values() if i.zone == "us-east-1a"), 0)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=6)
    sim.to(479.0)

    def there() -> list[str]:
        found = [i for i in sim.engine.world.instances if i.zone == "us-east-1a" and not i.ended]
        return sorted({"pooled" if i.ordinal in asg.warm else INSTANCE_STATUS_NAMES[i.status] for i in found})

    assert there() == ["ACTIVE", "DRAINING", "REGISTERING", "pooled"]
    sim.to(481.0)
    assert there() == []
    # The group and its pool are whole again elsewhere.
    assert (len(asg.instances), len(asg.warm)) == (6, 6)
    sim.to(800.0)
    assert [zone for _, zone in alive(sim)] == ["us-east-1b"] * 6
    assert there() == []


def test_a_smaller_pool_ends_its_instances() -> None:
    sim = Sim(world(warm(0, 4))).to(100.0)
    sim.call("UpdateAutoScalingGroup", autoScalingGroupName="asg", maxSize=1)
    sim.to(200.0)
    assert len(sim.engine.world.groups[0].warm) == 1
    assert states(sim.finish(), 3)[-1] == (100.0, "Warmed:Terminated")


# -- balance of zones -----------------------------------------------------------------------------------------


@pytest.mark.rule("ASG-051")
def test_after_an_outage_a_group_goes_back_into_the_zone_launching_first() -> None:
    size = group(4, subnets=["a", "b"], maxSize=4)
    outage = fault("2m", "azOutage", availabilityZone="us-east-1a", **{"for": "5m"})
    sim = Sim(world(size, timeline=[outage])).to(419.0)
    assert [zone for _, zone in alive(sim)] == ["us-east-1b"] * 4
    sim.to(421.0)
    # One beyond the maximum of four, and the old one goes when the new one is in service.
    assert [zone for _, zone in alive(sim)] == ["us-east-1b"] * 4 + ["us-east-1a"]
    sim.to(420.0 + BOOT + 1)
    assert sorted(zone for _, zone in alive(sim)) == ["us-east-1a"] * 2 + ["us-east-1b"] * 3
    sim.to(420.0 + 2 * BOOT + 1)
    assert sorted(zone for _, zone in alive(sim)) == ["us-east-1a"] * 2 + ["us-east-1b"] * 2
    sim.to(1000.0)
    assert len(sim.engine.world.instances) == 8


@pytest.mark.rule("ASG-051")
def test_ten_percent_more_at_a_time() -> None:
    size = group(20, subnets=["a", "b"], maxSize=20)
    outage = fault("2m", "azOutage", availabilityZone="us-east-1a", **{"for": "5m"})
    sim = Sim(world(size, timeline=[outage])).to(421.0)
    assert len(alive(sim)) == 22


@pytest.mark.rule("ASG-051")
def test_new_subnets_and_ended_instances_move_instances_too() -> None:
    sim = Sim(world(group(4, maxSize=8))).to(100.0)
    sim.call("UpdateAutoScalingGroup", autoScalingGroupName="asg", vpcZoneIdentifier="a,b")
    sim.to(101.0)
    assert len(alive(sim)) == 6
    sim.to(200.0)
    assert sorted(zone for _, zone in alive(sim)) == ["us-east-1a"] * 2 + ["us-east-1b"] * 2
    sim.call("UpdateAutoScalingGroup", autoScalingGroupName="asg", vpcZoneIdentifier="b")
    sim.to(300.0)
    assert [zone for _, zone in alive(sim)] == ["us-east-1b"] * 4
    # Ended while AZRebalance rested: the replacement goes where it is due, the rest moves later.
    sim.call("SuspendProcesses", autoScalingGroupName="asg", scalingProcesses=["AZRebalance"])
    sim.call("UpdateAutoScalingGroup", autoScalingGroupName="asg", vpcZoneIdentifier="a,b")
    sim.to(400.0)
    assert [zone for _, zone in alive(sim)] == ["us-east-1b"] * 4
    sim.call("ResumeProcesses", autoScalingGroupName="asg", scalingProcesses=["AZRebalance"])
    sim.to(500.0)
    assert sorted(zone for _, zone in alive(sim)) == ["us-east-1a"] * 2 + ["us-east-1b"] * 2


@pytest.mark.rule("ASG-051")
def test_an_instance_that_ends_sets_off_the_balance() -> None:
    document = world(group(4, subnets=["a", "b"]))
    document["timeline"] = [
        fault("0s", "insufficientCapacity", instanceType="m5.large", availabilityZone="us-east-1b", **{"for": "3m"}),
        resize("100s", 8),
        fault("10m", "instanceTermination", capacityProvider="ec2", count=1),
    ]
    sim = Sim(document).to(599.0)
    zones = [zone for _, zone in alive(sim)]
    assert (zones.count("us-east-1a"), zones.count("us-east-1b")) == (6, 2)
    sim.to(900.0)
    zones = [zone for _, zone in alive(sim)]
    assert (zones.count("us-east-1a"), zones.count("us-east-1b")) == (4, 4)


# -- health, lifetime, cooldown, protection -------------------------------------------------------------------


def impaired(at: str, length: str = "1h", count: int = 1) -> Document:
    return fault(at, "instanceImpairment", capacityProvider="ec2", count=count, **{"for": length})


@pytest.mark.rule("ASG-055")
@pytest.mark.parametrize(
    ("grace", "length", "replaced"),
    [
        pytest.param({}, "1h", [0.0, 420.0], id="no grace through the API"),
        pytest.param({"healthCheckGracePeriod": 600}, "1h", [0.0, BOOT + 600.0], id="not within its grace"),
        pytest.param({}, "100s", [0.0], id="it recovered before anybody gave it up"),
    ],
)
def test_an_impaired_instance_is_replaced(grace: Document, length: str, replaced: list[float]) -> None:
    result = run_dict(world(group(1, **grace), timeline=[impaired("5m", length)]))
    assert list(result.instances["launched_at"]) == replaced


@pytest.mark.rule("ASG-055")
def test_the_cooldown_is_for_those_who_honour_it() -> None:
    def again(honours: bool, **more: Any) -> list[str]:
        calls = [resize("5m", 2, honorCooldown=honours), resize("9m", 3, honorCooldown=honours)]
        rows = run_dict(world(group(1, **more), timeline=calls)).calls
        return list(rows[rows["action"] == "SetDesiredCapacity"]["result"].astype(str))

    assert again(False) == ["ok", "ok"]
    assert again(True) == ["ok", "ok", "ScalingActivityInProgress"]
    assert again(True, defaultCooldown=200) == ["ok", "ok"]


@pytest.mark.rule("ASG-044")
@pytest.mark.parametrize(
    ("size", "timeline", "at", "duration"),
    [
        pytest.param({"maxInstanceLifetime": 86400}, [], 86400.0, "25h", id="maximum lifetime"),
        pytest.param({}, [impaired("5m", "5m")], 420.0, "30m", id="health check"),
    ],
)
def test_managed_draining_covers_other_ends_too(
    size: Document, timeline: list[Document], at: float, duration: str
) -> None:
    document = world(group(1, **size), web(), behind=provider("ENABLED"), timeline=timeline, duration=duration)
    result = run_dict(document)
    first = result.instances[result.instances["launched_at"] == 0.0].iloc[0]
    assert first["draining_at"] == at
    # The replacement comes at once, the task moves to it, and then the old one ends.
    assert sorted(result.instances["launched_at"])[1] == at
    assert first["terminated_at"] > at + BOOT


@pytest.mark.rule("ASG-002", "ASG-040")
def test_protected_instances_stay_until_they_are_empty() -> None:
    protects = provider(managedTerminationProtection="ENABLED", managedScaling={"status": "ENABLED"})
    size = group(3, minSize=0)
    spread = web(3, placementStrategy=[{"type": "spread", "field": "instanceId"}])
    sim = Sim(world(size, spread, behind=protects)).to(300.0)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=1)
    sim.to(310.0)
    assert len(alive(sim)) == 3
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=1)
    sim.to(400.0)
    assert len(alive(sim)) == 1
    assert len(next(iter(sim.engine.world.groups[0].instances.values())).tasks) == 1
    # Without a provider that lifts it, the group's own protection keeps everybody.
    sim = Sim(world(group(3, newInstancesProtectedFromScaleIn=True))).to(300.0)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=1)
    sim.to(900.0)
    assert len(alive(sim)) == 3


@pytest.mark.rule("ASG-044")
def test_an_instance_refresh_replaces_every_instance_with_managed_draining() -> None:
    refresh = call("5m", "StartInstanceRefresh", autoScalingGroupName="asg", preferences={"minHealthyPercentage": 50})
    spread = web(4, placementStrategy=[{"type": "spread", "field": "instanceId"}])
    sim = Sim(world(group(4), spread, behind=provider("ENABLED"), timeline=[refresh])).to(301.0)
    old = sim.engine.world.instances[:4]
    assert [i.draining_at for i in old[:2]] == [300.0] * 2
    assert all(i.ordinal in sim.engine.world.groups[0].instances for i in old[2:])
    with pytest.raises(ClientError, match="already in progress"):
        sim.call("StartInstanceRefresh", autoScalingGroupName="asg")
    sim.to(1200.0)
    # The second half follows when the first is in service again.
    assert [i.draining_at for i in old[2:]] == [300.0 + BOOT] * 2
    assert all(i.ended for i in old)
    assert len(alive(sim)) == 4
    assert len(sim.engine.world.instances) == 8
    assert set(sim.finish().tasks["stop_code"].dropna().astype(str)) == {"ServiceSchedulerInitiated"}


@pytest.mark.parametrize(
    ("preferences", "beyond", "took"),
    [
        pytest.param({}, 4, 4 * BOOT, id="90 percent of four: one at a time"),
        pytest.param({"instanceWarmup": 60}, 4, 4 * (BOOT + 60), id="each warm before the next"),
        pytest.param({"maxHealthyPercentage": 150, "minHealthyPercentage": 100}, 6, 2 * BOOT, id="two ahead at a time"),
        pytest.param({"minHealthyPercentage": 0}, 4, BOOT, id="all at once"),
    ],
)
def test_the_pace_of_an_instance_refresh(preferences: Document, beyond: int, took: float) -> None:
    refresh = call("5m", "StartInstanceRefresh", autoScalingGroupName="asg", preferences=preferences)
    sim = Sim(world(group(4), timeline=[refresh])).to(301.0)
    assert len(alive(sim)) == beyond
    result = sim.finish()
    rows = result.instance_lifecycle
    came = rows[rows["lifecycle_state"] == "InService"]["t"]
    assert came.max() == 300.0 + took - (preferences.get("instanceWarmup", 0))
    assert len(result.instances) == 8


def test_suspended_processes() -> None:
    sim = Sim(world(group(2))).to(100.0)
    with pytest.raises(ClientError, match="name not found"):
        sim.call("SuspendProcesses", autoScalingGroupName="other")
    sim.call("SuspendProcesses", autoScalingGroupName="asg", scalingProcesses=["Launch", "Terminate"])
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=4)
    sim.to(300.0)
    assert len(alive(sim)) == 2
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=1)
    sim.to(400.0)
    assert len(alive(sim)) == 2
    sim.call("ResumeProcesses", autoScalingGroupName="asg")
    assert len(alive(sim)) == 1
    sim.call("SuspendProcesses", autoScalingGroupName="asg", scalingProcesses=["ReplaceUnhealthy"])
    sim.engine.health.impair(sim.engine.world.groups[0].instances[alive(sim)[0][0]], 1e6, 0)
    sim.to(1000.0)
    assert len(sim.engine.world.instances) == 2
    sim.call("ResumeProcesses", autoScalingGroupName="asg", scalingProcesses=["ReplaceUnhealthy"])
    sim.to(1200.0)
    assert len(sim.engine.world.instances) == 3


def test_new_bounds_move_the_desired_capacity() -> None:
    sim = Sim(world(group(2))).to(100.0)
    sim.call("UpdateAutoScalingGroup", autoScalingGroupName="asg", minSize=3, maxSize=5)
    assert len(alive(sim)) == 3
    with pytest.raises(ClientError, match="must be between 3 and 5"):
        sim.call("UpdateAutoScalingGroup", autoScalingGroupName="asg", desiredCapacity=9)
    with pytest.raises(ClientError, match="'nowhere' does not exist"):
        sim.call("UpdateAutoScalingGroup", autoScalingGroupName="asg", vpcZoneIdentifier="nowhere")
