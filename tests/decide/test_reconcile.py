"""The service scheduler's decision: walk-throughs of the rules, and what no plan may ever do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.reconcile import Counts, Limits, Plan, limits, protection_blocks, reconcile, start_delay


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "expected"),
    [
        pytest.param(4, 50, 200, (2, 8), id="the documented example"),
        pytest.param(4, 100, 200, (4, 8), id="the defaults"),
        pytest.param(1, 50, 200, (1, 2), id="the lower limit is rounded up"),
        pytest.param(1, 100, 150, (1, 1), id="the upper limit is rounded down"),
        pytest.param(100, 55, 155, (55, 155), id="whole numbers stay whole where floats would not"),
        pytest.param(3, 33, 133, (1, 3), id="a percent below a third of three"),
        pytest.param(3, 34, 134, (2, 4), id="a percent above a third of three"),
        pytest.param(0, 100, 200, (0, 0), id="nothing wanted"),
    ],
)
@pytest.mark.rule("SVC-010")
def test_limits(desired: int, minimum: int, maximum: int, expected: tuple[int, int]) -> None:
    assert limits(desired, minimum, maximum) == expected


@dataclass
class Tasks:
    """Tasks of one revision by what the scheduler knows of them."""

    healthy: int = 0
    starting: int = 0
    unhealthy: int = 0
    displaced: int = 0
    lost: int = 0

    @property
    def active(self) -> int:
        return self.healthy + self.starting + self.unhealthy + self.displaced

    def counts(self) -> Counts:
        return Counts(self.active, self.healthy, self.unhealthy, self.displaced, self.lost)


@dataclass
class Rollout:
    """A service whose new tasks become healthy one step after they were started."""

    desired: int
    bounds: Limits
    revisions: list[Tasks]
    stop_first: str = "always"
    may_start: bool = True
    peak: int = 0
    trough: int = 10**9
    steps: list[tuple[int, int]] = field(default_factory=list)

    def plan(self) -> Plan:
        return reconcile(
            self.desired,
            self.revisions[0].counts(),
            tuple(r.counts() for r in self.revisions[1:]),
            self.bounds,
            stop_first=self.stop_first,
            primary_may_start=self.may_start,
        )

    def step(self) -> bool:
        """Apply one plan; whether it did anything."""
        plan = self.plan()
        apply(plan, self.revisions)
        healthy = sum(r.healthy + r.displaced for r in self.revisions)
        self.peak = max(self.peak, sum(r.active for r in self.revisions))
        self.trough = min(self.trough, healthy)
        self.steps.append((self.revisions[0].active, sum(r.active for r in self.revisions[1:])))
        moved = any(r.starting for r in self.revisions) or _acts(plan)
        for revision in self.revisions:
            revision.healthy += revision.starting
            revision.starting = 0
        self.revisions = [r for i, r in enumerate(self.revisions) if i == 0 or r.active]
        return moved

    def run(self, most: int = 300) -> Rollout:
        for _ in range(most):
            if not self.step():
                return self
        raise AssertionError(f"no end after {most} steps: {self.steps[-5:]}")


def _acts(plan: Plan) -> bool:
    stops = (plan.stop_unhealthy, plan.stop_starting, plan.stop_healthy, plan.start_old)
    return bool(plan.start or plan.stop_displaced or any(map(any, stops)))


def apply(plan: Plan, revisions: list[Tasks]) -> None:
    left = plan.stop_displaced
    for i, revision in enumerate(revisions):
        revision.unhealthy -= plan.stop_unhealthy[i]
        revision.starting -= plan.stop_starting[i]
        revision.healthy -= plan.stop_healthy[i]
        gone = min(left, revision.displaced)
        revision.displaced -= gone
        left -= gone
        assert min(revision.unhealthy, revision.starting, revision.healthy) >= 0, plan
    assert left == 0, plan
    revisions[0].starting += plan.start
    for i, count in enumerate(plan.start_old):
        revisions[i + 1].starting += count
        revisions[i + 1].lost -= count


# -- one revision ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "tasks", "minimum", "maximum", "start", "stops"),
    [
        pytest.param(
            3, Tasks(), 100, 200, 3, (0, 0, 0, 0),
            id="missing tasks are started", marks=pytest.mark.rule("SVC-003"),
        ),
        pytest.param(3, Tasks(healthy=2, starting=1), 100, 200, 0, (0, 0, 0, 0), id="tasks on their way count"),
        pytest.param(
            1, Tasks(healthy=2, starting=1), 0, 200, 0, (0, 1, 1, 0),
            id="scale-in takes what does not serve yet first",
            marks=pytest.mark.rule("SVC-003", "PLACE-072"),
        ),
        pytest.param(
            2, Tasks(healthy=5), 100, 200, 0, (0, 0, 3, 0), id="scale-in leaves what is wanted",
        ),
        pytest.param(0, Tasks(starting=1), 100, 150, 0, (0, 1, 0, 0), id="nothing is wanted of what is on its way"),
        pytest.param(
            0, Tasks(starting=1, unhealthy=1, displaced=1), 100, 150, 0, (1, 1, 0, 1),
            id="nothing is wanted of what is broken or on a draining instance",
        ),
        pytest.param(
            1, Tasks(healthy=2, starting=1, displaced=1), 0, 200, 0, (0, 1, 1, 1),
            id="what is too much goes beside what has to leave its instance",
        ),
        pytest.param(
            2, Tasks(healthy=2, unhealthy=1), 100, 200, 0, (1, 0, 0, 0),
            id="an unhealthy task goes when enough healthy ones are there",
            marks=pytest.mark.rule("SVC-030"),
        ),
        pytest.param(
            2, Tasks(healthy=1, unhealthy=1), 100, 200, 1, (0, 0, 0, 0),
            id="the replacement of an unhealthy task starts first",
            marks=pytest.mark.rule("SVC-030"),
        ),
        pytest.param(
            2, Tasks(healthy=1, unhealthy=1, starting=1), 100, 200, 0, (0, 0, 0, 0),
            id="and the unhealthy one waits until the replacement is healthy",
            marks=pytest.mark.rule("SVC-030"),
        ),
        pytest.param(
            4, Tasks(healthy=1, unhealthy=3), 50, 100, 0, (1, 0, 0, 0),
            id="without room above unhealthy tasks go one at a time",
            marks=pytest.mark.rule("SVC-031"),
        ),
        pytest.param(
            4, Tasks(healthy=1, unhealthy=2, starting=1), 50, 100, 0, (0, 0, 0, 0),
            id="the next one only when the last replacement is healthy",
            marks=pytest.mark.rule("SVC-031"),
        ),
        pytest.param(
            2, Tasks(healthy=1, displaced=1), 100, 200, 1, (0, 0, 0, 0),
            id="at 100 percent a displaced task waits for its replacement",
            marks=pytest.mark.rule("SVC-013", "AGENT-053"),
        ),
        pytest.param(
            2, Tasks(healthy=2, displaced=1), 100, 200, 0, (0, 0, 0, 1),
            id="it goes when the replacement is healthy",
            marks=pytest.mark.rule("AGENT-053"),
        ),
        pytest.param(
            2, Tasks(healthy=1, displaced=1), 50, 100, 0, (0, 0, 0, 1),
            id="with no room above and some below it goes first",
            marks=pytest.mark.rule("SVC-013", "AGENT-053"),
        ),
    ],
)  # fmt: skip
def test_one_revision(
    desired: int, tasks: Tasks, minimum: int, maximum: int, start: int, stops: tuple[int, int, int, int]
) -> None:
    plan = reconcile(desired, tasks.counts(), (), limits(desired, minimum, maximum))
    got = (plan.stop_unhealthy[0], plan.stop_starting[0], plan.stop_healthy[0], plan.stop_displaced)
    assert (plan.start, got) == (start, stops)
    assert not plan.blocked


@pytest.mark.rule("SVC-011", "AGENT-053")
def test_both_limits_at_100_percent_block_a_drain() -> None:
    plan = reconcile(2, Tasks(healthy=1, displaced=1).counts(), (), limits(2, 100, 100))
    assert plan.blocked
    assert not _acts(plan)


@pytest.mark.rule("DEPLOY-005")
def test_a_failed_deployment_starts_nothing() -> None:
    plan = reconcile(3, Counts(1, 1, 0), (), limits(3, 100, 200), primary_may_start=False)
    assert not _acts(plan)


# -- rolling updates ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("desired", "minimum", "maximum", "steps"),
    [
        pytest.param(4, 100, 200, [(4, 4), (4, 0)], id="the defaults double and then halve"),
        pytest.param(4, 100, 150, [(2, 4), (4, 2), (4, 0)], id="100 to 150 percent goes in halves"),
        pytest.param(4, 50, 100, [(2, 2), (4, 0)], id="50 to 100 percent stops first, then starts"),
        pytest.param(4, 0, 100, [(4, 0)], id="0 to 100 percent stops everything at once"),
        pytest.param(
            4, 50, 200, [(4, 2), (4, 0)], id="50 to 200 percent stops first even with room above",
            marks=pytest.mark.rule("DEPLOY-012"),
        ),
        pytest.param(1, 100, 200, [(1, 1), (1, 0)], id="a single task is doubled"),
        pytest.param(1, 0, 100, [(1, 0)], id="a single task may be replaced in place"),
    ],
)  # fmt: skip
@pytest.mark.rule("DEPLOY-011", "DEPLOY-013")
def test_walk_throughs(desired: int, minimum: int, maximum: int, steps: list[tuple[int, int]]) -> None:
    rollout = Rollout(desired, limits(desired, minimum, maximum), [Tasks(), Tasks(healthy=desired)]).run()
    assert rollout.steps[: len(steps)] == steps
    assert rollout.revisions == [Tasks(healthy=desired)]


@pytest.mark.rule("DEPLOY-012")
def test_the_option_keeps_old_tasks_while_there_is_room_above() -> None:
    rollout = Rollout(4, limits(4, 50, 200), [Tasks(), Tasks(healthy=4)], stop_first="when_no_room").run()
    assert rollout.steps[0] == (4, 4)
    assert rollout.revisions == [Tasks(healthy=4)]


@pytest.mark.rule("SVC-011")
def test_a_deployment_without_room_either_way_is_blocked_and_says_so() -> None:
    for desired, minimum, maximum in [(4, 100, 100), (1, 100, 150), (1, 50, 100)]:
        rollout = Rollout(desired, limits(desired, minimum, maximum), [Tasks(), Tasks(healthy=desired)])
        assert rollout.plan().blocked
        assert not _acts(rollout.plan())


@pytest.mark.rule("DEPLOY-016")
def test_a_second_update_stops_the_unfinished_tasks_of_the_first_at_once() -> None:
    plan = reconcile(
        4, Counts(0, 0, 0), (Tasks(starting=3, healthy=1).counts(), Tasks(healthy=4).counts()), limits(4, 100, 200)
    )
    assert plan.stop_starting == (0, 3, 0)
    assert plan.stop_healthy == (0, 1, 0)
    assert plan.start == 4


@pytest.mark.rule("DEPLOY-011")
def test_unhealthy_old_tasks_go_first() -> None:
    plan = reconcile(4, Counts(0, 0, 0), (Tasks(healthy=2, unhealthy=2).counts(),), limits(4, 50, 100))
    assert plan.stop_unhealthy == (0, 2)
    assert plan.stop_healthy == (0, 0)
    assert plan.start == 2


@pytest.mark.rule("SVC-032")
def test_an_old_task_that_ended_by_itself_is_replaced_by_its_own_revision() -> None:
    new, old = Tasks(starting=2), Tasks(healthy=2)
    plan = reconcile(4, new.counts(), (old.counts()._replace(lost=2),), limits(4, 100, 150))
    assert (plan.start, plan.start_old) == (2, (0,))
    plan = reconcile(4, new.counts(), (old.counts()._replace(lost=2),), limits(4, 100, 200))
    assert (plan.start, plan.start_old) == (2, (2,))


@pytest.mark.rule("SVC-005", "SVC-032")
def test_what_a_scale_out_wants_is_not_replaced_by_old_tasks() -> None:
    plan = reconcile(8, Tasks(starting=8).counts(), (Tasks(healthy=4).counts(),), limits(8, 100, 200))
    assert (plan.start, plan.start_old) == (0, (0,))


@pytest.mark.rule("SVC-005")
def test_scaling_during_a_deployment_moves_the_limits_of_the_new_revision() -> None:
    bounds = limits(8, 100, 200)
    rollout = Rollout(8, bounds, [Tasks(healthy=1), Tasks(healthy=3)]).run()
    assert rollout.revisions == [Tasks(healthy=8)]
    assert rollout.peak <= bounds.upper


PERCENTS = st.sampled_from([(0, 100), (50, 100), (100, 150), (100, 200), (50, 200), (0, 200), (33, 133)])
few = st.integers(0, 6)
tasks = st.builds(Tasks, healthy=few, starting=few, unhealthy=few, displaced=few, lost=few)


@pytest.mark.rule("SVC-011", "SVC-013", "DEPLOY-013")
@given(
    st.integers(0, 12),
    PERCENTS,
    st.lists(tasks, min_size=1, max_size=3),
    st.sampled_from(["always", "when_no_room"]),
    st.booleans(),
)
def test_no_plan_starts_beyond_upper_or_stops_healthy_tasks_below_lower(
    desired: int, percents: tuple[int, int], revisions: list[Tasks], stop_first: str, may_start: bool
) -> None:
    bounds = limits(desired, *percents)
    rollout = Rollout(desired, bounds, revisions, stop_first, may_start)
    plan = rollout.plan()
    before = sum(r.active for r in revisions)
    healthy = sum(r.healthy + r.displaced for r in revisions)
    apply(plan, revisions)
    started = plan.start + sum(plan.start_old)
    if started:
        assert sum(r.active for r in revisions) <= max(bounds.upper, desired), plan
        assert may_start or not plan.start
    else:
        assert sum(r.active for r in revisions) <= before
    stopped = sum(plan.stop_healthy) + plan.stop_displaced
    if stopped:
        assert healthy - stopped >= bounds.lower, plan
    assert not (plan.blocked and _acts(plan))


@given(
    st.integers(0, 12),
    PERCENTS,
    st.lists(tasks, min_size=1, max_size=3),
    st.sampled_from(["always", "when_no_room"]),
)
@pytest.mark.rule("SVC-003", "DEPLOY-011", "SVC-030", "SVC-031")
def test_ideal_tasks_always_end_with_what_is_wanted_of_the_newest_revision(
    desired: int, percents: tuple[int, int], revisions: list[Tasks], stop_first: str
) -> None:
    bounds = limits(desired, *percents)
    rollout = Rollout(desired, bounds, revisions, stop_first).run()
    stuck = bounds.lower >= desired and bounds.upper <= desired
    if not stuck:
        assert rollout.revisions == [Tasks(healthy=desired, lost=revisions[0].lost)]


@given(st.integers(1, 30), PERCENTS, st.sampled_from(["always", "when_no_room"]))
@pytest.mark.rule("DEPLOY-011", "SVC-011")
def test_a_rolling_update_stays_between_its_limits_all_the_way(
    desired: int, percents: tuple[int, int], stop_first: str
) -> None:
    bounds = limits(desired, *percents)
    rollout = Rollout(desired, bounds, [Tasks(), Tasks(healthy=desired)], stop_first).run()
    assert rollout.peak <= bounds.upper
    assert rollout.trough >= bounds.lower


# -- the start throttle ---------------------------------------------------------------------------------------


@pytest.mark.rule("SVC-040", "SVC-041")
def test_the_throttle_begins_at_the_fourth_failure_doubles_and_ends_at_27_minutes() -> None:
    delays = [start_delay(k) for k in range(13)]
    assert delays == [0, 0, 0, 0, 20, 40, 80, 160, 320, 640, 1280, 1620, 1620]
    assert start_delay(10_000) == 1620


@pytest.mark.rule("LIFE-071")
def test_protected_tasks_hold_up_a_deployment_when_they_are_more_than_what_is_wanted() -> None:
    assert [protection_blocks(3, protected) for protected in (0, 3, 4)] == [False, False, True]
