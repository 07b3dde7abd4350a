"""How the container agent names what it knows: the control plane sees fewer states, its endpoints others."""

from __future__ import annotations

from typing import Final

from ecssim.world.states import ACTIVATING, DEPROVISIONING, RUNNING

NONE: Final = "NONE"
MANIFEST_PULLED: Final = "MANIFEST_PULLED"
CREATED: Final = "CREATED"
RUNS: Final = "RUNNING"
STOPPED: Final = "STOPPED"


def agent_status(status: int, pulled: bool) -> str:
    """The agent's status of a task at a ``lastStatus`` of the control plane (LIFE-050, LIFE-051).

    ``pulled``: all images are there. Until its images are pulled a task has nothing but their manifests; then its
    containers are created and started. It is STOPPED when the last container has stopped.
    """
    if status < ACTIVATING:
        return NONE
    if status < RUNNING:
        return CREATED if pulled else MANIFEST_PULLED
    return STOPPED if status >= DEPROVISIONING else RUNS


def backend_status(known: str) -> str:
    """What the control plane and ``/v1/tasks`` call an agent's status: PENDING, RUNNING or STOPPED (META-007)."""
    return known if known in (RUNS, STOPPED) else "PENDING"


def introspected(known: str, desired: str) -> tuple[str, str]:
    """KnownStatus and DesiredStatus as ``/v1/tasks`` shows them (META-007).

    A desired status that lags behind is empty: of a task that has stopped though nobody wanted it to, or that
    runs while it is still wanted PENDING.
    """
    shown = backend_status(known)
    wanted = backend_status(desired)
    lags = (shown == STOPPED and wanted != STOPPED) or (shown == RUNS and wanted == "PENDING")
    return shown, "" if lags else wanted
