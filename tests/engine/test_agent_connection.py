"""Agents that lose their connection: what ECS believes, what is true, and how the two meet again."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    DISPATCH,
    ENI_ATTACH,
    START,
    STOP,
    WARM,
    Sim,
    awsvpc,
    behind,
    call,
    fault,
    group,
    path,
    provider,
    run_dict,
    scenario,
    service,
    target_group,
    task_definition,
)

from ecssim.decide.agent import connected_again, submitted_at
from ecssim.world.states import ACTIVE, INACTIVE

READY = {"instanceBoot": "0s"}
#: What the fixed profile makes of the agent's chances.
HEARTBEAT = 90.0
JITTER = 0.1
UNIT = 0.0445


def on_ec2(*timeline: dict[str, Any], **more: Any) -> dict[str, Any]:
    base = {
        "duration": "2h",
        "capacityProviders": [provider()],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [task_definition(), task_definition("brief")],
        "behaviour": {"brief": {"runsFor": "200s"}},
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", **READY},
        "timeline": list(timeline),
    }
    return scenario(**(base | more))


def run_task(at: str = "10s", family: str = "app", **more: Any) -> dict[str, Any]:
    return call(at, "RunTask", cluster="prod", taskDefinition=family, **({"launchType": "EC2"} | more))


def cut(at: str, seconds: str) -> dict[str, Any]:
    return fault(at, "agentDisconnect", capacityProvider="ec2", count=1, **{"for": seconds})


def again(lost: float, back: float) -> float:
    return connected_again(lost, back, HEARTBEAT, lambda i: JITTER)


def heard(happened: float, back: float) -> float:
    return submitted_at(happened, back, lambda n: UNIT)


def connections(result: Any) -> list[tuple[float, int]]:
    """``(t, agentConnected)`` of the first instance whenever it changed."""
    rows = result.instance_events
    first = rows[rows["instance_id"] == rows["instance_id"].iloc[0]]
    changes: list[tuple[float, int]] = []
    for t, connected in zip(first["t"], first["agent_connected"], strict=True):
        if not changes or changes[-1][1] != connected:
            changes.append((round(t, 3), int(connected)))
    return changes


# -- the connection -------------------------------------------------------------------------------------------


@pytest.mark.rule("AGENT-020", "AGENT-022", "AGENT-024")
def test_ecs_notices_a_dead_agent_and_the_agent_finds_its_way_back() -> None:
    result = run_dict(on_ec2(cut("100s", "10m")))
    assert connections(result) == [(0, 1), (190, 0), (pytest.approx(again(100, 700), abs=1e-3), 1)]


@pytest.mark.rule("AGENT-024")
def test_a_short_loss_is_never_noticed() -> None:
    result = run_dict(on_ec2(cut("100s", "80s"), run_task("120s")))
    assert connections(result) == [(0, 1)]
    # What ECS sent meanwhile arrives with the network.
    assert path(result)[1] == (180, "ACTIVATING")


@pytest.mark.rule("AGENT-024")
def test_placements_go_to_an_instance_until_its_loss_is_noticed() -> None:
    sim = Sim(on_ec2(cut("100s", "10m"), run_task("150s"))).to(189)
    assert sim.statuses() == ["PENDING"]
    sim.to(191)
    answer = sim.call("RunTask", cluster="prod", taskDefinition="app", launchType="EC2")
    assert [failure["reason"] for failure in answer["failures"]] == ["AGENT"]
    back = again(100, 700)
    sim.to(back - 0.01)
    assert sim.statuses() == ["PENDING"]
    sim.to(back + 0.01)
    assert sim.statuses() == ["ACTIVATING"]


def test_a_second_loss_makes_the_first_one_longer() -> None:
    result = run_dict(on_ec2(cut("100s", "200s"), cut("200s", "500s")))
    assert connections(result) == [(0, 1), (190, 0), (pytest.approx(again(100, 700), abs=1e-3), 1)]


@pytest.mark.rule("AGENT-021")
def test_connections_are_renewed_every_half_hour_if_that_is_shown() -> None:
    result = run_dict(on_ec2(model={"agentRenewals": "shown"}))
    flips = [t for t, connected in connections(result) if not connected]
    assert len(flips) == 3
    assert all(1800 <= b - a < 2100 for a, b in zip([0.0, *flips], flips, strict=False))
    assert [c for _, c in connections(result)] == [1, 0, 1, 0, 1, 0, 1]
    assert connections(run_dict(on_ec2())) == [(0, 1)]


# -- what is reported -----------------------------------------------------------------------------------------


@pytest.mark.rule("AGENT-024", "AGENT-043")
def test_a_task_that_ends_unseen_runs_on_for_ecs_until_it_is_reported() -> None:
    sim = Sim(on_ec2(run_task("10s", "brief"), cut("100s", "10m")))
    ended = 10 + DISPATCH + 0.5 + 1.0 + START + 200
    sim.to(ended + 1)
    assert sim.statuses() == ["RUNNING"]
    # On the instance its share is free, for ECS it is not.
    instance = sim.engine.world.instances[0]
    assert instance.agent_cpu == 2048
    assert sim.engine.world.clusters[0].fleet.remaining(0).cpu == 2048 - 256
    result = sim.finish()
    task = result.tasks.iloc[0]
    assert task.execution_stopped_at == pytest.approx(ended, abs=1e-3)
    assert task.stopping_at == pytest.approx(heard(ended, 700), abs=1e-3)
    assert task.stopped_at == task.stopping_at
    assert task.stop_code == "EssentialContainerExited"


@pytest.mark.rule("AGENT-043")
def test_a_task_that_starts_unseen_is_running_for_ecs_when_that_is_reported() -> None:
    result = run_dict(on_ec2(run_task("99s", "brief"), cut("100s", "150s")))
    started = 99 + DISPATCH + 0.5 + 1.0 + START
    told = heard(started, 250)
    rows = {s: t for t, s in path(result)}
    assert rows["RUNNING"] == pytest.approx(told, abs=1e-3)
    # Its 200 seconds began with its containers.
    assert rows["STOPPED"] == pytest.approx(max(started + 200, told), abs=2e-3)


def test_a_stop_signal_waits_for_the_connection() -> None:
    sim = Sim(on_ec2(run_task(), cut("100s", "10m"))).to(200)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    sim.to(650)
    assert sim.statuses() == ["STOPPING"]
    assert sim.engine.world.instances[0].agent_cpu == 2048 - 256
    assert path(sim.finish())[-1] == (pytest.approx(again(100, 700) + STOP, abs=1e-3), "STOPPED")


def test_containers_that_end_after_the_signal_are_reported_later() -> None:
    sim = Sim(on_ec2(run_task(), cut("100s", "10m"), behaviour={"app": {"stopsAfter": "20s"}})).to(90)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    sim.to(111)
    assert sim.engine.world.instances[0].agent_cpu == 2048
    assert sim.statuses() == ["STOPPING"]
    task = sim.finish().tasks.iloc[0]
    assert task.execution_stopped_at == pytest.approx(110)
    assert task.stopped_at == pytest.approx(heard(110, 700), abs=1e-3)


def test_a_task_that_ended_unseen_and_is_stopped_meanwhile_ends_with_its_report() -> None:
    sim = Sim(on_ec2(run_task("10s", "brief"), cut("100s", "10m"))).to(300)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    sim.to(600)
    assert sim.statuses() == ["STOPPING"]
    task = sim.finish().tasks.iloc[0]
    ended = 10 + DISPATCH + 0.5 + 1.0 + START + 200
    assert task.stop_code == "UserInitiated"
    assert task.execution_stopped_at == pytest.approx(ended, abs=1e-3)
    assert task.stopped_at == pytest.approx(heard(ended, 700), abs=1e-3)


def test_a_crash_on_an_instance_without_network_is_heard_of_later() -> None:
    crash = fault("150s", "taskCrash", service="web", count=1)
    web = service("web", taskDefinition="brief:1")
    sim = Sim(on_ec2(cut("100s", "10m"), crash, services=[web])).to(500)
    assert sim.statuses() == ["RUNNING"]
    task = sim.finish().tasks.iloc[0]
    assert task.execution_stopped_at == 150
    assert task.stopped_at == pytest.approx(heard(150, 700), abs=1e-3)


@pytest.mark.rule("AGENT-042")
def test_more_than_ten_reports_wait_for_the_first_ten() -> None:
    small = task_definition("brief", cpu="64", memory="64")
    timeline = [run_task("10s", "brief", count=10), run_task("20s", "brief", count=2), cut("100s", "10m")]
    result = run_dict(on_ec2(*timeline, taskDefinitions=[small]))
    first, second = result.tasks.stopped_at[:10], result.tasks.stopped_at[10:]
    assert first.nunique() == 1
    assert set(second) == set(first)
    ended = 20 + DISPATCH + 0.5 + START + 200
    assert heard(ended, 700) != pytest.approx(second.iloc[0], abs=1e-3)


@pytest.mark.rule("AGENT-043")
def test_throttled_submissions_are_tried_again() -> None:
    tiny = task_definition(cpu="2", memory="8")
    slow = fault("1m", "apiThrottling", action="SubmitTaskStateChange", factor=1e9, **{"for": "3m"})
    web = service("web", 0)
    grow = call("70s", "UpdateService", cluster="prod", service="web", desiredCount=250)
    big = [group(type="m5.24xlarge")]
    result = run_dict(on_ec2(run_task(), slow, grow, autoScalingGroups=big, taskDefinitions=[tiny], services=[web]))
    tasks = result.tasks[result.tasks["service"] == "web"]
    started = tasks.started_at - tasks.created_at
    # 200 submissions is what the bucket holds; the others get through once the throttle is over.
    assert sum(started < 5) == 200
    late = tasks[started >= 5]
    assert len(late) == 50
    took = late.created_at + WARM
    assert late.started_at.tolist() == pytest.approx([heard(t, 240) for t in took], abs=0.01)


@pytest.mark.rule("AGENT-044")
def test_what_is_reported_after_stopped_changes_nothing() -> None:
    tiny = task_definition("brief", cpu="2", memory="8")
    slow = fault("1m", "apiThrottling", action="SubmitTaskStateChange", factor=1e9, **{"for": "10m"})
    sim = Sim(
        on_ec2(
            slow,
            autoScalingGroups=[group(type="m5.24xlarge")],
            taskDefinitions=[tiny],
            services=[service("web", 230, taskDefinition="brief:1")],
        )
    ).to(300)
    # All have ended, and 30 of them could not say so.
    unheard = [t for t in sim.tasks("web") if t.status == 3 and not t.holds_agent]
    assert unheard
    sim.engine.groups.terminate(sim.engine.world.instances[0], 0)
    before = [(t.exited, t.execution_stopped_at, t.stop_code) for t in unheard]
    sim.to(1500)
    assert [(t.exited, t.execution_stopped_at, t.stop_code) for t in unheard] == before


# -- containers with lives of their own -----------------------------------------------------------------------

#: A web server that waits for its helper; both of one image, which is pulled once.
CHAIN = [
    {"name": "web", "image": "app", "dependsOn": [{"containerName": "helper", "condition": "START"}]},
    {"name": "helper", "image": "app", "essential": False},
]
#: Seconds from the creation of a task to the start of its helper, and of its web server.
HELPER = DISPATCH + 0.5 + 1.0 + START
WEB = HELPER + START


def chained(*timeline: dict[str, Any], **more: Any) -> dict[str, Any]:
    definition = task_definition(containerDefinitions=more.pop("containers", CHAIN))
    return on_ec2(*timeline, taskDefinitions=[definition], **more)


def happened(result: Any, name: str, status: str) -> list[float]:
    rows = result.container_events
    return [float(t) for t in rows[(rows.container == name) & (rows.status == status)].t]


def shown(sim: Sim) -> list[str]:
    """The containers' lastStatus as DescribeTasks shows it."""
    (task,) = sim.tasks()
    answer = sim.call("DescribeTasks", cluster="prod", tasks=[sim.engine.task_id(task)])
    return [container["lastStatus"] for container in answer["tasks"][0]["containers"]]


@pytest.mark.rule("AGENT-024", "AGENT-043")
def test_a_chain_that_starts_unseen_is_running_for_ecs_when_that_is_reported() -> None:
    sim = Sim(chained(run_task("98s"), cut("100s", "150s"))).to(200)
    assert sim.statuses() == ["ACTIVATING"]
    assert shown(sim) == ["PENDING", "PENDING"]
    result = sim.finish()
    assert happened(result, "web", "RUNNING") == pytest.approx([98 + WEB], abs=1e-3)
    rows = {s: t for t, s in path(result)}
    assert rows["RUNNING"] == pytest.approx(heard(98 + WEB, 250), abs=1e-3)


@pytest.mark.rule("AGENT-024", "AGENT-042", "AGENT-043")
def test_a_chain_whose_essential_container_ends_unseen_runs_on_for_ecs() -> None:
    """The agent stops the helper all the same, and the task's share of the instance is free."""
    brief = {"app": {"containers": {"web": {"runsFor": "200s"}, "helper": {"stopsAfter": "5s"}}}}
    sim = Sim(chained(run_task("10s"), cut("100s", "10m"), behaviour=brief))
    ended = 10 + WEB + 200
    instance = sim.engine.world.instances[0]
    sim.to(ended + 1)
    assert sim.statuses() == ["RUNNING"]
    assert instance.agent_cpu == 2048 - 256
    sim.to(ended + 6)
    assert sim.statuses() == ["RUNNING"]
    assert shown(sim) == ["RUNNING", "RUNNING"]
    assert instance.agent_cpu == 2048
    assert sim.engine.world.clusters[0].fleet.remaining(0).cpu == 2048 - 256
    result = sim.finish()
    assert happened(result, "web", "STOPPED") == pytest.approx([ended], abs=1e-3)
    assert happened(result, "helper", "STOPPED") == pytest.approx([ended + 5], abs=1e-3)
    task = result.tasks.iloc[0]
    assert task.execution_stopped_at == pytest.approx(ended, abs=1e-3)
    assert task.stopping_at == pytest.approx(heard(ended, 700), abs=1e-3)
    assert task.stopped_at == task.stopping_at
    assert task.stop_code == "EssentialContainerExited"


@pytest.mark.rule("AGENT-024")
def test_a_chain_that_starts_and_ends_unseen_was_running_in_between() -> None:
    brief = {"app": {"containers": {"web": {"runsFor": "20s"}}}}
    result = run_dict(chained(run_task("98s"), cut("100s", "150s"), behaviour=brief))
    told = heard(98 + WEB, 250)
    rows = path(result)
    assert [(round(t, 2), s) for t, s in rows[2:]] == [(round(told, 2), s) for s in ("RUNNING", "STOPPING", "STOPPED")]
    assert result.tasks.stop_code[0] == "EssentialContainerExited"


def test_containers_of_a_chain_that_end_after_the_signal_are_reported_later() -> None:
    sim = Sim(chained(run_task(), cut("100s", "10m"), behaviour={"app": {"stopsAfter": "10s"}})).to(90)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    # First the web server, then what it depended on.
    sim.to(111)
    assert sim.statuses() == ["STOPPING"]
    assert sim.engine.world.instances[0].agent_cpu == 2048
    assert sim.finish().tasks.stopped_at[0] == pytest.approx(heard(110, 700), abs=1e-3)


def test_a_chain_that_fails_to_start_unseen_is_told_of_later() -> None:
    fails = {"failsToStart": {"share": 1.0, "reason": "CannotStartContainerError: x"}}
    broken = {"app": {"containers": {"web": fails}}}
    sim = Sim(chained(run_task("98s"), cut("100s", "150s"), behaviour=broken)).to(200)
    assert sim.statuses() == ["ACTIVATING"]
    assert sim.engine.world.instances[0].agent_cpu == 2048
    task = sim.finish().tasks.iloc[0]
    assert task.stop_code == "TaskFailedToStart"
    assert task.stopping_at == pytest.approx(heard(98 + WEB, 250), abs=1e-3)


@pytest.mark.rule("LIFE-066")
def test_health_stays_as_reported_also_while_ecs_has_not_noticed_the_loss() -> None:
    check = {"healthCheck": {"command": ["CMD", "true"], "interval": 10, "retries": 2}}
    containers = [{"name": "web", "image": "app", **check}]
    document = chained(
        cut("100s", "60s"), containers=containers, services=[service()], behaviour={"app": {"unhealthyAfter": "100s"}}
    )
    sim = Sim(document).to(150)
    assert [c.health for c in sim.tasks()[0].containers or ()] == [2]
    assert len(sim.tasks()) == 1
    sim.to(170)
    assert len(sim.tasks()) == 2


# -- interfaces -----------------------------------------------------------------------------------------------


@pytest.mark.rule("AGENT-045", "LIFE-046")
@pytest.mark.parametrize(
    ("timing", "timeline", "failed_at"),
    [
        pytest.param({}, [], None, id="attached in time"),
        pytest.param({"eniAttach": "200s"}, [], 180, id="attached too late"),
        pytest.param({"eniAttach": "200s", "eniTimeout": "4m"}, [], None, id="a longer limit"),
        pytest.param({}, [cut("11s", "10m")], 180, id="attached, but nobody heard of it"),
    ],
)
def test_an_interface_has_three_minutes(timing: dict, timeline: list, failed_at: float | None) -> None:
    vpc = task_definition(networkMode="awsvpc")
    run = run_task(networkConfiguration=awsvpc())
    result = run_dict(on_ec2(run, *timeline, taskDefinitions=[vpc], timing={"profile": "fixed", **READY, **timing}))
    rows = path(result)
    if failed_at is None:
        assert "RUNNING" in [s for _, s in rows]
    else:
        assert rows[1] == (10 + failed_at, "DEPROVISIONING")
        assert result.tasks.stop_code[0] == "TaskFailedToStart"
        assert "network interface" in str(result.tasks.stopped_reason[0])


def test_an_interface_that_attached_unseen_is_heard_of_in_time() -> None:
    vpc = task_definition(networkMode="awsvpc")
    run = run_task(networkConfiguration=awsvpc())
    result = run_dict(on_ec2(run, cut("11s", "60s"), taskDefinitions=[vpc]))
    assert path(result)[1] == (pytest.approx(heard(10 + ENI_ATTACH, 71), abs=1e-3), "PENDING")


# -- instances that end ---------------------------------------------------------------------------------------


@pytest.mark.rule("AGENT-026")
@pytest.mark.parametrize("connected", [True, False])
def test_an_instance_that_ends_unseen_lingers_in_its_cluster(connected: bool) -> None:
    sim = Sim(on_ec2(run_task())).to(100)
    cluster, instance = sim.engine.world.clusters[0], sim.engine.world.instances[0]
    if not connected:
        sim.engine.groups.connect(instance, False, 0)
    sim.engine.groups.terminate(instance, 0)
    sim.settle()
    assert sim.engine.world.groups[0].instances.keys() == {1}
    assert instance.ended
    if connected:
        assert instance.status == INACTIVE
        assert sim.statuses() == []
        assert list(cluster.instances) == [1]
        return
    assert (instance.status, instance.connected) == (ACTIVE, False)
    sim.to(4000)
    assert sim.statuses() == ["RUNNING"]
    assert list(cluster.instances) == [0, 1]
    sim.call("DeregisterContainerInstance", cluster="prod", containerInstance=instance.id, force=True)
    assert sim.statuses() == []
    assert list(cluster.instances) == [1]
    result = sim.finish()
    assert result.instances.terminated_at.tolist()[0] == 100
    assert result.tasks.stopped_at[0] == 4000


def test_a_lingering_instance_keeps_what_was_on_its_way() -> None:
    sim = Sim(on_ec2(run_task("10s", "brief"), cut("100s", "30m"))).to(195)
    sim.engine.groups.terminate(sim.engine.world.instances[0], 0)
    sim.to(5000)
    # Nobody says that the task ended, and nobody ever will.
    assert sim.statuses() == ["RUNNING"]


@pytest.mark.parametrize("how", ["the instance ended", "the container ended"])
def test_a_load_balancer_notices_what_ecs_does_not(how: str) -> None:
    web = service("web", taskDefinition="app:1", loadBalancers=behind())
    sim = Sim(on_ec2(cut("200s", "30m"), targetGroups=[target_group()], services=[web], autoScalingGroups=[group(2)]))
    sim.to(300)
    (task,) = sim.tasks()
    hurt = sim.engine.world.instances[task.instance]
    assert not hurt.online
    if how.startswith("the instance"):
        sim.engine.groups.terminate(hurt, 0)
    else:
        sim.engine.lifecycle.crash(task, 0)
    sim.to(301)
    assert sim.statuses() == ["RUNNING"]
    # Two failed checks, ten seconds apart: the service replaces it elsewhere, and the old one waits for its agent.
    sim.to(400)
    assert sim.statuses() == ["STOPPING", "RUNNING"]
    assert sim.tasks()[1].instance != hurt.ordinal


@pytest.mark.rule("AGENT-023")
def test_a_deregistered_instance_does_not_come_back() -> None:
    sim = Sim(on_ec2(services=[service(launchType=None, count=1)], clusters=[{"clusterName": "prod"}])).to(100)
    instance = sim.engine.world.instances[0]
    sim.call("DeregisterContainerInstance", cluster="prod", containerInstance=instance.id, force=True)
    sim.to(2 * 3600 - 1)
    # Its agent asked again after an hour and got the same answer; the group still has it.
    assert sim.engine.world.clusters[0].instances == {}
    assert list(sim.engine.world.groups[0].instances) == [0]
    assert not instance.ended
    assert sim.statuses() == []
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=0)
    assert instance.ended
    assert sim.finish().instance_events["status"].astype(str).tolist()[-1] == "INACTIVE"
