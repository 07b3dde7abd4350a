"""EventBridge lines: each is in the committed schema, says what the record says, and counts by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import jsonschema
import pytest
from builders import (
    COLD,
    awsvpc,
    call,
    fault,
    group,
    provider,
    scenario,
    service,
    task_definition,
)
from small_scenarios import CASES

from ecssim.aws.events import SERVICE_ACTIONS
from ecssim.engine.outside import Outside
from ecssim.exchange.eventbridge import Stream, events, schema
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

UNTIL = 660.0
ACTION, DEPLOYMENT = "ECS Service Action", "ECS Deployment State Change"
TASK, INSTANCE = "ECS Task State Change", "ECS Container Instance State Change"


@cache
def lines(case: str) -> tuple[dict[str, Any], ...]:
    return tuple(events(Simulation(load_mapping(CASES[case]())), until=UNTIL))


def of_document(document: dict[str, Any]) -> list[dict[str, Any]]:
    return list(events(Simulation(load_mapping(document))))


def of_kind(found: Any, kind: str) -> list[dict[str, Any]]:
    return [event for event in found if event["detail-type"] == kind]


# -- the schema -----------------------------------------------------------------------------------------------


def validator() -> Any:
    return jsonschema.Draft202012Validator(schema())


@pytest.mark.parametrize("case", CASES)
def test_every_line_is_in_the_committed_schema(case: str) -> None:
    check = validator()
    check.check_schema(schema())
    # A line of each kind, status and name, and every fortieth: they are much alike.
    seen: set[Any] = set()
    for number, event in enumerate(lines(case)):
        detail = event["detail"]
        look = (event["detail-type"], detail.get("lastStatus"), detail.get("eventName"), detail.get("stopCode"))
        if look not in seen or number % 40 == 0:
            seen.add(look)
            assert [error.message for error in check.iter_errors(event)] == []


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        pytest.param(TASK, {"healthStatus": "UNKNOWN"}, id="health of a task"),
        pytest.param(TASK, {"lastStatus": "GONE"}, id="an unknown status"),
        pytest.param(TASK, {"version": 0}, id="a version below one"),
        pytest.param(TASK, {"createdAt": 1700000000.0}, id="a number for a time"),
        pytest.param(TASK, {"stopCode": "UserInitiated"}, id="a stop code of a task that should run"),
        pytest.param(INSTANCE, {"agentConnected": "yes"}, id="a text for a truth value"),
        pytest.param(ACTION, {"version": 1}, id="a version of a service event"),
        pytest.param(ACTION, {"eventType": "WARN"}, id="another severity"),
        pytest.param(DEPLOYMENT, {"eventName": "SERVICE_STEADY_STATE"}, id="an event that is none of a deployment"),
    ],
)
def test_the_schema_refuses_what_ecs_does_not_send(kind: str, change: dict[str, Any]) -> None:
    event = next(e for e in of_kind(lines("fleet"), kind) if e["detail"].get("desiredStatus") != "STOPPED")
    assert validator().is_valid(event)
    assert not validator().is_valid({**event, "detail": {**event["detail"], **change}})


def test_the_schema_knows_every_event_name() -> None:
    listed = schema()["$defs"]["serviceAction"]["oneOf"]
    named = {
        name: part["properties"]["eventType"]["const"]
        for part in listed
        for name in part["properties"]["eventName"]["enum"]
    }
    assert named == {name: kind.value for name, kind in SERVICE_ACTIONS.items()}


# -- the envelope ---------------------------------------------------------------------------------------------


@pytest.mark.rule("META-010")
def test_the_envelope_is_that_of_ecs() -> None:
    every = [event for case in CASES for event in lines(case)]
    assert {event["detail-type"] for event in every} == {TASK, INSTANCE, ACTION, DEPLOYMENT}
    assert {(event["source"], event["version"]) for event in every} == {("aws.ecs", "0")}
    for case in CASES:
        assert len({event["id"] for event in lines(case)}) == len(lines(case))
        assert [e["time"] for e in lines(case)] == sorted(e["time"] for e in lines(case))


def test_the_same_run_sends_the_same_lines() -> None:
    again = tuple(events(Simulation(load_mapping(CASES["fargate"]())), until=UNTIL))
    assert again == lines("fargate")


# -- versions -------------------------------------------------------------------------------------------------


@pytest.mark.rule("META-011", "LIFE-037")
@pytest.mark.parametrize("case", CASES)
def test_versions_rise_by_exactly_one(case: str) -> None:
    last: dict[str, int] = {}
    for event in lines(case):
        (thing,), detail = event["resources"], event["detail"]
        if event["detail-type"] in (TASK, INSTANCE):
            assert detail["version"] == last.get(thing, 0) + 1
            last[thing] = detail["version"]
        else:
            assert "version" not in detail


@pytest.mark.rule("META-011")
@pytest.mark.parametrize("t", [60.0, 305.5, 600.25])
def test_describe_shows_the_version_of_the_last_event(t: float) -> None:
    for case in CASES:
        run = Simulation(load_mapping(CASES[case]()))
        _ = run.outside
        run.advance(until=t)
        last: dict[str, int] = {}
        for event in events(Simulation(load_mapping(CASES[case]())), until=t):
            last[event["resources"][0]] = event["detail"].get("version", 0)
        for what, arn in (("tasks", "taskArn"), ("container-instances", "containerInstanceArn")):
            shown = run.describe(what)
            assert {d[arn]: d["version"] for d in shown} == {d[arn]: last[d[arn]] for d in shown}


# -- tasks ----------------------------------------------------------------------------------------------------


@pytest.mark.rule("META-012")
@pytest.mark.parametrize("case", CASES)
def test_each_change_of_a_task_is_one_event_without_its_health(case: str) -> None:
    run = Simulation(load_mapping(CASES[case]()), until=UNTIL)
    rows = run.finish().task_events
    columns = (rows[name].astype(str) for name in ("task_id", "last_status", "desired_status"))
    sent = []
    for event in of_kind(lines(case), TASK):
        detail = event["detail"]
        sent.append((detail["taskArn"].rpartition("/")[2], detail["lastStatus"], detail["desiredStatus"]))
        assert "healthStatus" not in detail
        assert all("healthStatus" not in container for container in detail["containers"])
    assert sent == list(zip(*columns, strict=True))


def _walk(document: Any) -> Iterator[Any]:
    if isinstance(document, dict):
        for value in document.values():
            yield from _walk(value)
    elif isinstance(document, list):
        for value in document:
            yield from _walk(value)
    else:
        yield document


def _without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


@pytest.mark.rule("META-022")
@pytest.mark.parametrize("case", CASES)
def test_the_detail_of_a_task_is_what_describe_shows_with_times_as_texts(case: str) -> None:
    run = Simulation(load_mapping(CASES[case]()))
    _ = run.outside
    compared = set()
    for t in (30.0, 125.0, 303.0, 364.5, 500.0):
        run.advance(until=t)
        shown = {d["taskArn"]: d for d in run.describe("tasks")}
        last = {}
        for event in events(Simulation(load_mapping(CASES[case]())), until=t):
            if event["detail-type"] == TASK:
                last[event["resources"][0]] = event["detail"]
        for arn, document in shown.items():
            detail = last[arn]
            assert not any(isinstance(value, datetime | float) for value in _walk(detail))
            wanted = {
                key: value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
                if isinstance(value, datetime)
                else value
                for key, value in _without(document, "healthStatus", "tags", "inferenceAccelerators").items()
            }
            wanted["containers"] = [_without(c, "healthStatus") for c in document["containers"]]
            wanted["attachments"] = [{**a, "type": "eni"} for a in document["attachments"]]
            # The images have come since the event, and the agent may have gone: neither is a change of status.
            late = ("pullStoppedAt", "containers", "connectivity") if detail["lastStatus"] == "ACTIVATING" else ()
            late = (*late, "connectivity", "updatedAt")
            assert _without(detail, *late) == _without(wanted, *late)
            assert (detail["cpu"], detail["memory"]) == (document["cpu"], document["memory"])
            assert isinstance(detail["cpu"], str)
            compared.add(detail["lastStatus"])
    assert {"RUNNING", "STOPPED"} <= compared


# -- container instances --------------------------------------------------------------------------------------


def _cpu(detail: dict[str, Any]) -> int:
    return next(r["integerValue"] for r in detail["remainingResources"] if r["name"] == "CPU")


@pytest.mark.rule("META-013")
def test_an_instance_tells_of_every_change_of_what_it_has_left_and_of_its_agent() -> None:
    document = scenario(
        duration="10m",
        taskDefinitions=[task_definition()],
        autoScalingGroups=[group(1)],
        capacityProviders=[provider()],
        clusters=[{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        timing={"profile": "fixed", "instanceBoot": "5s"},
        behaviour={"app": {"runsFor": "100s"}},
        timeline=[
            call("1m", "RunTask", cluster="prod", taskDefinition="app", launchType="EC2"),
            fault("3m", "agentDisconnect", capacityProvider="ec2", count=1, **{"for": "150s"}),
            call("7m", "RunTask", cluster="prod", taskDefinition="app", launchType="EC2", count=2),
            fault("8m", "instanceTermination", capacityProvider="ec2", count=1),
        ],
    )
    told = of_kind(of_document(document), INSTANCE)
    first = told[0]["detail"]["ec2InstanceId"]
    whole = next(r["integerValue"] for r in told[0]["detail"]["registeredResources"] if r["name"] == "CPU")
    start = datetime.fromisoformat(document.get("start", "2026-01-01T00:00:00+00:00"))

    def at(detail: dict[str, Any]) -> float:
        return round((datetime.fromisoformat(detail["updatedAt"]) - start).total_seconds(), 3)

    lived = [
        (at(d), d["status"], d["agentConnected"], whole - _cpu(d), d["runningTasksCount"])
        for d in (event["detail"] for event in told)
        if d["ec2InstanceId"] == first
    ]
    assert lived == [
        (5.0, "ACTIVE", True, 0, 0),
        (60.0, "ACTIVE", True, 256, 1),
        (round(60.0 + COLD + 100.0, 3), "ACTIVE", True, 0, 0),
        (270.0, "ACTIVE", False, 0, 0),
        (330.0, "ACTIVE", True, 0, 0),
        (420.0, "ACTIVE", True, 512, 2),
        (480.0, "INACTIVE", False, 0, 0),
    ]
    second = [event["detail"] for event in told if event["detail"]["ec2InstanceId"] != first]
    assert [(d["version"], d["status"]) for d in second] == [(1, "ACTIVE")]


# -- services -------------------------------------------------------------------------------------------------


def exported(name: str | None, message: str = "(service web) said so.") -> list[dict[str, Any]]:
    """What is sent of one event of a service that somebody records under ``name``."""
    document = scenario(taskDefinitions=[task_definition()], services=[service("web", 0)])
    run = Simulation(load_mapping(document))
    outside = Outside(run.engine, keep_changes=True)
    outside.take_changes()
    run.engine.services.events.write(run.engine.world.services[0], name, message, 0)
    return list(Stream(run.engine).of(outside.take_changes()))


INFO = (
    "SERVICE_STEADY_STATE",
    "TASKSET_STEADY_STATE",
    "CAPACITY_PROVIDER_STEADY_STATE",
    "SERVICE_DESIRED_COUNT_UPDATED",
    "TASKS_STOPPED",
    "SERVICE_DEPLOYMENT_IN_PROGRESS",
    "SERVICE_DEPLOYMENT_COMPLETED",
)
WARN = ("SERVICE_TASK_START_IMPAIRED", "SERVICE_DISCOVERY_INSTANCE_UNHEALTHY", "VPC_LATTICE_TARGET_UNHEALTHY")
ERROR = (
    "SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED",
    "ECS_OPERATION_THROTTLED",
    "SERVICE_DISCOVERY_OPERATION_THROTTLED",
    "SERVICE_TASK_PLACEMENT_FAILURE",
    "SERVICE_TASK_CONFIGURATION_FAILURE",
    "SERVICE_HEALTH_UNKNOWN",
    "SERVICE_DEPLOYMENT_FAILED",
)
REBALANCING = (
    "SERVICE_REBALANCING_STARTED",
    "SERVICE_REBALANCING_COMPLETED",
    "SERVICE_REBALANCING_STOPPED",
    "TASKS_STARTED",
    "TASKS_STOPPED",
    "TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION",
)


def check_action(name: str, kind: str) -> None:
    (event,) = of_kind(exported(name), ACTION)
    assert (event["detail"]["eventType"], event["detail"]["eventName"]) == (kind, name)
    assert event["resources"] == ["arn:aws:ecs:us-east-1:123456789012:service/prod/web"]
    assert event["detail"]["clusterArn"] == "arn:aws:ecs:us-east-1:123456789012:cluster/prod"
    assert validator().is_valid(event)


@pytest.mark.rule("META-014")
@pytest.mark.parametrize("name", INFO)
def test_what_goes_well_is_info(name: str) -> None:
    check_action(name, "INFO")


@pytest.mark.rule("META-015")
@pytest.mark.parametrize("name", WARN)
def test_what_may_go_wrong_is_a_warning(name: str) -> None:
    check_action(name, "WARN")


@pytest.mark.rule("META-016")
@pytest.mark.parametrize("name", ERROR)
def test_what_went_wrong_is_an_error(name: str) -> None:
    check_action(name, "ERROR")


@pytest.mark.rule("META-017")
@pytest.mark.parametrize("name", REBALANCING)
def test_rebalancing_is_info_and_its_failures_are_errors(name: str) -> None:
    check_action(name, "INFO")
    check_action("SERVICE_TASK_PLACEMENT_FAILURE", "ERROR")


def test_a_message_of_the_console_alone_is_not_sent() -> None:
    assert exported(None) == []


@pytest.mark.rule("META-015")
def test_a_service_whose_tasks_cannot_start_warns() -> None:
    document = scenario(
        duration="10m",
        taskDefinitions=[task_definition(cpu="1024")],
        autoScalingGroups=[group(1)],
        services=[service("web", 1)],
        behaviour={"app": {"failsToStart": {"share": 1.0, "reason": "CannotPullContainerError"}}},
    )
    actions = of_kind(of_document(document), ACTION)
    names = [e["detail"]["eventName"] for e in actions if e["detail"]["eventType"] == "WARN"]
    assert names == ["SERVICE_TASK_START_IMPAIRED"]


@pytest.mark.rule("META-016", "PLACE-062")
@pytest.mark.parametrize(
    ("parts", "reason", "closest"),
    [
        pytest.param({}, "NO ACTIVE INSTANCES", False, id="no instance"),
        pytest.param({"autoScalingGroups": [group(1)]}, "RESOURCE:CPU", True, id="too little CPU"),
    ],
)
def test_a_refused_placement_says_why_and_which_instance_came_closest(
    parts: dict[str, Any], reason: str, closest: bool
) -> None:
    document = scenario(
        duration="3m",
        initialState="steady",
        taskDefinitions=[task_definition(cpu="1024")],
        services=[service("web", 3)],
        timing={"profile": "fixed", "instanceBoot": "0s"},
        **parts,
    )
    failed = [
        e["detail"]
        for e in of_kind(of_document(document), ACTION)
        if e["detail"]["eventName"] == "SERVICE_TASK_PLACEMENT_FAILURE"
    ]
    assert {detail["reason"] for detail in failed} == {reason}
    assert all(("containerInstanceArns" in detail) is closest for detail in failed)


@pytest.mark.rule("META-018")
def test_a_deployment_tells_when_it_begins_and_when_it_is_complete() -> None:
    document = scenario(
        duration="10m",
        initialState="steady",
        taskDefinitions=[task_definition(networkMode="awsvpc"), task_definition(networkMode="awsvpc")],
        services=[service("web", 2, launchType="FARGATE", networkConfiguration=awsvpc())],
        timeline=[call("1m", "UpdateService", cluster="prod", service="web", taskDefinition="app:2")],
    )
    told = [event["detail"] for event in of_kind(of_document(document), DEPLOYMENT)]
    run = Simulation(load_mapping(document))
    run.advance("2m")
    id = run.describe("services")[0]["deployments"][0]["id"]
    assert [(d["eventType"], d["eventName"], d["deploymentId"], d["reason"]) for d in told] == [
        ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS", id, f"ECS deployment {id} in progress."),
        ("INFO", "SERVICE_DEPLOYMENT_COMPLETED", id, f"ECS deployment {id} completed."),
    ]
    (failed,) = of_kind(
        exported("SERVICE_DEPLOYMENT_FAILED", "(deployment ecs-svc/1) tasks failed to start."), DEPLOYMENT
    )
    assert failed["detail"]["eventType"] == "ERROR"
    assert failed["detail"]["reason"] == "(deployment ecs-svc/1) tasks failed to start."
    assert validator().is_valid(failed)
