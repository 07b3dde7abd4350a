"""Availability Zone rebalancing: when it looks, what it starts and stops, what keeps it from it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from builders import (
    Sim,
    awsvpc,
    call,
    fargate,
    fault,
    group,
    percent,
    scenario,
    service,
    service_events,
    task_definition,
)

from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping

ON = {"availabilityZoneRebalancing": "ENABLED"}
OFF = {"availabilityZoneRebalancing": "DISABLED"}
ZONE = "attribute:ecs.availability-zone"
AZ_SPREAD = [{"type": "spread", "field": ZONE}]
OUTAGE = fault("5m", "azOutage", availabilityZone="us-east-1b", **{"for": "10m"})
BACK = 900


def on_fargate(**more: Any) -> dict[str, Any]:
    """Six Fargate tasks in two zones, one of which fails for ten minutes: all six are in the other then."""
    base = {
        "taskDefinitions": [task_definition(networkMode="awsvpc")],
        "services": [fargate(count=6, networkConfiguration=awsvpc("a", "b"), **more)],
        "timeline": [OUTAGE],
    }
    return scenario(**base)


def on_ec2(*, first: int = 1, second: int = 0, **more: Any) -> dict[str, Any]:
    """A service of four tasks on one instance in zone a; at ten minutes one of zone b may come."""
    base = {
        "taskDefinitions": [task_definition()],
        "autoScalingGroups": [group(first), group(second, name="b", subnets=["b"])],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
        "services": [service(count=4, **more)],
        "timeline": [call("10m", "SetDesiredCapacity", autoScalingGroupName="b", desiredCapacity=1)],
    }
    return scenario(**base)


def zones(sim: Sim) -> dict[str, int]:
    """Tasks with desired status RUNNING by the last letter of their zone."""
    return dict(sorted(Counter(sim.engine.zone_of(t)[-1] for t in sim.tasks() if t.running).items()))


def told(sim: Sim) -> list[tuple[float, str]]:
    names = ("SERVICE_REBALANCING", "TASKS_", "TASKSET_", "SERVICE_TASK_PLACEMENT")
    return [(t, name) for t, name, _ in service_events(sim.finish()) if name.startswith(names)]


@pytest.mark.rule("PLACE-080", "PLACE-085", "META-017")
def test_on_fargate_tasks_start_in_the_empty_zone_and_stop_in_the_full_one_when_they_are_healthy() -> None:
    sim = Sim(on_fargate()).to(BACK)
    assert zones(sim) == {"a": 6}
    sim.to(BACK + 59)
    assert zones(sim) == {"a": 6}
    sim.to(BACK + 60)
    assert zones(sim) == {"a": 6, "b": 3}  # started first
    moved = sim.tasks()[-3:]
    while any(t.started_at != t.started_at for t in moved):
        sim.to(sim.now + 1)
    sim.engine.services.mark(sim.service())  # a pass meanwhile stops nothing
    sim.settle()
    assert zones(sim) == {"a": 6, "b": 3}
    healthy = max(t.started_at for t in moved) + 40
    sim.to(healthy - 0.01)
    assert zones(sim) == {"a": 6, "b": 3}
    sim.to(healthy)
    assert zones(sim) == {"a": 3, "b": 3}
    sim.to(1800)
    assert zones(sim) == {"a": 3, "b": 3}
    assert [name for _, name in told(sim)] == [
        "SERVICE_REBALANCING_STARTED", "TASKS_STARTED", "TASKS_STOPPED", "SERVICE_REBALANCING_COMPLETED",
    ]  # fmt: skip
    reasons = sim.finish().tasks.stopped_reason.dropna()
    assert sum("Availability Zone rebalancing" in reason for reason in reasons) == 3


@pytest.mark.rule("PLACE-080")
def test_where_it_is_disabled_nothing_moves() -> None:
    sim = Sim(on_fargate(**OFF)).to(3599)
    assert zones(sim) == {"a": 6}
    assert told(sim) == []


@pytest.mark.rule("PLACE-080", "PLACE-084")
def test_on_instances_the_first_one_of_a_zone_makes_the_zone() -> None:
    sim = Sim(on_ec2()).to(599)
    assert zones(sim) == {"a": 4}  # there is nothing in zone b to be even with
    sim.to(600 + 59)
    assert zones(sim) == {"a": 4}
    sim.to(600 + 120)
    assert zones(sim) == {"a": 2, "b": 2}
    assert len(sim.engine.world.instances) == 2  # it launches none
    sim.to(3599)
    assert zones(sim) == {"a": 2, "b": 2}
    assert len(sim.finish().tasks) == 6


@pytest.mark.rule("PLACE-084", "META-017")
def test_without_room_on_an_instance_it_says_so_and_tries_again() -> None:
    document = on_ec2()
    document["taskDefinitions"] = [task_definition(), task_definition("big", cpu="2048", memory="512")]
    document["services"].append(
        service("big", 0, taskDefinition="big:1", placementConstraints=[
            {"type": "memberOf", "expression": f"{ZONE} == us-east-1b"}
        ])
    )  # fmt: skip
    document["timeline"] += [
        call("9m", "UpdateService", cluster="prod", service="big", desiredCount=1),
        call("20m", "UpdateService", cluster="prod", service="big", desiredCount=0),
    ]
    sim = Sim(document).to(1199)
    assert zones(sim) == {"a": 4, "b": 1}
    assert [t.owner.name for t in sim.tasks() if sim.engine.zone_of(t)[-1] == "b"] == ["big"]
    assert len(sim.engine.world.instances) == 2
    sim.to(1400)
    assert zones(sim) == {"a": 2, "b": 2}
    events = service_events(sim.finish())
    refused = [message for _, name, message in events if name == "SERVICE_TASK_PLACEMENT_FAILURE"]
    assert refused == [
        "(service web) was unable to place a task in us-east-1b to rebalance its Availability Zones."
    ]  # once in six hours


@pytest.mark.rule("PLACE-084", "META-017")
def test_protected_tasks_hold_it_until_their_protection_ends() -> None:
    sim = Sim(on_fargate()).to(BACK)
    names = [sim.engine.task_id(t) for t in sim.tasks() if t.running]
    sim.call("UpdateTaskProtection", cluster="prod", tasks=names, protectionEnabled=True, expiresInMinutes=20)
    sim.to(BACK + 20 * 60 - 1)
    assert zones(sim) == {"a": 6, "b": 3}
    sim.to(BACK + 20 * 60)
    assert zones(sim) == {"a": 3, "b": 3}
    assert "TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION" in [name for _, name in told(sim)]


@pytest.mark.rule("PLACE-084")
@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"taskDefinition": "app:1", "forceNewDeployment": True}, id="a deployment"),
        pytest.param({"desiredCount": 8}, id="another desired count"),
    ],
)
def test_a_change_of_the_service_ends_a_move(params: dict[str, Any]) -> None:
    document = on_fargate()
    document["timeline"].append(call("16m10s", "UpdateService", cluster="prod", service="web", **params))
    sim = Sim(document).to(BACK + 60)
    assert zones(sim) == {"a": 6, "b": 3}
    sim.to(BACK + 71)
    assert sim.service().moving is None or params == {"desiredCount": 8}
    sim.to(3000)
    wanted = params.get("desiredCount", 6)
    assert zones(sim) == {"a": wanted // 2, "b": wanted // 2}
    assert "SERVICE_REBALANCING_STOPPED" in [name for _, name in told(sim)]


@pytest.mark.rule("PLACE-085")
def test_it_starts_no_more_than_maximum_percent_allows_and_goes_on_until_the_zones_are_even() -> None:
    sim = Sim(on_fargate(deploymentConfiguration=percent(100, 120))).to(BACK + 60)
    most = 0
    while sim.now < 3000:
        sim.to(sim.now + 5)
        most = max(most, sum(zones(sim).values()))
    assert most == 7  # 6 x 120 %, rounded down
    assert zones(sim) == {"a": 3, "b": 3}
    assert [name for _, name in told(sim)].count("TASKS_STARTED") == 3


@pytest.mark.rule("PLACE-012", "PLACE-080")
def test_each_fargate_provider_is_even_for_itself() -> None:
    both = [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    document = on_fargate(launchType=None, capacityProviderStrategy=both)
    document["clusters"] = [{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}]
    document["services"][0]["desiredCount"] = 8
    sim = Sim(document).to(3599)
    split = Counter((t.provider, sim.engine.zone_of(t)[-1]) for t in sim.tasks())
    assert set(split.values()) == {2}
    assert len(split) == 4


@pytest.mark.rule("PLACE-080", "CAP-051")
def test_a_zone_without_spot_capacity_does_not_count_until_it_has_some() -> None:
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    document = on_fargate(launchType=None, capacityProviderStrategy=spot)
    document["clusters"] = [{"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT"]}]
    where = {"capacityProvider": "FARGATE_SPOT", "availabilityZone": "us-east-1b", "for": "10m"}
    document["timeline"] = [fault("0s", "spotDrought", **where)]
    sim = Sim(document).to(599)
    assert zones(sim) == {"a": 6}
    assert sim.engine.lifecycle.created == 6
    sim.to(900)
    assert zones(sim) == {"a": 3, "b": 3}


# -- for which services ---------------------------------------------------------------------------------------


@pytest.mark.rule("PLACE-083")
def test_create_service_turns_it_on_and_update_service_keeps_what_there_is() -> None:
    document = on_fargate()
    sim = Sim(document).to(1)
    assert sim.service().rebalances
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=5)
    assert sim.service().rebalances
    sim.call("UpdateService", cluster="prod", service="web", **OFF)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=4)
    assert not sim.service().rebalances
    sim.call("UpdateService", cluster="prod", service="web", **ON)
    assert sim.service().rebalances


@pytest.mark.rule("PLACE-083")
def test_a_service_that_was_not_eligible_when_created_stays_without_it() -> None:
    sim = Sim(on_fargate(deploymentConfiguration=percent(50, 100))).to(1)
    assert not sim.service().rebalances
    sim.call("UpdateService", cluster="prod", service="web", deploymentConfiguration=percent(100, 200))
    assert not sim.service().rebalances


INELIGIBLE = [
    pytest.param({"schedulingStrategy": "DAEMON"}, "DAEMON", id="a daemon"),
    pytest.param({"deploymentConfiguration": percent(50, 100)}, "maximumPercent 100", id="no room above"),
    pytest.param(
        {"placementConstraints": [{"type": "memberOf", "expression": f"{ZONE} in [us-east-1a]"}]},
        "constraint", id="a constraint on the zone",
    ),
    pytest.param({"placementStrategy": [{"type": "binpack", "field": "memory"}]}, "strategy", id="packing first"),
    pytest.param(
        {"placementStrategy": [{"type": "spread", "field": "instanceId"}, *AZ_SPREAD]}, "strategy",
        id="spread over instances first",
    ),
    pytest.param(
        {"loadBalancers": [{"loadBalancerName": "old", "containerName": "web", "containerPort": 80}]},
        "Classic", id="a Classic Load Balancer",
    ),
]  # fmt: skip


@pytest.mark.rule("PLACE-082")
@pytest.mark.parametrize(("more", "words"), INELIGIBLE)
def test_where_it_is_not_to_be_had_asking_for_it_is_refused_and_not_asking_is_fine(
    more: dict[str, Any], words: str
) -> None:
    document = on_ec2()
    document["taskDefinitions"] = [task_definition(container={"portMappings": [{"containerPort": 80, "hostPort": 0}]})]
    document["services"] = [service(count=4, **more)]
    assert not Sim(document).engine.world.services[0].rebalances
    load_mapping(document)
    document["services"] = [service(count=4, **more, **ON)]
    with pytest.raises(BadInput) as caught:
        load_mapping(document)
    assert [(p.rule, words in p.message) for p in caught.value.problems] == [("PLACE-082", True)]


@pytest.mark.rule("PLACE-082")
@pytest.mark.parametrize(
    "strategy",
    [pytest.param([], id="none"), pytest.param([*AZ_SPREAD, {"type": "binpack", "field": "cpu"}], id="zone")],
)
def test_strategies_that_go_with_it(strategy: list[dict[str, str]]) -> None:
    document = on_ec2(placementStrategy=strategy, **ON)
    load_mapping(document)
    assert Sim(document).service().rebalances


@pytest.mark.rule("PLACE-082")
def test_a_constraint_of_the_task_definition_rules_it_out_too() -> None:
    document = on_ec2()
    constraint = {"type": "memberOf", "expression": f"{ZONE} == us-east-1a"}
    document["taskDefinitions"] = [task_definition(placementConstraints=[constraint])]
    assert not Sim(document).service().rebalances


@pytest.mark.rule("PLACE-084", "DEPLOY-005")
@pytest.mark.parametrize("stopped", [False, True])
def test_a_deployment_that_bakes_waits_with_it_and_one_that_failed_launches_nothing_for_it(stopped: bool) -> None:
    quiet = {
        "alarmName": "quiet",
        "namespace": "AWS/ECS",
        "metricName": "CPUUtilization",
        "dimensions": [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "web"}],
        "statistic": "Average",
        "evaluationPeriods": 1,
        "threshold": 1000,
        "comparisonOperator": "GreaterThanThreshold",
    }
    config = {"alarms": {"alarmNames": ["quiet"], "enable": True, "rollback": True}, "bakeTimeInMinutes": 30}
    document = on_ec2(deploymentConfiguration=config) | {"alarms": [quiet]}
    if stopped:
        document["timeline"].append(call("20m", "StopServiceDeployment", serviceDeploymentArn="prod/web"))
    sim = Sim(document).to(1800)
    assert zones(sim) == {"a": 4}  # for 19 minutes there has been an instance in zone b
    if stopped:
        assert told(sim) == []
        return
    [baked] = [t for t, name, _ in service_events(sim.finish()) if name == "SERVICE_DEPLOYMENT_COMPLETED"]
    assert told(sim)[0] == (baked + 60, "SERVICE_REBALANCING_STARTED")
    assert zones(sim) == {"a": 2, "b": 2}
