"""Sets of instances as Python integers: bit ``p`` stands for the instance at position ``p``.

An AND over 5,000 instances costs some 30 nanoseconds, and the lowest set bit is the instance that registered
first. Nothing here knows what the positions mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def from_positions(positions: Iterable[int], width: int) -> int:
    """Return the set of ``positions``, each in ``range(width)``, in linear time."""
    octets = bytearray(width // 8 + 1)
    for position in positions:
        octets[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(octets, "little")


def positions(mask: int) -> Iterator[int]:
    """Yield the positions of ``mask``, lowest first, in linear time."""
    digits = bin(mask)[:1:-1]
    at = digits.find("1")
    while at >= 0:
        yield at
        at = digits.find("1", at + 1)


def lowest(mask: int) -> int:
    """Return the lowest position of ``mask``, -1 of the empty set."""
    return (mask & -mask).bit_length() - 1


def nth(mask: int, n: int) -> int:
    """Return position number ``n`` of ``mask``, counted from 0, by halving; -1 if there are not so many."""
    total = mask.bit_count()
    if not 0 <= n < total:
        return -1
    base = 0
    width = mask.bit_length()
    while width > 60:
        half = width >> 1
        high = mask >> half
        above = high.bit_count()
        below = total - above
        if n < below:
            mask ^= high << half
            width = half
            total = below
        else:
            n -= below
            mask = high
            base += half
            width -= half
            total = above
    while n:
        mask &= mask - 1
        n -= 1
    return base + lowest(mask)
