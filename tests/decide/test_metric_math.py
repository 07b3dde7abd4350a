"""Metric math: what expressions give, where points are missing, over many series at once."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.aws.metric_math import BadExpressionError, parse
from ecssim.decide.metric_math import evaluate, evaluate_quietly


def value(text: str, **variables: float) -> float:
    arrays = {name: np.array([v]) for name, v in variables.items()}
    return float(np.broadcast_to(evaluate(parse(text), arrays, {}), (1,))[0])


@pytest.mark.rule("ALARM-016", "SCALE-006")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b * 2", 17.0),
        ("(a + b) * 2", 22.0),
        ("a - b - 1", -2.0),
        ("b / a / 2", 0.6),
        ("a ^ 2 ^ 1", 25.0),
        ("-a + 1", -4.0),
        ("IF(a > 4, b, 0)", 6.0),
        ("IF(a > 5 || b == 6, 1, 0)", 1.0),
        ("IF(a >= 5 AND b < 6, 1, 0)", 0.0),
        ("SUM([a, b, 1])", 12.0),
        ("AVG([a, b])", 5.5),
        ("MAX([a, b])", 6.0),
        ("MIN([a, b])", 5.0),
        ("IF(a != 5, 1, 0)", 0.0),
        ("IF(a <= 5, 1, 0)", 1.0),
        ("IF(a < 5, 1, 0)", 0.0),
        ("MIN([a, b]) + MAX([a, b])", 11.0),
        ("CEIL(a / 2) + FLOOR(a / 2) + ABS(a - b)", 6.0),
        ("LOG10(100) + LOG(1)", 2.0),
        ("a / PERIOD(a)", 5.0 / 60.0),
        ("FILL(a, 3)", 5.0),
    ],
)
def test_an_expression_gives_what_cloudwatch_gives(text: str, expected: float) -> None:
    assert value(text, a=5.0, b=6.0) == pytest.approx(expected)


@pytest.mark.rule("ALARM-016", "SCALE-006")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b", nan),
        ("a > 3", nan),
        ("IF(a > 3, 1, 0)", nan),
        ("IF(b > 3, b)", 6.0),
        ("IF(b > 7, b)", nan),
        ("SUM([a, b])", 6.0),
        ("AVG([a, b])", 6.0),
        ("MAX([a, b])", 6.0),
        ("MIN([b, a])", 6.0),
        ("SUM([a, a])", nan),
        ("FILL(a, 0) + b", 6.0),
        ("b / 0", nan),
        ("IF(b / 0 > 5, 1, 0)", nan),
    ],
)
def test_missing_points_stay_missing_but_lists_pass_them_over(text: str, expected: float) -> None:
    got = value(text, a=nan, b=6.0)
    assert got == expected or (isnan(got) and isnan(expected))


def test_functions_of_the_period_before_remember_it() -> None:
    node, before = parse("RATE(a) * 60 + DIFF(a)"), {}
    got = [float(evaluate(node, {"a": np.array([v])}, before)[0]) for v in (10.0, 16.0, 13.0)]
    assert isnan(got[0])
    assert got[1:] == [12.0, -6.0]
    repeat, before = parse("FILL(a, REPEAT)"), {}
    got = [float(evaluate(repeat, {"a": np.array([v])}, before)[0]) for v in (nan, 2.0, nan, 4.0)]
    assert isnan(got[0])
    assert got[1:] == [2.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a +", "ends too early"),
        ("a b", "did not expect 'b'"),
        ("(a", r"expected '\)', got 'the end'|expected '\)', got the end"),
        ("a $ b", "cannot read"),
        ("SEARCH('x')", "cannot read"),
        ("METRICS(a)", "METRICS is not modelled"),
        ("SUM(a)", "give a list"),
        ("ABS([a, b])", "takes no list"),
        ("IF(a)", "IF takes 2 to 3 arguments"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, said: str) -> None:
    with pytest.raises(BadExpressionError, match=said):
        parse(text)


@given(st.lists(st.tuples(st.floats(-1e6, 1e6) | st.just(nan), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_many_series_at_once_are_worked_out_as_one_by_one(pairs: list[tuple[float, float]]) -> None:
    text = "IF(a > b, SUM([a, b]) / 2, FILL(a, 1) * b) - CEIL(b)"
    a, b = (np.array(column) for column in zip(*pairs, strict=True))
    together = evaluate(parse(text), {"a": a, "b": b}, {})
    alone = [value(text, a=x, b=y) for x, y in pairs]
    np.testing.assert_array_equal(together, np.array(alone))


def test_a_period_is_a_minute_unless_it_is_another_one() -> None:
    node, one = parse("PERIOD(a)"), {"a": np.array([1.0])}
    assert [float(how(node, one, {})) for how in (evaluate, evaluate_quietly)] == [60.0, 60.0]
    assert [float(how(node, one, {}, 300.0)) for how in (evaluate, evaluate_quietly)] == [300.0, 300.0]
