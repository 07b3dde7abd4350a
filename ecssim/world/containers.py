"""The containers of a task that has an order among them, health checks of its own, or restarts.

A task whose containers simply start together needs none of this: its template has no :class:`Chain`, and the
lifecycle moves it as a whole. ``engine.containers`` is the one writer of what is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ecssim.world.states import STOPPED as TASK_STOPPED
from ecssim.world.states import UNKNOWN

if TYPE_CHECKING:
    from ecssim.world.tasks import Image, Task

# The agent's states of a container, in the order in which it passes them (LIFE-050).
NONE: Final = 0
MANIFEST_PULLED: Final = 1
PULLED: Final = 2
CREATED: Final = 3
RUNNING: Final = 4
RESOURCES_PROVISIONED: Final = 5
STOPPED: Final = 6

CONTAINER_STATUS_NAMES: Final = (
    "NONE",
    "MANIFEST_PULLED",
    "PULLED",
    "CREATED",
    "RUNNING",
    "RESOURCES_PROVISIONED",
    "STOPPED",
)
#: What the control plane is told of each of them (LIFE-050).
BACKEND_STATUS: Final = ("PENDING", "PENDING", "PENDING", "PENDING", "RUNNING", "RUNNING", "STOPPED")

# What a container may wait for of another one (LIFE-053).
START: Final = 0
COMPLETE: Final = 1
SUCCESS: Final = 2
HEALTHY: Final = 3

CONDITION_NAMES: Final = ("START", "COMPLETE", "SUCCESS", "HEALTHY")

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A container's health check: seconds, and ``retries`` failures in a row (LIFE-061).

    ``takes`` is how long one probe lasts; one that would last longer than ``timeout`` fails then.
    """

    interval: float = 30.0
    timeout: float = 5.0
    retries: int = 3
    start_period: float = 0.0
    takes: float = 0.0


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When a container that exits is started again inside its task (LIFE-068)."""

    ignored: frozenset[int] = frozenset()
    attempt_period: float = 300.0


@dataclass(frozen=True, slots=True, eq=False)
class ContainerSpec:
    """One container of a template: what it waits for, who waits for it, and how it behaves.

    ``depends`` are (index of the container, condition); ``dependents`` the indexes of those that name this one.
    ``start_timeout`` is infinity where none is set. ``laws`` are the engine's; ``runs_once``: somebody waits for
    its end, so it has one.
    """

    index: int
    name: str
    essential: bool
    image: Image | None
    depends: tuple[tuple[int, int], ...]
    dependents: tuple[int, ...]
    start_timeout: float
    stop_timeout: float
    check: HealthCheck | None
    restart: RestartPolicy | None
    runs_once: bool
    laws: Any


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """The containers of one template in the order of its task definition.

    ``main`` is the one whose luck is the launch's own: the one behind the load balancer, else the first essential
    one. ``checked``: an essential container has a health check, so that the service waits for it (SVC-020).
    ``early`` is the share of launches that end with ``early_reason`` before a container is created (LIFE-041);
    a chain without ``specs`` says nothing else.
    """

    specs: tuple[ContainerSpec, ...]
    main: int = 0
    checked: bool = False
    early: float = 0.0
    early_reason: str = ""


class Container:
    """One container of a live task.

    ``started_at`` is its latest start, ``first_started_at`` its first; ``restarts`` how often it was started
    again. ``health`` is what its checks say, ``reported`` what the control plane has been told (LIFE-066).
    ``up_from`` and ``up_to`` bound the time in which its process answers; ``pulled_at`` is when its image is, or will
    be, there (-1: not asked for); ``given`` the length of this launch (-1: without end). ``epoch`` goes up when
    what it waits for changes. ``signalled``: it has got its stop signal;
    ``ends_with`` the exit code that its present run will have.
    """

    __slots__ = (
        "ahead",
        "ends_with",
        "epoch",
        "exit_code",
        "first_started_at",
        "given",
        "health",
        "last_event",
        "manifest_at",
        "pulled_at",
        "reason",
        "reported",
        "restarts",
        "signalled",
        "spec",
        "started_at",
        "status",
        "stopped_at",
        "task",
        "told",
        "up_from",
        "up_to",
    )

    def __init__(self, task: Task, spec: ContainerSpec) -> None:
        self.task = task
        self.spec = spec
        self.epoch = 0
        self.status = NONE
        self.exit_code = -1
        self.ends_with = -1
        self.reason = ""
        self.restarts = 0
        self.signalled = False
        self.health = UNKNOWN
        self.reported = UNKNOWN
        #: (status, exit code, reason) as ECS last heard of them, while its agent is not heard (AGENT-024).
        self.told: tuple[int, int, str] | None = None
        self.ahead: tuple[Any, ...] = ()
        self.given = -1.0
        self.last_event = 0
        self.manifest_at = 0.0
        self.pulled_at = -1.0
        self.first_started_at = NAN
        self.started_at = NAN
        self.stopped_at = NAN
        self.up_from = NAN
        self.up_to = float("inf")

    def waits(self, epoch: int) -> bool:
        """Whether a queue entry made at ``epoch`` is still what the container waits for."""
        return self.epoch == epoch and self.task.status < TASK_STOPPED

    @property
    def ran(self) -> bool:
        """Whether it has ever been started."""
        return self.first_started_at == self.first_started_at
