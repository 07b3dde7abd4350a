"""RegisterContainerInstance as the agents of booted instances call it: throttled, limited, tried again.

An agent whose call is refused by the account's bucket (QUOTA-024) or because its cluster is full (QUOTA-004) tries
again after 3 s, doubling up to 192 s, for an hour at most (AGENT-010); meanwhile EC2 bills an instance that takes no
tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.world.instances import Instance

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

FIRST_DELAY, LONGEST_DELAY, PATIENCE = 3.0, 192.0, 3600.0


class Registrations:
    """Lets instances into their clusters, one call each."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._limit = engine.limits.container_instances_per_cluster
        #: Instances that were refused: when first, and how often.
        self._refused: dict[int, tuple[float, int]] = {}

    def ask(self, instance: Instance, epoch: int) -> None:
        """The instance has booted, or its agent tries again."""
        if instance.epoch != epoch:
            return
        reach = self.engine.reach
        if reach is not None and not reach.joins(instance):
            return
        full = len(instance.group.cluster.instances) >= self._limit
        if not full and self.engine.calls.admit("RegisterContainerInstance", "agent") is None:
            self._refused.pop(instance.ordinal, None)
            self.engine.groups.register(instance)
            return
        now = self.kernel._now
        since, attempts = self._refused.get(instance.ordinal, (now, 0))
        if not attempts and full:
            self.engine.notes.append(
                f"{instance.group.cluster.name} has {self._limit:,} container instances, the most that a cluster may "
                f"have; {instance.id} cannot register [QUOTA-004]"
            )
        self._refused[instance.ordinal] = (since, attempts + 1)
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0**attempts)
        if now + delay - since <= PATIENCE:
            self.kernel.at(now + delay, 0, self.ask, instance, epoch)

    def room(self, instance: Instance) -> bool:
        """Whether the instance's cluster may have one more, for those that were there before the run began."""
        reach = self.engine.reach
        if reach is not None and not reach.joins(instance):
            return False
        return len(instance.group.cluster.instances) < self._limit
