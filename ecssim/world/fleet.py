"""The fleet index: one cluster's container instances, answering a placement question in microseconds.

This is the control plane's ledger of the cluster: placing reserves, desiredStatus STOPPED releases
(AGENT-041), an ENI slot comes back when the interface is deleted. The reading half is ``fleet_index.py``;
here is what writes, each act following every bitset that exists. ``naive_fleet.py`` gives the same answers by
looking at everything.

An *ordinal* is an instance's registration number, never used again; its *position* is its bit for now: when
more than half of the positions belong to instances that are gone, the next registration renumbers them.
"""

from __future__ import annotations

from ecssim.errors import InvariantBroken
from ecssim.world.fleet_groups import Group
from ecssim.world.fleet_index import FleetIndex
from ecssim.world.fleet_ladder import Ladder
from ecssim.world.hosts import Host
from ecssim.world.requests import InstanceSpec, Request

RENUMBER_FROM = 512


class Fleet(FleetIndex):
    """The index with its writer's half: the only code that moves the ledger.

    ``epoch`` grows with every change. ``releases`` grows with every change that could let a task fit that did
    not fit before: a "nothing fits" verdict holds while it stands still.
    """

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0
        self.releases = 0
        self._registered = 0

    def __len__(self) -> int:
        return len(self._hosts)

    def __contains__(self, ordinal: int) -> bool:
        return ordinal in self._hosts

    def add(self, spec: InstanceSpec) -> int:
        """Register an instance, ACTIVE and connected; return its ordinal."""
        if len(self._at) >= RENUMBER_FROM and len(self._at) > 2 * len(self._hosts):
            self._renumber()
        host = Host(self._registered, len(self._at), spec)
        self._registered += 1
        self._hosts[host.ordinal] = host
        self._at.append(host)
        bit = host.bit
        self._present |= bit
        self._active |= bit
        self._connected |= bit
        if spec.capacity_provider is not None:
            self._providers[spec.capacity_provider] = self._providers.get(spec.capacity_provider, 0) | bit
        self._enter(host, bit)
        self._changed_facts()
        return host.ordinal

    def remove(self, ordinal: int) -> None:
        """Deregister the instance with all that is reserved on it; later releases there change nothing."""
        host = self._hosts[ordinal]
        bit = host.bit
        for group, count in host.groups.items():
            found = self._groups[group]
            found.change(host, count, 0)
            if not found.present:
                del self._groups[group]
        self._leave(host, bit)
        self._present &= ~bit
        self._active &= ~bit
        self._connected &= ~bit
        if host.spec.capacity_provider is not None:
            self._providers[host.spec.capacity_provider] &= ~bit
        del self._hosts[ordinal]
        self._at[host.position] = None
        self.epoch += 1
        self._facts += 1
        self._mark_stale(host, facts=True)

    def set_status(self, ordinal: int, active: bool) -> None:
        """The instance is ACTIVE, or DRAINING and takes no tasks (PLACE-002)."""
        host = self._hosts[ordinal]
        if host.active is not active:
            host.active = active
            self._active ^= host.bit
            self._changed_facts(freer=active)

    def set_connected(self, ordinal: int, connected: bool) -> None:
        """The agent's connection came back or was lost: without it no placements (AGENT-024)."""
        host = self._hosts[ordinal]
        if host.connected is not connected:
            host.connected = connected
            self._connected ^= host.bit
            self._changed_facts(freer=connected)
            self._mark_stale(host, facts=False)

    def set_attribute(self, ordinal: int, name: str, value: str | None) -> None:
        """Give the instance attribute ``name``, or another value of it."""
        host = self._hosts[ordinal]
        bit = host.bit
        masks = self._values.get(name)
        if masks is not None:
            masks[host.attributes.get(name) or ""] ^= bit
            masks[value or ""] = masks.get(value or "", 0) | bit
        if name in self._having:
            self._having[name] |= bit
        for group in self._groups.values():
            group.forget_field(name)
        host.attributes[name] = value
        self._changed_facts()
        self._mark_stale(host, facts=True)

    def name_group(self, group: int, name: str) -> None:
        """Give ``group`` the name that ``task:group`` knows it by (PLACE-050)."""
        self._group_names[group] = name
        found = self._groups.get(group)
        if found is not None:
            for ordinal in found.present:
                self._mark_stale(self._hosts[ordinal], facts=False)

    def expect(self, requests: tuple[Request, ...]) -> None:
        """Prepare the thresholds of all ``requests`` at once, cheaper than each when first asked for."""
        self._cpu.learn(request.cpu for request in requests if request.cpu)
        self._memory.learn(request.memory for request in requests if request.memory)
        self._gpus.learn(request.gpus for request in requests if request.gpus)

    def reserve(self, ordinal: int, request: Request, group: int) -> None:
        """Place a task of ``group`` on the instance: CPU, memory, ports, GPUs, one ENI slot, one task more.

        Raises ``InvariantBroken``, and changes nothing, where the instance has not so much left.
        """
        host = self._hosts[ordinal]
        bit = host.bit
        had_cpu, had_memory = host.cpu, host.memory
        cpu = had_cpu - request.cpu
        memory = had_memory - request.memory
        if cpu < 0 or memory < 0 or (request.eni and not host.eni):
            raise InvariantBroken(f"instance {ordinal} has {host.remaining()} left and cannot hold {request}")
        if not request.plain:
            self._reserve_more(host, request)
        ranks = self._cpu.ranks
        low, high = ranks[cpu], ranks[had_cpu]
        if low != high:
            self._cpu.cross(bit, low, high)
        ranks = self._memory.ranks
        low, high = ranks[memory], ranks[had_memory]
        if low != high:
            self._memory.cross(bit, low, high)
        if self._cpu_levels is not None:
            self._cpu_levels.move(bit, had_cpu, cpu)
        if self._memory_levels is not None:
            self._memory_levels.move(bit, had_memory, memory)
        host.cpu = cpu
        host.memory = memory
        if request.eni:
            left = host.eni - 1
            if not left:  # nobody asks for more than one slot, so no other step crosses a threshold
                self._eni.move(bit, 0, 1)
            host.eni = left
        found = self._groups.get(group)
        if found is None:
            found = self._groups[group] = Group()
        before = host.groups.get(group, 0)
        found.change(host, before, before + 1)
        host.groups[group] = before + 1
        host.tasks += 1
        self.epoch += 1
        if self._dynamic:  # an expression may ask for instances that run some task
            self.releases += 1
            self._mark_stale(host, facts=False)

    def _reserve_more(self, host: Host, request: Request) -> None:
        """Reserve what a plain request does not ask for: ports and GPUs."""
        if host.gpus < request.gpus:
            raise InvariantBroken(f"instance {host.ordinal} has {host.remaining()} left and cannot hold {request}")
        if request.tcp_ports or request.udp_ports:
            if not (host.tcp.isdisjoint(request.tcp_ports) and host.udp.isdisjoint(request.udp_ports)):
                raise InvariantBroken(f"instance {host.ordinal} has a port of {request} in use")
            self._flip_ports(host.bit, request)
            host.tcp.update(request.tcp_ports)
            host.udp.update(request.udp_ports)
        if request.gpus:
            self._gpus.move(host.bit, host.gpus - request.gpus, host.gpus)
            host.gpus -= request.gpus

    def release(self, ordinal: int, request: Request, group: int) -> None:
        """The desired status became STOPPED: give all back but the ENI slot (AGENT-041, PLACE-026)."""
        host = self._hosts.get(ordinal)
        if host is None:
            return
        bit = host.bit
        spec = host.spec
        had_cpu, had_memory = host.cpu, host.memory
        cpu = had_cpu + request.cpu
        memory = had_memory + request.memory
        before = host.groups.get(group, 0)
        if cpu > spec.cpu or memory > spec.memory or not before:
            raise InvariantBroken(f"instance {ordinal} with {host.remaining()} left holds no {request}")
        if not request.plain:
            self._release_more(host, request)
        ranks = self._cpu.ranks
        low, high = ranks[had_cpu], ranks[cpu]
        if low != high:
            self._cpu.cross(bit, low, high)
        ranks = self._memory.ranks
        low, high = ranks[had_memory], ranks[memory]
        if low != high:
            self._memory.cross(bit, low, high)
        if self._cpu_levels is not None:
            self._cpu_levels.move(bit, had_cpu, cpu)
        if self._memory_levels is not None:
            self._memory_levels.move(bit, had_memory, memory)
        host.cpu = cpu
        host.memory = memory
        host.tasks -= 1
        found = self._groups[group]
        found.change(host, before, before - 1)
        if before > 1:
            host.groups[group] = before - 1
        else:
            del host.groups[group]
            if not found.present:
                del self._groups[group]
        self.epoch += 1
        self.releases += 1
        if self._dynamic:
            self._mark_stale(host, facts=False)

    def _release_more(self, host: Host, request: Request) -> None:
        """Give back what a plain request does not hold: ports and GPUs."""
        if host.gpus + request.gpus > host.spec.gpus:
            raise InvariantBroken(f"instance {host.ordinal} with {host.remaining()} left holds no {request}")
        if request.tcp_ports or request.udp_ports:
            self._flip_ports(host.bit, request)
            host.tcp.difference_update(request.tcp_ports)
            host.udp.difference_update(request.udp_ports)
        if request.gpus:
            self._gpus.move(host.bit, host.gpus, host.gpus + request.gpus)
            host.gpus += request.gpus

    def release_eni(self, ordinal: int) -> None:
        """A task's network interface was deleted: its slot comes back (PLACE-008)."""
        host = self._hosts.get(ordinal)
        if host is None:
            return
        if host.eni >= host.spec.eni_slots:
            raise InvariantBroken(f"instance {ordinal} has all of its {host.eni} ENI slots free already")
        if not host.eni:
            self._eni.move(host.bit, 0, 1)
        host.eni += 1
        self.epoch += 1
        self.releases += 1

    # following the bitsets

    def _changed_facts(self, freer: bool = True) -> None:
        self.epoch += 1
        self.releases += freer
        self._facts += 1

    def _flip_ports(self, bit: int, request: Request) -> None:
        for port in request.tcp_ports:
            if port in self._tcp:
                self._tcp[port] ^= bit
        for port in request.udp_ports:
            if port in self._udp:
                self._udp[port] ^= bit

    def _enter(self, host: Host, bit: int) -> None:
        for ladder, value in self._ladders(host):
            ladder.move(bit, -1, value)
        if self._cpu_levels is not None:
            self._cpu_levels.add(bit, host.cpu)
        if self._memory_levels is not None:
            self._memory_levels.add(bit, host.memory)
        self._flip_memberships(host, bit)
        self._mark_stale(host, facts=True)

    def _leave(self, host: Host, bit: int) -> None:
        for ladder, value in self._ladders(host):
            ladder.move(bit, -1, value)
        if self._cpu_levels is not None:
            self._cpu_levels.discard(bit, host.cpu)
        if self._memory_levels is not None:
            self._memory_levels.discard(bit, host.memory)
        self._flip_memberships(host, bit)

    def _ladders(self, host: Host) -> tuple[tuple[Ladder, int], ...]:
        return (
            (self._cpu, host.cpu),
            (self._memory, host.memory),
            (self._gpus, host.gpus),
            (self._eni, host.eni),
        )

    def _flip_memberships(self, host: Host, bit: int) -> None:
        for port in host.tcp:
            if port in self._tcp:
                self._tcp[port] ^= bit
        for port in host.udp:
            if port in self._udp:
                self._udp[port] ^= bit
        for name in host.attributes:
            if name in self._having:
                self._having[name] ^= bit
        for name, masks in self._values.items():
            value = host.attributes.get(name) or ""
            masks[value] = masks.get(value, 0) ^ bit

    def _mark_stale(self, host: Host, facts: bool) -> None:
        for found in self._dynamic.values():
            found.stale.add(host.position)
        if facts:
            for found in self._static.values():
                found.stale.add(host.position)

    def _renumber(self) -> None:
        """Close the gaps that gone instances left, keeping the order; every bitset is built anew."""
        self._at = [host for host in self._at if host is not None]
        for position, host in enumerate(self._at):
            if host is not None:
                host.place_at(position)
        self._facts += 1
        for group in self._groups.values():
            group.forget_positions()
        self._build_masks()
