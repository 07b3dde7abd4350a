"""Requests that need more memory than a container may have: ignored by default, else the container is killed."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Sim, awsvpc, fargate, run_dict, scenario, target_group, task_definition

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


def crowded(limit: int | None, task: str | None, **more: Any) -> dict[str, Any]:
    """Two tasks with 100 MiB when idle and some 100 requests in flight each, of 2 MiB each: 300 MiB from 2 min on."""
    container = {"name": "web", "image": "app", **({"memory": limit} if limit else {}), **more.pop("container", {})}
    definition = task_definition(networkMode="awsvpc", containerDefinitions=[container])
    definition = {k: v for k, v in definition.items() if k != "memory"} | ({"memory": task} if task else {})
    steps = [{"at": "0s", "rate": 2}, {"at": "2m", "rate": more.pop("rate", 20)}]
    base: dict[str, Any] = {
        "duration": "4m",
        "initialState": "steady",
        "taskDefinitions": [definition],
        "services": [fargate(count=2)],
        "behaviour": {"app": {"request": {"latency": "10s", "memory": "2MiB"}, "idle": {"memory": "100MiB"}}},
        "traffic": [{"name": "t", "to": {"service": "web"}, "pattern": "steps", "steps": steps}],
        "model": {"memoryLimit": "enforced"},
    }
    return scenario(**(base | more))


def killed(result: Any) -> Any:
    return result.tasks[result.tasks.stopped_reason.astype(str) == OUT_OF_MEMORY]


@pytest.mark.rule("AGENT-046")
@pytest.mark.parametrize(
    ("limit", "task", "dies"),
    [
        pytest.param(None, "512", False, id="room for both"),
        pytest.param(256, "512", True, id="the container's own limit"),
        pytest.param(512, "512", False, id="a limit that is not reached"),
    ],
)
def test_a_container_above_its_hard_limit_is_killed(limit: int | None, task: str, dies: bool) -> None:
    result = run_dict(crowded(limit, task))
    dead = killed(result)
    # Both hold too much as the minute of the step ends.
    assert dead.stopping_at.tolist() == ([180.0, 180.0] if dies else [])
    assert (dead.stop_code == "EssentialContainerExited").all()
    assert len(result.tasks) == (4 if dies else 2)
    rows = result.service_metrics
    before = rows.in_flight_count.shift(fill_value=0)
    assert (before + rows.offered_count == rows.served_count + rows.failed_count + rows.in_flight_count).all()
    # Their clients see reset connections (LB-042).
    assert bool(rows.failed_count.iloc[3:].sum() > 0) is dies


@pytest.mark.rule("AGENT-046")
def test_a_task_above_its_own_memory_is_killed_too() -> None:
    """512 MiB for all of its containers; 100 and 300 requests in flight of 2 MiB each are more."""
    assert len(killed(run_dict(crowded(None, "512", rate=60)))) >= 2


def test_the_exit_code_is_that_of_a_process_that_was_killed() -> None:
    sim = Sim(crowded(256, "512")).to(180.5)
    stopping = [task for task in sim.tasks() if not task.running]
    assert [task.exit_code for task in stopping] == [137, 137]


def test_by_default_nobody_is_killed_and_utilisation_shows_it() -> None:
    result = run_dict(crowded(256, "512", rate=60, model={}))
    assert len(result.tasks) == 2
    assert result.service_metrics.memory_utilization.max() > 100


def test_behind_a_load_balancer_and_with_a_restart_policy_the_container_starts_again() -> None:
    balanced = [{"targetGroupArn": "tg", "containerName": "web", "containerPort": 80}]
    document = crowded(
        256,
        "512",
        container={"portMappings": [{"containerPort": 80}], "restartPolicy": {"enabled": True}},
        targetGroups=[target_group(targetType="ip")],
        services=[fargate(count=2, loadBalancers=balanced, networkConfiguration=awsvpc("a"))],
    )
    result = run_dict(document)
    rows = result.container_events
    again = rows[rows.restart_count > 0]
    assert set(again.exit_code[again.t == 180.0]) == {137}
    assert set(again.reason.astype(str)) == {OUT_OF_MEMORY}
