"""The service scheduler on the clock: health, replacement, throttling, room, daemons and protection."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from builders import (
    COLD,
    ENI_DELETE,
    STOP,
    WARM,
    Sim,
    awsvpc,
    behind,
    call,
    counts_over_time,
    fargate,
    fault,
    group,
    percent,
    run_dict,
    scenario,
    service,
    service_events,
    subnet,
    target_group,
    task_definition,
)

from ecssim.errors import ClientError
from ecssim.world.states import ACTIVE, HEALTHY, UNHEALTHY, UNKNOWN


def on_ec2(**more):
    base = {
        "duration": "10m",
        "taskDefinitions": [task_definition(), task_definition()],
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
    }
    return scenario(**(base | more))


def on_fargate(**more):
    return scenario(**({"duration": "10m", "taskDefinitions": [task_definition(networkMode="awsvpc")]} | more))


def named(result, name: str, of: str = "web"):
    return [t for t, event, _ in service_events(result, of) if event == name]


# -- steady state and health ----------------------------------------------------------------------------------


@pytest.mark.rule("SVC-003", "SVC-005")
def test_scaling_starts_and_stops_tasks_of_the_same_deployment() -> None:
    sim = Sim(on_ec2(services=[service(count=2)])).to(60)
    assert sim.statuses() == ["RUNNING"] * 2
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=5)
    sim.to(120)
    assert sim.statuses() == ["RUNNING"] * 5
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=1)
    sim.to(180)
    assert sim.statuses() == ["RUNNING"]
    result = sim.finish()
    assert len(result.deployments) == 1
    assert set(result.tasks.stop_code.dropna().astype(str)) == {"ServiceSchedulerInitiated"}
    reason = result.tasks.stopped_reason.dropna().astype(str).iloc[0]
    assert reason == f"Scaling activity initiated by (deployment {result.deployments.deployment_id[0]})"


@pytest.mark.rule("SVC-020")
def test_without_any_check_a_task_is_healthy_40_seconds_after_running() -> None:
    result = run_dict(on_ec2(services=[service()]))
    assert result.tasks.healthy_at[0] == pytest.approx(COLD + 40, abs=1e-5)


@pytest.mark.rule("SVC-020", "LB-005", "LB-006", "LIFE-086")
def test_behind_a_target_group_it_is_healthy_when_the_first_check_passes() -> None:
    # Registered for 5 s, then the first check at the middle of 0 to 2 s.
    result = run_dict(
        on_ec2(
            targetGroups=[target_group()],
            services=[service(loadBalancers=behind())],
            behaviour={"app": {"readyAfter": "4s"}},
        )
    )
    assert result.tasks.healthy_at[0] == pytest.approx(COLD + 6, abs=1e-4)


@pytest.mark.rule("SVC-020")
def test_a_slow_application_is_healthy_at_the_check_after_it_is_ready() -> None:
    result = run_dict(
        on_ec2(
            targetGroups=[target_group(unhealthyThresholdCount=10)],
            services=[service(loadBalancers=behind())],
            behaviour={"app": {"readyAfter": "17s"}},
        )
    )
    assert result.tasks.started_at[0] == pytest.approx(COLD, abs=1e-4)  # readyAfter never delays RUNNING
    assert result.tasks.healthy_at[0] == pytest.approx(COLD + 26, abs=1e-4)


@pytest.mark.rule("LB-007")
def test_a_network_load_balancer_takes_two_minutes_and_its_threshold() -> None:
    result = run_dict(
        on_ec2(
            targetGroups=[target_group(protocol="TCP", healthyThresholdCount=3)],
            services=[service(loadBalancers=behind())],
        )
    )
    assert result.tasks.healthy_at[0] == pytest.approx(COLD + 120 + 1 + 20, abs=1e-4)


@pytest.mark.rule("LB-064", "LB-060")
def test_a_task_of_two_target_groups_is_healthy_when_both_say_so() -> None:
    result = run_dict(
        on_ec2(
            targetGroups=[target_group(), target_group("nlb", protocol="TCP")],
            services=[service(loadBalancers=behind("tg", "nlb"))],
        )
    )
    assert result.tasks.healthy_at[0] == pytest.approx(COLD + 120 + 1 + 10, abs=1e-4)


@pytest.mark.rule("SVC-050", "SVC-051")
def test_the_steady_state_is_told_on_entry_and_every_six_hours() -> None:
    result = run_dict(on_ec2(duration="13h", services=[service(count=2)]))
    first = COLD + 40
    assert named(result, "SERVICE_STEADY_STATE") == pytest.approx([first, first + 6 * 3600, first + 12 * 3600])


@pytest.mark.rule("SVC-051")
def test_a_pass_in_between_does_not_make_a_steady_service_forget_its_reminder() -> None:
    sim = Sim(on_ec2(duration="13h", services=[service(count=2)]))
    sim.to(3600.0)
    sim.engine.services.dirty.mark_at(sim.service(), 3700.0)
    first = COLD + 40
    expected = [first, first + 6 * 3600, first + 12 * 3600]
    assert named(sim.finish(), "SERVICE_STEADY_STATE") == pytest.approx(expected)


@pytest.mark.rule("SVC-050")
def test_a_service_that_lost_a_task_is_not_steady_until_the_next_one_is_healthy() -> None:
    result = run_dict(on_ec2(services=[service(count=2)], timeline=[fault("5m", "taskCrash", service="web", count=1)]))
    assert named(result, "SERVICE_STEADY_STATE") == pytest.approx([COLD + 40, 300 + WARM + 40], abs=0.01)


@pytest.mark.rule("PLACE-092", "SVC-043", "LIFE-088")
def test_a_task_that_ends_is_replaced_at_once_however_often() -> None:
    result = run_dict(on_ec2(behaviour={"app": {"runsFor": "20s", "exitCode": 1}}, services=[service()]))
    created = list(result.tasks.created_at)
    assert len(created) > 20
    gaps = [b - a for a, b in itertools.pairwise(created[1:])]
    assert gaps == pytest.approx([WARM + 20] * len(gaps), abs=1e-4)
    assert not named(result, "SERVICE_TASK_START_IMPAIRED")


# -- unhealthy tasks ------------------------------------------------------------------------------------------


def sick(maximum: int = 200, minimum: int = 100, count: int = 2, grace: int = 0, **more):
    """Tasks whose checks fail from their 60th second on; the first check that fails is the 7th (at 66 s)."""
    return on_ec2(
        targetGroups=[target_group()],
        behaviour={"app": {"unhealthyAfter": "60s"}},
        services=[
            service(
                count=count,
                loadBalancers=behind(),
                deploymentConfiguration=percent(minimum, maximum),
                healthCheckGracePeriodSeconds=grace,
            )
        ],
        **more,
    )


@pytest.mark.rule("SVC-030", "LB-064", "LIFE-015")
def test_with_room_above_the_replacement_of_an_unhealthy_task_is_healthy_first() -> None:
    result = run_dict(sick(duration="4m"))
    tasks = result.tasks
    first = tasks.iloc[0]
    replacement = tasks.iloc[2]
    assert first.stop_code == "ServiceSchedulerInitiated"
    assert replacement.created_at > first.healthy_at
    assert replacement.healthy_at <= first.stopping_at
    # Two failed checks, 10 s apart, the first of them after the 60th second of running, the second known when it has
    # timed out after 5 s (LB-002); a pass within 5 s.
    assert 0 <= replacement.created_at - (COLD + 76 + 5) <= 5.0


@pytest.mark.rule("SVC-031")
def test_without_room_above_unhealthy_tasks_go_one_at_a_time() -> None:
    result = run_dict(sick(maximum=100, minimum=50, count=4, duration="4m"))
    stops = sorted(result.tasks.stopping_at.dropna())[:4]
    assert stops[0] < stops[1]
    wanted = [w for _, w, _ in counts_over_time(result)]
    assert max(wanted) == 4
    starts = sorted(result.tasks.created_at)[4:]
    assert starts[0] >= stops[0]
    # The next one goes only when the last replacement is healthy.
    healthy = sorted(result.tasks.healthy_at.dropna())[4:]
    assert stops[1] >= healthy[0]


@pytest.mark.rule("SVC-021", "SVC-022", "LB-063")
def test_in_the_grace_period_a_failing_task_is_not_healthy_and_not_replaced() -> None:
    sim = Sim(sick(grace=150, count=1)).to(COLD + 100)
    task = sim.tasks()[0]
    assert task.health == UNKNOWN
    assert sim.service().deployments[0].healthy == 0
    assert len(sim.tasks()) == 1
    sim.to(COLD + 156)
    assert task.health == UNHEALTHY
    assert len(sim.tasks()) == 2


@pytest.mark.rule("SVC-021")
def test_a_slow_start_within_grace_replaces_nobody() -> None:
    document = on_ec2(
        targetGroups=[target_group()],
        behaviour={"app": {"readyAfter": "90s"}},
        services=[service(loadBalancers=behind(), healthCheckGracePeriodSeconds=120)],
    )
    assert len(run_dict(document).tasks) == 1
    document["services"][0]["healthCheckGracePeriodSeconds"] = 0
    assert len(run_dict(document).tasks) > 2


# -- starts that fail -----------------------------------------------------------------------------------------


@pytest.mark.rule("SVC-040", "SVC-041")
def test_failing_starts_are_tried_at_growing_distances() -> None:
    result = run_dict(
        on_ec2(
            duration="2h",
            behaviour={"app": {"failsToStart": {"share": 1.0}}},
            services=[service()],
        )
    )
    created = list(result.tasks.created_at)
    took = [COLD] + [WARM] * 20
    gaps = [b - a - t for a, b, t in zip(created, created[1:], took, strict=False)]
    assert gaps[:8] == pytest.approx([0, 0, 0, 20, 40, 80, 160, 320], abs=0.01)
    assert max(gaps) == pytest.approx(1620, abs=0.01)
    assert len(named(result, "SERVICE_TASK_START_IMPAIRED")) == 1
    assert result.deployments.failed_tasks[0] == len(result.tasks[result.tasks.stopped_at.notna()])


@pytest.mark.rule("SVC-041")
def test_the_tasks_of_one_attempt_count_as_one_failure() -> None:
    result = run_dict(
        on_ec2(
            duration="60s",
            behaviour={"app": {"failsToStart": {"share": 1.0}}},
            services=[service(count=4)],
        )
    )
    attempts = sorted(set(result.tasks.created_at.round(3)))
    assert all(n == 4 for n in result.tasks.groupby("created_at").size())
    assert attempts[:5] == pytest.approx([0, COLD, COLD + WARM, COLD + 2 * WARM, COLD + 3 * WARM + 20], abs=0.01)


@pytest.mark.rule("SVC-042")
def test_a_new_task_definition_ends_the_throttle() -> None:
    sim = Sim(on_ec2(duration="1h", behaviour={"app:1": {"failsToStart": {"share": 1.0}}}, services=[service()])).to(
        200
    )
    assert sim.statuses() == []
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:2")
    assert sim.statuses() == ["PENDING"]
    assert sim.to(210).statuses() == ["RUNNING"]


@pytest.mark.rule("SVC-042")
def test_a_task_that_reaches_running_ends_the_throttle() -> None:
    sim = Sim(on_ec2(services=[service()])).to(60)
    deployment = sim.service().deployments[0]
    deployment.failures, deployment.throttle_until = 9, 10_000.0
    sim.engine.services.on_running(sim.tasks()[0])
    assert (deployment.failures, deployment.throttle_until) == (0, 0.0)


@pytest.mark.rule("NET-051", "SVC-040")
def test_a_full_subnet_is_a_failed_start() -> None:
    result = run_dict(
        on_fargate(
            duration="3m",
            subnets=[subnet("a", cidr="10.0.0.0/28", addressesInUse=11)],
            services=[fargate()],
        )
    )
    created = list(result.tasks.created_at)
    assert created[:6] == pytest.approx([0, 10, 20, 30, 60, 110])


@pytest.mark.rule("NET-044")
def test_the_retry_after_a_full_subnet_chooses_again() -> None:
    result = run_dict(
        on_fargate(
            duration="20m",
            subnets=[
                subnet("full", cidr="10.0.0.0/28", addressesInUse=11),
                subnet("open", cidr="10.0.1.0/24"),
            ],
            services=[fargate(count=8, networkConfiguration=awsvpc("full", "open"))],
        )
    )
    tasks = result.tasks
    failed = tasks[tasks.stop_code.astype(object) == "TaskFailedToStart"]
    assert len(failed) > 0
    assert set(failed.subnet.astype(str)) == {"full"}
    running = tasks[tasks.started_at.notna()]
    assert len(running) == 8
    assert set(running.subnet.astype(str)) == {"open"}


# -- room -----------------------------------------------------------------------------------------------------


@pytest.mark.rule("SVC-044", "LIFE-014", "PLACE-065")
def test_what_does_not_fit_is_no_task_and_comes_when_something_is_released() -> None:
    big = task_definition(cpu="1024", memory="1024")
    sim = Sim(on_ec2(taskDefinitions=[big], services=[service(count=3)])).to(60)
    assert sim.statuses() == ["RUNNING"] * 2
    verdict = [e for e in service_events_of(sim) if e[1] == "SERVICE_TASK_PLACEMENT_FAILURE"]
    assert len(verdict) == 1
    assert "insufficient CPU units available" in verdict[0][2]
    assert sim.engine.world.instances[0].id in verdict[0][2]
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    # The stop releases room for two waiting places at once: for the third task and then again none.
    assert sim.statuses() == ["STOPPING", "RUNNING", "PENDING"]


def service_events_of(sim: Sim, name: str = "web"):
    """The events so far, from the live record."""
    table = sim.recorder.tables["service_events"]
    rows = table.peek(0, table.pending)
    names, texts = sim.recorder.names.pool("event_name"), sim.recorder.names.pool("text")
    by_name = {code: text for text, code in names.items()}
    by_text = {code: text for text, code in texts.items()}
    return [(float(r["t"]), by_name.get(int(r["event_name"])), by_text[int(r["message"])]) for r in rows]


@pytest.mark.rule("SVC-044", "PLACE-092")
def test_a_new_instance_ends_the_wait() -> None:
    big = task_definition(cpu="2048", memory="1024")
    sim = Sim(on_ec2(taskDefinitions=[big], services=[service(count=2)])).to(60)
    assert sim.statuses() == ["RUNNING"]
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=2)
    assert sim.statuses() == ["RUNNING", "PENDING"]


@pytest.mark.rule("PLACE-010", "PLACE-011")
def test_tasks_spread_over_zones_and_then_over_instances() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(4, subnets=["a", "b"])], services=[service(count=8)])).to(30)
    world = sim.engine.world
    assert sorted(len(i.tasks) for i in world.instances) == [2, 2, 2, 2]


# -- daemons --------------------------------------------------------------------------------------------------


def daemons(count: int = 3, **more):
    return on_ec2(
        autoScalingGroups=[group(count)],
        services=[service("every", schedulingStrategy="DAEMON", **more.pop("daemon", {})), *more.pop("services", [])],
        **more,
    )


def spots(sim: Sim, name: str = "every") -> list[int]:
    return sorted(t.instance for t in sim.tasks(name) if t.running)


@pytest.mark.rule("SVC-001", "SVC-060", "SVC-061")
def test_a_daemon_has_one_task_on_every_instance_new_ones_included() -> None:
    sim = Sim(daemons()).to(60)
    assert spots(sim) == [0, 1, 2]
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=5)
    assert spots(sim) == [0, 1, 2, 3, 4]


@pytest.mark.rule("SVC-060")
def test_on_a_new_instance_the_daemon_is_placed_before_replicas() -> None:
    # The replica service is the older one, and would take the whole instance.
    sim = Sim(
        on_ec2(
            taskDefinitions=[
                task_definition("app", cpu="1024", memory="512"),
                task_definition("big", cpu="2048", memory="512"),
            ],
            autoScalingGroups=[group(3)],
            services=[
                service("web", 3, taskDefinition="big"),
                service("every", schedulingStrategy="DAEMON"),
            ],
        )
    ).to(60)
    assert spots(sim) == [0, 1, 2]
    assert sim.tasks("web") == []


@pytest.mark.rule("SVC-060", "SVC-044")
def test_a_daemon_that_found_no_room_comes_when_there_is() -> None:
    sim = Sim(
        daemons(
            count=1,
            taskDefinitions=[
                task_definition("app", cpu="1024", memory="512"),
                task_definition("big", cpu="2048", memory="512"),
            ],
        )
    )
    sim.to(1).call("DeleteService", cluster="prod", service="every", force=True)
    sim.call("RunTask", cluster="prod", taskDefinition="big", launchType="EC2")
    sim.to(60)
    sim.call("CreateService", **service("later", schedulingStrategy="DAEMON"))
    sim.to(120)
    assert spots(sim, "later") == []
    [big] = sim.tasks("big")
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(big))
    assert spots(sim, "later") == [0]


@pytest.mark.rule("DEPLOY-020")
@pytest.mark.parametrize(
    ("minimum", "without"),
    [
        pytest.param(0, 4, id="at 0 percent all instances at once"),
        pytest.param(50, 2, id="at 50 percent half of them"),
        pytest.param(75, 1, id="at 75 percent one of four"),
    ],
)
def test_a_daemon_update_stops_the_old_task_of_an_instance_first(minimum: int, without: int) -> None:
    result = run_dict(
        daemons(
            count=4,
            duration="20m",
            daemon={"deploymentConfiguration": percent(minimum, 100)},
            timeline=[call("2m", "UpdateService", cluster="prod", service="every", taskDefinition="app:2")],
        )
    )
    later = [(t, w, r) for t, w, r in counts_over_time(result, "every") if t >= 120]
    assert min(r for _, _, r in later) == 4 - without
    assert max(w for _, w, _ in later) == 4
    tasks = result.tasks
    for instance in set(tasks.container_instance.astype(str)):
        old, new = tasks[tasks.container_instance.astype(str) == instance].itertuples()
        assert (old.revision, new.revision) == (1, 2)
        assert old.stopping_at <= new.created_at
    assert list(result.deployments.rollout_state.astype(str)) == ["COMPLETED"] * 2


# -- draining -------------------------------------------------------------------------------------------------


def drain(sim: Sim, instance: int, status: str = "DRAINING") -> None:
    sim.call(
        "UpdateContainerInstancesState",
        cluster="prod",
        containerInstances=[sim.engine.world.instances[instance].id],
        status=status,
    )


@pytest.mark.rule("AGENT-050", "AGENT-053", "SVC-013")
def test_at_100_percent_a_running_task_leaves_when_its_replacement_is_healthy() -> None:
    result_sim = Sim(on_ec2(autoScalingGroups=[group(2)], services=[service(count=2)])).to(100)
    drain(result_sim, 0)
    assert result_sim.statuses() == ["RUNNING", "RUNNING", "PENDING"]
    tasks = result_sim.finish().tasks
    old = tasks[tasks.stopping_at.notna()].iloc[0]
    new = tasks.iloc[2]
    assert new.created_at == 100
    assert new.container_instance != old.container_instance
    assert 0 <= old.stopping_at - new.healthy_at <= 5


@pytest.mark.rule("AGENT-053")
def test_without_room_above_the_task_leaves_first() -> None:
    sim = Sim(
        on_ec2(
            autoScalingGroups=[group(2)],
            services=[service(count=2, deploymentConfiguration=percent(50, 100))],
        )
    ).to(100)
    drain(sim, 0)
    assert sim.statuses() == ["STOPPING", "RUNNING", "PENDING"]


@pytest.mark.rule("AGENT-053", "SVC-011")
def test_with_both_limits_at_100_percent_the_drain_is_stuck_and_says_so() -> None:
    sim = Sim(
        on_ec2(
            autoScalingGroups=[group(2)],
            services=[service(count=2, deploymentConfiguration=percent(100, 100))],
        )
    ).to(100)
    drain(sim, 0)
    sim.to(500)
    assert sim.statuses() == ["RUNNING", "RUNNING"]
    messages = [m for _, _, m in service_events(sim.finish())]
    assert any("unable to stop or start tasks during a deployment" in m for m in messages)


@pytest.mark.rule("AGENT-050")
def test_a_pending_service_task_on_a_draining_instance_is_stopped_at_once() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(2)], services=[service(count=2)])).to(0.1)
    assert sim.statuses() == ["PENDING", "PENDING"]
    drain(sim, 0)
    assert [t.instance for t in sim.tasks() if t.running] == [1, 1]


@pytest.mark.rule("AGENT-050", "AGENT-053")
def test_a_task_that_runs_and_is_not_healthy_yet_is_replaced_once_it_counts() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(2)], services=[service(count=2)])).to(20)
    drain(sim, 0)
    sim.to(39)
    assert len(sim.tasks()) == 2
    sim.to(COLD + 40.1)
    assert sim.statuses() == ["RUNNING", "RUNNING", "PENDING"]
    sim.to(200)
    assert [t.instance for t in sim.tasks()] == [1, 1]


@pytest.mark.rule("AGENT-051", "AGENT-054")
def test_standalone_tasks_stay_and_the_instance_stays_draining() -> None:
    sim = Sim(on_ec2()).to(1)
    sim.call("RunTask", cluster="prod", taskDefinition="app:1", launchType="EC2", count=2)
    sim.to(20)
    drain(sim, 0)
    answer = sim.call("RunTask", cluster="prod", taskDefinition="app:1", launchType="EC2")
    assert answer["tasks"] == []
    sim.to(500)
    assert sim.statuses() == ["RUNNING", "RUNNING"]
    for task in sim.tasks():
        sim.call("StopTask", cluster="prod", task=sim.engine.task_id(task))
    sim.to(550)
    assert sim.tasks() == []
    status = sim.finish().instances.status.astype(str)[0]
    assert status == "DRAINING"


@pytest.mark.rule("AGENT-052")
def test_daemon_tasks_leave_a_draining_instance_last_and_none_comes() -> None:
    sim = Sim(daemons(count=2, services=[service("web", 2)])).to(100)
    drain(sim, 0)
    sim.to(110)
    assert spots(sim) == [0, 1]
    sim.to(300)
    assert spots(sim) == [1]
    tasks = sim.finish().tasks
    gone = tasks[tasks.stopping_at.notna()]
    web, daemon = (gone[gone.service.astype(str) == name].iloc[0] for name in ("web", "every"))
    assert daemon.stopping_at >= web.stopped_at


@pytest.mark.rule("AGENT-003")
def test_an_instance_set_active_again_keeps_its_tasks() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(2)], services=[service(count=2)])).to(100)
    drain(sim, 0)
    drain(sim, 0, "ACTIVE")
    assert sim.engine.world.instances[0].status == ACTIVE
    assert [t.health for t in sim.tasks()][:2] == [HEALTHY, HEALTHY]
    sim.to(300)
    # The extra task that the drain had started goes again.
    assert len(sim.tasks()) == 2


@pytest.mark.rule("AGENT-003")
def test_only_an_active_instance_can_be_drained() -> None:
    sim = Sim(on_ec2(timing={"profile": "fixed"})).to(10)
    with pytest.raises(ClientError):
        drain(sim, 0)


# -- protection, deletion -------------------------------------------------------------------------------------


@pytest.mark.rule("LIFE-070", "PLACE-072")
def test_a_protected_task_is_not_scaled_in_until_the_protection_ends() -> None:
    sim = Sim(on_ec2(services=[service(count=2)])).to(100)
    first = sim.tasks()[0]
    answer = sim.call(
        "UpdateTaskProtection", cluster="prod", tasks=[sim.engine.task_id(first)], protectionEnabled=True,
        expiresInMinutes=3,
    )  # fmt: skip
    assert answer["failures"] == []
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=0)
    sim.to(279)
    assert [t.ordinal for t in sim.tasks() if t.running] == [first.ordinal]
    sim.to(281)
    assert not [t for t in sim.tasks() if t.running]


@pytest.mark.rule("LIFE-070", "DEPLOY-019")
def test_a_protected_old_task_holds_a_deployment_open() -> None:
    sim = Sim(on_ec2(services=[service(count=2)])).to(100)
    first = sim.tasks()[0]
    sim.call(
        "UpdateTaskProtection", cluster="prod", tasks=[sim.engine.task_id(first)], protectionEnabled=True,
        expiresInMinutes=5,
    )  # fmt: skip
    sim.call("UpdateService", cluster="prod", service="web", taskDefinition="app:2")
    sim.to(399)
    assert len(sim.service().deployments) == 2
    sim.to(420)
    assert len(sim.service().deployments) == 1


@pytest.mark.rule("LIFE-070")
def test_protection_is_for_service_tasks_and_lasts_two_hours_unless_told() -> None:
    sim = Sim(on_ec2(services=[service()])).to(1)
    sim.call("RunTask", cluster="prod", taskDefinition="app:1", launchType="EC2")
    alone, owned = sim.tasks("app")[0], sim.tasks("web")[0]
    ids = [sim.engine.task_id(t) for t in (alone, owned)]
    answer = sim.call("UpdateTaskProtection", cluster="prod", tasks=ids, protectionEnabled=True)
    assert answer["failures"] == [{"arn": ids[0], "reason": "TASK_NOT_VALID"}]
    assert owned.protected_until == 1 + 7200


@pytest.mark.rule("SVC-002")
def test_a_deleted_service_is_draining_until_its_last_task_is_gone() -> None:
    sim = Sim(on_ec2(services=[service(count=2)], behaviour={"app": {"stopsAfter": "20s"}})).to(100)
    with pytest.raises(ClientError, match="scaled above 0"):
        sim.call("DeleteService", cluster="prod", service="web")
    gone = sim.service()
    sim.call("DeleteService", cluster="prod", service="web", force=True)
    assert gone.status == "DRAINING"
    sim.to(119)
    assert gone.status == "DRAINING"
    sim.to(121)
    assert gone.status == "INACTIVE"
    sim.call("CreateService", **service(count=1))
    sim.to(200)
    result = sim.finish()
    assert result.tasks.task_id.is_unique
    assert len(result.tasks) == 3


@pytest.mark.rule("SVC-002", "SVC-060")
def test_a_deleted_daemon_does_not_come_back() -> None:
    sim = Sim(daemons()).to(60)
    sim.call("DeleteService", cluster="prod", service="every", force=True)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=5)
    sim.to(120)
    assert sim.tasks() == []


# -- Fargate --------------------------------------------------------------------------------------------------


@pytest.mark.rule("FG-011", "FG-013", "PLACE-091")
def test_fargate_launches_100_at_once_and_then_20_a_second() -> None:
    result = run_dict(on_fargate(duration="20s", services=[fargate(count=180)]))
    created = result.tasks.created_at
    assert (created == 0).sum() == 100
    for second in (1, 2, 3, 4):
        assert (created <= second).sum() == 100 + 20 * second
    assert [t for t, e, _ in service_events(result) if e == "ECS_OPERATION_THROTTLED"] == [0]


@pytest.mark.rule("FG-011", "PLACE-091")
def test_spot_has_a_bucket_of_its_own() -> None:
    both = [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    result = run_dict(
        on_fargate(
            duration="5s",
            clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
            services=[fargate(count=200, capacityProviderStrategy=both)],
        )
    )
    assert (result.tasks.created_at == 0).sum() == 200


@pytest.mark.rule("FG-010", "CAP-043")
def test_the_vcpu_quota_counts_a_task_until_it_is_stopped() -> None:
    sim = Sim(
        on_fargate(
            account={"quotas": {"fargateOnDemandVcpu": 1}},
            services=[fargate(count=5)],
        )
    ).to(60)
    assert sim.statuses() == ["RUNNING"] * 4
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    sim.to(60 + STOP + ENI_DELETE - 0.1)
    assert len(sim.tasks()) == 4
    sim.to(60 + STOP + ENI_DELETE + 0.1)
    assert sim.statuses() == ["RUNNING"] * 3 + ["PROVISIONING"]
    messages = [m for _, _, m in service_events(sim.finish())]
    assert any("limit on the number of vCPUs you can run concurrently" in m for m in messages)


@pytest.mark.rule("CAP-050", "PLACE-090")
def test_a_service_launches_500_tasks_a_minute() -> None:
    small = task_definition(cpu="2", memory="8", container={"memory": 8})
    result = run_dict(
        on_ec2(
            duration="61s",
            taskDefinitions=[small],
            autoScalingGroups=[group(1, type="m5.4xlarge")],
            services=[service(count=1500)],
        )
    )
    created = result.tasks.created_at
    assert (created == 0).sum() == 500
    assert (created <= 60).sum() == 1000


@pytest.mark.rule("NET-042", "CAP-051", "PLACE-013", "PLACE-012")
def test_fargate_spreads_over_the_zones_of_its_subnets() -> None:
    result = run_dict(on_fargate(duration="2m", services=[fargate(count=7, networkConfiguration=awsvpc("a", "b"))]))
    assert sorted(result.tasks.availability_zone.astype(str).value_counts()) == [3, 4]


@pytest.mark.rule("CAP-030", "CAP-032", "CAP-031")
def test_a_strategy_fills_its_base_and_then_goes_by_weight() -> None:
    result = run_dict(
        on_fargate(
            duration="2m",
            clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
            services=[
                fargate(
                    count=12,
                    capacityProviderStrategy=[
                        {"capacityProvider": "FARGATE", "weight": 1, "base": 4},
                        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
                    ],
                )
            ],
        )
    )
    assert dict(result.tasks.capacity_provider.astype(str).value_counts()) == {"FARGATE": 6, "FARGATE_SPOT": 6}


def _asked(name: str = "web") -> dict[str, Any]:
    """A scaled, alarmed service that clients ask by its name, deleted at 10 minutes and created again at 20."""
    resource = "service/prod/web"
    cpu = {"predefinedMetricSpecification": {"predefinedMetricType": "ECSServiceAverageCPUUtilization"}}
    dimensions = [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": name}]
    metric = {"namespace": "AWS/ECS", "metricName": "CPUUtilization", "dimensions": dimensions}
    return scenario(
        taskDefinitions=[task_definition()],
        autoScalingGroups=[group(2)],
        services=[service(count=2)],
        behaviour={"app": {"request": {"cpuSeconds": 0.02}}},
        traffic=[{"name": "t", "to": {"service": name}, "pattern": "constant", "rate": 20}],
        scalableTargets=[{"resourceId": resource, "minCapacity": 1, "maxCapacity": 5}],
        scalingPolicies=[
            {
                "policyName": "cpu",
                "resourceId": resource,
                "targetTrackingScalingPolicyConfiguration": {"targetValue": 50, **cpu},
            }
        ],
        alarms=[
            {
                "alarmName": "reports",
                "namespace": "AWS/ECS",
                "metricName": "CPUUtilization",
                "statistic": "SampleCount",
                "dimensions": dimensions,
                "evaluationPeriods": 1,
                "threshold": 0,
                "comparisonOperator": "GreaterThanThreshold",
            },
            {
                "alarmName": "twice",
                "evaluationPeriods": 1,
                "threshold": 0,
                "comparisonOperator": "GreaterThanThreshold",
                "metrics": [
                    {"id": "m", "metricStat": {"metric": metric, "period": 60, "stat": "Average"}, "returnData": False},
                    {"id": "e", "expression": "m * 2"},
                ],
            },
        ],
        timeline=[
            call("10m", "DeleteService", cluster="prod", service="web", force=True),
            call("20m", "CreateService", **service(count=1)),
        ],
    )


@pytest.mark.rule("SCALE-001", "SCALE-005", "ALARM-020")
def test_what_names_a_service_means_the_one_that_is_created_again() -> None:
    result = run_dict(_asked())
    activities = result.scaling_activities
    later = activities[(activities["t"] > 1200) & (activities["status_code"].astype(str) == "InProgress")]
    assert later["from_count"].tolist()[0] == 1
    assert later["to_count"].tolist()[-1] > 1
    rows = result.service_metrics
    assert rows["offered_count"].sum() == 20 * 3600
    assert not rows.duplicated(["t", "service"]).any()
    served = rows[rows["t"] >= 1800]
    assert (served["served_count"] == 1200).all()
    alarms = result.alarms
    for name in ("reports", "twice"):
        mine = alarms[alarms["alarm_name"].astype(str) == name]
        # Nothing is published while no task runs.
        assert mine["new_state"].astype(str).tolist() == ["ALARM", "INSUFFICIENT_DATA", "ALARM"]


@pytest.mark.rule("SVC-002")
def test_a_service_that_drains_cannot_be_created_again() -> None:
    document = scenario(taskDefinitions=[task_definition()], autoScalingGroups=[group(1)], services=[service(count=1)])
    sim = Sim(document | {"behaviour": {"app": {"stopsAfter": "20s"}}}).to(60)
    sim.call("DeleteService", cluster="prod", service="web", force=True)
    with pytest.raises(ClientError, match="still Draining"):
        sim.call("CreateService", **service(count=1))
    sim.to(90)
    sim.call("CreateService", **service(count=1))
    assert sim.call("UpdateService", cluster="prod", service="web", desiredCount=2)
