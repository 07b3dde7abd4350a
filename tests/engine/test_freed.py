"""A task that has ended is freed at once: in a long run nothing of it waits for the collector, which seldom comes."""

from __future__ import annotations

import gc

import pytest

from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping
from ecssim.world.tasks import Task
from tests.builders import awsvpc, behind, fargate, scenario, subnet, target_group, task_definition

WEB = {"name": "web", "image": "app", "portMappings": [{"containerPort": 80}]}
SIDECAR = {
    "name": "log",
    "image": "log",
    "essential": False,
    "dependsOn": [{"containerName": "web", "condition": "START"}],
}
BEHIND_A_TARGET_GROUP = {
    "services": [fargate(networkConfiguration=awsvpc("a"), loadBalancers=behind("tg"), count=4)],
    "targetGroups": [target_group("tg", targetType="ip")],
}


@pytest.mark.parametrize(
    ("containers", "parts"),
    [([WEB], {}), ([WEB], BEHIND_A_TARGET_GROUP), ([WEB, SIDECAR], {})],
    ids=["plain", "targets", "containers"],
)
def test_ended_tasks_are_gone_without_the_collector(containers, parts) -> None:
    document = scenario(
        **{
            "duration": "6h",
            "subnets": [subnet("a")],
            "taskDefinitions": [task_definition(networkMode="awsvpc", containerDefinitions=containers)],
            "behaviour": {"app": {"runsFor": "5m"}},
            "services": [fargate(networkConfiguration=awsvpc("a"), count=4)],
            **parts,
        }
    )
    gc.collect()
    gc.disable()
    try:
        simulation = Simulation(load_mapping(document))
        simulation.advance(until="5h")
        lifecycle = simulation.engine.lifecycle
        there = sum(1 for thing in gc.get_objects() if type(thing) is Task)
        assert lifecycle.created > 100
        # One that has just ended may still be named by an entry of the queue.
        assert there <= len(lifecycle.live) + 4
    finally:
        gc.enable()
