"""The network modes of tasks: what each holds of its instance and of its subnets, and which ports collide."""

from __future__ import annotations

import pytest
from builders import Document, Sim, awsvpc, fargate, group, scenario, service, task_definition

MODES = ("bridge", "host", "awsvpc", "none")
#: Two containers on two ports; a task of two containers is as large in every mode.
PAIR = [
    {"name": "web", "image": "app", "portMappings": [{"containerPort": 80}]},
    {"name": "side", "image": "app", "portMappings": [{"containerPort": 81}]},
]


def on_ec2(mode: str = "bridge", containers: list | None = None, **more: object) -> Document:
    definition = task_definition(networkMode=mode, containerDefinitions=containers or [{"name": "web", "image": "app"}])
    base = scenario(duration="10m", initialState="steady", autoScalingGroups=[group(1)], taskDefinitions=[definition])
    return base | more


def run(sim: Sim, count: int = 1, **more: object) -> list[str]:
    """Run tasks; the reasons of those that could not be placed."""
    answer = sim.call("RunTask", cluster="prod", taskDefinition="app", launchType="EC2", count=count, **more)
    return [failure["reason"] for failure in answer["failures"]]


def used(sim: Sim) -> dict[str, int]:
    return {k: n for k, n in sim.engine.world.subnets[0].used.items() if n}


@pytest.mark.rule("NET-002", "NET-003", "NET-033")
@pytest.mark.parametrize("mode", MODES)
def test_only_an_awsvpc_task_has_an_interface_and_it_has_one_for_all_its_containers(mode: str) -> None:
    containers = PAIR if mode != "none" else [{"name": "web", "image": "app"}, {"name": "side", "image": "app"}]
    sim = Sim(on_ec2(mode, containers)).to(1)
    more = {"networkConfiguration": awsvpc("a")} if mode == "awsvpc" else {}
    assert run(sim, 1, **more) == []
    sim.to(60)
    task = sim.tasks()[0]
    instance = sim.engine.world.instances[0]
    slots = sim.engine.world.clusters[0].fleet.remaining(instance.fleet_ordinal).eni_slots
    if mode == "awsvpc":
        assert used(sim) == {"instances": 1, "tasks": 1}
        assert task.address > 0
        assert slots == 1
    else:
        assert used(sim) == {"instances": 1}
        assert task.address == -1
        assert slots == 2


@pytest.mark.rule("NET-002")
def test_ports_of_awsvpc_tasks_collide_with_nobody() -> None:
    sim = Sim(on_ec2("awsvpc", PAIR)).to(1)
    assert run(sim, 2, networkConfiguration=awsvpc("a")) == []
    assert len({task.address for task in sim.tasks()}) == 2


@pytest.mark.rule("NET-003", "NET-007")
def test_a_static_port_serves_one_bridge_task_and_dynamic_ones_any_number() -> None:
    static = [{"name": "web", "image": "app", "portMappings": [{"containerPort": 80, "hostPort": 8080}]}]
    assert run(Sim(on_ec2("bridge", static)).to(1), 3) == ["RESOURCE:PORTS"] * 2
    for port in (None, 0):
        mapping = {"containerPort": 80} | ({} if port is None else {"hostPort": port})
        dynamic = [{"name": "web", "image": "app", "portMappings": [mapping]}]
        sim = Sim(on_ec2("bridge", dynamic)).to(1)
        assert run(sim, 3) == []


@pytest.mark.rule("NET-003", "NET-007")
def test_tcp_and_udp_are_ports_of_their_own() -> None:
    tcp, udp = ({"containerPort": 53, "hostPort": 53, "protocol": p} for p in ("tcp", "udp"))
    definitions = [
        task_definition("one", containerDefinitions=[{"name": "web", "image": "app", "portMappings": [tcp]}]),
        task_definition("two", containerDefinitions=[{"name": "web", "image": "app", "portMappings": [udp]}]),
    ]
    sim = Sim(on_ec2(taskDefinitions=definitions)).to(1)
    for family, reasons in (("one", []), ("two", []), ("two", ["RESOURCE:PORTS"])):
        answer = sim.call("RunTask", cluster="prod", taskDefinition=family, launchType="EC2")
        assert [failure["reason"] for failure in answer["failures"]] == reasons


@pytest.mark.rule("NET-004")
def test_in_host_mode_every_container_port_is_the_hosts() -> None:
    sim = Sim(on_ec2("host", PAIR, autoScalingGroups=[group(2)])).to(1)
    assert run(sim, 3) == ["RESOURCE:PORTS"]
    fleet = sim.engine.world.clusters[0].fleet
    for instance in sim.engine.world.instances:
        assert {80, 81} <= fleet.ports(instance.fleet_ordinal)[0]
    # There are no dynamic ports: a hostPort of 0 is the container's own port, too.
    zero = [{"name": "web", "image": "app", "portMappings": [{"containerPort": 80, "hostPort": 80}]}]
    assert run(Sim(on_ec2("host", zero)).to(1), 2) == ["RESOURCE:PORTS"]


@pytest.mark.rule("NET-005")
def test_in_mode_none_tasks_have_no_ports_and_no_interface() -> None:
    sim = Sim(on_ec2("none")).to(1)
    assert run(sim, 4) == []
    sim.to(60)
    assert sim.statuses() == ["RUNNING"] * 4
    assert used(sim) == {"instances": 1}
    assert all(task.subnet == -1 for task in sim.tasks())


@pytest.mark.rule("NET-001")
@pytest.mark.parametrize(
    ("given", "mode"),
    [pytest.param({}, "bridge", id="bridge is the default on Linux"), *[({"networkMode": m}, m) for m in MODES]],
)
def test_the_mode_is_what_the_definition_says(given: dict, mode: str) -> None:
    definition = task_definition(**given)
    if not given:
        del definition["networkMode"]
    sim = Sim(on_ec2(taskDefinitions=[definition])).to(1)
    more = {"networkConfiguration": awsvpc("a")} if mode == "awsvpc" else {}
    assert run(sim, 1, **more) == []
    assert sim.tasks()[0].template.network_mode == mode


@pytest.mark.rule("NET-001")
def test_on_fargate_every_task_is_awsvpc() -> None:
    sim = Sim(scenario(taskDefinitions=[task_definition(networkMode="awsvpc")], services=[fargate()])).to(30)
    assert sim.tasks()[0].template.network_mode == "awsvpc"
    with_bridge = Sim(on_ec2(taskDefinitions=[task_definition()])).to(1)
    with pytest.raises(Exception, match="awsvpc"):
        with_bridge.call(
            "RunTask",
            cluster="prod",
            taskDefinition="app",
            launchType="FARGATE",
            networkConfiguration=awsvpc("a"),
        )


@pytest.mark.rule("NET-006")
@pytest.mark.parametrize(
    ("agent", "low", "high"),
    [
        pytest.param({}, 32768, 60999, id="the range of Linux"),
        pytest.param({"ECS_DYNAMIC_HOST_PORT_RANGE": "50000-50003"}, 50000, 50003, id="the agent's own"),
    ],
)
def test_dynamic_ports_come_from_the_range_of_the_host(agent: dict, low: int, high: int) -> None:
    from ecssim.engine.describe_tasks import network_bindings

    dynamic = [{"name": "web", "image": "app", "portMappings": [{"containerPort": 80}]}]
    sim = Sim(on_ec2("bridge", dynamic, autoScalingGroups=[group(1, agent=agent)])).to(1)
    assert run(sim, 5) == []
    sim.to(60)
    ports = []
    definition = sim.scenario.task_definitions[0].container_definitions[0]
    for task in sim.tasks():
        if sim.statuses()[sim.tasks().index(task)] == "RUNNING":
            ports += [binding["hostPort"] for binding in network_bindings(sim.engine, task, definition)]
    # The range of four ports serves four tasks; the fifth finds none (AGENT-008).
    assert len(ports) == min(5, high - low + 1)
    assert all(low <= port <= high for port in ports)
    assert len(set(ports)) == len(ports)


@pytest.mark.rule("NET-020")
def test_no_free_slot_is_resource_eni_in_the_event_and_in_run_task() -> None:
    document = on_ec2(
        "awsvpc",
        services=[service("web", 3, networkConfiguration=awsvpc("a"))],
        timeline=[],
    )
    sim = Sim(document).to(120)
    assert run(sim, 1, networkConfiguration=awsvpc("a")) == ["RESOURCE:ENI"]
    result = sim.finish()
    messages = list(result.service_events.message.astype(str))
    assert any('encountered error "RESOURCE:ENI"' in message for message in messages)
    refused = result.placements[result.placements.container_instance.isna()]
    assert set(refused.reason.astype(str)) == {"RESOURCE:ENI"}
    # It is about slots, not addresses: the subnet has plenty.
    assert result.subnet_metrics.free.min() > 200
    assert result.subnet_events.empty
