"""How much room the tasks of a rolling update leave for replacements of the old ones."""

from __future__ import annotations

import pytest

from ecssim.decide.reconcile import Counts, limits, reconcile

NONE = Counts(0, 0, 0)


@pytest.mark.rule("SVC-032")
def test_unfinished_tasks_that_stop_make_room_for_the_successors_of_old_ones() -> None:
    # Scaled in to 4 while 8 new ones start: four of them stop, and three old ones that ended come back in their place.
    plan = reconcile(4, Counts(8, 0, 0), (NONE._replace(lost=3),), limits(4, 100, 200))
    assert plan.stop_starting == (4, 0)
    assert plan.start_old == (3,)


@pytest.mark.rule("SVC-032")
def test_the_successors_of_one_revision_leave_less_room_for_those_of_the_next() -> None:
    older = (NONE._replace(lost=1), NONE._replace(lost=3))
    plan = reconcile(4, Counts(2, 0, 0), older, limits(4, 100, 100), primary_may_start=False)
    assert plan.start_old == (1, 1), "two new ones start, so that two of four places are left"


@pytest.mark.rule("SVC-032")
@pytest.mark.parametrize("old", [Counts(4, 2, 2, lost=2), Counts(4, 2, 0, lost=2)], ids=["unhealthy", "unfinished"])
def test_old_tasks_that_go_in_this_pass_keep_nobody_above_the_minimum(old: Counts) -> None:
    plan = reconcile(4, NONE, (old,), limits(4, 100, 200))
    assert plan.stop_unhealthy[1] + plan.stop_starting[1] == 2
    assert plan.start_old == (2,)
