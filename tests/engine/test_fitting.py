"""How many more tasks fit: hand-counted clusters, and the same number when they are really launched."""

from __future__ import annotations

from typing import Any

import pytest
from small_scenarios import CASES, fleet

import ecssim
from ecssim.engine.fitting import Fit, how_many
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping
from tests.golden.summaries import ROOT

Document = dict[str, Any]


def cluster(service: Document, definition: Document, cidr: str = "10.0.0.0/24", **more: Any) -> Document:
    """Two m5.xlarge (4,096 CPU units; 3 task ENIs without trunking), one in each of two zones, all empty."""
    document = fleet()
    (group,) = document["autoScalingGroups"]
    group |= {"desiredCapacity": 2, "agent": {}}
    task = {"family": "it", "containerDefinitions": [{"name": "c", "image": "i"}], "memory": "256", **definition}
    base = {"serviceName": "it", "cluster": "prod", "taskDefinition": "it", "desiredCount": 0, "launchType": "EC2"}
    subnets = [{**document["subnets"][0], "cidrBlock": cidr}, document["subnets"][1]]
    return {
        **{key: document[key] for key in ("ecssim", "name", "clusters", "capacityProviders")},
        "duration": "1h",
        "initialState": "steady",
        "autoScalingGroups": [group],
        "subnets": subnets,
        "taskDefinitions": [task],
        "services": [{**base, **service}],
        **more,
    }


def only(document: Document, at: float = 0.0) -> Fit:
    run = Simulation(load_mapping(document))
    if at:
        run.advance(until=at)
    (found,) = how_many(run.engine, "it")
    return found


VPC = {"networkMode": "awsvpc"}
NETWORK = {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "b"]}}}
ONE_PORT = [{"name": "c", "image": "i", "portMappings": [{"containerPort": 80, "hostPort": 8080}]}]
DISTINCT = {"placementConstraints": [{"type": "distinctInstance"}]}
ON_C = {"placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.availability-zone == us-east-1a"}]}
FEW = {"placementConstraints": [{"type": "memberOf", "expression": "runningTasksCount < 3"}]}

COUNTS = {
    "CPU": (cluster({}, {"cpu": "1024"}), 8, ("cpu",), {"cpu": 2}),
    "memory": (cluster({}, {"cpu": "1", "memory": "6000"}), 4, ("memory",), {"memory": 2}),
    "CPU and memory at once": (cluster({}, {"cpu": "2000", "memory": "7000"}), 4, ("cpu", "memory"), {"cpu+memory": 2}),
    "ENI slots": (cluster(NETWORK, {**VPC, "cpu": "16"}), 6, ("eni",), {"eni": 2}),
    "a host port": (cluster({}, {"containerDefinitions": ONE_PORT}), 2, ("ports",), {"ports": 2}),
    "distinctInstance": (cluster(DISTINCT, {"cpu": "1"}), 2, ("constraint",), {"constraint": 2}),
    "an expression that one instance satisfies": (
        cluster(ON_C, {"cpu": "4096"}),
        1,
        ("constraint", "cpu"),
        {"cpu": 1, "constraint": 1},
    ),
    "an expression over the tasks that are there": (cluster(FEW, {"cpu": "1"}), 6, ("constraint",), {"constraint": 2}),
    "GPUs that no instance has": (
        cluster(
            {},
            {
                "containerDefinitions": [
                    {"name": "c", "image": "i", "resourceRequirements": [{"type": "GPU", "value": "1"}]}
                ]
            },
        ),
        0,
        ("gpu",),
        {"gpu": 2},
    ),
}


@pytest.mark.parametrize(("document", "more", "binds", "on"), COUNTS.values(), ids=COUNTS)
def test_what_binds_first(document: Document, more: int, binds: tuple[str, ...], on: dict[str, int]) -> None:
    found = only(document)
    assert found.more == more
    assert set(found.binds) == set(binds)
    (room,) = found.types
    assert (room.instance_type, room.instances, room.more) == ("m5.xlarge", 2, more)
    assert room.binds == on


def test_addresses_of_a_zone_limit_what_its_instances_take() -> None:
    # A /28 has 11 usable addresses; nine are taken by others and one by the instance, so one of three ENIs gets one.
    document = cluster(NETWORK, {**VPC, "cpu": "16"}, "10.0.0.0/28")
    document["subnets"][0]["addressesInUse"] = 9
    found = only(document)
    zones = {zone.availability_zone: (zone.on_instances, zone.addresses, zone.more) for zone in found.zones}
    assert zones["us-east-1a"] == (3, 1, 1)
    assert zones["us-east-1b"][0::2] == (3, 3)
    assert (found.more, found.binds) == (4, ("addresses", "eni"))
    assert [subnet.free for subnet in found.subnets if subnet.subnet == "a"] == [1]


def test_what_is_left_when_full_is_stranded() -> None:
    (room,) = only(cluster({}, {"cpu": "3000", "memory": "256"})).types
    assert (room.more, room.left.cpu) == (2, 2 * 1096)


def test_fargate_is_limited_by_addresses_or_by_the_quota() -> None:
    run = Simulation(load_mapping(CASES["fargate"]()))
    by_provider = {one.capacity_provider: one for one in how_many(run.engine, "web")}
    free = sum(subnet.free for subnet in by_provider["FARGATE"].subnets)
    assert by_provider["FARGATE"].more == free
    assert by_provider["FARGATE"].binds == ("addresses",)
    # A new account's Spot quota of 6 vCPUs has room for 24 tasks of a quarter; 7 or more are there.
    spot = by_provider["FARGATE_SPOT"]
    held = sum(1 for task in run.engine.lifecycle.live.values() if run.engine.fargate.is_spot(task.provider))
    quota = run.engine.fargate.vcpu_quota[True]
    assert spot.vcpu_quota == quota // 256 - held
    assert spot.more == min(spot.vcpu_quota, free)


def test_a_family_that_no_service_runs_is_tried_as_it_is_on_every_cluster() -> None:
    document = cluster({}, {"cpu": "1024"})
    document["services"] = []
    found = only(document)
    assert (found.service, found.more, found.launch_type) == (None, 8, "EC2")


def test_a_job_is_tried_as_its_calls_run_it() -> None:
    run = Simulation(load_mapping(CASES["fleet"]()))
    run.advance(until=300.0)
    (found,) = how_many(run.engine, "job")
    assert found.service is None
    assert found.more > 0


def test_a_revision_that_nobody_runs_yet_is_another_shape() -> None:
    run = Simulation(load_mapping(CASES["fargate"]()))
    assert [one.task_definition for one in how_many(run.engine, "web:1")] == ["web:1", "web:1"]
    assert {one.service for one in how_many(run.engine, "web:2")} == {None}
    assert how_many(run.engine, "web:3") == []
    assert how_many(run.engine, "wob") == []


@pytest.mark.parametrize("beyond", [0, 1])
def test_so_many_are_placed_when_they_are_asked_for_and_one_more_is_not(beyond: int) -> None:
    run = ecssim.simulate(ROOT / "scenarios" / "placement_strategies.yaml")
    (found,) = how_many(run.engine, "api")
    run.call("UpdateService", cluster="prod", service="api", desiredCount=12 + found.more + beyond)
    run.advance(until=600.0)
    (service,) = [one for one in run.describe("services") if one["serviceName"] == "api"]
    assert service["runningCount"] == 12 + found.more
    (after,) = how_many(run.engine, "api")
    assert (after.more, after.waiting) == (0, beyond)


def test_asking_moves_nothing() -> None:
    document = CASES["fleet"]()
    asked, not_asked = Simulation(load_mapping(document)), Simulation(load_mapping(document))
    asked.advance(until=400.0)
    before = [cluster.fleet.epoch for cluster in asked.engine.world.clusters]
    how_many(asked.engine, "vpc")
    assert [cluster.fleet.epoch for cluster in asked.engine.world.clusters] == before
    first, second = asked.finish().manifest["tables"], not_asked.finish().manifest["tables"]
    assert first == second
