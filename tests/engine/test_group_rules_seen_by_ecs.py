"""What ECS makes of the instances of groups: their statuses, draining, deregistration, ports, the metric."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    COLD,
    Document,
    Sim,
    fargate,
    fault,
    group,
    percent,
    provider,
    run_dict,
    scenario,
    service,
    task_definition,
)

from ecssim.catalog import quotas
from ecssim.decide.managed_scaling import Alarms, Extremes, Need, ScalingPolicy, Size, evaluate, reserve
from ecssim.errors import BadInput, ClientError
from ecssim.scenario.load import load_mapping
from ecssim.world.states import DEREGISTERING, DRAINING, INACTIVE, REGISTRATION_FAILED

LARGE = Size(2048, 8000, 0, 2)
SIZES = Extremes(LARGE, LARGE)


def world(*services: Document, size: Document | None = None, **more: Any) -> Document:
    base: Document = {
        "autoScalingGroups": [size or group(2)],
        "capacityProviders": [provider()],
        "clusters": [{"clusterName": "prod", "capacityProviders": ["ec2"]}],
        "taskDefinitions": [task_definition()],
        "services": list(services),
        "duration": "20m",
    }
    return scenario(**(base | more))


# -- the metric and its alarm ---------------------------------------------------------------------------------


@pytest.mark.rule("ASG-012")
def test_two_hundred_is_no_cap() -> None:
    seen = reserve(1, 1, {Need(2048, 512): 9}, SIZES, ScalingPolicy())
    assert seen.percent == 1000.0
    assert reserve(0, 0, {Need(2048, 512): 9}, SIZES, ScalingPolicy()).percent == 200.0


@pytest.mark.rule("ASG-013")
@pytest.mark.parametrize(("instances", "busy", "percent_"), [(4, 3, 75.0), (3, 1, 100 / 3), (5, 0, 0.0), (2, 2, 100.0)])
def test_without_waiting_tasks_busy_instances_count(instances: int, busy: int, percent_: float) -> None:
    assert reserve(instances, busy, {}, SIZES, ScalingPolicy()).percent == pytest.approx(percent_)


@pytest.mark.rule("ASG-030")
def test_one_datapoint_above_the_target_fires_the_high_alarm() -> None:
    target = 90
    for busy, waiting, high in ((9, 0, False), (10, 0, True), (5, 6, True)):
        needs = {Need(2048, 512): waiting} if waiting else {}
        seen = reserve(10, busy, needs, SIZES, ScalingPolicy(target_capacity=target))
        assert evaluate(Alarms(), seen.against(target)).high is high


@pytest.mark.rule("ASG-015")
def test_waiting_tasks_are_grouped_by_what_they_need() -> None:
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "ENABLED"}}
    small, other, big = (
        task_definition(name, cpu=cpu, memory="512") for name, cpu in (("app", "512"), ("too", "512"), ("big", "1024"))
    )
    strategy = [{"capacityProvider": "ec2", "weight": 1}]
    services = [
        service("one", 3, capacityProviderStrategy=strategy),
        service("two", 2, capacityProviderStrategy=strategy, taskDefinition="too:1"),
        service("three", 4, capacityProviderStrategy=strategy, taskDefinition="big:1"),
    ]
    document = world(
        *services,
        size=group(0),
        capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": behind}],
        taskDefinitions=[small, other, big],
    )
    sim = Sim(document).to(30.0)
    asg = sim.engine.world.groups[0]
    needs = sim.engine.waiting.needs(asg.cluster, asg.provider_code)
    assert sorted((need.cpu, count) for need, count in needs.items()) == [(512, 5), (1024, 4)]


@pytest.mark.rule("ASG-022")
@pytest.mark.parametrize(
    ("subnets", "option", "steps"),
    [
        pytest.param(["a", "b"], "off", [2, 10], id="off: what is needed"),
        pytest.param(["a", "b"], "on", [2, 5, 8], id="on, two zones: exactly the minimum step"),
        pytest.param(["a"], "on", [2, 10], id="on, one zone and type: what is needed"),
    ],
)
def test_the_step_that_the_api_once_described(subnets: list[str], option: str, steps: list[int]) -> None:
    scaling = {"status": "ENABLED", "minimumScalingStepSize": 3}
    behind = {"autoScalingGroup": "asg", "managedScaling": scaling}
    document = world(
        service("web", 20, capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}]),
        size=group(0, subnets=subnets),
        capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": behind}],
        taskDefinitions=[task_definition(cpu="1024", memory="1024")],
        model={"legacyMinStep": option},
        duration="13m",
    )
    rows = run_dict(document).scaling_activities
    assert list(rows["to_count"])[: len(steps)] == steps


# -- draining and leaving -------------------------------------------------------------------------------------


def drain(sim: Sim, number: int) -> None:
    ids = [sim.engine.world.instances[number].id]
    sim.call("UpdateContainerInstancesState", cluster="prod", containerInstances=ids, status="DRAINING")


@pytest.mark.rule("ASG-047")
@pytest.mark.parametrize(
    ("limits", "moved"),
    [
        pytest.param(percent(100, 200), 4, id="replaced before they stop"),
        pytest.param(percent(50, 100), 4, id="stopped before they are replaced"),
        pytest.param(percent(100, 100), 0, id="both at 100: stuck"),
    ],
)
def test_a_draining_instance_gives_its_service_tasks_away_within_their_limits(limits: Document, moved: int) -> None:
    spread = [{"type": "spread", "field": "instanceId"}]
    web = service("web", 8, deploymentConfiguration=limits, placementStrategy=spread)
    sim = Sim(world(web, size=group(2))).to(200.0)
    first = sim.engine.world.instances[0]
    before = set(first.tasks)
    assert len(before) == 4
    drain(sim, 0)
    sim.to(400.0)
    assert first.status == DRAINING
    assert len(first.tasks) == 4 - moved
    # Nothing new came to it.
    assert set(first.tasks) <= before


@pytest.mark.rule("ASG-047")
def test_only_an_instance_that_is_active_can_be_set_draining() -> None:
    sim = Sim(world(service("web", 2))).to(20.0)
    with pytest.raises(ClientError, match="not valid"):
        drain(sim, 0)
    sim.to(60.0)
    drain(sim, 0)
    since = sim.engine.world.instances[0].draining_at
    sim.to(120.0)
    drain(sim, 0)
    assert sim.engine.world.instances[0].draining_at == since
    sim.engine.groups.terminate(sim.engine.world.instances[0], 0, replace=False)
    with pytest.raises(ClientError, match="not valid"):
        drain(sim, 0)


@pytest.mark.rule("ASG-047")
def test_pending_service_tasks_of_a_draining_instance_stop_at_once() -> None:
    slow = {"app": {"size": "60GB"}}
    sim = Sim(world(service("web", 2, deploymentConfiguration=percent(100, 100)), images=slow)).to(60.0)
    first = sim.engine.world.instances[0]
    waiting = list(first.tasks.values())
    assert waiting
    drain(sim, 0)
    assert not any(task.running for task in waiting)


@pytest.mark.rule("ASG-048")
def test_who_is_deregistered_and_who_is_not() -> None:
    sim = Sim(world(service("web", 2, placementStrategy=[{"type": "spread", "field": "instanceId"}]), size=group(3)))
    sim.to(200.0)
    running, disconnected, forced = sim.engine.world.instances
    cluster = sim.engine.world.clusters[0]
    sim.engine.groups.terminate(running, 0, replace=False)
    assert running.ordinal not in cluster.instances
    assert running.status == INACTIVE
    # One whose agent is gone stays in the cluster after its end.
    sim.engine.links.cut(disconnected, 1e6, 0)
    sim.to(400.0)
    sim.engine.groups.terminate(disconnected, 0, replace=False)
    assert disconnected.ordinal in cluster.instances
    # By force: a busy instance leaves, its tasks are copied elsewhere, EC2 keeps it.
    with pytest.raises(ClientError):
        sim.call("DeregisterContainerInstance", cluster="prod", containerInstance=_busy(sim).id)
    busy = _busy(sim)
    sim.call("DeregisterContainerInstance", cluster="prod", containerInstance=busy.id, force=True)
    assert busy.ordinal not in cluster.instances
    assert not busy.ended
    assert forced.ordinal in sim.engine.world.groups[0].instances


def _busy(sim: Sim) -> Any:
    return next(i for i in sim.engine.world.instances if i.tasks and not i.ended and i.connected)


@pytest.mark.rule("ASG-060")
def test_the_statuses_of_a_container_instance() -> None:
    document = world(service("web", 1), size=group(1), account={"settings": {"awsvpcTrunking": "enabled"}})
    sim = Sim(document).to(50.0)
    # The trunk interface is made before the agent registers, at 55 s.
    assert not sim.engine.world.clusters[0].instances
    sim.to(100.0)
    first = sim.engine.world.instances[0]
    assert len(first.tasks) == 1
    drain(sim, 0)
    sim.to(150.0)
    sim.engine.groups.terminate(first, 0, replace=False)
    rows = sim.finish().instance_events
    mine = rows[rows["instance_id"].astype(str) == first.id]["status"].astype(str)
    assert list(mine) == ["REGISTERING", "ACTIVE", "DRAINING", "DEREGISTERING", "INACTIVE"]
    assert DEREGISTERING != INACTIVE
    failed = Sim(world(service("web", 1), size=group(1, agent={"ECS_RESERVED_MEMORY": 9000}))).to(100.0)
    assert failed.engine.world.instances[0].status == REGISTRATION_FAILED
    assert failed.tasks() == []


@pytest.mark.rule("ASG-060")
def test_only_active_and_connected_instances_take_tasks() -> None:
    cut = fault("2m", "agentDisconnect", capacityProvider="ec2", count=1, **{"for": "10m"})
    sim = Sim(world(service("web", 0), size=group(1), timeline=[cut])).to(300.0)
    sim.call("UpdateService", cluster="prod", service="web", desiredCount=1)
    sim.to(700.0)
    assert sim.tasks() == []
    sim.to(1000.0)
    assert len(sim.tasks()) == 1


@pytest.mark.rule("ASG-059")
def test_a_cluster_has_at_most_five_thousand_instances() -> None:
    for profile in ("mature", "new"):
        assert quotas(profile).container_instances_per_cluster == 5_000
    sim = Sim(world(size=group(3), account={"quotas": {"containerInstancesPerCluster": 2}})).to(200.0)
    assert len(sim.engine.world.clusters[0].instances) == 2
    assert any("the most that a cluster may have" in note for note in sim.engine.notes)


@pytest.mark.rule("ASG-063")
def test_ports_that_are_reserved_from_the_start() -> None:
    def placed(port: int, **agent: Any) -> int:
        definition = task_definition(container={"portMappings": [{"containerPort": 80, "hostPort": port}]})
        sim = Sim(world(service("web", 1), size=group(1, agent=agent), taskDefinitions=[definition])).to(120.0)
        return len(sim.tasks())

    assert [placed(p) for p in (22, 2375, 2376, 51678, 51679, 80)] == [0, 0, 0, 0, 0, 1]
    full = world(size=group(1, agent={"ECS_RESERVED_PORTS": list(range(1000, 1101))}))
    with pytest.raises(BadInput, match="at most 100 reserved ports"):
        load_mapping(full)
    # Dynamic ports are not among the hundred.
    many = world(service("web", 8), size=group(1, agent={"ECS_RESERVED_PORTS": list(range(1000, 1100))}))
    many["taskDefinitions"][0]["containerDefinitions"][0]["portMappings"] = [{"containerPort": 80, "hostPort": 0}]
    assert len(Sim(many).to(120.0).tasks()) == 8


@pytest.mark.rule("ASG-071")
@pytest.mark.parametrize(("delay", "later"), [({}, 0.0), ({"agentFirstPull": "240s"}, 240.0)])
def test_an_agent_may_take_its_time_before_its_first_pull(delay: Document, later: float) -> None:
    document = world(service("web", 1), size=group(1), timing={"profile": "fixed"} | delay)
    tasks = run_dict(document).tasks
    started, created = tasks["started_at"][0], tasks["created_at"][0]
    # Dispatch lies within the delay.
    assert started - created == pytest.approx(COLD + max(0.0, later - 0.3), abs=0.01)


@pytest.mark.rule("ASG-072")
def test_from_nothing_to_the_first_containers() -> None:
    """About two and a half minutes on EC2 from zero instances, about half a minute on Fargate."""
    behind = {"autoScalingGroup": "asg", "managedScaling": {"status": "ENABLED"}}
    first: dict[str, list[float]] = {"ec2": [], "farm": []}
    for seed in range(12):
        document = world(
            service("ec2", 1, capacityProviderStrategy=[{"capacityProvider": "ec2", "weight": 1}]),
            fargate("farm", 1, taskDefinition="vpc"),
            size=group(0),
            capacityProviders=[{"name": "ec2", "autoScalingGroupProvider": behind}],
            taskDefinitions=[task_definition(), task_definition("vpc", networkMode="awsvpc")],
            timing={"profile": "typical"},
            # As large as the image of the published curve.
            images={"app": {"size": "350MB"}},
            duration="8m",
        )
        tasks = run_dict(document, seed).tasks
        for name, found in first.items():
            found.append(float(tasks[tasks["service"].astype(str) == name]["started_at"].min()))
    medians = {name: sorted(found)[len(found) // 2] for name, found in first.items()}
    assert 120.0 < medians["ec2"] < 210.0
    assert 20.0 < medians["farm"] < 60.0
