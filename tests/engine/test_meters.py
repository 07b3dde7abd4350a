"""The meters against an account made by hand from the tasks and instances of the same run."""

from __future__ import annotations

from collections import defaultdict
from math import ceil
from typing import Any

import pytest
from builders import (
    Sim,
    awsvpc,
    call,
    fargate,
    fault,
    group,
    run_dict,
    scenario,
    service,
    subnet,
    task_definition,
)

from ecssim.decide.pricing import TICKS_PER_SECOND
from ecssim.results.result import Result

HOUR = 3600.0


def fargate_definition(**more: Any) -> dict[str, Any]:
    return task_definition(networkMode="awsvpc", requiresCompatibilities=["FARGATE"], **more)


def meters(result: Result) -> list[tuple[int, str | None, str, str, str, int]]:
    """``(hour, service, resource, dimension, sku, quantity)`` of each row."""
    names = result.names
    return [
        (hour, names.get("service", [None])[s], names["resource"][r], names["dimension"][d], names["sku"][k], q)
        for hour, s, _, r, d, k, q, _, _ in result.raw("_meters").tolist()
    ]


def totals(result: Result) -> dict[tuple[str | None, str, str], int]:
    """Quantities of the whole run by service, resource and dimension."""
    found: dict[tuple[str | None, str, str], int] = defaultdict(int)
    for _, name, resource, dimension, _, quantity in meters(result):
        found[name, resource, dimension] += quantity
    return dict(found)


def churn(**parts: Any) -> dict[str, Any]:
    """Fargate jobs of some seconds to some minutes through an hour and a half; all have ended at its end."""
    job = {
        "name": "encode",
        "arrivals": {"poisson": "2/min"},
        "runTask": {
            "cluster": "prod",
            "taskDefinition": "app",
            "launchType": "FARGATE",
            "networkConfiguration": awsvpc(),
        },
    }
    behaviour = {"app": {"runsFor": {"lognormal": {"median": "40s", "p95": "4m"}}}}
    document = {
        "duration": "90m",
        "taskDefinitions": [fargate_definition()],
        "jobs": [job],
        "behaviour": behaviour,
        "timing": {"profile": "typical"},
    }
    return scenario(**(document | parts))


@pytest.mark.rule("FG-040", "FG-042")
def test_a_fargate_task_is_metered_from_its_pull_to_its_end_in_begun_seconds_and_at_least_a_minute():
    result = run_dict(churn())
    tasks = result.tasks
    tasks = tasks[tasks["stopped_at"].notna()]
    times = (tasks["stopped_at"] - tasks["pull_started_at"]).tolist()
    assert min(times) < 60 < max(times), "the table has tasks on both sides of the minimum"
    ended = sum(max(60, ceil(t)) for t in times)
    alive = result.tasks[result.tasks["stopped_at"].isna() & result.tasks["pull_started_at"].notna()]
    running = sum(5400.0 - alive["pull_started_at"])
    cpu = totals(result)[None, "FARGATE", "vCPU"]
    assert cpu == int(256 * (ended + running))
    assert totals(result)[None, "FARGATE", "memory"] == int(512 * (ended + running))


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.rule("FG-042", "LIFE-032")
def test_a_pull_that_has_to_ask_again_is_metered_once_and_from_its_begin(chained: bool) -> None:
    side = {
        "name": "side",
        "image": "app",
        "essential": False,
        "dependsOn": [{"containerName": "web", "condition": "START"}],
    }
    definition = fargate_definition()
    definition["containerDefinitions"] += [side] if chained else []
    short = fault("10m", "registryDown", **{"for": "20s"}) | {"every": "1m", "times": 25}
    down = [short, fault("40m", "registryDown", **{"for": "4m"})]
    result = run_dict(churn(taskDefinitions=[definition], timeline=down))
    tasks = result.tasks
    reasons = tasks["stopped_reason"].astype(str)
    failed = tasks[reasons.str.startswith("CannotPull")]
    assert len(failed) > 3
    assert ((failed["stopped_at"] - failed["pull_started_at"]) > 15).all()
    ends = tasks["stopped_at"].fillna(5400.0)
    times = (ends - tasks["pull_started_at"]).dropna()
    billed = [max(60, ceil(t)) if end < 5400.0 else t for t, end in zip(times, ends[times.index], strict=True)]
    assert totals(result)[None, "FARGATE", "vCPU"] == int(256 * sum(billed))


@pytest.mark.rule("FG-042")
def test_a_task_that_finds_no_address_costs_nothing():
    crowded = scenario(
        subnets=[subnet("a", cidr="10.0.0.0/28", addressesInUse=11)],
        taskDefinitions=[fargate_definition()],
        services=[fargate(count=3)],
    )
    result = run_dict(crowded)
    assert (result.tasks["stop_code"] == "TaskFailedToStart").all()
    assert meters(result) == []


@pytest.mark.rule("FG-040")
def test_every_hour_has_its_own_row_and_the_hours_add_up_to_the_time_metered():
    result = run_dict(scenario(duration="150m", taskDefinitions=[fargate_definition()], services=[fargate()]))
    began = result.tasks["pull_started_at"].iloc[0]
    rows = [(hour, quantity) for hour, _, _, dimension, _, quantity in meters(result) if dimension == "vCPU"]
    assert [hour for hour, _ in rows] == [0, 1, 2]
    assert [quantity for _, quantity in rows][1:] == [256 * 3600, 256 * 1800]
    assert rows[0][1] == int(256 * (3600 - began))


def test_a_task_from_before_the_run_is_metered_from_the_start_of_the_run():
    steady = scenario(initialState="steady", taskDefinitions=[fargate_definition()], services=[fargate(count=2)])
    assert totals(run_dict(steady))["web", "FARGATE", "vCPU"] == 2 * 256 * 3600


@pytest.mark.rule("COST-004")
def test_ephemeral_storage_is_metered_above_twenty_gib():
    storage = [fargate_definition(ephemeralStorage={"sizeInGiB": 30})]
    steady = scenario(initialState="steady", taskDefinitions=storage, services=[fargate()])
    assert totals(run_dict(steady))["web", "FARGATE", "ephemeralStorage"] == 10 * 3600


@pytest.mark.rule("COST-022", "COST-043")
def test_a_public_address_is_metered_from_its_interface_to_its_deletion():
    network = {"awsvpcConfiguration": {"subnets": ["a"], "assignPublicIp": "ENABLED"}}
    document = scenario(
        taskDefinitions=[fargate_definition()],
        services=[fargate(networkConfiguration=network)],
        timeline=[call("20m", "UpdateService", cluster="prod", service="web", desiredCount=0)],
    )
    result = run_dict(document)
    task = result.tasks.iloc[0]
    held = ceil(task["stopped_at"] - task["created_at"])
    assert totals(result)["web", "FARGATE", "publicIpv4"] == held
    assert held > ceil(task["stopped_at"] - task["pull_started_at"]), "the address is there before the pull"


def on_instances(**parts: Any) -> dict[str, Any]:
    """Two m5.large of 2,048 CPU units and 4,096 MiB each, with tasks of a quarter and an eighth of one."""
    base = {
        "initialState": "steady",
        "autoScalingGroups": [group(2, agent={"ECS_RESERVED_MEMORY": 7987 - 4096})],
        "taskDefinitions": [task_definition(cpu="512", memory="512")],
        "services": [service(count=4)],
    }
    return scenario(**(base | parts))


def test_a_task_reserves_the_mean_of_its_shares_of_cpu_and_memory():
    # 512 of 2,048 CPU units is a quarter, 512 of 4,096 MiB an eighth: 3/16 of an instance, four times, an hour.
    got = totals(run_dict(on_instances()))
    assert got[None, "asg", "instances"] == 2 * 3600 * TICKS_PER_SECOND
    assert got["web", "asg", "reserved"] == 4 * 3 * 3600 * TICKS_PER_SECOND // 16


@pytest.mark.rule("AGENT-041")
def test_a_stopping_task_reserves_nothing_any_more():
    stop = [call("30m", "UpdateService", cluster="prod", service="web", desiredCount=0)]
    got = totals(run_dict(on_instances(timeline=stop)))
    assert got["web", "asg", "reserved"] == 4 * 3 * 1800 * TICKS_PER_SECOND // 16


@pytest.mark.rule("COST-014")
def test_an_instance_is_metered_from_launch_to_termination_in_begun_seconds_and_at_least_a_minute():
    resize = [
        call("10m", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=4),
        call("10m30.3s", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=1),
    ]
    result = run_dict(on_instances(services=[], timeline=resize))
    instances = result.instances
    ended = instances["terminated_at"].notna()
    lives = (instances["terminated_at"] - instances["launched_at"])[ended].tolist()
    assert len(lives) == 3
    assert min(lives) < 60 < max(lives)
    billed = sum(max(60, ceil(t)) for t in lives) + sum(3600.0 - instances["launched_at"][~ended])
    assert totals(result)[None, "asg", "instances"] == billed * TICKS_PER_SECOND


def test_spot_pools_are_metered_by_type_and_zone_and_on_demand_by_type():
    groups = [
        group(2, subnets=["a", "b"], instances={"instanceType": "m5.large", "market": "spot"}),
        group(2, "other", subnets=["a", "b"]),
    ]
    rows = meters(run_dict(on_instances(services=[], autoScalingGroups=groups)))
    assert [
        (resource, sku, quantity // TICKS_PER_SECOND) for _, _, resource, _, sku, quantity in rows if "/" in sku
    ] == [
        ("asg", "m5.large/spot/us-east-1a", 3600),
        ("asg", "m5.large/spot/us-east-1b", 3600),
        ("other", "m5.large/onDemand", 7200),
    ]


def test_nobody_ever_reserves_more_than_there_is():
    document = on_instances(
        duration="3h",
        initialState="empty",
        timing={"profile": "typical"},
        services=[service(count=6), service("batch", count=5, taskDefinition="big")],
        taskDefinitions=[task_definition(cpu="512", memory="512"), task_definition("big", cpu="256", memory="1024")],
        behaviour={"app": {"runsFor": {"exponential": {"mean": "5m"}}}},
        timeline=[
            call("70m", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=1),
            call("100m", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=3),
        ],
    )
    rows = meters(run_dict(document))
    for hour in range(3):
        there = sum(q for h, _, _, dimension, _, q in rows if h == hour and dimension == "instances")
        held = sum(q for h, _, _, dimension, _, q in rows if h == hour and dimension == "reserved")
        assert 0 < held <= there


@pytest.mark.rule("COST-043", "COST-022", "COST-020", "COST-021", "COST-025")
def test_a_started_hour_of_a_load_balancer_a_gateway_or_an_endpoint_is_a_whole_one():
    document = scenario(
        duration="90m",
        loadBalancers=[
            {"loadBalancerName": "public", "type": "application", "subnets": ["a", "b"]},
            {"loadBalancerName": "inside", "type": "application", "scheme": "internal", "subnets": ["a", "b"]},
        ],
        natGateways=[{"natGatewayId": "nat", "subnetId": "a"}],
        vpcEndpoints=[
            {
                "vpcEndpointId": "ecr",
                "serviceName": "com.amazonaws.us-east-1.ecr.dkr",
                "vpcEndpointType": "Interface",
                "subnetIds": ["a", "b"],
            }
        ],
    )
    assert totals(run_dict(document)) == {
        (None, "public", "hours"): 2,
        (None, "inside", "hours"): 2,
        (None, "nat", "hours"): 2,
        (None, "ecr", "hours"): 2 * 2,
        # Two addresses in each of two zones; addresses go by the second.
        (None, "public", "publicIpv4"): 4 * 5400,
        (None, "nat", "publicIpv4"): 5400,
    }


def test_what_is_added_is_metered_in_the_hour_in_which_it_is_added():
    from ecssim.decide.pricing import Dimension, Unit
    from ecssim.engine.meters import MeterKey

    sim = Sim(scenario(duration="2h"))
    key = MeterKey(0, 0, "public", Dimension.LCU_BYTES, "albLcuHour", Unit.LCU_MICROHOUR)
    sim.to(600.0).engine.meters.add(key, 70_000)
    sim.to(HOUR + 600.0).engine.meters.add(key, 5)
    sim.engine.meters.add(key, 6)
    assert [(hour, quantity) for hour, *_, quantity in meters(sim.finish())] == [(0, 70_000), (1, 11)]


@pytest.mark.rule("COST-014", "ASG-056")
def test_the_volumes_of_a_warm_pool_are_paid_for_while_its_instances_are_stopped() -> None:
    """Two boot for a minute and wait; one is needed at one hour, the pool is emptied at two."""
    warm = group(0, maxSize=2, warmPool={}, agent={"ECS_WARM_POOLS_CHECK": True})
    grown = call("1h", "SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=1)
    shut = call("2h", "UpdateAutoScalingGroup", autoScalingGroupName="asg", minSize=0, maxSize=0, desiredCapacity=0)
    result = run_dict(
        scenario(duration="3h", autoScalingGroups=[warm], taskDefinitions=[task_definition()], timeline=[grown, shut])
    )
    lives = result.instances
    assert lives["terminated_at"].notna().tolist() == [True, True]
    # Each has a volume of 30 GiB for two hours; the first minute of a boot of 45 s is full, and its volume's with it.
    ticks = (2 * 7200 + 2 * 15) * TICKS_PER_SECOND
    assert totals(result)[None, "asg", "idleVolumes"] == 30 * ticks
    assert totals(result)[None, "asg", "instances"] == (2 * 60 + 3600) * TICKS_PER_SECOND
