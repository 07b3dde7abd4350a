"""The error names with which a stoppedReason or a container's reason begins (LIFE-044, LIFE-045)."""

from __future__ import annotations

from typing import Final

#: Characters of a stoppedReason or of a container's reason at most (LIFE-048).
MOST_CHARACTERS: Final = 1024

#: The documented categories (LIFE-044).
CATEGORIES: Final = (
    "TaskFailedToStart",
    "ResourceInitializationError",
    "ResourceNotFoundException",
    "SpotInterruptionError",
    "InternalError",
    "OutOfMemoryError",
    "ContainerRuntimeError",
    "ContainerRuntimeTimeoutError",
    "CannotStartContainerError",
    "CannotStopContainerError",
    "CannotInspectContainerError",
    "CannotCreateVolumeError",
    "CannotPullContainer",
    "CannotPullContainerError",
)

#: What the agent calls further errors of a container (LIFE-045).
AGENT_ERRORS: Final = (
    "CannotCreateContainerError",
    "CannotPullContainerAuthError",
    "CannotPullECRContainerError",
    "CannotPullImageManifestError",
    "CannotRemoveContainerError",
    "ContainerNetworkingError",
    "ContainerVanishedError",
    "TaskDependencyError",
    "TaskStoppedBeforePullBeginError",
    "HostConfigError",
    "DockerClientConfigError",
)

ERROR_NAMES: Final = CATEGORIES + AGENT_ERRORS

#: Errors of what a task needs before it pulls anything: secrets, volumes, log drivers.
_BEFORE_PULL: Final = frozenset(
    {
        "ResourceInitializationError",
        "ResourceNotFoundException",
        "CannotCreateVolumeError",
        "TaskStoppedBeforePullBeginError",
        "InternalError",
    }
)


def error_name(reason: str) -> str:
    """Return the error name that a reason begins with: the part before its colon."""
    return reason.partition(":")[0].strip()


def fails_before_pull(reason: str) -> bool:
    """Whether this error ends a task before any image is pulled."""
    return error_name(reason) in _BEFORE_PULL


def fails_in_pull(reason: str) -> bool:
    """Whether this error is one of the pull."""
    return error_name(reason).startswith("CannotPull")


def cut(reason: str) -> str:
    """Return the reason as far as the API keeps it (LIFE-048)."""
    return reason[:MOST_CHARACTERS]
