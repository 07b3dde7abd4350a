"""One pass of a rolling update as a whole; unhealthy tasks of the new revision are replaced once, not over and over."""

from __future__ import annotations

from typing import Any

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


# -- one pass, whole plans ------------------------------------------------------------------------------------


def tasks(healthy: int = 0, *, starting: int = 0, unhealthy: int = 0, displaced: int = 0, **more: int) -> Counts:
    return Counts(healthy + starting + unhealthy + displaced, healthy, unhealthy, displaced, **more)


def plan_of(**said: int | tuple[int, ...]) -> dict[str, object]:
    """A plan by what it does; stops are (primary, older)."""
    none = {"start": 0, "start_old": (0,), "blocked": False, "stop_displaced": 0}
    return {**none, "stop_unhealthy": (0, 0), "stop_starting": (0, 0), "stop_healthy": (0, 0), **said}


PASSES = [
    pytest.param(
        2, (100, 150), tasks(2), tasks(), {}, plan_of(), id="all new ones healthy and no old ones: done, not blocked"
    ),
    pytest.param(
        2, (0, 100), tasks(), tasks(1, displaced=1), {"stop_first": "when_no_room"},
        plan_of(start=2, stop_healthy=(0, 1), stop_displaced=1),
        id="old ones that go make room in the same pass, those of a draining instance too",
    ),
    pytest.param(
        5, (33, 133), tasks(), tasks(3, displaced=2), {"stop_first": "when_no_room"},
        plan_of(start=3, stop_displaced=2), id="with room for one above, no healthy old one has to go first",
    ),
    pytest.param(
        5, (0, 200), tasks(unhealthy=2, displaced=3), tasks(2), {"stop_first": "when_no_room"},
        plan_of(start=5, stop_healthy=(0, 2), stop_displaced=3),
        id="with all new ones there the option does not hold the old ones",
    ),
    pytest.param(
        2, (0, 200), tasks(), tasks(starting=1, unhealthy=2), {"stop_first": "when_no_room"},
        plan_of(start=2, stop_unhealthy=(0, 2), stop_starting=(0, 1)), id="unhealthy and unfinished old ones go first",
    ),
    pytest.param(
        4, (100, 200), tasks(), tasks(2, starting=3, kept=2), {}, plan_of(start=4, stop_starting=(0, 1)),
        id="successors of old ones on their way are not stopped as unfinished", marks=pytest.mark.rule("SVC-032"),
    ),
    pytest.param(
        2, (50, 100), tasks(2, starting=2), tasks(), {}, plan_of(stop_starting=(2, 0)),
        id="a scale-in takes the new ones that do not serve yet",
    ),
    pytest.param(
        2, (100, 200), tasks(5, starting=1), tasks(), {}, plan_of(stop_starting=(1, 0), stop_healthy=(3, 0)),
        id="and then the healthy ones down to what is wanted",
    ),
    pytest.param(
        2, (0, 200), tasks(5, starting=1), tasks(2), {},
        plan_of(stop_starting=(1, 0), stop_healthy=(3, 2)), id="beside the old ones",
    ),
    pytest.param(
        1, (100, 100), tasks(starting=2, displaced=1), tasks(), {}, plan_of(stop_starting=(1, 0)),
        id="one on a draining instance is no surplus: one replacement of two stays",
    ),
    pytest.param(
        2, (100, 100), tasks(unhealthy=2), tasks(), {}, plan_of(start=1, stop_unhealthy=(1, 0)),
        id="at the upper limit one unhealthy new one goes and is replaced", marks=pytest.mark.rule("SVC-031"),
    ),
    pytest.param(
        2, (100, 100), tasks(unhealthy=2), tasks(starting=1, kept=1), {"primary_may_start": False},
        plan_of(stop_unhealthy=(1, 0)), id="one goes above the limit as well, though its deployment has failed",
    ),
    pytest.param(
        2, (0, 100), tasks(1, unhealthy=1), tasks(unhealthy=2), {},
        plan_of(start=1, stop_unhealthy=(1, 2)), id="exactly at the limit once the old ones are gone",
    ),
    pytest.param(
        1, (50, 200), tasks(starting=2, unhealthy=1), tasks(), {}, plan_of(stop_starting=(1, 0)),
        id="no unhealthy one goes while its replacement is under way", marks=pytest.mark.rule("SVC-030"),
    ),
    pytest.param(
        1, (0, 200), tasks(starting=1, unhealthy=1), tasks(1), {}, plan_of(stop_healthy=(0, 1)),
        id="nor below the limit",
    ),
    pytest.param(
        1, (0, 100), tasks(starting=1, unhealthy=1), tasks(), {}, plan_of(), id="nor at the limit",
        marks=pytest.mark.rule("SVC-031"),
    ),
    pytest.param(
        1, (100, 200), tasks(1, unhealthy=2), tasks(lost=1), {}, plan_of(stop_unhealthy=(2, 0)),
        id="all unhealthy ones go when what is wanted is healthy", marks=pytest.mark.rule("SVC-030"),
    ),
    pytest.param(
        1, (100, 200), tasks(unhealthy=2, displaced=1), tasks(), {},
        plan_of(start=1, stop_unhealthy=(2, 0)), id="what goes makes room for a replacement in the same pass",
    ),
    pytest.param(
        3, (0, 200), tasks(displaced=1), tasks(displaced=1), {}, plan_of(start=3, stop_displaced=2),
        id="one on a draining instance is replaced by the new revision",
    ),
    pytest.param(
        1, (50, 200), tasks(1, unhealthy=1), tasks(lost=2), {}, plan_of(stop_unhealthy=(1, 0)),
        id="an old one that ended has no successor where enough new ones are healthy",
        marks=pytest.mark.rule("SVC-032"),
    ),
    pytest.param(
        2, (33, 133), tasks(), tasks(displaced=1, lost=1), {"primary_may_start": False}, plan_of(),
        id="nor where enough old ones are left", marks=pytest.mark.rule("SVC-032"),
    ),
    pytest.param(
        4, (0, 200), tasks(4), tasks(1), {"primary_may_start": False}, plan_of(),
        id="old ones stay while the new deployment has failed",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("desired", "percents", "primary", "old", "options", "expected"), PASSES)
def test_one_pass(
    desired: int,
    percents: tuple[int, int],
    primary: Counts,
    old: Counts,
    options: dict[str, Any],
    expected: dict[str, object],
) -> None:
    assert reconcile(desired, primary, (old,), limits(desired, *percents), **options)._asdict() == expected


@pytest.mark.rule("SVC-032")
def test_a_successor_of_one_old_revision_is_one_less_for_the_next() -> None:
    older = (tasks(unhealthy=1, displaced=2, lost=1), tasks(3, starting=1, lost=1))
    plan = reconcile(8, tasks(starting=1), older, limits(8, 100, 200), primary_may_start=False)
    assert plan.start_old == (1, 0), "eight are kept or started, seven of them were there"


def test_tasks_of_which_no_more_is_said_are_neither_displaced_nor_lost_nor_successors() -> None:
    assert Counts(3, 2, 1) == Counts(3, 2, 1, displaced=0, lost=0, kept=0)
