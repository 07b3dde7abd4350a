"""The IPv4 addresses of one subnet: who may hold which, as integers in host order."""

from __future__ import annotations

from collections import deque


class AddressPool:
    """The usable addresses of a CIDR block: all but the first four and the last (NET-031).

    Addresses are handed out from the lowest that was never used, then in the order in which they came back.
    """

    __slots__ = ("_end", "_next", "_returned", "base", "total")

    def __init__(self, base: int, total: int) -> None:
        self.base = base
        self.total = total
        self._next = base + 4
        self._end = base + total - 1
        self._returned: deque[int] = deque()

    @property
    def free(self) -> int:
        """How many addresses can be handed out now."""
        return self._end - self._next + len(self._returned)

    @property
    def returned(self) -> tuple[int, ...]:
        """Those that were handed out and came back."""
        return tuple(self._returned)

    def take(self) -> int:
        """Hand out one address, -1 if there is none."""
        if self._next < self._end:
            self._next += 1
            return self._next - 1
        return self._returned.popleft() if self._returned else -1

    def give(self, address: int) -> None:
        """Take one address back; it must have been handed out."""
        self._returned.append(address)

    def take_top(self, count: int) -> int:
        """Hold the ``count`` highest addresses for good (declared use); return how many there were."""
        count = min(count, self._end - self._next)
        self._end -= count
        return count
