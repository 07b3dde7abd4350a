"""Clients that try again: what failed comes back after a wait, and makes a storm where it fails again.

A failed request of attempt k is tried again ``backoff x factor^(k-1)`` seconds later, until its attempts are used
up. Which attempts failed is not known request by request: failures are split over the attempts under way in proportion
to their numbers. While anything is to be retried the target's segments are short, so that a storm builds up at its own
pace and not at the minute's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from ecssim.workload.flow import shares

#: Seconds of a segment while requests fail or wait to be retried.
STEP: Final = 5.0


@dataclass(slots=True, eq=False)
class Retries:
    """The retries at one target. ``under_way`` are the requests there by attempt, from the first on."""

    attempts: int
    backoff: float
    factor: float
    on: frozenset[str]
    share: float = 1.0
    under_way: list[int] = field(default_factory=list)
    waiting: list[tuple[float, int, int]] = field(default_factory=list)
    carry: float = 0.0
    part: float = 0.0
    armed: bool = False
    #: Requests that have failed for good, and those that were tried again.
    given_up: int = 0

    def __post_init__(self) -> None:
        self.under_way = [0] * self.attempts

    @property
    def busy(self) -> bool:
        """Whether anything waits to be tried again."""
        return bool(self.waiting)

    def due(self, now: float) -> int:
        """Return how many come back by ``now``; they are under way from here on."""
        count = 0
        while self.waiting and self.waiting[0][0] <= now:
            _, attempt, n = heappop(self.waiting)
            self.under_way[attempt] += n
            count += n
        return count

    def arrived(self, count: int) -> None:
        """So many requests were sent for the first time."""
        self.under_way[0] += count

    def settle(self, now: float, failed: dict[str, int], done: int) -> None:
        """Of those under way ``failed`` failed by code and ``done`` were served: send the failed ones again."""
        self._take(done)
        lost = sum(n for code, n in failed.items() if code in self.on)
        other = sum(failed.values()) - lost
        # Only some of the clients may retry: the others' failures are for good.
        exact = lost * self.share + self.part
        again = min(lost, int(exact))
        self.part = exact - int(exact) if again < lost else 0.0
        self._take(other + lost - again)
        self.given_up += other + lost - again
        for attempt, n in enumerate(self._take(again)):
            if n == 0:
                continue
            if attempt + 1 >= self.attempts:
                self.given_up += n
            else:
                heappush(self.waiting, (now + self.backoff * self.factor**attempt, attempt + 1, n))

    def _take(self, count: int) -> list[int]:
        """Take ``count`` of the requests under way, in proportion to the attempts; return how many of each."""
        total = sum(self.under_way)
        count = min(count, total)
        if count <= 0:
            return [0] * self.attempts
        parts, self.carry = shares(count, [float(n) for n in self.under_way], self.carry)
        short = 0
        for k, n in enumerate(parts):
            taken = min(n, self.under_way[k])
            short += n - taken
            parts[k] = taken
            self.under_way[k] -= taken
        for k in range(self.attempts):
            more = min(short, self.under_way[k])
            parts[k] += more
            self.under_way[k] -= more
            short -= more
        return parts
