"""What check says of deployment configurations: refused, named as not modelled, or fine."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecssim.errors import BadInput
from ecssim.scenario.load import load_scenario

WELL = Path(__file__).parent / "wrong" / "well.yaml"
CONFIG = "services.web.deploymentConfiguration"


def said(*sets: str) -> list[str]:
    """Problems of any severity, with their rules."""
    try:
        problems = load_scenario(WELL, sets=list(sets)).warnings
    except BadInput as error:
        problems = error.problems
    return [f"{p.message} [{p.rule}]" if p.rule else p.message for p in problems]


@pytest.mark.rule("DEPLOY-001")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param(f"{CONFIG}.strategy=ROLLING", None, id="rolling is what there is"),
        pytest.param("services.web.deploymentController={type: ECS}", None, id="by ECS"),
        pytest.param(f"{CONFIG}.strategy=BLUE_GREEN", "strategy is accepted but not modelled", id="blue/green"),
        pytest.param(f"{CONFIG}.strategy=LINEAR", "strategy is accepted but not modelled", id="linear"),
        pytest.param(f"{CONFIG}.strategy=CANARY", "strategy is accepted but not modelled", id="canary"),
        pytest.param(f"{CONFIG}.strategy=AT_ONCE", "strategy", id="no strategy at all"),
        pytest.param(
            "services.web.deploymentController={type: CODE_DEPLOY}",
            "type is accepted but not modelled",
            id="CodeDeploy",
        ),
        pytest.param(
            "services.web.deploymentController={type: EXTERNAL}",
            "type is accepted but not modelled",
            id="somebody else",
        ),
    ],
)
def test_every_way_but_the_rolling_one_is_named(settings: str, words: str | None) -> None:
    found = said(settings)
    if words is None:
        assert found == []
    else:
        assert any(words in line for line in found), found


BREAKER = "deploymentCircuitBreaker: {enable: true, rollback: true"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param("{" + BREAKER + "}}", [], id="a breaker with its defaults"),
        pytest.param("{" + BREAKER + ", thresholdConfiguration: {type: COUNT, value: 250}}}", [], id="a number"),
        pytest.param(
            "{" + BREAKER + ", thresholdConfiguration: {type: BOUNDED_PERCENT, value: 101}}}",
            ["value of BOUNDED_PERCENT is a percentage from 1 to 100, got 101 [DEPLOY-040]"],
            id="more than all",
            marks=pytest.mark.rule("DEPLOY-040"),
        ),
        pytest.param("{alarms: {alarmNames: [], enable: false, rollback: false}}", [], id="alarms that are off"),
        pytest.param(
            "{alarms: {alarmNames: [], enable: true, rollback: true}}",
            ["alarms are enabled and none is named [DEPLOY-050]"],
            id="alarms without a name",
            marks=pytest.mark.rule("DEPLOY-050"),
        ),
        pytest.param(
            "{bakeTimeInMinutes: 5}",
            [
                "a rolling deployment bakes only with alarms that roll back: bakeTimeInMinutes changes nothing "
                "[DEPLOY-051]"
            ],
            id="baking for nothing",
            marks=pytest.mark.rule("DEPLOY-051"),
        ),
        pytest.param(
            "{minimumHealthyPercent: 60, earlySuccessCriteria: {enable: true, healthyPercent: 50, "
            "sourceServiceRevisionCleanup: BLOCKING}}",
            ["healthyPercent is at least minimumHealthyPercent (60), got 50 [DEPLOY-018]"],
            id="success below the minimum",
            marks=pytest.mark.rule("DEPLOY-018"),
        ),
        pytest.param(
            "{earlySuccessCriteria: {enable: true}}",
            [
                "earlySuccessCriteria that are enabled need healthyPercent [DEPLOY-018]",
                "earlySuccessCriteria that are enabled need sourceServiceRevisionCleanup [DEPLOY-018]",
            ],
            id="early success without its share",
            marks=pytest.mark.rule("DEPLOY-018"),
        ),
    ],
)
def test_deployment_configurations(config: str, expected: list[str]) -> None:
    assert said(f"{CONFIG}={config}") == expected


@pytest.mark.rule("DEPLOY-050")
def test_an_alarm_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    alarm = (
        "alarms=[{alarmName: errors, namespace: AWS/ECS, metricName: CPUUtilization, statistic: Average, "
        "dimensions: [{name: ServiceName, value: web}, {name: ClusterName, value: prod}], evaluationPeriods: 1, "
        "threshold: 90, comparisonOperator: GreaterThanThreshold}]"
    )
    config = "{alarms: {alarmNames: [%s], enable: true, rollback: true}}"
    assert said(alarm, f"{CONFIG}={config % 'errors'}") == []
    [line] = said(alarm, f"{CONFIG}={config % 'error'}")
    assert "there is no alarm 'error'" in line
    assert "errors" in line
    update = "timeline.+={at: 1m, call: UpdateService, with: {service: web, deploymentConfiguration: %s}}"
    assert any("there is no alarm 'error'" in line for line in said(alarm, update % (config % "error")))
    later = "timeline.+={at: 1m, call: PutMetricAlarm, with: " + alarm.partition("=[")[2][:-1] + "}"
    assert said(later, f"{CONFIG}={config % 'errors'}") == []


@pytest.mark.rule("DEPLOY-010")
def test_a_deployment_to_stop_is_named_by_its_service() -> None:
    stop = "timeline.+={at: 1m, call: StopServiceDeployment, with: {serviceDeploymentArn: %s%s}}"
    assert said(stop % ("prod/web", "")) == []
    assert said(stop % ("web", ", stopType: ROLLBACK")) == []
    assert any("did you mean web" in line for line in said(stop % ("wbe", "")))
    assert said(stop % ("web", ", stopType: ABORT")) == [
        "stopType is accepted but not modelled yet: the run leaves it out"
    ]
