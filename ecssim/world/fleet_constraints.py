"""Which instances satisfy a ``memberOf`` expression: a mask kept up to date instance by instance.

An instance is asked again only after something that the expression can see has changed on it: its own facts
for a static expression, also its tasks and its connection for a dynamic one (PLACE-042, PLACE-050).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecssim.world.hosts import Host, HostFacts
from ecssim.world.requests import Predicate


class ConstraintMask:
    """The instances that satisfy one predicate. ``stale`` holds the positions to be asked again."""

    __slots__ = ("_group_names", "_hosts", "_mask", "_predicate", "stale")

    def __init__(self, predicate: Predicate, hosts: Sequence[Host | None], group_names: Mapping[int, str]) -> None:
        self._predicate = predicate
        self._hosts = hosts
        self._group_names = group_names
        self._mask = 0
        self.stale: set[int] = set(range(len(hosts)))

    def mask(self) -> int:
        """Return the instances for which the expression is true now."""
        if self.stale:
            mask = self._mask
            for position in self.stale:
                host = self._hosts[position]
                bit = 1 << position
                if host is not None and self._predicate(HostFacts(host, self._group_names)):
                    mask |= bit
                else:
                    mask &= ~bit
            self._mask = mask
            self.stale.clear()
        return self._mask
