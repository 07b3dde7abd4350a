"""Describe answers in the shapes of the APIs, and what it says adds up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from small_scenarios import CASES

from ecssim.errors import BadInput
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

SHAPES = {
    "tasks": ("ecs", "Task"),
    "services": ("ecs", "Service"),
    "container-instances": ("ecs", "ContainerInstance"),
    "subnets": ("ec2", "Subnet"),
}
MOMENTS = (0.0, 30.0, 61.5, 65.0, 185.0, 365.0, 500.0, 650.0)


def at(case: str, t: float) -> Simulation:
    run = Simulation(load_mapping(CASES[case]()))
    run.advance(until=t)
    return run


@pytest.mark.parametrize("what", SHAPES)
@pytest.mark.parametrize("case", CASES)
def test_documents_have_the_shapes_of_the_api(case: str, what: str) -> None:
    session = pytest.importorskip("botocore.session").get_session()
    validate = pytest.importorskip("botocore.validate").ParamValidator()
    service, name = SHAPES[what]
    shape = session.get_service_model(service).shape_for(name)
    run = Simulation(load_mapping(CASES[case]()))
    seen = 0
    for t in MOMENTS:
        run.advance(until=t)
        for document in run.describe(what):
            assert validate.validate(document, shape).generate_report() == ""
            seen += 1
    assert seen > 0 or (what == "container-instances" and case != "fleet")


def test_a_fargate_task_shows_its_interface_and_its_times() -> None:
    run = at("fargate", 30.0)
    task = run.describe("tasks")[0]
    assert task["lastStatus"] == task["desiredStatus"] == "RUNNING"
    assert task["group"] == "service:web"
    assert task["taskDefinitionArn"] == "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"
    assert (task["cpu"], task["memory"]) == ("256", "512")
    (attachment,) = task["attachments"]
    details = {detail["name"]: detail["value"] for detail in attachment["details"]}
    assert attachment["type"] == "ElasticNetworkInterface"
    assert details["subnetId"] in ("a", "b")
    assert details["privateIPv4Address"].startswith("10.0.0.")
    assert task["startedAt"] <= datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert "stoppedAt" not in task


def test_a_moment_that_is_only_planned_is_not_shown() -> None:
    run = Simulation(load_mapping(CASES["fargate"]()))
    run.advance(until=60.0)
    for _ in range(240):
        run.advance(0.25)
        now = datetime(2026, 3, 2, 8, tzinfo=UTC).timestamp() + run.now
        for task in run.describe("tasks"):
            assert all(value.timestamp() <= now for value in task.values() if isinstance(value, datetime))


@pytest.mark.parametrize("t", MOMENTS)
def test_counts_of_services_add_up_to_their_tasks(t: float) -> None:
    for case in CASES:
        run = at(case, t)
        tasks = run.describe("tasks")
        for service in run.describe("services"):
            mine = [task for task in tasks if task["group"] == f"service:{service['serviceName']}"]
            wanted = [task for task in mine if task["desiredStatus"] == "RUNNING"]
            running = [task for task in wanted if task["lastStatus"] == "RUNNING"]
            assert service["runningCount"] == len(running)
            assert service["pendingCount"] == len(wanted) - len(running)
            assert service["runningCount"] == sum(d["runningCount"] for d in service["deployments"])
            assert [d["status"] for d in service["deployments"]][:1] == ["PRIMARY"]


@pytest.mark.parametrize("t", MOMENTS[1:])
def test_what_an_instance_has_left_is_what_its_tasks_do_not_take(t: float) -> None:
    run = at("fleet", t)
    tasks = run.describe("tasks")
    instances = run.describe("container-instances")
    assert instances or t < 120.0
    for instance in instances:
        mine = [
            task
            for task in tasks
            if task.get("containerInstanceArn") == instance["containerInstanceArn"]
            and task["desiredStatus"] == "RUNNING"
        ]
        registered, left = (_resources(instance[key]) for key in ("registeredResources", "remainingResources"))
        assert registered["CPU"] - left["CPU"] == sum(int(task["cpu"]) for task in mine)
        assert registered["MEMORY"] - left["MEMORY"] == sum(int(task["memory"]) for task in mine)
        assert instance["runningTasksCount"] + instance["pendingTasksCount"] == len(mine)
        assert {"name": "stack", "value": "blue"} in instance["attributes"]
        assert instance["capacityProviderName"] == "ec2"


def _resources(listed: list[dict[str, Any]]) -> dict[str, int]:
    return {entry["name"]: entry["integerValue"] for entry in listed if entry["type"] == "INTEGER"}


def test_a_subnet_counts_free_addresses_as_its_metrics_do() -> None:
    run = at("fargate", 239.9)
    shown = {s["SubnetId"]: s["AvailableIpAddressCount"] for s in run.describe("subnets")}
    run.advance(until=241.0)
    metrics = run.finish().subnet_metrics
    minute = metrics[metrics["t"] == 180.0].set_index("subnet")["free"]
    assert {name: int(minute[name]) for name in shown} == shown


def test_describe_of_one_cluster_shows_only_that() -> None:
    document = CASES["fleet"]()
    document["clusters"].append({"clusterName": "empty"})
    run = Simulation(load_mapping(document))
    run.advance("5m")
    for what in ("tasks", "services", "container-instances"):
        assert run.describe(what, cluster="empty") == []
        assert run.describe(what, cluster="prod") == run.describe(what) != []


@pytest.mark.parametrize(
    ("what", "cluster", "words"),
    [
        pytest.param("task", None, "did you mean tasks?", id="a misspelt kind"),
        pytest.param("tasks", "prd", "did you mean prod?", id="a misspelt cluster"),
    ],
)
def test_what_cannot_be_described_is_refused(what: str, cluster: str | None, words: str) -> None:
    with pytest.raises(BadInput, match="did you mean") as caught:
        at("fleet", 0.0).describe(what, cluster=cluster)
    assert words in str(caught.value)
