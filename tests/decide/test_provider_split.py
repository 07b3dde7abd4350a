"""How a service's tasks are split over capacity providers."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.provider_split import Share, next_provider, split


def grow(strategy: list[Share], total: int) -> list[int]:
    """The provider of each of ``total`` tasks, one after the other."""
    counts: Counter[int] = Counter()
    order = []
    for _ in range(total):
        provider = next_provider(strategy, counts)
        counts[provider] += 1
        order.append(provider)
    return order


def difference(strategy: list[Share], counts: Counter[int], total: int) -> dict[int, float]:
    """d_i of CAP-034 after ``total`` tasks."""
    weights = sum(s.weight for s in strategy)
    base = next((s for s in strategy if s.base), None)
    part = min(base.base, total) if base else 0
    rest = total - part
    return {s.provider: counts[s.provider] - ((part if s is base else 0) + rest * s.weight / weights) for s in strategy}


@pytest.mark.parametrize(
    ("strategy", "total", "expected"),
    [
        pytest.param(
            [Share(1, 0, 1), Share(2, 0, 4)],
            10,
            {1: 2, 2: 8},
            id="weights 1 and 4 give four on the second for each on the first",
            marks=pytest.mark.rule("CAP-032"),
        ),
        pytest.param([Share(1, 0, 1), Share(2, 0, 1)], 8, {1: 4, 2: 4}, id="equal weights split evenly"),
        pytest.param(
            [Share(1, 4, 1), Share(2, 0, 3)],
            4,
            {1: 4},
            id="the base is filled first",
            marks=pytest.mark.rule("CAP-030"),
        ),
        pytest.param(
            [Share(1, 4, 1), Share(2, 0, 3)],
            24,
            {1: 9, 2: 15},
            id="above the base the weights count for the rest alone",
            marks=pytest.mark.rule("CAP-030", "CAP-032"),
        ),
        pytest.param([Share(7, 0, 0)], 5, {7: 5}, id="a single item takes everything, whatever its weight"),
        pytest.param(
            [Share(1, 2, 0), Share(2, 0, 1)],
            6,
            {1: 2, 2: 4},
            id="weight 0 with a base takes its base and no more",
        ),
    ],
)
def test_ratios(strategy: list[Share], total: int, expected: dict[int, int]) -> None:
    assert Counter(grow(strategy, total)) == expected
    assert dict(split(strategy, {}, total)) == expected


@pytest.mark.rule("CAP-033")
def test_ties_go_in_list_order() -> None:
    assert grow([Share(5, 0, 1), Share(3, 0, 1)], 4) == [5, 3, 5, 3]
    assert grow([Share(5, 2, 1), Share(3, 0, 1)], 6) == [5, 5, 5, 3, 5, 3], "above a base too"
    assert next_provider([Share(5, 0, 1), Share(3, 0, 1)], {3: 0}) == 5, "a provider that nobody has counted has none"


weights = st.lists(st.integers(1, 10), min_size=2, max_size=6)


@pytest.mark.rule("CAP-032", "CAP-033", "CAP-034")
@given(weights, st.integers(0, 5), st.integers(0, 5), st.integers(0, 120))
def test_the_split_stays_close_to_the_ratio_and_is_exact_on_full_cycles(
    parts: list[int], base: int, where: int, total: int
) -> None:
    strategy = [Share(i, base if i == where % len(parts) else 0, w) for i, w in enumerate(parts)]
    counts = Counter(grow(strategy, total))
    bound = 0.5 if len(parts) == 2 else 1.0 if len(parts) <= 4 else 1.5
    off = difference(strategy, counts, total)
    assert all(abs(d) <= bound + 1e-9 for d in off.values()), off
    if total >= base and (total - base) % sum(parts) == 0:
        assert all(abs(d) < 1e-9 for d in off.values()), off


@given(weights, st.dictionaries(st.integers(0, 5), st.integers(0, 20)), st.integers(0, 40))
@pytest.mark.rule("CAP-036")
def test_a_batch_is_the_same_as_one_by_one_and_moves_nothing_that_exists(
    parts: list[int], counts: dict[int, int], count: int
) -> None:
    strategy = [Share(i, 0, w) for i, w in enumerate(parts)]
    before = dict(counts)
    shares = split(strategy, counts, count)
    assert counts == before
    assert sum(n for _, n in shares) == count
    now = Counter(counts)
    for _ in range(count):
        now[next_provider(strategy, now)] += 1
    assert all(now[p] - counts.get(p, 0) == n for p, n in shares)


@pytest.mark.rule("CAP-030")
def test_a_base_of_one_is_filled_first_even_by_a_provider_that_has_nothing_yet() -> None:
    strategy = [Share(1, 1, 0), Share(2, 0, 1)]
    assert next_provider(strategy, {}) == 1
    assert next_provider(strategy, {1: 1}) == 2
