"""The one writer of addresses: who holds how many in which subnet, what is cooling, what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.decide.subnet_choice import choose_subnet, choose_zone
from ecssim.world.entities import Owner, Subnet, Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Subnets:
    """Hands out addresses and takes them back; a freed one cools before it can be used again (NET-060)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.subnets = engine.world.subnets
        self.cooling_time = engine.timing["addressRelease"].median
        self.option = engine.model.subnet_choice
        #: Subnets of a task in one zone; subnets do not move.
        self._here: dict[tuple[tuple[int, ...], str], list[int]] = {}
        self._events = engine.recorder.tables["subnet_events"]
        names = engine.recorder.names
        self._consumers = names.pool("consumer")
        self._reasons = names.pool("text")

    def thaw(self, subnet: Subnet, now: float) -> None:
        """Make the addresses whose cooling time is over usable again."""
        cooling = subnet.cooling
        while cooling and cooling[0][0] <= now:
            subnet.pool.give(cooling.popleft()[1])

    def take(self, ordinal: int, consumer: str) -> int:
        """Take one address of a subnet for ``consumer``; -1 if none is free."""
        subnet = self.subnets[ordinal]
        if subnet.cooling:
            self.thaw(subnet, self.kernel._now)
        address: int = subnet.pool.take()
        if address >= 0:
            used = subnet.used
            used[consumer] = used.get(consumer, 0) + 1
            free = subnet.pool.free
            subnet.free_min = min(subnet.free_min, free)
        return address

    def give_back(self, ordinal: int, address: int, consumer: str, now: float) -> None:
        """The interface is deleted: the address cools and then goes back to the subnet (LIFE-011, NET-060)."""
        subnet = self.subnets[ordinal]
        subnet.used[consumer] -= 1
        if self.cooling_time > 0:
            subnet.cooling.append((now + self.cooling_time, address))
        else:
            subnet.pool.give(address)

    def refused(self, ordinal: int, consumer: str, task: Task | None, cause: int) -> int:
        """Record that ``consumer`` found no free address; return the event."""
        subnet = self.subnets[ordinal]
        now = self.kernel._now
        subnet.failed += 1
        subnet.failed_minute += 1
        first = subnet.exhausted_at != subnet.exhausted_at
        if first:
            subnet.exhausted_at = now
        event = self.engine.recorder.new_event()
        self._events.append(
            now,
            event,
            cause,
            subnet.code,
            self._consumers[consumer],
            task.ordinal if task is not None else 0,
            self._reasons["InsufficientFreeAddressesInSubnet"],
            self.engine.region_code,
        )
        return event

    def choose(self, template: Template, owner: Owner, zone: str | None, provider: int, launch: int = -1) -> int:
        """Choose a subnet for one task: in ``zone`` (EC2: the instance's), or where Fargate spreads to.

        PLACE-012, PLACE-013, NET-041 to NET-044. The draw belongs to the launch, not to the attempt; without
        ``launch`` that is the owner's next one. Zones without Fargate Spot capacity are left out (CAP-051).
        """
        subnets = self.subnets
        ordinals = template.subnets
        if len(ordinals) == 1:
            return ordinals[0]
        if zone is None:
            down = self.engine.zones_down
            if self.engine.fargate.is_spot(provider):
                down = down.union(self.engine.spot.dry_zones(template))
            up = [z for z in template.zones if z not in down] or list(template.zones)
            counts = {z: owner.zone_counts.get((provider, z), 0) for z in template.zones}
            tie = self.engine.luck("zone-tie", owner.name)[owner.launched] if self.engine.model.random_ties else None
            zone = choose_zone(up, counts, tie)
        here = self._here.get((ordinals, zone))
        if here is None:
            here = self._here[ordinals, zone] = [s for s in ordinals if subnets[s].zone == zone]
        if len(here) == 1:
            return here[0]
        now = self.kernel._now
        for s in here:
            self.thaw(subnets[s], now)
        u = self.engine.luck("subnet", owner.name)[owner.launched if launch < 0 else launch]
        return here[choose_subnet([subnets[s].pool.free for s in here], u, self.option)]
