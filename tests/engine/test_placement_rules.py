"""Placement through the one door: attributes, groups, named instances, failures, overrides, tokens."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Sim, awsvpc, fargate, fault, group, scenario, service, service_events, task_definition

from ecssim.engine.describe_tasks import Words, task_document
from ecssim.errors import BadInput, ClientError
from ecssim.scenario.load import load_mapping


def on_ec2(**more: Any) -> dict[str, Any]:
    base = {
        "duration": "10m",
        "taskDefinitions": [task_definition()],
        "autoScalingGroups": [group()],
        "timing": {"profile": "fixed", "instanceBoot": "0s"},
    }
    return scenario(**(base | more))


def run(sim: Sim, **more: Any) -> dict[str, Any]:
    return sim.call("RunTask", **({"cluster": "prod", "taskDefinition": "app", "launchType": "EC2"} | more))


def member_of(expression: str) -> list[dict[str, str]]:
    return [{"type": "memberOf", "expression": expression}]


# -- constraints and attributes -------------------------------------------------------------------------------


@pytest.mark.rule("PLACE-040")
@pytest.mark.parametrize(
    ("section", "constraint", "rule"),
    [
        pytest.param("services", {"type": "distinctInstance"}, None, id="distinctInstance on a service"),
        pytest.param("services", {"type": "distinctInstance", "expression": "agentConnected == true"}, "PLACE-040",
                     id="distinctInstance with an expression"),
        pytest.param("taskDefinitions", {"type": "distinctInstance"}, "PLACE-040",
                     id="distinctInstance in a task definition"),
        pytest.param("taskDefinitions", {"type": "memberOf", "expression": "agentConnected == true"}, None,
                     id="memberOf in a task definition"),
    ],
)  # fmt: skip
def test_where_constraints_of_which_type_may_stand(section: str, constraint: dict[str, str], rule: str | None) -> None:
    document = on_ec2(services=[service()])
    document[section][0]["placementConstraints"] = [constraint]
    try:
        load_mapping(document)
        said = None
    except BadInput as error:
        (problem,) = error.problems
        said = problem.rule
    assert said == rule


@pytest.mark.rule("PLACE-040")
def test_another_type_of_constraint_is_refused() -> None:
    with pytest.raises(BadInput, match="did you mean distinctInstance"):
        load_mapping(on_ec2(services=[service(placementConstraints=[{"type": "sameInstance"}])]))


@pytest.mark.rule("PLACE-030")
def test_constraints_of_the_task_definition_and_of_the_request_count_together() -> None:
    some = [{"type": "memberOf", "expression": f"attribute:a{n} !exists"} for n in range(6)]
    document = on_ec2(taskDefinitions=[task_definition(placementConstraints=some)])
    load_mapping(document | {"services": [service(placementConstraints=some[:4])]})
    with pytest.raises(BadInput) as caught:
        load_mapping(document | {"services": [service(placementConstraints=some[:5])]})
    assert [p.rule for p in caught.value.problems] == ["PLACE-030"]
    with pytest.raises(ClientError, match="at most 10 placement constraints"):
        run(Sim(document).to(1), placementConstraints=some[:5])


@pytest.mark.rule("PLACE-052")
@pytest.mark.parametrize(
    ("expression", "types"),
    [
        pytest.param("attribute:ecs.instance-type == m5.large", {"m5.large"}, id="instance type"),
        pytest.param("attribute:ecs.instance-type =~ m7g.*", {"m7g.large"}, id="instance family"),
        pytest.param("attribute:ecs.cpu-architecture == arm64", {"m7g.large"}, id="architecture"),
        pytest.param("attribute:ecs.cpu-architecture == x86_64", {"m5.large", "m6i.large"}, id="the other one"),
        pytest.param("attribute:ecs.availability-zone == us-east-1b", {"m7g.large"}, id="zone"),
        pytest.param("attribute:ecs.subnet-id == b", {"m7g.large"}, id="subnet"),
        pytest.param("attribute:ecs.vpc-id == vpc-1", {"m5.large", "m6i.large", "m7g.large"}, id="VPC"),
        pytest.param("attribute:ecs.ami-id == ami-1234", {"m6i.large"}, id="image"),
        pytest.param("attribute:ecs.os-type == linux", {"m5.large", "m6i.large", "m7g.large"}, id="system"),
        pytest.param("attribute:ecs.os-family == LINUX", {"m5.large", "m6i.large", "m7g.large"}, id="its family"),
        pytest.param("attribute:ecs.awsvpc-trunk-id exists", {"m5.large", "m6i.large", "m7g.large"}, id="its trunk"),
        pytest.param("attribute:ecs.outpost-arn exists", set(), id="no Outpost"),
    ],
)
def test_built_in_attributes_can_be_asked_for(expression: str, types: set[str]) -> None:
    document = on_ec2(
        vpcs=[{"vpcId": "vpc-1", "cidrBlock": "10.0.0.0/16"}],
        account={"settings": {"awsvpcTrunking": "enabled"}},
        autoScalingGroups=[
            group(name="one"),
            group(name="two", instances={"instanceType": "m6i.large", "imageId": "ami-1234"}),
            group(name="three", type="m7g.large", subnets=["b"]),
        ],
        timing={"profile": "fixed", "instanceBoot": "0s", "trunkRegistration": "0s"},
    )
    sim = Sim(document).to(1)
    arns = sim.call("ListContainerInstances", cluster="prod", filter=expression)["containerInstanceArns"]
    by_id = {i.id: i.type for i in sim.engine.world.instances}
    assert {by_id[arn.rsplit("/", 1)[-1]] for arn in arns} == types
    placed = run(sim, count=10, placementConstraints=[{"type": "distinctInstance"}, *member_of(expression)])
    assert len(placed["tasks"]) == len(types)


@pytest.mark.rule("PLACE-054")
def test_an_attribute_that_is_put_counts_from_then_on() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(2)])).to(1)
    second = sim.engine.world.instances[1]
    wanted = member_of("attribute:disk == ssd")
    assert [f["reason"] for f in run(sim, placementConstraints=wanted)["failures"]] == ["MEMBEROF"]
    attribute = {"name": "disk", "value": "ssd", "targetId": second.id}
    sim.call("PutAttributes", cluster="prod", attributes=[attribute])
    run(sim, placementConstraints=wanted)
    assert [t.instance for t in sim.tasks()] == [second.ordinal]


def test_an_expression_that_comes_with_a_call_is_refused_with_its_column() -> None:
    with pytest.raises(ClientError, match="character 16: ") as caught:
        run(Sim(on_ec2()).to(1), placementConstraints=member_of("attribute:a == )"))
    assert caught.value.code == "InvalidParameterException"


# -- groups ---------------------------------------------------------------------------------------------------


@pytest.mark.rule("PLACE-055", "LIFE-038")
def test_a_task_has_the_group_that_its_call_named_for_its_whole_life() -> None:
    sim = Sim(on_ec2()).to(1)
    run(sim, group="batch")
    run(sim)
    result = sim.finish()
    assert list(result.tasks.group.astype(str)) == ["batch", "family:app"]
    events = result.task_events
    assert events.groupby("task_id", observed=True).group.nunique().to_list() == [1, 1]


@pytest.mark.rule("PLACE-055")
def test_a_group_has_at_most_255_characters() -> None:
    sim = Sim(on_ec2()).to(1)
    assert len(run(sim, group="g" * 255)["tasks"]) == 1
    with pytest.raises(ClientError, match="group"):
        run(sim, group="g" * 256)
    with pytest.raises(ClientError, match="group"):
        sim.call(
            "StartTask", cluster="prod", taskDefinition="app", group="g" * 256,
            containerInstances=[sim.engine.world.instances[0].id],
        )  # fmt: skip


@pytest.mark.rule("PLACE-055", "PLACE-022")
def test_standalone_tasks_spread_by_their_group() -> None:
    sim = Sim(on_ec2(autoScalingGroups=[group(2)])).to(1)
    spread = [{"type": "spread", "field": "instanceId"}]
    for name in ("one", "one", "one", "two"):
        run(sim, group=name, placementStrategy=spread)
    # the fourth is the first of its group: the instance with two tasks is as good as the other
    assert [t.instance for t in sim.tasks()] == [0, 1, 0, 0]


# -- StartTask and failures -----------------------------------------------------------------------------------


@pytest.mark.rule("PLACE-060", "PLACE-061")
def test_start_task_says_for_each_named_instance_why_not() -> None:
    bridge = {"portMappings": [{"containerPort": 80, "hostPort": 8080}]}
    document = on_ec2(
        autoScalingGroups=[group(4), group(1, name="b", subnets=["b"])],
        taskDefinitions=[
            task_definition(),
            task_definition("port", container=bridge),
            task_definition("vpc", networkMode="awsvpc"),
            task_definition("wide", cpu="2048", memory="7000"),
        ],
    )
    sim = Sim(document).to(1)
    ids = [i.id for i in sim.engine.world.instances]
    sim.engine.groups.connect(sim.engine.world.instances[1], False, 0)
    sim.engine.groups.terminate(sim.engine.world.instances[2], 0, replace=False)

    def start(family: str, *names: str, **more: Any) -> tuple[int, list[tuple[str, str]]]:
        answer = sim.call("StartTask", cluster="prod", taskDefinition=family, containerInstances=list(names), **more)
        return len(answer["tasks"]), [(f["arn"].rsplit("/", 1)[-1], f["reason"]) for f in answer["failures"]]

    assert start("port", ids[0]) == (1, [])
    assert start("port", *ids[:3], ids[3], "i-0") == (
        1,
        [(ids[0], "RESOURCE:PORTS"), (ids[1], "AGENT"), (ids[2], "INACTIVE"), ("i-0", "MISSING")],
    )
    assert start("wide", ids[0], ids[3]) == (0, [(ids[0], "RESOURCE:CPU"), (ids[3], "RESOURCE:CPU")])
    network = {"networkConfiguration": awsvpc("b")}
    assert start("vpc", ids[0], ids[4], **network) == (1, [(ids[0], "LOCATION")])
    assert start("vpc", f"arn:aws:ecs:us-east-1:123456789012:container-instance/prod/{ids[4]}", **network) == (1, [])
    assert start("vpc", ids[4], **network) == (0, [(ids[4], "RESOURCE:ENI")])
    result = sim.finish()
    rows = result.calls[result.calls.action.astype(str) == "StartTask"]
    assert list(rows[rows.result.astype(str) == "failures"].error.astype(str)) == [
        "RESOURCE:PORTS", "RESOURCE:CPU", "LOCATION", "RESOURCE:ENI",
    ]  # fmt: skip


@pytest.mark.rule("PLACE-060")
def test_calls_of_the_timeline_start_tasks_on_named_instances_and_in_counts() -> None:
    document = on_ec2(autoScalingGroups=[group(2)])
    second = Sim(document).engine.world.instances[1].id  # ids follow from the seed and the group
    start = {"cluster": "prod", "taskDefinition": "app", "containerInstances": [second]}
    many = {"cluster": "prod", "taskDefinition": "app", "launchType": "EC2", "count": 10}
    document["timeline"] = [
        {"at": "1m", "call": "StartTask", "with": start},
        {"at": "2m", "call": "RunTask", "with": many},
        {"at": "3m", "call": "RunTask", "with": many},
    ]
    load_mapping(document)
    result = Sim(document).finish()
    assert str(result.tasks.container_instance.iloc[0]) == second
    created = result.tasks.created_at.to_list()
    assert created == [60.0] + [120.0] * 10 + [180.0] * 5  # sixteen fit on two instances
    calls = result.calls[result.calls.caller.astype(str) == "timeline"]
    assert calls.result.astype(str).to_list() == ["ok", "ok", "ok", "failures"]
    assert calls.error.astype(object).to_list()[-1] == "RESOURCE:CPU"


@pytest.mark.rule("PLACE-004")
@pytest.mark.parametrize(
    ("override", "needs"),
    [
        pytest.param({"cpu": "512", "memory": "1024"}, (512, 1024), id="of the task"),
        pytest.param({"containerOverrides": [{"name": "web", "cpu": 300, "memory": 900}]}, (400, 1000),
                     id="of one container: the others keep theirs"),
        pytest.param({"containerOverrides": [{"name": "web", "memoryReservation": 200}]}, (200, 300),
                     id="of a reservation, which goes before the memory"),
    ],
)  # fmt: skip
def test_overrides_change_what_a_task_needs(override: dict[str, Any], needs: tuple[int, int]) -> None:
    containers = [
        {"name": "web", "image": "app", "cpu": 100, "memory": 500},
        {"name": "side", "image": "app", "cpu": 100, "memory": 100},
    ]
    plain = {"family": "app", "networkMode": "bridge", "containerDefinitions": containers}
    sim = Sim(on_ec2(taskDefinitions=[plain])).to(1)
    run(sim, overrides=override)
    name = sim.engine.world.instances[0].id
    sim.call("StartTask", cluster="prod", taskDefinition="app", containerInstances=[name], overrides=override)
    assert [(t.template.cpu, t.template.memory) for t in sim.tasks()] == [needs, needs]


@pytest.mark.rule("PLACE-062")
def test_a_service_without_fargate_capacity_says_so_with_its_reason() -> None:
    spot = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    document = on_ec2(
        autoScalingGroups=[],
        taskDefinitions=[task_definition(networkMode="awsvpc")],
        clusters=[{"clusterName": "prod", "capacityProviders": ["FARGATE_SPOT"]}],
        services=[fargate(launchType=None, capacityProviderStrategy=spot)],
        timeline=[fault("0s", "spotDrought", capacityProvider="FARGATE_SPOT", **{"for": "5m"})],
    )
    events = service_events(Sim(document).finish())
    said = [m for _, name, m in events if name == "SERVICE_TASK_PLACEMENT_FAILURE"]
    assert len(said) == 1
    assert said[0].endswith("[RESOURCE:FARGATE]")


@pytest.mark.rule("PLACE-066")
def test_what_is_not_there_is_missing() -> None:
    sim = Sim(on_ec2(services=[service()])).to(60)
    (task,) = sim.tasks()
    name = sim.engine.task_id(task)
    answer = sim.call("DescribeTasks", cluster="prod", tasks=[name, "f" * 32])
    assert [t["lastStatus"] for t in answer["tasks"]] == ["RUNNING"]
    assert [f["reason"] for f in answer["failures"]] == ["MISSING"]
    assert answer["failures"][0]["arn"].endswith("task/prod/" + "f" * 32)
    (instance,) = sim.engine.world.instances
    answer = sim.call("DescribeContainerInstances", cluster="prod", containerInstances=[instance.id, "i-0"])
    assert len(answer["containerInstances"]) == 1
    assert [f["reason"] for f in answer["failures"]] == ["MISSING"]
    answer = sim.call("DescribeServices", cluster="prod", services=["web", "other"])
    assert [s["serviceName"] for s in answer["services"]] == ["web"]
    assert [f["reason"] for f in answer["failures"]] == ["MISSING"]


def test_lists_of_tasks_services_and_instances() -> None:
    sim = Sim(on_ec2(services=[service("web", 2), service("other", 1)])).to(60)
    run(sim, group="batch")
    (instance,) = sim.engine.world.instances

    def many(**params: Any) -> int:
        return len(sim.call("ListTasks", cluster="prod", **params)["taskArns"])

    assert many() == 4
    assert many(serviceName="web") == 2
    assert many(family="app") == 4
    assert many(family="ap") == 0
    assert many(containerInstance=instance.id) == 4
    assert many(desiredStatus="STOPPED") == 0
    assert len(sim.call("ListServices", cluster="prod", launchType="EC2")["serviceArns"]) == 2
    assert len(sim.call("ListServices", cluster="prod", schedulingStrategy="DAEMON")["serviceArns"]) == 0
    assert len(sim.call("ListContainerInstances", cluster="prod", status="DRAINING")["containerInstanceArns"]) == 0


@pytest.mark.rule("PLACE-066")
def test_a_client_token_stands_for_one_call() -> None:
    sim = Sim(on_ec2()).to(1)
    first = run(sim, clientToken="a", count=2)
    assert run(sim, clientToken="a", count=2) == first
    assert len(sim.tasks()) == 2
    with pytest.raises(ClientError) as caught:
        run(sim, clientToken="a", count=1)
    assert caught.value.code == "ConflictException"
    assert len(sim.tasks()) == 2
    run(sim, clientToken="b", count=2)
    assert len(sim.tasks()) == 4


# -- scale-in -------------------------------------------------------------------------------------------------


@pytest.mark.rule("PLACE-070", "PLACE-072")
@pytest.mark.parametrize("kind", ["EC2", "FARGATE"])
def test_protected_tasks_count_in_the_zone_they_are_in_when_a_service_shrinks(kind: str) -> None:
    web = service("web", 4, availabilityZoneRebalancing="DISABLED")
    if kind == "FARGATE":
        web |= {"launchType": "FARGATE", "networkConfiguration": awsvpc("a", "b")}
    document = on_ec2(
        taskDefinitions=[task_definition(networkMode="awsvpc" if kind == "FARGATE" else "bridge")],
        autoScalingGroups=[group(1), group(1, name="b", subnets=["b"])],
        services=[web],
    )
    sim = Sim(document).to(120)
    in_a = [t for t in sim.tasks() if sim.engine.zone_of(t)[-1] == "a"]
    sim.call("UpdateTaskProtection", cluster="prod", protectionEnabled=True, tasks=[sim.engine.task_id(in_a[0])])
    # zone a loses its free task, though the oldest one that could be stopped is in zone b
    sim.engine.lifecycle.stop([t for t in sim.tasks() if t not in in_a][-1], 3, "by hand")
    sim.service().desired = 2
    sim.engine.services.mark(sim.service())
    sim.settle()
    left = [t for t in sim.tasks() if t.running]
    assert sorted(sim.engine.zone_of(t)[-1] for t in left) == ["a", "b"]
    assert in_a[0] in left


@pytest.mark.rule("PLACE-071")
def test_with_spread_equals_are_drawn_and_without_a_strategy_the_oldest_goes() -> None:
    def stopped(seed: int, **more: Any) -> int:
        sim = Sim(on_ec2(services=[service(count=6, **more)]), seed=seed).to(120)
        sim.call("UpdateService", cluster="prod", service="web", desiredCount=5)
        return next(t.k for t in sim.tasks() if not t.running)

    assert {stopped(seed) for seed in range(8)} == {0}
    spread = [{"type": "spread", "field": "attribute:ecs.availability-zone"}]
    assert len({stopped(seed, placementStrategy=spread) for seed in range(8)}) > 2


@pytest.mark.rule("PLACE-050", "LIFE-038")
@pytest.mark.parametrize("named", ["batch", None])
def test_a_group_is_found_by_its_name_whoever_launched_its_tasks(named: str | None) -> None:
    """One instance has a task of the group, by RunTask; a second call asks for where it is, or is not."""
    job = {
        "name": "late",
        "arrivals": {"every": "20m"},
        "runTask": {"cluster": "prod", "taskDefinition": "app", "launchType": "EC2", "startedBy": "cron"},
    }
    wanted = named or "family:app"
    near, far = f"task:group == {wanted}", f"not(task:group == {wanted})"
    if named:
        job["runTask"]["group"] = named
    sim = Sim(scenario(autoScalingGroups=[group(3)], taskDefinitions=[task_definition()], jobs=[job])).to(1201)
    [first] = sim.tasks()
    for expression, same in ((near, True), (far, False)):
        constraint = member_of(expression)
        run(sim, group="other", startedBy="me", placementConstraints=constraint)
        assert (sim.tasks()[-1].instance == first.instance) is same
    run(sim, placementStrategy=[{"type": "spread", "field": "instanceId"}], group=wanted)
    assert sim.tasks()[-1].instance != first.instance
    shown = [task_document(sim.engine, task, Words({}, {})) for task in sim.tasks()[:2]]
    assert [(t["group"], t["startedBy"]) for t in shown] == [(wanted, "cron"), ("other", "me")]
