"""What a container sees of its own task, and what the agent of an instance says of all of them."""

from __future__ import annotations

from typing import Any

import pytest
from builders import awsvpc, call, group, scenario, service, task_definition

from ecssim.errors import BadInput
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

CONTAINERS = [
    {
        "name": "web",
        "image": "app",
        "cpu": 128,
        "memory": 256,
        "portMappings": [{"containerPort": 80}, {"containerPort": 443, "hostPort": 8443}],
        "healthCheck": {"command": ["CMD", "true"]},
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "web"}},
        "dockerLabels": {"team": "shop"},
    },
    {
        "name": "log",
        "image": "log:2",
        "essential": False,
        "restartPolicy": {"enabled": True},
        "mountPoints": [{"sourceVolume": "logs", "containerPath": "/logs"}],
    },
]


def run_of(mode: str, **more: Any) -> Simulation:
    """One service of one task on Fargate (``fargate``) or on an instance, in a network mode."""
    fargate = mode == "fargate"
    network = "awsvpc" if fargate else mode
    containers = (
        CONTAINERS if network == "bridge" else [{**c, "portMappings": [{"containerPort": 80}]} for c in CONTAINERS]
    )
    settings: dict[str, Any] = {"networkConfiguration": awsvpc()} if network == "awsvpc" else {}
    document = scenario(
        taskDefinitions=[
            task_definition(networkMode=network, containerDefinitions=containers, volumes=[{"name": "logs"}])
        ],
        autoScalingGroups=[] if fargate else [group(1)],
        services=[service("web", 1, launchType="FARGATE" if fargate else "EC2", **settings)],
        timing={"profile": "fixed", "instanceBoot": "5s"},
        **more,
    )
    run = Simulation(load_mapping(document))
    _ = run.outside
    return run


def running(mode: str, **more: Any) -> tuple[Simulation, dict[str, Any]]:
    run = run_of(mode, **more)
    run.advance(until=90.0)
    (task,) = run.describe("tasks")
    assert task["lastStatus"] == "RUNNING"
    return run, task


# -- the task -------------------------------------------------------------------------------------------------

BOTH = """Cluster TaskARN Family Revision DesiredStatus KnownStatus Limits PullStartedAt PullStoppedAt AvailabilityZone
    AvailabilityZoneID LaunchType Containers ServiceName Group FaultInjectionEnabled"""


@pytest.mark.rule("META-002")
@pytest.mark.parametrize(("mode", "more"), [("fargate", "ClockDrift EphemeralStorageMetrics"), ("bridge", "VPCID")])
def test_a_task_shows_the_fields_of_its_kind(mode: str, more: str) -> None:
    run, task = running(mode)
    shown = run.metadata(task["taskArn"])
    assert set(shown) == set(BOTH.split()) | set(more.split())
    assert shown["TaskARN"] == task["taskArn"]
    assert shown["Cluster"] == task["clusterArn"]
    assert (shown["Family"], shown["Revision"]) == ("app", "1")
    assert shown["Limits"] == {"CPU": 0.25, "Memory": 512}
    assert (shown["ServiceName"], shown["Group"]) == ("web", "service:web")
    assert (shown["KnownStatus"], shown["DesiredStatus"]) == ("RUNNING", "RUNNING")
    pulled = task["pullStoppedAt"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert shown["PullStoppedAt"] == pulled > shown["PullStartedAt"]
    assert shown["AvailabilityZoneID"] == "use1-az1"
    if mode == "fargate":
        assert shown["EphemeralStorageMetrics"]["Reserved"] == 20 * 1024


@pytest.mark.rule("META-005")
def test_the_zone_is_shown_on_fargate_and_the_vpc_on_instances_alone() -> None:
    run, task = running("fargate")
    shown = run.metadata(task["taskArn"])
    assert shown["AvailabilityZone"] == "us-east-1a"
    assert "VPCID" not in shown
    run, task = running("awsvpc")
    assert run.metadata(task["taskArn"])["VPCID"].startswith("vpc-")


def test_a_task_without_a_size_of_its_own_shows_no_limits() -> None:
    document = scenario(
        taskDefinitions=[{"family": "app", "containerDefinitions": [{"name": "web", "image": "app", "memory": 64}]}],
        autoScalingGroups=[group(1)],
        timing={"profile": "fixed", "instanceBoot": "5s"},
        timeline=[call("10s", "RunTask", cluster="prod", taskDefinition="app", launchType="EC2")],
    )
    run = Simulation(load_mapping(document))
    run.advance(until=60.0)
    shown = run.metadata(run.describe("tasks")[0]["taskArn"])
    assert "Limits" not in shown
    assert "ServiceName" not in shown
    assert shown["Group"] == "family:app"


@pytest.mark.rule("META-001")
def test_the_endpoint_answers_under_its_paths() -> None:
    run, task = running("awsvpc")
    arn = task["taskArn"]
    whole = run.metadata(arn, path="/task")
    assert run.metadata(arn) == whole
    assert run.metadata(arn, container="log") == run.metadata(arn, path="", container="log") == whole["Containers"][1]
    assert run.metadata(arn, path="/taskWithTags") == {**whole, "TaskTags": {}, "ContainerInstanceTags": {}}
    for path, words in (
        ("/stats", "not modelled"),
        ("/task/stats", "not modelled"),
        ("/tasks", "no path"),
        ("", "no container"),
    ):
        with pytest.raises(BadInput, match=words):
            run.metadata(arn, path=path)
    with pytest.raises(BadInput, match="did you mean"):
        run.metadata(arn[:-1] + "x")


def test_before_its_agent_has_it_a_task_has_no_endpoint() -> None:
    run = run_of("fargate")
    run.advance(until=3.0)
    (task,) = run.describe("tasks")
    assert task["lastStatus"] == "PROVISIONING"
    with pytest.raises(BadInput, match="PROVISIONING: no agent has it yet"):
        run.metadata(task["taskArn"])


# -- containers -----------------------------------------------------------------------------------------------

ALWAYS = """DockerId Name DockerName Image ImageID Labels DesiredStatus KnownStatus Limits CreatedAt StartedAt Type
    ContainerARN Networks"""


@pytest.mark.rule("META-003")
def test_a_container_shows_what_applies_to_it_and_nothing_else() -> None:
    run, task = running("bridge")
    web, log = run.metadata(task["taskArn"])["Containers"]
    assert set(web) == {*ALWAYS.split(), "Ports", "Health", "LogDriver", "LogOptions"}
    assert set(log) == {*ALWAYS.split(), "Volumes", "RestartCount"}
    assert None not in (*web.values(), *log.values())
    assert web["Type"] == "NORMAL"
    assert (web["Limits"], log["Limits"]) == ({"CPU": 128, "Memory": 256}, {"CPU": 0})
    assert web["LogOptions"] == {"awslogs-group": "web"}
    assert web["Labels"]["team"] == "shop"
    assert web["Labels"]["com.amazonaws.ecs.task-arn"] == task["taskArn"]
    assert log["Volumes"] == [{"DockerName": "logs", "Destination": "/logs"}]
    assert log["RestartCount"] == 0
    shown = task["containers"][0]
    assert (web["DockerId"], web["ContainerARN"]) == (shown["runtimeId"], shown["containerArn"])
    assert web["ImageID"] == shown["imageDigest"]
    assert len(web["DockerId"]) == 64
    free, fixed = web["Ports"]
    assert (fixed["ContainerPort"], fixed["HostPort"], fixed["Protocol"]) == (443, 8443, "tcp")
    assert 32768 <= free["HostPort"] <= 60999
    assert [b["hostPort"] for b in shown["networkBindings"]] == [free["HostPort"], 8443]


@pytest.mark.rule("META-003")
def test_on_fargate_a_container_has_a_snapshotter_and_the_task_in_its_id() -> None:
    run, task = running("fargate")
    web, _ = run.metadata(task["taskArn"])["Containers"]
    assert web["Snapshotter"] == "overlayfs"
    assert web["DockerId"].startswith(task["taskArn"].rpartition("/")[2] + "-")
    assert web["DockerName"] == "web"


@pytest.mark.rule("META-003", "LIFE-034")
def test_an_exit_is_shown_with_its_code_on_the_container_that_exited() -> None:
    run, task = running(
        "bridge", behaviour={"app": {"failure": {"rate": 1.0, "after": "100s"}, "exitCode": 3, "stopsAfter": "9s"}}
    )
    arn = task["taskArn"]
    assert "ExitCode" not in run.metadata(arn)["Containers"][0]
    while run.describe("tasks", task=arn)[0]["lastStatus"] == "RUNNING":
        run.advance(1.0)
    shown = run.metadata(arn)
    web, log = shown["Containers"]
    assert (web["KnownStatus"], web["ExitCode"], shown["KnownStatus"]) == ("STOPPED", 3, "RUNNING")
    assert (log["KnownStatus"], "ExitCode" in log, "FinishedAt" in log) == ("RUNNING", False, False)
    assert web["FinishedAt"] == shown["ExecutionStoppedAt"]
    assert shown["DesiredStatus"] == "STOPPED"
    run.advance(15.0)
    web, log = run.metadata(arn)["Containers"]
    assert (web["KnownStatus"], log["KnownStatus"]) == ("STOPPED", "STOPPED")
    assert (web["ExitCode"], "ExitCode" in log) == (3, False)
    assert run.metadata(arn)["KnownStatus"] == "STOPPED"


@pytest.mark.rule("META-004")
def test_the_network_is_the_tasks_own_under_awsvpc_and_the_instances_otherwise() -> None:
    for mode in ("fargate", "awsvpc"):
        run, task = running(mode)
        details = {d["name"]: d["value"] for d in task["attachments"][0]["details"]}
        (shown,) = run.metadata(task["taskArn"], container="web")["Networks"]
        address = details["privateIPv4Address"]
        assert shown == {
            "NetworkMode": "awsvpc",
            "IPv4Addresses": [address],
            "AttachmentIndex": 0,
            "MACAddress": details["macAddress"],
            "IPv4SubnetCIDRBlock": "10.0.0.0/24",
            "DomainNameServers": ["169.254.169.253"],
            "DomainNameSearchList": ["ec2.internal"],
            "PrivateDNSName": f"ip-{address.replace('.', '-')}.ec2.internal",
            "SubnetGatewayIpv4Address": "10.0.0.1/24",
        }
    run, task = running("bridge")
    (shown,) = run.metadata(task["taskArn"], container="web")["Networks"]
    assert set(shown) == {"NetworkMode", "IPv4Addresses"}
    assert shown["IPv4Addresses"][0].startswith("172.17.")


# -- the agent ------------------------------------------------------------------------------------------------


@pytest.mark.rule("META-006")
def test_the_agent_says_who_it_is_and_which_tasks_it_knows() -> None:
    run, task = running("bridge")
    (instance,) = run.describe("container-instances")
    who = run.introspection(instance["ec2InstanceId"], path="/v1/metadata")
    assert set(who) == {"Cluster", "ContainerInstanceArn", "Version"}
    assert (who["Cluster"], who["ContainerInstanceArn"]) == ("prod", instance["containerInstanceArn"])
    assert who["Version"].startswith("Amazon ECS Agent - v1.90.0 (")
    known = run.introspection(instance["containerInstanceArn"])
    (shown,) = known["Tasks"]
    assert (shown["Arn"], shown["Family"], shown["Version"]) == (task["taskArn"], "app", "1")
    assert (shown["KnownStatus"], shown["DesiredStatus"]) == ("RUNNING", "RUNNING")
    containers = run.metadata(task["taskArn"])["Containers"]
    assert shown["Containers"] == [{key: c[key] for key in ("DockerId", "DockerName", "Name")} for c in containers]
    docker_id = shown["Containers"][1]["DockerId"]
    assert run.introspection(instance["ec2InstanceId"], path=f"/v1/tasks?taskarn={task['taskArn']}") == shown
    assert run.introspection(instance["ec2InstanceId"], path=f"/v1/tasks?dockerid={docker_id}") == shown
    for path in ("/v1/tasks?dockerid=0", "/v2/tasks"):
        with pytest.raises(BadInput):
            run.introspection(instance["ec2InstanceId"], path=path)


@pytest.mark.rule("META-006")
def test_the_agent_knows_no_task_of_another_instance() -> None:
    run = run_of("bridge", timeline=[call("1m", "UpdateService", cluster="prod", service="web", desiredCount=0)])
    run.engine.sizes.resize(run.engine.world.groups[0], 2, 0)
    run.advance(until=50.0)
    ids = [i["ec2InstanceId"] for i in run.describe("container-instances")]
    for t in (50.0, 90.0):
        run.advance(until=t)
        (task,) = run.describe("tasks")
        known = [[k["Arn"] for k in run.introspection(instance)["Tasks"]] for instance in ids]
        assert sorted(known) == [[], [task["taskArn"]]]
    assert task["lastStatus"] == "STOPPED"


@pytest.mark.rule("META-007")
def test_the_agent_knows_a_task_from_its_arrival_to_three_hours_after_its_end() -> None:
    run = run_of(
        "awsvpc", duration="5h", timeline=[call("1h", "UpdateService", cluster="prod", service="web", desiredCount=0)]
    )
    seen = []
    for t in (6.0, 9.5, 60.0, 3600.4, 3630.0, 3600.0 + 3 * 3600.0, 3630.0 + 3 * 3600.0):
        run.advance(until=t)
        (instance,) = run.describe("container-instances")
        tasks = run.introspection(instance["ec2InstanceId"])["Tasks"]
        seen.append([(task["KnownStatus"], task["DesiredStatus"]) for task in tasks])
    assert seen == [
        [],
        [("PENDING", "RUNNING")],
        [("RUNNING", "RUNNING")],
        [("RUNNING", "STOPPED")],
        [("STOPPED", "STOPPED")],
        [("STOPPED", "STOPPED")],
        [],
    ]


def test_a_terminated_instance_answers_nothing() -> None:
    run, _ = running("bridge")
    (instance,) = run.describe("container-instances")
    run.engine.groups.terminate(run.engine.world.instances[0], 0)
    with pytest.raises(BadInput, match="is gone"):
        run.introspection(instance["ec2InstanceId"])
