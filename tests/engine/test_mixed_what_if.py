"""The what-if that AWS refuses: one strategy over Fargate and the instances of an Auto Scaling group."""

from __future__ import annotations

import json

import pytest
from builders import Document, awsvpc, call, group, provider, run_dict, scenario, service, task_definition

from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping

MIXED = [
    {"capacityProvider": "FARGATE", "weight": 2},
    {"capacityProvider": "FARGATE_SPOT", "weight": 1},
    {"capacityProvider": "ec2", "weight": 1},
]


def document(**more: Document) -> Document:
    definition = task_definition(networkMode="awsvpc")
    mixed = service("web", 8, capacityProviderStrategy=MIXED, networkConfiguration=awsvpc())
    base = {
        "autoScalingGroups": [group(2)],
        "capacityProviders": [provider()],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT", "ec2"]}],
        "taskDefinitions": [definition],
        "services": [mixed],
        "model": {"spotInterruptionsPerMonth": 0, "spotShortagesPerWeek": 0},
        "allow": ["mixedCapacityProviderStrategy"],
    }
    return scenario(**(base | more))


@pytest.mark.parametrize("initial", ["empty", "steady"])
def test_each_part_of_the_strategy_runs_and_is_paid_for_as_its_provider_does(initial: str) -> None:
    result = run_dict(document(initialState=initial))
    tasks = result.tasks
    assert (tasks.started_at >= 0).sum() + (tasks.origin == "initial").sum() >= 8
    where = tasks.groupby(["capacity_provider", "launch_type"], observed=True).size().to_dict()
    assert where == {("FARGATE", "FARGATE"): 4, ("FARGATE_SPOT", "FARGATE"): 2, ("ec2", "EC2"): 2}
    assert tasks.query("launch_type == 'EC2'").container_instance.notna().all()
    assert tasks.query("launch_type == 'FARGATE'").container_instance.isna().all()
    assert {"FARGATE", "FARGATE_SPOT", "asg"} <= set(result.bill().by_resource)


def test_a_release_replaces_all_parts_of_it() -> None:
    result = run_dict(
        document(initialState="steady", timeline=[call("5m", "UpdateService", service="web", forceNewDeployment=True)])
    )
    running = result.tasks[result.tasks.stopped_at.isna()]
    assert running.launch_type.value_counts().to_dict() == {"FARGATE": 6, "EC2": 2}
    assert (running.created_at > 0).all()


@pytest.mark.rule("CAP-010")
def test_without_the_allowance_it_is_refused() -> None:
    refused = document()
    del refused["allow"]
    with pytest.raises(BadInput, match="cannot mix kinds of capacity provider"):
        load_mapping(json.loads(json.dumps(refused)))
