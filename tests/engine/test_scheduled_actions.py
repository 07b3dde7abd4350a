"""Scheduled actions: when they fire, what they write, what follows."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Document, call
from scaling_rig import RESOURCE, moves, outcomes, rig, target

CALM = 47.0


def action(
    schedule: str, name: str = "morning", low: int | None = None, high: int | None = None, **more: Any
) -> Document:
    bounds = {k: v for k, v in (("minCapacity", low), ("maxCapacity", high)) if v is not None}
    base = {"resourceId": RESOURCE, "scheduledActionName": name, "schedule": schedule}
    return base | {"scalableTargetAction": bounds} | more


def planned(*actions: Document, **parts: Any) -> Any:
    """Monday 2026-03-02, 07:30 UTC, two hours, four tasks between 1 and 20."""
    base: Document = {"start": "2026-03-02T07:30:00Z", "scheduledActions": list(actions)}
    return rig(lambda minute, running: CALM, **(base | parts))


@pytest.mark.rule("SCALE-060", "SCALE-062", "SCALE-064")
@pytest.mark.parametrize(
    ("what", "expected"),
    [
        pytest.param(action("at(2026-03-02T08:00:00)", low=6), [(1803.0, 4, 6)], id="once, in UTC"),
        pytest.param(
            action("at(2026-03-02T09:00:00)", low=6, timezone="Europe/Berlin"),
            [(1803.0, 4, 6)],
            id="once, in its time zone",
        ),
        pytest.param(action("at(2026-03-01T08:00:00)", low=6), [], id="a time that has passed is lost"),
        pytest.param(action("cron(15 8 ? * MON-FRI *)", high=2), [(2703.0, 4, 2)], id="a maximum below the count"),
        pytest.param(action("cron(15 8 ? * SAT,SUN *)", high=2), [], id="not on a Monday"),
        pytest.param(action("rate(1 hour)", low=6), [(3603.0, 4, 6)], id="an hour after it was put"),
        pytest.param(action("cron(0 8 * * ? *)", low=3, high=9), [], id="bounds around the count move nothing"),
    ],
)
def test_at_its_time_the_action_moves_the_count_into_its_bounds(
    what: Document, expected: list[tuple[float, int, int]]
) -> None:
    assert moves(planned(what).finish()) == expected


@pytest.mark.rule("SCALE-062", "SCALE-063")
def test_an_action_writes_what_it_has_and_nothing_reverts() -> None:
    sim = planned(action("at(2026-03-02T08:00:00)", low=6))
    sim.finish()
    bounds = sim.engine.scaling.targets[RESOURCE]
    assert (bounds.minimum, bounds.maximum) == (6, 20)


@pytest.mark.rule("SCALE-064")
def test_actions_of_one_moment_follow_each_other() -> None:
    result = planned(
        action("at(2026-03-02T08:00:00)", "first", low=6),
        action("at(2026-03-02T08:00:00)", "second", low=8),
    ).finish()
    assert moves(result) == [(1803.0, 4, 6), (1806.0, 6, 8)]


@pytest.mark.rule("SCALE-063")
def test_with_a_start_time_it_also_runs_then_and_not_after_its_end_time() -> None:
    sim = planned(action("rate(20 minutes)", low=6, startTime="2026-03-02T07:50:00Z", endTime="2026-03-02T08:15:00Z"))
    fired = [
        t
        for t, what in zip(*(sim.finish().calls[c] for c in ("t", "action")), strict=True)
        if what == "scheduledAction:morning"
    ]
    assert fired == [1203.0, 2403.0]


@pytest.mark.rule("SCALE-043")
def test_actions_ignore_cooldowns() -> None:
    result = rig(
        lambda minute, running: CALM if minute < 10 else 100.0,
        scheduledActions=[action("at(2026-01-01T00:17:00)", low=12)],
        duration="18m",
    ).finish()
    assert moves(result) == [(900.0, 4, 8), (1023.0, 8, 12)]


@pytest.mark.rule("SCALE-045")
def test_suspended_actions_are_lost() -> None:
    state = {"scheduledScalingSuspended": True}
    resume = [call("40m", "RegisterScalableTarget", **target(suspendedState={"scheduledScalingSuspended": False}))]
    result = planned(
        action("cron(0/50 8 * * ? *)", low=6),
        scalableTargets=[target(suspendedState=state)],
        timeline=resume,
    ).finish()
    assert moves(result) == [(4803.0, 4, 6)]


@pytest.mark.rule("SCALE-062")
def test_bounds_that_would_cross_are_refused() -> None:
    result = planned(action("at(2026-03-02T08:00:00)", low=30)).finish()
    assert moves(result) == []
    assert outcomes(result) == [(1803.0, "Failed", "Minimum capacity 30 is more than maximum capacity 20.")]


def test_an_action_that_is_put_again_forgets_its_old_time() -> None:
    again = [call("5m", "PutScheduledAction", **action("at(2026-03-02T09:00:00)", low=6))]
    assert moves(planned(action("at(2026-03-02T08:00:00)", low=5), timeline=again).finish()) == [(5403.0, 4, 6)]


def test_a_target_that_is_gone_takes_its_actions_along() -> None:
    gone = [call("5m", "DeregisterScalableTarget", resourceId=RESOURCE)]
    sim = planned(action("at(2026-03-02T08:00:00)", low=6), timeline=gone)
    assert moves(sim.finish()) == []
    assert not sim.engine.scaling.alarms.by_name


def test_causes_lead_back_to_the_action() -> None:
    result = planned(action("at(2026-03-02T08:00:00)", low=6)).finish()
    moved = result.scaling_activities.iloc[0]
    cause = result.calls[result.calls["event_id"] == moved["cause_id"]].iloc[0]
    assert (cause["action"], cause["target"]) == ("scheduledAction:morning", RESOURCE)
    assert moved["policy"] == "morning"
