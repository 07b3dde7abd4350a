from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.record.ids import owner_key, task_id, task_ids

U64 = st.integers(0, 2**64 - 1)


def test_an_id_is_32_hexadecimal_digits_and_stays_the_same_over_releases():
    # Scenarios may name tasks of earlier runs: changing this breaks them.
    assert task_id(owner_key(7, "service", "prod/web"), 0) == "1f181967ee1f417a2ffc8d5a6cd76825"


@given(st.lists(st.tuples(U64, st.integers(0, 2**32 - 1)), max_size=20))
def test_many_ids_at_once_equal_single_ones(launches: list[tuple[int, int]]):
    keys = np.array([key for key, _ in launches], dtype=np.uint64)
    ks = np.array([k for _, k in launches], dtype=np.uint32)
    assert task_ids(keys, ks).tolist() == [task_id(key, k) for key, k in launches]


def test_launches_and_owners_do_not_share_ids():
    owners = [owner_key(seed, "service", name) for seed in range(3) for name in ("a", "b")]
    ids = {task_id(key, k) for key in owners for k in range(1000)}
    assert len(ids) == 6_000


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param((1, "ab", "c"), (1, "a", "bc"), id="a part does not run into the next"),
        pytest.param((1, "a"), (1, "a", ""), id="an empty part counts"),
        pytest.param((1, "a"), (2, "a"), id="the seed matters"),
        pytest.param((1, "a", "b"), (1, "b", "a"), id="the order matters"),
    ],
)
def test_keys_differ(left: tuple[int, str], right: tuple[int, str]):
    assert owner_key(*left) != owner_key(*right)


def test_a_key_is_an_unsigned_64_bit_integer():
    assert all(0 <= owner_key(seed, "x") < 2**64 for seed in (-1, 0, 2**70))
