"""Image pulls on instances: pull behaviours, the shared link, a registry that is down, cleanup."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    COLD,
    DISPATCH,
    MANIFEST,
    PULL,
    START,
    WARM,
    Sim,
    awsvpc,
    call,
    fault,
    group,
    path,
    run_dict,
    scenario,
    task_definition,
)

READY = {"instanceBoot": "0s"}
#: Seconds of all tries of a pull in the fixed profile, where every wait is a tenth longer.
TRIES = 1.1 * 26.34
NO_REGISTRY = "CannotPullContainerError"


def on_ec2(agent: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    base = {
        "duration": "5m",
        "taskDefinitions": [task_definition(), task_definition("other", container={"image": "other"})],
        "images": {"app": {"size": "60MB"}, "other": {"size": "120MB"}},
        "autoScalingGroups": [group(agent=agent or {})],
        "timing": {"profile": "fixed", **READY},
    }
    return scenario(**(base | more))


def run_task(at: str = "10s", family: str = "app", **more: Any) -> dict[str, Any]:
    return call(at, "RunTask", cluster="prod", taskDefinition=family, **({"launchType": "EC2"} | more))


def running_after(result: Any, task: int = 0) -> float:
    """Seconds from the task's creation to RUNNING."""
    rows = {s: t for t, s in path(result, task)}
    return float(rows["RUNNING"] - path(result, task)[0][0])


def reason(result: Any, task: int = 0) -> str:
    return str(result.tasks.stopped_reason.astype(str).iloc[task])


# -- when the agent asks --------------------------------------------------------------------------------------


@pytest.mark.rule("AGENT-030")
@pytest.mark.parametrize(
    ("behavior", "second"),
    [
        pytest.param("default", WARM, id="default asks for the manifest every time"),
        pytest.param("always", WARM, id="so does always"),
        pytest.param("once", WARM - MANIFEST, id="once asks once"),
        pytest.param("prefer-cached", WARM - MANIFEST, id="prefer-cached asks for what is not there"),
    ],
)
def test_the_second_task_with_an_image(behavior: str, second: float) -> None:
    agent = {"ECS_IMAGE_PULL_BEHAVIOR": behavior}
    result = run_dict(on_ec2(agent, timeline=[run_task("10s"), run_task("60s")]))
    assert running_after(result, 0) == pytest.approx(COLD, abs=1e-3)
    assert running_after(result, 1) == pytest.approx(second, abs=1e-3)


@pytest.mark.rule("AGENT-030", "AGENT-032")
@pytest.mark.parametrize(
    ("behavior", "seconds"),
    [
        pytest.param("default", TRIES + START, id="default falls back on the cached image when every try failed"),
        pytest.param("always", None, id="always fails the task"),
        pytest.param("once", START, id="once does not ask"),
        pytest.param("prefer-cached", START, id="prefer-cached does not ask"),
    ],
)
def test_a_cached_image_while_the_registry_is_down(behavior: str, seconds: float | None) -> None:
    agent = {"ECS_IMAGE_PULL_BEHAVIOR": behavior}
    down = fault("30s", "registryDown", **{"for": "2m"})
    result = run_dict(on_ec2(agent, timeline=[run_task("10s"), down, run_task("60s")]))
    if seconds is None:
        assert path(result, 1)[-1] == (pytest.approx(60 + DISPATCH + TRIES, abs=1e-3), "STOPPED")
        assert reason(result, 1).startswith(NO_REGISTRY)
    else:
        assert running_after(result, 1) == pytest.approx(DISPATCH + seconds, abs=1e-3)


@pytest.mark.rule("AGENT-032")
@pytest.mark.parametrize("family", ["app"])
def test_without_the_image_every_behaviour_fails_while_the_registry_is_down(family: str) -> None:
    for behavior in ("default", "always", "once", "prefer-cached"):
        agent = {"ECS_IMAGE_PULL_BEHAVIOR": behavior}
        down = fault("5s", "registryDown", **{"for": "2m"})
        result = run_dict(on_ec2(agent, timeline=[down, run_task("10s", family)]))
        task = result.tasks.iloc[0]
        assert task.stop_code == "TaskFailedToStart"
        assert reason(result).startswith(NO_REGISTRY)
        assert task.stopped_at == pytest.approx(10 + DISPATCH + TRIES, abs=1e-3)


@pytest.mark.rule("AGENT-032")
def test_a_registry_that_comes_back_is_found_by_the_next_try() -> None:
    # Tries with a tenth of jitter: ..., 9.504, 15.004 (manifest), 15.004, 16.214, 18.634, ... after the first.
    began = 10 + DISPATCH
    down = fault("5s", "registryDown", **{"for": f"{5.3 + 16.5}s"})
    result = run_dict(on_ec2(timeline=[down, run_task("10s")]))
    assert running_after(result) == pytest.approx(began + 1.1 * 16.94 - 10 + MANIFEST + PULL + START, abs=1e-3)


@pytest.mark.rule("AGENT-032")
def test_a_second_outage_of_the_registry_makes_the_tries_go_on() -> None:
    faults = [fault("5s", "registryDown", **{"for": "8s"}), fault("12s", "registryDown", **{"for": "20s"})]
    result = run_dict(on_ec2(timeline=[*faults, run_task("10s")]))
    # Down until 32: the try at 10.3 + 1.1 x 21.34 is the first that gets an answer.
    assert running_after(result) == pytest.approx(DISPATCH + 1.1 * 21.34 + MANIFEST + PULL + START, abs=1e-3)


@pytest.mark.rule("AGENT-032")
def test_a_fargate_task_has_no_image_to_fall_back_on() -> None:
    definition = task_definition(networkMode="awsvpc", requiresCompatibilities=["FARGATE"])
    down = fault("30s", "registryDown", **{"for": "5m"})
    fargate = {"launchType": "FARGATE", "networkConfiguration": awsvpc()}
    result = run_dict(
        scenario(duration="5m", taskDefinitions=[definition], timeline=[run_task("1s", **fargate), down,
                                                                       run_task("60s", **fargate)])
    )  # fmt: skip
    assert "RUNNING" in [s for _, s in path(result, 0)]
    assert reason(result, 1).startswith(NO_REGISTRY)


@pytest.mark.rule("AGENT-034")
def test_a_task_that_is_to_stop_before_its_pull_began_is_not_pulled() -> None:
    full = task_definition("full", cpu="2048", memory="4096")
    late = task_definition("late", cpu="2048", memory="4096", container={"image": "other"})
    slow = {"full": {"stopsAfter": "20s"}}
    sim = Sim(on_ec2(taskDefinitions=[full, late], behaviour=slow, timeline=[run_task(family="full")])).to(30)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    sim.call("RunTask", cluster="prod", taskDefinition="late", launchType="EC2")
    sim.to(40).call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks("late")[0]))
    assert not sim.tasks("late")
    images = sim.engine.world.instances[0].images
    result = sim.finish()
    assert len(images) == 1
    assert [s for _, s in path(result, 1)] == ["PENDING", "STOPPED"]
    assert result.tasks.pull_started_at.isna().tolist() == [False, True]


# -- the link -------------------------------------------------------------------------------------------------


@pytest.mark.rule("AGENT-031")
def test_a_pull_that_joins_another_slows_both() -> None:
    sim = Sim(on_ec2(timeline=[run_task("10s", "other"), run_task("11s", "app")]))
    result = sim.finish()
    # 120 MB from 10.8 on, 60 MB from 11.8 on: after a second alone each has half of the link until the one of 60 MB,
    # then both have a second to go, is there at 13.8; the other one, too.
    assert running_after(result, 0) == pytest.approx(3.8 + START, abs=1e-3)
    assert running_after(result, 1) == pytest.approx(2.8 + START, abs=1e-3)
    assert result.tasks.pull_stopped_at.tolist() == pytest.approx([13.8, 13.8], abs=1e-3)


@pytest.mark.rule("AGENT-031")
def test_a_third_task_that_waits_for_a_slowed_pull_is_moved_with_it() -> None:
    result = run_dict(on_ec2(timeline=[run_task("10s", "other"), run_task("10.5s", "other"), run_task("11s", "app")]))
    assert result.tasks.pull_stopped_at.tolist() == pytest.approx([13.8, 13.8, 13.8], abs=1e-3)
    assert [path(result, i)[-1][0] for i in range(3)] == pytest.approx([13.8 + START] * 3, abs=1e-3)


def chained(image: str, family: str = "chain") -> dict[str, Any]:
    """A task definition whose containers have lives of their own: a helper of image ``side``, then the web server."""
    helper = {"name": "helper", "image": "side", "essential": False}
    web = {"name": "web", "image": image, "dependsOn": [{"containerName": "helper", "condition": "START"}]}
    return task_definition(family, containerDefinitions=[web, helper])


@pytest.mark.rule("AGENT-031")
def test_pulls_of_containers_in_a_chain_share_the_link_with_those_of_other_tasks() -> None:
    """In both directions: 60 MB in a second alone; the helper's 120 MB meet the other task's 120 MB half-way."""
    images = {"app": {"size": "60MB"}, "other": {"size": "120MB"}, "side": {"size": "120MB"}}
    definitions = [task_definition("other", container={"image": "other"}), chained("app")]
    timeline = [run_task("10s", "other"), run_task("11s", "chain")]
    result = run_dict(on_ec2(taskDefinitions=definitions, images=images, timeline=timeline))
    # The other task pulls from 10.8 on and alone until 11.8, when half of its 2 s are left: with the helper's 2 s
    # these take until 13.8; the helper has a second left then, and is alone.
    rows = result.container_events
    pulled = rows[(rows.container == "helper") & (rows.status == "PULLED")].t
    assert pulled.tolist() == pytest.approx([14.8], abs=1e-3)
    assert result.tasks.pull_stopped_at.iloc[0] == pytest.approx(13.8, abs=1e-3)
    # The web server's image comes when the helper runs, and nobody else pulls.
    assert result.tasks.pull_stopped_at.iloc[1] == pytest.approx(14.8 + START + PULL, abs=1e-3)


@pytest.mark.rule("AGENT-031")
def test_a_pull_of_a_chain_is_slowed_by_one_that_begins_later() -> None:
    images = {"app": {"size": "60MB"}, "other": {"size": "60MB"}, "side": {"size": "120MB"}}
    definitions = [task_definition("other", container={"image": "other"}), chained("app")]
    timeline = [run_task("10s", "chain"), run_task("11s", "other")]
    result = run_dict(on_ec2(taskDefinitions=definitions, images=images, timeline=timeline))
    rows = result.container_events
    pulled = rows[(rows.container == "helper") & (rows.status == "PULLED")].t
    # From 10.8 on, alone until 11.8: a second is left of it, which takes two beside the second of the other task.
    assert pulled.tolist() == pytest.approx([13.8], abs=1e-3)


def test_pulls_one_after_the_other_do_not_share() -> None:
    result = run_dict(on_ec2(timeline=[run_task("10s", "other"), run_task("20s", "app")]))
    assert running_after(result, 0) == pytest.approx(COLD + PULL, abs=1e-3)
    assert running_after(result, 1) == pytest.approx(COLD, abs=1e-3)


def test_bandwidth_may_be_had_for_each_pull() -> None:
    model = {"pullBandwidth": "separate", "pullRate": 120}
    result = run_dict(on_ec2(model=model, timeline=[run_task("10s", "other"), run_task("11s", "app")]))
    assert running_after(result, 0) == pytest.approx(COLD, abs=1e-3)
    assert running_after(result, 1) == pytest.approx(COLD - PULL / 2, abs=1e-3)


# -- starting -------------------------------------------------------------------------------------------------


@pytest.mark.rule("AGENT-033")
@pytest.mark.parametrize(
    ("agent", "start", "fails_after"),
    [
        pytest.param({}, "179s", None, id="within three minutes"),
        pytest.param({}, "181s", 180, id="three minutes at most"),
        pytest.param({"ECS_CONTAINER_START_TIMEOUT": "1m"}, "100s", 60, id="its own time-out"),
        pytest.param({"ECS_CONTAINER_START_TIMEOUT": "10s"}, "100s", 45, id="45 seconds at least"),
    ],
)
def test_a_container_that_does_not_start_in_time_fails(agent: dict, start: str, fails_after: float | None) -> None:
    timing = {"profile": "fixed", **READY, "containerStart": start}
    result = run_dict(on_ec2(agent, timing=timing, timeline=[run_task()]))
    last = path(result)[-1]
    if fails_after is None:
        assert last[1] == "RUNNING"
    else:
        assert last == (pytest.approx(10 + DISPATCH + MANIFEST + PULL + fails_after, abs=1e-3), "STOPPED")
        assert reason(result).startswith("ContainerRuntimeTimeoutError")


@pytest.mark.rule("AGENT-008")
@pytest.mark.parametrize(
    ("ports", "running"),
    [
        pytest.param(None, 4, id="the usual range has room"),
        pytest.param("50000-50002", 3, id="three ports are three tasks"),
    ],
)
def test_dynamic_host_ports_come_from_the_range(ports: str | None, running: int) -> None:
    agent = {} if ports is None else {"ECS_DYNAMIC_HOST_PORT_RANGE": ports}
    definition = task_definition(container={"portMappings": [{"containerPort": 80, "hostPort": 0}]})
    result = run_dict(on_ec2(agent, taskDefinitions=[definition], timeline=[run_task(count=4)]))
    last = [path(result, i)[-1][1] for i in range(4)]
    assert last.count("RUNNING") == running
    assert all(reason(result, i).startswith("CannotStartContainerError") for i in range(running, 4))


# -- cleanup --------------------------------------------------------------------------------------------------

#: A short-lived task, then nothing of its image for a while.
BRIEF = {"app": {"runsFor": "10s"}, "other": {"runsFor": "10s"}}


def again(minutes: float, agent: dict[str, Any] | None = None, **more: Any) -> float:
    """Seconds to RUNNING of a second task, so many minutes after the first one ended (about 23 s)."""
    base = {"duration": "8h", "behaviour": BRIEF, "timeline": [run_task("10s"), run_task(f"{minutes * 60 + 23}s")]}
    return round(running_after(run_dict(on_ec2(agent, **(base | more))), 1), 3)


@pytest.mark.rule("AGENT-035", "AGENT-036")
@pytest.mark.parametrize(
    ("agent", "minutes", "cached"),
    [
        pytest.param({}, 205, True, id="its stopped container keeps the image for three hours"),
        pytest.param({}, 211, False, id="the next half hour deletes it"),
        pytest.param({"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m"}, 85, True, id="it is an hour old first"),
        pytest.param({"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m"}, 91, False, id="at the cleanup after that hour"),
        pytest.param({"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "0s"}, 205, True, id="no wait is not taken"),
        pytest.param({"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER": "5h"}, 211, True, id="a little longer"),
        pytest.param(
            {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m", "ECS_IMAGE_MINIMUM_CLEANUP_AGE": "1m"},
            31, False, id="younger ones if told so",
        ),
        pytest.param(
            {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m", "ECS_IMAGE_CLEANUP_INTERVAL": "10m"},
            71, False, id="more often",
        ),
        pytest.param(
            {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m", "ECS_IMAGE_CLEANUP_INTERVAL": "9m"},
            71, True, id="but not more often than every ten minutes",
        ),
        pytest.param({"ECS_DISABLE_IMAGE_CLEANUP": True}, 300, True, id="never if it is off"),
    ],
)  # fmt: skip
def test_when_an_unused_image_is_deleted(agent: dict, minutes: float, cached: bool) -> None:
    assert again(minutes, agent) == pytest.approx(WARM if cached else COLD, abs=1e-3)


@pytest.mark.rule("AGENT-030", "AGENT-036")
@pytest.mark.parametrize(("behavior", "seconds"), [("once", COLD), ("prefer-cached", WARM - MANIFEST)])
def test_cleanup_makes_once_pull_again_and_leaves_preferred_images_alone(behavior: str, seconds: float) -> None:
    assert again(300, {"ECS_IMAGE_PULL_BEHAVIOR": behavior}) == pytest.approx(seconds, abs=1e-3)


@pytest.mark.rule("AGENT-036")
@pytest.mark.parametrize(("hours", "seconds"), [(7, WARM), (1, COLD)])
def test_an_image_that_another_task_uses_stays(hours: int, seconds: float) -> None:
    definitions = [task_definition(), task_definition("long")]
    behaviour = BRIEF | {"long": {"runsFor": f"{hours}h"}}
    timeline = [run_task("10s", "long"), run_task("20s"), run_task("5h")]
    result = run_dict(on_ec2(duration="8h", taskDefinitions=definitions, behaviour=behaviour, timeline=timeline))
    assert running_after(result, 2) == pytest.approx(seconds, abs=1e-3)


@pytest.mark.rule("AGENT-036")
@pytest.mark.parametrize(("most", "left"), [(1, 2), (2, 1), (None, 0)])
def test_a_cleanup_deletes_a_few_images_the_longest_unused_first(most: int | None, left: int) -> None:
    names = ["one", "two", "three"]
    agent = {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m"}
    if most is not None:
        agent["ECS_NUM_IMAGES_DELETE_PER_CYCLE"] = most
    sim = Sim(
        on_ec2(
            agent,
            duration="4h",
            taskDefinitions=[task_definition(n, container={"image": n}) for n in names] + [task_definition()],
            behaviour={n: {"runsFor": "10s"} for n in names},
            timeline=[run_task(f"{(i + 1) * 30}s", n) for i, n in enumerate(names)] + [run_task("91m")],
        )
    ).to(5500)
    pool = sim.engine.recorder.names.pool("image")
    there = [n for n in names if pool[n] in sim.engine.world.instances[0].images]
    assert there == names[len(names) - left :]


@pytest.mark.rule("AGENT-035", "AGENT-036")
@pytest.mark.parametrize(("minutes", "cached"), [(205, True), (211, False)])
def test_images_of_chains_are_cleaned_up_like_others(minutes: int, cached: bool) -> None:
    """On an instance that runs nothing else: three hours after the task has left, at the next half hour."""
    document = on_ec2(
        duration="8h",
        taskDefinitions=[chained("app")],
        images={"app": {"size": "60MB"}, "side": {"size": "60MB"}},
        behaviour={"chain": {"runsFor": "10s"}},
        timeline=[run_task("10s", "chain"), run_task(f"{minutes * 60 + 23}s", "chain")],
    )
    pulls = 0.0 if cached else 2 * PULL
    assert running_after(run_dict(document), 1) == pytest.approx(DISPATCH + MANIFEST + 2 * START + pulls, abs=1e-3)


@pytest.mark.rule("AGENT-036")
def test_a_chain_that_runs_keeps_what_its_first_container_pulled() -> None:
    """Also while the agent cleans up before a pull of the same task: it is in use, whatever else left it."""
    agent = {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m"}
    helper = {"name": "helper", "image": "side", "essential": False}
    wait = {"dependsOn": [{"containerName": "helper", "condition": "COMPLETE"}]}
    chain = task_definition("chain", containerDefinitions=[{"name": "web", "image": "app", **wait}, helper])
    behaviour = {"chain": {"containers": {"helper": {"runsFor": "2h"}, "web": {"runsFor": "10s"}}}}
    timeline = [run_task("10s", "brief"), run_task("20s", "chain")]
    brief = task_definition("brief", container={"image": "side"})
    document = on_ec2(
        agent, duration="4h", taskDefinitions=[brief, chain], behaviour=behaviour | {"brief": {"runsFor": "10s"}},
        images={"app": {"size": "60MB"}, "side": {"size": "60MB"}}, timeline=timeline,
    )  # fmt: skip
    sim = Sim(document).to(7300)
    pool = sim.engine.recorder.names.pool("image")
    assert {pool["app"], pool["side"]} <= set(sim.engine.world.instances[0].images)


@pytest.mark.rule("AGENT-031")
def test_no_pull_begins_while_images_are_deleted() -> None:
    agent = {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION": "1m"}
    timing = {"profile": "fixed", **READY, "imageDelete": "20s"}
    # The cleanup at 90 min deletes the image until 90 min 20 s; a pull asked for at 90 min 10 s waits for that.
    timeline = [run_task("10s"), run_task("5410s", "other"), run_task("5430s", "app")]
    result = run_dict(on_ec2(agent, duration="4h", behaviour=BRIEF, timing=timing, timeline=timeline))
    assert running_after(result, 1) == pytest.approx(10 + MANIFEST + 2 * PULL + START, abs=0.01)
    assert running_after(result, 2) == pytest.approx(COLD, abs=0.01)
