"""When a target's health changes, solved: against a checker that really polls."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.target_health import Change, Check, changes
from ecssim.world.states import TARGET_HEALTHY, TARGET_INITIAL, TARGET_UNHEALTHY

HORIZON = 400


def polled(check: Check, up: tuple[tuple[float, float], ...]) -> tuple[Change, ...]:
    """Look at every check one after the other, as LB-005 and LB-007 say; up to HORIZON checks."""
    state, good, bad, out = TARGET_INITIAL, 0, 0, []
    for n in range(HORIZON):
        t = check.first + n * check.interval
        if any(begin <= t < end for begin, end in up):
            good, bad = good + 1, 0
        else:
            good, bad = 0, bad + 1
        need = check.initial_successes if state == TARGET_INITIAL else check.healthy_threshold
        if state != TARGET_HEALTHY and good >= need:
            state = TARGET_HEALTHY
            out.append(Change(t, state))
        elif state != TARGET_UNHEALTHY and bad >= check.unhealthy_threshold:
            state = TARGET_UNHEALTHY
            out.append(Change(t, state))
    return tuple(out)


@st.composite
def spans(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    """Disjoint spans in order; edges often fall exactly on a check."""
    edges = sorted(draw(st.lists(st.integers(0, 1200), unique=True, max_size=12)))
    if len(edges) % 2:
        edges.append(10**9) if draw(st.booleans()) else edges.pop()
    scale = draw(st.sampled_from([0.25, 1.0]))
    pairs = [(a * scale, b * scale) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    if pairs and pairs[-1][1] >= 10**8:
        pairs[-1] = (pairs[-1][0], inf)
    return tuple(pairs)


checks = st.builds(
    Check,
    first=st.sampled_from([0.0, 0.5, 7.25, 30.0]),
    interval=st.sampled_from([5.0, 7.5, 10.0, 30.0]),
    healthy_threshold=st.integers(2, 10),
    unhealthy_threshold=st.integers(2, 10),
    initial_successes=st.integers(1, 10),
)


@pytest.mark.rule("LB-005", "LB-007")
@given(checks, spans())
def test_solving_equals_polling(check: Check, up: tuple[tuple[float, float], ...]) -> None:
    end = check.first + (HORIZON - 1) * check.interval
    assert [c for c in changes(check, up) if c.t <= end] == list(polled(check, up))


ALB = Check(first=5.0, interval=10.0, healthy_threshold=5, unhealthy_threshold=2)


@pytest.mark.parametrize(
    ("check", "up", "expected"),
    [
        pytest.param(
            ALB,
            ((0.0, inf),),
            [(5.0, TARGET_HEALTHY)],
            id="one success makes a new target healthy",
            marks=pytest.mark.rule("LB-005"),
        ),
        pytest.param(
            ALB,
            ((12.0, inf),),
            [(15.0, TARGET_HEALTHY)],
            id="a slow start only moves the first success, since one failure is below the threshold",
        ),
        pytest.param(
            ALB,
            ((16.0, inf),),
            [(15.0, TARGET_UNHEALTHY), (65.0, TARGET_HEALTHY)],
            id="a target that fell unhealthy while starting needs the whole healthy threshold",
            marks=pytest.mark.rule("LB-005"),
        ),
        pytest.param(
            ALB,
            ((0.0, 40.0), (60.0, inf)),
            [(5.0, TARGET_HEALTHY), (55.0, TARGET_UNHEALTHY), (105.0, TARGET_HEALTHY)],
            id="down for two checks is unhealthy, five successes later it is healthy again",
        ),
        pytest.param(
            ALB,
            ((0.0, 40.0), (50.0, inf)),
            [(5.0, TARGET_HEALTHY)],
            id="a single failure changes nothing",
        ),
        pytest.param(
            ALB._replace(unhealthy_threshold=3),
            ((16.0, 18.0), (46.0, inf)),
            [(25.0, TARGET_UNHEALTHY), (95.0, TARGET_HEALTHY)],
            id="being up between two checks does not interrupt the failures",
        ),
        pytest.param(ALB, (), [(15.0, TARGET_UNHEALTHY)], id="a target that never comes up is unhealthy"),
        pytest.param(
            ALB._replace(first=120.0, initial_successes=5),
            ((0.0, inf),),
            [(160.0, TARGET_HEALTHY)],
            id="a Network Load Balancer wants its healthy threshold from the start",
            marks=pytest.mark.rule("LB-007"),
        ),
    ],
)
def test_the_automaton(check: Check, up: tuple, expected: list) -> None:
    assert [tuple(c) for c in changes(check, up)] == expected


def test_a_pause_between_two_checks_does_not_interrupt_the_successes() -> None:
    check = ALB._replace(first=0.0)
    up = ((22.0, 51.0), (52.0, inf))
    assert [tuple(c) for c in changes(check, up)] == [(10.0, TARGET_UNHEALTHY), (70.0, TARGET_HEALTHY)]


@pytest.mark.rule("LB-005")
@pytest.mark.parametrize("interval", [5.1, 7.7, 29.9])
def test_a_target_that_is_up_just_when_a_check_begins_is_seen_by_it(interval: float) -> None:
    """Dividing the time by the interval may miss a whole number by a hair, either way."""
    check = Check(6.3, interval, healthy_threshold=2, unhealthy_threshold=5000)
    for number in range(0, 2000, 7):
        at = check.first + number * interval
        assert changes(check, ((at, inf),)) == (Change(at, TARGET_HEALTHY),), number
