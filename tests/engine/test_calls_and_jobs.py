"""The one door and its clients: RunTask and StartTask, throttling, refusals, jobs, and the Auto Scaling group."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import (
    COOLING,
    Sim,
    awsvpc,
    behind,
    call,
    fargate,
    fault,
    group,
    path,
    percent,
    provider,
    run_dict,
    scenario,
    service,
    subnet,
    target_group,
    task_definition,
)

from ecssim.errors import ClientError
from ecssim.run import run as run_loaded
from ecssim.scenario.load import load_mapping
from ecssim.world.states import INACTIVE


def on_ec2(**more):
    base = {
        "duration": "10m",
        "taskDefinitions": [task_definition(), task_definition("big", cpu="1024", memory="1024")],
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
    }
    return scenario(**(base | more))


def run(sim: Sim, family: str = "app", **more):
    return sim.call("RunTask", cluster="prod", taskDefinition=family, **({"launchType": "EC2"} | more))


# -- RunTask and StartTask ------------------------------------------------------------------------------------


@pytest.mark.rule("PLACE-060", "LIFE-038")
def test_run_task_starts_up_to_ten_and_partial_success_is_normal() -> None:
    sim = Sim(on_ec2()).to(1)
    answer = run(sim, "big", count=5)
    assert len(answer["tasks"]) == 2
    arn = f"arn:aws:ecs:us-east-1:123456789012:container-instance/prod/{sim.engine.world.instances[0].id}"
    assert answer["failures"] == [{"arn": arn, "reason": "RESOURCE:CPU"}] * 3
    sim.to(300)
    assert sim.statuses() == ["RUNNING"] * 2  # nothing is retried
    result = sim.finish()
    assert set(result.tasks.group.astype(str)) == {"family:big"}


@pytest.mark.rule("PLACE-060")
@pytest.mark.parametrize("count", [0, 11])
def test_a_count_outside_1_to_10_is_refused(count: int) -> None:
    sim = Sim(on_ec2()).to(1)
    with pytest.raises(ClientError):
        run(sim, count=count)
    assert sim.tasks() == []


@pytest.mark.parametrize(
    ("definition", "more", "reason"),
    [
        pytest.param({"cpu": "4096", "memory": "512"}, {}, "RESOURCE:CPU", id="CPU"),
        pytest.param({"cpu": "256", "memory": "9000"}, {}, "RESOURCE:MEMORY", id="memory"),
        pytest.param(
            {"container": {"resourceRequirements": [{"type": "GPU", "value": "1"}]}},
            {},
            "RESOURCE:GPU",
            id="GPUs",
        ),
        pytest.param(
            {"container": {"portMappings": [{"containerPort": 22, "hostPort": 22}]}},
            {},
            "RESOURCE:PORTS",
            id="a port that the host holds",
            marks=pytest.mark.rule("AGENT-006"),
        ),
        pytest.param(
            {"networkMode": "awsvpc"}, {"networkConfiguration": awsvpc("b")}, "LOCATION", id="another zone",
            marks=pytest.mark.rule("NET-041"),
        ),
    ],
)  # fmt: skip
@pytest.mark.rule("PLACE-061", "PLACE-065")
def test_the_reasons_of_run_task(definition: dict, more: dict, reason: str) -> None:
    sim = Sim(on_ec2(taskDefinitions=[task_definition(**definition)])).to(1)
    answer = run(sim, **more)
    assert answer["tasks"] == []
    assert [failure["reason"] for failure in answer["failures"]] == [reason]


@pytest.mark.rule("PLACE-061", "NET-010", "PLACE-008")
def test_the_slots_for_interfaces_run_out() -> None:
    sim = Sim(on_ec2(taskDefinitions=[task_definition(networkMode="awsvpc")])).to(1)
    answer = run(sim, count=3, networkConfiguration=awsvpc())
    assert len(answer["tasks"]) == 2
    assert [failure["reason"] for failure in answer["failures"]] == ["RESOURCE:ENI"]


@pytest.mark.rule("PLACE-061")
def test_start_task_goes_to_the_named_instances_or_says_why_not() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(3)])).to(1)
    one, two, three = sim.engine.world.instances
    sim.engine.groups.connect(three, False, 0)
    run(sim, "big", count=4)
    answer = sim.call(
        "StartTask",
        cluster="prod",
        taskDefinition="big",
        containerInstances=[one.id, "i-00000000000000000", three.id],
    )
    assert [f["reason"] for f in answer["failures"]] == ["RESOURCE:CPU", "MISSING", "AGENT"]
    answer = sim.call("StartTask", cluster="prod", taskDefinition="app", containerInstances=[two.id])
    assert answer["tasks"] == [] or sim.tasks("app")[0].instance == two.ordinal


@pytest.mark.rule("CAP-037", "CAP-031")
def test_the_strategy_is_applied_within_each_call() -> None:
    strategy = [
        {"capacityProvider": "FARGATE", "weight": 1, "base": 1},
        {"capacityProvider": "FARGATE_SPOT", "weight": 3},
    ]
    sim = Sim(
        on_ec2(
            taskDefinitions=[task_definition(networkMode="awsvpc")],
            clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
        )
    ).to(1)
    for _ in range(2):
        sim.call(
            "RunTask", cluster="prod", taskDefinition="app", count=5, capacityProviderStrategy=strategy,
            networkConfiguration=awsvpc(),
        )  # fmt: skip
    providers = list(sim.finish().tasks.capacity_provider.astype(str))
    assert providers.count("FARGATE") == 4
    assert providers.count("FARGATE_SPOT") == 6


@pytest.mark.rule("FG-010", "FG-011", "CAP-042")
def test_run_task_on_fargate_fails_by_quota_and_by_rate() -> None:
    sim = Sim(
        on_ec2(
            taskDefinitions=[task_definition(networkMode="awsvpc")],
            account={"quotas": {"fargateOnDemandVcpu": 1, "fargateLaunchBurst": 3, "fargateLaunchRate": 1}},
        )
    ).to(1)
    farm = {"launchType": "FARGATE", "networkConfiguration": awsvpc()}
    answer = run(sim, count=4, **farm)
    assert len(answer["tasks"]) == 3
    assert answer["failures"][0]["reason"].startswith("Capacity is unavailable at this time")
    sim.to(10)
    answer = run(sim, count=3, **farm)
    assert len(answer["tasks"]) == 1
    assert "limit on the number of vCPUs" in answer["failures"][0]["reason"]


# -- throttling and refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "params", "burst", "rate"),
    [
        pytest.param(
            "StopTask", {"cluster": "prod", "task": "0" * 32}, 100, 40, id="changes of cluster resources",
            marks=pytest.mark.rule("QUOTA-021"),
        ),
        pytest.param(
            "UpdateService", {"cluster": "prod", "service": "web", "desiredCount": 1}, 50, 5,
            id="changes of services", marks=pytest.mark.rule("QUOTA-023"),
        ),
        pytest.param(
            "UpdateTaskProtection",
            {"cluster": "prod", "tasks": ["0" * 32], "protectionEnabled": True}, 200, 80,
            id="task protection", marks=pytest.mark.rule("QUOTA-025"),
        ),
    ],
)  # fmt: skip
@pytest.mark.rule("QUOTA-020")
def test_calls_are_throttled_by_category(action: str, params: dict, burst: int, rate: int) -> None:
    sim = Sim(on_ec2(services=[service()])).to(60)

    def throttled() -> bool:
        answer = sim.engine.calls.call(action, params, "user")
        return isinstance(answer, ClientError) and answer.code == "ThrottlingException"

    assert [throttled() for _ in range(burst + 5)] == [False] * burst + [True] * 5
    sim.to(61)
    assert [throttled() for _ in range(rate + 1)] == [False] * rate + [True]


@pytest.mark.rule("QUOTA-020", "QUOTA-021")
def test_all_actions_of_a_category_share_one_bucket() -> None:
    sim = Sim(on_ec2()).to(1)
    for _ in range(100):
        sim.engine.calls.call("StopTask", {"cluster": "prod", "task": "0" * 32}, "user")
    with pytest.raises(ClientError, match="Rate exceeded"):
        run(sim)
    assert sim.tasks() == []


@pytest.mark.rule("QUOTA-020")
def test_a_fault_divides_the_rate_for_a_while() -> None:
    sim = Sim(on_ec2(timeline=[fault("1s", "apiThrottling", action="StopTask", factor=10, **{"for": "60s"})]))
    sim.to(2)

    def allowed() -> int:
        answers = [sim.engine.calls.call("StopTask", {"cluster": "prod", "task": "0" * 32}, "user") for _ in range(200)]
        return sum(a.code != "ThrottlingException" for a in answers if isinstance(a, ClientError))

    assert allowed() == 100
    sim.to(3)
    assert allowed() == 4
    sim.to(62)
    allowed()
    sim.to(63)
    assert allowed() == 40


@pytest.mark.rule("QUOTA-020")
def test_the_scenarios_own_set_up_takes_no_tokens() -> None:
    services = [service(f"s{n}", 0) for n in range(80)]
    sim = Sim(on_ec2(services=services)).to(1)
    sim.call("UpdateService", cluster="prod", service="s79", desiredCount=1)
    result = sim.finish()
    assert list(result.calls.caller.astype(str)).count("scenario") == 81


@pytest.mark.parametrize(
    ("action", "params", "code"),
    [
        pytest.param(
            "UpdateService", {"cluster": "prod", "service": "nobody", "desiredCount": 1},
            "ServiceNotFoundException", id="an unknown service",
        ),
        pytest.param(
            "RunTask", {"cluster": "other", "taskDefinition": "app", "launchType": "EC2"},
            "ClusterNotFoundException", id="an unknown cluster",
        ),
        pytest.param(
            "RunTask", {"cluster": "prod", "taskDefinition": "app:9", "launchType": "EC2"},
            "ClientException", id="an unknown revision",
        ),
        pytest.param(
            "StopTask", {"cluster": "prod", "task": "f" * 32},
            "InvalidParameterException", id="an unknown task",
        ),
        pytest.param(
            "CreateService", service(count=1), "InvalidParameterException", id="a name that is taken",
        ),
        pytest.param("MakeCoffee", {"cluster": "prod"}, "UnsupportedOperation", id="an unknown action"),
        pytest.param(
            "SetDesiredCapacity", {"autoScalingGroupName": "asg", "desiredCapacity": 101},
            "ValidationError", id="a group beyond its maximum", marks=pytest.mark.rule("ASG-042"),
        ),
    ],
)  # fmt: skip
def test_refusals_are_answers_and_rows_and_change_nothing(action: str, params: dict, code: str) -> None:
    sim = Sim(on_ec2(services=[service()])).to(60)
    created = sim.engine.lifecycle.created
    with pytest.raises(ClientError) as caught:
        sim.call(action, **params)
    assert caught.value.code == code
    assert sim.engine.lifecycle.created == created
    last = sim.finish().calls.iloc[-1]
    assert (last.action, last.result) == (action, code)
    assert last.error


# -- jobs -----------------------------------------------------------------------------------------------------


def jobs(every: str = "10s", **more):
    return {
        "name": "batch",
        "arrivals": {"every": every},
        "runTask": {"cluster": "prod", "taskDefinition": "big", "launchType": "EC2", "count": 2},
        **more,
    }


@pytest.mark.parametrize(
    "retry", [{"attempts": 1}, {"attempts": 5, "backoff": "3s"}, {"attempts": 50, "backoff": "1s", "maxBackoff": "9s"}]
)  # fmt: skip
def test_every_job_is_accounted_for(retry: dict) -> None:
    sim = Sim(on_ec2(behaviour={"big": {"runsFor": "35s", "failsToStart": {"share": 0.2}}}, jobs=[jobs(retry=retry)]))
    sim.to(599)
    account = sim.engine.job_streams[0].account()
    assert account["submitted"] == 120
    parts = ["done", "under_way", "failed_to_start", "waiting", "gave_up"]
    assert sum(account[p] for p in parts) == 120
    assert account["done"] > 0
    assert account["failed_to_start"] > 0
    tasks = sim.finish().tasks
    assert len(tasks) == account["done"] + account["under_way"] + account["failed_to_start"]


def test_a_caller_backs_off_twice_as_long_each_time_up_to_its_longest_wait() -> None:
    sim = Sim(
        on_ec2(
            autoScalingGroups=[],
            jobs=[jobs("1h", retry={"attempts": 6, "backoff": "2s", "maxBackoff": "10s"})],
        )
    )
    rows = sim.finish().calls
    tries = rows[(rows.action.astype(str) == "RunTask") & (rows.result.astype(str) == "ok")]
    assert list(tries.t) == [0, 2, 6, 14, 24, 34]
    assert set(tries.caller.astype(str)) == {"job/batch"}


def test_what_did_not_fit_is_tried_again_and_what_runs_is_not() -> None:
    sim = Sim(
        on_ec2(
            behaviour={"big": {"runsFor": "60s"}},
            jobs=[
                jobs(
                    "1h",
                    runTask={"cluster": "prod", "taskDefinition": "big", "launchType": "EC2", "count": 3},
                    retry={"attempts": 100, "backoff": "20s", "maxBackoff": "20s"},
                )
            ],
        )
    )
    sim.to(599)
    assert sim.engine.job_streams[0].account() | {"retried_calls": 0} == {
        "submitted": 3, "done": 3, "under_way": 0, "failed_to_start": 0, "waiting": 0, "gave_up": 0,
        "retried_calls": 0,
    }  # fmt: skip


def test_poisson_arrivals_do_not_depend_on_what_the_cluster_does() -> None:
    def arrivals(count: int) -> list[float]:
        rows = run_dict(on_ec2(autoScalingGroups=[group(count)], jobs=[jobs(arrivals={"poisson": "6/min"})])).calls
        return [t for t, c, r in zip(rows.t, rows.caller.astype(str), rows.result.astype(str), strict=True)
                if c == "job/batch" and r == "ok"]  # fmt: skip

    assert len(arrivals(0)) > 40
    assert arrivals(0) == arrivals(3)


# -- the Auto Scaling group -----------------------------------------------------------------------------------


@pytest.mark.rule("ASG-070", "AGENT-002", "NET-019")
@pytest.mark.parametrize(
    ("trunking", "took"),
    [
        pytest.param("disabled", 45, id="an instance registers 45 s after its launch"),
        pytest.param("enabled", 55, id="with trunking the trunk interface comes first"),
    ],
)
def test_launch_to_registered(trunking: str, took: float) -> None:
    result = run_dict(
        scenario(
            duration="5m",
            autoScalingGroups=[group(2)],
            account={"settings": {"awsvpcTrunking": trunking}},
        )
    )
    assert list(result.instances.registered_at) == [took] * 2
    events = result.instance_events
    assert list(events.status.astype(str)) == ["REGISTERING"] * 2 + ["ACTIVE"] * 2


@pytest.mark.rule("ASG-070")
def test_a_gpu_instance_takes_twice_as_long() -> None:
    result = run_dict(scenario(duration="5m", autoScalingGroups=[group(1, type="g4dn.xlarge")]))
    assert result.instances.registered_at[0] == 90


@pytest.mark.rule("ASG-050")
def test_new_instances_go_to_the_zone_with_the_fewest() -> None:
    sim = Sim(scenario(autoScalingGroups=[group(5, subnets=["a", "b"])])).to(100)
    zones = [i.zone for i in sim.engine.world.instances]
    assert sorted(zones.count(z) for z in set(zones)) == [2, 3]


@pytest.mark.rule("ASG-058")
def test_a_launch_that_finds_no_address_goes_elsewhere_or_is_tried_again() -> None:
    sim = Sim(
        scenario(
            subnets=[
                subnet("a", "us-east-1a", "10.0.0.0/28", addressesInUse=11),
                subnet("b", "us-east-1b", "10.0.1.0/28", addressesInUse=9),
            ],
            autoScalingGroups=[group(3, subnets=["a", "b"])],
        )
    ).to(30)
    assert [i.zone for i in sim.engine.world.instances] == ["us-east-1b"] * 2
    sim.engine.groups.terminate(sim.engine.world.instances[0], 0)
    # Its address cools for 30 s, and the next try is a minute after the last.
    sim.to(60 + COOLING + 60)
    assert sum(i.status != INACTIVE for i in sim.engine.world.instances) == 2
    events = sim.finish().subnet_events
    assert set(events.reason.astype(str)) == {"InsufficientFreeAddressesInSubnet"}
    assert set(events.consumer.astype(str)) == {"instances"}


@pytest.mark.rule("ASG-061", "ASG-062", "AGENT-004")
@pytest.mark.parametrize(("reserved", "memory"), [(0, 7987), (256, 7731)])
def test_what_an_instance_registers(reserved: int, memory: int) -> None:
    sim = Sim(scenario(autoScalingGroups=[group(1, agent={"ECS_RESERVED_MEMORY": reserved})])).to(60)
    cluster = sim.engine.world.clusters[0]
    registered = cluster.fleet.registered(0)
    assert (registered.cpu, registered.memory) == (2048, memory)


@pytest.mark.rule("ASG-042")
def test_a_smaller_group_ends_the_oldest_of_its_fullest_zone() -> None:
    sim = Sim(scenario(autoScalingGroups=[group(5, subnets=["a", "b"])])).to(100)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=2)
    alive = [i for i in sim.engine.world.instances if i.status != INACTIVE]
    assert len(alive) == 2
    assert len({i.zone for i in alive}) == 2
    assert min(i.ordinal for i in alive) >= 2


@pytest.mark.rule("AGENT-026")
def test_a_terminated_instance_is_replaced_and_leaves_the_cluster() -> None:
    sim = Sim(
        scenario(
            capacityProviders=[provider()],
            clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
            autoScalingGroups=[group(2)],
            timeline=[fault("2m", "instanceTermination", capacityProvider="ec2", count=1)],
        )
    ).to(121)
    assert len(sim.engine.world.clusters[0].instances) == 1
    sim.to(166)
    assert len(sim.engine.world.clusters[0].instances) == 2


def test_an_outage_of_a_zone_takes_its_instances_and_launches_go_elsewhere() -> None:
    sim = Sim(
        scenario(
            autoScalingGroups=[group(4, subnets=["a", "b"])],
            timeline=[fault("2m", "azOutage", availabilityZone="us-east-1a", **{"for": "10m"})],
        )
    ).to(200)
    alive = [i for i in sim.engine.world.instances if i.status != INACTIVE]
    assert [i.zone for i in alive] == ["us-east-1b"] * 4


# -- initialState: steady -------------------------------------------------------------------------------------


def steady(**more):
    return on_ec2(
        initialState="steady",
        autoScalingGroups=[group(4, subnets=["a", "b"])],
        targetGroups=[target_group()],
        taskDefinitions=[task_definition(), task_definition("vpc", networkMode="awsvpc")],
        behaviour={"vpc": {"runsFor": {"exponential": {"mean": "1h"}}}},
        services=[
            service(count=6),
            service("lb", 2, loadBalancers=behind()),
            fargate("farm", 4, taskDefinition="vpc", networkConfiguration=awsvpc("a", "b")),
            service("every", schedulingStrategy="DAEMON"),
        ],
        **more,
    )


def test_steady_is_the_world_as_if_it_had_run_for_long() -> None:
    sim = Sim(steady())
    assert sim.statuses() == ["RUNNING"] * 16
    sim.to(30)
    result = sim.finish()
    tasks, events = result.tasks, result.task_events
    initial = tasks[tasks.origin.astype(str) == "initial"]
    assert len(initial) == 16
    assert (initial.created_at <= 0).all()
    assert (initial.started_at <= 0).all()
    assert initial.healthy_at.notna().all()
    first = events[events.t == 0]
    assert list(first.last_status.astype(str)) == ["RUNNING"] * 16
    assert set(first.desired_status.astype(str)) == {"RUNNING"}
    firsts = result.deployments[result.deployments.started_at <= 0]
    assert list(firsts.rollout_state.astype(str)) == ["COMPLETED"] * 4
    assert (result.instances.registered_at <= 0).all()
    assert result.instances.status.astype(str).eq("ACTIVE").all()


def test_a_steady_service_without_ends_stays_as_it_is() -> None:
    document = steady()
    document["services"].pop(2)
    result = run_dict(document)
    assert len(result.task_events) == 12
    assert len(result.service_events) == 0


def test_what_does_not_fit_is_the_first_finding() -> None:
    sim = Sim(on_ec2(initialState="steady", services=[service(count=20)]))
    assert sim.engine.notes == ["web: 12 of 20 tasks did not fit at the start"]
    sim.to(60)
    assert len(sim.tasks()) == 8


def test_a_rolling_update_from_steady_keeps_its_limits() -> None:
    document = steady(timeline=[call("1m", "UpdateService", cluster="prod", service="web", forceNewDeployment=True)])
    document["services"][0] |= {
        "deploymentConfiguration": percent(100, 150),
        "availabilityZoneRebalancing": "DISABLED",
    }
    result = run_dict(document)
    web = result.tasks[result.tasks.service.astype(str) == "web"]
    assert len(web) == 12
    assert result.deployments.peak_tasks.max() <= 9


# -- luck -----------------------------------------------------------------------------------------------------


def test_a_new_service_shifts_nobody_elses_times() -> None:
    """Common random numbers: the tasks of ``farm`` keep their delays when another service appears."""

    def farm(*others: dict) -> list[list[tuple[float, str]]]:
        result = run_dict(
            scenario(
                duration="10m",
                timing={"profile": "typical"},
                taskDefinitions=[task_definition(networkMode="awsvpc")],
                services=[*others, fargate("farm", 4)],
            )
        )
        tasks = result.tasks
        events = result.task_events
        ids = tasks[tasks.service.astype(str) == "farm"].task_id.astype(str)
        return [
            [
                (t, s)
                for t, s, i in zip(events.t, events.last_status.astype(str), events.task_id.astype(str), strict=True)
                if i == one
            ]
            for one in ids
        ]

    assert farm() == farm(fargate("aaa", 3)) == farm(fargate("aaa", 3), fargate("bbb", 1))


def test_the_same_seed_is_the_same_run_and_another_seed_is_another() -> None:
    document = scenario(
        duration="10m",
        timing={"profile": "typical"},
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        services=[fargate("farm", 4)],
    )
    one, two, other = run_dict(document), run_dict(document), run_dict(document, 2)
    assert path(one) == path(two)
    assert path(one) != path(other)
    digests = [{n: t["digest"] for n, t in r.manifest["tables"].items()} for r in (one, two)]
    assert digests[0] == digests[1]
    assert one.tasks.created_at[0] == pytest.approx(0)


def test_a_trace_is_found_beside_its_scenario(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("submit_s\n1\n2\n")
    (tmp_path / "load.csv").write_text("t,requests\n0,60\n60,60\n")
    trace = {"file": "load.csv", "timeColumn": "t", "valueColumn": "requests", "interval": "60s"}
    document = on_ec2(
        services=[service()],
        traffic=[{"name": "web", "to": {"service": "web"}, "trace": trace}],
        jobs=[jobs(arrivals={"trace": {"file": "jobs.csv", "timeColumn": "submit_s"}})],
    )
    result = run_loaded(load_mapping(document, tmp_path))
    assert result.manifest["jobs"]["batch"]["submitted"] == 4
    assert result.service_metrics.offered_count.sum() > 0
