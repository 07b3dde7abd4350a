"""Fargate's own ways: machines of one task, zones without it, lazy loading, Windows, retirement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import (
    COOLING,
    ENI_DELETE,
    STOP,
    Document,
    Sim,
    call,
    fargate,
    fault,
    group,
    path,
    percent,
    run_dict,
    scenario,
    service,
    service_events,
    subnet,
    task_definition,
)

from ecssim.engine.timing import DEFAULTS, slowed

ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1"
DAY = 86400.0
#: MB a second that tasks of a quarter and of one vCPU pull.
RATE, ONE_VCPU = 10.5, 12.0
#: Micro-VM, agent, and the start after the pull.
VM, AGENT, START = 12.0, 5.0, 2.0


def definition(family: str = "app", **more: Any) -> Document:
    return task_definition(family, networkMode="awsvpc", requiresCompatibilities=["FARGATE"], **more)


def on_fargate(**parts: Any) -> Document:
    return scenario(**({"duration": "5m", "taskDefinitions": [definition()], "services": [fargate()]} | parts))


def times(document: Document, task: int = 0) -> dict[str, float]:
    return {status: t for t, status in path(run_dict(document), task)}


def pulled(document: Document) -> float:
    """Seconds that the first task pulled its image."""
    tasks = run_dict(document).tasks
    return float(tasks.pull_stopped_at[0] - tasks.pull_started_at[0])


# -- machines -------------------------------------------------------------------------------------------------


@pytest.mark.rule("FG-009")
def test_every_task_has_a_machine_of_its_own_whatever_room_others_leave():
    document = on_fargate(
        autoScalingGroups=[group(1)],
        services=[fargate("web", 3, desiredCount=3)],
    )
    sim = Sim(document).to(60)
    tasks = sim.tasks()
    assert all(t.instance < 0 and t.started_at == tasks[0].started_at for t in tasks)
    assert len({t.address for t in tasks}) == 3
    # Three quarter-vCPU tasks are three machines: each is paid for in full, and the idle instance holds none.
    assert sim.engine.fargate.cpu_in_use[False] == 3 * 256
    assert all(not i.tasks for i in sim.engine.world.instances)


@pytest.mark.rule("FG-006")
def test_a_task_has_20_gib_unless_its_definition_or_its_call_asks_for_more():
    sim = Sim(
        on_fargate(
            taskDefinitions=[definition(), definition("big", ephemeralStorage={"sizeInGiB": 50})],
            services=[fargate(), fargate("large", taskDefinition="big")],
        )
    ).to(1)
    assert {t.owner.name: t.template.storage_gib for t in sim.tasks()} == {"web": 20, "large": 50}
    run = {"cluster": "prod", "launchType": "FARGATE", "networkConfiguration": fargate()["networkConfiguration"]}
    sim.call("RunTask", taskDefinition="big", overrides={"ephemeralStorage": {"sizeInGiB": 100}}, **run)
    assert sim.tasks()[-1].template.storage_gib == 100


@pytest.mark.rule("FG-022")
def test_of_3500_tasks_the_first_appear_after_half_a_minute_and_nearly_all_are_there_after_four_and_a_half():
    document = on_fargate(
        duration="10m",
        timing={"profile": "typical"},
        subnets=[subnet("a", cidr="10.0.0.0/16")],
        account={"quotas": {"fargateServiceLaunchesPerMinute": 3500}},
        services=[fargate(count=3500)],
    )
    tasks = run_dict(document).tasks
    first = tasks[tasks.created_at == 0]
    assert len(first) == 100
    assert 15 <= np.median(first.started_at) <= 40
    assert (tasks.started_at <= 270).mean() >= 0.96
    assert (tasks.started_at <= 0.6 * 270).mean() < 0.9


# -- zones ----------------------------------------------------------------------------------------------------


def in_california(*zone_ids: str) -> Document:
    names = "ab"[: len(zone_ids)]
    places = [subnet(n, f"us-west-1{n}", f"10.0.{i}.0/24", availabilityZoneId=zone_ids[i]) for i, n in enumerate(names)]
    network = {"awsvpcConfiguration": {"subnets": list(names)}}
    return on_fargate(region="us-west-1", subnets=places, services=[fargate(count=4, networkConfiguration=network)])


@pytest.mark.rule("FG-014")
def test_where_fargate_is_not_no_task_is_placed_and_ecs_says_internal_error():
    result = run_dict(in_california("usw1-az2"))
    assert len(result.tasks) == 0
    [(t, name, message)] = [e for e in service_events(result) if e[1] != "SERVICE_DEPLOYMENT_IN_PROGRESS"]
    assert (t, name) == (0, "SERVICE_TASK_PLACEMENT_FAILURE")
    assert message == "(service web) was unable to place a task. Reason: Internal error."


@pytest.mark.rule("FG-014")
def test_zones_that_have_fargate_take_the_tasks_of_those_that_have_not():
    tasks = run_dict(in_california("usw1-az2", "usw1-az3")).tasks
    assert set(tasks.subnet) == {"b"}
    assert len(tasks) == 4


@pytest.mark.rule("FG-014")
def test_a_steady_service_has_no_tasks_in_a_zone_without_fargate_either():
    result = run_dict(in_california("usw1-az2") | {"initialState": "steady"})
    assert len(result.tasks) == 0


# -- images ---------------------------------------------------------------------------------------------------


def lazy(size: str = "600MB", index: bool = True, image: str = ECR, **parts: Any) -> Document:
    of = parts.pop("definition", {})
    return on_fargate(
        images={image: {"size": size, "sociIndex": index}},
        taskDefinitions=[definition(container={"image": image}, **of)],
        **parts,
    )


@pytest.mark.rule("FG-025", "FG-024")
def test_lazy_loading_pulls_three_tenths_before_the_start():
    assert pulled(lazy(index=False)) == pytest.approx(600 / RATE)
    assert pulled(lazy()) == pytest.approx(0.3 * 600 / RATE)
    assert pulled(lazy(model={"lazyLoadingPull": 0.5})) == pytest.approx(0.5 * 600 / RATE)


@pytest.mark.rule("FG-021")
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"image": "app"}, id="an image that is not in private ECR"),
        pytest.param({"services": [fargate(platformVersion="1.3.0")]}, id="platform 1.3.0"),
    ],
)
def test_where_lazy_loading_is_not_the_whole_image_is_pulled(parts: dict[str, Any]):
    assert pulled(lazy(**parts)) == pytest.approx(600 / RATE)


@pytest.mark.rule("FG-021")
def test_lazy_loading_works_on_the_newest_platform_version():
    for version in ("LATEST", "1.4.0"):
        assert pulled(lazy(services=[fargate(platformVersion=version)])) == pytest.approx(0.3 * 600 / RATE)


@pytest.mark.rule("FG-025")
@pytest.mark.parametrize(
    ("ready", "took"),
    [
        pytest.param(9.0, 10.0, id="a start within the minute takes a ninth longer"),
        pytest.param(54.0, 60.0, id="54 s of work fill the minute"),
        pytest.param(100.0, 106.0, id="a longer one loses a tenth of the minute"),
        pytest.param(0.0, 0.0, id="nothing takes nothing"),
    ],
)
def test_a_lazily_loaded_container_has_a_tenth_less_cpu_in_its_first_minute(ready: float, took: float):
    assert slowed(ready, 0.1) == pytest.approx(took)


@pytest.mark.rule("FG-025")
def test_a_lazily_loaded_task_is_ready_later():
    def healthy(index: bool, ready: str = "29s") -> float:
        document = lazy(
            index=index,
            behaviour={"app": {"readyAfter": ready}},
            definition={
                "containerDefinitions": [
                    {"name": "web", "image": ECR, "healthCheck": {"command": ["x"], "interval": 5, "retries": 10}}
                ]
            },
        )
        tasks = run_dict(document).tasks
        return float(tasks.healthy_at[0] - tasks.started_at[0])

    assert healthy(True) == healthy(False, "32.3s")
    assert healthy(True) > healthy(False)


@pytest.mark.rule("FG-025")
def test_a_side_container_that_is_loaded_lazily_is_ready_later_too():
    def healthy(index: bool) -> float:
        check = {"command": ["x"], "interval": 5, "retries": 10}
        side = {"name": "side", "image": ECR, "healthCheck": check}
        document = lazy(
            index=index,
            behaviour={"app": {"readyAfter": "29s"}},
            definition={"containerDefinitions": [{"name": "web", "image": "app"}, side]},
        )
        tasks = run_dict(document).tasks
        return float(tasks.healthy_at[0] - tasks.started_at[0])

    assert healthy(True) == healthy(False) + 5


@pytest.mark.rule("FG-024", "FG-025", "FG-020")
@pytest.mark.parametrize("index", [False, True], ids=["in full", "lazily"])
@pytest.mark.parametrize("megabytes", [50, 500, 2000])
def test_start_times_are_distributed_around_what_the_image_takes(megabytes: int, index: bool):
    document = lazy(
        f"{megabytes}MB",
        index,
        duration="20m",
        timing={"profile": "typical"},
        services=[fargate(count=200)],
        definition={"cpu": "1024", "memory": "2048"},
    )
    tasks = run_dict(document).tasks
    pull = tasks.pull_stopped_at - tasks.pull_started_at
    expected = megabytes / ONE_VCPU * (0.3 if index else 1.0)
    assert pull.median() == pytest.approx(expected, rel=0.06)
    assert pull.quantile(0.95) / pull.median() == pytest.approx(np.exp(0.25 * 1.645), rel=0.12)
    start = tasks.started_at - tasks.pull_stopped_at
    assert start.median() == pytest.approx(START, rel=0.3)
    assert 6.0 < start.quantile(0.95) < 11.0
    boot = tasks.connectivity_at - tasks.created_at
    assert boot.median() == pytest.approx(4.0, rel=0.15)
    assert boot.quantile(0.95) == pytest.approx(12.0, rel=0.25)
    prepared = tasks.pull_started_at - tasks.connectivity_at
    assert prepared.median() == pytest.approx(7.0, rel=0.1)


def test_with_ecs_exec_its_agent_has_to_run_before_the_task_is_running():
    """What published tasks with ECS Exec show (docs/validation.md); a start that is given is given with it."""
    plain, on = times(on_fargate()), times(on_fargate(services=[fargate(enableExecuteCommand=True)]))
    assert on["ACTIVATING"] == plain["ACTIVATING"]
    assert on["RUNNING"] - plain["RUNNING"] == pytest.approx(20.0 - 2.0)
    given = on_fargate(services=[fargate(enableExecuteCommand=True)], behaviour={"app": {"startsAfter": "3s"}})
    assert times(given)["RUNNING"] == pytest.approx(plain["RUNNING"] + 1.0)


def test_ecs_exec_counts_for_the_tasks_that_start_once_it_is_on():
    sim = Sim(on_fargate(duration="20m")).to(300)
    sim.call("UpdateService", cluster="prod", service="web", enableExecuteCommand=True)
    assert len(sim.service().deployments) == 1
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=2)
    run = {"cluster": "prod", "launchType": "FARGATE", "networkConfiguration": fargate()["networkConfiguration"]}
    sim.call("RunTask", taskDefinition="app", enableExecuteCommand=True, **run)
    sim.call("RunTask", taskDefinition="app", **run)
    sim.to(600)
    took = [t.started_at - t.pull_stopped_at for t in sim.tasks()]
    assert took == pytest.approx([2.0, 20.0, 20.0, 2.0], abs=1e-3)


def test_on_an_instance_ecs_exec_takes_no_longer():
    def started(on: bool) -> float:
        of = {"taskDefinitions": [task_definition()], "autoScalingGroups": [group(1)], "duration": "5m"}
        return float(run_dict(scenario(services=[service(enableExecuteCommand=on)], **of)).tasks.started_at[0])

    assert started(True) == started(False)


WINDOWS = {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": "X86_64"}


@pytest.mark.rule("FG-023")
def test_a_windows_machine_boots_in_minutes_with_the_spread_of_the_rule():
    found = times(on_fargate(taskDefinitions=[definition(cpu="1024", memory="2048", runtimePlatform=WINDOWS)]))
    assert found["PENDING"] == 150
    # 12 s and 25 s in the rule, for both.
    assert DEFAULTS["fargateProvisionWindows"][0].sigma == pytest.approx(np.log(25 / 12) / 1.6448536269514722)


@pytest.mark.rule("FG-020")
def test_fargate_keeps_the_base_layer_of_windows_and_nothing_of_linux():
    def took(platform: dict[str, str], shared: float) -> float:
        of = definition(cpu="1024", memory="2048", runtimePlatform=platform)
        return pulled(on_fargate(images={"app": {"size": "700MB", "shared": shared}}, taskDefinitions=[of]))

    assert took(WINDOWS, 0.8) == pytest.approx(140 / ONE_VCPU)
    assert took({}, 0.8) == pytest.approx(700 / ONE_VCPU)


# -- quotas ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("FG-012")
def test_jobs_start_at_most_20_calls_a_second_and_ten_tasks_with_each():
    network = fargate()["networkConfiguration"]
    run = {"cluster": "prod", "taskDefinition": "app", "launchType": "FARGATE", "networkConfiguration": network}
    sim = Sim(on_fargate(services=[])).to(1)
    for many in range(20):
        assert len(sim.call("RunTask", count=5, **run)["tasks"]) == 5, many
    with pytest.raises(Exception, match="Rate exceeded"):
        sim.call("RunTask", count=5, **run)
    sim.to(1.5)
    for _ in range(10):
        sim.call("RunTask", count=1, **run)
    with pytest.raises(Exception, match="Rate exceeded"):
        sim.call("RunTask", count=1, **run)
    with pytest.raises(Exception, match="10"):
        sim.to(3).call("RunTask", count=11, **run)


@pytest.mark.rule("FG-011")
@pytest.mark.parametrize(("region", "burst", "rate"), [("us-east-1", 100, 20), ("eu-south-1", 25, 5)])
@pytest.mark.parametrize("architecture", ["X86_64", "ARM64"])
def test_the_launch_rate_depends_on_the_region_and_not_on_the_architecture(
    region: str, burst: int, rate: int, architecture: str
):
    document = on_fargate(
        region=region,
        duration="10s",
        subnets=[subnet("a", f"{region}a")],
        taskDefinitions=[definition(runtimePlatform={"cpuArchitecture": architecture})],
        services=[fargate("one", 100), fargate("two", 100)],
    )
    created = run_dict(document).tasks.created_at
    assert (created == 0).sum() == burst
    assert (created <= 2).sum() == burst + 2 * rate


# -- retirement -----------------------------------------------------------------------------------------------


def retiring(wait: str | None = "0", at: str = "1h", **parts: Any) -> Document:
    settings = {} if wait is None else {"fargateTaskRetirementWaitPeriod": wait}
    return on_fargate(
        **(
            {
                "duration": "2h",
                "initialState": "steady",
                "account": {"settings": settings},
                "timing": {"profile": "fixed", "fargateRevision": "1000d"},
                "services": [fargate(count=3)],
                "timeline": [fault(at, "fargateRetirement")],
            }
            | parts
        )
    )


@pytest.mark.rule("FG-030", "QUOTA-028")
@pytest.mark.parametrize(("wait", "days"), [("0", 0), (None, 7), ("14", 14)])
def test_tasks_retire_after_the_wait_of_the_account(wait: str | None, days: int):
    sim = Sim(retiring(wait, duration="8d" if days else "2h"))
    assert sim.engine.retirement.wait == days * DAY
    if days == 14:
        return
    sim.engine.observers.clear()
    tasks = sim.finish().tasks
    old = tasks[tasks.created_at <= 0]
    assert len(old) == 3
    # The successors are made at once, and the old ones go when those are healthy.
    successors = tasks[tasks.created_at > 0].created_at
    assert all(3600 + days * DAY <= t < 3600 + days * DAY + 10 for t in successors)
    assert all(3600 + days * DAY + VM < t < 3600 + days * DAY + 180 for t in old.stopping_at)


@pytest.mark.rule("FG-030")
def test_tasks_that_are_younger_than_the_revision_stay():
    document = retiring(timeline=[fault("1h", "fargateRetirement")], duration="90m")
    document["timeline"].insert(0, call("50m", "UpdateService", cluster="prod", service="web", desiredCount=5))
    sim = Sim(document)
    sim.engine.retirement.wait = 600.0
    sim.to(3600 + 60)
    # One more comes between the announcement and its end.
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=6)
    tasks = sim.finish().tasks
    stopped = tasks[tasks.stop_code == "TerminationNotice"]
    assert len(stopped) == 5
    assert (stopped.created_at < 3600).all()


@pytest.mark.rule("FG-031", "LIFE-043")
def test_a_service_task_is_replaced_before_it_stops():
    sim = Sim(retiring()).to(3600 + 1)
    web = sim.service()
    least = 3
    for t in np.arange(3601, 3900, 2.0):
        sim.to(float(t))
        least = min(least, sum(d.running for d in web.deployments))
    assert least == 3
    result = sim.finish()
    stopped = result.tasks[result.tasks.created_at <= 0]
    assert set(stopped.stop_code) == {"TerminationNotice"}
    expected = "ECS is performing maintenance on the underlying infrastructure hosting the task"
    assert set(stopped.stopped_reason) == {expected}


@pytest.mark.rule("FG-031")
def test_a_summary_tells_retirements_from_interruptions():
    summary = run_dict(retiring()).summary()
    assert (summary["services"]["web"]["retired"], summary["services"]["web"]["interruptions"]) == (3, 0)
    texts = [f["text"] for f in summary["findings"] if f["what"] == "service.retired"]
    assert texts == ["Fargate retired 3 tasks of service web for maintenance; each was replaced as in a deployment."]


@pytest.mark.rule("FG-031")
def test_below_100_percent_the_old_tasks_need_not_wait():
    at_once = retiring(services=[fargate(count=4, deploymentConfiguration=percent(50, 200))])
    tasks = run_dict(at_once).tasks
    old = tasks[tasks.created_at <= 0]
    assert (old.stopping_at < 3600 + 10).sum() == 2


@pytest.mark.rule("FG-031")
def test_a_standalone_task_is_just_stopped():
    network = fargate()["networkConfiguration"]
    run = {"cluster": "prod", "taskDefinition": "app", "launchType": "FARGATE", "networkConfiguration": network}
    document = retiring(services=[], timeline=[call("10m", "RunTask", **run), fault("1h", "fargateRetirement")])
    tasks = run_dict(document).tasks
    assert list(tasks.stop_code) == ["TerminationNotice"]
    assert tasks.stopping_at[0] == 3600
    assert tasks.address_freed_at[0] == 3600 + STOP + ENI_DELETE + COOLING


@pytest.mark.rule("FG-032")
def test_the_platform_has_a_revision_every_60_days_on_average():
    sims = [Sim(on_fargate(timing={"profile": "typical"}), seed) for seed in range(3)]
    gaps = np.array([[sim.engine.retirement.gap(n) / DAY for n in range(400)] for sim in sims])
    assert abs(gaps.mean() - 60) < 5
    assert gaps.min() > 0
    assert len(set(gaps[:, 0])) == 3
    assert DEFAULTS["fargateRevision"][1] == "FG-032"


@pytest.mark.rule("FG-032", "FG-030")
def test_revisions_come_by_themselves_and_take_every_older_task():
    document = retiring(
        duration="1d",
        timing={"profile": "typical", "fargateRevision": {"exponential": {"mean": "4h"}}},
        timeline=[],
    )
    result = run_dict(document)
    notices = result.calls[result.calls.action == "FargateTaskRetirement"]
    assert 2 <= len(notices) <= 14
    assert set(notices.caller) == {"aws"}
    tasks = result.tasks
    alive_at_end = tasks[tasks.stopped_at.isna()]
    assert (alive_at_end.created_at >= notices.t.max()).all()
    assert (tasks.stop_code == "TerminationNotice").sum() >= 3 * (len(notices) - 1)
