"""How a group launches one instance: market, zone, type and subnet, and what it says when EC2 refuses.

The zone with the fewest instances comes first, in it the types in the order of the allocation strategy; a launch
that fails is tried with the next type and the next zone, and after a while again (ASG-050, ASG-052, ASG-058).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ecssim.decide.allocation import on_demand_order, spot_order, zone_order
from ecssim.decide.termination import next_is_spot
from ecssim.engine.ec2_market import NO_ADDRESS
from ecssim.world.instances import AutoScalingGroup, Instance, InstanceKind

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Place(NamedTuple):
    """Where one launch goes: zone, subnet, type and market."""

    zone: str
    subnet: int
    kind: InstanceKind
    spot: bool


class GroupLaunches:
    """Finds the place of a group's next instance."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        recorder = engine.recorder
        self._activities = recorder.tables["scaling_activities"]
        names = recorder.names
        self._targets = names.pool("scaling_target")
        self._statuses = names.pool("scaling_status")
        self._texts = names.pool("text")

    def zones(self, group: AutoScalingGroup) -> dict[str, list[int]]:
        """Return the enabled zones of the group that work, each with its subnets, in the order of the subnets."""
        engine = self.engine
        zones: dict[str, list[int]] = {}
        for ordinal in group.subnets:
            zone = engine.world.subnets[ordinal].zone
            if zone not in engine.zones_down:
                zones.setdefault(zone, []).append(ordinal)
        return zones

    def next(self, group: AutoScalingGroup, cause: int) -> Place | None:
        """Return the place of the next launch; None, and why is written down, if there is none now."""
        engine = self.engine
        zones = self.zones(group)
        spot = self._next_is_spot(group)
        refusals: Counter[str] = Counter()
        for zone in zone_order(list(zones), group.zone_counts, balanced_only=group.rules.balanced_only):
            kinds = self._kinds(group, zone, spot, refusals)
            for kind in kinds:
                subnet = self._subnet(group, zones[zone], kind)
                if subnet is not None:
                    return Place(zone, subnet, engine.account_settings.kind_in(kind, subnet), spot)
                refusals[NO_ADDRESS] += 1
        if refusals[NO_ADDRESS] or not refusals:
            # The subnets tell it; without a zone that works there is nothing to ask EC2 for.
            for subnet in group.subnets[:1]:
                engine.subnets.refused(subnet, "instances", None, 0)
        else:
            self._failed(group, refusals.most_common(1)[0][0], cause)
        return None

    def _next_is_spot(self, group: AutoScalingGroup) -> bool:
        """Whether the next instance is bought on the Spot market, in units of the group's capacity (ASG-052)."""
        if group.on_demand_percent >= 100:
            return False
        return next_is_spot(group.on_demand_size, group.size, group.on_demand_base, group.on_demand_percent)

    def _kinds(self, group: AutoScalingGroup, zone: str, spot: bool, refusals: Counter[str]) -> list[InstanceKind]:
        """Return the types that EC2 would launch in the zone, in the order in which the group tries them."""
        market, rules = self.engine.ec2_market, group.rules
        able = []
        for position, kind in enumerate(group.kinds):
            refusal = market.refusal(group, kind, zone, spot)
            if refusal:
                refusals[refusal] += 1
            else:
                able.append(position)
        if len(able) < 2:
            return [group.kinds[p] for p in able]
        held: Counter[str] = Counter()
        if spot and rules.spot_strategy == "lowest-price":
            held.update({kind.type: group.spot_counts.get((kind.type, zone), 0) for kind in group.kinds})
        offers = [market.offer(p, group.kinds[p], zone, spot, held[group.kinds[p].type]) for p in able]
        if spot:
            order = spot_order(offers, rules.spot_strategy, rules.spot_pools)
        else:
            order = on_demand_order(offers, rules.on_demand_strategy)
        return [group.kinds[p] for p in order]

    def _subnet(self, group: AutoScalingGroup, subnets: list[int], kind: InstanceKind) -> int | None:
        """Return a subnet of the zone with the addresses that the instance needs, by chance (ASG-050)."""
        engine = self.engine
        kind_in = engine.account_settings.kind_in
        start = int(engine.luck("asg-subnet", group.name)[group.launched] * len(subnets))
        for ordinal in subnets[start:] + subnets[:start]:
            if engine.subnets.room(ordinal, 2 if kind_in(kind, ordinal).shape.trunk else 1):
                return ordinal
        return None

    def _failed(self, group: AutoScalingGroup, code: str, cause: int) -> None:
        """EC2 refuses every type in every zone (ASG-058); said once until something changes."""
        if group.failing == code:
            return
        group.failing = code
        engine = self.engine
        self._activities.append(
            self.kernel._now,
            engine.recorder.new_event(),
            cause,
            self._targets[f"autoScalingGroup/{group.name}"],
            0,
            float("nan"),
            len(group.instances),
            len(group.instances),
            self._statuses["Failed"],
            self._texts[code],
            group.cluster.code,
            engine.region_code,
        )

    def rank(self, group: AutoScalingGroup, instance: Instance) -> int:
        """Return how little an instance's type fits the allocation strategy now: 0 fits best (ASG-042)."""
        zone, spot = instance.zone, instance.spot
        market, rules = self.engine.ec2_market, group.rules
        offers = [market.offer(p, kind, zone, spot, 0) for p, kind in enumerate(group.kinds)]
        if spot:
            order = spot_order(offers, rules.spot_strategy, rules.spot_pools)
        else:
            order = on_demand_order(offers, rules.on_demand_strategy)
        place = next(n for n, p in enumerate(order) if group.kinds[p].type == instance.type)
        # The cheapest pools of `lowest-price` are as good as one another.
        return 0 if spot and rules.spot_strategy == "lowest-price" and place < rules.spot_pools else place
