"""What the fleet index is made of: bitsets of instances, built when first asked for.

Thresholds per request size, exact levels where a strategy packs, task counts per group where one spreads,
ports, attributes and ``memberOf`` answers come from the hosts and are followed by the writing half
(``fleet.py``) from then on. All of them can be thrown away at any time; that a question builds what it needs
changes no answer.
"""

from __future__ import annotations

from operator import attrgetter

from ecssim.world.fleet_constraints import ConstraintMask
from ecssim.world.fleet_groups import Group, value_masks
from ecssim.world.fleet_ladder import Ladder
from ecssim.world.fleet_levels import Levels
from ecssim.world.fleet_shape import Shape
from ecssim.world.hosts import Host
from ecssim.world.requests import ZONE_ATTRIBUTE, Predicate, Request

SHAPES_KEPT = 8192
READ = {name: attrgetter(name) for name in ("cpu", "memory", "gpus", "eni")}


class FleetMasks:
    """The hosts of one cluster and the bitsets over their positions."""

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
        present = [(host.bit, host) for host in hosts if host is not None]
        self._present = sum(bit for bit, _ in present)
        self._active = sum(bit for bit, host in present if host.active)
        self._connected = sum(bit for bit, host in present if host.connected)
        self._providers: dict[str, int] = {}
        for bit, host in present:
            provider = host.spec.capacity_provider
            if provider is not None:
                self._providers[provider] = self._providers.get(provider, 0) | bit
        self._cpu = Ladder(hosts, READ["cpu"])
        self._memory = Ladder(hosts, READ["memory"])
        self._gpus = Ladder(hosts, READ["gpus"])
        self._eni = Ladder(hosts, READ["eni"])
        self._cpu_levels: Levels | None = None
        self._memory_levels: Levels | None = None
        self._tcp: dict[int, int] = {}
        self._udp: dict[int, int] = {}
        self._having: dict[str, int] = {}
        self._values: dict[str, dict[str, int]] = {}
        self._static: dict[str, ConstraintMask] = {}
        self._dynamic: dict[str, ConstraintMask] = {}

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
        shape = Shape(request, self._facts, mask, count, seen - reachable, reachable - located, located - count)
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
