"""Bitsets, thresholds and levels against plain sets and sorted lists."""

from __future__ import annotations

import random
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecssim.world import bitsets
from ecssim.world.fleet_ladder import EXACT_SIZES, Ladder
from ecssim.world.fleet_levels import Levels, bucket_of
from ecssim.world.hosts import Host
from ecssim.world.requests import InstanceSpec

SETS = st.sets(st.integers(0, 700))


@given(SETS)
def test_a_bitset_holds_the_positions_it_was_made_of_in_order(members: set[int]) -> None:
    mask = bitsets.from_positions(members, 701)
    assert list(bitsets.positions(mask)) == sorted(members)
    assert bitsets.lowest(mask) == min(members, default=-1)


@given(SETS)
def test_nth_counts_positions_from_the_lowest(members: set[int]) -> None:
    mask = bitsets.from_positions(members, 701)
    assert [bitsets.nth(mask, n) for n in range(len(members))] == sorted(members)
    assert [bitsets.nth(mask, n) for n in (-2, -1, len(members), len(members) + 1)] == [-1] * 4


@given(st.integers(0, 10**7))
def test_buckets_grow_with_the_value(value: int) -> None:
    assert bucket_of(value) <= bucket_of(value + 1) <= bucket_of(value) + 1


def hosts_with(values: list[int]) -> list[Host]:
    return [Host(at, at, InstanceSpec(value, 0)) for at, value in enumerate(values)]


def follow(host: Host, structure: Ladder | Levels, value: int) -> None:
    """Move a host's CPU in the structure and on the host."""
    if isinstance(structure, Levels):
        structure.move(host.bit, host.cpu, value)
    else:
        structure.move(host.bit, min(host.cpu, value), max(host.cpu, value))
    host.cpu = value


@pytest.mark.rule("PLACE-005")
@pytest.mark.parametrize("sizes_in_use", [5, EXACT_SIZES, 200], ids=lambda n: f"{n} request sizes")
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_threshold_holds_the_instances_with_at_least_so_much(sizes_in_use: int, data: st.DataObject) -> None:
    hosts = hosts_with(data.draw(st.lists(st.integers(0, 1000), min_size=1, max_size=60)))
    ladder = Ladder(hosts, attrgetter("cpu"))
    luck = random.Random(data.draw(st.integers(0, 2**32)))
    sizes = luck.sample(range(1001), sizes_in_use)
    ladder.learn(sizes[: sizes_in_use // 2])
    for size in sizes:
        follow(luck.choice(hosts), ladder, luck.randrange(1001))
        expected = {host.position for host in hosts if host.cpu >= size}
        assert set(bitsets.positions(ladder.at_least(size))) == expected
    for size in sizes:
        assert ladder.at_least(size).bit_count() == sum(host.cpu >= size for host in hosts)


@pytest.mark.rule("PLACE-021")
@pytest.mark.parametrize(
    "spread_of_values",
    [4, 1000, 9000],
    ids=["many instances a level", "one bucket, one instance a level", "several buckets"],
)
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 120))
def test_the_lowest_level_is_found_among_any_candidates(spread_of_values: int, seed: int, count: int) -> None:
    luck = random.Random(seed)

    def remainder() -> int:
        return 8192 + luck.randrange(spread_of_values)

    hosts = hosts_with([remainder() for _ in range(count)])
    levels = Levels(hosts, attrgetter("cpu"))
    for _ in range(150):
        follow(luck.choice(hosts), levels, remainder())
        chosen = luck.sample(hosts, luck.randrange(count + 1))
        candidates = bitsets.from_positions((host.position for host in chosen), count)
        least = min((host.cpu for host in chosen), default=0)
        expected = {host.position for host in chosen if host.cpu == least}
        assert set(bitsets.positions(levels.lowest(candidates, 8192))) == expected


def test_levels_that_ran_empty_do_not_pile_up() -> None:
    [host] = hosts_with([1_000_000])
    levels = Levels([host], attrgetter("cpu"))
    for value in range(1_000_000, 1_010_000):
        follow(host, levels, value)
    assert len(levels._masks) < 200
