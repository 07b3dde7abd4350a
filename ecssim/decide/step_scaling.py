"""Step scaling: by how far the metric is past the threshold, change the capacity by a fixed amount.

Distances and bounds are in the metric's unit; adjustments are tasks or percent.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from ecssim.aws.names import AdjustmentType
from ecssim.decide.target_tracking import WAIT, Capacity, Cooldown, Decision, inward, outward


class Step(NamedTuple):
    """Between two distances from the threshold, adjust by so much; infinity stands for a bound left out."""

    adjustment: int
    lower: float = -inf
    upper: float = inf


class Steps(NamedTuple):
    """How a step policy changes capacity: kind of adjustment, its steps, the least magnitude (percent only)."""

    kind: AdjustmentType
    steps: tuple[Step, ...]
    least: int = 0


def step_at(steps: Sequence[Step], distance: float) -> Step | None:
    """Return the step for a distance from the threshold, None if none matches (SCALE-051).

    At or above the threshold the lower bound belongs to the step, below it the upper bound does.
    """
    for step in steps:
        if distance >= 0:
            if step.lower <= distance < step.upper:
                return step
        elif step.lower < distance <= step.upper:
            return step
    return None


def adjusted(running: int, policy: Steps, adjustment: int) -> int:
    """Return the capacity after one adjustment, before the target's bounds (SCALE-053 to SCALE-055).

    Percentages are rounded towards zero, but never to zero, and are at least ``least`` tasks.
    """
    if policy.kind is AdjustmentType.EXACT_CAPACITY:
        return adjustment
    if policy.kind is AdjustmentType.CHANGE_IN_CAPACITY:
        return max(0, running + adjustment)
    product = running * adjustment
    size = max(abs(product) // 100, 1, policy.least) if product else 0
    return max(0, running + (size if product > 0 else -size))


def scale_by_steps(
    metric: float, threshold: float, policy: Steps, at: Capacity, cooldown: Cooldown, now: float
) -> Decision:
    """Decide on a breached alarm of a step policy (SCALE-050, SCALE-055, SCALE-056).

    ``metric`` is the aggregate of the most recent data points, ``threshold`` the alarm's. The base is the
    number of running tasks, and tasks still starting or stopping never turn the direction round (SCALE-026).
    """
    step = step_at(policy.steps, metric - threshold)
    if step is None:
        return WAIT
    if policy.kind is AdjustmentType.EXACT_CAPACITY:
        grows = step.adjustment > at.desired
    else:
        grows = step.adjustment > 0
    wanted = adjusted(at.base if grows else at.running, policy, step.adjustment)
    return outward(wanted, at, cooldown, now) if grows else inward(wanted, at, cooldown, now)
