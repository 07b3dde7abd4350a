"""Which of the candidates has the least remaining: exact capacity levels, reached through coarse buckets.

A level is the set of instances with one exact remainder. Levels lie in buckets that grow with the remainder,
eight to a doubling: where a full cluster has most of its instances, near nothing left, the buckets are
finest. Finding the lowest level walks octaves upward from the request, the buckets of one, and then the levels
of one bucket. Kept only for the resources that some strategy packs by (PLACE-021).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence

from ecssim.errors import InvariantBroken
from ecssim.world.hosts import Host

FEW = 24
SWEEP_FROM = 32


def bucket_of(value: int) -> int:
    """Return the number of the bucket of ``value``: monotone, eight to a doubling, exact below 16."""
    shift = value.bit_length() - 4
    return value if shift <= 0 else (shift << 3) + (value >> shift)


class Levels:
    """The instances by exact remainder of one resource. ``hosts`` and ``read`` as in ``fleet_ladder``.

    A level that ran empty stays for a while, since a cluster's remainders come again and again; a bucket
    drops its empty levels when it has doubled. *Octaves* are the unions of eight buckets, one doubling of the
    remainder: a walk looks at them first.
    """

    __slots__ = ("_bucket_of", "_buckets", "_hosts", "_masks", "_octaves", "_read", "_sweep_at", "_values")

    def __init__(self, hosts: Sequence[Host | None], read: Callable[[Host], int]) -> None:
        self._hosts = hosts
        self._read = read
        self._masks: dict[int, int] = {}
        self._bucket_of: dict[int, int] = {}  # of every value that has a level
        self._buckets: list[int] = []
        self._octaves: list[int] = []
        self._values: list[list[int]] = []
        self._sweep_at: list[int] = []
        for host in hosts:
            if host is not None:
                self.add(host.bit, read(host))

    def add(self, bit: int, value: int) -> None:
        """An instance appeared at ``value``."""
        if value not in self._masks:
            self._open(value)
        self._masks[value] |= bit
        bucket = bucket_of(value)
        self._buckets[bucket] |= bit
        self._octaves[bucket >> 3] |= bit

    def discard(self, bit: int, value: int) -> None:
        """The instance at ``value`` went away."""
        self._masks[value] ^= bit
        bucket = bucket_of(value)
        self._buckets[bucket] ^= bit
        self._octaves[bucket >> 3] ^= bit

    def move(self, bit: int, old: int, new: int) -> None:
        """The instance at ``old`` is at ``new`` from now on."""
        masks = self._masks
        if new not in masks:
            self._open(new)
        masks[old] ^= bit
        masks[new] |= bit
        a = self._bucket_of[old]
        b = self._bucket_of[new]
        if a != b:
            buckets = self._buckets
            buckets[a] ^= bit
            buckets[b] |= bit
            a >>= 3
            b >>= 3
            if a != b:
                octaves = self._octaves
                octaves[a] ^= bit
                octaves[b] |= bit

    def _open(self, value: int) -> None:
        bucket = bucket_of(value)
        while bucket >= len(self._buckets):
            if not len(self._buckets) & 7:
                self._octaves.append(0)
            self._buckets.append(0)
            self._values.append([])
            self._sweep_at.append(SWEEP_FROM)
        values = self._values[bucket]
        if len(values) >= self._sweep_at[bucket]:
            for empty in [one for one in values if not self._masks[one]]:
                del self._masks[empty]
                del self._bucket_of[empty]
            values[:] = [one for one in values if one in self._masks]
            self._sweep_at[bucket] = max(SWEEP_FROM, 2 * len(values))
        insort(values, value)
        self._masks[value] = 0
        self._bucket_of[value] = bucket

    def lowest(self, candidates: int, floor: int) -> int:
        """Return those of ``candidates`` with the least remaining; none of them has less than ``floor``."""
        # All walks run inside the interpreter's own loops: a step is one AND.
        found = next(filter(None, map(candidates.__and__, self._octaves[bucket_of(floor) >> 3 :])), 0)
        if not found:
            return 0
        at = self._bucket_of[self._value(found)] & -8
        found = next(filter(None, map(found.__and__, self._buckets[at : at + 8])))
        values = self._values[self._bucket_of[self._value(found)]]
        if len(values) > FEW and found.bit_count() <= FEW:
            return self._lowest_of_few(found)
        return next(filter(None, map(found.__and__, map(self._masks.__getitem__, values))), 0)

    def _value(self, found: int) -> int:
        """Return the remainder of one of the instances that were found."""
        host = self._hosts[found.bit_length() - 1]
        if host is None:
            raise InvariantBroken("the index offers an instance that is gone")
        return self._read(host)

    def _lowest_of_few(self, found: int) -> int:
        """Look at the few instances themselves where the levels of their bucket are many."""
        least = -1
        rest = found
        while rest:
            host = self._hosts[rest.bit_length() - 1]
            if host is None:
                raise InvariantBroken("the index offers an instance that is gone")
            rest ^= host.bit
            value = self._read(host)
            if value < least or least < 0:
                least = value
        return found & self._masks[least]
