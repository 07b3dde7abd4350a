"""Services in the shape of DescribeServices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ecssim.engine.describe_deployments import revision_arn, service_deployment_arn
from ecssim.engine.identities import uuid_of
from ecssim.world.services import Deployment, Service
from ecssim.world.states import IN_PROGRESS, ROLLOUT_NAMES

if TYPE_CHECKING:
    from ecssim.engine.outside import ServiceEvent
    from ecssim.engine.simulation import Engine

#: Keys of a service's document that the API shows as they were written, where they were.
_AS_WRITTEN = ("launchType", "capacityProviderStrategy", "networkConfiguration", "healthCheckGracePeriodSeconds")


def service_arn(engine: Engine, service: Service) -> str:
    """The ARN of the service."""
    return engine.arn("service", f"{service.cluster.name}/{service.name}")


def service_document(engine: Engine, service: Service, events: Sequence[ServiceEvent] = ()) -> dict[str, Any]:
    """The service as the API shows it now; ``events`` are its newest messages, the newest first."""
    document = engine.builder.documents[service.ordinal]
    written = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    primary = service.deployments[0] if service.deployments else None
    shown: dict[str, Any] = {
        "serviceArn": service_arn(engine, service),
        "serviceName": service.name,
        "clusterArn": engine.arn("cluster", service.cluster.name),
        "status": service.status,
        "desiredCount": service.desired,
        "runningCount": sum(d.running for d in service.deployments),
        "pendingCount": sum(d.active - d.running for d in service.deployments),
        "schedulingStrategy": "DAEMON" if service.daemon else "REPLICA",
        "deploymentController": {"type": "ECS"},
        "deploymentConfiguration": {
            **written.get("deploymentConfiguration", {}),
            "maximumPercent": service.maximum_percent,
            "minimumHealthyPercent": service.minimum_healthy_percent,
        },
        "deployments": [
            deployment_document(engine, service, d, "PRIMARY" if d is primary else "ACTIVE")
            for d in service.deployments
        ],
        "events": [
            {
                "id": str(uuid_of(engine, "service event", str(event.event_id))),
                "createdAt": moment(engine, event.t),
                "message": event.message,
            }
            for event in events
        ],
        "createdAt": moment(engine, service.created_at),
        "loadBalancers": _load_balancers(engine, written),
        "serviceRegistries": written.get("serviceRegistries", []),
        "placementConstraints": written.get("placementConstraints", []),
        "placementStrategy": written.get("placementStrategy", []),
        "enableECSManagedTags": False,
        "propagateTags": "NONE",
        "enableExecuteCommand": written.get("enableExecuteCommand", False),
        "tags": [],
    }
    if primary is not None:
        shown["taskDefinition"] = engine.arn("task-definition", primary.template.name)
        shown["currentServiceRevisions"] = [
            {
                "arn": revision_arn(engine, service, d.rollout.target),
                "requestedTaskCount": _wanted(service, d),
                "runningTaskCount": d.running,
                "pendingTaskCount": d.active - d.running,
            }
            for d in service.deployments
        ]
        if primary.rollout_state == IN_PROGRESS:
            shown["currentServiceDeployment"] = service_deployment_arn(engine, primary.rollout)
        if primary.template.fargate:
            shown["platformVersion"] = "LATEST"
            shown["platformFamily"] = "Windows" if primary.template.windows else "Linux"
    for key in _AS_WRITTEN:
        if written.get(key):
            shown[key] = written[key]
    return shown


def _load_balancers(engine: Engine, written: dict[str, Any]) -> list[dict[str, Any]]:
    """The load balancers as they were written, with the ARN of a target group that was written by its name."""
    shown = []
    for balancer in written.get("loadBalancers", []):
        name = balancer.get("targetGroupArn")
        if name is not None and not name.startswith("arn:"):
            digits = uuid_of(engine, "target group", name).hex[:16]
            arn = f"arn:aws:elasticloadbalancing:{engine.region}:{engine.account_id}:targetgroup/{name}/{digits}"
            balancer = {**balancer, "targetGroupArn": arn}
        shown.append(balancer)
    return shown


def _wanted(service: Service, deployment: Deployment) -> int:
    # What is being replaced has no wish of its own any more.
    if deployment is not service.deployments[0] or service.daemon:
        return deployment.active
    return service.desired


def deployment_document(engine: Engine, service: Service, deployment: Deployment, status: str) -> dict[str, Any]:
    """One of the ``deployments`` of a service (DEPLOY-005)."""
    created = moment(engine, deployment.created_at)
    template = deployment.template
    shown: dict[str, Any] = {
        "id": deployment.id,
        "status": status,
        "taskDefinition": engine.arn("task-definition", template.name),
        "desiredCount": _wanted(service, deployment),
        "pendingCount": deployment.active - deployment.running,
        "runningCount": deployment.running,
        "failedTasks": deployment.failed_in_row,
        "createdAt": created,
        "updatedAt": moment(engine, deployment.finished_at) if deployment.finished_at >= 0.0 else created,
        "launchType": template.launch_type,
        "rolloutState": ROLLOUT_NAMES[deployment.rollout_state],
    }
    if template.fargate:
        shown["platformVersion"] = "1.4.0"
        shown["platformFamily"] = "Windows" if template.windows else "Linux"
    if deployment.reason:
        shown["rolloutStateReason"] = deployment.reason
    return shown


def moment(engine: Engine, t: float) -> datetime:
    """The virtual wall clock at ``t`` seconds."""
    return engine.start + timedelta(seconds=t)
