"""When a target's health changes, solved instead of polled.

A checker looks at ``first + n x interval``. A target is up during given spans of time; a check at ``t`` succeeds
iff the target is up at ``t``. What a load balancer makes of the results is a small automaton (LB-005): from
*initial* one success is enough (an Application Load Balancer) or the healthy threshold (a Network Load Balancer,
LB-007); from *unhealthy* it takes ``healthy_threshold`` successes in a row, from *healthy* and *initial*
``unhealthy_threshold`` failures in a row make it unhealthy. One checker stands for the nodes of LB-004.
"""

from __future__ import annotations

from math import ceil, inf
from typing import NamedTuple

from ecssim.world.states import TARGET_HEALTHY, TARGET_INITIAL, TARGET_UNHEALTHY


class Check(NamedTuple):
    """How one target is checked: seconds, and thresholds in checks."""

    first: float
    interval: float
    healthy_threshold: int
    unhealthy_threshold: int
    initial_successes: int = 1


class Change(NamedTuple):
    """The target enters ``state`` at ``t``, when the deciding check is done."""

    t: float
    state: int


def _index(check: Check, t: float) -> float:
    """Number of the first check at or after ``t``."""
    if t == inf:
        return inf
    if t <= check.first:
        return 0
    n = ceil((t - check.first) / check.interval)
    # Division may round up across a whole number: the check just before may already be at or after t.
    return n - 1 if check.first + (n - 1) * check.interval >= t else n


def changes(check: Check, up: tuple[tuple[float, float], ...]) -> tuple[Change, ...]:
    """Return every change of state of a target that is up during the half-open spans ``up`` (sorted, disjoint).

    The number of steps is the number of spans, whatever the time between them.
    """
    out: list[Change] = []
    state = TARGET_INITIAL
    at: float = 0
    failures = 0

    def fail(begin: float, end: float) -> None:
        nonlocal state, failures
        count = end - begin
        if state != TARGET_UNHEALTHY and failures + count >= check.unhealthy_threshold:
            n = begin + check.unhealthy_threshold - failures - 1
            out.append(Change(check.first + n * check.interval, TARGET_UNHEALTHY))
            state = TARGET_UNHEALTHY
        failures += int(min(count, 1 << 30))

    successes = 0.0
    for begin, end in up:
        down_to, up_to = _index(check, begin), _index(check, end)
        if down_to > at:
            successes = 0
        fail(at, down_to)
        more = up_to - down_to
        if more > 0:
            failures = 0
            need = check.initial_successes if state == TARGET_INITIAL else check.healthy_threshold
            # A pause that no check fell into does not interrupt the successes.
            if state != TARGET_HEALTHY and successes + more >= need:
                n = down_to + need - successes - 1
                out.append(Change(check.first + n * check.interval, TARGET_HEALTHY))
                state = TARGET_HEALTHY
            successes += more
        at = up_to
        if at == inf:
            return tuple(out)
    fail(at, inf)
    return tuple(out)
