"""Instance refresh: every instance of a group is replaced, some at a time (ASG-044).

The instances that the group has when it starts go batch by batch; at least ``minHealthyPercentage`` of the desired
capacity stays in service. A batch is over when its replacements are in service and warm. With a maximum percentage
above 100 replacements come first. One refresh of a group at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ecssim.engine.kernel import WORLD
from ecssim.world.instances import AutoScalingGroup, Instance

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Refresh(NamedTuple):
    """One refresh: what is still to go, the shares of the desired capacity that must and may be there, the warm-up."""

    group: AutoScalingGroup
    left: dict[int, Instance]
    least: int
    most: int
    warmup: float
    event: int


class InstanceRefreshes:
    """Rolls groups over to new instances."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._under_way: dict[int, Refresh] = {}

    def busy(self, group: AutoScalingGroup) -> bool:
        """Whether a refresh of the group is under way."""
        return group.ordinal in self._under_way

    def start(self, group: AutoScalingGroup, least: int, most: int, warmup: float, event: int) -> None:
        """Begin to replace the instances that the group has now."""
        refresh = Refresh(group, dict(group.instances), least, most, warmup, event)
        self._under_way[group.ordinal] = refresh
        self._step(refresh)

    def in_service(self, instance: Instance) -> None:
        """An instance of the group is in service: after its warm-up the refresh may go on."""
        refresh = self._under_way.get(instance.group.ordinal)
        if refresh is not None:
            self.kernel.at(self.kernel._now + refresh.warmup, WORLD, self._on_warm, refresh)

    def _on_warm(self, refresh: Refresh, _: int) -> None:
        if self._under_way.get(refresh.group.ordinal) is refresh:
            self._step(refresh)

    def _step(self, refresh: Refresh) -> None:
        """Let as many go as the percentages allow; the refresh is over when none of the old ones is left."""
        group, left = refresh.group, refresh.left
        for ordinal in [o for o in left if o not in group.instances]:
            del left[ordinal]
        if not left:
            del self._under_way[group.ordinal]
            return
        if "InstanceRefresh" in group.suspended:
            self.kernel.at(self.kernel._now + refresh.warmup + 60.0, WORLD, self._on_warm, refresh)
            return
        now, states = self.kernel._now, self.engine.states
        ready = [
            i
            for i in group.instances.values()
            if states.serves(i) and (i.ordinal in left or states.in_service_at[i.ordinal] + refresh.warmup <= now)
        ]
        if refresh.most > 100:
            room = group.desired * refresh.most // 100 - len(group.instances)
            for old in list(left.values())[: max(0, room)]:
                self.engine.succession.replace(old, refresh.event, ahead=True)
            return
        healthy = -(-group.desired * refresh.least // 100)
        # One at a time where the minimum would let none go.
        count = max(len(ready) - healthy, 1 if len(ready) >= group.desired else 0)
        for old in list(left.values())[:count]:
            del left[old.ordinal]
            self.engine.retiring.retire(old, refresh.event, replace=True)
