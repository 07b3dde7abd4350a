"""What a task definition cannot have on Fargate, with the API's own words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ecssim.aws.checks import Surroundings, check_request, check_task_definition
from ecssim.aws.requests import RunTask
from ecssim.aws.task_definition import EphemeralStorage, TaskDefinition

WEB: dict[str, Any] = {
    "family": "web",
    "cpu": "256",
    "memory": "512",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "containerDefinitions": [{"name": "app", "image": "app:1"}],
}


def definition(container: dict[str, Any] | None = None, **changes: Any) -> TaskDefinition:
    containers = [WEB["containerDefinitions"][0] | (container or {})]
    return TaskDefinition.model_validate_json(json.dumps(WEB | {"containerDefinitions": containers} | changes))


def refused(found: TaskDefinition) -> list[tuple[str | None, str, str]]:
    """Rule, error code and message of every refusal."""
    return [(r.rule, r.code, r.message) for r in check_task_definition(found)]


@pytest.mark.rule("FG-002")
def test_an_unknown_cpu_and_a_pair_that_does_not_exist_have_messages_of_their_own():
    [(rule, code, message)] = refused(definition(cpu="300"))
    assert (rule, code) == ("FG-002", "ClientException")
    assert message.startswith("Invalid 'cpu' setting for task.")
    [(rule, code, message)] = refused(definition(cpu="256", memory="4096"))
    assert (rule, code) == ("FG-002", "ClientException")
    assert message.startswith("No Fargate configuration exists for given values.")
    assert refused(definition(cpu="512", memory="4096")) == []


@pytest.mark.rule("FG-004")
@pytest.mark.parametrize(
    ("container", "changes"),
    [
        pytest.param({}, {"networkMode": "bridge"}, id="bridge mode"),
        pytest.param({}, {"networkMode": "host"}, id="host mode"),
        pytest.param({}, {"placementConstraints": [{"type": "memberOf", "expression": "a == b"}]}, id="a constraint"),
        pytest.param({"privileged": True}, {}, id="privileged"),
        pytest.param({"resourceRequirements": [{"type": "GPU", "value": "1"}]}, {}, id="a GPU"),
        pytest.param({"links": ["db"]}, {}, id="links"),
        pytest.param({"extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.1"}]}, {}, id="extra hosts"),
        pytest.param({}, {"volumes": [{"name": "v", "dockerVolumeConfiguration": {}}]}, id="a docker volume"),
    ],
)
def test_fargate_does_not_have(container: dict[str, Any], changes: dict[str, Any]):
    assert [rule for rule, _, _ in refused(definition(container, **changes))] == ["FG-004"]


@pytest.mark.rule("FG-008")
@pytest.mark.parametrize("name", ["startTimeout", "stopTimeout"])
def test_timeouts_are_two_to_120_seconds(name: str):
    for seconds, well in ((1, False), (2, True), (120, True), (121, False)):
        found = refused(definition({name: seconds}))
        assert (not found) == well
        assert all(f"{name} is 2 to 120 seconds on Fargate, got {seconds}" in message for _, _, message in found)


@pytest.mark.rule("FG-006")
def test_storage_is_21_to_200_gib():
    for size in (21, 200):
        assert EphemeralStorage.model_validate_json(json.dumps({"sizeInGiB": size})).size_in_gib == size
    for size in (20, 201):
        with pytest.raises(ValidationError):
            EphemeralStorage.model_validate_json(json.dumps({"sizeInGiB": size}))


@pytest.mark.rule("FG-001", "FG-006")
@pytest.mark.parametrize(
    ("changes", "version", "rules"),
    [
        pytest.param({}, "1.3.0", [], id="a small task runs on 1.3.0"),
        pytest.param({"cpu": "8192", "memory": "16384"}, "1.3.0", ["FG-001"], id="8 vCPU need 1.4.0"),
        pytest.param({"ephemeralStorage": {"sizeInGiB": 30}}, "1.3.0", ["FG-006"], id="storage needs 1.4.0"),
        pytest.param({"cpu": "8192", "memory": "16384"}, "1.4.0", [], id="8 vCPU on 1.4.0"),
        pytest.param({"ephemeralStorage": {"sizeInGiB": 30}}, "LATEST", [], id="LATEST is 1.4.0"),
    ],
)
def test_what_platform_versions_can(changes: dict[str, Any], version: str, rules: list[str]):
    call = {
        "taskDefinition": "web",
        "launchType": "FARGATE",
        "platformVersion": version,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}},
    }
    around = Surroundings(task_definition=lambda name: definition(**changes))
    assert [r.rule for r in check_request(RunTask.model_validate_json(json.dumps(call)), around)] == rules
