"""Alarms that fail a deployment, and the bake time that they bring (DEPLOY-050 to DEPLOY-052)."""

from __future__ import annotations

from typing import Any

import pytest
from builders import (
    STOP,
    WARM,
    Sim,
    call,
    group,
    percent,
    run_dict,
    scenario,
    service,
    service_events,
    task_definition,
)

from ecssim.aws.names import MonitorStatus
from ecssim.aws.names import ServiceDeploymentStatus as Status
from ecssim.world.states import COMPLETED, FAILED, IN_PROGRESS

BROKEN = {"app:2": {"failsToStart": {"share": 1.0}}}
#: A healthy update of 100 and 200 percent is through so long after it began.
THROUGH = WARM + 40 + STOP


def alarm(name: str, operator: str, threshold: int) -> dict[str, Any]:
    """One on the number of tasks that report; the fixed profile publishes a minute's point 75 s after it."""
    return {
        "alarmName": name,
        "namespace": "AWS/ECS",
        "metricName": "CPUUtilization",
        "dimensions": [{"name": "ClusterName", "value": "prod"}, {"name": "ServiceName", "value": "web"}],
        "statistic": "SampleCount",
        "evaluationPeriods": 1,
        "threshold": threshold,
        "comparisonOperator": operator,
    }


FEW = alarm("few", "LessThanThreshold", 4)
MANY = alarm("many", "GreaterThanThreshold", 9)


def alarms(*names: str, rollback: bool = True, **more: Any) -> dict[str, Any]:
    return {"alarms": {"alarmNames": list(names), "enable": True, "rollback": rollback}, **more}


def on_ec2(config: dict[str, Any], behaviour: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    base = {
        "duration": "1h",
        "initialState": "steady",
        "taskDefinitions": [task_definition(), task_definition()],
        "autoScalingGroups": [group(1, type="m5.8xlarge")],
        "timing": {"profile": "fixed"},
        "behaviour": behaviour or {},
        "alarms": [FEW, MANY],
        "services": [service(count=4, deploymentConfiguration=config)],
        "timeline": [call("610s", "UpdateService", cluster="prod", service="web", taskDefinition="app:2")],
    }
    return scenario(**(base | more))


def went_off(result: Any, name: str) -> float:
    rows = result.alarms[(result.alarms.alarm_name.astype(str) == name) & (result.alarms.new_state == "ALARM")]
    return float(rows.t.iloc[0])


@pytest.mark.rule("DEPLOY-050", "DEPLOY-052")
def test_an_alarm_that_goes_off_rolls_back_at_the_next_look() -> None:
    result = run_dict(on_ec2(alarms("few") | percent(50, 100), BROKEN))
    rows = result.deployments.sort_values("started_at")
    assert list(rows.rollout_state.astype(str)) == ["COMPLETED", "FAILED"]
    failed = rows.iloc[1]
    off = went_off(result, "few")
    # It looks every 30 s from its start at 610 s; alarms change at whole minutes.
    assert failed.finished_at == off + 10.0
    assert (failed.finished_at - 610.0) % 30.0 == 0
    assert failed.status == "ROLLBACK_SUCCESSFUL"
    events = [m for t, n, m in service_events(result) if n == "SERVICE_DEPLOYMENT_FAILED"]
    assert len(events) == 1
    assert "deployment failed: alarm detected. In ALARM: few." in events[0]
    told = result.service_events[result.service_events.event_name == "SERVICE_DEPLOYMENT_FAILED"].iloc[0]
    assert told.cause_id in set(result.alarms.event_id)
    live = result.tasks[result.tasks.stopped_at.isna()]
    assert list(live.revision) == [1] * 4


@pytest.mark.rule("DEPLOY-050")
def test_without_rollback_an_alarm_only_fails_it() -> None:
    sim = Sim(on_ec2(alarms("few", rollback=False) | percent(50, 100), BROKEN)).to(1500)
    failed = sim.service().deployments[0]
    assert (failed.rollout_state, failed.rollout.status, failed.rollout.rollback) == (FAILED, Status.STOPPED, None)
    assert failed.rollout.alarms.triggered == ("few",)
    assert [t.template.revision for t in sim.tasks()] == [1, 1]


@pytest.mark.rule("DEPLOY-050")
def test_an_alarm_that_is_on_at_the_start_silences_all_of_them_for_that_deployment() -> None:
    always = alarm("always", "GreaterThanThreshold", 0)
    document = on_ec2(alarms("few", "always") | percent(50, 100), BROKEN, alarms=[FEW, always])
    sim = Sim(document).to(3000)
    primary = sim.service().deployments[0]
    assert primary.rollout.alarms.status is MonitorStatus.DISABLED
    assert primary.rollout_state == IN_PROGRESS


@pytest.mark.rule("DEPLOY-050")
def test_alarms_that_it_does_not_name_are_none_of_its_business() -> None:
    sim = Sim(on_ec2(alarms("many") | percent(50, 100), BROKEN)).to(3000)
    assert sim.service().deployments[0].rollout_state == IN_PROGRESS


@pytest.mark.rule("DEPLOY-051", "DEPLOY-015")
@pytest.mark.parametrize(
    ("config", "bake"),
    [
        pytest.param(alarms("many"), 240.0, id="four minutes by default"),
        pytest.param(alarms("many", bakeTimeInMinutes=7), 420.0, id="as many as it says"),
        pytest.param(alarms("many", bakeTimeInMinutes=0), 0.0, id="none if it says so"),
        pytest.param(alarms("many", rollback=False), 0.0, id="none without rollback"),
        pytest.param({"bakeTimeInMinutes": 7}, 0.0, id="none without alarms"),
    ],
)
def test_a_deployment_with_alarms_bakes_before_it_is_complete(config: dict[str, Any], bake: float) -> None:
    second = run_dict(on_ec2(config)).deployments.sort_values("started_at").iloc[1]
    assert second.finished_at == pytest.approx(610 + THROUGH + bake, abs=1e-3)


@pytest.mark.rule("DEPLOY-051", "DEPLOY-045")
def test_an_alarm_in_the_bake_time_brings_the_old_revision_back_from_nothing() -> None:
    more = call("670s", "UpdateService", cluster="prod", service="web", desiredCount=12)
    document = on_ec2(alarms("many", bakeTimeInMinutes=10))
    document["timeline"].append(more)
    sim = Sim(document).to(700)
    web = sim.service()
    [new] = web.deployments
    assert (new.running, new.rollout_state) == (12, IN_PROGRESS)
    sim.to(1800)
    [old] = web.deployments
    assert (old.template.revision, old.rollout_state, old.running) == (1, COMPLETED, 12)
    assert web.history[1].status is Status.ROLLBACK_SUCCESSFUL
    assert web.history[1].alarms.triggered == ("many",)
    result = sim.finish()
    # Old tasks that are gone do not come back: the revision's new ones are tasks of its own deployment.
    first = result.deployments.sort_values("started_at").deployment_id.iloc[0]
    assert (result.tasks[result.tasks.created_at > 700].deployment_id == first).all()


@pytest.mark.rule("DEPLOY-052")
@pytest.mark.parametrize(
    ("breaker_rollback", "alarm_rollback", "threshold", "state"),
    [
        pytest.param(True, False, 3, "ROLLBACK_SUCCESSFUL", id="the breaker is first and rolls back"),
        pytest.param(False, True, 3, "STOPPED", id="the breaker is first and does not"),
        pytest.param(False, True, 100, "ROLLBACK_SUCCESSFUL", id="the alarm is first and rolls back"),
        pytest.param(True, False, 100, "STOPPED", id="the alarm is first and does not"),
    ],
)
def test_of_breaker_and_alarms_the_first_to_speak_decides(
    breaker_rollback: bool, alarm_rollback: bool, threshold: int, state: str
) -> None:
    breaker = {
        "enable": True,
        "rollback": breaker_rollback,
        "thresholdConfiguration": {"type": "COUNT", "value": threshold},
    }
    config = {"deploymentCircuitBreaker": breaker} | alarms("few", rollback=alarm_rollback) | percent(50, 100)
    result = run_dict(on_ec2(config, BROKEN))
    assert list(result.deployments.sort_values("started_at").status.astype(str)) == ["SUCCESSFUL", state]
    assert sum(n == "SERVICE_DEPLOYMENT_FAILED" for _, n, _ in service_events(result)) == 1


@pytest.mark.rule("DEPLOY-048")
def test_the_state_of_the_alarms() -> None:
    sim = Sim(on_ec2(alarms("many", bakeTimeInMinutes=1))).to(620)
    monitor = sim.service().history[1].alarms
    assert monitor.status is MonitorStatus.MONITORING
    sim.to(800)
    assert monitor.status is MonitorStatus.MONITORING_COMPLETE
    assert sim.engine.services.deployments.rollouts._watched == {"many": []}
