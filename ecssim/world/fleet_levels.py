"""Which of the candidates has the least remaining: exact capacity levels, reached through coarse buckets.

A level is the set of instances with one exact remainder. Levels lie in buckets that grow with the remainder,
eight to a doubling: where a full cluster has most of its instances, near nothing left, the buckets are
finest. Finding the lowest level walks buckets upward from the request and then the levels of one bucket. Kept
only for the resources that some strategy packs by (PLACE-021).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Sequence

from ecssim.world.bitsets import positions
from ecssim.world.hosts import Host

FEW = 8


def bucket_of(value: int) -> int:
    """Return the number of the bucket of ``value``: monotone, eight to a doubling, exact below 16."""
    shift = value.bit_length() - 4
    return value if shift <= 0 else (shift << 3) + (value >> shift)


class Levels:
    """The instances by exact remainder of one resource. ``hosts`` and ``read`` as in ``fleet_ladder``."""

    __slots__ = ("_buckets", "_hosts", "_masks", "_read", "_values")

    def __init__(self, hosts: Sequence[Host | None], read: Callable[[Host], int]) -> None:
        self._hosts = hosts
        self._read = read
        self._masks: dict[int, int] = {}
        self._values: list[list[int]] = []
        self._buckets: list[int] = []
        for position, host in enumerate(hosts):
            if host is not None:
                self.add(1 << position, read(host))

    def add(self, bit: int, value: int) -> None:
        """An instance appeared at ``value``."""
        bucket = bucket_of(value)
        while bucket >= len(self._buckets):
            self._buckets.append(0)
            self._values.append([])
        self._buckets[bucket] |= bit
        mask = self._masks.get(value)
        if mask is None:
            self._masks[value] = bit
            insort(self._values[bucket], value)
        else:
            self._masks[value] = mask | bit

    def discard(self, bit: int, value: int) -> None:
        """The instance at ``value`` went away."""
        bucket = bucket_of(value)
        self._buckets[bucket] ^= bit
        mask = self._masks[value] ^ bit
        if mask:
            self._masks[value] = mask
        else:
            del self._masks[value]
            values = self._values[bucket]
            del values[bisect_left(values, value)]

    def lowest(self, candidates: int, floor: int) -> int:
        """Return those of ``candidates`` with the least remaining; none of them has less than ``floor``."""
        masks = self._masks
        buckets = self._buckets
        for bucket in range(bucket_of(floor), len(buckets)):
            found = buckets[bucket] & candidates
            if not found:
                continue
            values = self._values[bucket]
            if len(values) > FEW and found.bit_count() <= FEW:
                return self._lowest_of_few(found)
            for value in values:
                level = found & masks[value]
                if level:
                    return level
        return 0

    def _lowest_of_few(self, found: int) -> int:
        """Look at the few instances themselves where the levels of their bucket are many."""
        least = -1
        for position in positions(found):
            host = self._hosts[position]
            if host is not None:
                value = self._read(host)
                if least < 0 or value < least:
                    least = value
        return found & self._masks[least]
