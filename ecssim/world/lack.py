"""Everything that keeps one instance from taking a task: all reasons with their amounts, not only the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ecssim.world.hosts import Host, HostFacts
from ecssim.world.requests import Predicate, Request


class Lack(NamedTuple):
    """What would have to be different for one instance to take one task (PLACE-002, PLACE-041, PLACE-042).

    Resources first: CPU units, MiB, GPUs and ENI slots that are missing, host ports that are taken. Then what
    no amount of room mends: an instance that is not ACTIVE or without its agent, ``zone`` where no subnet of
    the task is, ``attributes`` that it has not, the ``memberOf`` expressions it does not satisfy, and
    ``distinct`` where a task of the group runs on it. Each check is judged with the instance as it is.
    """

    cpu: int = 0
    memory: int = 0
    tcp_ports: tuple[int, ...] = ()
    udp_ports: tuple[int, ...] = ()
    gpus: int = 0
    eni_slots: int = 0
    inactive: bool = False
    disconnected: bool = False
    zone: str | None = None
    attributes: tuple[str, ...] = ()
    constraints: tuple[Predicate, ...] = ()
    distinct: bool = False

    @property
    def resources(self) -> int:
        """How many kinds of resources are missing: CPU, memory, host ports, GPUs, ENI slots."""
        ports = bool(self.tcp_ports or self.udp_ports)
        return sum((self.cpu > 0, self.memory > 0, ports, self.gpus > 0, self.eni_slots > 0))

    @property
    def rules(self) -> int:
        """How many other things stand in the way: status, connection, zone, attributes, constraints."""
        single = sum((self.inactive, self.disconnected, self.zone is not None, self.distinct))
        return single + len(self.attributes) + len(self.constraints)

    @property
    def checks(self) -> tuple[str, ...]:
        """The failing checks in PLACE-003 order, under the names that rejections are counted by."""
        failing = {
            "agent": self.inactive or self.disconnected,
            "location": self.zone is not None,
            "attribute": bool(self.attributes),
            "cpu": self.cpu > 0,
            "memory": self.memory > 0,
            "ports": bool(self.tcp_ports or self.udp_ports),
            "gpu": self.gpus > 0,
            "eni": self.eni_slots > 0,
            "constraint": bool(self.constraints) or self.distinct,
        }
        return tuple(check for check, fails in failing.items() if fails)


NOTHING = Lack()
"""An instance that takes the task as it is lacks nothing."""


def lack_of(host: Host, group_names: Mapping[int, str], request: Request, group: int) -> Lack:
    """Return what keeps the host from taking one task of ``group``."""
    facts = HostFacts(host, group_names)
    outside = request.zones is not None and host.spec.zone not in request.zones
    return Lack(
        cpu=max(0, request.cpu - host.cpu),
        memory=max(0, request.memory - host.memory),
        tcp_ports=tuple(port for port in request.tcp_ports if port in host.tcp),
        udp_ports=tuple(port for port in request.udp_ports if port in host.udp),
        gpus=max(0, request.gpus - host.gpus),
        eni_slots=1 if request.eni and host.eni < 1 else 0,
        inactive=not host.active,
        disconnected=not host.connected,
        zone=host.spec.zone if outside else None,
        attributes=tuple(name for name in request.attributes if name not in host.attributes),
        constraints=tuple(holds for holds in request.constraints if not holds(facts)),
        distinct=request.distinct and group in host.groups,
    )
