"""The addresses of one subnet: who may hold which, as integers in host order."""

from __future__ import annotations

from collections import deque
from typing import Final

#: The address of an interface that has no IPv4 one; it is held by all of them at once and is never counted.
NO_IPV4: Final = 0
#: The multiplier of Knuth's linear congruential generator: odd, so that it maps numbers of 64 bits one to one.
_SPREAD: Final = 6364136223846793005


class AddressPool:
    """The usable addresses of a CIDR block: all but the first four and the last (NET-031).

    Addresses are handed out from the lowest that was never used, then in the order in which they came back.
    """

    __slots__ = ("_end", "_next", "_returned", "base", "free", "total")

    def __init__(self, base: int, total: int) -> None:
        self.base = base
        self.total = total
        self._next = base + 4
        self._end = base + total - 1
        self._returned: deque[int] = deque()
        #: How many addresses can be handed out now.
        self.free = max(0, self._end - self._next)

    @property
    def returned(self) -> tuple[int, ...]:
        """Those that were handed out and came back."""
        return tuple(self._returned)

    def take(self) -> int:
        """Hand out one address, -1 if there is none."""
        address = self._next
        if address < self._end:
            self._next = address + 1
            self.free -= 1
            return address
        if not self._returned:
            return -1
        self.free -= 1
        return self._returned.popleft()

    def give(self, address: int) -> None:
        """Take one address back; it must have been handed out."""
        self._returned.append(address)
        self.free += 1

    def take_top(self, count: int) -> int:
        """Hold the ``count`` highest addresses for good (declared use); return how many there were."""
        count = min(count, self._end - self._next)
        self._end -= count
        self.free -= count
        return count


class NoIpv4:
    """What stands for the pool of an IPv6-only subnet: nobody needs an IPv4 address, nobody goes without (NET-046)."""

    __slots__ = ()
    base = 0
    total = 0
    #: Room as ``subnetChoice: most_free`` sees it: more than any IPv4 block has.
    free = 1 << 32
    returned: tuple[int, ...] = ()

    def take(self) -> int:
        """Hand out the address that is none."""
        return NO_IPV4

    def give(self, address: int) -> None:
        """Take it back."""


def ipv6_address(network: int, ordinal: int) -> int:
    """Return the IPv6 address of the interface of task ``ordinal`` in a /64 (NET-045): no two tasks share one.

    A /64 never runs out, so its addresses are not kept: each is a function of the task.
    """
    host = ordinal * _SPREAD + 1442695040888963407 & (1 << 64) - 1
    return network | host
