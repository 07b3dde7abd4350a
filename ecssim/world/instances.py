"""Container instances, what they register, and the Auto Scaling groups that launch them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from ecssim.world.agent_settings import AGENT_DEFAULTS, AgentSettings
from ecssim.world.group_rules import GROUP_DEFAULTS, GroupRules
from ecssim.world.states import ACTIVE
from ecssim.world.tasks import NAN

if TYPE_CHECKING:
    from ecssim.world.places import Cluster
    from ecssim.world.tasks import Task


class Instance:
    """One EC2 container instance. The ``agent_*`` fields are the agent's own ledger: what physically is free,
    moved when containers really start and end (AGENT-040); what the control plane believes is in the fleet.
    ``number`` counts its group's launches, ``spot`` is its market; ``taken_back``: EC2 interrupted it (COST-042).
    ``retiring``: its group has let it go and it ends when it is drained (ASG-043). ``claims`` counts the tasks of its
    group's own provider on it.
    ``images`` says when each image is, or will be, on its disk; ``transfers`` are the pulls of the present busy
    spell, up to ``busy_until``, as (image, start, seconds alone); ``left_at`` when the last task with each set of
    images left, in that order. Nothing is cleaned up before ``clean_at``; ``cleaned`` is the last cleanup that
    deleted something, and how many images. No pull begins before ``locked_until``: the agent is deleting (AGENT-031).
    ``connected`` is what the control plane believes (agentConnected), ``online`` the truth; until ``cut_until`` the
    instance has no network at all.
    """

    __slots__ = (
        "address",
        "agent_cpu",
        "agent_gpus",
        "agent_memory",
        "agent_ports",
        "agent_queue",
        "attributes",
        "busy_until",
        "claims",
        "clean_at",
        "cleaned",
        "code",
        "connected",
        "cut_until",
        "draining_at",
        "epoch",
        "fleet_ordinal",
        "group",
        "id",
        "images",
        "last_event",
        "launched_at",
        "left_at",
        "locked_until",
        "number",
        "online",
        "ordinal",
        "registered_at",
        "retiring",
        "shape",
        "spot",
        "status",
        "subnet",
        "taken_back",
        "tasks",
        "terminated_at",
        "transfers",
        "trunk_address",
        "type",
        "weight",
        "zone",
    )

    def __init__(
        self,
        ordinal: int,
        id: str,
        code: int,
        group: AutoScalingGroup,
        zone: str,
        subnet: int,
        kind: InstanceKind,
        spot: bool,
    ) -> None:
        self.ordinal = ordinal
        self.id = id
        self.code = code
        self.group = group
        self.zone = zone
        self.subnet = subnet
        self.type = kind.type
        self.weight = kind.weight
        self.shape = shape = kind.shape
        self.spot = spot
        self.number = 0
        self.taken_back = False
        self.retiring = False
        self.claims = 0
        self.address = -1
        self.trunk_address = -1
        self.epoch = 0
        self.status = ACTIVE
        self.connected = True
        self.online = True
        self.cut_until = 0.0
        self.fleet_ordinal = -1
        self.last_event = 0
        self.launched_at = NAN
        self.registered_at = NAN
        self.draining_at = NAN
        self.terminated_at = NAN
        self.agent_cpu = shape.cpu
        self.agent_memory = shape.memory
        self.agent_gpus = shape.gpus
        self.agent_ports: set[tuple[str, int]] = set(shape.ports)
        self.agent_queue: deque[Task] = deque()
        self.images: dict[int, float] = {}
        self.transfers: list[tuple[int, float, float]] = []
        self.left_at: dict[int, float] = {}
        self.busy_until = 0.0
        self.clean_at = 0.0
        self.cleaned = (0.0, 0)
        self.locked_until = 0.0
        self.tasks: dict[int, Task] = {}
        self.attributes: dict[str, str | None] = dict(shape.attributes)

    @property
    def ended(self) -> bool:
        """Whether EC2 has terminated it; ECS may not know that (AGENT-026)."""
        return self.terminated_at == self.terminated_at


@dataclass(frozen=True, slots=True)
class InstanceShape:
    """What an instance of one type registers: CPU units, MiB (ASG-061, ASG-062), GPUs, ENI task slots (NET-010,
    NET-011), ports reserved by the agent (AGENT-006), and its launch-to-registered factor (ASG-070)."""

    cpu: int
    memory: int
    gpus: int
    eni_slots: int
    trunk: bool
    ports: tuple[tuple[str, int], ...]
    attributes: tuple[tuple[str, str | None], ...]
    boot_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class InstanceKind:
    """An instance type that a group may launch, with what it registers: now, with a trunk interface, without one."""

    type: str
    shape: InstanceShape
    weight: int = 1
    """Units of the group's capacity that one instance counts for; more than 1 never behind a provider (ASG-006)."""
    with_trunk: InstanceShape | None = None
    without_trunk: InstanceShape | None = None


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What a capacity provider does with its group.

    ``scaling`` is the policy of managed scaling, None if that is off; ``protection`` is
    managedTerminationProtection, ``draining`` managedDraining (ASG-001 to ASG-003).
    """

    scaling: Any = None
    protection: bool = False
    draining: bool = False


@dataclass(slots=True, eq=False)
class AutoScalingGroup:
    """One Auto Scaling group: it keeps ``desired`` instances alive in its subnets.

    ``instances`` are those that it counts; ``retiring`` those that it let go and that still drain (ASG-043).
    ``kinds`` are its instance types in order of preference, ``shape`` that of the first. Of the instances above
    ``on_demand_base``, ``on_demand_percent`` are On-Demand and the others Spot (ASG-052). ``registered``,
    ``busy`` and ``claims`` are kept by ``engine.occupancy``. ``size`` is what its instances are in units of capacity,
    which they are themselves unless their types have weights; ``on_demand_size`` the On-Demand part of it,
    ``spot_counts`` the others by type and zone. ``warm`` are the stopped instances of its warm pool
    (ASG-056), ``suspended`` the processes that somebody has suspended; ``failing`` is why launches fail now.
    ``managed`` is who launches and ends its instances if it is no Auto Scaling group but what stands behind a provider
    of Managed Instances.
    """

    ordinal: int
    name: str
    code: int
    cluster: Cluster
    instance_type: str
    shape: InstanceShape
    subnets: tuple[int, ...]
    min_size: int
    max_size: int
    desired: int
    provider: str | None
    provider_code: int
    kinds: tuple[InstanceKind, ...]
    on_demand_base: int = 0
    on_demand_percent: int = 100
    termination_policies: tuple[str, ...] = ()
    settings: ProviderSettings = ProviderSettings()
    spot_draining: bool = False
    agent: AgentSettings = AGENT_DEFAULTS
    instances: dict[int, Instance] = field(default_factory=dict)
    retiring: dict[int, Instance] = field(default_factory=dict)
    launched: int = 0
    zone_counts: dict[str, int] = field(default_factory=dict)
    draws: Any = None
    retry_armed: bool = False
    failing: str = ""
    registered: int = 0
    busy: int = 0
    claims: int = 0
    agent_version: str = "1.90.0"
    pull_upfront: bool = False
    #: Network interfaces that somebody attached to each instance by hand, unknown to ECS (NET-022).
    interfaces_by_hand: int = 0
    managed: Any = None
    #: GiB of the root volume of each instance (COST-027).
    volume_gib: int = 30
    rules: GroupRules = GROUP_DEFAULTS
    size: int = 0
    on_demand_size: int = 0
    spot_counts: dict[tuple[str, str], int] = field(default_factory=dict)
    warm: dict[int, Instance] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    scaled_at: float = -inf

    def join(self, instance: Instance) -> None:
        """Count the instance from now on."""
        self.instances[instance.ordinal] = instance
        self._count(instance, 1)

    def part(self, instance: Instance) -> None:
        """Count it no longer."""
        del self.instances[instance.ordinal]
        self._count(instance, -1)

    def _count(self, instance: Instance, sign: int) -> None:
        self.zone_counts[instance.zone] = self.zone_counts.get(instance.zone, 0) + sign
        self.size += sign * instance.weight
        if instance.spot:
            pool = (instance.type, instance.zone)
            self.spot_counts[pool] = self.spot_counts.get(pool, 0) + sign
        else:
            self.on_demand_size += sign * instance.weight
