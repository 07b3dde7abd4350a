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
    wanted = adjusted(at.running, policy, step.adjustment)
    exact = policy.kind is AdjustmentType.EXACT_CAPACITY
    grows = wanted > at.desired if exact else step.adjustment > 0
    return outward(wanted, at, cooldown, now) if grows else inward(wanted, at, cooldown, now)


def step_problems(policy: Steps) -> list[str]:
    """Return what the API refuses in a set of steps, in words; empty if nothing (SCALE-052)."""
    steps = sorted(policy.steps, key=lambda s: (s.lower, s.upper))
    found = []
    if any(s.lower == -inf and s.upper == inf for s in steps):
        found.append("a step needs metricIntervalLowerBound or metricIntervalUpperBound")
    if any(s.upper <= s.lower for s in steps):
        found.append("metricIntervalUpperBound must be more than metricIntervalLowerBound")
    if sum(s.lower == -inf for s in steps) > 1 or sum(s.upper == inf for s in steps) > 1:
        found.append("at most one step may leave out each bound")
    for before, after in zip(steps, steps[1:], strict=False):
        if after.lower < before.upper:
            found.append("steps must not overlap")
        elif after.lower > before.upper:
            found.append("steps must not leave a gap between them")
    if any(-inf < s.lower < 0 for s in steps) and not any(s.lower == -inf for s in steps):
        found.append("a negative lower bound needs a step without a lower bound")
    if any(0 < s.upper < inf for s in steps) and not any(s.upper == inf for s in steps):
        found.append("a positive upper bound needs a step without an upper bound")
    if policy.kind is AdjustmentType.EXACT_CAPACITY and any(s.adjustment < 0 for s in steps):
        found.append("an exact capacity cannot be negative")
    return list(dict.fromkeys(found))
