"""The health of Managed Instances: OK unless a fault impairs them, and what auto repair makes of that (CAP-075).

Its checks run with the agent's heartbeat, about twice a minute; with auto repair ECS drains and replaces instances
that are IMPAIRED. Those of Auto Scaling groups are their groups' to replace (``engine.group_health``).
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Final

from ecssim.engine.kernel import CONTROLLER
from ecssim.world.instances import Instance

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Seconds between two checks of an instance (AGENT-025).
CHECK_SECONDS: Final = 30.0


class InstanceHealth:
    """Knows which instances are impaired, and until when."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._until: dict[int, float] = {}

    def status(self, instance: Instance) -> str:
        """The overallStatus of the instance: ``INITIALIZING`` before its agent has registered."""
        if instance.registered_at != instance.registered_at:
            return "INITIALIZING"
        return "IMPAIRED" if self._until.get(instance.ordinal, 0.0) > self.kernel._now else "OK"

    def impair(self, instance: Instance, duration: float) -> None:
        """The instance is impaired for ``duration`` seconds; the next check finds it so."""
        self._until[instance.ordinal] = self.kernel._now + duration
        checks = ceil((self.kernel._now - instance.registered_at) / CHECK_SECONDS)
        at = instance.registered_at + checks * CHECK_SECONDS
        self.kernel.at(at, CONTROLLER, self._on_check, instance, instance.epoch)

    def _on_check(self, instance: Instance, epoch: int) -> None:
        managed = instance.group.managed
        if managed is None or not managed.repairs or instance.epoch != epoch or instance.retiring:
            return
        if self.status(instance) == "IMPAIRED":
            managed.upkeep.retire(instance, "it is IMPAIRED")
