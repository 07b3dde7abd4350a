"""StopServiceDeployment: the way back by a call (DEPLOY-010)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Sim, call, group, percent, scenario, service, service_events, task_definition

from ecssim.aws.names import ServiceDeploymentStatus as Status
from ecssim.errors import ClientError
from ecssim.world.states import COMPLETED, FAILED


def on_ec2(**more: Any) -> dict[str, Any]:
    base = {
        "duration": "1h",
        "initialState": "steady",
        "taskDefinitions": [task_definition(), task_definition()],
        "autoScalingGroups": [group(1, type="m5.8xlarge")],
        "timing": {"profile": "fixed"},
        "services": [service(count=4, deploymentConfiguration=percent(50, 100))],
        "timeline": [call("5m", "UpdateService", cluster="prod", service="web", taskDefinition="app:2")],
    }
    return scenario(**(base | more))


@pytest.mark.rule("DEPLOY-010")
@pytest.mark.parametrize("named", ["web", "prod/web", "id", "arn", "ecs-svc"])
def test_a_deployment_under_way_goes_back_though_rollback_is_not_configured(named: str) -> None:
    sim = Sim(on_ec2()).to(320)
    web = sim.service()
    rollout = web.history[1]
    assert [d.running for d in web.deployments] == [2, 2]
    arn = f"arn:aws:ecs:us-east-1:123456789012:service-deployment/prod/web/{rollout.id}"
    name = {"id": rollout.id, "arn": arn, "ecs-svc": rollout.deployment.id}.get(named, named)
    answer = sim.call("StopServiceDeployment", serviceDeploymentArn=name)
    assert answer == {"serviceDeploymentArn": arn}
    assert rollout.status is Status.ROLLBACK_IN_PROGRESS
    sim.to(500)
    assert rollout.status is Status.ROLLBACK_SUCCESSFUL
    assert [t.template.revision for t in sim.tasks()] == [1] * 4
    [old] = web.deployments
    assert old.rollout_state == COMPLETED
    result = sim.finish()
    # It was no failure detector that spoke.
    assert "SERVICE_DEPLOYMENT_FAILED" not in {n for _, n, _ in service_events(result)}
    [finding] = [f for f in result.summary()["findings"] if f["what"].startswith("deployment")]
    assert finding["what"] == "deployment.rolledBack"
    assert "(stopped by a call); rolled back to app:1" in finding["text"]


@pytest.mark.rule("DEPLOY-010")
def test_one_at_its_end_or_stopping_already_cannot_be_stopped() -> None:
    sim = Sim(on_ec2()).to(10)
    with pytest.raises(ClientError, match="ConflictException: The service deployment is SUCCESSFUL"):
        sim.call("StopServiceDeployment", serviceDeploymentArn="web")
    sim.to(320)
    sim.call("StopServiceDeployment", serviceDeploymentArn="web", stopType="ROLLBACK")
    with pytest.raises(ClientError, match="ConflictException: The service deployment is ROLLBACK_IN_PROGRESS"):
        sim.call("StopServiceDeployment", serviceDeploymentArn="web")
    with pytest.raises(ClientError, match="ServiceDeploymentNotFoundException"):
        sim.call("StopServiceDeployment", serviceDeploymentArn="nobody")


@pytest.mark.rule("DEPLOY-010", "DEPLOY-045")
def test_a_first_deployment_that_is_stopped_has_nothing_to_go_back_to() -> None:
    sim = Sim(on_ec2(initialState="empty", behaviour={"app": {"failsToStart": {"share": 1.0}}}, timeline=[])).to(30)
    web = sim.service()
    launched = web.launched
    sim.call("StopServiceDeployment", serviceDeploymentArn="web")
    sim.to(1000)
    assert web.launched == launched
    assert (web.deployments[0].rollout_state, web.history[0].status) == (FAILED, Status.STOPPED)


@pytest.mark.rule("DEPLOY-010", "DEPLOY-047")
def test_the_way_back_from_a_revision_that_fits_nowhere() -> None:
    big = task_definition(cpu="1400", memory="512")
    document = on_ec2(
        taskDefinitions=[task_definition(cpu="1000"), big],
        autoScalingGroups=[group(2, type="m5.large")],
    )
    sim = Sim(document).to(320)
    web = sim.service()
    # One old task left on each instance: no room for any of the new ones, which wait.
    assert [d.active for d in web.deployments] == [0, 2]
    assert web.group in web.cluster.waiting
    sim.call("StopServiceDeployment", serviceDeploymentArn="web")
    assert [d.active for d in web.deployments] == [4]


@pytest.mark.rule("DEPLOY-005", "SVC-032")
def test_a_task_that_a_failed_deployment_loses_has_no_successor() -> None:
    sim = Sim(on_ec2(services=[service(count=4)])).to(303)
    new = [t for t in sim.tasks() if t.template.revision == 2]
    ids = [sim.engine.task_id(t) for t in new]
    sim.call("UpdateTaskProtection", cluster="prod", tasks=ids, protectionEnabled=True)
    sim.call("StopServiceDeployment", serviceDeploymentArn="web")
    assert all(t.running for t in new)
    for task in sim.tasks():
        sim.engine.lifecycle.crash(task, 0)
    sim.settle()
    assert [t.template.revision for t in sim.tasks() if t.running] == [1] * 4


def test_what_abort_does_is_not_published() -> None:
    sim = Sim(on_ec2()).to(320)
    with pytest.raises(ClientError, match="UnsupportedFeatureException"):
        sim.call("StopServiceDeployment", serviceDeploymentArn="web", stopType="ABORT")
