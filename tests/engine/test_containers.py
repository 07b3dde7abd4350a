"""Containers with an order, health checks and restart policies, on the clock of the fixed timing profile."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    DISPATCH,
    MANIFEST,
    PULL,
    START,
    STOP,
    Sim,
    awsvpc,
    behind,
    call,
    fargate,
    fault,
    group,
    path,
    run_dict,
    scenario,
    service,
    service_events,
    states,
    target_group,
    task_definition,
)

from ecssim.aws.requests import RunTask
from ecssim.engine.calls import parse
from ecssim.engine.describe_tasks import Words, task_document
from ecssim.engine.simulation import Engine
from ecssim.results.result import Result

#: A container that starts at once runs this long after its task was created.
FIRST = DISPATCH + MANIFEST + PULL + START


def describe(engine: Engine, what: str) -> list[dict[str, Any]]:
    """The live tasks as DescribeTasks shows them."""
    assert what == "tasks"
    words = Words.of(engine)
    return [task_document(engine, t, words) for t in engine.lifecycle.live.values()]


def container(name: str, *depends: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A container of the 60 MB image ``app``; ``depends`` are (container, condition)."""
    waits = {"dependsOn": [{"containerName": n, "condition": c} for n, c in depends]} if depends else {}
    return {"name": name, "image": "app", **waits, **more}


def check(**more: Any) -> dict[str, Any]:
    """Every 10 s, unhealthy after two failures."""
    return {"command": ["CMD", "true"], "interval": 10, "retries": 2, **more}


def scene(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One instance with every image on its way, and one task at 10 s unless ``services`` say otherwise."""
    base: dict[str, Any] = {
        "duration": "10m",
        "taskDefinitions": [task_definition(containerDefinitions=list(containers))],
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
    }
    if "services" not in more:
        base["timeline"] = [call("10s", "RunTask", cluster="prod", taskDefinition="app", launchType="EC2")]
    return scenario(**(base | more))


def story(result: Result, name: str, task: int = 0) -> list[tuple[float, str]]:
    """``(t after the creation, status)`` of a container, with its health, exit code and restarts where it has any."""
    tasks = list(dict.fromkeys(result.task_events.task_id.astype(str)))
    created = float(result.tasks.set_index(result.tasks.task_id.astype(str)).created_at[tasks[task]])
    rows = result.container_events
    rows = rows[(rows.task_id.astype(str) == tasks[task]) & (rows.container == name)]
    out = []
    for row in rows.itertuples():
        text = str(row.status)
        text += f" {row.health_status}" if row.health_status != "UNKNOWN" else ""
        text += f" {row.exit_code}" if row.exit_code >= 0 else ""
        text += f" restart {row.restart_count}" if row.restart_count else ""
        out.append((round(row.t - created, 3), text))
    return out


def at(result: Result, name: str, status: str, task: int = 0) -> float:
    """When the container first showed ``status``, in seconds from the creation of its task."""
    return next(t for t, s in story(result, name, task) if s == status)


def status_at(result: Result, status: str, task: int = 0) -> float:
    rows = path(result, task)
    return round(next(t for t, s in rows if s == status) - rows[0][0], 3)


def last(result: Result) -> tuple[str, str]:
    row = result.tasks.iloc[0]
    return str(row.stop_code), str(row.stopped_reason)


# -- order of start -------------------------------------------------------------------------------------------


@pytest.mark.rule("LIFE-053", "LIFE-055", "LIFE-008")
@pytest.mark.parametrize(
    ("condition", "waits"),
    [
        pytest.param("START", 0.0, id="START: until it runs"),
        pytest.param("COMPLETE", 5.0, id="COMPLETE: until it has ended"),
        pytest.param("SUCCESS", 5.0, id="SUCCESS: until it has ended with 0"),
        pytest.param("HEALTHY", 10.0, id="HEALTHY: until its check passed"),
    ],
)
def test_a_container_waits_for_what_it_depends_on(condition: str, waits: float) -> None:
    result = run_dict(
        scene(
            container("web", ("side", condition), image="other"),
            container("side", essential=False, healthCheck=check()),
            images={"app": {"size": "60MB"}, "other": {"size": "120MB"}},
            behaviour={"app": {"containers": {"side": {"runsFor": "5s" if waits == 5.0 else "1h"}}}},
        )
    )
    ready = FIRST + waits
    assert at(result, "side", "RUNNING") == pytest.approx(FIRST)
    # Its pull is held back too, though its manifest is there (LIFE-055).
    assert at(result, "web", "PULLED") == pytest.approx(ready + 2.0)
    assert at(result, "web", "RUNNING") == pytest.approx(ready + 2.0 + START)
    # The task is RUNNING when its last container has started (LIFE-008).
    assert status_at(result, "RUNNING") == pytest.approx(ready + 2.0 + START, abs=1e-3)


@pytest.mark.rule("LIFE-055", "AGENT-031")
def test_pulls_need_not_wait_where_the_agent_pulls_upfront() -> None:
    result = run_dict(
        scene(
            container("web", ("side", "START"), image="other"),
            container("side"),
            images={"app": {"size": "60MB"}, "other": {"size": "120MB"}},
            autoScalingGroups=[group(agent={"ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT": True})],
        )
    )
    # Both share the link: 60 MB have come after two seconds, the other 120 MB a second later (AGENT-031).
    assert at(result, "side", "PULLED") == pytest.approx(DISPATCH + MANIFEST + 2.0)
    assert at(result, "web", "PULLED") == pytest.approx(DISPATCH + MANIFEST + 3.0)
    assert at(result, "web", "RUNNING") == pytest.approx(DISPATCH + MANIFEST + 3.0 + START)


@pytest.mark.rule("LIFE-032")
def test_the_pull_lasts_from_the_first_image_to_the_last() -> None:
    result = run_dict(
        scene(
            container("web", ("init", "SUCCESS"), image="other"),
            container("init", essential=False),
            images={"app": {"size": "60MB"}, "other": {"size": "600MB"}},
            behaviour={"app": {"containers": {"init": {"runsFor": "20s"}}}},
        )
    )
    task = result.tasks.iloc[0]
    assert task.pull_started_at - task.created_at == pytest.approx(DISPATCH)
    assert task.pull_stopped_at - task.created_at == pytest.approx(FIRST + 20.0 + 10.0)
    assert task.pull_stopped_at <= task.started_at


@pytest.mark.rule("LIFE-052", "LIFE-051")
def test_the_end_of_a_helper_changes_nothing() -> None:
    result = run_dict(
        scene(
            container("web"),
            container("init", essential=False),
            container("helper", ("init", "COMPLETE"), essential=False),
            behaviour={"app": {"containers": {"init": {"exitCode": 3}, "helper": {"runsFor": "60s", "exitCode": 1}}}},
        )
    )
    # One that others wait for ends by itself, after a second where behaviour says nothing.
    assert at(result, "init", "STOPPED 3") == pytest.approx(FIRST + 1.0)
    assert story(result, "helper")[-1][1] == "STOPPED 1"
    assert states(result) == ["PENDING", "ACTIVATING", "RUNNING"]


@pytest.mark.rule("LIFE-052", "LIFE-027", "LIFE-034")
def test_a_container_is_essential_unless_it_says_otherwise_and_takes_the_task_with_it() -> None:
    result = run_dict(
        scene(
            container("web", ("proxy", "START")),
            container("proxy", stopTimeout=10),
            behaviour={"app": {"stopsAfter": "4s", "containers": {"proxy": {"runsFor": "60s", "exitCode": 9}}}},
        )
    )
    gone = FIRST + 60.0
    assert at(result, "proxy", "STOPPED 9") == pytest.approx(gone)
    assert at(result, "web", "STOPPED 0") == pytest.approx(gone + 4.0)
    assert states(result) == ["PENDING", "ACTIVATING", "RUNNING", "STOPPING", "STOPPED"]
    assert last(result) == ("EssentialContainerExited", "Essential container in task exited")
    task = result.tasks.iloc[0]
    assert task.execution_stopped_at - task.created_at == pytest.approx(gone)


def test_what_an_essential_container_left_behind_is_stopped_while_targets_drain() -> None:
    result = run_dict(
        scene(
            container("web", ("proxy", "START")),
            container("proxy"),
            services=[service(loadBalancers=behind())],
            targetGroups=[target_group(deregistrationDelay=50)],
            behaviour={"app": {"containers": {"proxy": {"runsFor": "60s"}}}},
        )
    )
    gone = at(result, "proxy", "STOPPED 0")
    assert at(result, "web", "STOPPED 0") == pytest.approx(gone + STOP)
    assert [s for s, _ in ((s, t) for t, s in path(result))][2:] == [
        "RUNNING",
        "DEACTIVATING",
        "STOPPING",
        "STOPPED",
    ]
    assert status_at(result, "STOPPED") == pytest.approx(gone + 50.0, abs=2e-3)


@pytest.mark.rule("LIFE-026")
def test_an_essential_container_that_ends_before_running_is_a_failed_start() -> None:
    result = run_dict(
        scene(
            container("web", ("side", "HEALTHY")),
            container("side", healthCheck=check()),
            behaviour={"app": {"containers": {"side": {"runsFor": "5s", "exitCode": 1}}}},
        )
    )
    # No container exists any more, so there is nothing to stop.
    assert states(result) == ["PENDING", "ACTIVATING", "STOPPED"]
    assert last(result) == ("TaskFailedToStart", "Essential container in task exited")
    assert result.tasks.started_at.isna().all()


# -- starts that fail -----------------------------------------------------------------------------------------


@pytest.mark.rule("LIFE-056", "LIFE-026")
def test_a_dependency_that_fails_stops_the_task() -> None:
    result = run_dict(
        scene(
            container("web", ("init", "SUCCESS")),
            container("init", essential=False),
            container("log", essential=False),
            behaviour={"app": {"containers": {"init": {"runsFor": "3s", "exitCode": 1}}}},
        )
    )
    assert states(result) == ["PENDING", "ACTIVATING", "STOPPING", "STOPPED"]
    assert status_at(result, "STOPPING") == pytest.approx(FIRST + 3.0, abs=1e-3)
    assert last(result) == (
        "TaskFailedToStart",
        "TaskDependencyError: container web depends on container init, which can never be SUCCESS",
    )
    assert "RUNNING" not in [s for _, s in story(result, "web")]
    assert story(result, "log")[-1] == (pytest.approx(FIRST + 3.0 + STOP, abs=2e-3), "STOPPED 0")


@pytest.mark.rule("LIFE-056", "LIFE-058")
@pytest.mark.parametrize(
    ("condition", "ready", "expected"),
    [
        pytest.param("HEALTHY", "1h", "TaskFailedToStart", id="the check does not pass in time"),
        pytest.param("HEALTHY", "15s", None, id="the check passes in time"),
        pytest.param("COMPLETE", "0s", "TaskFailedToStart", id="the end does not come in time"),
        pytest.param("START", "1h", None, id="a time-out is not for START"),
    ],
)
def test_start_timeout(condition: str, ready: str, expected: str | None) -> None:
    result = run_dict(
        scene(
            container("web", ("side", condition)),
            container("side", essential=False, startTimeout=30, healthCheck=check(retries=10)),
            behaviour={"app": {"containers": {"side": {"readyAfter": ready, "runsFor": "1h"}}}},
        )
    )
    if expected is None:
        assert states(result)[-1] == "RUNNING"
        return
    assert last(result) == (
        "TaskFailedToStart",
        f"TaskDependencyError: container web depends on container side, which did not within its startTimeout of 30 s "
        f"reach {condition}",
    )
    assert status_at(result, "STOPPING") == pytest.approx(FIRST + 30.0, abs=2e-3)


@pytest.mark.rule("LIFE-058")
def test_without_a_start_timeout_a_container_waits_without_limit() -> None:
    waiting = scene(
        container("web", ("side", "HEALTHY")),
        container("side", essential=False, healthCheck=check()),
        duration="1h",
        behaviour={"app": {"containers": {"side": {"unhealthyAfter": "0s"}}}},
    )
    assert states(run_dict(waiting)) == ["PENDING", "ACTIVATING"]


@pytest.mark.rule("LIFE-056")
def test_the_time_out_is_ignored_once_the_container_has_stopped() -> None:
    result = run_dict(
        scene(
            container("web", ("init", "SUCCESS"), image="large"),
            container("init", essential=False, startTimeout=10),
            images={"app": {"size": "60MB"}, "large": {"size": "6GB"}},
            behaviour={"app": {"containers": {"init": {"runsFor": "5s"}}}},
        )
    )
    assert states(result)[-1] == "RUNNING"


@pytest.mark.rule("LIFE-058", "AGENT-033")
def test_the_agent_may_give_the_start_of_a_container_another_time() -> None:
    document = scene(container("web"), behaviour={"app": {"startsAfter": "100s"}})
    (fleet,) = document["autoScalingGroups"]
    fleet["agent"] = {**fleet.get("agent", {}), "ECS_CONTAINER_START_TIMEOUT": "90s"}
    late = "ContainerRuntimeTimeoutError: Could not transition to started; timed out after waiting 1m30s"
    assert last(run_dict(document)) == ("TaskFailedToStart", late)


@pytest.mark.rule("LIFE-058")
@pytest.mark.parametrize(
    ("starts", "failed"), [pytest.param("179s", False, id="in time"), pytest.param("181s", True, id="too late")]
)
def test_the_start_of_a_container_on_an_instance_takes_three_minutes_at_most(starts: str, failed: bool) -> None:
    result = run_dict(scene(container("web"), behaviour={"app": {"startsAfter": starts}}))
    if failed:
        assert last(result) == (
            "TaskFailedToStart",
            "ContainerRuntimeTimeoutError: Could not transition to started; timed out after waiting 3m0s",
        )
        assert result.tasks.stopped_at[0] - 10.0 == pytest.approx(DISPATCH + MANIFEST + PULL + 180.0, abs=1e-3)
    else:
        assert status_at(result, "RUNNING") == pytest.approx(DISPATCH + MANIFEST + PULL + 179.0, abs=1e-3)


@pytest.mark.rule("LIFE-041", "LIFE-044", "LIFE-045")
@pytest.mark.parametrize(
    ("reason", "after"),
    [
        pytest.param("ResourceInitializationError: unable to pull secrets", START, id="before anything is pulled"),
        pytest.param("CannotPullContainerError: not found", MANIFEST + PULL, id="in the pull"),
        pytest.param("CannotPullImageManifestError: no", MANIFEST + PULL, id="the agent's names for the same"),
        pytest.param("CannotStartContainerError: no such file", MANIFEST + PULL + START, id="at the start"),
    ],
)
@pytest.mark.parametrize("chain", [False, True], ids=["one container", "a chain"])
def test_a_start_fails_when_its_reason_says(reason: str, after: float, chain: bool) -> None:
    containers = (
        [container("web"), container("log", ("web", "START"), essential=False)] if chain else [container("web")]
    )
    result = run_dict(scene(*containers, behaviour={"app": {"failsToStart": {"share": 1.0, "reason": reason}}}))
    assert last(result) == ("TaskFailedToStart", reason)
    assert states(result) == ["PENDING", "ACTIVATING", "STOPPED"]
    task = result.tasks.iloc[0]
    assert task.stopped_at - task.created_at == pytest.approx(DISPATCH + after, abs=1e-3)
    assert (task.pull_started_at != task.pull_started_at) == reason.startswith("Resource")


@pytest.mark.rule("LIFE-052", "LIFE-056")
@pytest.mark.parametrize(
    ("needed", "ends"),
    [
        pytest.param(False, "RUNNING", id="nobody needs it"),
        pytest.param(True, "STOPPED", id="the application waits for its start"),
    ],
)
def test_a_helper_that_cannot_start(needed: bool, ends: str) -> None:
    result = run_dict(
        scene(
            container("web", *([("side", "START")] if needed else [])),
            container("side", essential=False, healthCheck=check()),
            behaviour={"app": {"containers": {"side": {"failsToStart": {"share": 1.0}}}}},
        )
    )
    assert states(result)[-1] == ends
    rows = result.container_events
    assert set(rows[rows.container == "side"].reason.dropna()) == {"CannotStartContainerError"}


@pytest.mark.rule("LIFE-048")
def test_a_reason_has_at_most_1024_characters() -> None:
    long = "CannotStartContainerError: " + "x" * 2000
    result = run_dict(scene(container("web"), behaviour={"app": {"failsToStart": {"share": 1.0, "reason": long}}}))
    assert last(result)[1] == long[:1024]
    sim = Sim(scene(container("web"))).to(60)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]), reason="y" * 1500)
    assert last(sim.finish())[1] == "y" * 1024


# -- stops ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("LIFE-057", "LIFE-060")
def test_containers_stop_in_the_reverse_order_and_their_stop_timeouts_add_up() -> None:
    sim = Sim(
        scene(
            container("web", ("proxy", "START"), stopTimeout=20),
            container("proxy", ("log", "START"), stopTimeout=7),
            container("log", stopTimeout=5),
            container("alone", stopTimeout=60),
            behaviour={
                "app": {
                    "stopsAfter": "never",
                    "containers": {"web": {"stopsAfter": "3s"}, "alone": {"stopsAfter": "4s"}},
                }
            },
        )
    ).to(60)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    result = sim.finish()
    ends = {n: story(result, n)[-1] for n in ("web", "proxy", "log", "alone")}
    # web is done in 3 s; proxy ignores the signal and is killed 7 s after its own one, log 5 s after that.
    assert ends == {
        "web": (53.0, "STOPPED 0"),
        "alone": (54.0, "STOPPED 0"),
        "proxy": (60.0, "STOPPED 137"),
        "log": (65.0, "STOPPED 137"),
    }
    assert result.tasks.stopped_at[0] == pytest.approx(75.0)
    assert result.tasks.execution_stopped_at[0] == pytest.approx(63.0)


def test_what_has_not_started_is_given_up_when_the_task_is_stopped() -> None:
    sim = Sim(
        scene(
            container("web", ("side", "HEALTHY")),
            container("side", healthCheck=check()),
            behaviour={"app": {"containers": {"side": {"readyAfter": "1h"}}}},
        )
    ).to(60)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    result = sim.finish()
    assert states(result) == ["PENDING", "ACTIVATING", "STOPPING", "STOPPED"]
    assert story(result, "web") == [(50.0, "STOPPED")]
    assert result.tasks.stopped_at[0] == pytest.approx(60.0 + STOP)


@pytest.mark.rule("SPOT-001")
def test_a_chain_of_stops_ends_with_the_capacity_of_a_spot_task() -> None:
    names = ("a", "b", "c")
    chain = [container(n, *([(names[i + 1], "START")] if i < 2 else []), stopTimeout=100) for i, n in enumerate(names)]
    result = run_dict(
        scenario(
            duration="20m",
            clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT"]}],
            taskDefinitions=[task_definition(networkMode="awsvpc", containerDefinitions=chain)],
            services=[fargate(capacityProviderStrategy=[{"capacityProvider": "FARGATE_SPOT"}])],
            behaviour={"app": {"stopsAfter": "never"}},
            timeline=[fault("5m", "spotReclaim", capacityProvider="FARGATE_SPOT", fraction=1)],
        )
    )
    stopped = {s: t for t, s in path(result)}
    assert stopped["STOPPING"] == 300.0
    assert stopped["DEPROVISIONING"] == 420.0
    assert [story(result, n)[-1][1] for n in names] == ["STOPPED 137"] * 3


def test_a_lost_instance_takes_the_containers_with_it() -> None:
    result = run_dict(
        scene(
            container("web", ("side", "HEALTHY")),
            container("side", healthCheck=check()),
            capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": {"autoScalingGroup": "asg"}}],
            clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
            services=[service()],
            behaviour={"app": {"containers": {"side": {"unhealthyAfter": "200s"}}}},
            timeline=[fault("2m", "instanceTermination", capacityProvider="ec2", count=1)],
        )
    )
    assert states(result)[-2:] == ["RUNNING", "STOPPED"]
    rows = result.container_events
    first = rows.task_id.astype(str) == str(result.tasks.task_id[0])
    assert rows[first].t.max() < 120.0


# -- restarts -------------------------------------------------------------------------------------------------


def restarting(**policy: Any) -> dict[str, Any]:
    return container("web", restartPolicy={"enabled": True, **policy})


@pytest.mark.rule("LIFE-068", "LIFE-069")
def test_a_container_with_a_restart_policy_starts_again_inside_its_task() -> None:
    result = run_dict(
        scene(
            restarting(restartAttemptPeriod=60),
            duration="5m",
            behaviour={"app": {"runsFor": "70s", "exitCode": 1}},
        )
    )
    assert states(result) == ["PENDING", "ACTIVATING", "RUNNING"]
    # RUNNING stays while it starts again, and each run has a length of its own.
    assert [s for _, s in story(result, "web")][:5] == [
        "PULLED",
        "RUNNING",
        "RUNNING 1 restart 1",
        "RUNNING 1 restart 1",
        "RUNNING 1 restart 2",
    ]
    first = at(result, "web", "RUNNING 1 restart 1")
    assert first == pytest.approx(FIRST + 70.0)
    assert at(result, "web", "RUNNING 1 restart 2") == pytest.approx(FIRST + 70.0 + START + 70.0)


@pytest.mark.rule("LIFE-069", "LIFE-068")
@pytest.mark.parametrize(
    ("policy", "runs", "code"),
    [
        pytest.param({"restartAttemptPeriod": 60}, "59s", 1, id="it ran for less than the attempt period"),
        pytest.param({"ignoredExitCodes": [1]}, "6m", 1, id="its exit code is ignored"),
        pytest.param({}, "299s", 1, id="the attempt period is 300 s by default"),
    ],
)
def test_a_container_that_is_not_restarted_ends_the_task(policy: dict[str, Any], runs: str, code: int) -> None:
    result = run_dict(scene(restarting(**policy), behaviour={"app": {"runsFor": runs, "exitCode": code}}))
    assert last(result)[0] == "EssentialContainerExited"
    assert [s for _, s in story(result, "web")] == ["PULLED", "RUNNING", "STOPPED 1"]


def test_a_disabled_policy_is_none() -> None:
    web = container("web", restartPolicy={"enabled": False})
    result = run_dict(scene(web, behaviour={"app": {"runsFor": "5m"}}))
    assert last(result)[0] == "EssentialContainerExited"
    assert result.container_events.empty


@pytest.mark.rule("LIFE-069")
def test_a_crash_is_an_exit_like_any_other() -> None:
    result = run_dict(
        scene(
            restarting(restartAttemptPeriod=60),
            services=[service()],
            timeline=[
                fault("2m", "taskCrash", service="web", count=1),
                fault("150s", "taskCrash", service="web", count=1),
            ],
        )
    )
    assert [s for _, s in story(result, "web")][2:] == ["RUNNING 137 restart 1"] * 2 + ["STOPPED 137 restart 1"]
    assert result.tasks.stop_code[0] == "EssentialContainerExited"


# -- health ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("LIFE-061", "LIFE-062", "SVC-020")
@pytest.mark.parametrize(
    ("given", "ready", "healthy"),
    [
        pytest.param({"command": ["CMD"]}, "0s", 30.0, id="every 30 s by default"),
        pytest.param({"command": ["CMD"], "interval": 5}, "0s", 5.0, id="or as often as it says"),
        pytest.param({"command": ["CMD"], "interval": 5, "startPeriod": 60}, "33s", 35.0, id="when it is ready"),
    ],
)
def test_a_service_counts_a_task_as_healthy_when_its_check_passes(
    given: dict[str, Any], ready: str, healthy: float
) -> None:
    result = run_dict(
        scene(container("web", healthCheck=given), services=[service()], behaviour={"app": {"readyAfter": ready}})
    )
    task = result.tasks.iloc[0]
    assert task.healthy_at - task.started_at == pytest.approx(healthy, abs=1e-3)
    assert story(result, "web")[-1] == (pytest.approx(FIRST + healthy, abs=1e-3), "RUNNING HEALTHY")


@pytest.mark.rule("LIFE-061")
def test_three_failures_and_five_seconds_are_the_defaults() -> None:
    web = container("web", healthCheck={"command": ["CMD"], "interval": 10})
    dead = run_dict(scene(web, behaviour={"app": {"unhealthyAfter": "0s"}}))
    assert at(dead, "web", "RUNNING UNHEALTHY") == pytest.approx(FIRST + 30.0, abs=1e-3)
    slow = run_dict(scene(web, behaviour={"app": {"healthCheckTakes": "6s"}}))
    assert at(slow, "web", "RUNNING UNHEALTHY") == pytest.approx(FIRST + 10.0 + 15.0 + 15.0 + 5.0, abs=1e-3)
    quick = run_dict(scene(web, behaviour={"app": {"healthCheckTakes": "4s"}}))
    assert at(quick, "web", "RUNNING HEALTHY") == pytest.approx(FIRST + 14.0, abs=1e-3)


@pytest.mark.rule("LIFE-065", "LIFE-015", "SVC-030")
def test_a_service_replaces_a_task_whose_container_is_unhealthy() -> None:
    result = run_dict(
        scene(
            container("web", healthCheck=check()),
            services=[service()],
            behaviour={"app": {"unhealthyAfter": "100s"}},
            duration="4m",
        )
    )
    unhealthy = at(result, "web", "RUNNING UNHEALTHY")
    assert unhealthy == pytest.approx(FIRST + 110.0, abs=1e-3)
    # The replacement comes first, and the unhealthy task goes when it is healthy.
    created = float(result.tasks.sort_values("created_at").created_at.iloc[1])
    assert unhealthy <= created <= unhealthy + 5.0
    row = result.tasks.iloc[0]
    assert row.stop_code == "ServiceSchedulerInitiated"
    assert "unhealthy" in row.stopped_reason
    assert created + 10.0 < row.stopping_at < created + 20.0
    assert [m for _, _, m in service_events(result) if "failed container health checks" in m]


@pytest.mark.rule("LIFE-065", "SVC-031")
def test_a_daemon_that_is_unhealthy_is_stopped_before_its_successor_starts() -> None:
    result = run_dict(
        scene(
            container("web", healthCheck=check()),
            services=[service(schedulingStrategy="DAEMON")],
            behaviour={"app": {"unhealthyAfter": "100s"}},
            duration="4m",
        )
    )
    first, second = result.tasks.iloc[0], result.tasks.iloc[1]
    assert "unhealthy" in first.stopped_reason
    assert first.stopping_at == second.created_at
    assert first.container_instance == second.container_instance


@pytest.mark.rule("LIFE-065")
def test_a_standalone_task_goes_on_whatever_its_health() -> None:
    result = run_dict(scene(container("web", healthCheck=check()), behaviour={"app": {"unhealthyAfter": "0s"}}))
    assert states(result) == ["PENDING", "ACTIVATING", "RUNNING"]
    assert story(result, "web")[-1][1] == "RUNNING UNHEALTHY"


@pytest.mark.rule("SVC-021")
def test_an_unhealthy_container_is_ignored_within_the_grace_period() -> None:
    def stopped(grace: int) -> float:
        result = run_dict(
            scene(
                container("web", healthCheck=check()),
                services=[
                    service(
                        healthCheckGracePeriodSeconds=grace,
                        deploymentConfiguration={"maximumPercent": 100, "minimumHealthyPercent": 0},
                    )
                ],
                behaviour={"app": {"unhealthyAfter": "0s"}},
            )
        )
        return float(result.tasks.stopping_at[0] - result.tasks.started_at[0])

    assert 20.0 <= stopped(0) <= 25.0
    assert 100.0 <= stopped(100) <= 105.0


@pytest.mark.rule("SVC-020")
def test_behind_a_load_balancer_both_checks_must_pass() -> None:
    def healthy(ready: str, interval: int) -> float:
        result = run_dict(
            scene(
                container("web", healthCheck=check(interval=interval, startPeriod=60)),
                services=[service(loadBalancers=behind())],
                targetGroups=[target_group()],
                behaviour={"app": {"readyAfter": ready}},
            )
        )
        return float(result.tasks.healthy_at[0] - result.tasks.started_at[0])

    assert healthy("0s", 50) == pytest.approx(50.0, abs=1e-3)  # the target has been healthy for long
    assert healthy("20s", 5) > 20.0 + 1.0  # the container is healthy at 20 s, the target at its next check


@pytest.mark.rule("LIFE-063", "LIFE-064")
def test_describe_shows_the_health_of_containers_and_of_the_task() -> None:
    sim = Sim(
        scene(
            container("web", healthCheck=check()),
            container("proxy", essential=False, healthCheck=check()),
            container("log", essential=False),
            behaviour={"app": {"containers": {"web": {"unhealthyAfter": "60s"}, "proxy": {"unhealthyAfter": "0s"}}}},
        )
    )

    def shown(t: float) -> tuple[str, list[str]]:
        (task,) = describe(sim.to(t).engine, "tasks")
        return task["healthStatus"], [c["healthStatus"] for c in task["containers"]]

    assert shown(15) == ("UNKNOWN", ["UNKNOWN", "UNKNOWN", "UNKNOWN"])
    assert shown(35) == ("HEALTHY", ["HEALTHY", "UNHEALTHY", "UNKNOWN"])
    assert shown(100) == ("UNHEALTHY", ["UNHEALTHY", "UNHEALTHY", "UNKNOWN"])


@pytest.mark.rule("LIFE-066")
def test_health_stays_as_reported_while_the_agent_is_disconnected() -> None:
    sim = Sim(
        scene(container("web", healthCheck=check()), services=[service()], behaviour={"app": {"unhealthyAfter": "60s"}})
    ).to(50)
    instance = sim.engine.world.instances[0]
    sim.engine.groups.connect(instance, False, 0)
    sim.to(200)
    assert [t["healthStatus"] for t in describe(sim.engine, "tasks")] == ["HEALTHY"]
    sim.engine.groups.connect(instance, True, 0)
    assert [t["healthStatus"] for t in describe(sim.engine, "tasks")] == ["UNHEALTHY"]
    sim.to(210)
    assert len(sim.tasks()) == 2


def test_a_restart_takes_a_task_out_of_the_healthy_ones_until_its_check_passes() -> None:
    sim = Sim(
        scene(
            container("web", healthCheck=check(), restartPolicy={"enabled": True, "restartAttemptPeriod": 60}),
            services=[service(loadBalancers=behind())],
            targetGroups=[target_group()],
            timeline=[fault("2m", "taskCrash", service="web", count=1)],
        )
    )
    primary = sim.service().deployments[0]
    assert sim.to(119).service().deployments[0].healthy == 1
    sim.to(120.5)
    assert (primary.healthy, primary.running, primary.active) == (0, 1, 1)
    sim.to(140)
    assert (primary.healthy, primary.running, primary.active) == (1, 1, 1)
    assert len(sim.finish().tasks) == 1


def test_targets_of_a_container_that_is_restarted_fail_until_it_is_ready_again() -> None:
    sim = Sim(
        scene(
            container("web", restartPolicy={"enabled": True, "restartAttemptPeriod": 60}),
            services=[service(loadBalancers=behind(), healthCheckGracePeriodSeconds=600)],
            targetGroups=[target_group()],
            behaviour={"app": {"readyAfter": "45s"}},
            timeline=[fault("3m", "taskCrash", service="web", count=1)],
        )
    )
    targets = sim.engine.world.target_groups[0]
    sim.to(179)
    assert targets.healthy == 1
    sim.to(205)  # two failed checks
    assert targets.healthy == 0
    sim.to(3 * 60 + START + 45 + 2 * 10 + 10)
    assert targets.healthy == 1


# -- where it all begins --------------------------------------------------------------------------------------


def test_a_steady_start_finds_init_containers_done_and_the_others_healthy() -> None:
    sim = Sim(
        scene(
            container("web", ("init", "SUCCESS"), healthCheck=check()),
            container("init", essential=False),
            container("log", essential=False),
            services=[service(count=2)],
            initialState="steady",
            behaviour={
                "app": {
                    "unhealthyAfter": "100s",
                    "containers": {"log": {"runsFor": {"exponential": {"mean": "60s"}}}},
                }
            },
        )
    )
    sim.to(1)
    first = sim.tasks()[0]
    assert [(c.spec.name, c.status, c.exit_code) for c in first.containers or ()][:2] == [
        ("web", 4, -1),
        ("init", 6, 0),
    ]
    assert sim.service().deployments[0].healthy == 2
    sim.to(125)
    assert len(sim.tasks()) > 2
    result = sim.finish()
    assert at(result, "web", "RUNNING UNHEALTHY") > 100.0
    assert len(set(result.container_events.query("container == 'log' and status == 'STOPPED'").t)) > 1


def test_a_steady_task_behind_a_load_balancer_may_be_restarted() -> None:
    sim = Sim(
        scene(
            restarting(restartAttemptPeriod=60),
            services=[service(loadBalancers=behind(), healthCheckGracePeriodSeconds=600)],
            targetGroups=[target_group()],
            initialState="steady",
            behaviour={"app": {"readyAfter": "45s"}},
            timeline=[fault("3m", "taskCrash", service="web", count=1)],
        )
    )
    targets = sim.engine.world.target_groups[0]
    seen = [sim.to(t).engine.world.target_groups[0].healthy for t in (1, 179, 205, 270)]
    assert seen == [1, 1, 0, 1]
    assert len(targets.members) == 1


def test_a_side_container_shifts_no_draw_of_the_application() -> None:
    law = {"runsFor": {"exponential": {"mean": "100s"}}, "exitCode": {"0": 0.5, "1": 0.5}}
    plain = scene(container("web"), services=[service(count=6)], behaviour={"app": law}, timing={"instanceBoot": "0s"})
    chained = scene(
        container("web", ("side", "START")),
        container("side", essential=False),
        services=[service(count=6)],
        behaviour={"app": law},
        timing={"instanceBoot": "0s"},
    )
    lengths = []
    for document in (plain, chained):
        result = run_dict(document)
        tasks = result.tasks
        lengths.append((tasks.execution_stopped_at - tasks.started_at)[:6].round(3).tolist())
    assert lengths[0] == lengths[1]
    # Nor in how long it takes to start.
    alone = run_dict(plain).tasks
    wanted = (alone.started_at - alone.pull_stopped_at)[:6].round(3).tolist()
    taken = [round(at(result, "web", "RUNNING", n) - at(result, "web", "PULLED", n), 3) for n in range(6)]
    assert taken == pytest.approx(wanted, abs=2e-3)


def test_jobs_say_how_long_the_main_container_runs() -> None:
    sim = Sim(
        scene(container("web", ("init", "SUCCESS")), container("init", essential=False), services=[], duration="5m")
    ).to(1)
    request = parse(RunTask, {"cluster": "prod", "taskDefinition": "app", "launchType": "EC2"})
    sim.engine.standalone.run(sim.engine.builder.run_task_plan(request, runs_for=33.0), 0)
    result = sim.finish()
    started = at(result, "web", "RUNNING")
    assert at(result, "web", "STOPPED 0") == pytest.approx(started + 33.0)
    assert last(result)[0] == "EssentialContainerExited"


def test_fargate_containers_share_the_bandwidth_of_their_task() -> None:
    two = [container("web"), container("side", image="other", healthCheck=check())]
    result = run_dict(
        scenario(
            duration="5m",
            images={"app": {"size": "63MB"}, "other": {"size": "21MB"}},
            taskDefinitions=[task_definition(networkMode="awsvpc", containerDefinitions=two)],
            services=[fargate()],
        )
    )
    assert at(result, "web", "PULLED") == pytest.approx(11.0 + 6.0)
    assert at(result, "side", "PULLED") == pytest.approx(11.0 + 6.0 + 2.0)
    assert status_at(result, "RUNNING") == pytest.approx(11.0 + 8.0 + 2.0)


def test_every_event_of_a_container_leads_back_to_what_brought_it_about() -> None:
    result = run_dict(
        scene(
            container("web", ("init", "SUCCESS"), ("side", "HEALTHY")),
            container("init", essential=False),
            container("side", healthCheck=check()),
        )
    )
    rows = result.container_events
    pulled = rows[(rows.container == "web") & (rows.status == "PULLED")].iloc[0]
    cause = rows[rows.event_id == pulled.cause_id].iloc[0]
    assert (cause.container, cause.health_status) == ("side", "HEALTHY")
    running = result.task_events[result.task_events.last_status == "RUNNING"].iloc[0]
    assert rows[rows.event_id == running.cause_id].iloc[0].container == "web"


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("mode", ["bridge", "awsvpc"])
def test_busy_chains_keep_the_laws_and_are_the_same_twice(seed: int, mode: str) -> None:
    network = {"networkConfiguration": awsvpc()} if mode == "awsvpc" else {}
    document = scene(
        container(
            "web", ("init", "SUCCESS"), ("side", "HEALTHY"), restartPolicy={"enabled": True, "restartAttemptPeriod": 60}
        ),
        container("init", essential=False),
        container("side", healthCheck=check(), startTimeout=40),
        duration="40m",
        taskDefinitions=[],
        autoScalingGroups=[group(4)],
        timing={"profile": "typical"},
        targetGroups=[target_group()],
        services=[service(count=4, loadBalancers=behind(), **network)],
        behaviour={
            "app": {
                "readyAfter": {"lognormal": {"median": "5s", "p95": "30s"}},
                "runsFor": {"exponential": {"mean": "200s"}},
                "exitCode": {"0": 0.5, "1": 0.5},
                "containers": {
                    "init": {"exitCode": {"0": 0.9, "1": 0.1}},
                    "side": {"unhealthyAfter": {"exponential": {"mean": "600s"}}},
                },
            }
        },
        timeline=[
            fault("10m", "taskCrash", service="web", fraction=0.5),
            call("15m", "UpdateService", cluster="prod", service="web", forceNewDeployment=True),
            call("25m", "UpdateService", cluster="prod", service="web", desiredCount=1),
        ],
    )
    containers = [
        container(
            "web", ("init", "SUCCESS"), ("side", "HEALTHY"), restartPolicy={"enabled": True, "restartAttemptPeriod": 60}
        ),
        container("init", essential=False),
        container("side", healthCheck=check(), startTimeout=40),
    ]
    document["taskDefinitions"] = [task_definition(networkMode=mode, containerDefinitions=containers)]
    first, second = run_dict(document, seed), run_dict(document, seed)
    assert first.container_events.equals(second.container_events)
    assert first.tasks.equals(second.tasks)
    assert set(first.container_events.status) == {"PULLED", "RUNNING", "STOPPED"}
    assert first.container_events.restart_count.max() >= 1
