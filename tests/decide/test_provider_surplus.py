"""Which provider gives a task up when a service shrinks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.provider_split import Share, split, surplus

A, B, C = 1, 2, 3


@pytest.mark.rule("CAP-035")
@pytest.mark.parametrize(
    ("strategy", "counts", "count", "stopped"),
    [
        pytest.param([Share(A, 0, 1), Share(B, 0, 1)], {A: 5, B: 3}, 2, [(A, 2)], id="the one with too many"),
        pytest.param([Share(A, 0, 1), Share(B, 0, 1)], {A: 3, B: 3}, 1, [(B, 1)], id="ties go to the last"),
        pytest.param([Share(A, 2, 0), Share(B, 0, 1)], {A: 2, B: 4}, 4, [(B, 4)], id="the base stays"),
        pytest.param(
            [Share(A, 2, 0), Share(B, 0, 1)], {A: 2, B: 1}, 2, [(A, 1), (B, 1)], id="until the total is below it"
        ),
        pytest.param([Share(A, 1, 1), Share(B, 0, 4)], {A: 1, B: 1}, 1, [(B, 1)], id="a base of one stays as well"),
        pytest.param([Share(A, 0, 1), Share(B, 2, 0)], {A: 1, B: 2}, 1, [(A, 1)], id="and that of a later provider"),
        pytest.param([Share(A, 0, 1), Share(B, 3, 1)], {A: 1, B: 1}, 1, [(A, 1)], id="even when it is not full"),
        pytest.param(
            [Share(A, 0, 3), Share(B, 0, 4)],
            {A: 1, B: 1},
            1,
            [(A, 1)],
            id="the share of the total after the stop counts",
        ),
        pytest.param(
            [Share(A, 0, 1), Share(B, 0, 4)], {A: 2, B: 8}, 5, [(A, 1), (B, 4)], id="a full cycle keeps the ratio"
        ),
        pytest.param(
            [Share(A, 0, 1), Share(B, 0, 1)], {A: 3, B: 3, C: 2}, 3, [(B, 1), (C, 2)], id="strangers go first"
        ),
    ],
)
def test_surplus(strategy: list[Share], counts: dict[int, int], count: int, stopped: list[tuple[int, int]]) -> None:
    assert surplus(strategy, counts, counts, count) == stopped


@pytest.mark.rule("CAP-035")
def test_a_provider_gives_no_more_than_it_can() -> None:
    strategy = [Share(A, 0, 1), Share(B, 0, 1)]
    assert surplus(strategy, {A: 6, B: 2}, {A: 1, B: 2}, 3) == [(A, 1), (B, 2)]
    assert surplus(strategy, {A: 1, B: 1}, {A: 0, B: 1}, 3) == [(B, 1)]


@given(
    weights=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    base=st.integers(0, 5),
    total=st.integers(0, 60),
    count=st.integers(0, 60),
)
@pytest.mark.rule("CAP-035")
def test_shrinking_leaves_what_growing_would_have_made_within_one(
    weights: list[int], base: int, total: int, count: int
) -> None:
    strategy = [Share(i, base if i == 0 else 0, w) for i, w in enumerate(weights)]
    count = min(count, total)
    counts = dict(split(strategy, {}, total))
    for provider, n in surplus(strategy, counts, counts, count):
        counts[provider] -= n
    assert sum(counts.values()) == total - count
    grown = dict(split(strategy, {}, total - count))
    assert all(abs(counts.get(s.provider, 0) - grown.get(s.provider, 0)) <= 1 for s in strategy)
    assert counts.get(0, 0) >= min(base, total - count)
