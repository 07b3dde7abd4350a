"""Service deployments and revisions in the shapes of DescribeServiceDeployments and DescribeServiceRevisions."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import isnan
from typing import TYPE_CHECKING, Any

from ecssim.world.service_deployments import ServiceDeployment, ServiceRevision
from ecssim.world.services import Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def service_deployments(engine: Engine, service: Service) -> list[dict[str, Any]]:
    """The deployments of the last 90 days, newest first (DEPLOY-009)."""
    return [service_deployment_document(engine, rollout) for rollout in reversed(service.history)]


def service_revisions(engine: Engine, service: Service) -> list[dict[str, Any]]:
    """The revisions that those deployments brought, newest first; a rollback brings none of its own."""
    targets = dict.fromkeys(rollout.target for rollout in reversed(service.history))
    return [service_revision_document(engine, service, target) for target in targets]


def service_deployment_document(engine: Engine, rollout: ServiceDeployment) -> dict[str, Any]:
    """One service deployment as the API shows it; times that were not reached are left out."""
    service = rollout.deployment.service
    path = f"{service.cluster.name}/{service.name}"
    document = rollout.target.document.model_dump(mode="json", by_alias=True, exclude_none=True)
    shown: dict[str, Any] = {
        "serviceDeploymentArn": service_deployment_arn(engine, rollout),
        "serviceArn": engine.arn("service", path),
        "clusterArn": engine.arn("cluster", service.cluster.name),
        "status": rollout.status.value,
        "targetServiceRevision": _summary(engine, rollout, rollout.target),
        "sourceServiceRevisions": [_summary(engine, rollout, source) for source in rollout.sources],
        "deploymentConfiguration": {
            **document.get("deploymentConfiguration", {}),
            "maximumPercent": rollout.target.document.maximum_percent,
            "minimumHealthyPercent": rollout.target.document.minimum_healthy_percent,
        },
        "deploymentCircuitBreaker": _breaker(engine, rollout),
        "alarms": _alarms(rollout),
    }
    if rollout.status_reason:
        shown["statusReason"] = rollout.status_reason
    for key, t in (
        ("createdAt", rollout.created_at),
        ("startedAt", rollout.started_at),
        ("finishedAt", rollout.finished_at),
        ("stoppedAt", rollout.stopped_at),
        ("updatedAt", rollout.updated_at),
    ):
        if not isnan(t):
            shown[key] = _at(engine, t)
    back = rollout.rollback
    if back is not None:
        shown["rollback"] = {
            "reason": back.reason,
            "startedAt": _at(engine, back.started_at),
            "serviceRevisionArn": revision_arn(engine, service, back.deployment.rollout.target),
        }
    return shown


def service_revision_document(engine: Engine, service: Service, revision: ServiceRevision) -> dict[str, Any]:
    """One service revision as the API shows it: what was to be deployed, fixed when it was (DEPLOY-009)."""
    document = revision.document.model_dump(mode="json", by_alias=True, exclude_none=True)
    shown: dict[str, Any] = {
        "serviceRevisionArn": revision_arn(engine, service, revision),
        "serviceArn": engine.arn("service", f"{service.cluster.name}/{service.name}"),
        "clusterArn": engine.arn("cluster", service.cluster.name),
        "taskDefinition": engine.arn("task-definition", revision.template.name),
        "createdAt": _at(engine, revision.created_at),
    }
    for key in ("launchType", "capacityProviderStrategy", "networkConfiguration", "loadBalancers", "serviceRegistries"):
        if document.get(key):
            shown[key] = document[key]
    return shown


def service_deployment_arn(engine: Engine, rollout: ServiceDeployment) -> str:
    """The ARN of a service deployment, as StopServiceDeployment takes it (DEPLOY-010)."""
    service = rollout.deployment.service
    return engine.arn("service-deployment", f"{service.cluster.name}/{service.name}/{rollout.id}")


def revision_arn(engine: Engine, service: Service, revision: ServiceRevision) -> str:
    """The ARN of a service revision."""
    return engine.arn("service-revision", f"{service.cluster.name}/{service.name}/{revision.id}")


def _summary(engine: Engine, rollout: ServiceDeployment, revision: ServiceRevision) -> dict[str, Any]:
    """The tasks of one revision now; a rolling deployment moves no traffic by weights."""
    service = rollout.deployment.service
    deployment = next((d for d in service.deployments if d.rollout.target is revision), None)
    primary = deployment is not None and deployment is service.deployments[0]
    active = deployment.active if deployment is not None else 0
    running = deployment.running if deployment is not None else 0
    return {
        "arn": revision_arn(engine, service, revision),
        "requestedTaskCount": service.desired if primary else active,
        "runningTaskCount": running,
        "pendingTaskCount": active - running,
    }


def _breaker(engine: Engine, rollout: ServiceDeployment) -> dict[str, Any]:
    breaker = rollout.breaker
    if breaker is None:
        return {"status": "DISABLED", "failureCount": 0, "threshold": 0}
    return {
        "status": breaker.status.value,
        "failureCount": breaker.failures,
        "threshold": engine.services.deployments.rollouts.limit(rollout.deployment.service, breaker),
    }


def _alarms(rollout: ServiceDeployment) -> dict[str, Any]:
    monitor = rollout.alarms
    if monitor is None:
        return {"status": "DISABLED", "alarmNames": [], "triggeredAlarmNames": []}
    return {
        "status": monitor.status.value,
        "alarmNames": list(monitor.settings.names),
        "triggeredAlarmNames": list(monitor.triggered),
    }


def _at(engine: Engine, t: float) -> datetime:
    return engine.start + timedelta(seconds=t)
