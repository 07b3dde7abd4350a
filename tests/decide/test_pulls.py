"""The arithmetic of image pulls: transfers that share a link, and the tries of a pull that fails."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.pulls import attempts, finished_at


@pytest.mark.rule("AGENT-031")
@pytest.mark.parametrize(
    ("transfers", "ends"),
    [
        pytest.param([], [], id="none"),
        pytest.param([(3.25, 1.7)], [3.25 + 1.7], id="one alone is not slowed"),
        pytest.param([(0, 4), (0, 4)], [8, 8], id="two alike take twice as long"),
        pytest.param([(0, 2), (0, 6)], [4, 8], id="the shorter one first, then the other has the link to itself"),
        pytest.param([(0, 4), (2, 1)], [5, 4], id="a second one joins half way"),
        pytest.param([(2, 1), (0, 4)], [4, 5], id="in any order"),
        pytest.param([(0, 2), (10, 3)], [2, 13], id="one after the other"),
        pytest.param([(0, 2), (2, 2)], [2, 4], id="one begins as the other ends"),
        pytest.param([(5, 2), (5, 2), (9, 1)], [9, 9, 10], id="one begins as two others end"),
    ],
)
def test_transfers_share_the_link(transfers: list[tuple[float, float]], ends: list[float]) -> None:
    assert finished_at(transfers) == pytest.approx(ends)


def stepped(transfers: list[tuple[int, int]], steps: int = 20) -> list[float]:
    """The same by little steps: in each, those under way get an equal part of it."""
    left = [float(work) for _, work in transfers]
    ends: dict[int, float] = {}
    i = 0
    while len(ends) < len(transfers):
        t = i / steps
        busy = [n for n, (start, _) in enumerate(transfers) if start <= t and n not in ends]
        for n in busy:
            left[n] -= 1 / steps / len(busy)
            if left[n] <= 1e-9:
                ends[n] = t + 1 / steps
        i += 1
    return [ends[n] for n in range(len(transfers))]


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 8)), max_size=5))
def test_solved_and_stepped_transfers_agree(transfers: list[tuple[int, int]]) -> None:
    assert finished_at(transfers) == pytest.approx(stepped(transfers), abs=len(transfers) * 0.06)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), min_size=1, max_size=8))
def test_the_link_is_never_idle_while_something_is_left(transfers: list[tuple[int, int]]) -> None:
    ends = finished_at(transfers)
    busy, free = 0.0, 0.0
    for start, work in sorted(transfers):
        free = max(free, start) + work
        busy = max(busy, free)
    assert max(ends) == pytest.approx(busy)
    assert all(end >= start + work - 1e-9 for (start, work), end in zip(transfers, ends, strict=True))


@pytest.mark.rule("AGENT-032")
def test_nine_tries_for_the_manifest_and_five_for_the_image() -> None:
    offsets = attempts(lambda i: 0.0)
    assert offsets[:9] == pytest.approx([0, 0.01, 0.04, 0.13, 0.4, 1.21, 3.64, 8.64, 13.64])
    assert offsets[9:] == pytest.approx([13.64, 14.74, 16.94, 21.34, 26.34])
    longer = attempts(lambda i: 0.2)
    assert longer[-1] == pytest.approx(1.2 * 26.34)
