"""Token buckets against a simulation in small steps; address pools against a set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.world.addresses import NO_IPV4, AddressPool, NoIpv4, ipv6_address
from ecssim.world.buckets import TokenBucket

# Times in sixteenths of a second and rates in eighths, so that the fine simulation is exact.
moments = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 30)), max_size=25)


@pytest.mark.rule("QUOTA-020", "FG-011")
@given(st.integers(1, 40), st.sampled_from([0.5, 1.0, 5.0, 20.0, 2.25]), moments)
def test_a_bucket_equals_one_filled_in_steps_of_a_sixteenth(
    burst: int, rate: float, takes: list[tuple[int, int]]
) -> None:
    bucket = TokenBucket(burst, rate)
    level, step = float(burst), 0
    for at, count in sorted(takes):
        while step < at:
            level = min(float(burst), level + rate / 16)
            step += 1
        expected = min(count, int(level))
        now = at / 16
        assert bucket.available(now) == int(level)
        assert bucket.take(count, now) == expected
        level -= expected


@given(st.integers(1, 10), st.floats(0.1, 50), st.floats(0, 100))
def test_next_at_is_the_first_moment_with_a_token(burst: int, rate: float, now: float) -> None:
    bucket = TokenBucket(burst, rate)
    bucket.take(burst, now)
    due = bucket.next_at(now)
    assert due == pytest.approx(now + 1 / rate)
    assert bucket.available(now + 0.9 / rate) == 0
    assert bucket.available(due) == 1
    assert bucket.next_at(due) == due


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = TokenBucket(3, 10)
    assert bucket.take(2, 0.0) == 2
    assert bucket.take(100, 1000.0) == 3


def test_what_was_given_back_can_be_taken_again_and_overflows_as_new_tokens_do() -> None:
    bucket = TokenBucket(5, 1)
    assert bucket.take(4, 0.0) == 4
    bucket.give_back(2)
    assert bucket.available(0.0) == 3
    bucket.give_back(9)
    assert bucket.available(0.0) == 5


def test_time_that_has_been_counted_is_not_counted_again() -> None:
    bucket = TokenBucket(10, 1)
    assert bucket.take(10, 0.0) == 10
    assert bucket.available(4.0) == 4
    assert bucket.take(4, 4.0) == 4
    assert bucket.next_at(4.5) == 5.0
    assert bucket.take(1, 5.0) == 1
    assert bucket.available(5.0) == 0
    assert [bucket.take(9, now) for now in (7.0, 9.5)] == [2, 2]


@pytest.mark.rule("NET-031")
@pytest.mark.parametrize(
    ("prefix", "usable"),
    [
        pytest.param(24, 251, id="a 24 has 251"),
        pytest.param(20, 4091, id="a 20 has 4,091"),
        pytest.param(28, 11, id="a 28 has 11"),
    ],
)
def test_five_addresses_of_a_subnet_are_unusable(prefix: int, usable: int) -> None:
    size = 2 ** (32 - prefix)
    pool = AddressPool(1000, size)
    assert pool.free == usable
    taken = [pool.take() for _ in range(usable)]
    assert min(taken) == 1004
    assert max(taken) == 1000 + size - 2
    assert len(set(taken)) == usable
    assert pool.take() == -1


@given(st.lists(st.booleans(), max_size=80), st.integers(0, 12))
def test_no_address_is_given_to_two_and_none_is_lost(history: list[bool], declared: int) -> None:
    pool = AddressPool(0, 16)
    held: list[int] = []
    declared = pool.take_top(declared)
    for take in history:
        if take:
            address = pool.take()
            assert (address == -1) == (len(held) == 11 - declared)
            if address >= 0:
                assert address not in held
                assert 4 <= address < 15 - declared
                held.append(address)
        elif held:
            pool.give(held.pop(0))
        assert pool.free == 11 - declared - len(held)
        assert not set(pool.returned) & set(held)


def test_an_address_that_came_back_is_the_last_to_be_handed_out_again() -> None:
    pool = AddressPool(0, 16)
    first = pool.take()
    pool.give(first)
    assert [pool.take() for _ in range(11)][-1] == first


@pytest.mark.rule("NET-045")
def test_no_two_tasks_share_an_ipv6_address_and_all_lie_in_the_subnets_block() -> None:
    network = 0x20010DB8_00000002 << 64
    addresses = [ipv6_address(network, ordinal) for ordinal in range(100_000)]
    assert len(set(addresses)) == len(addresses)
    assert {address >> 64 for address in addresses} == {network >> 64}
    # They do not count up: neighbours differ in the upper half of the host's part too.
    assert len({address >> 32 & 0xFFFFFFFF for address in addresses[:1000]}) > 990


@pytest.mark.rule("NET-046")
def test_a_subnet_without_ipv4_never_runs_out_and_counts_nothing() -> None:
    pool = NoIpv4()
    assert (pool.base, pool.total, pool.returned) == (0, 0, ())
    assert [pool.take() for _ in range(3)] == [NO_IPV4] * 3 == [0] * 3
    pool.give(NO_IPV4)
    assert pool.returned == ()
    assert pool.free >= 2**32, "no IPv4 block has more room"
