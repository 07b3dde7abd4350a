"""Laws of Auto Scaling groups: each instance is in one place, and the counts by zone are those of the instances."""

from __future__ import annotations

from collections import Counter

from ecssim.world.instances import AutoScalingGroup


def group_violations(group: AutoScalingGroup) -> list[str]:
    """Return every law of the group that does not hold now."""
    found = []
    for one, other in (("retiring", group.retiring), ("warm", group.warm)):
        if both := set(group.instances) & set(other):
            found.append(f"group {group.name}: instances {sorted(both)} are in service and {one}")
    zones = Counter(i.zone for i in group.instances.values())
    counted = {zone: count for zone, count in group.zone_counts.items() if count}
    if counted != dict(zones):
        found.append(f"group {group.name}: {counted} counted by zone, {dict(zones)} are there")
    size = sum(i.weight for i in group.instances.values())
    on_demand = sum(i.weight for i in group.instances.values() if not i.spot)
    pools = Counter((i.type, i.zone) for i in group.instances.values() if i.spot)
    spot = {pool: count for pool, count in group.spot_counts.items() if count}
    if (group.size, group.on_demand_size, spot) != (size, on_demand, dict(pools)):
        found.append(
            f"group {group.name}: {group.size} units counted, {group.on_demand_size} of them On-Demand, {spot}"
        )
    for instance in group.warm.values():
        if instance.fleet_ordinal >= 0:
            found.append(f"group {group.name}: {instance.id} is warm and in the cluster")
    for instance in (*group.instances.values(), *group.warm.values(), *group.retiring.values()):
        if instance.ended:
            found.append(f"group {group.name}: {instance.id} has ended and is still held")
    return found
