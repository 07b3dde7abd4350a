"""Which tasks stop when a service has too many."""

from __future__ import annotations

from collections import Counter
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.placement import SERVICE_DEFAULT, Strategy, StrategyItem
from ecssim.decide.stop_choice import RunningTask, choose_to_stop

AZ_SPREAD = (StrategyItem("spread", "attribute:ecs.availability-zone"),)
T = RunningTask

CASES = {
    "the fullest zone first": ([T(1, "a"), T(2, "b"), T(3, "b")], 1, (), (2,)),
    "in it the fullest instance": (
        [T(1, "b", 10), T(2, "b", 11), T(3, "b", 11), T(4, "a", 12)],
        1,
        (),
        (2,),
    ),
    "each stop is counted before the next": (
        [T(1, "a"), T(2, "a"), T(3, "a"), T(4, "b"), T(5, "b")],
        3,
        (),
        (1, 2, 4),
    ),
    "ties go to the oldest": ([T(1, "a", created_at=9.0), T(2, "a", created_at=3.0)], 1, (), (2,)),
    "an unhealthy task before all healthy ones": (
        [T(1, "a"), T(2, "a"), T(3, "b", healthy=False)],
        1,
        (),
        (3,),
    ),
    "a task that is not running yet before all others": (
        [T(1, "a"), T(2, "a"), T(3, "b", running=False)],
        1,
        (),
        (3,),
    ),
    "protected tasks never": ([T(1, "a", protected=True), T(2, "a"), T(3, "b")], 3, (), (2, 3)),
    "protected tasks count where they are": (
        [T(1, "a", protected=True), T(2, "a", protected=True), T(3, "a"), T(4, "b"), T(5, "b")],
        1,
        AZ_SPREAD,
        (3,),
    ),
    "spread over another attribute": (
        [
            T(1, "a", attributes={"rack": "r1"}),
            T(2, "b", attributes={"rack": "r2"}),
            T(3, "c", attributes={"rack": "r2"}),
        ],
        1,
        (StrategyItem("spread", "attribute:rack"),),
        (2,),
    ),
    "spread over instances": (
        [T(1, "a", 5), T(2, "b", 6), T(3, "b", 6)],
        1,
        (StrategyItem("spread", "instanceId"),),
        (2,),
    ),
    "binpack frees the instance with the most left": (
        [T(1, "a", 5, left_memory=100), T(2, "a", 6, left_memory=900)],
        1,
        (StrategyItem("binpack", "memory"),),
        (2,),
    ),
    "binpack counts the task's own room as left after the stop": (
        [T(1, "a", 5, memory=700, left_memory=300), T(2, "a", 6, memory=50, left_memory=900)],
        1,
        (StrategyItem("binpack", "memory"),),
        (1,),
    ),
    "binpack goes on where the first stop made room": (
        [
            T(1, "a", 5, cpu=300, left_cpu=400),
            T(2, "a", 6, cpu=300, left_cpu=500),
            T(3, "a", 6, cpu=100, left_cpu=500),
        ],
        2,
        (StrategyItem("binpack", "cpu"),),
        (2, 3),
    ),
    "no more than there are": ([T(1, "a")], 5, (), (1,)),
}


@pytest.mark.rule("PLACE-070", "PLACE-071", "PLACE-072", "PLACE-073")
@pytest.mark.parametrize(("tasks", "count", "strategy", "chosen"), CASES.values(), ids=CASES)
def test_the_choice(tasks: list[RunningTask], count: int, strategy: Strategy, chosen: tuple[int, ...]) -> None:
    assert choose_to_stop(tasks, count, strategy) == chosen
    assert choose_to_stop(reversed(tasks), count, strategy) == chosen, "the order of the records is no reason"


def test_a_task_of_which_no_more_is_said_serves_on_fargate() -> None:
    assert T(1, "a") == T(
        1, "a", instance=-1, running=True, healthy=True, created_at=0.0, protected=False, cpu=0, memory=0, left_cpu=0,
        left_memory=0, attributes={},
    )  # fmt: skip


@pytest.mark.rule("PLACE-071")
def test_random_stops_the_drawn_task() -> None:
    tasks = [T(number, "a") for number in range(4)]
    random = (StrategyItem("random"),)
    assert choose_to_stop(tasks, 2, random, (0.99, 0.0)) == (3, 0)
    with pytest.raises(ValueError, match="needs a draw"):
        choose_to_stop(tasks, 1, random)
    assert choose_to_stop(tasks, 0, random) == choose_to_stop([], 3, random) == (), "nothing to draw"


@pytest.mark.rule("PLACE-071")
def test_after_random_nothing_is_looked_at() -> None:
    tasks = [T(1, "a", 5), T(2, "b", 6), T(3, "b", 6)]
    by_zone_after = (StrategyItem("random"), *AZ_SPREAD)
    assert choose_to_stop(tasks, 1, by_zone_after, (0.0,)) == (1,)


@pytest.mark.rule("PLACE-071")
def test_spread_draws_inside_the_fullest_zone_only() -> None:
    tasks = [T(1, "a"), T(2, "b"), T(3, "b"), T(4, "b")]
    drawn = {choose_to_stop(tasks, 1, AZ_SPREAD, (u / 10,))[0] for u in range(10)}
    assert drawn == {2, 3, 4}


TASKS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.booleans(), st.floats(0, 9)), max_size=25).map(
    lambda rows: [
        T(number, zone, instance, protected=protected, created_at=created)
        for number, (zone, instance, protected, created) in enumerate(rows)
    ]
)


@pytest.mark.rule("PLACE-070", "PLACE-072")
@given(tasks=TASKS, count=st.integers(0, 30), default=st.sampled_from([(), SERVICE_DEFAULT]))
def test_only_unprotected_tasks_stop_and_zones_end_level(
    tasks: list[RunningTask], count: int, default: Strategy
) -> None:
    chosen = choose_to_stop(tasks, count, default)
    free = [task for task in tasks if not task.protected]
    assert len(chosen) == len(set(chosen)) == min(count, len(free))
    assert set(chosen) <= {task.ordinal for task in free}
    before = Counter(task.zone for task in tasks)
    after = Counter(task.zone for task in tasks if task.ordinal not in chosen)
    thinned = [zone for zone in before if after[zone] < before[zone]]
    untouched_full = [after[zone] for zone in {t.zone for t in free if t.ordinal not in chosen}]
    for zone in thinned:
        assert max(untouched_full, default=0) <= after[zone] + 1, "a fuller zone was left alone"


def step_by_step(
    tasks: list[RunningTask], count: int, strategy: Strategy, draws: list[float] | None
) -> tuple[int, ...]:
    """The rules as they are written: look at every task again before each stop."""
    everyone, chosen, freed = list(tasks), [], Counter[tuple[int, str]]()
    for number in range(min(count, sum(not task.protected for task in tasks))):
        free = [task for task in everyone if not task.protected]
        best = [task for task in free if not (task.running and task.healthy)] or free
        for item in strategy or SERVICE_DEFAULT:
            if item.type == "random":
                break
            if item.type == "binpack":
                points = {
                    t.ordinal: getattr(t, f"left_{item.field}") + getattr(t, item.field) + freed[t.instance, item.field]
                    for t in best
                }
            else:
                group = {
                    t.ordinal: t.instance if item.field == "instanceId" else t.attributes.get("rack") or t.zone
                    for t in everyone
                }
                groups = Counter(group.values())
                points = {t.ordinal: groups[group[t.ordinal]] for t in best}
            best = [t for t in best if points[t.ordinal] == max(points.values())]
        best.sort(key=lambda task: (task.created_at, task.ordinal))
        task = best[int(draws[number] * len(best))] if draws is not None else best[0]
        everyone.remove(task)
        chosen.append(task.ordinal)
        freed[task.instance, "cpu"] += task.cpu
        freed[task.instance, "memory"] += task.memory
    return tuple(chosen)


INSTANCES = StrategyItem("spread", "instanceId")
STRATEGIES: tuple[Strategy, ...] = (
    (),
    AZ_SPREAD,
    (*AZ_SPREAD, INSTANCES),
    (INSTANCES, *AZ_SPREAD),
    (StrategyItem("binpack", "cpu"),),
    (*AZ_SPREAD, StrategyItem("binpack", "memory")),
    (StrategyItem("binpack", "memory"), INSTANCES),
    (StrategyItem("random"),),
    (*AZ_SPREAD, StrategyItem("random"), INSTANCES),
)
SIZES = st.sampled_from([10, 20, 50])
MIXED = st.lists(
    st.builds(
        RunningTask,
        ordinal=st.just(0),
        zone=st.sampled_from("abc"),
        instance=st.integers(0, 5),
        running=st.booleans(),
        healthy=st.booleans(),
        created_at=st.sampled_from([1.0, 2.0, 3.0]),
        protected=st.sampled_from([False, False, True]),
        cpu=SIZES,
        memory=SIZES,
        left_cpu=SIZES,
        left_memory=SIZES,
    ),
    max_size=25,
).map(lambda tasks: [task._replace(ordinal=number) for number, task in enumerate(tasks)])


@pytest.mark.rule("PLACE-070", "PLACE-071", "PLACE-072", "PLACE-073")
@given(
    tasks=MIXED,
    count=st.integers(0, 30),
    strategy=st.sampled_from(STRATEGIES),
    draws=st.lists(st.floats(0, 0.999), min_size=30, max_size=30) | st.none(),
)
def test_many_stops_are_the_stops_that_one_would_choose_after_the_other(
    tasks: list[RunningTask], count: int, strategy: Strategy, draws: list[float] | None
) -> None:
    if any(item.type == "random" for item in strategy) and draws is None:
        draws = [0.5] * 30
    assert choose_to_stop(tasks, count, strategy, draws) == step_by_step(tasks, count, strategy, draws)


def test_a_service_of_thousands_of_tasks_scales_in_within_a_second() -> None:
    tasks = [T(number, "abc"[number % 3], number // 4) for number in range(3000)]
    before = process_time()
    assert len(choose_to_stop(tasks, 1500)) == 1500
    assert process_time() - before < 1.0
