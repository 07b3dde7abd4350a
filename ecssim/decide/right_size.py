"""Which size a task should have: the smallest that leaves headroom over what its tasks used at most.

A task that peaks at 30 % of 1,024 CPU units needs 439 with the peak at 70 % of them. On Fargate that is the cheapest
size that exists; on instances the reservation itself. A dimension whose use is not known keeps its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import ceil
from typing import Final, NamedTuple

#: Shares of a right-sized task that its peak minute may fill: CPU is short for a while when it is full, memory kills.
PEAK_CPU: Final = 0.7
PEAK_MEMORY: Final = 0.8
#: Reservations on instances are rounded up to so many CPU units and MiB, and are not smaller than that.
STEP: Final = 32


class Size(NamedTuple):
    """CPU units and MiB."""

    cpu: int
    memory: int


class Peak(NamedTuple):
    """The most that a task used on average in one minute: CPU units and MiB; 0 where nothing is known."""

    cpu: float
    memory: float


def needed(size: Size, peak: Peak, floor: Size) -> Size:
    """CPU units and MiB that leave the headroom, no more than there are and no less than ``floor``."""
    cpu = min(size.cpu, max(floor.cpu, ceil(round(peak.cpu / PEAK_CPU, 6)))) if peak.cpu > 0 else size.cpu
    memory = size.memory
    if peak.memory > 0:
        memory = min(size.memory, max(floor.memory, ceil(round(peak.memory / PEAK_MEMORY, 6))))
    return Size(cpu, memory)


def fargate_size(
    size: Size, need: Size, sizes: Mapping[int, frozenset[int]], vcpu_price: Decimal, gb_price: Decimal
) -> Size:
    """The cheapest Fargate size that holds ``need``; the present one if no other is cheaper (FG-001, FG-041)."""

    def price(one: Size) -> Decimal:
        return one.cpu * vcpu_price + one.memory * gb_price

    fitting = [Size(c, m) for c, row in sizes.items() for m in row if c >= need.cpu and m >= need.memory]
    return min([*fitting, size], key=lambda one: (price(one), one))


def reservation(size: Size, need: Size) -> Size:
    """What to reserve on an instance: ``need`` in whole steps (PLACE-004)."""

    def stepped(present: int, wanted: int) -> int:
        return min(present, max(STEP, -(-wanted // STEP) * STEP))

    return Size(stepped(size.cpu, need.cpu), stepped(size.memory, need.memory))
