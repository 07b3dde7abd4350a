"""Service revisions and service deployments: what ListServiceDeployments and DescribeServiceRevisions show.

A deployment of the service scheduler (:class:`ecssim.world.services.Deployment`) is a set of tasks on its way
in or out. A *service deployment* is the act: from which revisions to which, with what watching over it, in
which state (DEPLOY-006). When it fails and rolls back, the old deployment is PRIMARY again, and the act stays
the same one until the rollback is through. Times are seconds from the start of the run, NaN where not reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ecssim.aws.names import MonitorStatus, ServiceDeploymentStatus, ThresholdType
from ecssim.world.services import Deployment
from ecssim.world.tasks import NAN, Template


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """A deployment circuit breaker that is on (DEPLOY-040).

    ``reset``: a task that becomes healthy sets the count of failures to zero (DEPLOY-043).
    """

    rollback: bool
    kind: ThresholdType = ThresholdType.BOUNDED_PERCENT
    value: int = 50
    reset: bool = True


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """Alarms that fail a deployment (DEPLOY-050). ``bake`` is in seconds, None for the default (DEPLOY-051)."""

    names: tuple[str, ...]
    rollback: bool
    bake: float | None = None


@dataclass(frozen=True, slots=True)
class EarlySuccess:
    """From ``healthy_percent`` healthy new tasks on a deployment is done; old ones may go later (DEPLOY-018)."""

    healthy_percent: int
    deferred: bool = False


@dataclass(frozen=True, slots=True)
class Detectors:
    """What a service's deployment configuration says beyond its percentages."""

    breaker: BreakerSettings | None = None
    alarms: AlarmSettings | None = None
    early: EarlySuccess | None = None


@dataclass(slots=True, eq=False)
class CircuitBreaker:
    """The circuit breaker of one deployment: how many failures it has counted (DEPLOY-042)."""

    settings: BreakerSettings
    status: MonitorStatus = MonitorStatus.MONITORING
    failures: int = 0


@dataclass(slots=True, eq=False)
class AlarmMonitor:
    """The alarms of one deployment; ``triggered`` are those that were in ALARM when it failed."""

    settings: AlarmSettings
    status: MonitorStatus = MonitorStatus.MONITORING
    triggered: tuple[str, ...] = ()
    bake_until: float = NAN


@dataclass(frozen=True, slots=True, eq=False)
class ServiceRevision:
    """What a deployment deploys: the service as it was configured then; it never changes (DEPLOY-009).

    ``document`` is the API's document of the service at that time.
    """

    id: str
    number: int
    template: Template
    document: Any
    created_at: float


@dataclass(slots=True, eq=False)
class Rollback:
    """Why and to what a service deployment rolls back."""

    reason: str
    started_at: float
    deployment: Deployment
    finished_at: float = NAN


@dataclass(slots=True, eq=False)
class ServiceDeployment:
    """One deployment as ListServiceDeployments shows it. ``sources`` are the revisions that had tasks before."""

    id: str
    deployment: Deployment
    target: ServiceRevision
    sources: tuple[ServiceRevision, ...]
    created_at: float
    status: ServiceDeploymentStatus = ServiceDeploymentStatus.PENDING
    status_reason: str = ""
    started_at: float = NAN
    finished_at: float = NAN
    stopped_at: float = NAN
    updated_at: float = NAN
    breaker: CircuitBreaker | None = None
    alarms: AlarmMonitor | None = None
    early: EarlySuccess | None = None
    rollback: Rollback | None = None
