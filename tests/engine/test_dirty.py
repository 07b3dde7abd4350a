"""Controllers run when dirty: once, in the order of their ordinals, whoever marked first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.engine.controllers import Dirty
from ecssim.engine.kernel import CONTROLLER, MINUTE, WORLD, Kernel


class Stub:
    """As much of a service as the dirty set looks at."""

    def __init__(self, ordinal: int, daemon: bool = False, phase: float = 0.0) -> None:
        self.ordinal = ordinal
        self.daemon = daemon
        self.dirty = False
        self.wake_at = float("inf")
        self.pass_phase = phase


def world(count: int = 5, period: float = 5.0) -> tuple[Kernel, Dirty, list[Stub], list[tuple[float, int]]]:
    kernel = Kernel()
    seen: list[tuple[float, int]] = []
    dirty = Dirty(kernel, lambda s: seen.append((float(kernel.now), s.ordinal)), period)
    return kernel, dirty, [Stub(n, daemon=n == count - 1, phase=0.5 * n) for n in range(count)], seen


@pytest.mark.rule("SVC-060")
@given(st.permutations(list(range(5))), st.lists(st.integers(0, 4), max_size=5))
def test_the_order_and_number_of_marks_change_nothing(order: list[int], again: list[int]) -> None:
    kernel, dirty, services, seen = world()
    kernel.run_until(1.0)
    for n in [*order, *again]:
        dirty.mark(services[n])
    kernel.run_until(2.0)
    # The last one is a daemon: its share of an instance is reserved first (SVC-060).
    assert seen == [(1.0, n) for n in (4, 0, 1, 2, 3)]


def test_a_pass_runs_after_the_facts_of_its_instant_and_before_the_minute() -> None:
    kernel, dirty, services, seen = world()
    order: list[str] = []
    kernel.at(3.0, MINUTE, lambda _a, _e: order.append(f"minute after {len(seen)} passes"), None)
    kernel.at(3.0, WORLD, lambda _a, _e: dirty.mark(services[0]), None)
    kernel.at(3.0, WORLD, lambda _a, _e: order.append(f"fact after {len(seen)} passes"), None)
    kernel.run_until(4.0)
    assert order == ["fact after 0 passes", "minute after 1 passes"]


@pytest.mark.rule("PLACE-092")
@given(st.integers(0, 4), st.floats(0, 60))
def test_the_ordinary_pass_is_at_the_next_point_of_the_services_own_grid(n: int, at: float) -> None:
    kernel, dirty, services, seen = world()
    kernel.run_until(at)
    dirty.mark_at_grid(services[n])
    dirty.mark_at_grid(services[n])
    kernel.run_until(at + 20.0)
    assert len(seen) == 1
    t = seen[0][0]
    assert 0.0 < t - at <= 5.0 + 1e-5
    assert (t - services[n].pass_phase) % 5.0 == pytest.approx(0.0, abs=1e-4) or (
        (t - services[n].pass_phase) % 5.0 == pytest.approx(5.0, abs=1e-4)
    )


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_of_several_wake_ups_the_earliest_comes_and_later_ones_are_not_lost_work(times: list[int]) -> None:
    kernel, dirty, services, seen = world()
    for t in times:
        dirty.mark_at(services[0], float(t))
    kernel.run_until(100.0)
    assert seen[0] == (float(min(times)), 0)
    assert len(seen) <= len(set(times))


def test_a_pass_that_marks_its_own_service_runs_once_more_at_the_same_instant() -> None:
    kernel = Kernel()
    runs: list[float] = []

    def run(service: Stub) -> None:
        runs.append(float(kernel.now))
        if len(runs) == 1:
            dirty.mark(service)

    dirty = Dirty(kernel, run, 5.0)
    dirty.mark(Stub(0))
    kernel.run_until(1.0)
    assert runs == [0.0, 0.0]


def test_a_wake_up_beside_other_marks_keeps_the_order_of_ordinals() -> None:
    kernel, dirty, services, seen = world()
    dirty.mark_at(services[2], 1.0)
    dirty.mark_at(services[0], 1.0)
    kernel.at(1.0, CONTROLLER, lambda _a, _e: dirty.mark(services[1]), None)
    kernel.run_until(2.0)
    assert [n for _, n in seen] == [0, 1, 2]
