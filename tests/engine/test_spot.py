"""Spot: notices of two minutes, droughts, and histories that belong to the pools alone."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    Document,
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
    target_group,
    task_definition,
)

from ecssim.engine.spot import Pool

QUIET = {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0}
UNAVAILABLE = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
SPOT = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]


def definition(stop_timeout: int = 30) -> Document:
    return task_definition(networkMode="awsvpc", container={"stopTimeout": stop_timeout})


def spot(count: int = 1, name: str = "web", **more: Any) -> Document:
    return fargate(name, count, **({"capacityProviderStrategy": SPOT, "launchType": None} | more))


def world(*services: Document, **more: Any) -> Document:
    base = {
        "clusters": [{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
        "taskDefinitions": [definition()],
        "services": list(services),
        "model": QUIET,
        "duration": "20m",
    }
    return scenario(**(base | more))


def reclaim(at: str, provider: str = "FARGATE_SPOT", fraction: float = 1.0, **more: Any) -> Document:
    return fault(at, "spotReclaim", capacityProvider=provider, fraction=fraction, **more)


def drought(at: str, length: str, provider: str = "FARGATE_SPOT", **more: Any) -> Document:
    return fault(at, "spotDrought", capacityProvider=provider, **({"for": length} | more))


# -- Fargate Spot -------------------------------------------------------------------------------------------


@pytest.mark.rule("SPOT-001", "SPOT-002", "SPOT-003", "SPOT-004", "LIFE-009", "LIFE-043")
@pytest.mark.parametrize(
    ("stops_after", "stop_timeout", "gone"),
    [
        pytest.param("3s", 30, 3.0, id="an obedient container ends when it is done"),
        pytest.param("never", 30, 30.0, id="one that ignores the signal is killed after 30 s"),
        pytest.param("never", 120, 120.0, id="with stopTimeout 120 it has the two minutes"),
        pytest.param("90s", 120, 90.0, id="or what it needs of them"),
    ],
)
def test_the_notice(stops_after: str, stop_timeout: int, gone: float) -> None:
    document = world(
        spot(loadBalancers=behind()),
        targetGroups=[target_group(deregistrationDelay=300)],
        taskDefinitions=[definition(stop_timeout)],
        behaviour={"app": {"stopsAfter": stops_after}},
        timeline=[reclaim("10m")],
    )
    result = run_dict(document)
    # No wait for the targets: they drain beside the stop.
    assert path(result)[-4:] == [
        (600.0, "RUNNING"),
        (600.0, "STOPPING"),
        (600.0 + gone, "DEPROVISIONING"),
        (610.0 + gone, "STOPPED"),
    ]
    notice = result.task_events[result.task_events["t"] == 600.0].iloc[0]
    assert (notice["last_status"], notice["desired_status"]) == ("RUNNING", "STOPPED")
    assert (notice["stop_code"], notice["stopped_reason"]) == ("SpotInterruption", "Your Spot Task was interrupted.")
    # The service reacts at the notice.
    assert path(result, 1)[0] == (600.0, "PROVISIONING")


@pytest.mark.rule("SPOT-001")
def test_a_task_that_is_being_drained_gets_the_signal_at_once() -> None:
    document = world(
        spot(loadBalancers=behind()),
        targetGroups=[target_group(deregistrationDelay=300)],
        timeline=[
            call("10m", "UpdateService", cluster="prod", service="web", desiredCount=0),
            reclaim("11m"),
        ],
    )
    result = run_dict(document)
    assert path(result)[-4:-1] == [(600.0, "DEACTIVATING"), (660.0, "STOPPING"), (661.0, "DEPROVISIONING")]
    assert result.tasks.iloc[0]["stop_code"] == "ServiceSchedulerInitiated"


@pytest.mark.rule("SPOT-001")
def test_a_task_that_is_starting_is_taken_too() -> None:
    result = run_dict(world(spot(), timeline=[reclaim("3s")]))
    assert path(result)[:3] == [(0.0, "PROVISIONING"), (3.0, "PROVISIONING"), (3.0, "DEPROVISIONING")]
    assert result.tasks.iloc[0]["stop_code"] == "SpotInterruption"


@pytest.mark.rule("SPOT-034")
def test_on_demand_tasks_and_other_zones_are_left_alone() -> None:
    both = awsvpc("a", "b")
    document = world(
        spot(4, networkConfiguration=both),
        fargate("steady", 2, networkConfiguration=both),
        timeline=[reclaim("10m", availabilityZone="us-east-1a")],
    )
    tasks = run_dict(document).tasks
    taken = tasks[tasks["stop_code"].notna()]
    assert set(taken["service"].astype(str)) == {"web"}
    assert list(taken["availability_zone"].astype(str)) == ["us-east-1a"] * 2


@pytest.mark.rule("SPOT-034")
def test_a_fraction_is_a_chance_of_each_and_more_takes_the_same_and_others() -> None:
    def victims(fraction: float) -> set[str]:
        tasks = run_dict(world(spot(40), timeline=[reclaim("10m", fraction=fraction)])).tasks
        return set(tasks[tasks["stop_code"].notna()]["task_id"].astype(str))

    few, many = victims(0.25), victims(0.75)
    assert 4 <= len(few) < len(many) <= 36
    assert few < many


@pytest.mark.rule("CAP-040", "CAP-042", "SPOT-035")
def test_a_service_waits_out_a_drought_and_nothing_takes_its_place() -> None:
    mixed = [{"capacityProvider": "FARGATE", "weight": 1}, *SPOT]
    document = world(spot(6, capacityProviderStrategy=mixed), timeline=[drought("0s", "10m")])
    result = run_dict(document)
    tasks = result.tasks
    created = sorted(zip(tasks["created_at"], tasks["capacity_provider"].astype(str), strict=True))
    assert created == [(0.0, "FARGATE")] * 3 + [(600.0, "FARGATE_SPOT")] * 3
    said = [m for _, name, m in service_events(result) if name == "SERVICE_TASK_PLACEMENT_FAILURE"]
    assert said == [f"(service web) was unable to place a task. Reason: {UNAVAILABLE}. [RESOURCE:FARGATE]"]


@pytest.mark.rule("CAP-041", "CAP-036")
def test_a_starved_provider_keeps_its_share() -> None:
    mixed = [{"capacityProvider": "FARGATE", "weight": 1}, *SPOT]
    document = world(
        spot(8, capacityProviderStrategy=mixed),
        timeline=[
            reclaim("10m"),
            drought("10m", "5m"),
            call("12m", "UpdateService", cluster="prod", service="web", desiredCount=10),
        ],
    )
    sim = Sim(document).to(800.0)
    assert sim.service().deployments[0].by_provider[sim.engine.provider_code("FARGATE")] == 5
    sim.to(901.0)
    counts = sim.service().deployments[0].by_provider
    assert counts[sim.engine.provider_code("FARGATE")] == counts[sim.engine.fargate_spot_code] == 5


@pytest.mark.rule("CAP-042")
def test_run_task_fails_in_a_drought() -> None:
    sim = Sim(world(timeline=[drought("0s", "10m")])).to(5.0)
    run = {
        "cluster": "prod",
        "taskDefinition": "app",
        "capacityProviderStrategy": SPOT,
        "networkConfiguration": awsvpc(),
    }
    answer = sim.call("RunTask", count=2, **run)
    assert answer == {"tasks": [], "failures": [{"reason": UNAVAILABLE}] * 2}
    sim.to(600.0)
    assert len(sim.call("RunTask", count=2, **run)["tasks"]) == 2


@pytest.mark.rule("CAP-051")
def test_a_drought_in_one_zone_sends_tasks_to_the_other() -> None:
    document = world(
        spot(4, networkConfiguration=awsvpc("a", "b"), availabilityZoneRebalancing="DISABLED"),
        timeline=[drought("0s", "10m", availabilityZone="us-east-1a")],
    )
    tasks = run_dict(document).tasks
    assert list(tasks["availability_zone"].astype(str)) == ["us-east-1b"] * 4
    assert list(tasks["created_at"]) == [0.0] * 4


# -- EC2 Spot -----------------------------------------------------------------------------------------------


def on_instances(
    *services: Document, draining: str = "DISABLED", agent: Document | None = None, count: int = 2, **more: Any
) -> Document:
    spots = group(
        count,
        instances={"instanceType": "m5.large", "market": "spot"},
        agent={"ECS_CLUSTER": "prod"} | (agent or {}),
        maxSize=3,
    )
    provider = {
        "name": "ec2",
        "autoScalingGroupProvider": {"autoScalingGroup": "asg", "managedDraining": draining},
    }
    base = {
        "autoScalingGroups": [spots],
        "capacityProviders": [provider],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [task_definition()],
        "services": list(services),
    }
    return world(**(base | more))


def web(count: int = 2, **more: Any) -> Document:
    return service("web", count, capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}], **more)


def statuses(document: Document) -> list[list[tuple[float, str]]]:
    """The (t, status) of the instances that ended, each."""
    events = run_dict(document).instance_events
    return [
        [(t, s) for t, s in zip(rows["t"], rows["status"].astype(str), strict=True)]
        for _, rows in events.groupby("instance_id", observed=True)
        if "INACTIVE" in set(rows["status"].astype(str))
    ]


@pytest.mark.rule("SPOT-011", "SPOT-016", "SPOT-017", "ASG-044", "AGENT-055")
@pytest.mark.parametrize(
    ("draining", "agent", "drained"),
    [
        pytest.param("DISABLED", {}, [], id="without draining nothing happens until the end"),
        pytest.param("ENABLED", {}, [(600.5, "DRAINING")], id="managed draining sees it at once"),
        pytest.param(
            "DISABLED",
            {"ECS_ENABLE_SPOT_INSTANCE_DRAINING": True},
            [(601.0, "DRAINING")],
            id="the agent at its next look",
        ),
    ],
)
def test_an_instance_ends_two_minutes_after_its_notice(draining: str, agent: Document, drained: list[Any]) -> None:
    document = on_instances(web(), draining=draining, agent=agent, timeline=[reclaim("600.5s", "ec2")])
    ended = statuses(document)
    assert len(ended) == 2
    for states in ended:
        assert states == [
            (0.0, "REGISTERING"),
            (45.0, "ACTIVE"),
            *drained,
            (720.5, "DEREGISTERING"),
            (720.5, "INACTIVE"),
        ]


@pytest.mark.rule("SPOT-017", "LIFE-028", "AGENT-056")
def test_tasks_that_cannot_move_in_time_die_with_the_instance() -> None:
    result = run_dict(on_instances(web(), draining="ENABLED", timeline=[reclaim("10m", "ec2")]))
    lost = result.tasks[result.tasks["stopped_at"].notna()]
    assert list(lost["stopped_at"]) == [720.0] * 2
    # The group replaces the instances then, and the service its tasks when those have registered.
    assert sorted(result.tasks["created_at"])[2:] == [765.0] * 2


@pytest.mark.rule("SPOT-016", "SPOT-017")
def test_where_there_is_room_tasks_move_within_the_two_minutes() -> None:
    document = on_instances(web(2, availabilityZoneRebalancing="DISABLED"), draining="ENABLED", count=2)
    document["subnets"][1]["availabilityZone"] = "us-east-1b"
    document["autoScalingGroups"][0]["subnets"] = ["a", "b"]
    document["timeline"] = [reclaim("10m", "ec2", availabilityZone="us-east-1a")]
    result = run_dict(document)
    moved = result.tasks[result.tasks["stopped_at"].notna()]
    assert list(moved["stop_code"].astype(str)) == ["ServiceSchedulerInitiated"]
    assert moved["stopped_at"].max() < 720.0
    assert result.service_metrics[result.service_metrics["t"] >= 120.0]["healthy_count"].min() == 2


@pytest.mark.rule("ASG-058", "CAP-040")
def test_a_group_tries_again_until_the_drought_is_over() -> None:
    document = on_instances(web(), count=0)
    document["autoScalingGroups"][0]["desiredCapacity"] = 2
    document["timeline"] = [
        drought("0s", "150s", "ec2"),
        # The reclaim leaves the group without instances; every launch until 150 s fails.
        reclaim("0s", "ec2"),
    ]
    result = run_dict(document)
    launched = sorted(result.instances["launched_at"])
    # Launched at 0 before the drought; gone at 120; tried at 120 and, a minute later, with success.
    assert launched == [0.0, 0.0, 180.0, 180.0]
    failed = result.scaling_activities
    assert list(zip(failed["t"], failed["not_scaled_reason"].astype(str), strict=True)) == [
        (120.0, "InsufficientInstanceCapacity")
    ]


@pytest.mark.rule("ASG-052", "ASG-050")
def test_the_next_type_or_zone_takes_over_where_a_pool_is_dry() -> None:
    document = on_instances(count=4)
    mixed = group(
        4,
        subnets=["a", "b"],
        mixedInstancesPolicy={
            "launchTemplate": {"overrides": [{"instanceType": "m5.large"}, {"instanceType": "m5.xlarge"}]},
            "instancesDistribution": {
                "onDemandBaseCapacity": 1,
                "onDemandPercentageAboveBaseCapacity": 0,
                "spotAllocationStrategy": "capacity-optimized-prioritized",
            },
        },
    )
    del mixed["instances"]
    document["autoScalingGroups"] = [mixed]
    sim = Sim(document)
    sim.engine.spot.drought((Pool("m5.large", "us-east-1a"),), 600.0)
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=8)
    new = [i for i in sim.engine.world.instances if i.ordinal >= 4]
    assert [(i.type, i.zone, i.spot) for i in new] == [
        ("m5.xlarge", "us-east-1a", True),
        ("m5.large", "us-east-1b", True),
    ] * 2


# -- histories ----------------------------------------------------------------------------------------------


def busy_model(**more: float) -> Document:
    return {"spotInterruptionsPerMonth": 60.0, "spotShortagesPerWeek": 0} | more


def interruptions(result: Any) -> list[float]:
    tasks = result.tasks
    return sorted(tasks[tasks["stop_code"].astype(str) == "SpotInterruption"]["stopping_at"])


@pytest.mark.rule("SPOT-033", "SPOT-034")
def test_interruptions_come_together() -> None:
    model = busy_model(spotDroughtMinutes=0)
    times = interruptions(run_dict(world(spot(30), model=model, duration="2d")))
    assert times
    bunches = [times[:1]]
    for t in times[1:]:
        if t - bunches[-1][0] > 180.0:
            bunches.append([])
        bunches[-1].append(t)
    # 60 a month are 4 in two days; each takes two thirds of 30.
    assert 1 <= len(bunches) <= 16
    assert max(map(len, bunches)) >= 10


@pytest.mark.rule("SPOT-034")
def test_the_history_does_not_know_the_services() -> None:
    """The same pool is taken back at the same times with ten tasks and with thirty, from the same launches."""

    def notes(count: int) -> list[float]:
        document = world(spot(count), model=busy_model(spotDroughtMinutes=0), duration="2d")
        calls = run_dict(document).calls
        return list(calls[calls["action"].astype(str) == "SpotReclaim"]["t"])

    few, many = notes(10), notes(30)
    assert few == many


@pytest.mark.rule("SPOT-035")
def test_a_pool_is_empty_after_a_reclaim() -> None:
    result = run_dict(world(spot(30), model=busy_model(spotDroughtMinutes=120), duration="2d"))
    lost = interruptions(result)
    created = sorted(t for t in result.tasks["created_at"] if t > 0)
    assert lost
    assert created
    assert created[0] > lost[0] + 60.0


@pytest.mark.rule("SPOT-035")
def test_pools_run_short_by_themselves() -> None:
    sim = Sim(world(model={"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 100}, duration="1d"))
    pool = Pool("X86_64", "us-east-1a", True)
    dry = sum(sim.to(t).engine.spot.is_dry(pool) for t in range(0, 86400, 300))
    # 100 a week of 30 minutes each are 3 in 10 of the time (less, since a pool must first have recovered).
    assert 20 <= dry <= 140


@pytest.mark.rule("SPOT-036")
def test_a_zone_may_lose_all_its_spot_capacity() -> None:
    model = QUIET | {"spotZoneShocksPerYear": 700.0}
    sim = Sim(world(spot(5), model=model, duration="2d"))
    sim.engine.kernel.run_until(2 * 86400.0 - 1)
    calls = sim.finish().calls
    shocks = calls[calls["action"].astype(str) == "SpotReclaim"]
    assert not shocks.empty
    times = interruptions(sim.finish())
    assert len(times) % 5 == 0


def test_rates_of_zero_leave_everybody_alone() -> None:
    result = run_dict(world(spot(30), duration="2d"))
    assert interruptions(result) == []
    assert len(result.tasks) == 30


def test_without_fargate_spot_in_a_cluster_no_history_is_played() -> None:
    document = scenario(taskDefinitions=[task_definition()], model=busy_model())
    assert Sim(document).engine.kernel.peek() == 60.0
