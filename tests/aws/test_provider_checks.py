"""Capacity providers and strategies in themselves: what the API refuses of them, whoever asks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from ecssim.aws.checks import Refusal, Surroundings, check_request, runs_on
from ecssim.aws.names import CapacityProviderStatus, CapacityProviderType, CapacityProviderUpdateStatus
from ecssim.aws.requests import REQUESTS, RunTask
from ecssim.aws.service import CapacityProviderStrategyItem, Service
from ecssim.aws.task_definition import TaskDefinition
from ecssim.scenario.load import load_mapping

EC2, FARGATE = CapacityProviderType.EC2_AUTOSCALING, CapacityProviderType.FARGATE
SPOT, MANAGED = CapacityProviderType.FARGATE_SPOT, CapacityProviderType.MANAGED_INSTANCES
PROVIDERS = {"FARGATE": FARGATE, "FARGATE_SPOT": SPOT, "mi": MANAGED} | {f"p{n}": EC2 for n in range(30)}


def definition(**more: Any) -> TaskDefinition:
    document = {
        "family": "app",
        "networkMode": "awsvpc",
        "cpu": "1024",
        "memory": "2048",
        "containerDefinitions": [{"name": "web", "image": "app"}],
    }
    return TaskDefinition.model_validate_json(json.dumps(document | more))


ARM = definition(runtimePlatform={"cpuArchitecture": "ARM64"})
DEFINITIONS = {"app": definition(), "arm": ARM}
AROUND = Surroundings(
    providers=PROVIDERS,
    task_definition=DEFINITIONS.get,
    cluster_providers=lambda cluster: frozenset(PROVIDERS) - {"p29"},
)


def items(*given: tuple[str, int, int]) -> list[dict[str, Any]]:
    return [{"capacityProvider": name, "weight": weight, "base": base} for name, weight, base in given]


def run(strategy: list[dict[str, Any]], **more: Any) -> list[Refusal]:
    network = {"awsvpcConfiguration": {"subnets": ["a"]}}
    document = {"taskDefinition": "app", "capacityProviderStrategy": strategy, "networkConfiguration": network} | more
    return check_request(RunTask.model_validate_json(json.dumps(document)), AROUND)


def said(refusals: list[Refusal]) -> list[str | None]:
    return [refusal.rule for refusal in refusals]


def request(action: str, **document: Any) -> list[Refusal]:
    return check_request(REQUESTS[action].model_validate_json(json.dumps(document)), AROUND)


@pytest.mark.rule("CAP-001", "CAP-002")
def test_the_words_of_the_api() -> None:
    assert set(CapacityProviderType) == {"EC2_AUTOSCALING", "MANAGED_INSTANCES", "FARGATE", "FARGATE_SPOT"}
    assert set(CapacityProviderStatus) == {"PROVISIONING", "ACTIVE", "DEPROVISIONING", "INACTIVE"}
    words = {
        f"{what}_{how}" for what in ("CREATE", "UPDATE", "DELETE") for how in ("IN_PROGRESS", "COMPLETE", "FAILED")
    }
    assert set(CapacityProviderUpdateStatus) == words


@pytest.mark.rule("CAP-003")
def test_weight_and_base_have_bounds_and_are_zero_by_default() -> None:
    def read(**more: int) -> CapacityProviderStrategyItem:
        return CapacityProviderStrategyItem.model_validate_json(json.dumps({"capacityProvider": "p1", **more}))

    assert (read().weight, read().base) == (0, 0)
    assert (read(weight=1000).weight, read(base=100_000).base) == (1000, 100_000)
    for wrong in ({"weight": 1001}, {"weight": -1}, {"base": 100_001}, {"base": -1}):
        with pytest.raises(ValidationError):
            read(**wrong)
    with pytest.raises(ValidationError):
        CapacityProviderStrategyItem.model_validate_json(json.dumps({"weight": 1}))


@pytest.mark.rule("CAP-004")
def test_a_strategy_has_twenty_items_at_most() -> None:
    assert run(items(*((f"p{n}", 1, 0) for n in range(20)))) == []
    assert said(run(items(*((f"p{n}", 1, 0) for n in range(21))))) == ["CAP-004"]


@pytest.mark.rule("CAP-005", "CAP-006", "CAP-009")
def test_one_base_and_a_weight_among_several() -> None:
    assert said(run(items(("p1", 1, 1), ("p2", 1, 1)))) == ["CAP-005"]
    assert run(items(("p1", 1, 1), ("p2", 1, 0))) == []
    assert said(run(items(("p1", 0, 1), ("p2", 0, 0)))) == ["CAP-006"]
    # A single item may have weight 0.
    assert run(items(("p1", 0, 0))) == []


@pytest.mark.rule("CAP-010")
def test_kinds_are_not_mixed() -> None:
    for mixed in (("FARGATE", "p1"), ("FARGATE_SPOT", "mi"), ("p1", "mi")):
        assert said(run(items(*((name, 1, 0) for name in mixed)))) == ["CAP-010"]
    assert run(items(("FARGATE", 1, 0), ("FARGATE_SPOT", 1, 0))) == []


@pytest.mark.rule("CAP-011")
def test_only_providers_of_the_cluster_may_be_named() -> None:
    assert said(run(items(("p29", 1, 0)))) == ["CAP-011"]


@pytest.mark.rule("CAP-012")
def test_a_cluster_has_twenty_providers_at_most() -> None:
    def put(count: int) -> list[Refusal]:
        names = [f"p{n}" for n in range(count)]
        put = {"cluster": "prod", "capacityProviders": names, "defaultCapacityProviderStrategy": []}
        return request("PutClusterCapacityProviders", **put)

    assert put(20) == []
    assert said(put(21)) == ["CAP-012"]


@pytest.mark.rule("CAP-014", "CAP-011")
def test_what_put_cluster_capacity_providers_must_say() -> None:
    with pytest.raises(ValidationError, match="defaultCapacityProviderStrategy"):
        request("PutClusterCapacityProviders", cluster="prod", capacityProviders=[])
    put = {"cluster": "prod", "capacityProviders": ["p1"]}
    default = items(("p2", 1, 0))
    answer = request("PutClusterCapacityProviders", **put, defaultCapacityProviderStrategy=default)
    assert [r.message for r in answer] == ["p2 is not among the capacityProviders of cluster prod"]
    managed = {"cluster": "prod", "capacityProviders": ["mi"], "defaultCapacityProviderStrategy": []}
    assert said(request("PutClusterCapacityProviders", **managed)) == ["CAP-014"]


@pytest.mark.rule("CAP-013", "CAP-001")
def test_a_provider_has_one_kind_and_a_name_of_its_own() -> None:
    group = {"autoScalingGroupProvider": {"autoScalingGroup": "asg"}}
    assert request("CreateCapacityProvider", name="web", **group) == []
    for name in ("aws-web", "ECSweb", "fargate2"):
        assert said(request("CreateCapacityProvider", name=name, **group)) == ["CAP-013"]
    assert said(request("CreateCapacityProvider", name="web")) == ["CAP-001"]


@pytest.mark.rule("CAP-017")
@pytest.mark.parametrize(
    ("family", "version", "fine"),
    [
        ("app", "1.2.0", False),
        ("app", "1.3.0", True),
        ("app", "LATEST", True),
        ("arm", "1.3.0", False),
        ("arm", "1.4.0", True),
    ],
)
def test_fargate_spot_needs_a_platform(family: str, version: str, fine: bool) -> None:
    spot = run(items(("FARGATE_SPOT", 1, 0)), taskDefinition=family, platformVersion=version)
    assert said(spot) == ([] if fine else ["CAP-017"])
    assert run(items(("FARGATE", 1, 0)), taskDefinition=family, platformVersion=version) == []


@pytest.mark.rule("CAP-018", "CAP-020")
def test_launch_types_that_a_request_cannot_have() -> None:
    assert said(run([], launchType="MANAGED_INSTANCES")) == ["CAP-018"]
    assert said(run([], launchType="EXTERNAL")) == ["CAP-018"]
    assert said(run(items(("p1", 1, 0)), launchType="EC2")) == ["CAP-020"]


@pytest.mark.rule("CAP-021", "CAP-022")
def test_strategy_then_launch_type_then_default_then_ec2() -> None:
    def kinds(default: list[dict[str, Any]], **more: Any) -> set[CapacityProviderType]:
        read = [CapacityProviderStrategyItem.model_validate_json(json.dumps(item)) for item in default]
        around = Surroundings(providers=PROVIDERS, default_strategy=lambda cluster: read)
        document = {"serviceName": "web", "taskDefinition": "app", **more}
        return set(runs_on(Service.model_validate_json(json.dumps(document)), around))

    default = items(("FARGATE_SPOT", 1, 0))
    assert kinds(default, capacityProviderStrategy=items(("p1", 1, 0))) == {EC2}
    assert kinds(default, launchType="FARGATE") == {FARGATE}
    assert kinds(default) == {SPOT}
    assert kinds([]) == {EC2}


@pytest.mark.rule("CAP-016")
def test_a_scaled_provider_of_two_clusters_is_refused() -> None:
    def document(status: str) -> dict[str, Any]:
        behind = {"autoScalingGroup": "asg", "managedScaling": {"status": status}}
        return {
            "ecssim": 1,
            "name": "two",
            "duration": "1h",
            "subnets": [{"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/24"}],
            "autoScalingGroups": [
                {
                    "autoScalingGroupName": "asg",
                    "minSize": 0,
                    "maxSize": 1,
                    "subnets": ["a"],
                    "instances": {"instanceType": "m5.large"},
                }
            ],
            "capacityProviders": [{"name": "web", "autoScalingGroupProvider": behind}],
            "clusters": [{"clusterName": name, "capacityProviders": ["web"]} for name in ("one", "two")],
        }

    load_mapping(document("DISABLED"))
    with pytest.raises(Exception, match="belongs to cluster one already"):
        load_mapping(document("ENABLED"))
