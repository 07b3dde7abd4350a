"""What the agent decides about the containers of one task: order, restarts, health. Pure functions, no clock.

Implements LIFE-051 to LIFE-053, LIFE-056, LIFE-057, LIFE-062 to LIFE-064, LIFE-069.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, inf
from typing import Final, NamedTuple, Protocol

from ecssim.world.containers import (
    COMPLETE,
    RESOURCES_PROVISIONED,
    RUNNING,
    START,
    STOPPED,
    SUCCESS,
    HealthCheck,
    RestartPolicy,
)
from ecssim.world.states import HEALTHY, UNHEALTHY, UNKNOWN

#: Verdicts on one dependency.
WAIT: Final = 0
MET: Final = 1
NEVER: Final = 2


class Seen(Protocol):
    """What a decision may know of a container."""

    @property
    def status(self) -> int:
        """The agent's state (LIFE-050)."""

    @property
    def exit_code(self) -> int:
        """Exit code, -1 as long as there is none."""

    @property
    def health(self) -> int:
        """Health by its own check."""

    @property
    def ran(self) -> bool:
        """Whether it has ever been started."""


def dependency(condition: int, target: Seen) -> int:
    """Return whether a dependency is met, still to come, or can never be met (LIFE-053, LIFE-056).

    A target that stopped without ever starting meets nothing any more. HEALTHY is looked at when the dependent
    starts and not afterwards: whoever asks again later asks for nothing.
    """
    stopped = target.status == STOPPED
    if stopped and not target.ran:
        return NEVER
    if condition == START:
        return MET if stopped or target.status in (RUNNING, RESOURCES_PROVISIONED) else WAIT
    if condition == COMPLETE:
        return MET if stopped else WAIT
    if condition == SUCCESS:
        if not stopped:
            return WAIT
        return MET if target.exit_code == 0 else NEVER
    if stopped:
        return NEVER
    return MET if target.health == HEALTHY else WAIT


def gives_up_at(condition: int, started_at: float, start_timeout: float) -> float:
    """Return when a dependent gives up waiting for a container that started at ``started_at`` (LIFE-056, LIFE-058).

    ``start_timeout`` is that container's; START is not subject to it; infinity: never.
    """
    return inf if condition == START else started_at + start_timeout


def known_status(known: int, containers: Sequence[tuple[int, bool]]) -> int:
    """Return the task's state as the agent knows it: the least of its containers' states (LIFE-051).

    ``containers`` are (state, essential), ``known`` is what was known before: once an essential container stopped,
    that stays until all of them have.
    """
    least = min(status for status, _ in containers)
    if least != STOPPED and any(status == STOPPED and essential for status, essential in containers):
        return known
    return least


def may_stop(statuses: Sequence[int], dependents: Sequence[Sequence[int]]) -> list[int]:
    """Return the containers that may get their stop signal now: all that depend on them have stopped (LIFE-057).

    ``dependents[i]`` are the indexes of the containers that name container i in ``dependsOn``.
    """
    return [
        i
        for i, status in enumerate(statuses)
        if status != STOPPED and all(statuses[d] == STOPPED for d in dependents[i])
    ]


def restarts(policy: RestartPolicy | None, *, wanted: bool, exit_code: int, now: float, last_started_at: float) -> bool:
    """Decide whether a container that exited by itself is started again in its task (LIFE-069).

    ``wanted``: the task's desired status is not STOPPED. ``last_started_at`` is the last restart, or the first
    start if there was none. An exit code that is not known (-1) restarts nothing. No backoff, no maximum.
    """
    if policy is None or not wanted or exit_code < 0 or exit_code in policy.ignored:
        return False
    return now - last_started_at >= policy.attempt_period


def task_health(containers: Iterable[tuple[bool, int]]) -> int:
    """Return the task's healthStatus from (essential, health) of its containers (LIFE-064).

    UNHEALTHY if any essential container is; else UNKNOWN if any is, as one without a check is for ever; else
    HEALTHY.
    """
    essential = [health for is_essential, health in containers if is_essential]
    if UNHEALTHY in essential:
        return UNHEALTHY
    return UNKNOWN if UNKNOWN in essential or not essential else HEALTHY


def passes(containers: Iterable[tuple[bool, bool, int]]) -> bool:
    """Whether the scheduler may count the task as healthy, by (essential, checked, health) (SVC-020)."""
    return all(health == HEALTHY for essential, checked, health in containers if essential and checked)


# -- health checks, solved ------------------------------------------------------------------------------------


class HealthChange(NamedTuple):
    """The container's health becomes ``health`` at ``t``, when the deciding probe is done."""

    t: float
    health: int


def health_changes(check: HealthCheck, started_at: float, up_from: float, up_to: float) -> tuple[HealthChange, ...]:
    """Return every change of health of a container that answers from ``up_from`` until ``up_to`` (LIFE-062).

    The first probe runs one interval after the start and the next one an interval after a probe is done. A probe
    succeeds if the process answers when it begins and it lasts no longer than its timeout. Failures of probes that
    begin inside ``start_period`` do not count while nothing has succeeded. The number of steps does not depend on
    the time that passes.
    """
    lasts = min(check.takes, check.timeout)
    step = check.interval + lasts
    first = started_at + check.interval

    def at_or_after(t: float) -> float:
        if t == inf:
            return inf
        n = max(1, ceil((t - first) / step))
        # Division may round up across a whole number: the probe just before may already be at or after t.
        return n - 1 if first + (n - 1) * step >= t else n

    def done(n: float) -> float:
        return first + n * step + lasts

    begin, end = at_or_after(up_from), at_or_after(up_to)
    if check.takes > check.timeout or end <= begin:
        begin = end = inf  # no probe ever succeeds
    out: list[HealthChange] = []
    # Failures before the first success count from the end of the start period on.
    counted = at_or_after(started_at + check.start_period)
    if begin - counted >= check.retries:
        out.append(HealthChange(done(counted + check.retries - 1), UNHEALTHY))
    if end > begin:
        out.append(HealthChange(done(begin), HEALTHY))
        if end < inf:
            out.append(HealthChange(done(end + check.retries - 1), UNHEALTHY))
    return tuple(out)
