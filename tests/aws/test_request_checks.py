"""What the API refuses: one table for each document, every line with the rule that it stands for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecssim.aws.checks import Refusal, Surroundings, check_request, check_task_definition, check_update
from ecssim.aws.names import CapacityProviderType, TargetType
from ecssim.aws.requests import REQUESTS, UpdateService
from ecssim.aws.service import Service
from ecssim.aws.shape import Shape
from ecssim.aws.task_definition import TaskDefinition

FARGATE: dict[str, Any] = {
    "family": "web",
    "cpu": "256",
    "memory": "512",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "containerDefinitions": [{"name": "app", "image": "app:1", "portMappings": [{"containerPort": 80}]}],
}
EC2: dict[str, Any] = {
    "family": "agent",
    "networkMode": "bridge",
    "containerDefinitions": [{"name": "agent", "image": "agent:1", "memory": 64}],
}
SERVICE: dict[str, Any] = {
    "serviceName": "web",
    "cluster": "prod",
    "taskDefinition": "web",
    "desiredCount": 2,
    "launchType": "FARGATE",
    "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}},
}
DAEMON: dict[str, Any] = {
    "serviceName": "agent",
    "cluster": "prod",
    "taskDefinition": "agent",
    "schedulingStrategy": "DAEMON",
    "launchType": "EC2",
}
STRATEGY = "capacityProviderStrategy"


def _definition(**changes: Any) -> TaskDefinition:
    return TaskDefinition.model_validate_json(json.dumps({**FARGATE, **changes}))


def _container(base: dict[str, Any] = FARGATE, **changes: Any) -> TaskDefinition:
    containers = [{**base["containerDefinitions"][0], **changes}]
    return TaskDefinition.model_validate_json(json.dumps({**base, "containerDefinitions": containers}))


def _two(first: dict[str, Any], second: dict[str, Any]) -> TaskDefinition:
    one = {"name": "a", "image": "x", "memory": 64}
    two = {"name": "b", "image": "x", "memory": 64}
    document = {**EC2, "containerDefinitions": [{**one, **first}, {**two, **second}]}
    return TaskDefinition.model_validate_json(json.dumps(document))


DEFINITIONS = {
    name: TaskDefinition.model_validate_json(json.dumps(document))
    for name, document in {"web": FARGATE, "agent": EC2}.items()
}
WINDOWS = _definition(cpu="1024", memory="2048", runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"})
AROUND = Surroundings(
    providers={
        "FARGATE": CapacityProviderType.FARGATE,
        "FARGATE_SPOT": CapacityProviderType.FARGATE_SPOT,
        "ec2": CapacityProviderType.EC2_AUTOSCALING,
        "ec2-b": CapacityProviderType.EC2_AUTOSCALING,
        "elsewhere": CapacityProviderType.EC2_AUTOSCALING,
    },
    task_definition={**DEFINITIONS, "windows": WINDOWS}.get,
    cluster_providers=lambda cluster: frozenset({"FARGATE", "FARGATE_SPOT", "ec2", "ec2-b"}),
    target_type={"by-ip": TargetType.IP, "by-instance": TargetType.INSTANCE}.get,
    subnet_vpc={"a": "one", "b": "one", "c": "other"}.get,
)


def _request(action: str, document: dict[str, Any]) -> Shape:
    return REQUESTS[action].model_validate_json(json.dumps(document))


def _said(refusals: list[Refusal]) -> list[tuple[str | None, tuple[str | int, ...]]]:
    return [(r.rule, r.where) for r in refusals]


def case(rule: str, name: str, *values: Any) -> Any:
    """A line of a table: the rule that it stands for, a sentence, the values."""
    return pytest.param(rule, *values, id=name, marks=pytest.mark.rule(rule))


@pytest.mark.parametrize("name", ["web", "agent"])
def test_definitions_that_are_well_are_not_refused(name: str) -> None:
    assert check_task_definition(DEFINITIONS[name]) == []


PORTS = ("containerDefinitions", 0, "portMappings", 0)


@pytest.mark.parametrize(
    ("rule", "definition", "where"),
    [
        case("FG-001", "Fargate needs cpu on the task", _definition(cpu=None), ()),
        case("FG-001", "Fargate needs memory on the task", _definition(memory=None), ()),
        case("FG-002", "a cpu that Fargate has not", _definition(cpu="300"), ("cpu",)),
        case("FG-002", "a memory that does not go with the cpu", _definition(memory="4096"), ("memory",)),
        case(
            "FG-005",
            "a quarter vCPU is too small for Windows",
            _definition(runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2019_FULL"}),
            ("cpu",),
        ),
        case(
            "FG-005",
            "Windows is not sold on ARM",
            _definition(
                cpu="1024",
                memory="2048",
                runtimePlatform={
                    "operatingSystemFamily": "WINDOWS_SERVER_2019_FULL",
                    "cpuArchitecture": "ARM64",
                },
            ),
            ("runtimePlatform", "cpuArchitecture"),
        ),
        case("FG-004", "bridge mode on Fargate", _definition(networkMode="bridge"), ("networkMode",)),
        case("FG-004", "no network mode on Fargate", _definition(networkMode=None), ()),
        case(
            "FG-004",
            "privileged on Fargate",
            _container(privileged=True),
            ("containerDefinitions", 0, "privileged"),
        ),
        case("FG-004", "links on Fargate", _container(links=["b"]), ("containerDefinitions", 0, "links")),
        case(
            "FG-004",
            "a GPU on Fargate",
            _container(resourceRequirements=[{"type": "GPU", "value": "1"}]),
            ("containerDefinitions", 0, "resourceRequirements"),
        ),
        case(
            "FG-004",
            "a constraint on Fargate",
            _definition(placementConstraints=[{"type": "memberOf", "expression": "attribute:a == b"}]),
            ("placementConstraints",),
        ),
        case(
            "FG-004",
            "a host path on Fargate",
            _definition(volumes=[{"name": "v", "host": {"sourcePath": "/"}}]),
            ("volumes", 0),
        ),
        case(
            "LIFE-058",
            "startTimeout above 120 s on Fargate",
            _container(startTimeout=121),
            ("containerDefinitions", 0, "startTimeout"),
        ),
        case(
            "LIFE-059",
            "stopTimeout below 2 s on Fargate",
            _container(stopTimeout=1),
            ("containerDefinitions", 0, "stopTimeout"),
        ),
        case(
            "NET-009",
            "hostPort differs under awsvpc",
            _container(portMappings=[{"containerPort": 80, "hostPort": 8080}]),
            (*PORTS, "hostPort"),
        ),
        case(
            "NET-009",
            "hostPort differs under host",
            _container({**EC2, "networkMode": "host"}, portMappings=[{"containerPort": 80, "hostPort": 81}]),
            (*PORTS, "hostPort"),
        ),
        case(
            "NET-005",
            "ports under network mode none",
            _container({**EC2, "networkMode": "none"}, portMappings=[{"containerPort": 80}]),
            PORTS,
        ),
        case(
            "LIFE-052",
            "no container is essential",
            _container(EC2, essential=False),
            ("containerDefinitions",),
        ),
        case(
            "LIFE-054",
            "COMPLETE of an essential container",
            _two({}, {"dependsOn": [{"containerName": "a", "condition": "COMPLETE"}]}),
            ("containerDefinitions", 1, "dependsOn", 0, "condition"),
        ),
        case(
            "LIFE-054",
            "HEALTHY without a health check",
            _two({}, {"dependsOn": [{"containerName": "a", "condition": "HEALTHY"}]}),
            ("containerDefinitions", 1, "dependsOn", 0, "condition"),
        ),
        case(
            "LIFE-053",
            "a dependency that is not in the task",
            _two({}, {"dependsOn": [{"containerName": "c", "condition": "START"}]}),
            ("containerDefinitions", 1, "dependsOn", 0, "containerName"),
        ),
        case(
            "LIFE-053",
            "two containers that wait for each other",
            _two(
                {"dependsOn": [{"containerName": "b", "condition": "START"}]},
                {"dependsOn": [{"containerName": "a", "condition": "START"}]},
            ),
            ("containerDefinitions",),
        ),
        case(
            "PLACE-004",
            "a container without memory in a task without memory",
            _container(EC2, memory=None),
            ("containerDefinitions", 0),
        ),
        case(
            "PLACE-004",
            "a container larger than its task",
            _container(memory=1024),
            ("containerDefinitions", 0, "memory"),
        ),
        case(
            "PLACE-004",
            "a reservation above the limit",
            _container(EC2, memory=64, memoryReservation=128),
            ("containerDefinitions", 0, "memoryReservation"),
        ),
        case(
            "PLACE-007",
            "half a GPU",
            _container(EC2, resourceRequirements=[{"type": "GPU", "value": "0.5"}]),
            ("containerDefinitions", 0, "resourceRequirements", 0, "value"),
        ),
        case(
            "PLACE-040",
            "distinctInstance in a task definition",
            TaskDefinition.model_validate_json(
                json.dumps({**EC2, "placementConstraints": [{"type": "distinctInstance"}]})
            ),
            ("placementConstraints", 0, "type"),
        ),
        case(
            "QUOTA-008",
            "eleven containers",
            TaskDefinition.model_validate_json(
                json.dumps(
                    {
                        **EC2,
                        "containerDefinitions": [{"name": f"c{n}", "image": "x", "memory": 64} for n in range(11)],
                    }
                )
            ),
            ("containerDefinitions",),
        ),
        case(
            "QUOTA-008",
            "a document of more than 64 KiB",
            _container(EC2, environment=[{"name": "A", "value": "x" * 65_536}]),
            (),
        ),
    ],
)
def test_register_task_definition_refuses(rule: str, definition: TaskDefinition, where: tuple[str | int, ...]) -> None:
    assert _said(check_task_definition(definition)) == [(rule, where)]


@pytest.mark.parametrize(
    ("mode", "host", "container"),
    [("awsvpc", None, 80), ("awsvpc", 80, 80), ("host", 80, 80), ("bridge", 8080, 80), ("bridge", 0, 80)],
)
@pytest.mark.rule("NET-009")
def test_host_ports_that_are_allowed(mode: str, host: int | None, container: int) -> None:
    mapping = {"containerPort": container} | ({} if host is None else {"hostPort": host})
    assert check_task_definition(_container({**EC2, "networkMode": mode}, portMappings=[mapping])) == []


@pytest.mark.parametrize(
    ("cpu", "memory", "units", "mib"),
    [
        ("256", "512", 256, 512),
        ("1 vCPU", "2 GB", 1024, 2048),
        (".25 vcpu", "0.5GB", 256, 512),
        (512, 1024, 512, 1024),
    ],
)
@pytest.mark.rule("FG-003")
def test_task_sizes_are_units_or_vcpus_and_mib_or_gb(cpu: object, memory: object, units: int, mib: int) -> None:
    definition = _definition(cpu=cpu, memory=memory)
    assert (definition.cpu, definition.memory) == (units, mib)


@pytest.mark.parametrize(
    ("document", "cpu", "memory"),
    [
        ({"cpu": "512", "memory": "1024"}, 512, 1024),
        ({}, 30, 64 + 256),
        ({"cpu": "512"}, 512, 64 + 256),
    ],
    ids=["the task's own", "the sum over containers", "each on its own"],
)
@pytest.mark.rule("PLACE-004")
def test_what_placement_reserves(document: dict[str, Any], cpu: int, memory: int) -> None:
    containers = [
        {"name": "a", "image": "x", "cpu": 10, "memory": 128, "memoryReservation": 64},
        {"name": "b", "image": "x", "cpu": 20, "memory": 256},
    ]
    definition = TaskDefinition.model_validate_json(json.dumps({**EC2, **document, "containerDefinitions": containers}))
    assert (definition.cpu_need, definition.memory_need) == (cpu, memory)


def _strategy(*items: tuple[str, int, int]) -> dict[str, Any]:
    given = [{"capacityProvider": name, "weight": weight, "base": base} for name, weight, base in items]
    return {"launchType": None, STRATEGY: given}


VPC = ("networkConfiguration", "awsvpcConfiguration")


@pytest.mark.parametrize(
    ("rule", "changes", "where"),
    [
        case(
            "CAP-020",
            "launch type and strategy",
            {STRATEGY: [{"capacityProvider": "FARGATE"}]},
            ("launchType",),
        ),
        case("CAP-010", "Fargate and a group", _strategy(("FARGATE", 1, 0), ("ec2", 1, 0)), (STRATEGY,)),
        case(
            "CAP-005",
            "two bases",
            _strategy(("FARGATE", 1, 1), ("FARGATE_SPOT", 1, 1)),
            (STRATEGY, 1, "base"),
        ),
        case("CAP-006", "all weights zero", _strategy(("FARGATE", 0, 0), ("FARGATE_SPOT", 0, 0)), (STRATEGY,)),
        case(
            "CAP-003",
            "one provider twice",
            _strategy(("FARGATE", 1, 0), ("FARGATE", 1, 0)),
            (STRATEGY, 1, "capacityProvider"),
        ),
        case(
            "CAP-018",
            "Managed Instances by launch type",
            {"launchType": "MANAGED_INSTANCES"},
            ("launchType",),
        ),
        case(
            "FG-004",
            "a placement strategy on Fargate",
            {"placementStrategy": [{"type": "random"}]},
            ("placementStrategy",),
        ),
        case(
            "FG-004",
            "a placement constraint on Fargate",
            {"placementConstraints": [{"type": "distinctInstance"}]},
            ("placementConstraints",),
        ),
        case("NET-040", "awsvpc without subnets", {"networkConfiguration": None}, ()),
        case(
            "NET-040",
            "subnets of two VPCs",
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a", "c"]}}},
            (*VPC, "subnets", 1),
        ),
        case(
            "QUOTA-009",
            "six security groups",
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"], "securityGroups": list("123456")}}},
            (*VPC, "securityGroups"),
        ),
        case(
            "QUOTA-009",
            "no subnet at all",
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": []}}},
            (*VPC, "subnets"),
        ),
        case(
            "CAP-017",
            "Windows on Fargate Spot",
            {"taskDefinition": "windows", **_strategy(("FARGATE_SPOT", 1, 0))},
            ("taskDefinition",),
        ),
        case("QUOTA-003", "5,001 tasks", {"desiredCount": 5001}, ("desiredCount",)),
        case(
            "SVC-010",
            "maximumPercent below 100",
            {"deploymentConfiguration": {"maximumPercent": 90}},
            ("deploymentConfiguration", "maximumPercent"),
        ),
        case(
            "SVC-010",
            "minimumHealthyPercent above 100",
            {"deploymentConfiguration": {"minimumHealthyPercent": 110}},
            ("deploymentConfiguration", "minimumHealthyPercent"),
        ),
        case(
            "NET-008",
            "instance targets under awsvpc",
            {"loadBalancers": [{"targetGroupArn": "by-instance", "containerName": "app", "containerPort": 80}]},
            ("loadBalancers", 0, "targetGroupArn"),
        ),
        case(
            "LB-060",
            "a port that the container has not",
            {"loadBalancers": [{"targetGroupArn": "by-ip", "containerName": "app", "containerPort": 81}]},
            ("loadBalancers", 0, "containerPort"),
        ),
        case(
            "LB-060",
            "a container that the task has not",
            {"loadBalancers": [{"targetGroupArn": "by-ip", "containerName": "web", "containerPort": 80}]},
            ("loadBalancers", 0, "containerName"),
        ),
        case(
            "QUOTA-010",
            "six target groups",
            {"loadBalancers": [{"targetGroupArn": "by-ip", "containerName": "app", "containerPort": 80}] * 6},
            ("loadBalancers",),
        ),
    ],
)
def test_create_service_refuses(rule: str, changes: dict[str, Any], where: tuple[str | int, ...]) -> None:
    document = {k: v for k, v in {**SERVICE, **changes}.items() if v is not None}
    assert _said(check_request(_request("CreateService", document), AROUND)) == [(rule, where)]


EC2_SERVICE: dict[str, Any] = {
    "serviceName": "agent",
    "cluster": "prod",
    "taskDefinition": "agent",
    "desiredCount": 2,
    "launchType": "EC2",
}


@pytest.mark.parametrize(
    ("rule", "changes", "where"),
    [
        case(
            "CAP-011",
            "a provider that the cluster has not",
            _strategy(("elsewhere", 1, 0)),
            (STRATEGY, 0, "capacityProvider"),
        ),
        case(
            "NET-001",
            "subnets for a bridge task",
            {"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}}},
            ("networkConfiguration",),
        ),
        case("FG-001", "an EC2 definition on Fargate", {"launchType": "FARGATE"}, ("taskDefinition",)),
        case(
            "PLACE-021",
            "binpack by disk",
            {"placementStrategy": [{"type": "binpack", "field": "disk"}]},
            ("placementStrategy", 0, "field"),
        ),
        case(
            "PLACE-021",
            "binpack by nothing",
            {"placementStrategy": [{"type": "binpack"}]},
            ("placementStrategy", 0),
        ),
        case(
            "PLACE-022",
            "spread over colours",
            {"placementStrategy": [{"type": "spread", "field": "colour"}]},
            ("placementStrategy", 0, "field"),
        ),
        case(
            "PLACE-030",
            "six strategies",
            {"placementStrategy": [{"type": "random"}] * 6},
            ("placementStrategy",),
        ),
        case(
            "PLACE-030",
            "eleven constraints",
            {"placementConstraints": [{"type": "memberOf", "expression": "attribute:a == b"}] * 11},
            ("placementConstraints",),
        ),
        case(
            "PLACE-042",
            "memberOf what?",
            {"placementConstraints": [{"type": "memberOf"}]},
            ("placementConstraints", 0),
        ),
        case(
            "PLACE-040",
            "distinctInstance with an expression",
            {"placementConstraints": [{"type": "distinctInstance", "expression": "a"}]},
            ("placementConstraints", 0, "expression"),
        ),
    ],
)
def test_create_service_on_instances_refuses(rule: str, changes: dict[str, Any], where: tuple[str | int, ...]) -> None:
    document = {k: v for k, v in {**EC2_SERVICE, **changes}.items() if v is not None}
    assert _said(check_request(_request("CreateService", document), AROUND)) == [(rule, where)]


@pytest.mark.parametrize(
    ("rule", "changes", "where"),
    [
        case("SVC-060", "a daemon with a count", {"desiredCount": 3}, ("desiredCount",)),
        case("SVC-060", "a daemon with a strategy", _strategy(("ec2", 1, 0)), (STRATEGY,)),
        case(
            "SVC-060",
            "a daemon with a placement strategy",
            {"placementStrategy": [{"type": "random"}]},
            ("placementStrategy",),
        ),
        case(
            "SVC-060",
            "a daemon on Fargate",
            {
                "launchType": "FARGATE",
                "taskDefinition": "web",
                "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}},
            },
            ("launchType",),
        ),
        case(
            "SVC-060",
            "a daemon under CodeDeploy",
            {"deploymentController": {"type": "CODE_DEPLOY"}},
            ("deploymentController",),
        ),
        case(
            "SVC-012",
            "a daemon above 100 percent",
            {"deploymentConfiguration": {"maximumPercent": 150}},
            ("deploymentConfiguration", "maximumPercent"),
        ),
    ],
)
def test_create_service_refuses_daemons_that_cannot_be(
    rule: str, changes: dict[str, Any], where: tuple[str | int, ...]
) -> None:
    document = {k: v for k, v in {**DAEMON, **changes}.items() if v is not None}
    assert _said(check_request(_request("CreateService", document), AROUND)) == [(rule, where)]


def test_a_daemon_that_is_well_is_not_refused() -> None:
    assert check_request(_request("CreateService", DAEMON), AROUND) == []


@pytest.mark.rule("SVC-012")
def test_percentages_default_by_the_scheduling_strategy() -> None:
    replica = Service.model_validate_json(json.dumps(SERVICE))
    daemon = Service.model_validate_json(json.dumps(DAEMON))
    assert (replica.minimum_healthy_percent, replica.maximum_percent) == (100, 200)
    assert (daemon.minimum_healthy_percent, daemon.maximum_percent) == (0, 100)


@pytest.mark.rule("AGENT-053")
def test_a_service_that_can_never_drain_gets_a_warning() -> None:
    both = {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}}
    (refusal,) = check_request(_request("CreateService", {**SERVICE, **both}), AROUND)
    assert (refusal.severity, refusal.rule) == ("warning", "AGENT-053")


@pytest.mark.parametrize(
    ("rule", "action", "document", "where"),
    [
        case("PLACE-060", "eleven tasks", "RunTask", {"count": 11}, ("count",)),
        case("PLACE-060", "no task", "RunTask", {"count": 0}, ("count",)),
        case(
            "PLACE-060",
            "eleven instances",
            "StartTask",
            {"containerInstances": [str(n) for n in range(11)]},
            ("containerInstances",),
        ),
        case(
            "LIFE-070",
            "eleven protected tasks",
            "UpdateTaskProtection",
            {"tasks": [str(n) for n in range(11)], "protectionEnabled": True},
            ("tasks",),
        ),
    ],
)
def test_calls_for_too_many_are_refused(
    rule: str, action: str, document: dict[str, Any], where: tuple[str | int, ...]
) -> None:
    base = {"cluster": "prod"} | ({} if action == "UpdateTaskProtection" else {"taskDefinition": "agent"})
    assert _said(check_request(_request(action, {**base, **document}), AROUND)) == [(rule, where)]


def test_an_override_of_a_container_that_is_not_there_is_refused() -> None:
    request = {"taskDefinition": "agent", "overrides": {"containerOverrides": [{"name": "x"}]}}
    (refusal,) = check_request(_request("RunTask", request), AROUND)
    assert refusal.where == ("overrides", "containerOverrides", 0, "name")


def test_an_instance_cannot_be_set_to_registering() -> None:
    request = {"containerInstances": ["i"], "status": "REGISTERING"}
    (refusal,) = check_request(_request("UpdateContainerInstancesState", request), AROUND)
    assert refusal.where == ("status",)


@pytest.mark.rule("CAP-010")
def test_a_mixed_strategy_is_let_through_when_it_is_asked_for() -> None:
    document = {**SERVICE, **_strategy(("FARGATE", 1, 0), ("ec2", 1, 0))}
    document.pop("launchType")
    around = Surroundings(providers=AROUND.providers, task_definition=AROUND.task_definition, allow_mixed=True)
    assert check_request(_request("CreateService", document), around) == []


@pytest.mark.rule("CAP-010")
def test_two_groups_and_two_kinds_of_fargate_are_no_mixture() -> None:
    groups = {**EC2_SERVICE, **_strategy(("ec2", 1, 0), ("ec2-b", 1, 0))}
    fargate = {**SERVICE, **_strategy(("FARGATE", 1, 0), ("FARGATE_SPOT", 1, 0))}
    for document in (groups, fargate):
        document.pop("launchType")
        assert check_request(_request("CreateService", document), AROUND) == []


def _update(**changes: Any) -> list[Refusal]:
    service = Service.model_validate_json(json.dumps(SERVICE))
    request = UpdateService.model_validate_json(json.dumps({"service": "web", **changes}))
    return check_update(service, request, AROUND)


def test_an_update_that_is_well_is_not_refused() -> None:
    assert _update(desiredCount=8, deploymentConfiguration={"maximumPercent": 150}) == []


@pytest.mark.parametrize(
    ("rule", "changes", "where"),
    [
        case("FG-001", "to a definition for instances", {"taskDefinition": "agent"}, ("taskDefinition",)),
        case(
            "SVC-010",
            "to percentages that cannot be",
            {"deploymentConfiguration": {"maximumPercent": 50}},
            ("deploymentConfiguration", "maximumPercent"),
        ),
        case(
            "CAP-005",
            "to a strategy with two bases",
            {STRATEGY: _strategy(("FARGATE", 1, 1), ("FARGATE_SPOT", 1, 1))[STRATEGY]},
            (STRATEGY, 1, "base"),
        ),
    ],
)
def test_an_update_is_refused_for_what_it_would_make(
    rule: str, changes: dict[str, Any], where: tuple[str | int, ...]
) -> None:
    assert _said(_update(**changes)) == [(rule, where)]


def test_an_update_merges_the_deployment_configuration_field_by_field() -> None:
    from ecssim.aws.checks import updated

    service = Service.model_validate_json(
        json.dumps({**SERVICE, "deploymentConfiguration": {"minimumHealthyPercent": 50}})
    )
    request = UpdateService.model_validate_json(
        json.dumps({"service": "web", "deploymentConfiguration": {"maximumPercent": 150}, "desiredCount": 9})
    )
    after = updated(service, request)
    assert (after.minimum_healthy_percent, after.maximum_percent, after.desired_count) == (50, 150, 9)
    assert after.task_definition == "web"
