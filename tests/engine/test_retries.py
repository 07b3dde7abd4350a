"""Clients that try again: retry storms, and that no request is lost or counted twice in one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecssim.engine.retries import Retries
from tests.engine.test_load_balancers import _document, _group, _run, _stream

THRICE = {"retries": {"attempts": 3, "backoff": "5s"}}


def _scaled(count: int, at: str) -> dict:
    return {"at": at, "call": "UpdateService", "with": {"service": "web", "desiredCount": count}}


def test_without_targets_every_request_is_tried_as_often_as_clients_do() -> None:
    """503 at once: three attempts of every request while nothing is there, and in the end all have arrived."""
    result = _run(_document(timeline=[_scaled(0, "5m")], traffic=[_stream(10, clients=THRICE)]))
    rows = result.service_metrics
    finding = next(f["text"] for f in result.summary()["findings"] if "lost" in f["text"])
    tries = rows.offered_count.sum() + rows.retried_count.sum()
    assert f"of {tries:,} requests, {rows.retried_count.sum():,} of them retries" in finding
    assert (rows.retried_count.iloc[:5] == 0).all()
    assert (rows.http_503_count.iloc[8:] == 3 * 600).all()
    assert (rows.retried_count.iloc[8:] == 2 * 600).all()
    # RequestCount knows only what found a target, whoever sent it (LB-046).
    assert (rows.request_count.iloc[8:] == 0).all()


def test_a_short_gap_is_bridged_by_clients_that_wait_long_enough() -> None:
    gap = [_scaled(0, "5m"), _scaled(4, "7m")]
    lost = {}
    for name, clients in (("never", {}), ("patient", {"retries": {"attempts": 6, "backoff": "10s"}})):
        rows = _run(_document(timeline=gap, traffic=[_stream(10, clients=clients)])).service_metrics
        first_tries = rows.offered_count.sum()
        assert first_tries == 10 * 1200
        lost[name] = first_tries - rows.served_count.sum() - rows.in_flight_count.iloc[-1]
    assert lost["never"] > 500
    assert lost["patient"] < 0.2 * lost["never"]


def test_a_retry_storm_outlasts_its_cause() -> None:
    """A minute above capacity: with retries the load stays above it, without them the queue drains."""
    steps = [{"at": "0s", "rate": 32}, {"at": "5m", "rate": 120}, {"at": "8m", "rate": 32}]
    failed = {}
    for name, retries in (("once", None), ("five", {"attempts": 5, "backoff": "1s"})):
        clients = {"timeout": "10s"} | ({"retries": retries} if retries is not None else {})
        stream = _stream(0, pattern="steps", steps=steps, clients=clients)
        stream.pop("rate")
        rows = _run(_document(duration="30m", traffic=[stream])).service_metrics
        failed[name] = rows.failed_count.to_numpy()
        if name == "five":
            assert rows.retried_count.iloc[5:8].sum() > 2 * 3 * 60 * 80
    assert failed["once"][8:].sum() == 0
    assert failed["five"][8] > 0
    assert failed["five"][5:8].sum() > 2 * failed["once"][5:8].sum()
    assert failed["five"][-1] == 0


@pytest.mark.rule("LB-046")
def test_retries_count_as_requests_of_the_target_group() -> None:
    result = _run(
        _document(traffic=[_stream(80, clients={"timeout": "2s", "retries": {"attempts": 2, "backoff": "5s"}})])
    )
    rows, group = result.service_metrics, result.target_group_metrics
    assert rows.retried_count.sum() > 0
    assert (group.request_count.to_numpy() == (rows.offered_count + rows.retried_count).to_numpy()).all()
    assert (rows.request_count.to_numpy() == group.request_count.to_numpy()).all()
    assert np.allclose(group.request_count_per_target, group.request_count / 4)


def test_only_the_answers_that_clients_name_are_tried_again() -> None:
    retries = {"attempts": 3, "backoff": "5s", "on": ["502"]}
    rows = _run(
        _document(timeline=[_scaled(0, "5m")], traffic=[_stream(10, clients={"retries": retries})])
    ).service_metrics
    assert rows.http_503_count.sum() > 0
    assert rows.retried_count.sum() == 0


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40),
    st.integers(2, 6),
    st.floats(0.1, 30),
    st.sampled_from([1.0, 0.5]),
)
def test_every_failed_request_comes_back_or_is_given_up(segments, attempts, backoff, share) -> None:
    retries = Retries(attempts, backoff, 2.0, frozenset({"503"}), share)
    first = again = served = failed = 0
    for n, (count, gone, good) in enumerate(segments):
        now = 5.0 * n
        retries.arrived(count)
        back = retries.due(now)
        first, again = first + count, again + back
        under_way = sum(retries.under_way)
        lost = int(under_way * gone)
        done = int((under_way - lost) * good)
        retries.settle(now, {"503": lost}, done)
        served, failed = served + done, failed + lost
        assert first + again == served + failed + sum(retries.under_way)
        assert failed == retries.given_up + again + sum(k for _, _, k in retries.waiting)
        assert min(retries.under_way) >= 0


def test_slow_start_retries_and_faults_together_keep_every_request() -> None:
    group = _group("web", slowStart=60, target_group_health__unhealthy_state_routing__minimum_healthy_targets__count=2)
    timeline = [
        {"at": "4m", "fault": "taskCrash", "with": {"service": "web", "count": 3}},
        {"at": "9m", "fault": "azOutage", "with": {"availabilityZone": "us-east-1a", "for": "5m"}},
        {"at": "12m", "call": "UpdateService", "with": {"service": "web", "taskDefinition": "web:2"}},
    ]
    clients = {"timeout": "8s", "retries": {"attempts": 4, "backoff": "200ms"}}
    result = _run(
        _document(
            targetGroups=[group], timeline=timeline, duration="30m", traffic=[_stream(37, noise=0.3, clients=clients)]
        )
    )
    assert result.service_metrics.retried_count.sum() > 0
