"""A task's way through its states on the clock: which states, and when, by the fixed timing profile."""

from __future__ import annotations

import itertools

import pytest
from builders import (
    COLD,
    DISPATCH,
    ENI_ATTACH,
    ENI_DELETE,
    MANIFEST,
    PULL,
    START,
    STOP,
    WARM,
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
    states,
    subnet,
    target_group,
    task_definition,
)

VPC = {"taskDefinitions": [task_definition(networkMode="awsvpc")]}
#: Instances that are there from the first second on.
READY = {"instanceBoot": "0s"}


def on_ec2(**more):
    base = {
        "duration": "5m",
        "taskDefinitions": [task_definition()],
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", **READY},
    }
    return scenario(**(base | more))


def run_task(at="10s", **more):
    return call(at, "RunTask", cluster="prod", taskDefinition="app", **({"launchType": "EC2"} | more))


def times(result, task=0):
    """``lastStatus -> t``, relative to the first."""
    rows = path(result, task)
    return {s: round(t - rows[0][0], 3) for t, s in rows}


# -- the way, by launch type, network mode and targets --------------------------------------------------------

LONG = "PROVISIONING PENDING ACTIVATING RUNNING STOPPING DEPROVISIONING STOPPED"
SHORT = "PENDING ACTIVATING RUNNING STOPPING STOPPED"
DRAINED = " DEACTIVATING STOPPING"


@pytest.mark.parametrize(
    ("mode", "launch_type", "targets", "expected"),
    [
        pytest.param(
            "awsvpc", "FARGATE", True, LONG, id="Fargate behind a target group", marks=pytest.mark.rule("LIFE-020")
        ),
        pytest.param("awsvpc", "FARGATE", False, LONG, id="Fargate alone", marks=pytest.mark.rule("LIFE-021")),
        pytest.param(
            "awsvpc", "EC2", True, LONG, id="awsvpc on EC2 behind a target group", marks=pytest.mark.rule("LIFE-022")
        ),
        pytest.param("awsvpc", "EC2", False, LONG, id="awsvpc on EC2", marks=pytest.mark.rule("LIFE-022")),
        pytest.param("bridge", "EC2", False, SHORT, id="bridge", marks=pytest.mark.rule("LIFE-023")),
        pytest.param(
            "bridge", "EC2", True, SHORT, id="bridge behind a target group", marks=pytest.mark.rule("LIFE-023")
        ),
        pytest.param("host", "EC2", False, SHORT, id="host", marks=pytest.mark.rule("LIFE-023")),
        pytest.param("none", "EC2", False, SHORT, id="none", marks=pytest.mark.rule("LIFE-023")),
    ],
)
def test_the_way_of_a_service_task(mode: str, launch_type: str, targets: bool, expected: str) -> None:
    document = service(launchType=launch_type)
    if mode == "awsvpc":
        document["networkConfiguration"] = awsvpc()
    if targets:
        document["loadBalancers"] = behind()
        expected = expected.replace(" STOPPING", DRAINED)
    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(networkMode=mode)],
            targetGroups=[target_group()],
            services=[document],
            timeline=[call("2m", "UpdateService", cluster="prod", service="web", desiredCount=0)],
        )
    )
    assert states(result) == expected.split()


@pytest.mark.rule("LIFE-082", "LIFE-084", "LIFE-033")
def test_a_bridge_task_on_a_new_instance_pulls_and_starts() -> None:
    result = run_dict(on_ec2(timeline=[run_task()]))
    assert times(result) == {"PENDING": 0, "ACTIVATING": DISPATCH, "RUNNING": pytest.approx(COLD)}
    task = result.tasks.iloc[0]
    assert task.pull_stopped_at - task.pull_started_at == pytest.approx(MANIFEST + PULL)
    assert task.started_at == pytest.approx(path(result)[-1][0], abs=1e-5)


@pytest.mark.rule("LIFE-084")
def test_a_cached_image_is_not_pulled_again() -> None:
    result = run_dict(on_ec2(timeline=[run_task("10s"), run_task("60s")]))
    assert times(result, 0)["RUNNING"] == pytest.approx(COLD)
    assert times(result, 1)["RUNNING"] == pytest.approx(WARM)


@pytest.mark.rule("LIFE-084", "AGENT-031")
def test_images_are_pulled_side_by_side_over_one_link() -> None:
    two = task_definition(containerDefinitions=[{"name": "web", "image": "app"}, {"name": "side", "image": "large"}])
    result = run_dict(
        on_ec2(
            taskDefinitions=[two],
            images={"app": {"size": "60MB"}, "large": {"size": "600MB"}},
            timeline=[run_task()],
        )
    )
    assert times(result)["RUNNING"] == pytest.approx(DISPATCH + MANIFEST + 1 + 10 + START)


@pytest.mark.rule("NET-054", "LIFE-004")
@pytest.mark.parametrize(
    ("trunking", "extra"),
    [
        pytest.param("disabled", 0.0, id="an interface of its own"),
        pytest.param("enabled", 1.0, id="a branch interface takes a second more"),
    ],
)
def test_an_interface_is_attached_first(trunking: str, extra: float) -> None:
    result = run_dict(
        on_ec2(
            **VPC,
            account={"settings": {"awsvpcTrunking": trunking}},
            timeline=[run_task("60s", networkConfiguration=awsvpc())],
        )
    )
    assert times(result)["PENDING"] == pytest.approx(ENI_ATTACH + extra)
    assert times(result)["RUNNING"] == pytest.approx(ENI_ATTACH + extra + COLD)


@pytest.mark.parametrize(
    ("cpu", "memory", "measured", "estimated"),
    [
        pytest.param("256", "512", 10.5, 12, id="a quarter vCPU"),
        pytest.param("512", "1024", 11, 20, id="half a vCPU"),
        pytest.param("1024", "2048", 12, 35, id="one vCPU"),
        pytest.param("2048", "4096", 19, 55, id="two vCPU"),
        pytest.param("4096", "8192", 27, 80, id="four vCPU"),
        pytest.param("8192", "16384", 34, 100, id="eight vCPU"),
    ],
)
@pytest.mark.rule("FG-023", "FG-024", "LIFE-081", "LIFE-031")
def test_a_fargate_task_gets_a_vm_an_agent_and_its_image(
    cpu: str, memory: str, measured: float, estimated: float
) -> None:
    for model, rate in (({}, measured), ({"fargatePullRates": "estimated"}, estimated)):
        result = run_dict(
            scenario(
                duration="5m",
                taskDefinitions=[task_definition(networkMode="awsvpc", cpu=cpu, memory=memory)],
                services=[fargate()],
                model=model,
            )
        )
        expected = {"PROVISIONING": 0, "PENDING": 4, "ACTIVATING": 11, "RUNNING": round(11 + 60 / rate + 2, 3)}
        assert times(result) == pytest.approx(expected)
        # Its agent is connected when the machine stands, and prepares from then on.
        assert result.tasks.connectivity_at[0] == 4


@pytest.mark.rule("FG-020", "LIFE-085")
def test_fargate_has_no_image_cache() -> None:
    result = run_dict(scenario(duration="5m", **VPC, services=[fargate(count=3)]))
    assert {times(result, n)["RUNNING"] for n in range(3)} == {round(11 + 60 / 10.5 + 2, 3)}


@pytest.mark.rule("LIFE-007")
def test_a_slow_registry_slows_the_pull_alone() -> None:
    result = run_dict(on_ec2(timeline=[fault("1s", "registrySlow", factor=10, **{"for": "60s"}), run_task("10s")]))
    assert times(result)["RUNNING"] == pytest.approx(COLD + 9 * PULL)


# -- the way down ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stops_after", "timeout", "took"),
    [
        pytest.param("3s", None, 3.0, id="a process that ends by itself ends the wait"),
        pytest.param("200s", None, 30.0, id="stopTimeout is 30 s by default", marks=pytest.mark.rule("LIFE-059")),
        pytest.param("200s", 7, 7.0, id="a given stopTimeout kills"),
        pytest.param("never", 9, 9.0, id="a process that ignores the signal is killed at stopTimeout"),
        pytest.param(None, 9, STOP, id="a process that says nothing ends at once"),
    ],
)  # fmt: skip
@pytest.mark.rule("LIFE-060", "LIFE-010")
def test_stopping(stops_after: str | None, timeout: int | None, took: float) -> None:
    container = {"stopTimeout": timeout} if timeout else {}
    sim = Sim(
        on_ec2(
            taskDefinitions=[task_definition(container=container)],
            behaviour={"app": {"stopsAfter": stops_after}} if stops_after else {},
            timeline=[run_task()],
        )
    ).to(60)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    result = sim.finish()
    rows = {s: t for t, s in path(result)}
    assert rows["STOPPED"] - rows["STOPPING"] == pytest.approx(took)
    assert rows["STOPPING"] == 60


@pytest.mark.rule("LIFE-042", "LIFE-049")
def test_the_callers_reason_becomes_the_stopped_reason_and_stays() -> None:
    sim = Sim(on_ec2(behaviour={"app": {"stopsAfter": "20s"}}, timeline=[run_task()])).to(60)
    task = sim.engine.task_id(sim.tasks()[0])
    sim.call("StopTask", cluster="prod", task=task, reason="maintenance at dawn")
    sim.to(65).call("StopTask", cluster="prod", task=task, reason="another reason")
    row = sim.finish().tasks.iloc[0]
    assert (row.stop_code, row.stopped_reason) == ("UserInitiated", "maintenance at dawn")
    assert row.stopped_at == 80


@pytest.mark.rule("LIFE-027", "LIFE-034")
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param("bridge", SHORT, id="without an interface"),
        pytest.param("awsvpc", LONG, id="with an interface to release"),
    ],
)
def test_a_task_whose_container_ends_by_itself(mode: str, expected: str) -> None:
    network = {"networkConfiguration": awsvpc()} if mode == "awsvpc" else {}
    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(networkMode=mode)],
            behaviour={"app": {"runsFor": "60s"}},
            timeline=[run_task(**network)],
        )
    )
    assert states(result) == expected.split()
    row = result.tasks.iloc[0]
    assert row.stop_code == "EssentialContainerExited"
    assert row.execution_stopped_at - row.started_at == pytest.approx(60)


@pytest.mark.rule("LB-040", "LB-062", "LIFE-009", "SVC-071")
def test_a_stopped_task_drains_for_the_whole_delay_before_the_signal() -> None:
    result = run_dict(
        on_ec2(
            targetGroups=[target_group(deregistrationDelay=45)],
            services=[service(loadBalancers=behind())],
            timeline=[call("2m", "UpdateService", cluster="prod", service="web", desiredCount=0)],
        )
    )
    rows = path(result)[3:]
    assert rows == [(120, "DEACTIVATING"), (165, "STOPPING"), (166, "STOPPED")]
    assert result.tasks.drained_at[0] == 165


@pytest.mark.rule("LB-040")
def test_of_several_target_groups_the_longest_delay_counts() -> None:
    result = run_dict(
        on_ec2(
            targetGroups=[target_group(deregistrationDelay=45), target_group("slow", deregistrationDelay=70)],
            services=[service(loadBalancers=behind("tg", "slow"))],
            timeline=[call("2m", "UpdateService", cluster="prod", service="web", desiredCount=0)],
        )
    )
    assert path(result)[3:5] == [(120, "DEACTIVATING"), (190, "STOPPING")]


@pytest.mark.rule("NET-055", "NET-060", "LIFE-011", "FG-026")
def test_an_address_is_in_use_until_the_interface_is_deleted_and_then_cools() -> None:
    sim = Sim(scenario(duration="10m", **VPC, services=[fargate()], subnets=[subnet("a", cidr="10.0.0.0/28")]))
    free = lambda: sim.engine.world.subnets[0].pool.free  # noqa: E731
    sim.to(60)
    assert free() == 10
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=0)
    sim.to(60 + STOP + ENI_DELETE - 0.1)
    assert sim.statuses() == ["DEPROVISIONING"]
    sim.to(60 + STOP + ENI_DELETE + 0.1)
    assert sim.statuses() == []
    pool, now = sim.engine.world.subnets[0], 60 + STOP + ENI_DELETE
    sim.engine.subnets.thaw(pool, now + 29.9)
    assert free() == 10
    sim.engine.subnets.thaw(pool, now + 30.0)
    assert free() == 11
    result = sim.finish()
    assert result.tasks.address_freed_at[0] == pytest.approx(now + 30)


# -- starts that fail -----------------------------------------------------------------------------------------


@pytest.mark.rule("NET-050", "NET-051", "LIFE-047", "LIFE-041")
def test_without_a_free_address_the_task_is_created_and_fails() -> None:
    result = run_dict(
        scenario(
            duration="15s",
            **VPC,
            subnets=[subnet("a", cidr="10.0.0.0/28", addressesInUse=11)],
            services=[fargate()],
        )
    )
    assert path(result) == [(0, "PROVISIONING"), (10, "STOPPED")]
    row = result.tasks.iloc[0]
    assert row.stop_code == "TaskFailedToStart"
    assert row.stopped_reason == (
        "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled "
        "in subnet 'a': InsufficientFreeAddressesInSubnet"
    )
    assert row.started_at != row.started_at
    event = result.subnet_events.iloc[0]
    assert (event.subnet, event.consumer, event.task_id) == ("a", "tasks", row.task_id)


@pytest.mark.rule("NET-050")
def test_the_reason_says_whether_a_public_address_was_wanted() -> None:
    network = {"awsvpcConfiguration": {"subnets": ["a"], "assignPublicIp": "ENABLED"}}
    result = run_dict(
        scenario(
            duration="15s",
            **VPC,
            subnets=[subnet("a", cidr="10.0.0.0/28", addressesInUse=11)],
            services=[fargate(networkConfiguration=network)],
        )
    )
    assert "public IP assignment enabled" in result.tasks.stopped_reason[0]


@pytest.mark.rule("LIFE-026", "LIFE-041")
@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param("bridge", "PENDING ACTIVATING STOPPED", id="there is nothing to release"),
        pytest.param(
            "awsvpc", "PROVISIONING PENDING ACTIVATING DEPROVISIONING STOPPED", id="the interface is released"
        ),
    ],
)
def test_a_task_that_cannot_start_unwinds_what_it_has(mode: str, expected: str) -> None:
    network = {"networkConfiguration": awsvpc()} if mode == "awsvpc" else {}
    result = run_dict(
        on_ec2(
            taskDefinitions=[task_definition(networkMode=mode)],
            behaviour={"app": {"failsToStart": {"share": 1.0, "reason": "CannotPullContainerError: no"}}},
            timeline=[run_task(**network)],
        )
    )
    assert states(result) == expected.split()
    row = result.tasks.iloc[0]
    assert row.stop_code == "TaskFailedToStart"
    assert row.stopped_reason == "CannotPullContainerError: no"
    assert row.started_at != row.started_at


@pytest.mark.rule("LIFE-028", "AGENT-026")
@pytest.mark.parametrize("targets", [True, False], ids=["behind a target group", "without targets"])
def test_a_terminated_instance_takes_its_tasks_at_once(targets: bool) -> None:
    document = service(loadBalancers=behind()) if targets else service()
    sim = Sim(
        on_ec2(
            targetGroups=[target_group()],
            capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": {"autoScalingGroup": "asg"}}],
            clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
            services=[document],
            timeline=[fault("2m", "instanceTermination", capacityProvider="ec2", count=1)],
        )
    )
    sim.to(120)
    sim.to(120.5)
    assert not sim.engine.world.target_groups[0].members
    result = sim.finish()
    assert path(result)[-1] == (120, "STOPPED")
    assert states(result)[-2:] == ["RUNNING", "STOPPED"]
    instances = result.instances
    assert instances.terminated_at[0] == 120
    assert len(instances) == 2


# -- the agent's queue ----------------------------------------------------------------------------------------


@pytest.mark.rule("AGENT-040", "AGENT-041", "LIFE-006")
def test_a_new_task_is_placed_while_the_old_one_shuts_down_and_waits_in_pending() -> None:
    big = task_definition(cpu="2048", memory="4096")
    sim = Sim(on_ec2(taskDefinitions=[big], behaviour={"app": {"stopsAfter": "25s"}}, timeline=[run_task()]))
    sim.to(60)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    answer = sim.call("RunTask", cluster="prod", taskDefinition="app", launchType="EC2")
    assert len(answer["tasks"]) == 1
    sim.to(84.9)
    assert sim.statuses() == ["STOPPING", "PENDING"]
    sim.to(85.1)
    assert sim.statuses() == ["ACTIVATING"]
    assert path(sim.finish(), 1)[1] == (85, "ACTIVATING")


@pytest.mark.rule("AGENT-040")
def test_the_head_of_the_agents_queue_blocks_those_behind_it() -> None:
    sim = Sim(
        on_ec2(
            taskDefinitions=[
                task_definition("old", cpu="1024", memory="512"),
                task_definition("big", cpu="1536", memory="512"),
                task_definition("small", cpu="256", memory="512"),
            ],
            behaviour={"old": {"stopsAfter": "20s"}},
        )
    ).to(1)
    sim.call("RunTask", cluster="prod", taskDefinition="old", launchType="EC2")
    sim.to(30).call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    sim.call("RunTask", cluster="prod", taskDefinition="big", launchType="EC2")
    sim.call("RunTask", cluster="prod", taskDefinition="small", launchType="EC2")
    # 1,024 CPU units are physically free: enough for the small task, which waits all the same.
    sim.to(49)
    assert sim.statuses() == ["STOPPING", "PENDING", "PENDING"]
    sim.to(50.1)
    assert sim.statuses() == ["ACTIVATING", "ACTIVATING"]


@pytest.mark.rule("AGENT-040", "NET-007")
def test_a_host_port_is_free_for_placement_before_it_is_free_on_the_instance() -> None:
    port = task_definition(container={"portMappings": [{"containerPort": 80, "hostPort": 8080}]})
    sim = Sim(on_ec2(taskDefinitions=[port], behaviour={"app": {"stopsAfter": "20s"}}, timeline=[run_task()]))
    sim.to(60)
    answer = sim.call("RunTask", cluster="prod", taskDefinition="app", launchType="EC2")
    assert [failure["reason"] for failure in answer["failures"]] == ["RESOURCE:PORTS"]
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    assert sim.call("RunTask", cluster="prod", taskDefinition="app", launchType="EC2")["tasks"]
    sim.to(79)
    assert sim.statuses() == ["STOPPING", "PENDING"]
    sim.to(81)
    assert sim.statuses() == ["ACTIVATING"]


@pytest.mark.rule("AGENT-024")
def test_a_disconnected_agent_takes_no_task_and_starts_none() -> None:
    sim = Sim(on_ec2(timeline=[run_task("10s"), run_task("60s")])).to(60.1)
    instance = sim.engine.world.instances[0]
    sim.engine.groups.connect(instance, False, 0)
    answer = sim.call("RunTask", cluster="prod", taskDefinition="app", launchType="EC2")
    assert [failure["reason"] for failure in answer["failures"]] == ["AGENT"]
    sim.to(70)
    # What runs goes on; what was on its way to the agent waits for the connection.
    assert sim.statuses() == ["RUNNING", "PENDING"]
    sim.engine.groups.connect(instance, True, 0)
    assert sim.statuses() == ["RUNNING", "ACTIVATING"]
    assert sim.call("RunTask", cluster="prod", taskDefinition="app", launchType="EC2")["tasks"]


# -- the record -----------------------------------------------------------------------------------------------


def busy() -> dict:
    """Something of everything: services on both launch types, failures, updates, a lost instance."""
    return scenario(
        duration="40m",
        timing={"profile": "typical"},
        subnets=[
            subnet("a", "us-east-1a", "10.0.0.0/27"),
            subnet("b", "us-east-1b", "10.0.1.0/27"),
        ],
        taskDefinitions=[
            task_definition(),
            task_definition(),
            task_definition("vpc", networkMode="awsvpc"),
            task_definition("job"),
        ],
        targetGroups=[target_group()],
        autoScalingGroups=[group(4, subnets=["a", "b"])],
        behaviour={
            "job": {"runsFor": {"exponential": {"mean": "50s"}}, "exitCode": {"0": 0.7, "1": 0.3}},
            "vpc": {"failure": {"rate": 0.3, "after": "90s"}, "failsToStart": {"share": 0.1}},
        },
        services=[
            service(count=6),
            fargate("farm", 8, taskDefinition="vpc", networkConfiguration=awsvpc("a", "b")),
            service("lb", 4, taskDefinition="vpc", networkConfiguration=awsvpc("a", "b"), loadBalancers=behind()),
        ],
        jobs=[
            {
                "name": "batch",
                "arrivals": {"poisson": "6/min"},
                "runTask": {"cluster": "prod", "taskDefinition": "job", "launchType": "EC2"},
            }
        ],
        timeline=[
            call("10m", "UpdateService", cluster="prod", service="web", taskDefinition="app:2"),
            fault("15m", "addressesTaken", subnet="a", count=20, **{"for": "5m"}),
            fault("20m", "taskCrash", service="farm", fraction=0.5),
            call("25m", "UpdateService", cluster="prod", service="farm", desiredCount=2),
        ],
    )


ORDER = ["created_at", "connectivity_at", "pull_started_at", "pull_stopped_at", "started_at"]


@pytest.mark.rule("LIFE-036", "LIFE-030", "LIFE-035")
@pytest.mark.parametrize("initial", ["empty", "steady"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_timestamps_of_a_task_keep_their_order(initial: str, seed: int) -> None:
    tasks = run_dict(busy() | {"initialState": initial}, seed).tasks
    assert len(tasks) > 100
    for a, b in itertools.pairwise(ORDER):
        both = tasks[tasks[a].notna() & tasks[b].notna()]
        assert (both[a] <= both[b]).all(), (a, b)
    for end in ("stopping_at", "execution_stopped_at"):
        for before, after in (("started_at", end), (end, "stopped_at")):
            both = tasks[tasks[before].notna() & tasks[after].notna()]
            assert (both[before] <= both[after]).all(), (before, after)
    ended = tasks[tasks["stopped_at"].notna()]
    assert ended["stopping_at"].notna().all()
    assert ended["stop_code"].notna().all()
    assert (tasks["address_freed_at"].dropna() >= tasks["stopped_at"][tasks["address_freed_at"].notna()]).all()


@pytest.mark.rule("LIFE-003", "LIFE-002")
def test_every_event_of_a_task_goes_forward_and_desired_status_falls_once() -> None:
    events = run_dict(busy()).task_events
    rank = {name: n for n, name in enumerate(("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING",
                                              "STOPPING", "DEPROVISIONING", "STOPPED"))}  # fmt: skip
    assert set(events["desired_status"].astype(str)) == {"RUNNING", "STOPPED"}
    for _, rows in events.groupby(events["task_id"].astype(str)):
        ranks = [rank[s] for s in rows["last_status"].astype(str)]
        assert ranks == sorted(set(ranks))
        wanted = list(rows["desired_status"].astype(str))
        assert wanted == sorted(wanted)
        assert (rows["t"].diff().dropna() >= 0).all()
    ids = events["event_id"]
    assert ids.is_unique
    assert (events["cause_id"] < ids).all()


@pytest.mark.rule("LIFE-084")
def test_a_task_that_comes_while_the_image_is_on_its_way_waits_for_the_same_pull() -> None:
    result = run_dict(on_ec2(images={"app": {"size": "600MB"}}, timeline=[run_task("10s"), run_task("13s")]))
    assert times(result, 0)["RUNNING"] == pytest.approx(DISPATCH + MANIFEST + 10 + START)
    assert times(result, 1)["RUNNING"] == pytest.approx(DISPATCH + MANIFEST + 10 + START - 3, abs=2e-3)
