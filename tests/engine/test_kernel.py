"""The clock: phases at one instant, the half-open horizon, and SimPy's own things beside call entries."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from ecssim.engine.kernel import CALL, CONTROLLER, MINUTE, OBSERVER, PAGE, TICK, WORLD, Kernel, on_grid


class Waiting:
    """Something with an epoch, as the engine's entities have."""

    def __init__(self) -> None:
        self.epoch = 0


def log_into(seen: list, kernel: Kernel):
    return lambda what, _epoch: seen.append((kernel.now, what))


def test_phases_are_the_order_of_one_instant() -> None:
    kernel, seen = Kernel(), []
    for phase, name in [(OBSERVER, "observer"), (MINUTE, "minute"), (CONTROLLER, "controller"), (CALL, "call"),
                        (WORLD, "world")]:  # fmt: skip
        kernel.at(5.0, phase, log_into(seen, kernel), name)
    kernel.run_until(6.0)
    assert seen == [(5.0, n) for n in ("world", "call", "controller", "minute", "observer")]


def test_within_a_phase_the_first_come_is_the_first_served() -> None:
    kernel, seen = Kernel(), []
    for n in range(5):
        kernel.at(1.0, CALL, log_into(seen, kernel), n)
    kernel.run_until(2.0)
    assert [n for _, n in seen] == [0, 1, 2, 3, 4]


def test_a_later_phase_may_cause_earlier_work_which_runs_before_the_next_phase() -> None:
    kernel, seen = Kernel(), []

    def controller(_arg: object, _epoch: int) -> None:
        seen.append("controller")
        kernel.at(kernel.now, WORLD, lambda _a, _e: seen.append("world again"), None)

    kernel.at(1.0, MINUTE, lambda _a, _e: seen.append("minute"), None)
    kernel.at(1.0, CONTROLLER, controller, None)
    kernel.run_until(2.0)
    assert seen == ["controller", "world again", "minute"]


@pytest.mark.parametrize("phase", [WORLD, OBSERVER])
def test_what_is_due_exactly_at_the_horizon_does_not_happen(phase: int) -> None:
    kernel, seen = Kernel(), []
    kernel.at(10.0, phase, log_into(seen, kernel), "at the horizon")
    kernel.at(10.0 - TICK, phase, log_into(seen, kernel), "just before")
    kernel.run_until(10.0)
    assert [w for _, w in seen] == ["just before"]
    assert kernel.now == 10.0
    kernel.run_until(10.0 + TICK)
    assert [w for _, w in seen] == ["just before", "at the horizon"]


def test_running_to_now_or_to_the_past_is_no_error_and_moves_nothing() -> None:
    kernel = Kernel()
    kernel.run_until(7.0)
    kernel.run_until(7.0)
    kernel.run_until(3.0)
    assert kernel.now == 7.0


@given(st.floats(0, 1e6))
def test_times_are_rounded_up_to_the_grid_and_never_by_a_whole_tick(t: float) -> None:
    grid = on_grid(t)
    assert t <= grid
    assert grid - TICK <= t
    assert grid == int(grid / TICK) * TICK


@given(st.lists(st.integers(0, 5000).map(lambda ms: ms / 1000), min_size=1, max_size=20))
def test_sums_of_delays_are_exact_on_the_grid(delays: list[float]) -> None:
    kernel, seen = Kernel(), []

    def go(rest: list[float], _epoch: int) -> None:
        seen.append(kernel.now)
        if rest:
            kernel.after(rest[0], go, rest[1:], 0)

    kernel.after(0.0, go, delays, 0)
    kernel.run()
    assert seen[-1] == sum(int(-(-d // TICK)) for d in delays) * TICK


entries = st.lists(
    st.tuples(st.floats(0, 6 * PAGE), st.integers(0, 4), st.one_of(st.none(), st.floats(0, 5 * PAGE))),
    max_size=40,
)


@given(entries, st.lists(st.floats(0, 8 * PAGE), max_size=5))
def test_the_order_is_that_of_one_heap_wherever_the_run_pauses(
    plan: list[tuple[float, int, float | None]], pauses: list[float]
) -> None:
    """Far entries wait on pages; nobody may notice. Some entries plan another one when they run."""
    kernel, seen = Kernel(), []

    def act(what: tuple[int, float | None], _epoch: int) -> None:
        number, more = what
        seen.append((kernel.now, number))
        if more is not None:
            kernel.after(more, act, (number + 1000, None), 0)

    for number, (t, phase, more) in enumerate(plan):
        kernel.at(t, phase, act, (number, more))
    for pause in sorted(pauses):
        kernel.run_until(pause)
        assert kernel.peek() >= pause
    kernel.run()

    heap, expected, count = [], [], 0
    for number, (t, phase, more) in enumerate(plan):
        count += 1
        heappush(heap, (on_grid(t), phase, count, number, more))
    while heap:
        t, _, _, number, more = heappop(heap)
        expected.append((t, number))
        if more is not None:
            count += 1
            heappush(heap, (on_grid(t + more), WORLD, count, number + 1000, None))
    assert seen == expected


def test_simpy_processes_events_and_conditions_work_beside_call_entries() -> None:
    kernel, seen = Kernel(), []

    def user(env: simpy.Environment):
        done = env.event()
        kernel.at(2.0, WORLD, lambda event, _e: event.succeed("capacity"), done)
        got = yield simpy.AnyOf(env, [done, env.timeout(5.0)])
        seen.append((env.now, list(got.values())))
        yield env.timeout(100.0)
        seen.append((env.now, "long wait over"))

    kernel.process(user(kernel))
    kernel.run_until(200.0)
    assert seen == [(2.0, ["capacity"]), (102.0, "long wait over")]


def test_a_process_can_be_interrupted_and_waited_for() -> None:
    kernel, seen = Kernel(), []

    def sleeper(env: simpy.Environment):
        try:
            yield env.timeout(1000.0)
        except simpy.Interrupt as interrupt:
            seen.append((env.now, interrupt.cause))
        return "woken"

    def other(env: simpy.Environment, victim: simpy.Process):
        yield env.timeout(3.0)
        victim.interrupt("enough")
        seen.append((env.now, (yield victim)))

    victim = kernel.process(sleeper(kernel))
    last = kernel.process(other(kernel, victim))
    kernel.run(until=last)
    assert seen == [(3.0, "enough"), (3.0, "woken")]


def test_a_users_process_runs_in_the_phase_of_calls() -> None:
    kernel, seen = Kernel(), []

    def user(env: simpy.Environment):
        yield env.timeout(1.0)
        seen.append("user")

    kernel.at(1.0, CONTROLLER, lambda _a, _e: seen.append("controller"), None)
    kernel.process(user(kernel))
    kernel.at(1.0, WORLD, lambda _a, _e: seen.append("world"), None)
    kernel.run_until(2.0)
    assert seen == ["world", "user", "controller"]


def test_a_failed_process_that_nobody_waits_for_raises() -> None:
    kernel = Kernel()

    def broken(env: simpy.Environment):
        yield env.timeout(1.0)
        raise KeyError("user's own bug")

    kernel.process(broken(kernel))
    with pytest.raises(KeyError, match="user's own bug"):
        kernel.run_until(2.0)


def test_compaction_drops_what_was_abandoned_and_nothing_else() -> None:
    kernel, seen = Kernel(), []
    kept, gone = Waiting(), Waiting()
    for t in (1.0, 3 * PAGE):
        kernel.at(t, WORLD, lambda w, _e: seen.append("kept" if w is kept else "gone"), kept)
        kernel.at(t, WORLD, lambda w, _e: seen.append("kept" if w is kept else "gone"), gone)
    kernel.at(2.0, WORLD, lambda _a, _e: seen.append("without epoch"), "text")
    gone.epoch += 1
    kernel.compact()
    kernel.run()
    assert seen == ["kept", "without epoch", "kept"]


def test_pages_that_compaction_emptied_are_turned_over() -> None:
    kernel, seen = Kernel(), []
    gone = Waiting()
    kernel.at(2 * PAGE, WORLD, lambda _a, _e: seen.append("gone"), gone)
    kernel.at(5 * PAGE, WORLD, lambda _a, _e: seen.append("kept"), None)
    gone.epoch += 1
    kernel.compact()
    assert kernel.peek() == 5 * PAGE
    kernel.step()
    assert seen == ["kept"]
    assert kernel.peek() == float("inf")


def test_abandoned_entries_are_compacted_when_they_are_most_of_a_large_queue() -> None:
    kernel = Kernel()
    gone = Waiting()
    for n in range(25_000):
        kernel.at(1.0 + n, WORLD, lambda _a, _e: None, gone)
    gone.epoch += 1
    for _ in range(20_001):
        kernel.note_stale()
    assert kernel.peek() == float("inf")
    assert kernel.stale == 0


def test_a_stop_request_ends_the_run_after_the_entry_that_made_it() -> None:
    kernel, seen = Kernel(), []

    def stop(_arg: object, _epoch: int) -> None:
        kernel.stop_requested = True

    kernel.at(1.0, WORLD, stop, None)
    kernel.at(2.0, WORLD, log_into(seen, kernel), "too late")
    kernel.run_until(10.0)
    assert seen == []
    assert kernel.now == 1.0
