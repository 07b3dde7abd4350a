"""The laws notice a world that is not sound: each one is broken on purpose, in one place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders import (
    Sim,
    awsvpc,
    behind,
    fargate,
    group,
    percent,
    scenario,
    service,
    target_group,
    task_definition,
)

from ecssim.engine.invariants import never_backwards, violations
from ecssim.errors import InvariantBroken
from ecssim.world.states import HEALTHY, PENDING, RUNNING, UNHEALTHY


def document() -> dict:
    return scenario(
        duration="10m",
        timing={"profile": "fixed", "instanceBoot": "0s"},
        taskDefinitions=[
            task_definition(container={"portMappings": [{"containerPort": 80, "hostPort": 8080}]}),
            task_definition("vpc", networkMode="awsvpc", container={"portMappings": [{"containerPort": 80}]}),
        ],
        autoScalingGroups=[group(3)],
        targetGroups=[target_group()],
        services=[
            service(count=2),
            service("lb", 1, taskDefinition="vpc", networkConfiguration=awsvpc(), loadBalancers=behind()),
            fargate("farm", 2, taskDefinition="vpc"),
        ],
        jobs=[
            {
                "name": "batch",
                "arrivals": {"every": "1h"},
                "runTask": {"cluster": "prod", "taskDefinition": "vpc", "launchType": "EC2",
                            "networkConfiguration": awsvpc()},
            }
        ],
    )  # fmt: skip


@pytest.fixture
def sim() -> Sim:
    return Sim(document()).to(120)


def deployment(sim: Sim, name: str = "web"):
    return sim.service(name).deployments[0]


def bump(thing, name: str, by: int = 1) -> None:
    setattr(thing, name, getattr(thing, name) + by)


def fleet_of(sim: Sim):
    return sim.engine.world.clusters[0].fleet


def reserve_too_much(sim: Sim) -> None:
    fleet_of(sim).release_eni(sim.tasks("lb")[0].instance)


def move_to_the_queue(sim: Sim) -> None:
    task = sim.tasks("web")[0]
    sim.engine.world.instances[task.instance].agent_queue.append(task)


def leave_waiting(sim: Sim) -> None:
    """A task that would fit at the head of the agent's queue, and nobody takes it."""
    task = sim.tasks("lb")[0]
    instance = sim.engine.world.instances[task.instance]
    sim.engine.agents.release(task)
    instance.agent_queue.append(task)


BREAKS: list = [
    pytest.param(lambda s: bump(s.tasks("web")[0], "running", -1), "placement ledger", id="a task is not counted"),
    pytest.param(reserve_too_much, "placement ledger", id="an ENI slot is free too early"),
    pytest.param(
        lambda s: fleet_of(s).release(
            s.engine.world.instances[s.tasks("web")[0].instance].fleet_ordinal,
            s.tasks("web")[0].template.request,
            s.tasks("web")[0].owner.group,
        ),
        "TCP ports",
        id="a port and its share were released while the task runs",
    ),
    pytest.param(
        lambda s: bump(s.engine.world.instances[0], "agent_cpu"), "agent's ledger", id="the agent's CPU is off"
    ),
    pytest.param(
        lambda s: s.engine.world.instances[0].agent_ports.add(("tcp", 9)), "agent's ledger", id="a port too many"
    ),
    pytest.param(move_to_the_queue, "stand in its queue", id="a running task waits"),
    pytest.param(leave_waiting, "would fit", id="the head of the queue is not taken"),
    pytest.param(
        lambda s: s.engine.world.subnets[0].used.update(tasks=9), "used by tasks", id="addresses in use are off"
    ),
    pytest.param(
        lambda s: setattr(s.tasks("farm")[0], "address", s.tasks("farm")[1].address),
        "held twice",
        id="two tasks hold one address",
    ),
    pytest.param(
        lambda s: setattr(s.tasks("farm")[0], "address", 5), "not an address of it", id="a foreign address"
    ),
    pytest.param(
        lambda s: s.engine.world.subnets[0].pool.take(), "used + free + reserved", id="an address got lost"
    ),
    pytest.param(lambda s: bump(deployment(s), "active"), "active", id="active is off"),
    pytest.param(lambda s: bump(deployment(s), "healthy"), "healthy", id="healthy is off"),
    pytest.param(lambda s: bump(deployment(s), "running"), "running", id="running is off"),
    pytest.param(lambda s: bump(deployment(s), "stopping"), "stopping", id="stopping is off"),
    pytest.param(
        lambda s: deployment(s).by_provider.update({0: 5}), "by provider", id="the count by provider is off"
    ),
    pytest.param(
        lambda s: setattr(s.tasks("web")[0], "health", UNHEALTHY), "unhealthy", id="an unhealthy task unknown"
    ),
    pytest.param(
        lambda s: deployment(s).displaced.update({0: s.tasks("web")[0]} | {0: _sick(s)}),
        "displaced",
        id="a displaced task that is not healthy",
    ),
    pytest.param(lambda s: deployment(s).tasks.popitem(), "owners", id="a task without an owner"),
    pytest.param(
        lambda s: s.engine.world.instances[s.tasks("web")[0].instance].tasks.popitem(),
        "on instances",
        id="a task that its instance does not know",
    ),
    pytest.param(
        lambda s: s.engine.fargate.cpu_in_use.update({False: 1}), "CPU units in use", id="the quota's use is off"
    ),
    pytest.param(
        lambda s: s.service("farm").zone_counts.update({(0, "us-east-1a"): 7}), "by zone", id="zones are off"
    ),
    pytest.param(
        lambda s: s.engine.world.target_groups[0].members.clear(), "members", id="a target is not registered"
    ),
    pytest.param(
        lambda s: bump(s.engine.world.target_groups[0], "healthy"), "target group tg, healthy", id="target health"
    ),
    pytest.param(lambda s: bump(s.engine.job_streams[0], "submitted"), "job batch", id="a job got lost"),
    pytest.param(lambda s: bump(s.engine.job_streams[0], "done"), "under way", id="a job is done too early"),
    pytest.param(
        lambda s: s.engine.services.ripening.extend([(9.0, s.tasks()[0]), (1.0, s.tasks()[0])]),
        "out of order",
        id="tasks ripen out of order",
    ),
]  # fmt: skip


def _sick(sim: Sim):
    task = sim.tasks("web")[0]
    task.health = RUNNING if RUNNING not in (HEALTHY, UNHEALTHY) else PENDING
    return task


def test_a_sound_world_has_no_violations(sim: Sim) -> None:
    assert violations(sim.engine) == []
    assert sim.watch.looks > 2


@pytest.mark.parametrize(("harm", "named"), BREAKS)
def test_each_law_notices(sim: Sim, harm: Callable[[Sim], object], named: str) -> None:
    harm(sim)
    found = violations(sim.engine)
    assert any(named in sentence for sentence in found), found
    with pytest.raises(InvariantBroken, match=r"at t = 120\.0 s"):
        sim.watch(sim.engine)


def test_the_scheduler_may_not_start_beyond_its_maximum(sim: Sim) -> None:
    sim.call("UpdateService", cluster="prod", service="farm", deploymentConfiguration=percent(50, 100))
    sim.watch(sim.engine)
    farm = sim.service("farm")
    engine = sim.engine
    engine.fargate.launch(farm.deployments[0].template, farm, farm.deployments[0], 0, 2, 0)
    with pytest.raises(InvariantBroken, match="at most 2 are allowed"):
        sim.watch(engine)


def test_a_lowered_maximum_is_no_fault(sim: Sim) -> None:
    sim.call("UpdateService", cluster="prod", service="farm", desiredCount=6)
    sim.call("UpdateService", cluster="prod", service="farm", desiredCount=1)
    sim.to(121)


@pytest.mark.rule("LIFE-003")
def test_a_status_that_fell_is_noticed(sim: Sim) -> None:
    live = sim.engine.lifecycle.live
    before = {o: t.status for o, t in live.items()}
    assert never_backwards(before, live) == []
    sim.tasks("web")[0].status = PENDING
    assert len(never_backwards(before, live)) == 1


def test_a_run_with_check_on_looks_every_minute_and_at_its_end() -> None:
    from ecssim.run import Simulation
    from ecssim.scenario.load import load_mapping

    watched = Simulation(load_mapping(document()), check=True)
    watched.advance(until=150.0)
    [watch] = watched.engine.observers
    assert watch.looks == 2
    watched.finish()
    assert watch.looks >= 10
    plain = Simulation(load_mapping(document()), check=False)
    assert plain.engine.observers == []
    bad = Simulation(load_mapping(document()), check=True)
    bad.advance(until=150.0)
    bad.engine.services.ripening.extend([(9e9, None), (8e9, None)])
    with pytest.raises(InvariantBroken, match="at t = 180"):
        bad.finish()
