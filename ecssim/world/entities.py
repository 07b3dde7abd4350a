"""What exists in the simulated account: slotted entities that hold state and nothing else.

Each fact has one writer (design rule 4): ``engine.lifecycle`` writes ``last_status`` of tasks, ``engine.subnets``
addresses, ``engine.targets`` membership of target groups, ``engine.fleets`` reservations. A task holds ordinals
and handles, never those objects. Times are seconds from the start of the run, NaN where not reached.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ecssim.world.agent_settings import AGENT_DEFAULTS, AgentSettings
from ecssim.world.containers import Chain, Container
from ecssim.world.group_rules import GROUP_DEFAULTS, GroupRules
from ecssim.world.requests import Request
from ecssim.world.states import (
    ACTIVATING,
    ACTIVE,
    IN_PROGRESS,
    NOT_STOPPED,
    PENDING,
    PROVISIONING,
    RUNNING,
    UNKNOWN,
)

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


class Owner:
    """Who launches tasks and counts them: a service, a job, or a task group of RunTask (LIFE-038).

    ``group`` is the number under which placement counts its tasks (PLACE-022), ``launched`` the next launch
    number, ``key`` the hash from which task ids follow. ``tasks`` holds standalone tasks; those of a service
    are with its deployments. ``service_code`` is 0 unless it is a service. ``zone_counts`` counts its Fargate
    tasks by (provider, zone) (PLACE-013).
    """

    __slots__ = (
        "cluster",
        "code",
        "draws",
        "group",
        "job",
        "key",
        "launched",
        "name",
        "ordinal",
        "service_code",
        "tasks",
        "zone_counts",
    )

    def __init__(self, ordinal: int, name: str, cluster: Cluster, group: int, code: int, key: int, draws: Any) -> None:
        self.ordinal = ordinal
        self.name = name
        self.cluster = cluster
        self.group = group
        self.code = code
        self.key = key
        self.draws = draws
        self.launched = 0
        self.service_code = 0
        self.job: Any = None
        self.tasks: dict[int, Task] = {}
        self.zone_counts: dict[tuple[int, str], int] = {}


class Deployment:
    """One deployment of a service: a revision on its way in or out.

    ``active`` counts tasks whose desiredStatus is RUNNING, ``running`` those of them with lastStatus RUNNING,
    ``healthy`` those that count towards the minimum (SVC-020), ``stopping`` tasks told to stop and not STOPPED.
    ``lost`` counts tasks of a deployment on its way out that ended by themselves and wait for a successor,
    ``replaced`` those that got one (SVC-032).
    ``ripe_last`` is when the task that started last will count as healthy, if that goes by time (SVC-020).
    ``failed_tasks`` counts every failure, ``failed_in_row`` those since a task was last healthy (DEPLOY-044);
    ``last_failure`` is the task of the last one. ``breaker`` is its circuit breaker, None without one;
    ``primary_at`` is when it last became PRIMARY. ``rollout`` is the service deployment that brought it,
    ``rollback_of`` the one that has failed and rolls back to it.
    """

    __slots__ = (
        "active",
        "attempt_failed_at",
        "breaker",
        "by_provider",
        "cause",
        "code",
        "created_at",
        "displaced",
        "event",
        "failed_in_row",
        "failed_tasks",
        "failures",
        "finished_at",
        "healthy",
        "id",
        "last_failure",
        "lost",
        "ordinal",
        "peak_tasks",
        "primary_at",
        "reason",
        "replaced",
        "ripe_last",
        "rollback_of",
        "rollout",
        "rollout_state",
        "running",
        "service",
        "stopping",
        "tasks",
        "template",
        "throttle_until",
        "unhealthy",
    )

    def __init__(self, ordinal: int, service: Service, template: Template, created_at: float) -> None:
        self.ordinal = ordinal
        self.service = service
        self.template = template
        self.created_at = created_at
        self.finished_at = NAN
        self.rollout_state = IN_PROGRESS
        self.reason = ""
        self.id = ""
        self.code = 0
        self.event = 0
        self.attempt_failed_at = -1.0
        self.by_provider: dict[int, int] = {}
        self.cause = 0
        self.active = 0
        self.running = 0
        self.healthy = 0
        self.stopping = 0
        self.failed_tasks = 0
        self.failed_in_row = 0
        self.last_failure: Task | None = None
        self.breaker: Any = None
        self.primary_at = created_at
        self.rollout: Any = None
        self.rollback_of: Any = None
        self.failures = 0
        self.lost = 0
        self.replaced = 0
        self.throttle_until = 0.0
        self.peak_tasks = 0
        self.tasks: dict[int, Task] = {}
        self.unhealthy: dict[int, Task] = {}
        self.displaced: dict[int, Task] = {}
        self.ripe_last = -1.0


class Service(Owner):
    """One ECS service. ``deployments[0]`` is PRIMARY, the others are being replaced (DEPLOY-005).

    ``detectors`` says how its next deployments may fail or succeed early, ``history`` holds its service
    deployments of the last 90 days, oldest first (DEPLOY-009), ``last_completed`` the deployment that completed
    last: what a rollback goes back to (DEPLOY-045). ``events`` are its latest 100 events (SVC-052).
    ``rebalancing`` is its availabilityZoneRebalancing, ``rebalances`` whether that can do anything for it, and
    ``moving`` what is under way to even out its zones (PLACE-080, PLACE-082).
    """

    __slots__ = (
        "backoffs",
        "bucket",
        "created_at",
        "daemon",
        "deployments",
        "desired",
        "detectors",
        "dirty",
        "events",
        "grace",
        "history",
        "impaired",
        "last_completed",
        "last_message",
        "maximum_percent",
        "minimum_healthy_percent",
        "moving",
        "next_steady_event",
        "pass_phase",
        "provider_strategy",
        "rebalance_armed",
        "rebalances",
        "rebalancing",
        "reminded",
        "revisions",
        "ripens_by_time",
        "status",
        "steady",
        "strategy",
        "target_groups",
        "unplaced",
        "wake_at",
    )

    def __init__(self, ordinal: int, name: str, cluster: Cluster, group: int, code: int, key: int, draws: Any) -> None:
        super().__init__(ordinal, name, cluster, group, code, key, draws)
        self.created_at = 0.0
        self.desired = 0
        self.minimum_healthy_percent = 100
        self.maximum_percent = 200
        self.daemon = False
        self.deployments: list[Deployment] = []
        self.dirty = False
        self.wake_at = float("inf")
        self.pass_phase = 0.0
        self.steady = False
        self.next_steady_event = 0.0
        self.reminded = False
        self.strategy: tuple[Any, ...] = ()
        self.target_groups: tuple[int, ...] = ()
        self.grace = 0.0
        self.ripens_by_time = True
        self.revisions = 0
        self.provider_strategy: tuple[Any, ...] = ()
        self.unplaced = 0
        self.backoffs = 0
        self.impaired = False
        self.rebalancing = False
        self.rebalances = False
        self.rebalance_armed = False
        self.moving: Any = None
        self.last_message: dict[str, float] = {}
        self.detectors: Any = None
        self.history: list[Any] = []
        self.last_completed: Deployment | None = None
        self.events: deque[tuple[float, int, str]] = deque(maxlen=100)
        self.bucket: Any = None
        self.status = "ACTIVE"


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
