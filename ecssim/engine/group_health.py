"""Health checks of a group: instances whose status checks fail are replaced (ASG-055).

EC2's status checks look every minute and give up an instance after some time (``statusCheck``); the group does not
look at an instance before its grace period is over. An impaired instance has no network, so that its agent is lost to
ECS; it is well again if it recovers before anybody has given it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine.kernel import WORLD
from ecssim.world.instances import Instance

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class GroupHealth:
    """Replaces impaired instances."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._noticed = engine.timing["statusCheck"].median
        self._until: dict[int, float] = {}

    def impair(self, instance: Instance, seconds: float, cause: int) -> None:
        """The instance answers nobody for so many seconds."""
        now = self.kernel._now
        self._until[instance.ordinal] = max(now + seconds, self._until.get(instance.ordinal, 0.0))
        self.engine.links.cut(instance, seconds, cause)
        grace = self.engine.states.in_service_at.get(instance.ordinal, now) + instance.group.rules.grace
        self.kernel.at(max(now + self._noticed, grace), WORLD, self._on_failed, (instance, cause))

    def _on_failed(self, what: tuple[Instance, int], _: int) -> None:
        """The status checks have failed for long enough."""
        instance, cause = what
        if instance.ended or self.kernel._now >= self._until.get(instance.ordinal, 0.0):
            return
        if instance.group.suspended & {"HealthCheck", "ReplaceUnhealthy"}:
            self.kernel.at(self.kernel._now + self._noticed, WORLD, self._on_failed, what)
            return
        self.engine.retiring.retire(instance, cause, replace=True)
