"""The reading half of the fleet index: every question of ``FleetView`` as ANDs over bitsets of instances.

Thresholds per request size, exact levels where a strategy packs, task counts per group where one spreads,
ports, attributes and ``memberOf`` answers are built from the hosts when first asked for and followed by the
writing half (``fleet.py``) from then on. That a question builds what it needs does not change any answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from ecssim.world import bitsets
from ecssim.world.fleet_constraints import ConstraintMask
from ecssim.world.fleet_groups import Group, fewest_by_field, value_masks
from ecssim.world.fleet_ladder import Ladder
from ecssim.world.fleet_levels import Levels
from ecssim.world.fleet_shape import Shape, fewest_failures
from ecssim.world.hosts import Host, HostFacts
from ecssim.world.requests import ZONE_ATTRIBUTE, Predicate, Request, Resources
from ecssim.world.views import Closest, FailureReason, Rejections

SHAPES_KEPT = 8192
INSTANCE_FIELDS = ("instanceId", "host")
_READ = {name: attrgetter(name) for name in ("cpu", "memory", "gpus", "eni")}
_LACKED = {
    FailureReason.CPU: _READ["cpu"],
    FailureReason.MEMORY: _READ["memory"],
    FailureReason.GPU: _READ["gpus"],
    FailureReason.ENI: _READ["eni"],
}


class FleetIndex:
    """One cluster's instances behind ``FleetView``; candidates are bitsets, good for one call."""

    def __init__(self) -> None:
        self._hosts: dict[int, Host] = {}
        self._groups: dict[int, Group] = {}
        self._group_names: dict[int, str] = {}
        self._facts = 0
        self._shapes: dict[int, Shape] = {}
        self._at: list[Host | None] = []
        self._build_masks()

    def _build_masks(self) -> None:
        """Begin with nothing but the hosts by position; all else follows when asked for."""
        hosts = self._at
        present = [(1 << at, host) for at, host in enumerate(hosts) if host is not None]
        self._present = sum(bit for bit, _ in present)
        self._active = sum(bit for bit, host in present if host.active)
        self._connected = sum(bit for bit, host in present if host.connected)
        self._providers: dict[str, int] = {}
        for bit, host in present:
            provider = host.spec.capacity_provider
            if provider is not None:
                self._providers[provider] = self._providers.get(provider, 0) | bit
        self._cpu = Ladder(hosts, _READ["cpu"])
        self._memory = Ladder(hosts, _READ["memory"])
        self._gpus = Ladder(hosts, _READ["gpus"])
        self._eni = Ladder(hosts, _READ["eni"])
        self._cpu_levels: Levels | None = None
        self._memory_levels: Levels | None = None
        self._tcp: dict[int, int] = {}
        self._udp: dict[int, int] = {}
        self._having: dict[str, int] = {}
        self._values: dict[str, dict[str, int]] = {}
        self._static: dict[str, ConstraintMask] = {}
        self._dynamic: dict[str, ConstraintMask] = {}

    # the questions of FleetView

    def rejections(self, request: Request, group: int) -> Rejections:
        """Candidates of ``request`` and how many instances fell first at each check (PLACE-001..008)."""
        shape = self._shapes.get(id(request))
        if shape is None or shape.version != self._facts:
            shape = self._learn(request)
        _, _, mask, count, agent, location, attribute = shape
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
        name = field.removeprefix("attribute:")
        return fewest_by_field(candidates, self._values_of(name), found.by_field(name, group, self._hosts))

    def narrow_binpack(self, candidates: int, resource: str, request: Request) -> int:
        """Those with the least remaining ``cpu`` or ``memory`` (PLACE-021)."""
        if resource.lower() == "cpu":
            levels = self._cpu_levels
            if levels is None:
                levels = self._cpu_levels = Levels(self._at, _READ["cpu"])
            return levels.lowest(candidates, request.cpu)
        levels = self._memory_levels
        if levels is None:
            levels = self._memory_levels = Levels(self._at, _READ["memory"])
        return levels.lowest(candidates, request.memory)

    def count(self, candidates: int) -> int:
        """How many they are."""
        return candidates.bit_count()

    def first(self, candidates: int) -> int:
        """The ordinal that registered first among them, -1 if there is none (PLACE-027)."""
        return self._ordinal(bitsets.lowest(candidates))

    def nth(self, candidates: int, n: int) -> int:
        """The ordinal of number ``n`` of them in registration order, -1 if there are not so many."""
        return self._ordinal(bitsets.nth(candidates, n))

    def ordinals(self, candidates: int) -> list[int]:
        """All of them, in registration order."""
        return [self._ordinal(position) for position in bitsets.positions(candidates)]

    def shortfall(self, request: Request, group: int) -> FailureReason:
        """Why ``request`` fits nowhere: the reason of the closest instance (PLACE-065)."""
        return self._closest(request, group)[0]

    def closest(self, request: Request, group: int) -> Closest:
        """The closest instance: fewest failed checks, then most remaining of what it lacks (PLACE-065)."""
        reason, mask = self._closest(request, group)
        read = _LACKED.get(reason)
        if read is None or not mask:
            return Closest(self.first(mask), reason)
        best, most = -1, -1
        for position in bitsets.positions(mask):
            host = self._at[position]
            if host is not None and read(host) > most:
                best, most = host.ordinal, read(host)
        return Closest(best, reason)

    def remaining(self, ordinal: int) -> Resources:
        """What the instance still has to give."""
        return self._hosts[ordinal].remaining()

    def registered(self, ordinal: int) -> Resources:
        """What the instance registered with."""
        spec = self._hosts[ordinal].spec
        return Resources(spec.cpu, spec.memory, spec.gpus, spec.eni_slots)

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
        return found.by_field(field.removeprefix("attribute:"), group, self._hosts)

    def group_count(self, group: int, ordinal: int) -> int:
        """Tasks of ``group`` on the instance with desired status RUNNING (PLACE-026)."""
        return self._hosts[ordinal].groups.get(group, 0)

    # how they are answered

    def _ordinal(self, position: int) -> int:
        host = self._at[position] if position >= 0 else None
        return -1 if host is None else host.ordinal

    def _seen(self, request: Request) -> int:
        provider = request.capacity_provider
        return self._present if provider is None else self._providers.get(provider, 0)

    def _located(self, request: Request) -> int:
        if request.zones is None:
            return self._present
        masks = self._values_of(ZONE_ATTRIBUTE)
        found = 0
        for zone in request.zones:
            found |= masks.get(zone, 0)
        return found

    def _attributed(self, request: Request) -> int:
        found = self._present
        for name in request.attributes:
            having = self._having.get(name)
            if having is None:
                having = sum(1 << at for at, host in enumerate(self._at) if host and name in host.attributes)
                self._having[name] = having
            found &= having
        return found

    def _learn(self, request: Request) -> Shape:
        if len(self._shapes) >= SHAPES_KEPT:
            self._shapes.clear()
        mask = self._seen(request)
        seen = mask.bit_count()
        mask &= self._active & self._connected
        reachable = mask.bit_count()
        mask &= self._located(request)
        located = mask.bit_count()
        mask &= self._attributed(request)
        count = mask.bit_count()
        shape = Shape(
            request, self._facts, mask, count, seen - reachable, reachable - located, located - count
        )
        self._shapes[id(request)] = shape
        return shape

    def _values_of(self, name: str) -> dict[str, int]:
        masks = self._values.get(name)
        if masks is None:
            masks = self._values[name] = value_masks(self._at, name)
        return masks

    def _ports_taken(self, request: Request) -> int:
        taken = 0
        for port in request.tcp_ports:
            mask = self._tcp.get(port)
            if mask is None:
                mask = sum(1 << at for at, host in enumerate(self._at) if host and port in host.tcp)
                self._tcp[port] = mask
            taken |= mask
        for port in request.udp_ports:
            mask = self._udp.get(port)
            if mask is None:
                mask = sum(1 << at for at, host in enumerate(self._at) if host and port in host.udp)
                self._udp[port] = mask
            taken |= mask
        return taken

    def _satisfying(self, predicate: Predicate) -> int:
        kept = self._dynamic if predicate.dynamic else self._static
        found = kept.get(predicate.key)
        if found is None:
            found = kept[predicate.key] = ConstraintMask(predicate, self._at, self._group_names)
        return found.mask()

    def _allowed(self, request: Request, group: int) -> int:
        """Instances that the constraints leave (PLACE-041, PLACE-042)."""
        mask = self._present
        for predicate in request.constraints:
            mask &= self._satisfying(predicate)
        if request.distinct:
            mask &= ~self._occupied(group)
        return mask

    def _occupied(self, group: int) -> int:
        found = self._groups.get(group)
        return 0 if found is None else found.occupied(self._hosts, len(self._at))

    def _closest(self, request: Request, group: int) -> tuple[FailureReason, int]:
        seen = self._seen(request)
        reachable = self._active & self._connected
        if not seen:
            empty = request.capacity_provider is not None
            reason = FailureReason.EMPTY_CAPACITY_PROVIDER if empty else FailureReason.NO_ACTIVE_INSTANCES
            return reason, 0
        failures = [
            (reason, seen & ~passing)
            for reason, passing in (
                (FailureReason.AGENT, reachable),
                (FailureReason.LOCATION, self._located(request)),
                (FailureReason.ATTRIBUTE, self._attributed(request)),
                (FailureReason.CPU, self._cpu.at_least(request.cpu)),
                (FailureReason.MEMORY, self._memory.at_least(request.memory)),
                (FailureReason.PORTS, ~self._ports_taken(request)),
                (FailureReason.GPU, self._gpus.at_least(request.gpus) if request.gpus else seen),
                (FailureReason.ENI, self._eni.at_least(1) if request.eni else seen),
                (FailureReason.MEMBER_OF, self._allowed(request, group)),
            )
        ]
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
