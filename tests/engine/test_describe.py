"""Describe answers in the shapes of the APIs, and what it says adds up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from builders import (
    awsvpc,
    behind,
    call,
    fault,
    group,
    scenario,
    service,
    target_group,
    task_definition,
)
from shapes import problems
from small_scenarios import CASES

from ecssim.engine.describe import Query, answer
from ecssim.errors import BadInput
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

SHAPES = {
    "tasks": ("ecs", "Task"),
    "services": ("ecs", "Service"),
    "service-deployments": ("ecs", "ServiceDeployment"),
    "service-revisions": ("ecs", "ServiceRevision"),
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
    run = Simulation(load_mapping(CASES[case]()))
    assert run.outside.stopped == {}
    seen = 0
    for t in MOMENTS:
        run.advance(until=t)
        for document in run.describe(what):
            assert problems(document, *SHAPES[what]) == []
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
        for shown in run.describe("services"):
            mine = [task for task in tasks if task["group"] == f"service:{shown['serviceName']}"]
            wanted = [task for task in mine if task["desiredStatus"] == "RUNNING"]
            running = [task for task in wanted if task["lastStatus"] == "RUNNING"]
            assert shown["runningCount"] == len(running)
            assert shown["pendingCount"] == len(wanted) - len(running)
            assert shown["runningCount"] == sum(d["runningCount"] for d in shown["deployments"])
            assert [d["status"] for d in shown["deployments"]][:1] == ["PRIMARY"]


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
        assert instance["runningTasksCount"] == len(mine)
        assert instance["pendingTasksCount"] == sum(task["lastStatus"] == "PENDING" for task in mine)
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


def test_filters_choose_as_the_list_calls_do() -> None:
    run = at("fleet", 500.0)
    every = run.describe("tasks")
    assert {t["group"] for t in run.describe("tasks", service="vpc")} == {"service:vpc"}
    assert {t["group"] for t in run.describe("tasks", service="prod/vpc")} == {"service:vpc"}
    assert {t["group"] for t in run.describe("tasks", family="job")} == {"family:job", "work"} & {
        t["group"] for t in every
    }
    instance = run.describe("container-instances")[0]
    here = run.describe("tasks", instance=instance["ec2InstanceId"])
    assert here == [t for t in every if t.get("containerInstanceArn") == instance["containerInstanceArn"]] != []
    assert run.describe("tasks", instance=instance["containerInstanceArn"]) == here
    for wanted in ("RUNNING", "STOPPED"):
        some = run.describe("tasks", desired_status=wanted)
        assert some == [t for t in every if t["desiredStatus"] == wanted]
    one = every[3]
    assert run.describe("tasks", task=one["taskArn"]) == [one]
    assert run.describe("tasks", task=one["taskArn"].rpartition("/")[2]) == [one]
    assert [s["serviceName"] for s in run.describe("services", service="vpc")] == ["vpc"]
    assert run.describe("container-instances", instance=instance["ec2InstanceId"]) == [instance]


@pytest.mark.rule("PLACE-066")
def test_what_is_asked_for_by_its_id_and_is_not_there_is_missing() -> None:
    run = at("fleet", 300.0)
    known = run.describe("services")[0]["serviceArn"]
    query = Query(services=(known, "nobody"), tasks=("0123",), instances=("i-0",))
    found = answer(run.engine, run.outside, "services", query)
    assert [s["serviceArn"] for s in found["services"]] == [known]
    assert found["failures"] == [{"arn": "nobody", "reason": "MISSING"}]
    for what, key in (("tasks", "tasks"), ("container-instances", "containerInstances")):
        gone = Query(tasks=("0123",)) if what == "tasks" else Query(instances=("i-0",))
        missing = "0123" if what == "tasks" else "i-0"
        assert answer(run.engine, run.outside, what, gone) == {
            key: [],
            "failures": [{"arn": missing, "reason": "MISSING"}],
        }


@pytest.mark.rule("SVC-052")
def test_a_service_shows_its_newest_hundred_events() -> None:
    run = at("scaled", 0.0)
    assert run.describe("services")[0]["events"] == []
    run.advance(until=600.0)
    (shown,) = run.describe("services")
    recorded = list(run.outside.service_events[("web", "prod")])
    assert [e["message"] for e in shown["events"]] == [e.message for e in reversed(recorded)] != []
    (service,) = run.engine.world.services
    for number in range(150):
        run.engine.services.events.write(service, None, f"number {number}", 0)
    (shown,) = run.describe("services")
    assert [e["message"] for e in shown["events"]] == [f"number {n}" for n in range(149, 49, -1)]


def test_a_service_deployment_names_its_revisions() -> None:
    run = at("fargate", 62.0)
    (shown,) = run.describe("services")
    new, old = shown["currentServiceRevisions"]
    second, first = run.describe("service-deployments")  # the newest first
    assert (first["status"], second["status"]) == ("SUCCESSFUL", "IN_PROGRESS")
    assert shown["currentServiceDeployment"] == second["serviceDeploymentArn"]
    assert second["targetServiceRevision"] == new
    assert second["sourceServiceRevisions"] == [old]
    revisions = {r["serviceRevisionArn"]: r["taskDefinition"] for r in run.describe("service-revisions")}
    assert [revisions[r["arn"]].rpartition("/")[2] for r in (new, old)] == ["web:2", "web:1"]
    run.advance(until=900.0)
    assert "currentServiceDeployment" not in run.describe("services")[0]
    # What was deployed stays describable after the old tasks are gone.
    assert [d["status"] for d in run.describe("service-deployments")] == ["SUCCESSFUL", "SUCCESSFUL"]


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


# -- every state ----------------------------------------------------------------------------------------------

LIFE = ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")


def life(kind: str) -> Simulation:
    """One service of two tasks behind a target group, scaled to none after two minutes."""
    mode = "bridge" if kind == "bridge" else "awsvpc"
    definition = task_definition(
        networkMode=mode,
        containerDefinitions=[
            {"name": "web", "image": "app", "memory": 256, "portMappings": [{"containerPort": 80}]},
            {"name": "log", "image": "log:2", "essential": False, "memoryReservation": 64, "cpu": 32},
        ],
    )
    settings: dict[str, Any] = {"loadBalancers": behind()}
    if kind == "fargate":
        settings |= {"launchType": None, "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]}
    if mode == "awsvpc":
        settings["networkConfiguration"] = awsvpc()
    document = scenario(
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}],
        taskDefinitions=[definition],
        autoScalingGroups=[group(2)] if kind != "fargate" else [],
        targetGroups=[target_group(targetType="ip" if mode == "awsvpc" else "instance")],
        services=[service("web", 2, **settings)],
        behaviour={"app": {"stopsAfter": "3s"}},
        timing={"profile": "fixed", "instanceBoot": "5s"},
        timeline=[call("2m", "UpdateService", cluster="prod", service="web", desiredCount=0)],
    )
    run = Simulation(load_mapping(document))
    assert run.outside.stopped == {}
    return run


def documents(run: Simulation, until: float, step: float = 0.125) -> list[dict[str, Any]]:
    seen = []
    while run.now < until:
        run.advance(step)
        seen += run.describe("tasks")
    return seen


@pytest.mark.rule("LIFE-001", "LIFE-012")
@pytest.mark.parametrize(
    ("kind", "without"),
    [("fargate", ()), ("awsvpc", ()), ("bridge", ("PROVISIONING", "DEPROVISIONING"))],
)
def test_a_task_in_every_state_has_the_shape_of_the_api(kind: str, without: tuple[str, ...]) -> None:
    seen = documents(life(kind), 240.0)
    assert {d["lastStatus"] for d in seen} == set(LIFE) - set(without)
    for shown in seen:
        assert problems(shown, "ecs", "Task") == []
        assert ("stopCode" in shown) is (shown["desiredStatus"] == "STOPPED")
        assert ("stoppedAt" in shown) is (shown["lastStatus"] == "STOPPED")
        assert ("startedAt" in shown) is (LIFE.index(shown["lastStatus"]) >= LIFE.index("RUNNING"))
        assert ("containerInstanceArn" in shown) is (kind != "fargate")


@pytest.mark.rule("META-023")
@pytest.mark.parametrize("kind", ["fargate", "awsvpc"])
def test_the_interface_is_shown_as_it_comes_and_goes(kind: str) -> None:
    shown = [(d["lastStatus"], d["attachments"][0]["status"]) for d in documents(life(kind), 240.0)]
    assert list(dict.fromkeys(status for _, status in shown)) == ["ATTACHING", "ATTACHED", "DETACHING", "DELETED"]
    assert {status for status, attachment in shown if attachment == "DETACHING"} == {"DEPROVISIONING"}
    assert {status for status, attachment in shown if attachment == "DELETED"} == {"STOPPED"}


@pytest.mark.rule("META-023")
def test_an_interface_without_an_address_is_precreated_and_one_without_its_instance_detached() -> None:
    document = scenario(
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        subnets=[{"subnetId": "a", "availabilityZone": "us-east-1a", "cidrBlock": "10.0.0.0/28"}],
        autoScalingGroups=[group(1, type="m5.xlarge")],
        services=[service("web", 2, networkConfiguration=awsvpc())],
        timing={"profile": "fixed", "instanceBoot": "5s"},
        timeline=[
            fault("1m", "addressesTaken", subnet="a", count=8),
            call("70s", "RunTask", cluster="prod", taskDefinition="app", networkConfiguration=awsvpc()),
        ],
    )
    run = Simulation(load_mapping(document))
    assert run.outside.stopped == {}
    seen = documents(run, 120.0)
    waiting = [d for d in seen if d["group"] == "family:app" and d["lastStatus"] == "PROVISIONING"]
    assert {d["attachments"][0]["status"] for d in waiting} == {"PRECREATED"}
    instance = run.engine.world.instances[0]
    run.engine.groups.terminate(instance, 0)
    lost = [d for d in run.describe("tasks", service="web") if d["lastStatus"] == "STOPPED"]
    assert [d["attachments"][0]["status"] for d in lost] == ["DETACHED"] * 2


@pytest.mark.rule("LIFE-012", "LIFE-013")
def test_a_stopped_task_is_described_for_an_hour() -> None:
    run = life("fargate")
    run.engine.duration = 7200.0
    documents(run, 240.0, 1.0)
    stopped = {d["taskArn"]: d["stoppedAt"].timestamp() for d in run.describe("tasks", desired_status="STOPPED")}
    assert len(stopped) == 2
    last = max(stopped.values()) - run.engine.start_epoch
    run.advance(until=last + 3599.0)
    assert {d["taskArn"] for d in run.describe("tasks")} <= set(stopped)
    assert run.describe("tasks") != []
    run.advance(until=last + 3601.0)
    assert run.describe("tasks") == []
