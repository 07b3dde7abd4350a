"""Groups that are made larger or smaller by hand, and who goes then.

The termination policy of a group chooses among those that are not protected from scale-in; a group whose surplus is
protected looks again after a while. Implements ASG-002, ASG-040, ASG-042.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ecssim.decide.termination import Member, Mix, choose_victims
from ecssim.engine.retiring import may_go
from ecssim.world.instances import AutoScalingGroup, Instance

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class GroupSizes:
    """Sets the desired capacity of groups, and lets go what is too much."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._again = engine.timing["launchRetry"].median
        #: Groups that look again later whether protected instances may go by then.
        self._surplus: set[int] = set()

    def resize(self, group: AutoScalingGroup, desired: int, cause: int) -> None:
        """Set the desired capacity by hand; the termination policy chooses who is too many (ASG-042).

        Who is protected stays, and goes as soon as it is protected no longer.
        """
        group.desired = desired
        group.scaled_at = self.kernel._now
        self._shed(group, cause)
        self.engine.groups.reconcile(group, cause)

    def resume(self, group: AutoScalingGroup, cause: int) -> None:
        """Processes that were suspended go on: the group makes up for what it missed."""
        self._shed(group, cause)
        self.engine.groups.reconcile(group, cause)

    def _shed(self, group: AutoScalingGroup, cause: int) -> None:
        if group.size <= group.desired or "Terminate" in group.suspended:
            return
        able = [i for i in group.instances.values() if may_go(i)]
        protected = len(able) < len(group.instances)
        for ordinal in self.choose(group, able, group.size - group.desired):
            instance = self.engine.world.instances[ordinal]
            if group.size - instance.weight >= group.desired:
                self.engine.retiring.retire(instance, cause, replace=False)
        if protected and group.size > group.desired and group.ordinal not in self._surplus:
            self._surplus.add(group.ordinal)
            self.kernel.at(self.kernel._now + self._again, 0, self._on_surplus, group)

    def _on_surplus(self, group: AutoScalingGroup, _: int) -> None:
        self._surplus.discard(group.ordinal)
        self._shed(group, 0)

    def choose(self, group: AutoScalingGroup, able: Iterable[Instance], count: int) -> tuple[int, ...]:
        """Return the ordinals of up to ``count`` of those instances in the order in which the group ends them."""
        engine = self.engine
        mix = Mix(group.on_demand_base, group.on_demand_percent) if group.rules.mixed else None
        ranks: dict[tuple[str, str, bool], int] = {}
        members = []
        for i in able:
            rank = 0
            if mix is not None:
                pool = (i.type, i.zone, i.spot)
                if pool not in ranks:
                    ranks[pool] = engine.launches.rank(group, i)
                rank = ranks[pool]
            members.append(Member(i.ordinal, i.zone, i.launched_at, i.spot, rank))
        return choose_victims(
            members,
            count,
            self.kernel._now,
            group.termination_policies,
            engine.luck("termination", group.name).__getitem__ if engine.model.random_ties else None,
            mix=mix,
        )
