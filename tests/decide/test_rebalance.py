"""Even shares of a service's tasks over its zones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.rebalance import gaps, is_even, shares, surplus

COUNTS = st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.integers(0, 40), min_size=1)


@pytest.mark.rule("PLACE-081")
@pytest.mark.parametrize(
    ("counts", "even"),
    [
        pytest.param({"a": 3, "b": 3}, True, id="the same everywhere"),
        pytest.param({"a": 3, "b": 2, "c": 2}, True, id="one more for the remainder"),
        pytest.param({"a": 3, "b": 3, "c": 1}, False, id="below the floor"),
        pytest.param({"a": 4, "b": 2, "c": 2}, False, id="above the ceiling"),
        pytest.param({"a": 1, "b": 0, "c": 0}, True, id="fewer tasks than zones"),
        pytest.param({"a": 2, "b": 0, "c": 0}, False, id="two in one zone of three"),
        pytest.param({"a": 4, "b": 2}, False, id="above the share when nothing remains"),
    ],
)
def test_when_zones_are_even(counts: dict[str, int], even: bool) -> None:
    assert is_even(counts.values()) is even


@pytest.mark.rule("PLACE-081")
@pytest.mark.parametrize(
    ("counts", "tasks", "start", "stop"),
    [
        pytest.param({"a": 6, "b": 0}, 6, {"b": 3}, {"a": 3}, id="half of them move"),
        pytest.param({"a": 4, "b": 4, "c": 0}, 8, {"c": 2}, {"a": 1, "b": 1}, id="one from each of the full ones"),
        pytest.param({"a": 5, "b": 3, "c": 0}, 8, {"c": 2}, {"a": 2}, id="the fullest keeps the remainder"),
        pytest.param({"a": 3, "b": 2}, 5, {}, {}, id="nothing to do"),
    ],
)
def test_the_moves(counts: dict[str, int], tasks: int, start: dict[str, int], stop: dict[str, int]) -> None:
    assert gaps(counts, tasks) == start
    assert surplus(counts, tasks) == stop


@pytest.mark.rule("PLACE-081")
@given(counts=COUNTS)
def test_after_the_moves_the_zones_are_even_and_no_set_of_fewer_moves_does_it(counts: dict[str, int]) -> None:
    tasks = sum(counts.values())
    start = gaps(counts, tasks)
    moved = {zone: count + start.get(zone, 0) for zone, count in counts.items()}
    stop = surplus(moved, tasks)
    assert sum(start.values()) == sum(stop.values())
    after = {zone: count - stop.get(zone, 0) for zone, count in moved.items()}
    assert is_even(after.values())
    assert sum(shares(counts, tasks).values()) == tasks
    low = tasks // len(counts)
    high = low + (tasks % len(counts) > 0)
    needed = max(sum(max(0, low - c) for c in counts.values()), sum(max(0, c - high) for c in counts.values()))
    assert sum(start.values()) == needed
