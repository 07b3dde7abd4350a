"""The reading half of the fleet index: every question of ``FleetView`` as ANDs over bitsets of instances."""

from __future__ import annotations

from collections.abc import Mapping

from ecssim.world import bitsets
from ecssim.world.fleet_groups import fewest_by_field
from ecssim.world.fleet_levels import Levels
from ecssim.world.fleet_masks import READ, FleetMasks
from ecssim.world.fleet_shape import fewest_failures
from ecssim.world.hosts import HostFacts
from ecssim.world.lack import Lack, lack_of
from ecssim.world.requests import ZONE_ATTRIBUTE, Request, Resources
from ecssim.world.views import Closest, FailureReason, Rejections

INSTANCE_FIELDS = ("instanceId", "host")
#: The attribute that nearly every strategy spreads over, in both spellings: cutting the prefix off makes a string.
ATTRIBUTES = {ZONE_ATTRIBUTE: ZONE_ATTRIBUTE, f"attribute:{ZONE_ATTRIBUTE}": ZONE_ATTRIBUTE}
#: A verdict per launch: the tuple's own constructor saves the named one's extra call.
_rejections = tuple.__new__
LACKED = {
    FailureReason.CPU: READ["cpu"],
    FailureReason.MEMORY: READ["memory"],
    FailureReason.GPU: READ["gpus"],
    FailureReason.ENI: READ["eni"],
}


class FleetIndex(FleetMasks):
    """One cluster's instances behind ``FleetView``; candidates are bitsets, good for one call."""

    def rejections(self, request: Request, group: int) -> Rejections:
        """Candidates of ``request`` and how many instances fell first at each check (PLACE-001..008)."""
        shape = self._shapes.get(id(request))
        if shape is None or shape.version != self._facts:
            shape = self._learn(request)
        _, _, mask, count, agent, location, attribute = shape
        if request.plain:
            # Counting bits costs four times as much as seeing that a check dropped nobody, which is the common case.
            kept = mask & self._cpu.at_least(request.cpu)
            enough_cpu = count if kept == mask else kept.bit_count()
            mask = kept & self._memory.at_least(request.memory)
            left = enough_memory = enough_cpu if mask == kept else mask.bit_count()
            if request.eni:
                kept = mask & self._eni.at_least(1)
                if kept != mask:
                    mask = kept
                    left = mask.bit_count()
            return _rejections(
                Rejections,
                (
                    mask,
                    left,
                    agent,
                    location,
                    attribute,
                    count - enough_cpu,
                    enough_cpu - enough_memory,
                    0,
                    0,
                    enough_memory - left,
                    0,
                ),
            )
        cpu = memory = ports = gpu = eni = constraint = 0
        if request.cpu:
            mask &= self._cpu.at_least(request.cpu)
            left = mask.bit_count()
            cpu = count - left
            count = left
        if request.memory:
            mask &= self._memory.at_least(request.memory)
            left = mask.bit_count()
            memory = count - left
            count = left
        if request.tcp_ports or request.udp_ports:
            mask &= ~self._ports_taken(request)
            left = mask.bit_count()
            ports = count - left
            count = left
        if request.gpus:
            mask &= self._gpus.at_least(request.gpus)
            left = mask.bit_count()
            gpu = count - left
            count = left
        if request.eni:
            mask &= self._eni.at_least(1)
            left = mask.bit_count()
            eni = count - left
            count = left
        if request.constraints or request.distinct:
            mask &= self._allowed(request, group)
            left = mask.bit_count()
            constraint = count - left
            count = left
        return Rejections(mask, count, agent, location, attribute, cpu, memory, ports, gpu, eni, constraint)

    def eligible(self, request: Request, group: int) -> int:
        """Candidates of ``request`` alone."""
        shape = self._shapes.get(id(request))
        if shape is None or shape.version != self._facts:
            shape = self._learn(request)
        mask = shape.base
        if request.cpu:
            mask &= self._cpu.at_least(request.cpu)
        if request.memory:
            mask &= self._memory.at_least(request.memory)
        if request.tcp_ports or request.udp_ports:
            mask &= ~self._ports_taken(request)
        if request.gpus:
            mask &= self._gpus.at_least(request.gpus)
        if request.eni:
            mask &= self._eni.at_least(1)
        if request.constraints or request.distinct:
            mask &= self._allowed(request, group)
        return mask

    def fits(self, ordinal: int, request: Request, group: int) -> bool:
        """Whether this one instance is a candidate; an ordinal that is gone is none."""
        host = self._hosts.get(ordinal)
        return (
            host is not None
            and host.cpu >= request.cpu
            and host.memory >= request.memory
            and host.gpus >= request.gpus
            and (not request.eni or host.eni > 0)
            and host.active
            and host.connected
            and request.capacity_provider in (None, host.spec.capacity_provider)
            and (request.zones is None or host.spec.zone in request.zones)
            and host.tcp.isdisjoint(request.tcp_ports)
            and host.udp.isdisjoint(request.udp_ports)
            and all(name in host.attributes for name in request.attributes)
            and not (request.distinct and group in host.groups)
            and all(holds(HostFacts(host, self._group_names)) for holds in request.constraints)
        )

    def narrow_spread(self, candidates: int, field: str, group: int) -> int:
        """Those in the value groups with the fewest tasks of ``group`` (PLACE-022, PLACE-025, PLACE-026)."""
        found = self._groups.get(group)
        if found is None:
            return candidates
        if field in INSTANCE_FIELDS:
            return found.fewest(candidates, group, self._hosts, len(self._at))
        name = ATTRIBUTES.get(field) or field.removeprefix("attribute:")
        masks = self._values.get(name)
        if masks is None:
            masks = self._values_of(name)
        return fewest_by_field(candidates, masks, found.by_field(name, group, self._hosts))

    def narrow_binpack(self, candidates: int, resource: str, request: Request) -> int:
        """Those with the least remaining ``cpu`` or ``memory`` (PLACE-021)."""
        if resource.lower() == "cpu":
            levels = self._cpu_levels
            if levels is None:
                levels = self._cpu_levels = Levels(self._at, READ["cpu"])
            return levels.lowest(candidates, request.cpu)
        levels = self._memory_levels
        if levels is None:
            levels = self._memory_levels = Levels(self._at, READ["memory"])
        return levels.lowest(candidates, request.memory)

    def count(self, candidates: int) -> int:
        """How many they are."""
        return candidates.bit_count()

    def first(self, candidates: int) -> int:
        """The ordinal that registered first among them, -1 if there is none (PLACE-027)."""
        host = self._at[(candidates & -candidates).bit_length() - 1] if candidates else None
        return -1 if host is None else host.ordinal

    def nth(self, candidates: int, n: int) -> int:
        """The ordinal of number ``n`` of them in registration order, -1 if there are not so many."""
        return self._ordinal(bitsets.nth(candidates, n))

    def ordinals(self, candidates: int) -> list[int]:
        """All of them, in registration order."""
        return [self._ordinal(position) for position in bitsets.positions(candidates)]

    def only(self, ordinals: list[int]) -> int:
        """Exactly these."""
        return sum(self._hosts[ordinal].bit for ordinal in ordinals)

    def shortfall(self, request: Request, group: int) -> FailureReason:
        """Why ``request``, which fits nowhere, does not: the reason of the closest instance (PLACE-065)."""
        return self._closest(request, group)[0]

    def closest(self, request: Request, group: int) -> Closest:
        """The closest instance: fewest failed checks, then most remaining of what it lacks (PLACE-065)."""
        reason, mask = self._closest(request, group)
        read = LACKED.get(reason)
        if read is None or not mask:
            return Closest(self.first(mask), reason)
        best, most = -1, -1
        for position in bitsets.positions(mask):
            host = self._at[position]
            if host is not None and read(host) > most:
                best, most = host.ordinal, read(host)
        return Closest(best, reason)

    def seen(self, request: Request) -> int:
        """Every instance that ``request`` is tried on."""
        return self._seen(request)

    def lack(self, ordinal: int, request: Request, group: int) -> Lack:
        """Everything that keeps this one instance from taking the task."""
        return lack_of(self._hosts[ordinal], self._group_names, request, group)

    def remaining(self, ordinal: int) -> Resources:
        """What the instance still has to give."""
        return self._hosts[ordinal].remaining()

    def registered(self, ordinal: int) -> Resources:
        """What the instance registered with."""
        spec = self._hosts[ordinal].spec
        return Resources(spec.cpu, spec.memory, spec.gpus, spec.eni_slots)

    def active_in(self, zone: str, provider: str | None) -> int:
        """How many ACTIVE instances the zone has, of the capacity provider if one is named."""
        seen = self._present if provider is None else self._providers.get(provider, 0)
        return (self._values_of(ZONE_ATTRIBUTE).get(zone, 0) & self._active & seen).bit_count()

    @property
    def facts(self) -> int:
        """A number that grows when an instance comes, goes, or changes in anything but its tasks."""
        return self._facts

    def zones_for(self, request: Request) -> list[str]:
        """The zones with an instance that the request may use at all, whatever is left on it (PLACE-084)."""
        shape = self._shapes.get(id(request))
        if shape is None or shape.version != self._facts:
            shape = self._learn(request)
        mask = shape.base
        for predicate in request.constraints:
            mask &= self._satisfying(predicate)
        return [zone for zone, found in self._values_of(ZONE_ATTRIBUTE).items() if found & mask]

    def facts_of(self, ordinal: int) -> HostFacts:
        """The instance as the cluster query language sees it (PLACE-046)."""
        return HostFacts(self._hosts[ordinal], self._group_names)

    def ports(self, ordinal: int) -> tuple[frozenset[int], frozenset[int]]:
        """TCP and UDP host ports that are taken on the instance, reserved ones included (AGENT-009)."""
        host = self._hosts[ordinal]
        return frozenset(host.tcp), frozenset(host.udp)

    def spread_value(self, ordinal: int, field: str) -> str:
        """The instance's value group under the spread ``field``; '' without the attribute (PLACE-025)."""
        if field in INSTANCE_FIELDS:
            return str(ordinal)
        return self._hosts[ordinal].attributes.get(field.removeprefix("attribute:")) or ""

    def spread_counts(self, field: str, group: int) -> Mapping[str, int]:
        """Tasks of ``group`` by value of ``attribute:<name>``; values without tasks may be missing."""
        found = self._groups.get(group)
        if found is None:
            return {}
        name = ATTRIBUTES.get(field) or field.removeprefix("attribute:")
        return found.by_field(name, group, self._hosts)

    def group_count(self, group: int, ordinal: int) -> int:
        """Tasks of ``group`` on the instance with desired status RUNNING (PLACE-026)."""
        return self._hosts[ordinal].groups.get(group, 0)

    def _ordinal(self, position: int) -> int:
        host = self._at[position] if position >= 0 else None
        return -1 if host is None else host.ordinal

    def _closest(self, request: Request, group: int) -> tuple[FailureReason, int]:
        seen = self._seen(request)
        reachable = self._active & self._connected
        if not seen:
            empty = request.capacity_provider is not None
            reason = FailureReason.EMPTY_CAPACITY_PROVIDER if empty else FailureReason.NO_ACTIVE_INSTANCES
            return reason, 0
        passing = [(FailureReason.AGENT, reachable)]
        if request.zones is not None:
            passing.append((FailureReason.LOCATION, self._located(request)))
        if request.attributes:
            passing.append((FailureReason.ATTRIBUTE, self._attributed(request)))
        if request.cpu:
            passing.append((FailureReason.CPU, self._cpu.at_least(request.cpu)))
        if request.memory:
            passing.append((FailureReason.MEMORY, self._memory.at_least(request.memory)))
        if request.tcp_ports or request.udp_ports:
            passing.append((FailureReason.PORTS, ~self._ports_taken(request)))
        if request.gpus:
            passing.append((FailureReason.GPU, self._gpus.at_least(request.gpus)))
        if request.eni:
            passing.append((FailureReason.ENI, self._eni.at_least(1)))
        if request.constraints or request.distinct:
            passing.append((FailureReason.MEMBER_OF, self._allowed(request, group)))
        failures = [(reason, seen & ~mask) for reason, mask in passing]
        reason, mask = fewest_failures(seen, failures)
        if reason is FailureReason.AGENT:
            disconnected = mask & self._active
            return (reason, disconnected) if disconnected else (FailureReason.NO_ACTIVE_INSTANCES, mask)
        if reason is FailureReason.MEMBER_OF:
            for predicate in request.constraints:
                outside = mask & ~self._satisfying(predicate)
                if outside:
                    return reason, outside
            return FailureReason.DISTINCT_INSTANCE, mask
        return reason, mask
