"""Where tasks are put and found: clusters, subnets and target groups."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecssim.world.tasks import NAN

if TYPE_CHECKING:
    from ecssim.world.instances import Instance


@dataclass(slots=True, eq=False)
class Subnet:
    """One subnet and its IPv4 addresses. ``cooling`` holds (free at, address): freed and not yet usable (NET-060).

    Held addresses are counted by consumer; total = used + free + reserved at every instant. An IPv6-only subnet
    has a total of 0 (NET-046).
    """

    ordinal: int
    name: str
    code: int
    zone: str
    base: int
    total: int
    pool: Any
    reserved: int = 5
    used: dict[str, int] = field(default_factory=dict)
    cooling: deque[tuple[float, int]] = field(default_factory=deque)
    vpc: str = ""
    #: The zone's id, which is the same in every account, if the scenario says it.
    zone_id: str | None = None
    failed: int = 0
    failed_minute: int = 0
    free_min: int = 0
    exhausted_at: float = NAN
    #: The first address of its IPv6 block (NET-045), 0 if it has none.
    ipv6: int = 0


@dataclass(slots=True, eq=False)
class TargetGroup:
    """One target group with its health-check settings (LB-001) and deregistration delay (LB-040)."""

    ordinal: int
    name: str
    code: int
    interval: float = 30.0
    healthy_threshold: int = 5
    unhealthy_threshold: int = 2
    deregistration_delay: float = 300.0
    registration_delay: float = 5.0
    network: bool = False
    #: Seconds until a check without an answer has failed (LB-002), and the zones of its load balancer (None: any).
    check_timeout: float = 5.0
    zones: frozenset[str] | None = None
    attached: bool = True
    phase: float = 0.0
    members: dict[int, Any] = field(default_factory=dict)
    healthy: int = 0


@dataclass(slots=True, eq=False)
class Cluster:
    """One ECS cluster: its fleet of container instances and what waits for room in it.

    ``waiting`` are owners whose demand has no tasks yet (LIFE-014); ``provisioning`` are tasks that exist and
    wait in PROVISIONING for an instance, first come first served, by ordinal (LIFE-004).
    """

    ordinal: int
    name: str
    code: int
    fleet: Any
    instances: dict[int, Instance] = field(default_factory=dict)
    waiting: dict[Any, Any] = field(default_factory=dict)
    provisioning: dict[int, Any] = field(default_factory=dict)
    default_strategy: tuple[Any, ...] = ()
