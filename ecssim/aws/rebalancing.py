"""For which services Availability Zone rebalancing is to be had (PLACE-082, PLACE-083)."""

from __future__ import annotations

from ecssim.aws.names import AvailabilityZoneRebalancing, LaunchType, PlacementStrategyChoice
from ecssim.aws.service import Service
from ecssim.aws.task_definition import TaskDefinition

ZONE = "attribute:ecs.availability-zone"


def why_not_rebalanced(service: Service, definition: TaskDefinition | None) -> str | None:
    """What rules zone rebalancing out for the service; None if nothing does (PLACE-082)."""
    if service.is_daemon:
        return "a DAEMON service"
    if service.launch_type is LaunchType.EXTERNAL:
        return "launch type EXTERNAL"
    if service.maximum_percent <= 100:
        return "maximumPercent 100, which leaves no room to start tasks first"
    if any(balancer.load_balancer_name is not None for balancer in service.load_balancers):
        return "a Classic Load Balancer"
    constraints = [c.expression for c in service.placement_constraints]
    constraints += [c.expression for c in definition.placement_constraints] if definition is not None else []
    if any(expression is not None and ZONE in expression for expression in constraints):
        return f"a placement constraint on {ZONE}"
    first = service.placement_strategy[0] if service.placement_strategy else None
    if first is not None and (first.type is not PlacementStrategyChoice.SPREAD or first.field != ZONE):
        return f"a first placement strategy other than spread over {ZONE}"
    return None


def rebalancing_at_creation(service: Service, definition: TaskDefinition | None) -> bool:
    """Whether CreateService turns rebalancing on: as it says, else wherever it is to be had (PLACE-083)."""
    given = service.availability_zone_rebalancing
    if given is None:
        return why_not_rebalanced(service, definition) is None
    return given is AvailabilityZoneRebalancing.ENABLED
