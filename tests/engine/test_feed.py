"""The feed: every recorded event, once, in order, and as the tables tell it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan
from typing import Any

import pytest
from small_scenarios import CASES

import ecssim
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping

Events = list[Mapping[str, Any]]


def simulation(case: str) -> Simulation:
    return Simulation(load_mapping(CASES[case]()), until=700.0)


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and isnan(value) else value


@pytest.mark.parametrize("case", CASES)
def test_a_feed_from_the_start_tells_what_the_tables_tell(case: str) -> None:
    run, events = simulation(case), list[Mapping[str, Any]]()
    run.subscribe(events.append)
    result = run.finish()
    assert [event["event_id"] for event in events] == list(range(1, result.manifest["events"] + 1))
    for kind in {event["kind"] for event in events}:
        told = [event for event in events if event["kind"] == kind]
        frame = result.frame(kind).astype(object)
        assert len(told) == len(frame)
        for event, row in zip(told, frame.to_dict("records"), strict=True):
            known = {name: _known(value) for name, value in row.items() if name != "time"}
            assert {name: event[name] for name in known} == known


def test_a_feed_made_later_begins_there() -> None:
    run = simulation("fleet")
    early: Events = []
    late: Events = []
    run.subscribe(early.append)
    run.advance("5m")
    before = len(early)
    run.subscribe(late.append)
    run.finish()
    assert late == [
        # A feed that was not there when a task was made does not know who made it.
        {**event, "origin": other["origin"]} if "origin" in event else event
        for event, other in zip(early[before:], late, strict=True)
    ]
    assert before > 100
    assert len(late) > 100


def test_events_come_at_the_end_of_their_minute() -> None:
    run = simulation("fleet")
    heard: list[tuple[float, float]] = []
    run.subscribe(lambda event: heard.append((event["t"], run.now)))
    run.finish()
    for t, now in heard:
        assert t <= now
        assert now - t <= 60.0


def test_a_call_is_told_before_it_returns() -> None:
    run = simulation("fargate")
    events: Events = []
    run.advance("30s")
    run.subscribe(events.append)
    run.call("UpdateService", cluster="prod", service="web", desiredCount=14)
    assert [event["action"] for event in events if event["kind"] == "calls"] == ["UpdateService"]
    started = [event for event in events if event["kind"] == "task_events"]
    assert [event["last_status"] for event in started] == ["PROVISIONING", "PROVISIONING"]
    assert {event["cause_id"] for event in started} <= {event["event_id"] for event in events}


def test_a_refused_call_is_told_too() -> None:
    run = simulation("fargate")
    events: Events = []
    run.advance("30s")
    run.subscribe(events.append)
    with pytest.raises(ecssim.ClientError):
        run.call("UpdateService", cluster="prod", service="nobody", desiredCount=14)
    run.advance("2m")
    assert [event["error"] for event in events if event["kind"] == "calls"][:2] == [None, "Service not found: nobody."]


def test_a_subscriber_may_make_calls() -> None:
    """It hears of what its call set in motion after what it was being told."""
    run = simulation("fleet")
    ids: list[int] = []

    def scale_once(event: Mapping[str, Any]) -> None:
        ids.append(event["event_id"])
        if event["kind"] == "service_events" and not scaled:
            scaled.append(event["event_id"])
            run.call("UpdateService", cluster="prod", service="bridge", desiredCount=1)

    scaled: list[int] = []
    run.subscribe(scale_once)
    result = run.finish()
    assert ids == list(range(1, result.manifest["events"] + 1))
    assert scaled
