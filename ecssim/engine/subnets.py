"""The one writer of addresses: who holds how many in which subnet, what is cooling, what failed."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from ecssim.aws.capabilities import version_of
from ecssim.decide.subnet_choice import choose_subnet, choose_zone, draw_subnet
from ecssim.engine.luck import Draws
from ecssim.world.addresses import ipv6_address
from ecssim.world.places import Subnet
from ecssim.world.services import Owner
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


#: EC2's errors when an interface cannot be made: the subnet is full, or the Region's quota is used up (NET-070).
NO_ADDRESS: Final = "InsufficientFreeAddressesInSubnet"
NO_INTERFACE: Final = "NetworkInterfaceLimitExceeded"
#: The first agent that gives tasks on EC2 an IPv6 address (NET-045).
DUAL_STACK_AGENT: Final = (1, 45, 0)


class Subnets:
    """Hands out addresses and takes them back; a freed one cools before it can be used again (NET-060).

    ``interfaces`` are the network interfaces of the account in the Region, at most ``most_interfaces`` (NET-070):
    one for each address that is handed out, a task of an IPv6-only subnet included; what holds further addresses
    on one interface takes itself off the count.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.subnets = engine.world.subnets
        self.cooling_time = engine.timing["addressRelease"].median
        self.option = engine.model.subnet_choice
        self.interfaces = 0
        most = engine.limits.network_interfaces_per_region
        self.most_interfaces: float = inf if most is None else most
        #: Whether the account setting dualStackIPv6 is on, as it is by default (NET-045).
        self.dual_stack = True
        #: Tasks that failed at the quota of interfaces rather than at a full subnet.
        self._limited: set[int] = set()
        #: The draws of each owner of tasks, by name, bound once.
        self._draws: dict[str, Draws] = {}
        #: Subnets of a template's tasks in one zone; subnets do not move.
        self._here: dict[tuple[int, str], list[int]] = {}
        #: Those of them that a task on an instance draws from.
        self._drawn: dict[tuple[int, str | None], list[Subnet]] = {}
        self._events = engine.recorder.tables["subnet_events"]
        names = engine.recorder.names
        self._consumers = names.pool("consumer")
        self._reasons = names.pool("text")

    def thaw(self, subnet: Subnet, now: float) -> None:
        """Make the addresses whose cooling time is over usable again."""
        cooling = subnet.cooling
        while cooling and cooling[0][0] <= now:
            subnet.pool.give(cooling.popleft()[1])

    def room(self, ordinal: int, count: int) -> bool:
        """Whether ``count`` interfaces can be made in a subnet now."""
        subnet = self.subnets[ordinal]
        self.thaw(subnet, self.kernel._now)
        return bool(subnet.pool.free >= count and self.interfaces + count <= self.most_interfaces)

    def take(self, ordinal: int, consumer: str) -> int:
        """Make an interface for ``consumer``; return its IPv4 address, 0 in an IPv6-only subnet, -1 if none is free."""
        subnet = self.subnets[ordinal]
        cooling = subnet.cooling
        if cooling and cooling[0][0] <= self.kernel._now:
            self.thaw(subnet, self.kernel._now)
        if self.interfaces >= self.most_interfaces:
            return -1
        pool = subnet.pool
        address: int = pool.take()
        if address < 0:
            return -1
        self.interfaces += 1
        if address:
            used = subnet.used
            if consumer in used:
                used[consumer] += 1
            else:
                used[consumer] = 1
            free = pool.free
            subnet.free_min = min(subnet.free_min, free)
        return address

    def give_back(self, ordinal: int, address: int, consumer: str, now: float) -> None:
        """The interface is deleted: the address cools and then goes back to the subnet (LIFE-011, NET-060)."""
        self.interfaces -= 1
        if not address:
            return
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
        reason = self.why(subnet)
        if task is not None and reason is NO_INTERFACE:
            self._limited.add(task.ordinal)
        self._events.append(
            now,
            event,
            cause,
            subnet.code,
            self._consumers[consumer],
            task.ordinal if task is not None else 0,
            self._reasons[reason],
            self.engine.region_code,
        )
        return event

    def why(self, subnet: Subnet) -> str:
        """Return EC2's error for an interface that cannot be made in the subnet now (NET-050, NET-070)."""
        return NO_INTERFACE if self.interfaces >= self.most_interfaces else NO_ADDRESS

    def failure(self, task: Task) -> str:
        """Return the reason of a task whose interface could not be made (NET-050, NET-052, LIFE-047).

        Only on Fargate is the assignment of a public address part of the request.
        """
        public = ""
        if task.template.fargate:
            public = f" with public IP assignment {'enabled' if task.template.public_ip else 'disabled'}"
        limited = task.ordinal in self._limited
        self._limited.discard(task.ordinal)
        return (
            f"Unexpected EC2 error while attempting to Create Network Interface{public} in "
            f"subnet '{self.subnets[task.subnet].name}': {NO_INTERFACE if limited else NO_ADDRESS}"
        )

    def ipv6_of(self, task: Task) -> int:
        """Return the IPv6 address of a task's interface, 0 if it has none (NET-045, NET-046).

        It takes the account setting, a subnet with an IPv6 block, Linux, and on EC2 an agent of 1.45.0 or later.
        """
        if not task.template.eni or task.address < 0 or task.subnet < 0:
            return 0
        subnet = self.subnets[task.subnet]
        if not subnet.ipv6 or task.template.windows or not (self.dual_stack or not task.address):
            return 0
        if task.instance >= 0:
            agent = self.engine.world.instances[task.instance].group.agent_version
            if version_of(agent) < DUAL_STACK_AGENT:
                return 0
        return ipv6_address(subnet.ipv6, task.ordinal)

    def acquire(
        self, template: Template, owner: Owner, zone: str | None, provider: int, launch: int = -1
    ) -> tuple[int, int]:
        """Choose a subnet for a task and take an address of it: subnet and address, -1 for one that is full.

        What :meth:`choose` and :meth:`take` do, at one go where a launch on an instance draws its subnet.
        """
        here = self._drawn.get((template.code, zone))
        if here is None:
            ordinal = self.choose(template, owner, zone, provider, launch)
            return ordinal, self.take(ordinal, "tasks")
        draws = self._draws.get(owner.name) or self._draws_of(owner)
        subnet = here[draw_subnet(len(here), draws[owner.launched if launch < 0 else launch])]
        cooling, pool, now = subnet.cooling, subnet.pool, self.kernel._now
        while cooling and cooling[0][0] <= now:
            pool.give(cooling.popleft()[1])
        if self.interfaces >= self.most_interfaces:
            return subnet.ordinal, -1
        address = pool.take()
        if address > 0:
            self.interfaces += 1
            used = subnet.used
            used["tasks"] = used.get("tasks", 0) + 1
            free = pool.free
            if free < subnet.free_min:
                subnet.free_min = free
        elif not address:
            self.interfaces += 1
        return subnet.ordinal, address

    def _draws_of(self, owner: Owner) -> Draws:
        draws = self._draws[owner.name] = self.engine.luck("subnet", owner.name)
        return draws

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
        here = self._here.get((template.code, zone))
        if here is None:
            here = self._here[template.code, zone] = [s for s in ordinals if subnets[s].zone == zone]
            if self.option == "random" and not template.fargate and len(here) > 1:
                self._drawn[template.code, zone] = [subnets[s] for s in here]
        if len(here) == 1:
            return here[0]
        draws = self._draws.get(owner.name) or self._draws_of(owner)
        u = draws[owner.launched if launch < 0 else launch]
        if self.option == "random":
            return here[draw_subnet(len(here), u)]
        now = self.kernel._now
        for s in here:
            self.thaw(subnets[s], now)
        return here[choose_subnet([subnets[s].pool.free for s in here], u, self.option)]
