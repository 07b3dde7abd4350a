"""Capacity providers that move: from zero to need and back, and the tasks that wait meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    Document,
    Sim,
    awsvpc,
    call,
    group,
    path,
    run_dict,
    scenario,
    service,
    service_events,
    task_definition,
)

from ecssim.errors import ClientError
from ecssim.results.explain import explain
from ecssim.results.result import Result
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

#: The fixed profile: 105 s from the first waiting task to the order, 45 s from launch to registered.
ORDER = 105.0
BOOT = 45.0
ARRIVED = ORDER + BOOT
QUIET = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}


def managed(of: str = "asg", **more: Any) -> Document:
    behind = {"autoScalingGroup": of, "managedScaling": {"status": "ENABLED"}, "managedDraining": "DISABLED"}
    return {"name": "ec2", "autoScalingGroupProvider": behind | more}


def scaled(**more: Any) -> Document:
    return managed(managedScaling={"status": "ENABLED", **more})


def halves(count: int = 1, name: str = "web", **more: Any) -> Document:
    """A service of tasks of which two fit on an m5.large."""
    strategy = [{"capacityProvider": "ec2", "weight": 1}]
    return service(name, count, capacityProviderStrategy=strategy, **more)


def world(*services: Document, size: Document | None = None, provider: Document | None = None, **more: Any) -> Document:
    base = {
        "autoScalingGroups": [size or group(0)],
        "capacityProviders": [provider or managed()],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [task_definition(cpu="1024", memory="1024")],
        "services": list(services),
        "model": QUIET,
    }
    return scenario(**(base | more))


def set_count(at: str, count: int) -> Document:
    return call(at, "UpdateService", cluster="prod", service="web", desiredCount=count)


def activities(result: Result) -> list[tuple[float, int, int]]:
    rows = result.scaling_activities
    return list(zip(rows["t"], rows["from_count"], rows["to_count"], strict=True))


def reservation(result: Result, t: float) -> dict[str, float]:
    rows = result.capacity_provider_metrics
    return dict(rows[rows["t"] == t].iloc[0])


# -- out ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("LIFE-004", "LIFE-024", "CAP-044", "ASG-033", "ASG-034", "ASG-039", "ASG-021")
def test_from_zero_to_need_in_two_steps() -> None:
    """Eight halves need four instances: two come first, the others after the warm-up of the first."""
    result = run_dict(world(halves(8)))
    # Launched at 105: past their warm-up at 405, so the next minute is 420.
    assert activities(result) == [(ORDER, 0, 2), (420.0, 2, 4)]
    assert path(result, 0)[:3] == [(0.0, "PROVISIONING"), (ARRIVED, "PENDING"), (ARRIVED + 0.3, "ACTIVATING")]
    assert path(result, 7)[:2] == [(0.0, "PROVISIONING"), (420.0 + BOOT, "PENDING")]


@pytest.mark.rule("ASG-010", "ASG-011", "ASG-014")
def test_the_metric_is_published_each_minute() -> None:
    result = run_dict(world(halves(8)))
    rows = [reservation(result, t) for t in (0.0, 60.0, 180.0, 480.0)]
    shown = ["capacity_provider_reservation", "desired_capacity", "instances", "running_tasks", "provisioning_tasks"]
    assert [tuple(row[name] for name in shown) for row in rows] == [
        (200.0, 0, 0, 0, 8),
        (200.0, 2, 0, 0, 8),
        (200.0, 2, 2, 4, 4),
        (100.0, 4, 4, 8, 0),
    ]


@pytest.mark.rule("LIFE-004", "LIFE-022")
def test_an_awsvpc_task_stays_in_provisioning_for_its_network() -> None:
    definition = task_definition(cpu="1024", memory="1024", networkMode="awsvpc")
    result = run_dict(world(halves(1, networkConfiguration=awsvpc()), taskDefinitions=[definition]))
    assert path(result)[:2] == [(0.0, "PROVISIONING"), (ARRIVED + 4.0, "PENDING")]
    assert result.tasks["container_instance"].notna().all()
    assert result.tasks["private_ip"].notna().all()


@pytest.mark.rule("ASG-001", "ASG-020", "ASG-032")
@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        pytest.param({}, [(420.0, 2, 10)], id="as many as are needed"),
        pytest.param(
            {"maximumScalingStepSize": 3}, [(420.0, 2, 5), (720.0, 5, 8), (1020.0, 8, 10)], id="three at most"
        ),
        pytest.param({"minimumScalingStepSize": 20}, [(420.0, 2, 22)], id="twenty at least"),
        pytest.param({"instanceWarmupPeriod": 60}, [(180.0, 2, 10)], id="sooner with a short warm-up"),
        pytest.param({"targetCapacity": 50}, [(420.0, 2, 20)], id="twice as many at half the target"),
    ],
)
def test_steps(settings: Document, steps: list[tuple[float, int, int]]) -> None:
    packed = halves(20, placementStrategy=[{"type": "binpack", "field": "cpu"}])
    result = run_dict(world(packed, provider=scaled(**settings), duration="20m"))
    assert activities(result)[1:] == steps


@pytest.mark.rule("ASG-024")
def test_spread_below_100_drifts_towards_one_task_each() -> None:
    spread = halves(4, placementStrategy=[{"type": "spread", "field": "instanceId"}])
    result = run_dict(world(spread, size=group(3), provider=scaled(targetCapacity=75), duration="20m"))
    # Two halves fit on an instance, so two of them would be enough, and three at 75 percent.
    assert [size for _, _, size in activities(result)] == [4]


@pytest.mark.rule("ASG-004", "CAP-049")
def test_the_maximum_size_is_never_passed() -> None:
    result = run_dict(world(halves(8), size=group(0, maxSize=1), duration="10m"))
    assert activities(result)[0] == (ORDER, 0, 1)
    rows = result.scaling_activities
    assert list(rows["not_scaled_reason"].dropna().astype(str)) == ["AlreadyAtMaxCapacity"]
    assert reservation(result, 540.0)["provisioning_tasks"] == 6


@pytest.mark.rule("ASG-017", "LIFE-005", "CAP-046", "CAP-047", "PLACE-063", "SVC-040")
def test_a_task_that_no_type_can_hold_gives_up_in_provisioning() -> None:
    definition = task_definition(cpu="4096", memory="1024")
    result = run_dict(world(halves(1), size=group(1), taskDefinitions=[definition], duration="30m"))
    assert activities(result) == []
    assert path(result)[:2] == [(0.0, "PROVISIONING"), (1200.0, "STOPPED")]
    first = result.tasks.iloc[0]
    assert (first["stop_code"], first["stopped_reason"]) == ("TaskFailedToStart", "TaskFailedToStart: RESOURCE:CPU")


@pytest.mark.rule("CAP-047")
def test_without_any_instance_the_provider_is_empty() -> None:
    result = run_dict(world(halves(1), size=group(0, maxSize=0), duration="30m"))
    assert result.tasks.iloc[0]["stopped_reason"] == "TaskFailedToStart: EMPTY CAPACITY PROVIDER"


@pytest.mark.rule("CAP-044", "LIFE-014")
def test_with_managed_scaling_off_nothing_waits() -> None:
    off = managed(managedScaling={"status": "DISABLED"})
    result = run_dict(world(halves(1), provider=off, duration="10m"))
    assert result.tasks.empty
    assert activities(result) == []
    assert "No Container Instances were found in your capacity provider" in service_events(result)[1][2]


@pytest.mark.rule("CAP-023")
def test_tasks_of_a_launch_type_make_no_group_grow() -> None:
    result = run_dict(world(service("web", 4), duration="10m"))
    assert result.tasks.empty
    assert activities(result) == []


@pytest.mark.rule("CAP-044")
def test_who_waits_longest_is_placed_first() -> None:
    """An instance of another origin registers: it takes the oldest two, of whatever service."""
    document = world(
        halves(1, "first"), halves(1, "second"), halves(1, "third"), provider=scaled(instanceWarmupPeriod=0)
    )
    sim = Sim(document).to(1.0)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=1)
    sim.to(1.0 + BOOT)
    assert [sim.statuses(name) for name in ("first", "second", "third")] == [
        ["PENDING"],
        ["PENDING"],
        ["PROVISIONING"],
    ]


@pytest.mark.rule("CAP-044")
def test_room_that_a_stopped_task_leaves_goes_to_who_waits() -> None:
    document = world(halves(3), size=group(1, maxSize=1))
    sim = Sim(document).to(60.0)
    assert sim.statuses() == ["RUNNING", "RUNNING", "PROVISIONING"]
    stopped = sim.tasks()[0]
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(stopped))
    # The one that waited is placed, the replacement of the stopped one waits in its stead.
    assert sim.statuses() == ["STOPPING", "RUNNING", "PENDING", "PROVISIONING"]


@pytest.mark.rule("LIFE-004")
def test_a_waiting_task_that_is_stopped_is_gone_at_once() -> None:
    result = run_dict(world(halves(2), timeline=[set_count("30s", 0)], duration="10m"))
    assert path(result) == [(0.0, "PROVISIONING"), (30.0, "STOPPED")]
    # The metric of the first minute saw nobody waiting any more.
    assert activities(result) == []


# -- the cap ------------------------------------------------------------------------------------------------


@pytest.mark.rule("CAP-045")
def test_at_most_500_tasks_wait_and_the_scheduler_backs_off() -> None:
    document = world(*[halves(300, name) for name in ("web", "other")], size=group(0, maxSize=0), duration="5m")
    sim = Sim(document).to(5.0)
    assert [len(sim.tasks(n)) for n in ("web", "other")] == [300, 200]
    assert sim.service("other").unplaced == 100
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=250)
    # 20 s after its first attempt the scheduler looks again and finds room for 50 more.
    sim.to(19.0)
    assert len(sim.tasks("other")) == 200
    sim.to(21.0)
    assert len(sim.tasks("other")) == 250
    assert any(name == "ECS_OPERATION_THROTTLED" for _, name, _ in service_events(sim.finish(), "other"))


@pytest.mark.rule("PLACE-064", "CAP-045")
def test_run_task_is_refused_when_500_wait() -> None:
    document = world(halves(499), size=group(0, maxSize=0))
    sim = Sim(document).to(5.0)
    run = {
        "cluster": "prod",
        "taskDefinition": "app",
        "capacityProviderStrategy": [{"capacityProvider": "ec2", "weight": 1}],
    }
    answer = sim.call("RunTask", count=2, **run)
    assert (len(answer["tasks"]), answer["failures"]) == (1, [{"reason": "EMPTY CAPACITY PROVIDER"}])
    with pytest.raises(ClientError, match="PROVISIONING") as refused:
        sim.call("RunTask", count=1, **run)
    assert refused.value.code == "ClientException"


# -- in -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("ASG-031", "ASG-035", "ASG-005")
def test_fifteen_minutes_of_surplus_then_step_by_step() -> None:
    """Ten instances, one of them busy from 10:00 on: the first point below is that of minute 10."""
    result = run_dict(world(halves(20), size=group(10), timeline=[set_count("10m", 2)]))
    first = 600.0 + 15 * 60.0
    # The two tasks that are left are on instances of their own, so two instances are what is needed.
    assert activities(result) == [(first, 10, 6), (first + 60, 6, 4), (first + 120, 4, 3), (first + 180, 3, 2)]
    alarm = result.alarms
    low = alarm[alarm["alarm_name"].astype(str) == "TargetTracking-asg-AlarmLow"]
    changes = list(zip(low["t"], low["new_state"].astype(str), strict=True))
    assert changes == [(60.0, "OK"), (first, "ALARM"), (first + 240, "OK")]


@pytest.mark.rule("ASG-036")
def test_a_scale_out_stops_a_scale_in() -> None:
    changes = [set_count("10m", 4), set_count("26m", 30)]
    result = run_dict(world(halves(20), size=group(10), timeline=changes, duration="50m"))
    ups = [(t, a, b) for t, a, b in activities(result) if b > a]
    downs = [t for t, a, b in activities(result) if b < a]
    assert ups
    assert ups[-1][2] == 15
    assert max(downs) < ups[0][0]


@pytest.mark.rule("ASG-040", "ASG-045")
def test_protected_instances_stay_while_they_are_busy() -> None:
    """Four tasks on four of eight instances: only the empty ones may go."""
    document = world(
        halves(4),
        size=group(8),
        provider=managed(managedTerminationProtection="ENABLED"),
        duration="40m",
    )
    result = run_dict(document)
    assert reservation(result, 2340.0)["instances"] == 4
    assert set(result.tasks["stopped_at"].dropna()) == set()


@pytest.mark.rule("ASG-041", "ASG-045", "LIFE-028")
def test_without_protection_busy_instances_may_go_and_their_tasks_with_them() -> None:
    document = world(halves(4), size=group(8), duration="40m")
    result = run_dict(document)
    lost = result.tasks[result.tasks["stopped_reason"].notna()]
    assert not lost.empty
    assert set(lost["stopped_reason"].astype(str)) == {"Host EC2 (instance) terminated."}


@pytest.mark.rule("ASG-043", "ASG-003", "ASG-045", "AGENT-053")
def test_draining_moves_tasks_before_the_instance_ends() -> None:
    document = world(halves(4), size=group(8), provider=managed(managedDraining="ENABLED"), duration="40m")
    result = run_dict(document)
    events = result.instance_events
    order = [
        list(rows["status"].astype(str))
        for _, rows in events.groupby("instance_id", observed=True)
        if "INACTIVE" in set(rows["status"].astype(str))
    ]
    assert order
    assert all(states == ["REGISTERING", "ACTIVE", "DRAINING", "DEREGISTERING", "INACTIVE"] for states in order)
    counts = result.service_metrics
    settled = counts[counts["t"] >= 120.0]
    assert settled["healthy_count"].min() >= 4
    reasons = set(result.tasks["stopped_reason"].dropna().astype(str))
    assert reasons
    assert all("its container instance is draining" in reason for reason in reasons)


@pytest.mark.rule("ASG-043", "AGENT-051")
def test_a_standalone_task_holds_a_draining_instance_for_48_hours_at_most() -> None:
    document = world(size=group(1), provider=managed(managedDraining="ENABLED"), duration="60h")
    sim = Sim(document).to(60.0)
    sim.call("RunTask", cluster="prod", taskDefinition="app", launchType="EC2")
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=0)
    assert sim.engine.world.groups[0].instances == {}
    sim.to(60.0 + 48 * 3600 - 1)
    assert sim.statuses() == ["RUNNING"]
    sim.to(60.0 + 48 * 3600)
    assert sim.statuses() == []


@pytest.mark.rule("AGENT-052", "ASG-014", "ASG-043")
def test_daemon_tasks_make_no_instance_busy_and_go_last() -> None:
    daemon = service("agent", schedulingStrategy="DAEMON")
    document = world(
        halves(2), daemon, size=group(3), provider=managed(managedDraining="ENABLED"), timeline=[set_count("10m", 0)]
    )
    document["taskDefinitions"][0] |= {"cpu": "512"}
    result = run_dict(document)
    assert reservation(result, 3540.0)["instances"] == 0
    assert reservation(result, 780.0)["empty_instances"] == 3
    daemons = result.tasks[result.tasks["service"].astype(str) == "agent"]
    assert set(daemons["stop_code"].astype(str)) == {"ServiceSchedulerInitiated"}


@pytest.mark.rule("ASG-037", "ASG-038")
def test_below_100_an_idle_group_comes_and_goes() -> None:
    result = run_dict(world(provider=scaled(targetCapacity=90), duration="1h"))
    steps = [(a, b) for _, a, b in activities(result)]
    assert steps[:4] == [(0, 2), (2, 1), (1, 0), (0, 2)]


@pytest.mark.rule("ASG-037")
def test_at_100_an_idle_group_rests_at_zero() -> None:
    assert activities(run_dict(world(duration="1h"))) == []


@pytest.mark.rule("ASG-037")
def test_a_steady_group_has_the_size_of_its_target() -> None:
    document = world(halves(18), size=group(3), provider=scaled(targetCapacity=90), initialState="steady")
    sim = Sim(document)
    assert (sim.engine.world.groups[0].desired, len(sim.engine.world.groups[0].instances)) == (10, 10)
    assert sim.statuses() == ["RUNNING"] * 18
    assert activities(sim.finish()) == []


@pytest.mark.rule("ASG-052", "ASG-050")
def test_a_mixed_group_buys_each_instance_in_its_market() -> None:
    mixed = group(
        6,
        mixedInstancesPolicy={
            "launchTemplate": {"overrides": [{"instanceType": "m5.xlarge"}, {"instanceType": "m5.large"}]},
            "instancesDistribution": {
                "onDemandBaseCapacity": 2,
                "onDemandPercentageAboveBaseCapacity": 25,
                "spotAllocationStrategy": "capacity-optimized-prioritized",
            },
        },
    )
    del mixed["instances"]
    result = run_dict(world(size=mixed, duration="5m"))
    rows = result.instances
    assert list(rows["market"].astype(str)) == ["onDemand"] * 3 + ["spot"] * 3
    assert set(rows["instance_type"].astype(str)) == {"m5.xlarge"}


def test_every_launch_leads_back_to_the_alarm_that_asked_for_it() -> None:
    result = run_dict(world(halves(8)))
    alarms = set(result.alarms["event_id"])
    activities = dict(zip(result.scaling_activities["event_id"], result.scaling_activities["cause_id"], strict=True))
    assert activities[min(activities)] in alarms
    launches = result.instance_events[result.instance_events["status"] == "REGISTERING"]
    assert [activities.get(cause) is not None for cause in launches["cause_id"]] == [True] * 4


def test_what_a_waiting_task_waited_for_is_explained_and_not_counted_as_reserved() -> None:
    result = Simulation(load_mapping(world(halves(4)))).finish()
    told = str(explain(result, f"task/{result.tasks['task_id'].iloc[0]}"))
    assert "it waited 2m30s for an instance of its capacity provider" in told
    fleet = result.summary()["capacity_providers"]["ec2"]
    # The two instances are full from their first second on, and were not before.
    assert fleet["cpu_reserved"] == pytest.approx(1.0, abs=1e-3)


def test_the_same_seed_gives_the_same_run_and_another_delay_with_another() -> None:
    document = world(halves(8), timing={})
    ones, twos, others = (activities(run_dict(document, seed)) for seed in (1, 1, 2))
    assert ones == twos
    assert ones != others
    assert all(60.0 <= steps[0][0] <= 150.0 for steps in (ones, others))
