"""When a rolling deployment has failed, and when it may be called done.

Pure functions of counts. Whether the failed deployment rolls back is its settings' business; what a rollback
does is :mod:`ecssim.decide.reconcile`'s, since a rollback is a rolling deployment of the old revision
(DEPLOY-047). Integer arithmetic throughout: 55 % of 100 is 55.
"""

from __future__ import annotations

from math import floor
from typing import Final

from ecssim.aws.names import ThresholdType

#: Bounds of BOUNDED_PERCENT (DEPLOY-041).
LEAST: Final = 3
MOST: Final = 200


def threshold(kind: ThresholdType, value: int, desired: int) -> int:
    """How many failed tasks trip the circuit breaker of a service that wants ``desired`` tasks (DEPLOY-041).

    >>> threshold(ThresholdType.BOUNDED_PERCENT, 50, 25)
    13
    """
    if kind is ThresholdType.COUNT:
        return value
    share = (desired * value + 99) // 100
    if kind is ThresholdType.UNBOUNDED_PERCENT:
        return max(1, share)
    return min(MOST, max(LEAST, share))


def counts_as_failure(running: int, *, started: bool) -> bool:
    """Whether the circuit breaker counts a task that failed, with ``running`` tasks of its deployment RUNNING.

    Stage 1, while none runs: tasks that stop without having reached RUNNING. Stage 2, while at least one runs:
    tasks that ``started`` and are replaced for a failed health check (DEPLOY-042).
    """
    return started if running > 0 else not started


def next_look(since: float, now: float, every: float) -> float:
    """The first instant after ``now`` at which a deployment begun at ``since`` looks at its alarms (DEPLOY-052)."""
    return since + (floor((now - since) / every) + 1) * every


def enough_for_success(healthy: int, desired: int, healthy_percent: int) -> bool:
    """Whether so many healthy new tasks end a deployment with early success criteria (DEPLOY-018)."""
    return healthy >= max(1, (desired * healthy_percent + 99) // 100)
