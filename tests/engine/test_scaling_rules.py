"""Rules of scaling that are about what is *not* shared, not averaged and not counted."""

from __future__ import annotations

from typing import Any

import pytest
from builders import call, fargate, run_dict, scenario
from scaling_rig import APP, alarm, demand, moves, rig, states, target, tracking

from ecssim.decide.managed_scaling import Alarms, evaluate
from ecssim.scenario.load import load_mapping


@pytest.mark.rule("SCALE-010")
def test_the_numbers_of_services_are_not_those_of_capacity_providers() -> None:
    """A service: 3 of 3 above its target, 15 of 15 below 0.9 of it; a provider: 1 of 1, and 15 of 15 below its own."""
    sim = rig(demand((0, 190)))
    policy = sim.engine.scaling.targets["service/prod/web"].policies["cpu50"]
    high, low = policy.high, policy.low
    assert high is not None
    assert low is not None
    assert (high.settings.threshold, high.settings.periods, high.settings.datapoints) == (50.0, 3, 3)
    assert (low.settings.threshold, low.settings.periods, low.settings.datapoints) == (45.0, 15, 15)
    assert low.settings.threshold != 0.7 * 50.0  # what a policy of an EC2 Auto Scaling group would have
    assert evaluate(Alarms(), +1).high
    provider = Alarms()
    for point in range(1, 16):
        provider = evaluate(provider, -1)
        assert provider.low == (point == 15)


@pytest.mark.rule("SCALE-022")
def test_the_newest_point_of_the_window_counts_and_not_their_mean() -> None:
    rising = {10: 60.0, 11: 70.0, 12: 100.0}
    result = rig(lambda minute, running: rising.get(minute, 48.0 if minute < 10 else 100.0), duration="17m").finish()
    # The mean of 60, 70 and 100 would have asked for ceil(4 x 76.7 / 50) = 7.
    assert moves(result)[0] == (900.0, 4, 8)


@pytest.mark.rule("SCALE-048")
def test_protected_tasks_are_passed_over_and_the_count_stays_below_what_runs() -> None:
    """Three of four tasks are protected, for two hours by default, when the low alarm scales in to one."""
    protect = call("30s", "UpdateTaskProtection", cluster="prod", service="web", protectionEnabled=True, count=3)
    result = rig(lambda minute, running: 5.0, duration="4h", timeline=[protect]).finish()
    rows = result.service_metrics
    assert rows["desired_count"].iloc[30] == 1
    assert rows["running_count"].iloc[30] == 3
    assert rows["running_count"].iloc[119] == 3
    assert rows["running_count"].iloc[122] == 1
    for minutes, fits in ((0, False), (1, True), (2880, True), (2881, False)):
        sim = rig(lambda minute, running: 48.0, duration="5m").to(1)
        answer = sim.engine.calls.call(
            "UpdateTaskProtection",
            {
                "cluster": "prod",
                "tasks": [sim.engine.task_id(t) for t in sim.tasks()],
                "protectionEnabled": True,
                "expiresInMinutes": minutes,
            },
        )
        assert isinstance(answer, dict) == fits, minutes


@pytest.mark.rule("ALARM-017")
@pytest.mark.parametrize(
    "option",
    [
        {"evaluationWindow": {"type": "WallClockWindow"}},
        {"warmUpConfiguration": {"durationInSeconds": 600}},
        {"evaluationInterval": 60},
    ],
)
def test_newer_options_are_taken_change_nothing_and_are_named(option: dict[str, Any]) -> None:
    def run(**more: Any) -> Any:
        return rig(
            demand((0, 190), (10, 800)), scalingPolicies=[], alarms=[alarm("a", **more)], duration="20m"
        ).finish()

    assert states(run(**option), "a") == states(run(), "a") != []
    document = scenario(taskDefinitions=[APP], services=[fargate()], alarms=[alarm("a", **option)])
    warned = [str(w) for w in load_mapping(document).warnings]
    assert any(next(iter(option)) in text and "not modelled" in text for text in warned), warned


def test_two_policies_on_one_metric_at_two_resolutions_are_two_metrics() -> None:
    fine = {"metricConfigurations": [{"metricNames": ["CPUUtilization"], "resolutionSeconds": 20}]}
    second = tracking("fine")
    second["targetTrackingScalingPolicyConfiguration"]["predefinedMetricSpecification"] = {
        "predefinedMetricType": "ECSServiceAverageCPUUtilizationHighResolution"
    }
    document = scenario(
        duration="10m",
        initialState="steady",
        taskDefinitions=[APP],
        behaviour={"app": {"idle": {"cpu": 120}}},
        services=[fargate(count=4, monitoring=fine)],
        scalableTargets=[target()],
        scalingPolicies=[tracking(), second],
    )
    load_mapping(document)
    assert moves(run_dict(document)) == []
