"""Who wants tasks: services with their deployments, jobs and task groups."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from ecssim.world.states import IN_PROGRESS
from ecssim.world.tasks import NAN

if TYPE_CHECKING:
    from ecssim.world.places import Cluster
    from ecssim.world.tasks import Task, Template


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
