"""Interfaces of tasks: trunks, slots, calls of EC2 that are throttled, and interfaces that ECS does not know of."""

from __future__ import annotations

import pytest
from builders import (
    Document,
    Sim,
    awsvpc,
    call,
    fargate,
    fault,
    group,
    percent,
    run_dict,
    scenario,
    service,
    service_events,
    subnet,
    task_definition,
)

VPC = {"taskDefinitions": [task_definition(networkMode="awsvpc", cpu="64", memory="64")]}
TRUNKING = {"settings": {"awsvpcTrunking": "enabled"}}


def on_ec2(**more: object) -> Document:
    return scenario(duration="20m", initialState="steady", autoScalingGroups=[group(1)], **VPC) | more


def slots(sim: Sim) -> list[int]:
    """Slots for interfaces that each instance registered, in the order of their launch."""
    return [i.shape.eni_slots for i in sim.engine.world.instances]


def setting(at: str, value: str) -> Document:
    return {"at": at, "call": "PutAccountSettingDefault", "with": {"name": "awsvpcTrunking", "value": value}}


# -- trunks ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("NET-017", "NET-010", "NET-011")
def test_the_setting_counts_for_instances_launched_after_it() -> None:
    document = on_ec2(
        timeline=[
            setting("1m", "enabled"),
            call("2m", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=2),
            setting("4m", "disabled"),
            call("5m", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=3),
        ]
    )
    sim = Sim(document).to(400)
    assert slots(sim) == [2, 10, 2]
    # Placement knows: twelve tasks more than the first instance takes alone.
    answer = [
        sim.call(
            "RunTask", cluster="prod", taskDefinition="app", count=7, launchType="EC2", networkConfiguration=awsvpc()
        )
        for _ in range(2)
    ]
    assert [len(a["tasks"]) for a in answer] == [7, 7]


@pytest.mark.rule("NET-017")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({}, 10, id="a trunk where nothing is in the way"),
        pytest.param({"agent": {"version": "1.28.0"}}, 2, id="an agent that is too old"),
        pytest.param({"agent": {"version": "1.28.1"}}, 10, id="the first agent that can"),
        pytest.param({"type": "t3.medium"}, 2, id="a type that cannot", marks=pytest.mark.rule("NET-015")),
        pytest.param({"type": "m5.metal"}, 14, id="a type that ECS excludes", marks=pytest.mark.rule("NET-016")),
        pytest.param({"subnets": ["dns"]}, 2, id="resource names in the DNS"),
        pytest.param({"subnets": ["shared"]}, 2, id="a shared subnet"),
        pytest.param({"subnets": ["own"]}, 10, id="a subnet of this very account"),
    ],
)
def test_what_keeps_an_instance_from_trunking(more: dict, expected: int) -> None:
    subnets = [
        subnet("a"),
        subnet("dns", cidr="10.0.1.0/24", privateDnsNameOptionsOnLaunch={"EnableResourceNameDnsARecord": True}),
        subnet("shared", cidr="10.0.2.0/24", ownerId="999999999999"),
        subnet("own", cidr="10.0.3.0/24", ownerId="123456789012"),
    ]
    sim = Sim(on_ec2(account=TRUNKING, subnets=subnets, autoScalingGroups=[group(1, **more)])).to(1)
    assert slots(sim) == [expected]
    here = sim.engine.world.instances[0].subnet
    assert sim.engine.world.subnets[here].used["instances"] == (2 if expected == 10 else 1)


@pytest.mark.rule("NET-018")
def test_a_trunk_takes_a_second_address_where_the_instance_is_and_tasks_take_theirs_elsewhere() -> None:
    subnets = [
        subnet("a", cidr="10.0.0.0/28"),
        subnet("far", cidr="10.0.1.0/24"),
        subnet("b", "us-east-1b", "10.0.2.0/24"),
    ]
    document = on_ec2(
        account=TRUNKING, subnets=subnets, services=[service("web", 6, networkConfiguration=awsvpc("far"))]
    )
    sim = Sim(document).to(60)
    used = {s.name: {k: n for k, n in s.used.items() if n} for s in sim.engine.world.subnets}
    assert used == {"a": {"instances": 2}, "far": {"tasks": 6}, "b": {}}
    instance = sim.engine.world.instances[0]
    sim.engine.groups.terminate(instance, 0)
    sim.settle()
    # Both of them cool; the group's next instance has two of its own.
    assert len(sim.engine.world.subnets[0].cooling) == 2
    assert sim.engine.world.subnets[0].used["instances"] == 2


@pytest.mark.rule("NET-017")
def test_other_settings_are_taken_and_those_that_would_change_the_answer_are_refused_by_name() -> None:
    sim = Sim(on_ec2()).to(1)
    assert sim.call("PutAccountSetting", name="containerInsights", value="enabled")["setting"]["value"] == "enabled"
    with pytest.raises(Exception, match="fargateTaskRetirementWaitPeriod"):
        sim.call("PutAccountSetting", name="fargateTaskRetirementWaitPeriod", value="7")
    with pytest.raises(Exception, match="Invalid value"):
        sim.call("PutAccountSetting", name="awsvpcTrunking", value="perhaps")


# -- slots that are not what placement thinks -------------------------------------------------------------------


def replaced(release: str) -> Document:
    """Two tasks fill the slots of an instance; a deployment replaces them one by one, stopping first."""
    return on_ec2(
        model={"eniSlotRelease": release},
        services=[
            service("web", 2, networkConfiguration=awsvpc(), deploymentConfiguration=percent(50, 100)),
        ],
        timeline=[call("2m", "UpdateService", cluster="prod", service="web", forceNewDeployment=True)],
        behaviour={"app": {"stopsAfter": "2s"}},
        timing={"profile": "fixed", "eniDelete": "20s"},
    )


@pytest.mark.rule("NET-021")
def test_with_slots_counted_early_the_scheduler_places_one_task_too_many() -> None:
    result = run_dict(replaced("early"))
    failed = result.tasks[result.tasks.stop_code.astype(str) == "TaskFailedToStart"]
    assert len(failed) >= 1
    assert set(failed.stopped_reason.astype(str)) == {"Unable to attach network interface to unused device index"}
    assert (result.service_metrics.running_count.iloc[-1]) == 2


@pytest.mark.rule("NET-021")
def test_by_default_a_slot_is_free_when_its_interface_is_deleted() -> None:
    result = run_dict(replaced("deleted"))
    assert "TaskFailedToStart" not in set(result.tasks.stop_code.astype(str))
    events = result.task_events
    gone = events[(events.last_status.astype(str) == "STOPPED")].t.min()
    born = events[(events.last_status.astype(str) == "PROVISIONING") & (events.t > 119)].t.min()
    assert born >= gone


@pytest.mark.rule("NET-022", "NET-053")
def test_interfaces_attached_by_hand_take_slots_that_ecs_counts_on() -> None:
    by_hand = [group(1, interfacesAttachedByHand=1)]
    document = on_ec2(autoScalingGroups=by_hand, timeline=[], duration="4m")
    sim = Sim(document).to(1)
    answer = sim.call(
        "RunTask", cluster="prod", taskDefinition="app", count=2, launchType="EC2", networkConfiguration=awsvpc()
    )
    assert len(answer["tasks"]) == 2
    sim.to(180)
    assert sorted(sim.statuses()) == ["PROVISIONING", "RUNNING"]
    result = sim.finish()
    late = result.tasks[result.tasks.stop_code.astype(str) == "TaskFailedToStart"].iloc[0]
    assert late.stopped_reason == "Timeout waiting for network interface provisioning to complete."
    assert late.stopping_at == pytest.approx(181)


@pytest.mark.rule("NET-053")
@pytest.mark.parametrize(
    ("attach", "reason"), [pytest.param("179s", None, id="in time"), pytest.param("181s", "Timeout", id="too late")]
)
def test_an_interface_has_three_minutes(attach: str, reason: str | None) -> None:
    result = run_dict(
        on_ec2(
            timing={"profile": "fixed", "eniAttach": attach},
            initialState="empty",
            services=[service("web", 1, networkConfiguration=awsvpc())],
            duration="5m",
        )
    )
    first = result.tasks.iloc[0]
    if reason is None:
        assert first.started_at - first.created_at == pytest.approx(179 + 0.3 + 2.3, abs=0.1)
    else:
        assert first.stopped_reason == "Timeout waiting for network interface provisioning to complete."
        assert first.stopping_at - first.created_at == pytest.approx(180)


# -- throttled calls --------------------------------------------------------------------------------------------


def throttled(factor: float, **more: object) -> Document:
    base = scenario(
        duration="20m",
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        services=[fargate("web", 30)],
        timeline=[fault("0s", "apiThrottling", action="CreateNetworkInterface", factor=factor, **{"for": "15m"})],
    )
    return base | more


@pytest.mark.rule("NET-056")
def test_throttled_interfaces_come_later_and_the_service_says_so() -> None:
    plain = run_dict(throttled(1.0))
    slow = run_dict(throttled(50.0))
    starts = {name: r.tasks.started_at - r.tasks.created_at for name, r in (("plain", plain), ("slow", slow))}
    assert starts["plain"].max() == pytest.approx(18.5, abs=2)
    # Two calls at once, then one every ten seconds; each try again waits longer than the one before.
    assert starts["slow"].min() == pytest.approx(18.5, abs=2)
    assert starts["slow"].max() > 100
    told = [(t, name) for t, name, message in service_events(slow) if "being throttled" in message]
    assert [name for _, name in told] == ["ECS_OPERATION_THROTTLED"]
    assert not [m for _, _, m in service_events(plain) if "being throttled" in m]


@pytest.mark.rule("NET-056", "NET-053")
def test_an_interface_that_stays_throttled_for_three_minutes_fails_its_task() -> None:
    result = run_dict(throttled(5000.0))
    failed = result.tasks[result.tasks.stop_code.astype(str) == "TaskFailedToStart"]
    assert len(failed) > 20
    assert set(failed.stopped_reason.astype(str)) == {"Timeout waiting for network interface provisioning to complete."}
    assert (failed.stopping_at - failed.created_at).min() == pytest.approx(180)


@pytest.mark.rule("NET-056")
def test_a_throttled_deletion_keeps_the_address() -> None:
    stop = [call("10m", "UpdateService", cluster="prod", service="web", desiredCount=0)]
    cut = fault("9m", "apiThrottling", action="DeleteNetworkInterface", factor=50.0, **{"for": "10m"})
    plain = run_dict(throttled(1.0, timeline=stop))
    slow = run_dict(throttled(1.0, timeline=[*stop, cut]))
    assert plain.tasks.stopped_at.max() < 600 + 20
    assert slow.tasks.stopped_at.max() > 600 + 100
