"""Which instances have at least so much of one resource left: a mask per request size in use.

A change of one instance flips only the thresholds that it crosses. Up to 32 sizes every size has a mask of
its own. Beyond, only every k-th size has one (k about the square root of their number), and between two of
them lie *classes*: the instances whose remainder is at least one size but not the next, which no request can
tell apart. So an update stays at a few flips, a question at a few ORs, and the answer exact. Sizes are learnt
when first asked for; past ``KNOWN_SIZES`` a new one is answered by checking the instances of the one class in
doubt.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from math import isqrt

from ecssim.world.bitsets import from_positions, positions
from ecssim.world.hosts import Host

EXACT_SIZES = 32
KNOWN_SIZES = 512


class Ranks(dict[int, int]):
    """How many of the sizes a remainder reaches, remembered: a cluster's remainders come again and again."""

    __slots__ = ("_sizes",)

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self._sizes = sizes

    def __missing__(self, remainder: int) -> int:
        rank = self[remainder] = bisect_right(self._sizes, remainder)
        return rank


class Ladder:
    """Threshold masks of one resource; ``hosts`` is the fleet's list by position, ``read`` a remainder."""

    __slots__ = ("_classes", "_hosts", "_index", "_masks", "_read", "_sizes", "_stride", "ranks")

    def __init__(self, hosts: Sequence[Host | None], read: Callable[[Host], int]) -> None:
        self._hosts = hosts
        self._read = read
        self._sizes: list[int] = []
        self.ranks = Ranks(self._sizes)
        self._index: dict[int, int] = {}
        self._stride = 1
        self._masks: list[int] = []
        self._classes: list[int] = []

    def at_least(self, size: int) -> int:
        """Return the instances with ``size`` or more remaining."""
        at = self._index.get(size)
        if at is None:
            if len(self._sizes) >= KNOWN_SIZES:
                return self._unlearnt(size)
            self.learn((size,))
            at = self._index[size]
        if self._stride == 1:
            return self._masks[at]
        stride = self._stride
        rung, beyond = divmod(at, stride)
        if beyond == 0:
            return self._masks[rung]
        above = rung + 1
        if beyond * 2 <= stride:
            mask = self._masks[rung]
            for one in self._classes[rung * stride : at]:
                mask ^= one
            return mask
        mask = self._masks[above] if above < len(self._masks) else 0
        for one in self._classes[at : above * stride]:
            mask |= one
        return mask

    def move(self, bit: int, low: int, high: int) -> None:
        """Follow one instance whose remainder went from ``low`` to ``high`` or back; ``low < high``."""
        a, b = self.ranks[low], self.ranks[high]
        if a != b:
            self.cross(bit, a, b)

    def cross(self, bit: int, a: int, b: int) -> None:
        """Follow one instance that went from rank ``a`` to rank ``b`` or back; ``a < b``."""
        stride = self._stride
        if stride > 1:
            classes = self._classes
            if a:
                classes[a - 1] ^= bit
            classes[b - 1] ^= bit
            a = -(-a // stride)
            b = -(-b // stride)
        masks = self._masks
        for at in range(a, b):
            masks[at] ^= bit

    def learn(self, sizes: Iterable[int]) -> None:
        """Give each of ``sizes`` its threshold; cheaper all at once than one by one."""
        new = set(sizes).difference(self._index)
        for size in sorted(new)[: KNOWN_SIZES - len(self._sizes)]:
            insort(self._sizes, size)
        self.ranks.clear()
        count = len(self._sizes)
        self._index = {size: at for at, size in enumerate(self._sizes)}
        self._stride = 1 if count <= EXACT_SIZES else isqrt(count - 1) + 1
        self._rebuild()

    def _rebuild(self) -> None:
        sizes = self._sizes
        members: list[list[int]] = [[] for _ in range(len(sizes) + 1)]
        for position, host in enumerate(self._hosts):
            if host is not None:
                members[bisect_right(sizes, self._read(host))].append(position)
        width = len(self._hosts)
        classes = [from_positions(found, width) for found in members[1:]]
        masks = []
        above = 0
        for at in range(len(sizes) - 1, -1, -1):
            above |= classes[at]
            if at % self._stride == 0:
                masks.append(above)
        masks.reverse()
        self._masks = masks
        self._classes = classes if self._stride > 1 else []

    def _unlearnt(self, size: int) -> int:
        sizes = self._sizes
        above = bisect_left(sizes, size)
        mask = self.at_least(sizes[above]) if above < len(sizes) else 0
        doubtful = (self.at_least(sizes[above - 1]) if above else (1 << len(self._hosts)) - 1) & ~mask
        enough = []
        for position in positions(doubtful):
            host = self._hosts[position]
            if host is not None and self._read(host) >= size:
                enough.append(position)
        return mask | from_positions(enough, len(self._hosts))
