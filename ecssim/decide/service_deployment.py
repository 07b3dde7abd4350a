"""The states of a service deployment and the ways between them (DEPLOY-006, DEPLOY-007)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ecssim.aws.names import ServiceDeploymentStatus as Status
from ecssim.errors import IllegalTransition

TRANSITIONS: Final[Mapping[Status, tuple[Status, ...]]] = MappingProxyType(
    {
        Status.PENDING: (Status.IN_PROGRESS, Status.ROLLBACK_REQUESTED, Status.STOP_REQUESTED, Status.STOPPED),
        Status.IN_PROGRESS: (
            Status.SUCCESSFUL,
            Status.STOP_REQUESTED,
            Status.ROLLBACK_REQUESTED,
            Status.ROLLBACK_IN_PROGRESS,
            Status.STOPPED,
        ),
        Status.STOP_REQUESTED: (Status.STOPPED,),
        Status.ROLLBACK_REQUESTED: (Status.SUCCESSFUL, Status.ROLLBACK_IN_PROGRESS, Status.STOPPED),
        Status.ROLLBACK_IN_PROGRESS: (Status.ROLLBACK_SUCCESSFUL, Status.ROLLBACK_FAILED),
        Status.SUCCESSFUL: (),
        Status.STOPPED: (),
        Status.ROLLBACK_SUCCESSFUL: (),
        Status.ROLLBACK_FAILED: (),
    }
)
"""From each state to the states that may follow it; without any it is an end."""

STOPPABLE: Final = (Status.PENDING, Status.IN_PROGRESS)
"""The states in which a deployment can be stopped by a call (DEPLOY-010)."""


def moved(entity: str, status: Status, to: Status) -> Status:
    """Return ``to``, or refuse a way that the table does not have.

    :raises IllegalTransition: it is a bug; nothing was changed.
    """
    if to not in TRANSITIONS[status]:
        raise IllegalTransition(entity, status.value, to.value, [s.value for s in TRANSITIONS[status]])
    return to
