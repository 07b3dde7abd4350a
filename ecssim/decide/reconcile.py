"""The service scheduler's decision: how many tasks of which revision to start and to stop, now.

One pure function from counts to counts. Which tasks stop and where new ones go are other decisions
(:mod:`ecssim.decide.stop_choice`, :mod:`ecssim.decide.placement`).

A *slot* counts against the maximum if its task's desiredStatus is RUNNING (DEPLOY-013). Integer arithmetic
throughout: ``ceil(100 x 55 %)`` is 55.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

StopFirst = Literal["always", "when_no_room"]


class Limits(NamedTuple):
    """How many tasks a service may have at most and must keep healthy at least while tasks are replaced."""

    lower: int
    upper: int


def limits(desired: int, minimum_healthy_percent: int, maximum_percent: int) -> Limits:
    """Turn the percentages into counts: lower rounded up, upper rounded down (SVC-010)."""
    return Limits((desired * minimum_healthy_percent + 99) // 100, desired * maximum_percent // 100)


class Counts(NamedTuple):
    """The tasks of one deployment whose desiredStatus is RUNNING, by what the scheduler knows of them.

    ``active`` is all of them; ``healthy`` of these count towards the minimum (SVC-020); ``unhealthy`` failed a
    health check outside grace and want replacement; ``displaced`` are healthy, but their instance drains, so
    they want replacement too (SVC-013, AGENT-050). The rest are starting, or running and not yet healthy.
    ``healthy`` does not contain the displaced. ``lost`` are not among ``active``: tasks of an older deployment
    that ended by themselves while it is being replaced, and have no successor yet (SVC-032); ``kept`` of the
    starting ones are such successors and are not stopped as unfinished.
    """

    active: int
    healthy: int
    unhealthy: int
    displaced: int = 0
    lost: int = 0
    kept: int = 0


class Plan(NamedTuple):
    """What one pass wants: starts and stops per revision.

    ``start`` new tasks of the primary deployment; ``start_old[i]`` replacements of the i-th older deployment by
    its own revision (SVC-032); ``stop_unhealthy`` / ``stop_starting`` / ``stop_healthy`` per deployment, primary
    first; ``stop_displaced`` tasks on draining instances, over all deployments. ``blocked`` says that the
    deployment configuration allows neither a start nor a stop (SVC-011, AGENT-053).
    """

    start: int
    start_old: tuple[int, ...]
    stop_unhealthy: tuple[int, ...]
    stop_starting: tuple[int, ...]
    stop_healthy: tuple[int, ...]
    blocked: bool
    stop_displaced: int = 0


_NONE: Final = (0,)
NOTHING: Final = Plan(0, (), _NONE, _NONE, _NONE, False)


def reconcile(
    desired: int,
    primary: Counts,
    older: tuple[Counts, ...],
    bounds: Limits,
    *,
    stop_first: StopFirst = "always",
    primary_may_start: bool = True,
) -> Plan:
    """Decide one pass of a REPLICA service (SVC-003, SVC-011, SVC-030 to SVC-032, DEPLOY-011 to DEPLOY-013).

    ``primary_may_start`` is False while the primary deployment has FAILED (DEPLOY-005): it launches nothing.
    """
    if not older:
        return _steady(desired, primary, bounds, primary_may_start)
    return _rolling(desired, primary, older, bounds, stop_first, primary_may_start)


def _steady(desired: int, c: Counts, bounds: Limits, may_start: bool) -> Plan:
    """One revision: replace what is missing, unhealthy or displaced, remove what is too much."""
    active, healthy, unhealthy, displaced, *_ = c
    leaving = unhealthy + displaced
    if leaving == 0:
        if active == desired:
            return NOTHING
        if active < desired:
            return Plan(desired - active, (), _NONE, _NONE, _NONE, False) if may_start else NOTHING
        # Scale-in: tasks that do not run yet go first (PLACE-072). What is wanted stays, so the minimum does too.
        surplus = active - desired
        starting = min(surplus, active - healthy)
        return Plan(0, (), _NONE, (starting,), (surplus - starting,), False)
    # SVC-030: the replacement comes first where the maximum allows it, and the unhealthy task goes when the
    # replacement is healthy. A displaced task counts as healthy until it goes, so lower alone holds it.
    start = max(0, min(bounds.upper, desired + leaving) - active) if may_start else 0
    stop = min(unhealthy, max(0, healthy + displaced + unhealthy - desired))
    move = min(displaced, max(0, healthy + displaced - bounds.lower))
    starting = active - healthy - leaving
    if unhealthy and start == 0 and stop == 0 and starting == 0 and active >= bounds.upper:
        stop = 1  # SVC-031: no room above, so unhealthy tasks go one at a time
    extra = max(0, active - leaving - desired)
    down_starting = min(extra, starting)
    blocked = may_start and start == stop == move == starting == extra == 0
    return Plan(start, (), (stop,), (down_starting,), (extra - down_starting,), blocked, move)


def _rolling(
    desired: int,
    primary: Counts,
    older: tuple[Counts, ...],
    bounds: Limits,
    stop_first: StopFirst,
    may_start: bool,
) -> Plan:
    """Several revisions: move from the older ones to the primary within lower and upper (DEPLOY-011)."""
    total = primary.active + sum(o.active for o in older)
    displaced = primary.displaced + sum(o.displaced for o in older)
    healthy = primary.healthy + sum(o.healthy for o in older) + displaced
    # (b) before (a) within one pass: what is stopped here does not count against upper any more (DEPLOY-013),
    # so with lower < desired old tasks make room first (DEPLOY-012, option rollingStopFirst).
    stop_unhealthy = [0] * (len(older) + 1)
    stop_starting = [0] * (len(older) + 1)
    stop_healthy = [0] * (len(older) + 1)
    room = healthy - bounds.lower
    move = min(displaced, max(0, room))
    room -= move
    missing = desired - primary.active
    free = bounds.upper - total
    starting_new = primary.active - primary.healthy - primary.unhealthy - primary.displaced
    # The newest of the older deployments is the last to go: unfinished targets stop first (DEPLOY-016).
    for i in range(len(older)):
        o = older[i]
        stop_unhealthy[i + 1] = o.unhealthy if may_start else 0
        stop_starting[i + 1] = (o.active - o.healthy - o.unhealthy - o.displaced - o.kept) if may_start else 0
        spare = max(0, room)
        if stop_first == "when_no_room" and free > 0 and missing > 0:
            spare = min(spare, max(0, healthy - desired))
        if not may_start:
            # A failed deployment launches nothing and the old tasks stay (DEPLOY-045).
            spare = 0
        down = min(o.healthy, spare)
        stop_healthy[i + 1] = down
        room -= down
    stopped = sum(stop_unhealthy) + sum(stop_starting) + sum(stop_healthy) + move
    left = total - stopped
    # Unhealthy tasks of the primary are replaced by its own revision, in place once there is no room above. The
    # replacements on their way are no surplus: an unhealthy task goes when one of them is healthy (SVC-030).
    leaving = primary.unhealthy + primary.displaced
    surplus = primary.active - leaving - desired
    if surplus > 0:
        stop_starting[0] = min(surplus, starting_new)
        stop_healthy[0] = surplus - stop_starting[0]
    if primary.unhealthy:
        stop_unhealthy[0] = min(primary.unhealthy, max(0, primary.healthy + leaving - desired))
        if stop_unhealthy[0] == 0 and left >= bounds.upper and starting_new == 0:
            stop_unhealthy[0] = 1
    left -= stop_starting[0] + stop_healthy[0] + stop_unhealthy[0]
    start = 0
    if may_start:
        start = max(0, min(desired + primary.unhealthy + primary.displaced - primary.active, bounds.upper - left))
        left += start
    # SVC-032: as long as too few are healthy, an old task that ended by itself is replaced by one of its own
    # revision; the old ones that the update stopped, or that a scale-out would want, are not (SVC-005). Where too
    # few are healthy, no healthy one was stopped above.
    start_old: list[int] = []
    kept = sum(o.active for o in older) - sum(stop_unhealthy[1:]) - sum(stop_starting[1:])
    short = bounds.lower - kept - primary.healthy
    for o in older:
        count = max(0, min(short, o.lost, bounds.upper - left))
        start_old.append(count)
        short -= count
        left += count
    nothing = left == total and start == sum(start_old) == 0
    blocked = may_start and nothing and missing > 0 and starting_new == 0
    return Plan(
        start,
        tuple(start_old),
        tuple(stop_unhealthy),
        tuple(stop_starting),
        tuple(stop_healthy),
        blocked,
        move,
    )


def protection_blocks(desired: int, protected: int) -> bool:
    """Whether a deployment is held up by protected tasks, so that no more may be protected (LIFE-071)."""
    return protected > desired


class Throttle(NamedTuple):
    """The start throttle of one deployment: consecutive failed starts, and when the next attempt is allowed."""

    failures: int
    until: float


def start_delay(failures: int, *, cap: float = 1620.0) -> float:
    """Seconds before the next launch attempt after ``failures`` consecutive failed starts (SVC-040, SVC-041).

    The first three are retried at once; then 10 s x 2^(k-3), at most ``cap`` (27 minutes).
    """
    if failures <= 3:
        return 0.0
    return min(cap, 10.0 * 2.0 ** min(failures - 3, 12))
