"""Service deployments and revisions in the shapes of the API, in every state."""

from __future__ import annotations

from typing import Any

import pytest
from builders import WARM, Sim, call, group, percent, scenario, service, task_definition

from ecssim.engine.describe_deployments import service_deployments, service_revision_document
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def stuck() -> dict[str, Any]:
    return scenario(
        duration="1h",
        initialState="steady",
        taskDefinitions=[task_definition(), task_definition()],
        autoScalingGroups=[group(1, type="m5.8xlarge")],
        behaviour={"app:2": {"failsToStart": {"share": 1.0}}},
        services=[service(count=4, deploymentConfiguration=BREAKER | percent(50, 100))],
        timeline=[call("5m", "UpdateService", service="web", taskDefinition="app:2")],
    )


@pytest.mark.rule("DEPLOY-006", "DEPLOY-009", "DEPLOY-048")
def test_documents_have_the_shapes_of_the_api_all_the_way_through_a_rollback() -> None:
    session = pytest.importorskip("botocore.session").get_session()
    validate = pytest.importorskip("botocore.validate").ParamValidator()
    model = session.get_service_model("ecs")
    sim = Sim(stuck())
    states = []
    for t in (1.0, 300.0, 300 + WARM + 0.01, 301 + 2 * WARM, 303 + 2 * WARM, 500.0):
        sim.to(t)
        web = sim.service()
        documents = service_deployments(sim.engine, web)
        states.append(documents[0]["status"])
        for document in documents:
            assert validate.validate(document, model.shape_for("ServiceDeployment")).generate_report() == ""
        for rollout in web.history:
            revision = service_revision_document(sim.engine, web, rollout.target)
            assert validate.validate(revision, model.shape_for("ServiceRevision")).generate_report() == ""
    assert states[0] == "SUCCESSFUL"
    assert states[1] == "IN_PROGRESS"
    assert "ROLLBACK_IN_PROGRESS" in states
    assert states[-1] == "ROLLBACK_SUCCESSFUL"


@pytest.mark.rule("DEPLOY-009", "DEPLOY-048")
def test_what_a_rolled_back_deployment_shows() -> None:
    sim = Sim(stuck()).to(500)
    newest, first = service_deployments(sim.engine, sim.service())
    assert newest["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert newest["alarms"] == {"status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": []}
    assert newest["rollback"]["serviceRevisionArn"] == first["targetServiceRevision"]["arn"]
    assert newest["rollback"]["startedAt"] < newest["finishedAt"] == newest["updatedAt"]
    assert [s["arn"] for s in newest["sourceServiceRevisions"]] == [first["targetServiceRevision"]["arn"]]
    assert first["targetServiceRevision"]["requestedTaskCount"] == 4
    assert first["targetServiceRevision"]["runningTaskCount"] == 4
    assert newest["targetServiceRevision"]["runningTaskCount"] == 0
    broken = service_revision_document(sim.engine, sim.service(), sim.service().history[1].target)
    assert broken["taskDefinition"].endswith("task-definition/app:2")


@pytest.mark.rule("DEPLOY-010")
def test_the_arn_that_describe_shows_is_the_one_that_stops_the_deployment() -> None:
    document = scenario(
        duration="1h",
        taskDefinitions=[task_definition(), task_definition()],
        autoScalingGroups=[group(1)],
        services=[service(count=2)],
        timeline=[call("5m", "UpdateService", cluster="prod", service="web", taskDefinition="app:2")],
    )
    run = Simulation(load_mapping(document))
    run.advance(until=301.0)
    known = run.describe("service-deployments")
    (shown,) = (one["serviceDeploymentArn"] for one in known if one["status"] == "IN_PROGRESS")
    assert run.call("StopServiceDeployment", serviceDeploymentArn=shown) == {"serviceDeploymentArn": shown}
