"""Which zone and which subnet a task's interface goes to."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.subnet_choice import choose_subnet, choose_zone


@pytest.mark.parametrize(
    ("counts", "u", "expected"),
    [
        pytest.param({}, None, "a", id="an empty service starts in the first zone of its list"),
        pytest.param({"a": 1}, None, "b", id="then the zones without tasks follow"),
        pytest.param({"a": 2, "b": 1, "c": 2}, None, "b", id="the emptiest zone gets the next task"),
        pytest.param({"a": 1, "b": 1}, None, "c", id="zones that have no count have no tasks"),
        pytest.param({}, 0.99, "c", id="a drawn tie can go to the last"),
        pytest.param({"b": 1}, 0.5, "c", id="only the tied ones are drawn among"),
    ],
)
@pytest.mark.rule("PLACE-013", "NET-042")
def test_zone(counts: dict[str, int], u: float | None, expected: str) -> None:
    assert choose_zone(["a", "b", "c"], counts, u) == expected


@given(st.integers(1, 60))
@pytest.mark.rule("NET-042")
def test_a_growing_service_is_never_more_than_one_task_apart(total: int) -> None:
    counts: Counter[str] = Counter()
    for _ in range(total):
        counts[choose_zone(["a", "b", "c"], counts)] += 1
    assert max(counts.values()) - min(counts[z] for z in "abc") <= 1


@pytest.mark.parametrize(
    ("free", "u", "option", "expected"),
    [
        pytest.param([0], 0.7, "random", 0, id="one subnet is no choice, even a full one"),
        pytest.param([5, 0], 0.6, "random", 1, id="random takes a full one too", marks=pytest.mark.rule("NET-044")),
        pytest.param([5, 9], 0.1, "random", 0, id="random looks at the draw, not at what is free"),
        pytest.param([5, 9, 9], 0.1, "most_free", 1, id="most free takes the first of the freest"),
        pytest.param([0, 0], 0.9, "most_free", 0, id="most free of full ones is the first"),
    ],
)
@pytest.mark.rule("NET-043")
def test_subnet(free: list[int], u: float, option: str, expected: int) -> None:
    assert choose_subnet(free, u, option) == expected


@given(st.lists(st.integers(0, 300), min_size=2, max_size=5), st.floats(0, 1, exclude_max=True))
def test_a_draw_always_names_a_subnet(free: list[int], u: float) -> None:
    assert 0 <= choose_subnet(free, u, "random") < len(free)
    assert free[choose_subnet(free, u, "most_free")] == max(free)
