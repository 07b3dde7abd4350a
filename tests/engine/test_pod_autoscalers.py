"""A service under the Kubernetes autoscaler, as a what-if."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Document, fargate, run_dict, scenario, task_definition
from scaling_rig import moves, target

from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping

APP = task_definition(
    networkMode="awsvpc",
    requiresCompatibilities=["FARGATE"],
    cpu="1024",
    memory="2048",
    container={"portMappings": [{"containerPort": 80}]},
)


def hpa(minimum: int = 1, maximum: int = 20, **more: Any) -> Document:
    resource = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
    return {
        "name": "web-hpa",
        "scaleTargetRef": {"kind": "Deployment", "name": "prod/web"},
        "minReplicas": minimum,
        "maxReplicas": maximum,
        "metrics": [{"type": "Resource", "resource": resource}],
    } | more


def what_if(*rates: tuple[str, float], count: int = 4, **parts: Any) -> Document:
    steps = [{"at": at, "rate": rate} for at, rate in rates]
    defaults: Document = {
        "duration": "20m",
        "initialState": "steady",
        "allow": ["kubernetesAutoscaler"],
        "taskDefinitions": [APP],
        "behaviour": {"app": {"request": {"cpuSeconds": 0.1, "latency": "50ms"}}},
        "services": [fargate(count=count)],
        "traffic": [{"name": "t", "to": {"service": "prod/web"}, "pattern": "steps", "steps": steps}],
        "horizontalPodAutoscalers": [hpa()],
    }
    return scenario(**(defaults | parts))


@pytest.mark.rule("K8S-010")
def test_it_looks_every_15_seconds_and_moves_by_the_formula() -> None:
    result = run_dict(what_if(("0s", 20.0), ("5m", 36.0)))
    # 36 requests a second are 90 % of four tasks: ceil(4 x 90 / 50) at the first look that sees them.
    assert moves(result)[0] == (315.0, 4, 8)
    rows = result.scaling_activities
    assert rows["policy"].astype(str).unique().tolist() == ["web-hpa"]
    assert result.calls["caller"].astype(str).tolist()[0] == "hpa"


@pytest.mark.rule("K8S-010")
def test_within_the_tolerance_nothing_happens() -> None:
    assert moves(run_dict(what_if(("0s", 20.0), ("5m", 21.8)))) == []


@pytest.mark.rule("K8S-012")
def test_down_it_waits_five_minutes_and_up_it_does_not() -> None:
    result = run_dict(what_if(("0s", 20.0), ("5m", 4.0)))
    t, before, after = moves(result)[0]
    assert (before, after) == (4, 1)
    assert 300.0 + 300.0 <= t <= 300.0 + 330.0


@pytest.mark.rule("K8S-010")
def test_replicas_stay_within_their_bounds() -> None:
    result = run_dict(what_if(("0s", 20.0), ("5m", 200.0), horizontalPodAutoscalers=[hpa(3, 6)]))
    assert result.service_metrics["desired_count"].max() == 6
    calm = run_dict(what_if(("0s", 20.0), ("5m", 1.0), horizontalPodAutoscalers=[hpa(3, 6)]))
    assert calm.service_metrics["desired_count"].iloc[-1] == 3


def test_it_is_a_what_if_for_services_that_nothing_else_scales() -> None:
    document = what_if(("0s", 20.0), allow=[], scalableTargets=[target()])
    document["horizontalPodAutoscalers"] += [
        hpa(5, 4, name="b", scaleTargetRef={"name": "prod/wbe"}),
    ]
    with pytest.raises(BadInput) as bad:
        load_mapping(document)
    said = "\n".join(p.message for p in bad.value.problems)
    for words in ("allow: [kubernetesAutoscaler]", "something else scales", "did you mean prod/web", "minReplicas 5"):
        assert words in said, words
