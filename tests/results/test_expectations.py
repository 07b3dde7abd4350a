"""What a scenario expects: judged over instants for state and over minutes for rates, in windows and shares."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
from small_scenarios import CASES

from ecssim.errors import BadInput
from ecssim.results.expectations import Verdict, evaluate
from ecssim.results.expected_series import Series, series_of
from ecssim.results.result import Result
from ecssim.run import Simulation
from ecssim.scenario.expect import METRICS, Expectation
from ecssim.scenario.load import load_mapping


@cache
def result(case: str = "fargate") -> Result:
    return Simulation(load_mapping(CASES[case]()), until=1200.0).finish()


def judged(case: str = "fargate", **written: Any) -> Verdict:
    expectation = Expectation.model_validate_json(json.dumps(written))
    (verdict,) = evaluate(result(case), [expectation])
    return verdict


# -- the series -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "of"), [("fargate", "prod/web"), ("fargate", "web"), ("fleet", "prod/bridge"), ("fleet", "prod/vpc")]
)
@pytest.mark.parametrize(
    ("metric", "column"),
    [("service.runningCount", "running_count"), ("service.pendingCount", "pending_count")],
)
def test_counts_over_instants_pass_through_the_minute_rows(case: str, of: str, metric: str, column: str) -> None:
    """Just before the end of each minute the rebuilt count is what the row of that minute says."""
    series = series_of(result(case), metric, of, lowest=True)
    rows = result(case).service_metrics
    rows = rows[rows["service"] == of.rpartition("/")[2]]
    ends = rows["t"].to_numpy() + 60.0
    # What happens at the very end of a minute is in its row, so look there and not before.
    at = np.searchsorted(series.t, ends, side="right") - 1
    inside = ends < 1200.0
    np.testing.assert_array_equal(series.value[at][inside], rows[column].to_numpy()[inside])


@pytest.mark.parametrize(("case", "of"), [("fargate", "prod/web"), ("fleet", "prod/bridge")])
def test_a_healthy_count_over_instants_is_never_above_the_minute_rows(case: str, of: str) -> None:
    series = series_of(result(case), "service.healthyCount", of, lowest=True)
    rows = result(case).service_metrics
    rows = rows[(rows["service"] == of.rpartition("/")[2]) & (rows["t"] + 60.0 < 1200.0)]
    for t, healthy in zip(rows["t"] + 60.0, rows["healthy_count"], strict=True):
        assert series.value[series.t <= t][-1] <= healthy


def test_an_instant_sees_what_the_minutes_miss() -> None:
    """Half of the tasks crash and are replaced between minute rows."""
    rows = result().service_metrics
    minutes = rows[rows["t"] >= 180.0]["running_count"]
    instants = series_of(result(), "service.runningCount", "prod/web", lowest=True).between(180.0, 1200.0)
    assert instants.value.min() < minutes.min()


def test_steps_cover_the_run_without_gaps() -> None:
    series = series_of(result(), "service.runningCount", "prod/web", lowest=True)
    assert series.t[0] == 0.0
    np.testing.assert_allclose(series.t[1:], series.t[:-1] + series.weight[:-1])
    assert series.t[-1] + series.weight[-1] == 1200.0


# -- statistics and windows -----------------------------------------------------------------------------------

STEPS = Series(np.array([0.0, 10.0, 30.0]), np.array([4.0, 1.0, 7.0]), np.array([10.0, 20.0, 10.0]))


@pytest.mark.parametrize(
    ("statistic", "value"),
    [
        pytest.param("min", 1.0, id="the lowest"),
        pytest.param("max", 7.0, id="the highest"),
        pytest.param("sum", 12.0, id="the values added up"),
        pytest.param("count", 3.0, id="how many values"),
        pytest.param("last", 7.0, id="the last"),
        pytest.param("mean", 3.25, id="the mean weighs by time"),
        pytest.param("p50", 1.0, id="half of the time it was at most this"),
        pytest.param("p90", 7.0, id="nine tenths of the time it was at most this"),
    ],
)
def test_a_statistic_of_steps(statistic: str, value: float) -> None:
    assert STEPS.statistic(statistic) == value


@pytest.mark.parametrize(
    ("start", "end", "values", "weights"),
    [
        pytest.param(0.0, 40.0, [4, 1, 7], [10, 20, 10], id="the whole"),
        pytest.param(
            5.0, 35.0, [4, 1, 7], [5, 20, 5], id="a value that was true before the window counts from its start"
        ),
        pytest.param(10.0, 30.0, [1], [20], id="the window is half-open"),
        pytest.param(40.0, 50.0, [], [], id="after the end there is nothing"),
    ],
)
def test_a_window_cuts_steps(start: float, end: float, values: list[float], weights: list[float]) -> None:
    cut = STEPS.between(start, end)
    assert (cut.value.tolist(), cut.weight.tolist()) == (values, weights)


# -- verdicts -------------------------------------------------------------------------------------------------


def lowest(metric: str, of: str, start: float, end: float) -> float:
    return float(series_of(result(), metric, of, lowest=True).between(start, end).value.min())


def test_the_lowest_value_decides_between_held_and_failed() -> None:
    least = lowest("service.runningCount", "prod/web", 0.0, 1200.0)
    wish = {"metric": "service.runningCount", "of": "prod/web", "statistic": "min"}
    assert judged(**wish, atLeast=least).held
    failed = judged(**wish, atLeast=least + 1)
    assert not failed.held
    assert failed.observed == least
    assert failed.at is not None
    assert f"{least:g}" in failed.text


def test_without_a_statistic_every_value_must_hold() -> None:
    least = lowest("service.runningCount", "prod/web", 0.0, 1200.0)
    wish = {"metric": "service.runningCount", "of": "prod/web"}
    assert judged(**wish, atLeast=least).held
    assert not judged(**wish, atLeast=least + 1).held
    assert not judged(**wish, atMost=least).held


def test_both_bounds_must_hold() -> None:
    wish = {"metric": "service.desiredCount", "of": "prod/web"}
    assert judged(**wish, atLeast=12, atMost=12).held
    assert not judged(**wish, atLeast=12, atMost=11).held
    assert not judged(**wish, atLeast=13, atMost=14).held


@pytest.mark.parametrize(
    "window",
    [
        pytest.param({"before": "1m"}, id="before"),
        pytest.param({"during": ["0s", "60s"]}, id="during"),
        pytest.param({"before": "08:01"}, id="before a clock time"),
        pytest.param({"before": "2026-03-02T08:01:00Z"}, id="before a timestamp"),
        pytest.param({"after": "10s", "before": "50s"}, id="after and before"),
    ],
)
def test_a_window_leaves_the_deployment_out(window: dict[str, Any]) -> None:
    """The deployment begins at one minute: until then no task is starting."""
    wish = {"metric": "service.pendingCount", "of": "prod/web", "atMost": 0}
    assert judged(**wish, **window).held
    assert not judged(**wish).held
    assert not judged(**wish, after="1m", before="3m").held


def test_a_share_of_the_time_may_be_outside() -> None:
    series = series_of(result(), "service.pendingCount", "prod/web", lowest=False)
    part = float(series.weight[series.value <= 0].sum()) / 1200.0
    assert 0.1 < part < 0.9
    wish = {"metric": "service.pendingCount", "of": "prod/web", "atMost": 0}
    assert judged(**wish, share=part - 0.001).held
    assert not judged(**wish, share=part + 0.001).held


def test_per_asks_each_period() -> None:
    wish = {"metric": "capacityProvider.runningTasks", "of": "ec2", "statistic": "sum"}
    rows = result("fleet").capacity_provider_metrics
    periods = rows.groupby(rows["t"] // 300.0)["running_tasks"].sum()
    worst, total = float(periods.max()), float(periods.sum())
    assert 0 < worst < total
    assert judged("fleet", **wish, per="5m", atMost=0).observed == worst
    assert judged("fleet", **wish, atMost=total).held
    assert not judged("fleet", **wish, atMost=total - 1).held
    assert judged("fleet", **wish, per="5m", atMost=worst).held
    assert not judged("fleet", **wish, per="5m", atMost=worst - 1).held
    below = float((periods < worst).mean())
    assert judged("fleet", **wish, per="5m", atMost=worst - 1, share=below).held
    assert not judged("fleet", **wish, per="5m", atMost=worst - 1, share=below + 0.01).held


def test_the_lowest_free_addresses_are_those_of_an_instant() -> None:
    rows = result().subnet_metrics.query("subnet == 'a'")
    verdict = judged(metric="subnet.freeAddresses", of="a", statistic="min", atLeast=1000)
    assert verdict.observed == rows["free_min"].min()


def test_without_values_nothing_holds() -> None:
    verdict = judged(metric="service.cpuUtilization", of="prod/web", after="19m59s", before="20m", atMost=1000)
    if verdict.observed is None:
        assert not verdict.held
        assert "never published" in verdict.text
    late = judged(metric="service.runningCount", of="prod/web", after="2h", atLeast=0)
    assert (late.held, late.observed) == (False, None)


@pytest.mark.parametrize(
    ("metric", "of", "words"),
    [
        pytest.param("service.runingCount", "prod/web", "did you mean service.runningCount?", id="a misspelt metric"),
        pytest.param("subnet.freeAddresses", "b2", "did you mean b?", id="a subnet that there is not"),
        pytest.param("service.runningCount", "prod/wbe", "did you mean web?", id="a service that there is not"),
    ],
)
def test_what_there_is_not_is_bad_input(metric: str, of: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        judged(metric=metric, of=of, atLeast=1)
    assert words in str(caught.value)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_judged(metric: str) -> None:
    kind = metric.partition(".")[0]
    of = {"subnet": "a", "service": "prod/bridge", "capacityProvider": "ec2", "cost": None}[kind]
    wish = {"metric": metric, "atLeast": 0} | ({"of": of} if of is not None else {})
    verdict = judged("fleet", **wish)
    assert verdict.held or verdict.observed is None
