"""What ECS sends to EventBridge: detail types, the names of events and how serious each one is.

The tables hold every name that AWS documents, also of features that the simulator does not have yet: a name
that a component records must be in one of them, or the export refuses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

#: ``source`` of every event of ECS, and the outer ``version`` that EventBridge gives all events (META-010).
SOURCE: Final = "aws.ecs"
OUTER_VERSION: Final = "0"


class DetailType(StrEnum):
    """``detail-type`` of the events that the simulator exports (META-010)."""

    TASK = "ECS Task State Change"
    CONTAINER_INSTANCE = "ECS Container Instance State Change"
    SERVICE_ACTION = "ECS Service Action"
    DEPLOYMENT = "ECS Deployment State Change"


class EventType(StrEnum):
    """``eventType``: how serious an event of a service is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def _types(**names: str) -> Mapping[str, EventType]:
    return MappingProxyType({name: EventType(kind) for kind, listed in names.items() for name in listed.split()})


SERVICE_ACTIONS: Final = _types(
    INFO="""SERVICE_STEADY_STATE TASKSET_STEADY_STATE CAPACITY_PROVIDER_STEADY_STATE SERVICE_DESIRED_COUNT_UPDATED
        TASKS_STOPPED SERVICE_DEPLOYMENT_IN_PROGRESS SERVICE_DEPLOYMENT_COMPLETED SERVICE_REBALANCING_STARTED
        SERVICE_REBALANCING_COMPLETED SERVICE_REBALANCING_STOPPED TASKS_STARTED
        TASKSET_SCALE_IN_FAILURE_BY_TASK_PROTECTION""",
    WARN="SERVICE_TASK_START_IMPAIRED SERVICE_DISCOVERY_INSTANCE_UNHEALTHY VPC_LATTICE_TARGET_UNHEALTHY",
    ERROR="""SERVICE_DAEMON_PLACEMENT_CONSTRAINT_VIOLATED ECS_OPERATION_THROTTLED
        SERVICE_DISCOVERY_OPERATION_THROTTLED SERVICE_TASK_PLACEMENT_FAILURE SERVICE_TASK_CONFIGURATION_FAILURE
        SERVICE_HEALTH_UNKNOWN SERVICE_DEPLOYMENT_FAILED""",
)
"""Events of the detail type ``ECS Service Action`` (META-014, META-015, META-016; of rebalancing META-017)."""

DEPLOYMENT_CHANGES: Final = _types(
    INFO="SERVICE_DEPLOYMENT_IN_PROGRESS SERVICE_DEPLOYMENT_COMPLETED", ERROR="SERVICE_DEPLOYMENT_FAILED"
)
"""Events of the detail type ``ECS Deployment State Change`` (META-018)."""

WITH_REASON: Final = frozenset({"SERVICE_TASK_PLACEMENT_FAILURE", "SERVICE_TASK_CONFIGURATION_FAILURE"})
"""Service actions whose detail says why in ``reason`` (META-016)."""
