"""What managed scaling made of every minute, written down: what it measured, and what it did or why it did nothing.

One row a minute and provider with managed scaling, beside the row of ``capacity_provider_metrics`` for the same
minute; from these rows ``explain capacityProvider/NAME`` tells each minute.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ecssim.decide.managed_scaling import Alarms, Measure, Need, ScalingPolicy, TaskGroup
from ecssim.world.instances import AutoScalingGroup
from ecssim.world.tasks import NAN

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Done(NamedTuple):
    """What came of a minute: the desired capacity that was decided, and when it takes or took effect.

    ``action`` is one of ``none`` (no alarm), ``ordered``, ``ordered before``, ``warming up`` (effective_at: until
    when), ``launching`` (the group is as large as is wanted, its instances are on their way), ``at maximum``,
    ``scaled in``, ``at its size``, ``at minimum``, ``protected``,
    ``suspended`` (somebody has suspended the process of the group that would do it).
    """

    action: str
    desired: int
    effective_at: float = NAN


class ScalingDecisions:
    """Writes ``capacity_provider_decisions``."""

    def __init__(self, engine: Engine) -> None:
        self._rows = engine.recorder.tables["capacity_provider_decisions"]
        names = engine.recorder.names
        self._actions = names.pool("scaling_action")
        self._texts = names.pool("text")
        self._region = engine.region_code

    def write(
        self,
        t: float,
        group: AutoScalingGroup,
        seen: Measure,
        policy: ScalingPolicy,
        alarms: Alarms,
        before: int,
        done: Done,
    ) -> None:
        """Write the row of the minute that began at ``t``; the alarms are as they stand after its value."""
        out = [g for g in seen.groups if g.lacks]
        self._rows.append(
            t,
            group.provider_code,
            seen.reservation.needed,
            seen.reservation.instances,
            group.busy,
            sum(g.tasks for g in seen.groups),
            len(seen.groups),
            len(out),
            sum(g.tasks for g in out),
            seen.lower_bound,
            seen.step,
            seen.reservation.percent,
            policy.target_capacity,
            alarms.high,
            alarms.low_points,
            self._actions[done.action],
            before,
            done.desired,
            done.effective_at,
            self._texts[groups_in_words(seen.groups)] if seen.groups else 0,
            group.cluster.code,
            self._region,
        )


def groups_in_words(groups: Iterable[TaskGroup]) -> str:
    """The task groups of a minute: how many tasks of which need, and the instances that they come to."""
    return "; ".join(
        f"{g.tasks:,} x ({need_in_words(g.need)}) "
        + (f"left out: {g.lacks} of the smallest instance" if g.lacks else f"{g.each:,} each = {g.instances:,}")
        for g in groups
    )


def need_in_words(need: Need) -> str:
    """What one task of a group asks for."""
    parts = [f"{need.cpu:,} CPU units", f"{need.memory:,} MiB"]
    if need.gpus:
        parts.append(f"{need.gpus} GPU")
    if need.eni:
        parts.append("ENI")
    if need.ports:
        parts.append("ports " + " ".join(f"{port}/{kind}" for kind, port in need.ports))
    if need.alone:
        parts.append("distinctInstance")
    return ", ".join(parts)
