"""When an agent that lost its connection has one again, and when its reports get through: plain arithmetic.

Times are seconds. Nothing is polled: the next try that succeeds is computed from the rule by which they are spaced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappop, heappush
from math import inf
from typing import Final

#: The first wait before the agent connects again, how much longer each is, and the longest (AGENT-022).
RECONNECT_FIRST: Final = 0.25
RECONNECT_GROWTH: Final = 1.5
RECONNECT_MOST: Final = 120.0
#: How long one attempt to connect lasts.
CONNECT_TIMEOUT: Final = 30.0
#: Submit*StateChange: so many tries with doubling waits, then so many at a fixed distance (AGENT-043).
SUBMIT_DOUBLINGS: Final = 13
SUBMIT_MORE: Final = 285
SUBMIT_WAIT: Final = 300.0
#: Tasks whose changes an agent submits at once (AGENT-042).
SUBMITTED_AT_ONCE: Final = 10


def connected_again(lost: float, back: float, heartbeat: float, jitter: Callable[[int], float]) -> float:
    """Return when an agent without network from ``lost`` to ``back`` has its connection to ECS again.

    It closes the connection after ``heartbeat`` seconds of silence (AGENT-020) and opens another one, with growing
    waits in between, each longer by the share ``jitter(i)`` (AGENT-022). An attempt that is under way when the
    network comes back gets through. A loss that ends before the agent noticed costs nothing but the silence.
    """
    t = lost + heartbeat
    if back <= t:
        return back
    wait, i = RECONNECT_FIRST, 0
    while True:
        t += wait * (1.0 + jitter(i))
        if t >= back:
            return t
        if t + CONNECT_TIMEOUT > back:
            return back
        t += CONNECT_TIMEOUT
        wait, i = min(wait * RECONNECT_GROWTH, RECONNECT_MOST), i + 1


def submit_wait(attempt: int, unit: float) -> float:
    """Return the seconds before try ``attempt`` + 1 of a report, infinity after the last one (AGENT-043).

    ``unit`` is 30 to 59 milliseconds.
    """
    if attempt <= SUBMIT_DOUBLINGS:
        return unit * 2.0**attempt
    return SUBMIT_WAIT if attempt <= SUBMIT_DOUBLINGS + SUBMIT_MORE else inf


def submitted_at(happened: float, back: float, unit: Callable[[int], float]) -> float:
    """Return when ECS hears of what happened while the agent had no network until ``back`` (AGENT-043)."""
    t, attempt = happened, 1
    while t < back:
        t += submit_wait(attempt, unit(attempt))
        attempt += 1
    return t


def reported_at(happened: Sequence[float], back: float, unit: Callable[[int, int], float]) -> list[float]:
    """Return when ECS hears of each change, in the order in which they happened (AGENT-042).

    Ten at a time are being tried; the others stand behind them and go through as soon as one of the ten has.
    """
    tried: list[float] = []
    times = []
    for i, t in enumerate(happened):
        if len(tried) < SUBMITTED_AT_ONCE:
            at = submitted_at(t, back, partial(unit, i))
        else:
            at = max(t, heappop(tried))
        heappush(tried, at)
        times.append(at)
    return times
