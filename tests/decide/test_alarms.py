"""How an alarm is judged: the tables that the CloudWatch documentation prints, and the vector form against them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.alarms import (
    ALARM,
    BREACHING,
    EXTRA,
    IGNORE,
    INSUFFICIENT_DATA,
    MASK_PERIODS,
    MISSING,
    NOT_BREACHING,
    OK,
    OPERATORS,
    STATE_NAMES,
    TREATMENTS,
    breaches,
    evaluate,
    evaluate_many,
    low_bits,
)


def test_states_and_treatments_are_spelt_as_cloudwatch_does() -> None:
    assert [STATE_NAMES[state] for state in (INSUFFICIENT_DATA, OK, ALARM)] == ["INSUFFICIENT_DATA", "OK", "ALARM"]
    names = ["missing", "ignore", "breaching", "notBreaching"]
    assert [TREATMENTS[treat] for treat in (MISSING, IGNORE, BREACHING, NOT_BREACHING)] == names


RETAIN = "Retain current state"

# CloudWatch user guide, "Configuring how CloudWatch alarms treat missing data": N = 3, evaluation range 5,
# oldest first; 0 does not breach, X breaches, - is missing. Columns: missing, ignore, breaching, notBreaching.
# The ten rows of its two tables as they are printed today; a row that only an older edition has
# (github.com/awsdocs/amazon-cloudwatch-user-guide, doc_source/AlarmThatSendsEmail.md, commit 05fd32f); the cases of its
# text. The older editions print INSUFFICIENT_DATA for a single new breaching point ("- - - - X", treated as missing):
# the text on premature alarms has replaced that, see the last rows.
PUBLISHED = {
    "3 of 3: gaps in the range are made up for by older points": ("0 - X - X", 3, (OK, OK, OK, OK)),
    "3 of 3: one old good point keeps it OK whatever is filled in": ("0 - - - -", 3, (OK, OK, OK, OK)),
    "3 of 3: no point at all": ("- - - - -", 3, (INSUFFICIENT_DATA, RETAIN, ALARM, OK)),
    "3 of 3: three real points breach": ("0 X X - X", 3, (ALARM, ALARM, ALARM, ALARM)),
    "3 of 3: one breaching point that is old enough": ("- - X - -", 3, (ALARM, RETAIN, ALARM, OK)),
    "2 of 3: two of the newest three real points breach": ("0 - X - X", 2, (ALARM, ALARM, ALARM, ALARM)),
    "2 of 3: points older than the newest three do not count": ("0 0 X 0 X", 2, (ALARM, ALARM, ALARM, ALARM)),
    "2 of 3: one point short": ("0 - X - -", 2, (OK, OK, ALARM, OK)),
    "2 of 3: a single good point": ("- - - - 0", 2, (OK, OK, ALARM, OK)),
    "2 of 3: one breaching point that is old enough": ("- - - X -", 2, (ALARM, RETAIN, ALARM, OK)),
    "2 of 3: two breaching points and nothing else": ("- X - X -", 2, (ALARM, ALARM, ALARM, ALARM)),
    "3 of 3: one breaching point, as old as the range": ("X - - - -", 3, (ALARM, RETAIN, ALARM, OK)),
    # The text below the tables: no premature alarm while the point is young.
    "3 of 3: a breaching point that is new waits": ("- - - - X", 3, (RETAIN, RETAIN, ALARM, OK)),
    "3 of 3: a breaching point of age 2 waits": ("- - - X -", 3, (RETAIN, RETAIN, ALARM, OK)),
    "3 of 3: then a good point comes": ("- - X - 0", 3, (OK, OK, OK, OK)),
    "2 of 3: a breaching point that is new waits": ("- - - - X", 2, (RETAIN, RETAIN, ALARM, OK)),
}
POINT = {"0": False, "X": True, "-": None}
TREATS = (MISSING, IGNORE, BREACHING, NOT_BREACHING)


def _points(text: str) -> list[bool | None]:
    return [POINT[c] for c in text.split()]


@pytest.mark.rule("ALARM-004", "ALARM-007", "ALARM-008", "ALARM-009", "ALARM-010", "ALARM-011", "ALARM-012")
@pytest.mark.parametrize("state", [INSUFFICIENT_DATA, OK, ALARM])
@pytest.mark.parametrize("treat", TREATS)
@pytest.mark.parametrize(("text", "m", "expected"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_alarms_do_what_the_documentation_prints(
    text: str, m: int, expected: tuple[int | str, ...], treat: int, state: int
) -> None:
    wanted = expected[treat]
    assert evaluate(_points(text), 3, m, treat, state) == (state if wanted is RETAIN else wanted)


@pytest.mark.rule("ALARM-004", "ALARM-007", "ALARM-009", "ALARM-010", "ALARM-011", "ALARM-012")
@pytest.mark.parametrize("state", [INSUFFICIENT_DATA, OK, ALARM])
def test_the_masks_do_what_the_documentation_prints(state: int) -> None:
    """Every row with every treatment at once, in the form that judges alarms in a run."""
    rows = [(text, m, treat, expected[treat]) for text, m, expected in PUBLISHED.values() for treat in TREATS]
    real = np.array([_mask(_points(text), (True, False)) for text, *_ in rows], dtype=np.uint64)
    breach = np.array([_mask(_points(text), (True,)) for text, *_ in rows], dtype=np.uint64)
    n = np.full(len(rows), 3)
    m, treat = np.array([r[1] for r in rows]), np.array([r[2] for r in rows])
    got = evaluate_many(real, breach, n, m, treat, np.full(len(rows), state), low_bits(n))
    assert got.tolist() == [state if r[3] is RETAIN else r[3] for r in rows]


def test_the_newest_periods_are_the_low_bits() -> None:
    assert [bin(mask) for mask in low_bits(np.array([1, 3, 5]))] == ["0b1", "0b111", "0b11111"]
    assert int(low_bits(np.array([MASK_PERIODS + EXTRA]))[0]) == 2 ** (MASK_PERIODS + EXTRA) - 1


@pytest.mark.rule("ALARM-004")
def test_breaching_points_need_not_be_consecutive() -> None:
    assert evaluate(_points("0 0 0 X 0 X 0 X"), 6, 3, MISSING, OK) == ALARM
    assert evaluate(_points("0 0 X 0 0 X 0 X"), 5, 3, MISSING, OK) == OK


@pytest.mark.rule("ALARM-013")
def test_a_metric_that_stopped_is_judged_by_its_last_points_until_they_leave_the_range() -> None:
    history = _points("X X X")
    states = []
    for _ in range(6):
        history.append(None)
        states.append(evaluate(history[-5:], 3, 3, MISSING, ALARM))
    assert states == [ALARM, ALARM, ALARM, ALARM, INSUFFICIENT_DATA, INSUFFICIENT_DATA]


@pytest.mark.rule("ALARM-003")
@pytest.mark.parametrize(
    ("operator", "at", "above", "below"),
    [
        ("GreaterThanThreshold", False, True, False),
        ("GreaterThanOrEqualToThreshold", True, True, False),
        ("LessThanThreshold", False, False, True),
        ("LessThanOrEqualToThreshold", True, False, True),
    ],
)
def test_the_metric_is_the_left_operand(operator: str, at: bool, above: bool, below: bool) -> None:
    code = OPERATORS.index(operator)
    assert (breaches(5.0, code, 5.0), breaches(5.1, code, 5.0), breaches(4.9, code, 5.0)) == (at, above, below)


@st.composite
def _alarms(draw: st.DrawFn) -> tuple[list[bool | None], int, int, int, int]:
    n = draw(st.one_of(st.integers(1, 6), st.just(MASK_PERIODS)))
    size = n + EXTRA
    points = draw(st.lists(st.sampled_from([True, False, None]), min_size=size, max_size=size))
    m = draw(st.integers(1, n))
    return points, n, m, draw(st.sampled_from(TREATS)), draw(st.sampled_from([INSUFFICIENT_DATA, OK, ALARM]))


def _mask(points: list[bool | None], wanted: tuple[bool | None, ...]) -> int:
    return sum(1 << age for age, p in enumerate(reversed(points)) if p in wanted)


@pytest.mark.rule("ALARM-009", "ALARM-010", "ALARM-011", "ALARM-012")
@given(st.lists(_alarms(), min_size=1, max_size=40))
def test_many_alarms_at_once_are_judged_as_one_by_one(
    alarms: list[tuple[list[bool | None], int, int, int, int]],
) -> None:
    real = np.array([_mask(points, (True, False)) for points, *_ in alarms], dtype=np.uint64)
    breach = np.array([_mask(points, (True,)) for points, *_ in alarms], dtype=np.uint64)
    n, m, treat, state = (np.array(column) for column in list(zip(*alarms, strict=True))[1:])
    got = evaluate_many(real, breach, n, m, treat, state, low_bits(n))
    assert got.tolist() == [evaluate(*alarm) for alarm in alarms]
