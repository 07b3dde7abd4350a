"""What placement is asked for and what it chooses from: a task's shape, an instance's registered facts.

CPU is in CPU units (1,024 = one vCPU), memory in MiB, GPUs and ENI slots are counted whole. The numbers of a
:class:`Request` are computed by the caller (PLACE-004), once per task definition revision: the fleet index
recognises a request by identity, so keep one object per shape and use it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

ZONE_ATTRIBUTE = "ecs.availability-zone"


class InstanceFacts(Protocol):
    """What the cluster query language can ask about one container instance (PLACE-046)."""

    @property
    def attributes(self) -> Mapping[str, str | None]:
        """Attribute name to value; None for an attribute without a value."""

    @property
    def agent_connected(self) -> bool:
        """Whether the control plane holds a connection to the instance's agent."""

    @property
    def agent_version(self) -> str:
        """Dotted version of the agent, ``1.89.2``."""

    @property
    def ec2_instance_id(self) -> str:
        """The EC2 id, ``i-0123...``."""

    @property
    def registered_at(self) -> float:
        """When the instance registered, in seconds since 1970 UTC."""

    @property
    def running_tasks_count(self) -> int:
        """Tasks on it whose desired status is RUNNING (AGENT-011)."""

    @property
    def task_groups(self) -> Collection[str]:
        """Names of the groups that have such a task on it (PLACE-050)."""


class Predicate(Protocol):
    """One compiled ``memberOf`` expression (PLACE-042)."""

    @property
    def key(self) -> str:
        """The text it was compiled from: equal keys mean the same predicate."""

    @property
    def dynamic(self) -> bool:
        """Whether its answer moves with tasks or connections, not only with the instance's own facts."""

    def __call__(self, facts: InstanceFacts) -> bool:
        """Whether the instance satisfies the expression."""


@dataclass(frozen=True, slots=True)
class Request:
    """One task shape as placement sees it (PLACE-002, PLACE-004..PLACE-008).

    ``attributes`` are capability attributes that must exist (failure ``ATTRIBUTE``). ``zones`` are the zones
    of the subnets of an awsvpc task (NET-041, failure ``LOCATION``); None is any. With a
    ``capacity_provider`` only its instances are seen at all. ``distinct`` is ``distinctInstance`` within the
    group (PLACE-041).
    """

    cpu: int
    memory: int
    gpus: int = 0
    eni: bool = False
    tcp_ports: tuple[int, ...] = ()
    udp_ports: tuple[int, ...] = ()
    attributes: tuple[str, ...] = ()
    zones: tuple[str, ...] | None = None
    capacity_provider: str | None = None
    constraints: tuple[Predicate, ...] = ()
    distinct: bool = False
    plain: bool = field(init=False, repr=False, compare=False)
    """CPU, memory and an ENI are all that it asks for: what most tasks do, and the index's short way."""

    def __post_init__(self) -> None:
        ports = self.tcp_ports or self.udp_ports
        plain = self.cpu > 0 and self.memory > 0
        plain = plain and not (ports or self.gpus or self.constraints or self.distinct)
        object.__setattr__(self, "plain", plain)


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """What a container instance registers with (AGENT-004).

    ``eni_slots`` is the number of awsvpc tasks that it can hold: the ENI limit less the primary interface, or
    the trunking limit (PLACE-008, NET-010). The reserved ports are those of the agent and of the host
    (AGENT-006). ``registered_at`` is in seconds since 1970 UTC. The zone is also the attribute
    ``ecs.availability-zone``.
    """

    cpu: int
    memory: int
    gpus: int = 0
    eni_slots: int = 0
    zone: str = ""
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    capacity_provider: str | None = None
    reserved_tcp: tuple[int, ...] = ()
    reserved_udp: tuple[int, ...] = ()
    ec2_instance_id: str = ""
    registered_at: float = 0.0
    agent_version: str = ""


class Resources(NamedTuple):
    """An amount of everything that a task takes from an instance, ports aside."""

    cpu: int
    memory: int
    gpus: int
    eni_slots: int
