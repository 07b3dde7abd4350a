"""Metrics every 20 seconds: who publishes them and since when, their alarms, and how much sooner a service grows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import Document, Sim, call, fargate, run_dict, scenario, task_definition
from scaling_rig import alarm, moves, outcomes, states, target, tracking

from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping

APP = task_definition(
    networkMode="awsvpc",
    requiresCompatibilities=["FARGATE"],
    cpu="1024",
    memory="2048",
    container={"portMappings": [{"containerPort": 80}]},
)
FINE = {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]}
LAW = {"request": {"cpuSeconds": 0.1, "latency": "50ms", "memory": "1MB"}, "idle": {"cpu": 20, "memory": "256MiB"}}


def policy(fine: bool = True, **more: Any) -> Document:
    document = tracking(**more)
    kind = f"ECSServiceAverageCPUUtilization{'HighResolution' if fine else ''}"
    configuration = document["targetTrackingScalingPolicyConfiguration"]
    configuration["predefinedMetricSpecification"] = {"predefinedMetricType": kind}
    return document


def busy(*rates: tuple[str, float], fine: bool = True, count: int = 4, **parts: Any) -> Document:
    """A steady service of one-vCPU tasks that serve requests of 0.1 CPU seconds, under a target of 50 % CPU."""
    steps = [{"at": at, "rate": rate} for at, rate in rates]
    defaults: Document = {
        "duration": "30m",
        "initialState": "steady",
        "taskDefinitions": [APP],
        "behaviour": {"app": LAW},
        "services": [fargate(count=count, **({"monitoring": FINE} if fine else {}))],
        "traffic": [{"name": "t", "to": {"service": "prod/web"}, "pattern": "steps", "steps": steps}],
        "scalableTargets": [target(2)],
        "scalingPolicies": [policy(fine)],
    }
    return scenario(**(defaults | parts))


JUMP = (("0s", 18.0), ("5m", 36.0))


@pytest.mark.rule("SCALE-012", "SCALE-015", "ALARM-005")
def test_the_high_alarm_fires_after_three_periods_of_20_s_and_their_delay() -> None:
    fine = run_dict(busy(*JUMP))
    coarse = run_dict(busy(*JUMP, fine=False))
    # Published 15 s after each period, judged every 20 s: at the next one.
    assert states(fine, "AlarmHigh")[0] == (300.0 + 3 * 20 + 20, "OK", "ALARM")
    assert moves(fine)[0][0] == 380.0
    assert moves(coarse)[0][0] == 300.0 + 3 * 60 + 120


@pytest.mark.rule("SCALE-012")
def test_the_low_alarm_waits_a_quarter_of_an_hour_as_well() -> None:
    result = run_dict(busy(("0s", 18.0), ("5m", 4.0)))
    assert states(result, "AlarmLow") == [(300.0 + 45 * 20 + 20, "OK", "ALARM")]
    assert moves(result)[0][:2] == (1220.0, 4)


@pytest.mark.rule("SCALE-012")
def test_in_its_breach_the_policy_is_asked_every_20_s() -> None:
    """The activity ends and the cooldown begins at a step, not at a minute."""
    result = run_dict(busy(("0s", 18.0), ("5m", 60.0), scalingPolicies=[policy(scaleOutCooldown=0)]))
    times = [t for t, status, _ in outcomes(result) if status == "InProgress"]
    assert times[0] == 380.0
    assert any(t % 60 for t in times[1:])
    assert all(t % 20 == 0 for t in times)


@pytest.mark.rule("SCALE-011")
def test_fine_metrics_are_those_of_the_minute_cut_in_three() -> None:
    sim = Sim(busy(("0s", 18.0), ("6m", 30.0)))
    fine = sim.engine.scaling.fine_alarms
    sim.to(601.0)
    latest = sim.engine.metrics.latest["cpu_utilization"][0]
    step = fine.minute
    thirds = [fine.history.value("cpu_utilization", step - age, 0) for age in range(3)]
    assert np.mean(thirds) == pytest.approx(latest, rel=1e-6)
    before = [fine.history.value("cpu_utilization", s, 0) for s in (16, 17, 18, 19)]
    assert before[0] == pytest.approx(before[1], rel=0.02)
    assert before[2] > 1.5 * before[1]


@pytest.mark.rule("SCALE-011")
def test_more_looks_change_nothing_about_the_requests() -> None:
    fine, coarse = (run_dict(busy(*JUMP, fine=f, scalingPolicies=[])).service_metrics for f in (True, False))
    for column in ("offered_count", "served_count"):
        assert fine[column].sum() == coarse[column].sum()
    np.testing.assert_allclose(fine["cpu_utilization"], coarse["cpu_utilization"], rtol=1e-3)


@pytest.mark.rule("SCALE-011")
def test_they_are_there_once_the_deployment_that_brings_them_is_complete() -> None:
    change = call("5m", "UpdateService", cluster="prod", service="web", monitoring=FINE)
    watched = alarm("fine", period=20, threshold=1.0, treatMissingData="missing")
    document = busy(("0s", 18.0), fine=False, scalingPolicies=[], alarms=[watched], timeline=[change])
    sim = Sim(document)
    sim.to(290.0)
    assert len(sim.service().deployments) == 1
    sim.to(301.0)
    assert len(sim.service().deployments) == 2  # the change of monitoring alone is a deployment
    result = sim.finish()
    done = result.deployments.sort_values("started_at")["finished_at"].iloc[-1]
    (t, old, new) = states(result, "fine")[-1]
    assert (old, new) == ("INSUFFICIENT_DATA", "ALARM")
    assert done < t <= done + 60.0


@pytest.mark.rule("SCALE-011")
def test_they_stop_when_the_service_is_set_back() -> None:
    coarse = {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 60}]}
    change = call("5m", "UpdateService", cluster="prod", service="web", monitoring=coarse)
    watched = alarm("fine", period=20, threshold=1.0)
    result = run_dict(busy(("0s", 18.0), scalingPolicies=[], alarms=[watched], timeline=[change]))
    (t, _, new) = states(result, "fine")[-1]
    assert new == "INSUFFICIENT_DATA"
    assert 300.0 < t <= 400.0


@pytest.mark.rule("SCALE-011")
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"deploymentController": {"type": "CODE_DEPLOY"}}, "not with deployment controller CODE_DEPLOY"),
        ({"deploymentController": {"type": "EXTERNAL"}}, "not with deployment controller EXTERNAL"),
        ({"loadBalancers": [{"loadBalancerName": "old", "containerName": "web", "containerPort": 80}]}, "Classic"),
    ],
)
def test_fine_metrics_are_refused_where_ecs_refuses_them(more: Document, said: str) -> None:
    document = busy(("0s", 18.0), services=[fargate(count=4, monitoring=FINE, **more)])
    problems = check_document(document)
    assert any(said in problem and "SCALE-011" in problem for problem in problems)
    assert not any("SCALE-011" in problem for problem in check_document(busy(("0s", 18.0))))


@pytest.mark.rule("SCALE-011")
def test_a_policy_on_fine_metrics_needs_a_service_that_publishes_them() -> None:
    problems = check_document(busy(("0s", 18.0), services=[fargate(count=4)]))
    assert any("needs monitoring.metricConfigurations with CPUUtilization every 20 seconds" in p for p in problems)


def check_document(document: Document) -> list[str]:
    try:
        load_mapping(document)
    except BadInput as bad:
        return [str(p) for p in bad.problems]
    return []
