"""What RegisterTaskDefinition, CreateService and UpdateTaskProtection refuse of containers and of protection."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ecssim.aws.checks import Surroundings, check_request
from ecssim.aws.reasons import AGENT_ERRORS, CATEGORIES, ERROR_NAMES, cut, error_name
from ecssim.aws.requests import REQUESTS
from ecssim.aws.task_definition import ContainerDefinition, ContainerRestartPolicy, HealthCheck, TaskDefinition


def definition(*containers: dict[str, Any]) -> TaskDefinition:
    whole = [{"image": "x", "memory": 64, **c} for c in containers]
    return TaskDefinition.model_validate_json(json.dumps({"family": "app", "containerDefinitions": whole}))


def refused(request: Any, **around: Any) -> list[tuple[str | None, tuple[str | int, ...]]]:
    return [(r.rule, r.where) for r in check_request(request, Surroundings(**around))]


CHECK = {"healthCheck": {"command": ["CMD", "true"]}}
TARGET = {"name": "init", "essential": False}


@pytest.mark.rule("LIFE-054")
@pytest.mark.parametrize(
    ("condition", "target", "fails"),
    [
        pytest.param("START", {"essential": True}, False, id="START of anything"),
        pytest.param("COMPLETE", {"essential": True}, True, id="COMPLETE of an essential container"),
        pytest.param("SUCCESS", {"essential": True}, True, id="SUCCESS of an essential container"),
        pytest.param("COMPLETE", {}, False, id="COMPLETE of a helper"),
        pytest.param("HEALTHY", {}, True, id="HEALTHY without a check"),
        pytest.param("HEALTHY", CHECK, False, id="HEALTHY with one"),
    ],
)
def test_what_a_container_may_wait_for(condition: str, target: dict[str, Any], fails: bool) -> None:
    web = {"name": "web", "dependsOn": [{"containerName": "init", "condition": condition}]}
    where = ("containerDefinitions", 0, "dependsOn", 0, "condition")
    assert refused(definition(web, {**TARGET, **target})) == ([("LIFE-054", where)] if fails else [])


@pytest.mark.rule("LIFE-052")
def test_a_container_is_essential_by_default_and_one_must_be() -> None:
    assert ContainerDefinition.model_validate_json('{"name": "web"}').essential
    assert refused(definition({"name": "a", "essential": False})) == [("LIFE-052", ("containerDefinitions",))]


@pytest.mark.rule("LIFE-061", "LB-065")
@pytest.mark.parametrize(
    ("key", "default", "low", "high"),
    [("interval", 30, 5, 300), ("timeout", 5, 2, 60), ("retries", 3, 1, 10), ("startPeriod", 0, 0, 300)],
)
def test_a_health_check_has_defaults_and_ranges(key: str, default: int, low: int, high: int) -> None:
    def read(**more: int) -> dict[str, Any]:
        check = HealthCheck.model_validate_json(json.dumps({"command": ["CMD"], **more}))
        return check.model_dump(by_alias=True)

    assert read()[key] == default
    assert [read(**{key: n})[key] for n in (low, high)] == [low, high]
    for beyond in (low - 1, high + 1):
        with pytest.raises(ValidationError):
            read(**{key: beyond})


@pytest.mark.rule("LIFE-068")
def test_a_restart_policy_has_defaults_and_ranges() -> None:
    def read(**more: Any) -> ContainerRestartPolicy:
        return ContainerRestartPolicy.model_validate_json(json.dumps({"enabled": True, **more}))

    assert (read().restart_attempt_period, read().ignored_exit_codes) == (300, ())
    assert read(restartAttemptPeriod=60, ignoredExitCodes=list(range(50))).restart_attempt_period == 60
    for wrong in ({"restartAttemptPeriod": 59}, {"restartAttemptPeriod": 1801}, {"ignoredExitCodes": [0] * 51}):
        with pytest.raises(ValidationError):
            read(**wrong)


@pytest.mark.rule("LIFE-067")
@pytest.mark.parametrize("checked", [True, False], ids=["with a check", "without"])
def test_a_container_health_check_does_not_go_with_a_classic_load_balancer(checked: bool) -> None:
    app = definition({"name": "web", "portMappings": [{"containerPort": 80}], **(CHECK if checked else {})})
    document = {
        "serviceName": "web",
        "cluster": "prod",
        "taskDefinition": "app",
        "desiredCount": 1,
        "launchType": "EC2",
        "loadBalancers": [{"loadBalancerName": "old", "containerName": "web", "containerPort": 80}],
    }
    request = REQUESTS["CreateService"].model_validate_json(json.dumps(document))
    expected = [("LIFE-067", ("loadBalancers", 0, "loadBalancerName"))] if checked else []
    assert refused(request, task_definition={"app": app}.get) == expected


@pytest.mark.rule("LIFE-044", "LIFE-045")
def test_the_error_names_of_reasons() -> None:
    assert len(CATEGORIES) == 14  # thirteen, one of which has two spellings
    assert len(AGENT_ERRORS) == 11
    assert len(set(ERROR_NAMES)) == 25
    assert error_name("CannotPullContainerError: pull access denied: no") == "CannotPullContainerError"


@pytest.mark.rule("LIFE-048")
def test_a_reason_is_cut_where_the_api_cuts_it() -> None:
    assert cut("x" * 1024) == "x" * 1024
    assert cut("x" * 1025) == "x" * 1024


def protection(**more: Any) -> Any:
    document = {"cluster": "prod", "protectionEnabled": True, **more}
    return REQUESTS["UpdateTaskProtection"].model_validate_json(json.dumps(document))


@pytest.mark.rule("LIFE-070")
@pytest.mark.parametrize(
    ("more", "where"),
    [
        pytest.param({"tasks": ["a"] * 11}, "tasks", id="eleven tasks"),
        pytest.param({"service": "web", "count": 11}, "count", id="eleven of a service"),
        pytest.param({"service": "web", "count": 10}, None, id="ten of a service"),
        pytest.param({"service": "web"}, None, id="a service"),
    ],
)
def test_one_call_protects_ten_tasks_at_most(more: dict[str, Any], where: str | None) -> None:
    assert refused(protection(**more)) == ([("LIFE-070", (where,))] if where else [])


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="nobody"),
        pytest.param({"tasks": ["a"], "service": "web"}, id="both ways"),
        pytest.param({"tasks": ["a"], "count": 2}, id="a count of no service"),
        pytest.param({"tasks": ["a"], "expiresInMinutes": 2881}, id="too long", marks=pytest.mark.rule("LIFE-070")),
        pytest.param({"tasks": ["a"], "expiresInMinutes": 0}, id="no time", marks=pytest.mark.rule("LIFE-070")),
    ],
)
def test_a_protection_that_cannot_be_read(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        protection(**more)
