"""Lifecycle hooks of an Auto Scaling group: how long they hold an instance, and with which result.

Hooks of one transition run side by side. A hook ends when somebody completes it, or at its timeout with its
default result. One that ends with ABANDON ends the wait at once. Implements ASG-046.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

#: Hooks that one group may have (ASG-046).
MOST_HOOKS: Final = 50
#: Seconds after which a hook that nobody completes ends by itself (ASG-046).
DEFAULT_TIMEOUT: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook of one transition: it holds the instance for ``seconds`` and ends with CONTINUE or ABANDON."""

    name: str
    launching: bool
    seconds: float
    abandons: bool


class Wait(NamedTuple):
    """What the hooks of a transition come to: ``seconds`` of waiting, and whether a hook abandoned it."""

    seconds: float
    abandoned: bool


def wait_of(hooks: Iterable[Hook], *, launching: bool) -> Wait:
    """Return how long the hooks of one transition hold an instance (ASG-046)."""
    there = [hook for hook in hooks if hook.launching is launching]
    abandoned = [hook.seconds for hook in there if hook.abandons]
    whole = max((hook.seconds for hook in there), default=0.0)
    if abandoned:
        return Wait(min(abandoned), True)
    return Wait(whole, False)
