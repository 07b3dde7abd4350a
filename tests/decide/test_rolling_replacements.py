"""Unhealthy tasks of the new revision during a rolling update: replaced once, not over and over."""

from __future__ import annotations

import pytest

from ecssim.decide.reconcile import Counts, limits, reconcile


@pytest.mark.rule("SVC-030")
def test_a_replacement_on_its_way_is_not_stopped_again_before_it_is_healthy() -> None:
    old, primary = (
        Counts(2, 2, 0, 0),
        Counts(11, 8, 2, 0),
    )  # ten wanted, two unhealthy, one replacement starting
    plan = reconcile(10, primary, (old,), limits(10, 100, 200))
    assert plan.stop_starting[0] == 0
    assert plan.stop_unhealthy[0] == 0
    assert plan.start == 1  # the second replacement


@pytest.mark.rule("SVC-030")
def test_passes_without_news_come_to_rest() -> None:
    """Applying the plan without anything getting healthy leads to a plan that does nothing."""
    old, primary = Counts(10, 10, 0, 0), Counts(10, 6, 4, 0)
    for _ in range(5):
        plan = reconcile(10, primary, (old,), limits(10, 100, 200))
        gone = plan.stop_starting[0] + plan.stop_unhealthy[0] + plan.stop_healthy[0]
        primary = Counts(
            primary.active + plan.start - gone,
            primary.healthy - plan.stop_healthy[0],
            primary.unhealthy - plan.stop_unhealthy[0],
            0,
        )
        left = old.active - plan.stop_healthy[1] - plan.stop_starting[1]
        old = Counts(left, left, 0, 0)
    last = reconcile(10, primary, (old,), limits(10, 100, 200))
    assert (last.start, sum(last.stop_starting), sum(last.stop_unhealthy), sum(last.stop_healthy)) == (
        0,
        0,
        0,
        0,
    )


@pytest.mark.rule("SVC-030")
def test_an_unhealthy_task_goes_when_its_replacement_is_healthy() -> None:
    old, primary = Counts(0, 0, 0, 0), Counts(11, 10, 1, 0)
    assert reconcile(10, primary, (old,), limits(10, 100, 200)).stop_unhealthy[0] == 1
