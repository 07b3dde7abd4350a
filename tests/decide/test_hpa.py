"""The Kubernetes autoscaler's formula, stabilisation and paces, as plain functions."""

from __future__ import annotations

import pytest

from ecssim.decide.hpa import (
    LOOP,
    SCALE_DOWN,
    SCALE_UP,
    Direction,
    Event,
    Pace,
    Reading,
    paced,
    recommend,
    stabilised,
)


@pytest.mark.rule("K8S-010")
@pytest.mark.parametrize(
    ("replicas", "readings", "expected"),
    [
        (1, [(200.0, 100.0)], 2),
        (4, [(200.0, 100.0)], 8),
        (4, [(50.0, 100.0)], 2),
        (3, [(70.0, 50.0)], 5),
        (10, [(109.0, 100.0)], 10),
        (10, [(110.0, 100.0)], 10),
        (10, [(111.0, 100.0)], 12),
        (10, [(90.0, 100.0)], 10),
        (10, [(89.0, 100.0)], 9),
        (4, [(50.0, 100.0), (150.0, 100.0)], 6),
        (4, [(50.0, 100.0), (None, 100.0)], 4),
        (4, [(150.0, 100.0), (None, 100.0)], 6),
        (4, [(None, 100.0), (150.0, 100.0)], 6),
        (4, [(None, 100.0)], 4),
    ],
)
def test_the_formula(replicas: int, readings: list[tuple[float | None, float]], expected: int) -> None:
    assert recommend(replicas, [Reading(*r) for r in readings]) == expected


@pytest.mark.rule("K8S-012")
def test_no_replicas_switch_it_off() -> None:
    assert recommend(0, [Reading(500.0, 100.0)]) == 0


@pytest.mark.rule("K8S-012")
def test_down_counts_the_highest_recommendation_of_five_minutes_and_up_the_newest() -> None:
    history = [Event(0.0, 9), Event(15.0, 4), Event(30.0, 2)]
    assert stabilised(history, 10, 300.0, SCALE_UP, SCALE_DOWN) == 9
    assert stabilised(history, 10, 299.0, SCALE_UP, SCALE_DOWN) == 9
    assert stabilised(history, 10, 301.0, SCALE_UP, SCALE_DOWN) == 4
    assert stabilised([*history, Event(320.0, 12)], 10, 320.0, SCALE_UP, SCALE_DOWN) == 12
    slow_up = SCALE_UP._replace(window=60.0)
    assert stabilised([Event(0.0, 11), Event(45.0, 20)], 10, 45.0, slow_up, SCALE_DOWN) == 11
    assert stabilised([Event(0.0, 11), Event(60.0, 20)], 10, 60.0, slow_up, SCALE_DOWN) == 11
    assert stabilised([Event(0.0, 11), Event(61.0, 20)], 10, 61.0, slow_up, SCALE_DOWN) == 20


@pytest.mark.rule("K8S-012")
@pytest.mark.parametrize(
    ("wanted", "replicas", "events", "expected"),
    [
        (50, 10, [], 20),  # twice
        (50, 2, [], 6),  # or four more, whichever is larger
        (50, 20, [Event(90.0, 10)], 20),  # of ten, fifteen seconds have doubled them already
        (50, 20, [Event(80.0, 10)], 40),
        (50, 20, [Event(85.0, 10)], 40),  # a change of just 15 seconds ago is over
        (1000, 200, [], 400),
        (0, 10, [], 0),
        (7, 10, [], 7),
        (10, 10, [], 10),
    ],
)
def test_the_default_paces(wanted: int, replicas: int, events: list[Event], expected: int) -> None:
    assert paced(wanted, replicas, events, 100.0, SCALE_UP, SCALE_DOWN) == expected


@pytest.mark.rule("K8S-012")
def test_paces_of_ones_own() -> None:
    slow = Direction(0.0, (Pace("Pods", 1, 60.0), Pace("Percent", 15, 60.0)))
    assert paced(0, 10, [], 100.0, SCALE_UP, slow) == 8  # 15 % of ten, rounded up
    assert paced(0, 10, [], 100.0, SCALE_UP, slow._replace(select="Min")) == 9
    assert paced(0, 9, [Event(90.0, -1)], 100.0, SCALE_UP, slow._replace(select="Min")) == 9
    assert paced(0, 10, [], 100.0, SCALE_UP, slow._replace(select="Disabled")) == 10
    assert paced(50, 10, [], 100.0, Direction(0.0, (Pace("Percent", 15, 60.0),)), slow) == 12
    assert paced(50, 10, [], 100.0, SCALE_UP._replace(select="Min"), slow) == 14  # four more, and not twice


@pytest.mark.rule("K8S-012")
def test_the_defaults_of_autoscaling_v2() -> None:
    assert LOOP == 15
    assert SCALE_UP == (0.0, (("Percent", 100, 15.0), ("Pods", 4, 15.0)), "Max")
    assert SCALE_DOWN == (300.0, (("Percent", 100, 15.0),), "Max")


@pytest.mark.rule("K8S-012")
def test_a_pace_never_turns_back_what_somebody_else_has_moved() -> None:
    one = Direction(0.0, (Pace("Pods", 1, 60.0),))
    # Five were added within the minute, and then somebody set 12: a pace of one ends below that.
    assert paced(20, 12, [Event(70.0, 5)], 100.0, one, one) == 12
    # Five went within the minute, and then somebody set 8: a pace of one ends above that.
    assert paced(2, 8, [Event(70.0, -5)], 100.0, one, one) == 8
    assert paced(8, 8, [Event(70.0, -5)], 100.0, one, one) == 8
