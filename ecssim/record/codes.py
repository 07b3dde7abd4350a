"""Name pools whose members are known beforehand: the enumerations of the API that the tables record.

A code is the position in the tuple, counted from 1; 0 is null. The order is therefore part of the format of a
run folder: new members go to the end. Everything else gets its code when it is first recorded
(:mod:`ecssim.record.names`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

TASK_STATUSES: Final = (
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
"""The last status of a task, in the order in which a task passes them."""

DESIRED_STATUSES: Final = ("PENDING", "RUNNING", "STOPPED")
"""What the control plane wants of a task."""

STOP_CODES: Final = (
    "TaskFailedToStart",
    "EssentialContainerExited",
    "UserInitiated",
    "ServiceSchedulerInitiated",
    "SpotInterruption",
    "TerminationNotice",
    "InfrastructureHealth",
)
"""Why a task stopped, in the API's words (LIFE-040)."""

LAUNCH_TYPES: Final = ("EC2", "FARGATE", "EXTERNAL", "MANAGED_INSTANCES")
"""Where a task runs."""

NETWORK_MODES: Final = ("awsvpc", "bridge", "host", "none")
"""How a task reaches the network."""

ORIGINS: Final = ("initial", "service", "daemon", "job", "call")
"""Who started a task: it was there at the start (``initialState: steady``), a replica service, a daemon
service, an entry of ``jobs``, or a single RunTask or StartTask call."""

FIXED_POOLS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "task_status": TASK_STATUSES,
        "desired_status": DESIRED_STATUSES,
        "stop_code": STOP_CODES,
        "launch_type": LAUNCH_TYPES,
        "network_mode": NETWORK_MODES,
        "origin": ORIGINS,
    }
)
"""The pools that exist, with these codes, before the first row is recorded."""

#: The stopped reason of a Fargate task that retires (FG-031), by which readers tell it from other ends.
RETIREMENT = "ECS is performing maintenance on the underlying infrastructure hosting the task"
