"""Warm pools: instances that have booted once and wait, stopped, until their group needs one.

The pool holds what is missing between the desired capacity and the prepared one (ASG-056). Its instances run through
their first boot outside of the cluster (``ECS_WARM_POOLS_CHECK``), are stopped, and cost no instance hours from then
on, but keep their addresses and their volumes. One that is needed starts in a part of the time that a cold launch
takes (ASG-057).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine.group_states import WARMED_PENDING, WARMED_STOPPED
from ecssim.engine.kernel import WORLD
from ecssim.world.instances import AutoScalingGroup, Instance
from ecssim.world.states import REGISTERING

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class WarmPools:
    """Fills the pools and gives their instances to their groups."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._factor = engine.model.warm_start_share
        #: Instances of pools that still run through their first boot, and are billed.
        self._booting: set[int] = set()

    def fill(self, group: AutoScalingGroup) -> None:
        """Launch or end pooled instances until there are as many as there should be (ASG-056)."""
        rules = group.rules.warm
        if rules is None or "Launch" in group.suspended:
            return
        wanted = rules.wanted(group.desired, group.max_size)
        while len(group.warm) < wanted:
            place = self.engine.launches.next(group, 0)
            if place is None:
                self.engine.groups.retry(group)
                return
            instance = self.engine.groups.create(group, place)
            instance.status = REGISTERING
            instance.launched_at = self.kernel._now
            group.warm[instance.ordinal] = instance
            self._booting.add(instance.ordinal)
            self.engine.meters.launched(instance)
            self.engine.states.move(instance, WARMED_PENDING)
            delay = self.engine.groups.boot_time(instance)
            self.kernel.at(self.kernel._now + delay, WORLD, self._on_warm, instance, instance.epoch)
        for instance in list(group.warm.values())[wanted:]:
            self.engine.groups.discard(instance)

    def _on_warm(self, instance: Instance, epoch: int) -> None:
        """The first boot is over: the instance is stopped."""
        if instance.epoch == epoch and instance.ordinal in self._booting:
            self._booting.discard(instance.ordinal)
            self.engine.meters.stopped(instance)
            self.engine.states.move(instance, WARMED_STOPPED)

    def take(self, group: AutoScalingGroup, cause: int) -> Instance | None:
        """Start a stopped instance, in the zone that has the fewest; None if none is ready."""
        down = self.engine.zones_down
        ready = [i for i in group.warm.values() if i.ordinal not in self._booting and i.zone not in down]
        if not ready:
            return None
        instance = min(ready, key=lambda i: (group.zone_counts.get(i.zone, 0), i.ordinal))
        del group.warm[instance.ordinal]
        group.join(instance)
        instance.launched_at = self.kernel._now
        self.engine.meters.no_longer_stopped(instance)
        self.engine.meters.launched(instance)
        self.engine.groups.restarted(instance, cause)
        self.engine.states.launched(instance)
        self.engine.groups.boot(instance, self._factor)
        return instance

    def ended(self, instance: Instance) -> None:
        """A pooled instance is terminated."""
        if instance.ordinal in self._booting:
            self._booting.discard(instance.ordinal)
            self.engine.meters.terminated(instance)
        else:
            self.engine.meters.no_longer_stopped(instance)
        self.engine.states.gone(instance)
