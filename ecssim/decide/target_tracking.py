"""Target tracking: how many tasks keep a metric at its target, and what forbids getting there.

Pure arithmetic on counts of tasks. A decision either moves the desired count (``to``), or says why not: with a
code of the API (``reason``, recorded as a not-scaled activity), or silently (a cooldown runs). Times are
seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final, NamedTuple

from ecssim.aws.names import NotScaledReason

#: Seconds of either cooldown when the policy does not say (SCALE-040).
DEFAULT_COOLDOWN: Final = 300.0
#: The low alarm's threshold as a share of the target value (SCALE-009).
LOW_SHARE: Final = 0.9
#: Evaluation periods of one minute each, all of which must breach (SCALE-008, SCALE-009).
HIGH_PERIODS: Final = 3
LOW_PERIODS: Final = 15
#: The low alarm's periods of 20 seconds: the same quarter of an hour (SCALE-012).
LOW_PERIODS_FINE: Final = 45


class Capacity(NamedTuple):
    """What a policy sees of its target: tasks RUNNING, the desired count, and the target's bounds.

    ``deploying`` says that a deployment of the service is in progress (SCALE-032). ``before`` is the running
    count from which the policy's last scale-out was computed while that one is still new: the amount that it
    added is counted, so the same excess is not answered twice (SCALE-041). None if there is no such.
    """

    running: int
    desired: int
    minimum: int
    maximum: int
    deploying: bool = False
    before: int | None = None

    @property
    def base(self) -> int:
        """The tasks from which a scale-out is computed."""
        return self.running if self.before is None else min(self.before, self.running)


class Cooldown(NamedTuple):
    """The policy's cooldowns: when each ends, and the capacity that the last scale-out asked for."""

    out_until: float = 0.0
    in_until: float = 0.0
    reached: int = 0


class Decision(NamedTuple):
    """Move the desired count to ``to``, or leave it (``to`` None) for ``reason``, None if a cooldown runs."""

    to: int | None
    reason: NotScaledReason | None = None


class Vote(NamedTuple):
    """What one policy asks for: its number, the capacity, and whether it is a target-tracking policy."""

    policy: int
    to: int
    tracking: bool


WAIT: Final = Decision(None)
_AT_MAXIMUM: Final = Decision(None, NotScaledReason.ALREADY_AT_MAX_CAPACITY)
_AT_MINIMUM: Final = Decision(None, NotScaledReason.ALREADY_AT_MIN_CAPACITY)
AT_DESIRED: Final = Decision(None, NotScaledReason.ALREADY_AT_DESIRED_CAPACITY)
UNSCALABLE: Final = Decision(None, NotScaledReason.TARGET_SERVICE_PUT_RESOURCE_AS_UNSCALABLE)


def proportional(running: int, metric: float, target: float) -> int:
    """Return the tasks at which the metric would be at its target, rounded up in both directions (SCALE-020)."""
    # A quotient of decimals may miss a whole number by a hair: 3 x 33.3 / 11.1 is 9, not 10.
    return ceil(round(running * metric / target, 9))


def scale_out(metric: float, target: float, at: Capacity, cooldown: Cooldown, now: float) -> Decision:
    """Decide on a high alarm (SCALE-020, SCALE-021, SCALE-023, SCALE-026, SCALE-033, SCALE-041).

    ``metric`` is the newest data point; ``target`` the policy's target value.
    """
    wanted = proportional(at.base, metric, target)
    return outward(wanted if wanted > at.base else 0, at, cooldown, now)


def scale_from_zero(at: Capacity, cooldown: Cooldown, now: float) -> Decision:
    """Decide on one data point that shows demand while nothing runs: the least that is possible (SCALE-030)."""
    return outward(max(1, at.minimum), at, cooldown, now)


def outward(wanted: int, at: Capacity, cooldown: Cooldown, now: float) -> Decision:
    """Raise the desired count to ``wanted`` as far as bounds and the cooldown allow.

    A desired count above the maximum is left alone; one below the minimum is first raised to it (SCALE-033).
    """
    if at.desired > at.maximum:
        return WAIT
    wanted = max(wanted, at.minimum)
    if wanted <= at.desired:
        return AT_DESIRED
    to = min(wanted, at.maximum)
    if to <= at.desired:
        return _AT_MAXIMUM
    if now < cooldown.out_until and to <= cooldown.reached:
        return WAIT
    return Decision(to)


def scale_in(metric: float, target: float, at: Capacity, cooldown: Cooldown, now: float, max_step: int = 0) -> Decision:
    """Decide on a low alarm (SCALE-020, SCALE-021, SCALE-023, SCALE-026, SCALE-032, SCALE-033, SCALE-042).

    At most ``max_step`` tasks are removed at once, 0 for no such limit (SCALE-024).
    """
    wanted = proportional(at.running, metric, target)
    if max_step:
        wanted = max(wanted, at.desired - max_step)
    return inward(wanted, at, cooldown, now)


def inward(wanted: int, at: Capacity, cooldown: Cooldown, now: float) -> Decision:
    """Lower the desired count to ``wanted`` as far as bounds, a deployment and the cooldown allow.

    A desired count below the minimum is left alone; one above the maximum is first lowered to it (SCALE-033).
    """
    if at.desired < at.minimum:
        return WAIT
    wanted = min(wanted, at.maximum)
    if wanted >= at.desired:
        return AT_DESIRED
    to = max(wanted, at.minimum)
    if to >= at.desired:
        return _AT_MINIMUM
    if at.deploying:
        return UNSCALABLE
    return WAIT if now < cooldown.in_until else Decision(to)


def choose(votes: Sequence[Vote], desired: int, unready: int) -> Vote | None:
    """Choose among the policies of one target: the largest capacity wins, in either direction (SCALE-028).

    ``unready`` is how many target-tracking policies may scale in and are not ready to: any of them forbids the
    others of its kind to scale in, but not a step policy (SCALE-027).
    """
    allowed = [v for v in votes if v.to > desired or not v.tracking or not unready]
    best = max(allowed, key=lambda v: v.to, default=None)
    return best if best is not None and best.to != desired else None
