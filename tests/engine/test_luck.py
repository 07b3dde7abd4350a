"""Luck is addressed: the same number whoever asks, in whatever order, beside whomever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.engine.luck import BLOCK, COLUMNS, Luck, words

numbers = st.lists(st.integers(0, 500), min_size=1, max_size=30)


@given(numbers, st.integers(0, 2**32))
def test_draws_do_not_depend_on_the_order_of_asking(order: list[int], seed: int) -> None:
    straight = Luck(seed)("placement", "web")
    expected = {k: straight[k] for k in range(max(order) + 1)}
    asked = Luck(seed)("placement", "web")
    assert [asked[k] for k in order] == [expected[k] for k in order]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=12))
def test_launch_blocks_do_not_depend_on_the_order_of_asking(order: list[int]) -> None:
    straight = Luck(3).launches("service", "prod", "web")
    expected = [straight.block(b) for b in range(13)]
    asked = Luck(3).launches("service", "prod", "web")
    for b in order:
        z, u = asked.block(b)
        assert np.array_equal(z, expected[b][0])
        assert np.array_equal(u, expected[b][1])


def test_a_stream_asked_for_beside_others_is_the_same_stream() -> None:
    alone = Luck(1)("subnet", "web")
    luck = Luck(1)
    crowd = [luck("subnet", name) for name in ("api", "web", "batch")]
    for k in range(200):
        assert [d[k] for d in crowd][1] == alone[k]


def test_purposes_entities_and_seeds_have_streams_of_their_own() -> None:
    luck = Luck(1)
    firsts = [
        luck("subnet", "web")[0],
        luck("zone-tie", "web")[0],
        luck("subnet", "web2")[0],
        luck("subnet", "we", "b")[0],
        luck("subnetw", "eb")[0],
        Luck(2)("subnet", "web")[0],
    ]
    assert len(set(firsts)) == len(firsts)


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_keys_differ_when_the_parts_do(a: list[str], b: list[str]) -> None:
    assert (words(*a) == words(*b)) == (a == b)


def test_draws_are_uniform_and_normals_are_normal() -> None:
    draws = Luck(5)("subnet", "web")
    values = np.array([draws[k] for k in range(4000)])
    assert values.min() >= 0.0
    assert values.max() < 1.0
    assert abs(values.mean() - 0.5) < 0.02
    blocks = [Luck(5).launches("service", "prod", "web").block(b) for b in range(8)]
    z = np.concatenate([b[0] for b in blocks])
    assert z.shape == (8 * BLOCK, COLUMNS)
    assert abs(z.mean()) < 0.05
    assert abs(z.std() - 1.0) < 0.05


def test_a_seed_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="zero or more"):
        Luck(-1)
