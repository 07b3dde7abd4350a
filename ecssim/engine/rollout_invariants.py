"""What must hold of deployments and their service deployments at every instant (DEPLOY-005 to DEPLOY-007)."""

from __future__ import annotations

from ecssim.aws.names import MonitorStatus
from ecssim.aws.names import ServiceDeploymentStatus as Status
from ecssim.world.services import Deployment, Service
from ecssim.world.states import COMPLETED, FAILED

_OF_FAILED = (
    Status.STOPPED,
    Status.ROLLBACK_IN_PROGRESS,
    Status.ROLLBACK_SUCCESSFUL,
    Status.ROLLBACK_FAILED,
)


def rollout_violations(service: Service) -> list[str]:
    """Return every law about the deployments of one service that does not hold now."""
    found = []
    for i, deployment in enumerate(service.deployments):
        found += [f"{service.name}, deployment {deployment.id}: {what}" for what in _wrong(deployment, i == 0)]
    going_back = [h for h in service.history if h.status is Status.ROLLBACK_IN_PROGRESS]
    primary = service.deployments[0]
    if going_back != ([primary.rollback_of] if primary.rollback_of is not None else []):
        found.append(f"{service.name}: rollbacks under way are not what its PRIMARY deployment says")
    return found


def _wrong(d: Deployment, primary: bool) -> list[str]:
    found = []
    status = d.rollout.status
    if d.rollback_of is not None and not primary:
        found.append("a rollback goes to a deployment that is not PRIMARY")
    if not primary and status in (Status.PENDING, Status.IN_PROGRESS):
        found.append(f"{status}, and not PRIMARY")
    if d.rollout_state == COMPLETED and status is not Status.SUCCESSFUL:
        found.append(f"COMPLETED, and its service deployment is {status}")
    if d.rollout_state == FAILED and status is not Status.SUCCESSFUL:
        if status not in _OF_FAILED:
            found.append(f"FAILED, and its service deployment is {status}")
        late = [t.ordinal for t in d.tasks.values() if t.created_at > d.finished_at]
        if late:
            found.append(f"it has failed and launched {late} afterwards")
    breaker = d.breaker
    if breaker is not None and breaker.status is MonitorStatus.MONITORING and d.rollout_state in (COMPLETED, FAILED):
        found.append("its circuit breaker watches after its end")
    return found
