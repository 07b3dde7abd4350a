"""What an instance registers with: states, resources, ports, capabilities."""

from __future__ import annotations

import re
from typing import Any

import botocore.session
import pytest
from builders import Sim, awsvpc, call, group, run_dict, scenario, task_definition

from ecssim.aws.names import ContainerInstanceStatus
from ecssim.engine.describe_instances import instance_document
from ecssim.world.states import INSTANCE_STATUS_NAMES

READY = {"instanceBoot": "0s"}


def on_ec2(agent: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    base = {
        "duration": "10m",
        "taskDefinitions": [task_definition()],
        "autoScalingGroups": [group(agent=agent or {})],
        "timing": {"profile": "fixed", **READY},
    }
    return scenario(**(base | more))


def run(sim: Sim, family: str = "app", **more: Any) -> dict[str, Any]:
    return sim.call("RunTask", cluster="prod", taskDefinition=family, **({"launchType": "EC2"} | more))


def resources(sim: Sim, key: str) -> dict[str, Any]:
    shown = instance_document(sim.engine, sim.engine.world.instances[0])
    return {r["name"]: r.get("integerValue", r.get("stringSetValue")) for r in shown[key]}


@pytest.mark.rule("AGENT-001")
def test_the_states_are_those_of_the_api() -> None:
    model = botocore.session.get_session().get_service_model("ecs")
    text = model.shape_for("ContainerInstance").members["status"].documentation
    said = set(re.findall(r"<code>([A-Z_]+)</code>", text))
    assert set(INSTANCE_STATUS_NAMES) <= said
    assert len(INSTANCE_STATUS_NAMES) == 6
    assert {s.value for s in ContainerInstanceStatus} <= set(INSTANCE_STATUS_NAMES)


@pytest.mark.rule("AGENT-001", "AGENT-005")
@pytest.mark.parametrize(("reserved", "status"), [(7987, "ACTIVE"), (7988, "REGISTRATION_FAILED")])
def test_an_agent_that_keeps_back_more_memory_than_there_is_does_not_register(reserved: int, status: str) -> None:
    sim = Sim(on_ec2({"ECS_RESERVED_MEMORY": reserved})).to(60)
    failed = status != "ACTIVE"
    assert len(sim.engine.world.clusters[0].instances) == (0 if failed else 1)
    reasons = [failure["reason"] for failure in run(sim)["failures"]]
    assert reasons == ["NO ACTIVE INSTANCES" if failed else "RESOURCE:MEMORY"]
    sim.call("SetDesiredCapacity", autoScalingGroupName="asg", desiredCapacity=0)
    events = sim.finish().instance_events
    assert events["status"].astype(str).tolist()[1] == status
    assert events["status"].astype(str).tolist()[-1] == "INACTIVE"


@pytest.mark.rule("AGENT-004")
def test_registered_resources_as_the_api_shows_them() -> None:
    agent = {"ECS_RESERVED_MEMORY": 256, "ECS_RESERVED_PORTS": [22, 8080], "ECS_RESERVED_PORTS_UDP": [53]}
    sim = Sim(on_ec2(agent)).to(1)
    whole = {"CPU": 2048, "MEMORY": 7987 - 256, "PORTS": ["22", "8080"], "PORTS_UDP": ["53"]}
    assert resources(sim, "registeredResources").items() >= whole.items()


@pytest.mark.rule("AGENT-009")
def test_remaining_resources_are_less_what_is_placed_and_the_ports_that_are_taken() -> None:
    ports = [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 53, "hostPort": 5353, "protocol": "udp"}]
    sim = Sim(
        on_ec2({"ECS_RESERVED_PORTS": [22]}, taskDefinitions=[task_definition(container={"portMappings": ports})])
    )
    run(sim.to(1))
    left = {"CPU": 2048 - 256, "MEMORY": 7987 - 512, "PORTS": ["22", "8080"], "PORTS_UDP": ["5353"]}
    assert resources(sim, "remainingResources").items() >= left.items()


@pytest.mark.rule("AGENT-006", "AGENT-009")
def test_the_ports_of_the_agent_are_taken_unless_it_is_told_others() -> None:
    assert resources(Sim(on_ec2()).to(1), "remainingResources")["PORTS"] == ["22", "2375", "2376", "51678", "51679"]
    ssh = task_definition(container={"portMappings": [{"containerPort": 22, "hostPort": 22}]})
    sim = Sim(on_ec2({"ECS_RESERVED_PORTS": [2375]}, taskDefinitions=[ssh])).to(1)
    assert run(sim)["tasks"]


@pytest.mark.rule("AGENT-011")
def test_running_tasks_are_those_that_shall_run() -> None:
    wanted = {"type": "memberOf", "expression": "runningTasksCount < 2"}
    sim = Sim(on_ec2(behaviour={"app": {"stopsAfter": "25s"}})).to(1)

    def placed() -> bool:
        return bool(run(sim, placementConstraints=[wanted])["tasks"])

    assert placed()
    # Neither has started; both are counted, since that is what is wanted of them.
    assert placed()
    assert not placed()
    sim.to(60)
    sim.call("StopTask", cluster="prod", task=sim.engine.task_id(sim.tasks()[0]))
    # One is still there, stopping, and no longer counted.
    assert len(sim.tasks()) == 2
    assert placed()


# -- capabilities ---------------------------------------------------------------------------------------------

HEALTH = {"healthCheck": {"command": ["CMD", "true"]}}
RESTART = {"restartPolicy": {"enabled": True}}
ROLE = "arn:aws:iam::123456789012:role/app"


@pytest.mark.rule("AGENT-012")
@pytest.mark.parametrize(
    ("agent", "definition", "placed"),
    [
        pytest.param({}, {}, True, id="nothing special"),
        pytest.param({}, {"networkMode": "awsvpc"}, True, id="an interface"),
        pytest.param({"ECS_ENABLE_TASK_ENI": False}, {"networkMode": "awsvpc"}, False, id="no interfaces"),
        pytest.param({"ECS_ENABLE_TASK_ENI": False}, {}, True, id="no interfaces, and none wanted"),
        pytest.param({}, {"container": {"logConfiguration": {"logDriver": "awslogs"}}}, True, id="a usual log driver"),
        pytest.param({}, {"container": {"logConfiguration": {"logDriver": "splunk"}}}, False, id="an unusual one"),
        pytest.param(
            {"ECS_AVAILABLE_LOGGING_DRIVERS": ["splunk"]},
            {"container": {"logConfiguration": {"logDriver": "splunk"}}},
            True,
            id="an unusual one that the agent offers",
        ),
        pytest.param({"version": "1.16.2"}, {"container": HEALTH}, False, id="health checks came with 1.17.0"),
        pytest.param({"version": "1.17.0"}, {"container": HEALTH}, True, id="and are there since"),
        pytest.param({"version": "1.85.3"}, {"container": RESTART}, False, id="restart policies came with 1.86.0"),
        pytest.param({"version": "1.85.3"}, {"taskRoleArn": ROLE}, True, id="task roles were always there"),
    ],
)
def test_an_agent_that_cannot_do_what_a_task_needs_gets_none(agent: dict, definition: dict, placed: bool) -> None:
    sim = Sim(on_ec2(agent, taskDefinitions=[task_definition(**definition)])).to(1)
    network = {"networkConfiguration": awsvpc()} if definition.get("networkMode") == "awsvpc" else {}
    answer = run(sim, **network)
    assert [failure["reason"] for failure in answer["failures"]] == ([] if placed else ["ATTRIBUTE"])


@pytest.mark.rule("AGENT-012")
def test_a_task_goes_to_the_group_whose_agents_can_run_it() -> None:
    old = group(name="old", agent={"version": "1.50.0"})
    timeline = [call("10s", "RunTask", cluster="prod", taskDefinition="app", launchType="EC2", count=2)]
    definition = task_definition(container=RESTART)
    result = run_dict(on_ec2(autoScalingGroups=[old, group()], taskDefinitions=[definition], timeline=timeline))
    new = result.instances["instance_id"].astype(str).tolist()[1]
    assert set(result.tasks["container_instance"].astype(str)) == {new}
    assert result.placements["rejected_attribute"].tolist() == [1, 1]
