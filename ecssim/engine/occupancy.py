"""How full each Auto Scaling group is, counted as tasks and instances come and go.

A capacity provider sees the registered instances of its group, those of them that hold at least one of its own
tasks, and these tasks (ASG-010, ASG-013, ASG-014, CAP-023); instances that the group has let go are not among
them (ASG-043). Counting here costs a few additions per task and spares every minute a walk over the fleet.
"""

from __future__ import annotations

from typing import NamedTuple

from ecssim.world.instances import AutoScalingGroup, Instance
from ecssim.world.states import ACTIVE, DRAINING


class Occupancy(NamedTuple):
    """A group at one instant: registered ``instances``, ``busy`` ones, and the provider's ``tasks`` on them."""

    instances: int
    busy: int
    tasks: int


def task_arrived(instance: Instance) -> None:
    """A task of the group's own provider was placed on the instance."""
    instance.claims += 1
    if not instance.retiring:
        group = instance.group
        group.claims += 1
        if instance.claims == 1:
            group.busy += 1


def task_left(instance: Instance) -> None:
    """Such a task is STOPPED."""
    instance.claims -= 1
    if not instance.retiring:
        group = instance.group
        group.claims -= 1
        if not instance.claims:
            group.busy -= 1


def instance_arrived(instance: Instance) -> None:
    """The instance registered."""
    instance.group.registered += 1


def instance_left(instance: Instance) -> None:
    """The group lets a registered instance go, or it ended."""
    group = instance.group
    group.registered -= 1
    group.claims -= instance.claims
    if instance.claims:
        group.busy -= 1


def occupancy(group: AutoScalingGroup) -> Occupancy:
    """Return the counts."""
    return Occupancy(group.registered, group.busy, group.claims)


def recount(group: AutoScalingGroup) -> Occupancy:
    """Count again from the instances and their tasks: the law that the counts must obey."""
    seen = [i for i in group.instances.values() if i.status in (ACTIVE, DRAINING)]
    claims = [sum(t.provider == group.provider_code for t in i.tasks.values()) for i in seen]
    return Occupancy(len(seen), sum(map(bool, claims)), sum(claims))
