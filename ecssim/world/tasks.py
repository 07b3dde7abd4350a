"""Tasks and what they are made from: slotted entities that hold state and nothing else.

Each fact has one writer (design rule 4): ``engine.lifecycle`` writes ``last_status`` of tasks, ``engine.subnets``
addresses, ``engine.targets`` membership of target groups, ``engine.fleets`` reservations. A task holds ordinals
and handles, never those objects. Times are seconds from the start of the run, NaN where not reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecssim.world.containers import Chain, Container
from ecssim.world.requests import Request
from ecssim.world.states import ACTIVATING, NOT_STOPPED, PENDING, PROVISIONING, RUNNING, UNKNOWN

if TYPE_CHECKING:
    from ecssim.world.services import Deployment, Owner

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Image:
    """One image that a task pulls: a code in the name table and the compressed MB until it can start (LIFE-084).

    ``lazy``: the rest of it is read while its containers run (FG-025).
    """

    code: int
    size_mb: float
    lazy: bool = False


@dataclass(slots=True, eq=False)
class Template:
    """One way to run one task definition: what every task of a service revision (or of a job) has in common.

    ``code`` is its row in the record; ``path`` / ``table`` the lifecycle it takes (decide.lifecycle);
    ``request`` what placement must find on an instance (EC2; PLACE-004), ``requests`` the same by capacity
    provider code (0: launch type); ``subnets`` the ordinals of the subnets
    it may use (awsvpc); ``laws`` the engine's delays. ``cpu`` in CPU units, ``memory`` in MiB, ``storage_gib`` the
    ephemeral storage of a Fargate task in GiB. ``chain`` is None unless its containers have lives of their own;
    ``ripens``: no check says when a task is healthy, time does (SVC-020). ``image_set`` numbers equal ``images``;
    ``dynamic_ports`` counts the host ports that it leaves to the host to choose (bridge mode, hostPort 0;
    AGENT-008). ``nowhere``: none of its zones has Fargate (FG-014). In a what-if whose strategy mixes Fargate and Auto
    Scaling group providers, ``on_instances`` is what runs on the latter, whose codes are ``instance_providers``.
    ``ends_at_once`` are the two statuses that a task passes at one instant when its only container exits, where it has
    no more to unwind before them. ``after_network``, ``after_dispatch`` and ``after_start`` are what the table says of
    the ordinary way up.
    """

    code: int
    family: str
    revision: int
    launch_type: str
    network_mode: str
    cpu: int
    memory: int
    gpus: int
    request: Request
    requests: dict[int, Request]
    table: tuple[int, ...]
    eni: bool
    fargate: bool
    subnets: tuple[int, ...] = ()
    zones: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    image_set: int = 0
    dynamic_ports: int = 0
    stop_timeout: float = 30.0
    containers: tuple[str, ...] = ()
    essential: tuple[bool, ...] = ()
    target_groups: tuple[int, ...] = ()
    public_ip: bool = False
    architecture: str = "X86_64"
    windows: bool = False
    storage_gib: int = 20
    laws: Any = None
    chain: Chain | None = None
    ripens: bool = True
    nowhere: bool = False
    exec_agent: bool = False
    on_instances: Template | None = None
    instance_providers: frozenset[int] = frozenset()
    ends_at_once: tuple[int, int] | None = None
    after_network: int = PENDING
    after_dispatch: int = ACTIVATING
    after_start: int = RUNNING

    def of_provider(self, provider: int) -> Template:
        """Return what a task for this capacity provider is made from."""
        if self.on_instances is not None and provider in self.instance_providers:
            return self.on_instances
        return self

    @property
    def name(self) -> str:
        """``family:revision``."""
        return f"{self.family}:{self.revision}"


class Task:
    """One task: a state machine moved by ``engine.lifecycle`` alone.

    ``epoch`` goes up whenever what it waits for changes: queue entries of older epochs are dropped.
    ``k`` is its launch number within its owner, which owns its draws. ``running`` is desiredStatus RUNNING.
    ``reserved`` is the meter's level that counts its share of the instance, ``cell`` the flow cell that it serves in
    without a load balancer.
    """

    __slots__ = (
        "address",
        "cell",
        "connectivity_at",
        "containers",
        "created_at",
        "delays",
        "deployment",
        "drained_at",
        "epoch",
        "execution_stopped_at",
        "exit_code",
        "exited",
        "health",
        "healthy_at",
        "holds_agent",
        "instance",
        "k",
        "last_event",
        "ordinal",
        "owner",
        "protected_until",
        "provider",
        "pull_started_at",
        "pull_stopped_at",
        "reason",
        "reserved",
        "running",
        "runs_for",
        "started_at",
        "status",
        "stop_code",
        "stopped_at",
        "stopping_at",
        "subnet",
        "targets",
        "template",
    )

    def __init__(
        self,
        ordinal: int,
        template: Template,
        owner: Owner,
        deployment: Deployment | None,
        k: int,
        delays: tuple[float, ...],
        created_at: float,
        runs_for: float = -1.0,
        provider: int = 0,
        subnet: int = -1,
        address: int = -1,
    ) -> None:
        self.ordinal = ordinal
        self.template = template
        self.owner = owner
        self.deployment = deployment
        self.k = k
        self.delays = delays
        self.created_at = created_at
        self.epoch = 0
        self.status = PROVISIONING
        self.running = True
        self.health = UNKNOWN
        self.last_event = 0
        self.instance = -1
        self.subnet = subnet
        self.address = address
        self.provider = provider
        self.holds_agent = False
        self.exited = False
        self.exit_code = -1
        self.stop_code = NOT_STOPPED
        self.reason = 0
        self.runs_for = runs_for
        self.protected_until = 0.0
        self.targets: list[Any] | None = None
        self.reserved: Any = None
        self.cell = -1
        self.containers: tuple[Container, ...] | None = None
        self.connectivity_at = NAN
        self.pull_started_at = NAN
        self.pull_stopped_at = NAN
        self.started_at = NAN
        self.healthy_at = NAN
        self.stopping_at = NAN
        self.drained_at = NAN
        self.execution_stopped_at = NAN
        self.stopped_at = NAN
