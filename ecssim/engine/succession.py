"""Replacements that come before what they replace: Capacity Rebalancing and the balance of zones.

A group that leaves an instance behind launches another first and lets the old one go when the new one is in service;
meanwhile it may be a tenth beyond its maximum size (ASG-051, SPOT-014). It does so for a Spot instance that EC2
recommends to replace, and when its zones are out of balance after an instance ended, a zone came back or its subnets
changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.decide.allocation import beyond_maximum, zone_to_relieve
from ecssim.engine.retiring import may_go
from ecssim.world.instances import AutoScalingGroup, Instance

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Succession:
    """Pairs each instance that is to go with the one that comes for it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        #: The instance that goes when the one of this ordinal is in service.
        self._old: dict[int, Instance] = {}
        #: Instances that wait for room or capacity for their successor, in the order of their turn.
        self._queue: dict[int, dict[int, Instance]] = {}

    def replace(self, old: Instance, cause: int, *, ahead: bool = False) -> None:
        """Launch a successor for an instance of the group and end it afterwards.

        ``ahead``: whoever asks has looked himself how many instances there may be.
        """
        group = old.group
        if old.ordinal not in group.instances or any(o is old for o in self._old.values()):
            return
        successor = None
        room = ahead or group.size + old.weight <= beyond_maximum(group.max_size)
        if "Launch" not in group.suspended and room:
            successor = self.engine.groups.launch(group, cause)
        if successor is None:
            self._queue.setdefault(group.ordinal, {})[old.ordinal] = old
            self.engine.groups.retry(group)
            return
        self._queue.get(group.ordinal, {}).pop(old.ordinal, None)
        self._old[successor.ordinal] = old

    def in_service(self, new: Instance) -> None:
        """The successor is in service: what it replaces may go, if it is still there and not needed otherwise."""
        old = self._old.pop(new.ordinal, None)
        if old is None:
            return
        group = old.group
        if old.ordinal in group.instances and group.size - old.weight >= group.desired:
            self.engine.retiring.retire(old, new.last_event, replace=False)
        self.look(group, new.last_event)

    def look(self, group: AutoScalingGroup, cause: int) -> None:
        """Take up what waits, and move instances out of zones that have too many (ASG-051)."""
        for old in list(self._queue.get(group.ordinal, {}).values()):
            if old.ordinal in group.instances:
                self.replace(old, cause)
            else:
                del self._queue[group.ordinal][old.ordinal]
        if "AZRebalance" in group.suspended or len(group.instances) < 2:
            return
        for new in [n for n, old in self._old.items() if old.group is group and n not in group.instances]:
            del self._old[new]
        while self._relieve(group, cause):
            pass

    def _relieve(self, group: AutoScalingGroup, cause: int) -> bool:
        """Start one move between zones; False if there is none to make or no room for it."""
        if group.size < group.desired:
            return False  # what is missing comes first, and goes where it is due
        zones = list(self.engine.launches.zones(group))
        leaving = {o.ordinal for o in self._old.values()} | set(self._queue.get(group.ordinal, {}))
        counts = dict(group.zone_counts)
        for ordinal in leaving:
            instance = group.instances.get(ordinal)
            if instance is not None:
                counts[instance.zone] -= 1
        own = {self.engine.world.subnets[ordinal].zone for ordinal in group.subnets}
        given_up = [zone for zone in counts if zone not in own]
        zone = zone_to_relieve(zones, counts, given_up)
        if zone is None:
            return False
        able = [i for i in group.instances.values() if i.zone == zone and i.ordinal not in leaving and may_go(i)]
        chosen = self.engine.sizes.choose(group, able, 1)
        if not chosen:
            return False
        old = group.instances[chosen[0]]
        if group.size + old.weight > beyond_maximum(group.max_size):
            return False
        place = self.engine.launches.next(group, cause)
        if place is None or (zone in own and counts.get(place.zone, 0) >= counts[zone] - 1):
            return False
        self._old[self.engine.groups.start(group, place, cause).ordinal] = old
        return True
