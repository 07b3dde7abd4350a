"""The nine states of a task and every way between them: this page knows all about the transitions and nothing
about time.

A task's path depends on what is attached to it (LIFE-020 to LIFE-027): a state without work for it is skipped
and emits no event. So there is one table per :class:`Path`, computed once: ``table[status][cause]`` is the next
status. Every status has a row, terminal ones included, and a cause that is not in the row is a bug
(:class:`ecssim.errors.IllegalTransition`) that changes nothing.

========================  =====================================================================================
cause                     what happened
========================  =====================================================================================
CAPACITY_FOUND            a task that waited for an instance was placed (LIFE-004 b)
NETWORK_READY             the ENI is attached (EC2), or micro-VM and ENI exist (Fargate) (LIFE-004 a)
AGENT_READY               the agent took the task off its queue: its resources are physically free (AGENT-040)
STARTED                   all containers run and the activation work is done (LIFE-008)
START_FAILED              it failed and no container exists: image, secret, volume, address, network (LIFE-041)
NETWORK_FAILED            no ENI could be made at all, so there is none to release (LIFE-047)
STOP                      desiredStatus became STOPPED, or an essential container exited (LIFE-027, LIFE-042)
SIGNAL                    as STOP, but the stop signal goes out at once (a Fargate Spot reclaim: SPOT-001)
DRAINED                   all its targets are unused (LIFE-009)
CONTAINERS_STOPPED        the last container stopped (LIFE-010)
NETWORK_RELEASED          the ENI is deleted (LIFE-011)
INSTANCE_LOST             the instance went away under it (LIFE-028)
EXPIRED                   the hour in which a stopped task is described is over (LIFE-012, LIFE-013)
========================  =====================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from ecssim.errors import IllegalTransition
from ecssim.world.states import (
    ACTIVATING,
    DEACTIVATING,
    DELETED,
    DEPROVISIONING,
    PENDING,
    PROVISIONING,
    RUNNING,
    STOPPED,
    STOPPING,
    TASK_STATUS_NAMES,
)

CAPACITY_FOUND: Final = 0
NETWORK_READY: Final = 1
AGENT_READY: Final = 2
STARTED: Final = 3
START_FAILED: Final = 4
NETWORK_FAILED: Final = 5
STOP: Final = 6
SIGNAL: Final = 7
DRAINED: Final = 8
CONTAINERS_STOPPED: Final = 9
NETWORK_RELEASED: Final = 10
INSTANCE_LOST: Final = 11
EXPIRED: Final = 12

CAUSE_NAMES: Final = (
    "CAPACITY_FOUND",
    "NETWORK_READY",
    "AGENT_READY",
    "STARTED",
    "START_FAILED",
    "NETWORK_FAILED",
    "STOP",
    "SIGNAL",
    "DRAINED",
    "CONTAINERS_STOPPED",
    "NETWORK_RELEASED",
    "INSTANCE_LOST",
    "EXPIRED",
)
N_CAUSES: Final = len(CAUSE_NAMES)


@dataclass(frozen=True, slots=True)
class Path:
    """What is attached to a task, as far as its path through the states depends on it.

    ``eni``: awsvpc, an ENI is made and released. ``targets``: it is registered with target groups or discovery.
    """

    eni: bool
    targets: bool


@cache
def rows(path: Path) -> dict[int, dict[int, int]]:
    """Return the table of ``path``: status -> cause -> next status, total over the nine states.

    Rules LIFE-020 to LIFE-028: PROVISIONING and DEPROVISIONING only with an ENI (or while waiting for capacity),
    DEACTIVATING only with targets.
    """
    after_containers = DEPROVISIONING if path.eni else STOPPED
    after_running = DEACTIVATING if path.targets else STOPPING
    lost = {INSTANCE_LOST: STOPPED}
    return {
        PROVISIONING: {
            CAPACITY_FOUND: PROVISIONING if path.eni else PENDING,
            NETWORK_READY: PENDING,
            NETWORK_FAILED: STOPPED,
            START_FAILED: after_containers,
            STOP: after_containers,
            SIGNAL: after_containers,
            **lost,
        },
        PENDING: {
            AGENT_READY: ACTIVATING,
            START_FAILED: after_containers,
            NETWORK_FAILED: STOPPED,
            STOP: after_containers,
            SIGNAL: after_containers,
            **lost,
        },
        ACTIVATING: {
            STARTED: RUNNING,
            START_FAILED: after_containers,
            STOP: STOPPING,
            SIGNAL: STOPPING,
            **lost,
        },
        RUNNING: {STOP: after_running, SIGNAL: STOPPING, **lost},
        DEACTIVATING: {DRAINED: STOPPING, SIGNAL: STOPPING, **lost},
        STOPPING: {CONTAINERS_STOPPED: after_containers, **lost},
        DEPROVISIONING: {NETWORK_RELEASED: STOPPED, **lost},
        STOPPED: {EXPIRED: DELETED},
        DELETED: {},
    }


@cache
def flat(path: Path) -> tuple[int, ...]:
    """The table of ``path`` as one tuple: ``flat[status * N_CAUSES + cause]`` is the next status, -1 if illegal."""
    table = rows(path)
    return tuple(table[s].get(c, -1) for s in range(len(TASK_STATUS_NAMES)) for c in range(N_CAUSES))


def advance(path: Path, status: int, cause: int, *, who: str) -> int:
    """Return the status that ``cause`` leads to; raise :class:`IllegalTransition` if the table has no such way."""
    row = rows(path)[status]
    if cause not in row:
        raise IllegalTransition(who, TASK_STATUS_NAMES[status], CAUSE_NAMES[cause], [CAUSE_NAMES[c] for c in row])
    return row[cause]


def reachable(path: Path) -> tuple[int, ...]:
    """Return the states that a task on ``path`` can be in, in their order; all begin in PROVISIONING or PENDING."""
    table = rows(path)
    found = {PROVISIONING, PENDING}
    edge = set(found)
    while edge:
        edge = {status for before in edge for status in table[before].values()} - found
        found |= edge
    return tuple(sorted(found))


def diagram(path: Path) -> str:
    """Draw the table as a Mermaid state diagram: the documentation's pictures come from here.

    One arrow for each pair of states, with all the causes that lead from one to the other.
    """
    lines = ["stateDiagram-v2"]
    starts = (PROVISIONING,) if path.eni else (PROVISIONING, PENDING)
    lines += [f"    [*] --> {TASK_STATUS_NAMES[status]}" for status in starts]
    for status in reachable(path):
        ways: dict[int, list[str]] = {}
        for cause, after in rows(path)[status].items():
            ways.setdefault(after, []).append(CAUSE_NAMES[cause])
        for after, causes in ways.items():
            lines.append(f"    {TASK_STATUS_NAMES[status]} --> {TASK_STATUS_NAMES[after]}: {', '.join(causes)}")
    lines.append(f"    {TASK_STATUS_NAMES[DELETED]} --> [*]")
    return "\n".join(lines)
