"""Early success: a deployment that is done before every task of it is healthy (DEPLOY-018)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import WARM, Sim, call, group, percent, scenario, service, task_definition

from ecssim.aws.names import ServiceDeploymentStatus as Status
from ecssim.world.states import COMPLETED, IN_PROGRESS


def on_ec2(cleanup: str, healthy: int = 50, **more: Any) -> dict[str, Any]:
    """Ten tasks of which the new revision's start in two waves; old ones take 100 s to stop."""
    early = {"enable": True, "healthyPercent": healthy, "sourceServiceRevisionCleanup": cleanup}
    base = {
        "duration": "1h",
        "initialState": "steady",
        "taskDefinitions": [task_definition(), task_definition(container={"stopTimeout": 110})],
        "autoScalingGroups": [group(1, type="m5.8xlarge")],
        "timing": {"profile": "fixed"},
        "services": [service(count=10, deploymentConfiguration=percent(50, 100) | {"earlySuccessCriteria": early})],
        "timeline": [call("5m", "UpdateService", cluster="prod", service="web", taskDefinition="app:2")],
    }
    return scenario(**(base | more))


HALF = 300 + WARM + 40


@pytest.mark.rule("DEPLOY-018")
def test_deferred_it_is_done_with_its_share_and_the_old_tasks_go_afterwards() -> None:
    sim = Sim(on_ec2("DEFERRED")).to(HALF - 0.1)
    web = sim.service()
    new, old = web.deployments
    assert (new.rollout_state, new.active) == (IN_PROGRESS, 5)
    sim.to(HALF + 0.1)
    assert (new.rollout_state, new.rollout.status, new.healthy) == (COMPLETED, Status.SUCCESSFUL, 5)
    assert old in web.deployments
    sim.to(HALF + 300)
    assert web.deployments == [new]
    assert (new.running, new.rollout_state) == (10, COMPLETED)
    assert len(sim.finish().deployments) == 2


@pytest.mark.rule("DEPLOY-018")
def test_blocking_the_old_tasks_are_gone_first() -> None:
    sim = Sim(on_ec2("BLOCKING")).to(HALF + 0.5)
    new, old = sim.service().deployments
    assert (new.healthy, old.active, old.stopping, new.rollout_state) == (5, 0, 5, IN_PROGRESS)
    sim.to(HALF + 1.5)
    assert sim.service().deployments == [new]
    # Only half of its tasks are healthy: the rest has just started.
    assert (new.healthy, new.active, new.rollout_state) == (5, 10, COMPLETED)


@pytest.mark.rule("DEPLOY-018")
def test_the_rest_starts_and_nothing_rolls_back_any_more() -> None:
    document = on_ec2("BLOCKING", behaviour={"app:2": {"failsToStart": {"share": 0.5}}}, seed=3)
    config = document["services"][0]["deploymentConfiguration"]
    config["deploymentCircuitBreaker"] = {
        "enable": True,
        "rollback": True,
        "thresholdConfiguration": {"type": "COUNT", "value": 12},
    }
    sim = Sim(document).to(1200)
    [new] = sim.service().deployments
    assert (new.rollout_state, new.running, new.template.revision) == (COMPLETED, 10, 2)
    failures = new.breaker.failures
    for _ in range(20):
        sim.engine.services.deployments.rollouts.failed(new, started=True)
    sim.settle()
    assert (new.rollout_state, new.breaker.failures) == (COMPLETED, failures)
