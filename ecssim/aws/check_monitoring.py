"""Where ECS refuses metrics with a point every 20 seconds (SCALE-011)."""

from __future__ import annotations

from collections.abc import Iterator

from ecssim.aws.names import DeploymentControllerType
from ecssim.aws.refusals import Refusal
from ecssim.aws.service import Service

KEY = "monitoring"


def check_monitoring(service: Service) -> Iterator[Refusal]:
    """Not with deployments that others run, nor behind a Classic Load Balancer."""
    if service.monitoring is None or not service.monitoring.fine:
        return
    controller = service.deployment_controller
    if controller is not None and controller.type is not DeploymentControllerType.ECS:
        message = f"metrics every 20 seconds: not with deployment controller {controller.type}"
        yield Refusal((KEY,), message, "SCALE-011")
    if any(balancer.load_balancer_name is not None for balancer in service.load_balancers):
        yield Refusal((KEY,), "metrics every 20 seconds: not behind a Classic Load Balancer", "SCALE-011")
