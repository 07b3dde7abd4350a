"""EventBridge schedules that scale before the traffic arrives, and what policies make of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import Document
from scaling_rig import demand, rig, tracking

from ecssim.errors import BadInput
from ecssim.scenario.load import load_mapping

SDK = "arn:aws:scheduler:::aws-sdk:"


def schedule(
    input_: Any, expression: str = "cron(55 8 * * ? *)", call: str = "ecs:updateService", **more: Any
) -> Document:
    target_ = {"arn": SDK + call, "roleArn": "arn:aws:iam::123456789012:role/r", "input": input_}
    return {"name": "ahead", "scheduleExpression": expression, "target": target_} | more


TASKS = {"Cluster": "prod", "Service": "web", "DesiredCount": 12}
BOUNDS = {
    "ServiceNamespace": "ecs",
    "ScalableDimension": "ecs:service:DesiredCount",
    "ResourceId": "service/prod/web",
    "MinCapacity": 12,
    "MaxCapacity": 20,
}


def morning(*schedules: Document, cpu: Any = None, **parts: Any) -> Any:
    metric = cpu or (lambda minute, running: 47.0)
    defaults: Document = {"start": "2026-03-02T08:00:00Z", "duration": "3h", "schedules": list(schedules)}
    return rig(metric, **(defaults | parts)).finish()


def desired(result: Any, minute: int) -> int:
    return int(result.service_metrics["desired_count"].iloc[minute])


@pytest.mark.rule("SCALE-066")
@pytest.mark.parametrize("input_", [TASKS, json.dumps(TASKS)], ids=["written out", "as JSON text"])
def test_a_schedule_updates_a_service_at_its_time(input_: Any) -> None:
    result = morning(schedule(input_))
    calls = result.calls[result.calls["caller"].astype(str) == "scheduler"]
    assert calls["t"].tolist() == [55 * 60.0]
    assert calls["action"].astype(str).tolist() == ["UpdateService"]
    assert (desired(result, 53), desired(result, 54)) == (4, 12)


@pytest.mark.rule("SCALE-066")
def test_a_count_is_undone_by_the_next_policy_activity_and_a_bound_is_not() -> None:
    quiet = demand((0, 4 * 47), (40, 30))  # from 8:40 the low alarm's quarter of an hour runs
    by_count = morning(schedule(TASKS), cpu=quiet, scalingPolicies=[tracking(scaleInCooldown=0)])
    by_bound = morning(
        schedule(BOUNDS, call="applicationautoscaling:registerScalableTarget"),
        cpu=quiet,
        scalingPolicies=[tracking(scaleInCooldown=0)],
    )
    assert desired(by_count, 56) == 12
    assert desired(by_count, 120) == 1
    assert desired(by_bound, 56) == 12
    assert desired(by_bound, 120) == 12


@pytest.mark.rule("SCALE-066")
def test_the_next_policy_activity_is_what_undoes_a_count() -> None:
    """As long as no alarm asks for anything, the count that the schedule set stays (SCALE-034)."""
    assert desired(morning(schedule(TASKS), cpu=lambda minute, running: 47.0), 170) == 12


@pytest.mark.rule("SCALE-066")
def test_a_flexible_window_moves_each_call_by_a_draw_of_its_own() -> None:
    window = {"mode": "FLEXIBLE", "maximumWindowInMinutes": 10}
    flexible = schedule(TASKS, "rate(20 minutes)", flexibleTimeWindow=window)
    times = []
    for extra in ([], [schedule(TASKS, "rate(7 minutes)") | {"name": "other"}]):
        calls = morning(flexible, *extra).calls
        mine = calls[(calls["caller"].astype(str) == "scheduler") & (calls["t"] % 60 != 0)]["t"].tolist()
        times.append([t for t in mine if (t % 1200) <= 600])
    assert len(times[0]) == 8
    assert all(n * 1200 <= t <= n * 1200 + 600 for n, t in enumerate(times[0], 1))
    assert len({round(t % 1200, 3) for t in times[0]}) == 8
    assert times[0] == times[1]


def test_a_disabled_schedule_and_the_times_outside_of_its_dates_do_nothing() -> None:
    off = schedule(TASKS, state="DISABLED")
    late = schedule(TASKS, "rate(20 minutes)", endDate="2026-03-02T08:30:00Z") | {"name": "late"}
    begins = schedule(TASKS, "cron(0 * * * ? *)", startDate="2026-03-02T09:30:00Z") | {"name": "begins"}
    calls = morning(off, late, begins).calls
    # EventBridge's cron does not fire at its start date, unless it would anyhow.
    assert calls[calls["caller"].astype(str) == "scheduler"]["t"].tolist() == [1200.0, 7200.0]


def test_the_call_is_checked_as_any_other() -> None:
    document = json.loads(
        json.dumps(
            {
                "ecssim": 1,
                "name": "x",
                "duration": "1h",
                "clusters": [{"clusterName": "prod"}],
                "schedules": [
                    schedule(TASKS | {"DesiredCount": -1}),
                    schedule(TASKS, call="ecs:makeService") | {"name": "b"},
                    schedule(TASKS | {"Service": "wbe"}) | {"name": "c"},
                    schedule(TASKS) | {"name": "d", "target": {"arn": "arn:aws:lambda:f", "input": {}}},
                    schedule(TASKS, flexibleTimeWindow={"mode": "FLEXIBLE"}) | {"name": "e"},
                    schedule("[1]") | {"name": "f"},
                    schedule(TASKS, "cron(0 8 * * *)") | {"name": "g"},
                    schedule(BOUNDS | {"MinCapacity": 21}, call="applicationautoscaling:registerScalableTarget")
                    | {"name": "h"},
                ],
            }
        )
    )
    with pytest.raises(BadInput) as bad:
        load_mapping(document)
    said = "\n".join(p.message for p in bad.value.problems)
    for words in (
        "desiredCount",
        "there is no call MakeService",
        "there is no service",
        "only API calls are modelled as targets (notModelled)",
        "maximumWindowInMinutes, 1 to 1440",
        "input is a JSON object",
        "expected six fields",
        "minCapacity 21 is more than maxCapacity 20",
    ):
        assert words in said, words
