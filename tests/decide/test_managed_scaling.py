"""CapacityProviderReservation, the alarms, and how many instances follow."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.managed_scaling import (
    Alarms,
    Measure,
    Need,
    Reservation,
    ScalingPolicy,
    Size,
    TaskGroup,
    evaluate,
    extremes,
    lacking,
    measure,
    per_instance,
    reserve,
    right_size,
    scale_in_step,
    scale_out,
    warming_up,
)

LARGE = Size(2048, 7987, 0, 2)
XLARGE = Size(4096, 15974, 0, 3)
SMALL_HIGH = Size(2048, 31948, 0, 2)
ONE = extremes([LARGE])
FULL = ScalingPolicy()
NINETY = ScalingPolicy(target_capacity=90)
HALF = Need(1024, 1024)
BIG = Need(3072, 1024)


@pytest.mark.parametrize(
    ("instances", "busy", "waiting", "policy", "needed", "percent"),
    [
        pytest.param(0, 0, {}, FULL, 0, 100, marks=pytest.mark.rule("ASG-011"), id="no instances and no need is 100"),
        pytest.param(
            0, 0, {HALF: 1}, FULL, 1, 200, marks=pytest.mark.rule("ASG-011"), id="no instances and a need is 200"
        ),
        pytest.param(0, 0, {HALF: 99}, FULL, 50, 200, marks=pytest.mark.rule("ASG-011"), id="and 200 for any need"),
        pytest.param(
            3, 2, {}, FULL, 2, Fraction(200, 3), marks=pytest.mark.rule("ASG-010", "ASG-013"), id="busy over all"
        ),
        pytest.param(4, 0, {}, FULL, 0, 0, marks=pytest.mark.rule("ASG-013"), id="all of them empty is 0"),
        pytest.param(
            1, 1, {HALF: 10}, FULL, 6, 600, marks=pytest.mark.rule("ASG-012", "ASG-020"), id="no upper bound of 200"
        ),
        pytest.param(
            4, 1, {HALF: 1}, FULL, 5, 125, marks=pytest.mark.rule("ASG-020"), id="who waits hides what is empty"
        ),
        pytest.param(
            2, 2, {HALF: 3}, FULL, 4, 200, marks=pytest.mark.rule("ASG-018"), id="a bin-pack count, rounded up"
        ),
        pytest.param(
            2,
            2,
            {HALF: 3, Need(512, 512): 12},
            FULL,
            5,
            250,
            marks=pytest.mark.rule("ASG-019"),
            id="the largest need counts",
        ),
        pytest.param(
            2,
            2,
            {HALF: 3, Need(512, 512): 12},
            ScalingPolicy(combination="sum"),
            7,
            350,
            marks=pytest.mark.rule("ASG-019"),
            id="as an option their sum",
        ),
        pytest.param(
            2,
            2,
            {HALF: 1},
            ScalingPolicy(minimum_step=3),
            5,
            250,
            marks=pytest.mark.rule("ASG-020"),
            id="at least the minimum step",
        ),
        pytest.param(
            2,
            2,
            {HALF: 90},
            ScalingPolicy(maximum_step=4),
            6,
            300,
            marks=pytest.mark.rule("ASG-020"),
            id="at most the maximum step",
        ),
        pytest.param(
            2, 1, {BIG: 5}, NINETY, 1, 90, marks=pytest.mark.rule("ASG-017"), id="too big for the type: at the target"
        ),
        pytest.param(0, 0, {BIG: 5}, FULL, 0, 100, marks=pytest.mark.rule("ASG-017"), id="also without instances"),
        pytest.param(
            2, 2, {BIG: 5, HALF: 2}, FULL, 3, 150, marks=pytest.mark.rule("ASG-017"), id="only what fits has a say"
        ),
        pytest.param(
            2, 1, {HALF: 0}, FULL, 1, 50, marks=pytest.mark.rule("ASG-013"), id="a count of zero waits for nothing"
        ),
    ],
)
def test_reservation(
    instances: int, busy: int, waiting: dict[Need, int], policy: ScalingPolicy, needed: int, percent: int | Fraction
) -> None:
    got = reserve(instances, busy, waiting, ONE, policy)
    assert (got.needed, Fraction(got.numerator, got.denominator)) == (needed, percent)


@pytest.mark.rule("ASG-016", "ASG-017", "ASG-018")
def test_the_extremes_may_come_from_different_types() -> None:
    sizes = extremes([XLARGE, SMALL_HIGH])
    assert sizes.smallest == Size(2048, 15974, 0, 2)
    assert sizes.largest == Size(4096, 31948, 0, 3)
    # 20,000 MiB fit one of the types, but not the smallest memory: left out of the count.
    assert reserve(1, 1, {Need(256, 20000): 4}, sizes, FULL).percent == 100
    # Eight halves count as four to the largest of both, which no single type has room for.
    assert reserve(1, 1, {Need(1024, 7900): 8}, sizes, FULL).needed == 3


@pytest.mark.rule("ASG-017")
@pytest.mark.parametrize(
    ("need", "lacks"),
    [
        pytest.param(Need(2049, 1), "CPU", id="a unit of CPU too much"),
        pytest.param(Need(1, 7988), "memory", id="a MiB too much"),
        pytest.param(Need(1, 1, gpus=1), "GPU", id="a GPU that it does not have"),
        pytest.param(Need(2048, 7987, eni=True), "", id="an exact fit"),
        pytest.param(Need(2049, 7988, gpus=1), "CPU", id="the first of what is too small"),
    ],
)
def test_what_of_an_empty_instance_is_too_small(need: Need, lacks: str) -> None:
    assert lacking(need, LARGE) == lacks
    assert lacking(Need(1, 1, eni=True), LARGE._replace(eni_slots=0)) == "ENI slots"


@pytest.mark.rule("ASG-017")
def test_a_measure_keeps_what_it_was_made_of() -> None:
    assert measure(2, 2, {BIG: 5, HALF: 3}, ONE, FULL) == Measure(
        Reservation(4, 2, 400, 2),
        (TaskGroup(BIG, 5, 0, 0, "CPU"), TaskGroup(HALF, 3, 2, 2, "")),
        lower_bound=2,
        step=2,
    )
    nothing = measure(2, 1, {}, ONE, FULL)
    assert (nothing.groups, nothing.lower_bound, nothing.step) == ((), 0, 0)


@pytest.mark.parametrize(
    ("reservation", "target", "side"),
    [
        pytest.param(Reservation(2, 3, 200, 3), 66, 1, id="66.7 percent is above 66"),
        pytest.param(Reservation(2, 3, 200, 3), 67, -1, id="and below 67"),
        pytest.param(Reservation(9, 10, 900, 10), 90, 0, id="nine of ten are 90"),
        pytest.param(Reservation(0, 0, 100), 100, 0, id="none at all is at a target of 100"),
    ],
)
def test_a_reservation_is_held_against_the_target_exactly(reservation: Reservation, target: int, side: int) -> None:
    assert reservation.against(target) == side


def test_managed_scaling_of_which_nothing_is_said() -> None:
    # The defaults of the API: 100 percent, steps of 1 to 10,000, five minutes of warm-up.
    assert ScalingPolicy() == ScalingPolicy(100, 1, 10_000, 300.0, "max")


@pytest.mark.rule("ASG-018", "ASG-023")
@pytest.mark.parametrize(
    ("need", "held"),
    [
        pytest.param(Need(512, 512), 4, id="CPU is short"),
        pytest.param(Need(128, 2000), 3, id="memory is short"),
        pytest.param(Need(128, 128, eni=True), 2, id="ENI slots are short"),
        pytest.param(Need(128, 128, gpus=1), 0, id="no GPU at all"),
        pytest.param(Need(128, 128, ports=(("tcp", 80),)), 1, id="a host port is there once"),
        pytest.param(Need(128, 128, alone=True), 1, id="distinctInstance takes one each"),
        pytest.param(Need(2048, 7987), 1, id="an exact fit"),
        pytest.param(Need(2049, 1), 0, id="a unit too much"),
        pytest.param(Need(0, 0), 1, id="a task that asks for nothing"),
    ],
)
def test_how_many_fit_on_an_empty_instance(need: Need, held: int) -> None:
    assert per_instance(need, LARGE) == held


@pytest.mark.parametrize(
    ("reservation", "policy", "desired"),
    [
        pytest.param(
            Reservation(2, 3, 200, 3), FULL, 2, marks=pytest.mark.rule("ASG-032"), id="the rule's own example"
        ),
        pytest.param(
            Reservation(50, 0, 200), FULL, 2, marks=pytest.mark.rule("ASG-033"), id="two from zero, whatever the need"
        ),
        pytest.param(
            Reservation(0, 0, 100),
            NINETY,
            2,
            marks=pytest.mark.rule("ASG-033", "ASG-038"),
            id="two from zero when idle",
        ),
        pytest.param(
            Reservation(9, 9, 100), NINETY, 10, marks=pytest.mark.rule("ASG-037"), id="nine busy at 90 percent are ten"
        ),
        pytest.param(
            Reservation(10, 9, 1000, 9), NINETY, 12, marks=pytest.mark.rule("ASG-032"), id="the need is rounded up"
        ),
        pytest.param(
            Reservation(55, 50, 110),
            ScalingPolicy(target_capacity=55),
            100,
            marks=pytest.mark.rule("ASG-032"),
            id="integers, not 100.00001",
        ),
    ],
)
def test_scale_out(reservation: Reservation, policy: ScalingPolicy, desired: int) -> None:
    assert scale_out(reservation, policy) == desired


@pytest.mark.rule("ASG-035")
@pytest.mark.parametrize(
    ("instances", "busy", "policy", "step"),
    [
        pytest.param(10, 0, FULL, 4, id="less than half of ten"),
        pytest.param(9, 0, FULL, 4, id="less than half of nine"),
        pytest.param(3, 0, FULL, 1, id="one of three"),
        pytest.param(2, 0, FULL, 1, id="one of two, since one is the least"),
        pytest.param(1, 0, FULL, 1, id="the last one"),
        pytest.param(10, 8, FULL, 2, id="not below the need"),
        pytest.param(12, 9, NINETY, 2, id="not below the need over the target"),
        pytest.param(10, 9, NINETY, 0, id="nothing at the right size"),
    ],
)
def test_scale_in(instances: int, busy: int, policy: ScalingPolicy, step: int) -> None:
    assert scale_in_step(reserve(instances, busy, {}, ONE, policy), policy) == step


@pytest.mark.parametrize(
    ("points", "after"),
    [
        pytest.param([1], (True, False), marks=pytest.mark.rule("ASG-030"), id="one point above fires high"),
        pytest.param([-1] * 14, (False, False), marks=pytest.mark.rule("ASG-031"), id="fourteen below are not enough"),
        pytest.param([-1] * 15, (False, True), marks=pytest.mark.rule("ASG-031"), id="fifteen below fire low"),
        pytest.param([-1] * 40, (False, True), marks=pytest.mark.rule("ASG-031"), id="and it stays so"),
        pytest.param(
            [*[-1] * 14, 0, -1], (False, False), marks=pytest.mark.rule("ASG-031"), id="a gap starts them anew"
        ),
        pytest.param(
            [*[-1] * 20, 1, -1], (False, False), marks=pytest.mark.rule("ASG-036"), id="one above ends a scale-in"
        ),
        pytest.param([], (False, False), id="nothing has been measured"),
        pytest.param([1, *[-1] * 14], (False, False), marks=pytest.mark.rule("ASG-031"), id="fourteen after one above"),
        pytest.param([1, 0], (False, False), marks=pytest.mark.rule("ASG-030"), id="at the target is not above it"),
    ],
)
def test_alarms(points: list[int], after: tuple[bool, bool]) -> None:
    alarms = Alarms()
    for point in points:
        alarms = evaluate(alarms, point)
    assert (alarms.high, alarms.low) == after


@pytest.mark.rule("ASG-034")
@pytest.mark.parametrize(
    ("launched", "warming"),
    [
        pytest.param([], False, id="nobody is young"),
        pytest.param([0.0, 700.0], False, id="exactly old enough"),
        pytest.param([0.0, 701.0], True, id="one is a second too young"),
    ],
)
def test_warm_up(launched: list[float], warming: bool) -> None:
    assert warming_up(1000.0, launched, FULL) is warming


@given(instances=st.integers(1, 500), busy=st.integers(0, 500), target=st.integers(1, 100))
@pytest.mark.rule("ASG-035", "ASG-037")
def test_shrinking_ends_at_the_right_size_and_never_passes_it(instances: int, busy: int, target: int) -> None:
    busy = min(busy, instances)
    policy = ScalingPolicy(target_capacity=target)
    goal = right_size(busy, policy)
    n, minutes = instances, 0
    while step := scale_in_step(reserve(n, busy, {}, ONE, policy), policy):
        assert step == 1 or 2 * step < n
        n -= step
        minutes += 1
    assert n == min(instances, goal) or (goal > instances and n == instances)
    assert minutes <= 12


@given(
    instances=st.integers(0, 50),
    waiting=st.dictionaries(
        st.tuples(st.integers(1, 2048), st.integers(1, 7987)).map(lambda both: Need(*both)),
        st.integers(1, 60),
        min_size=1,
        max_size=4,
    ),
)
@pytest.mark.rule("ASG-018", "ASG-019")
def test_what_waits_never_needs_fewer_than_the_bound_says(instances: int, waiting: dict[Need, int]) -> None:
    """First fit on real instances: the step of the metric is a lower bound (ASG-021 corrects it later)."""
    step = reserve(instances, instances, waiting, ONE, FULL).needed - instances
    hosts: list[list[int]] = []
    for need, count in waiting.items():
        for _ in range(count):
            for host in hosts:
                if host[0] >= need.cpu and host[1] >= need.memory:
                    break
            else:
                host = [LARGE.cpu, LARGE.memory]
                hosts.append(host)
            host[0] -= need.cpu
            host[1] -= need.memory
    assert step <= len(hosts)
