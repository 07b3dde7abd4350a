"""Small integers for the states of the world, in the order and spelling of the ECS API.

The engine compares and stores integers; tables and messages show ``NAMES[code]``.
"""

from __future__ import annotations

from typing import Final

# Task lastStatus, in the order in which it only moves forward (LIFE-001, LIFE-003).
PROVISIONING: Final = 0
PENDING: Final = 1
ACTIVATING: Final = 2
RUNNING: Final = 3
DEACTIVATING: Final = 4
STOPPING: Final = 5
DEPROVISIONING: Final = 6
STOPPED: Final = 7
DELETED: Final = 8

TASK_STATUS_NAMES: Final = (
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
    "DELETED",
)

# Task stopCode (LIFE-040); 0 is "not stopped".
NOT_STOPPED: Final = 0
TASK_FAILED_TO_START: Final = 1
ESSENTIAL_CONTAINER_EXITED: Final = 2
USER_INITIATED: Final = 3
SERVICE_SCHEDULER_INITIATED: Final = 4
SPOT_INTERRUPTION: Final = 5
TERMINATION_NOTICE: Final = 6
INFRASTRUCTURE_HEALTH: Final = 7

STOP_CODE_NAMES: Final = (
    "",
    "TaskFailedToStart",
    "EssentialContainerExited",
    "UserInitiated",
    "ServiceSchedulerInitiated",
    "SpotInterruption",
    "TerminationNotice",
    "InfrastructureHealth",
)

# Task healthStatus (LIFE-063).
UNKNOWN: Final = 0
HEALTHY: Final = 1
UNHEALTHY: Final = 2

HEALTH_NAMES: Final = ("UNKNOWN", "HEALTHY", "UNHEALTHY")

# Container instance status (AGENT-001).
REGISTERING: Final = 0
REGISTRATION_FAILED: Final = 1
ACTIVE: Final = 2
DRAINING: Final = 3
DEREGISTERING: Final = 4
INACTIVE: Final = 5

INSTANCE_STATUS_NAMES: Final = (
    "REGISTERING",
    "REGISTRATION_FAILED",
    "ACTIVE",
    "DRAINING",
    "DEREGISTERING",
    "INACTIVE",
)

# Deployment rolloutState (DEPLOY-005).
IN_PROGRESS: Final = 0
COMPLETED: Final = 1
FAILED: Final = 2

ROLLOUT_NAMES: Final = ("IN_PROGRESS", "COMPLETED", "FAILED")

# Target states (LB-008), the ones that a model of one checker per target needs.
TARGET_INITIAL: Final = 0
TARGET_HEALTHY: Final = 1
TARGET_UNHEALTHY: Final = 2
TARGET_DRAINING: Final = 3
TARGET_UNUSED: Final = 4

TARGET_STATE_NAMES: Final = ("initial", "healthy", "unhealthy", "draining", "unused")
