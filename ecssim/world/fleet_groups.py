"""Where the tasks of one group are: the counts that ``spread`` and ``distinctInstance`` look at.

A group is a service or a task group. Counted are tasks with desired status RUNNING (PLACE-026). A structure
is built when a strategy first asks for it and followed from then on; a group whose strategy is binpack has
none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ecssim.world.bitsets import from_positions
from ecssim.world.hosts import Host


class Group:
    """The instances of one group's tasks; ``present`` holds the ordinals with at least one."""

    __slots__ = ("_by_field", "_levels", "_occupied", "present")

    def __init__(self) -> None:
        self.present: set[int] = set()
        self._occupied: int | None = None
        self._levels: dict[int, int] | None = None
        self._by_field: dict[str, dict[str, int]] = {}

    def change(self, host: Host, before: int, after: int) -> None:
        """Follow the number of tasks on ``host`` from ``before`` to ``after``."""
        if not (before and after):
            if after:
                self.present.add(host.ordinal)
            else:
                self.present.discard(host.ordinal)
            if self._occupied is not None:
                self._occupied ^= host.bit
        levels = self._levels
        if levels is not None:
            bit = host.bit
            if before:
                left = levels[before] ^ bit
                if left:
                    levels[before] = left
                else:
                    del levels[before]
            if after:
                levels[after] = levels.get(after, 0) | bit
        for name, counts in self._by_field.items():
            value = host.attributes.get(name) or ""
            counts[value] = counts.get(value, 0) + after - before

    def forget_positions(self) -> None:
        """Positions were renumbered: build the masks anew when next asked for."""
        self._occupied = None
        self._levels = None

    def forget_field(self, name: str) -> None:
        """An instance's attribute changed its value: count that field anew when next asked for."""
        self._by_field.pop(name, None)

    def occupied(self, hosts: Mapping[int, Host], width: int) -> int:
        """Return the instances with at least one task."""
        mask = self._occupied
        if mask is None:
            mask = from_positions((hosts[ordinal].position for ordinal in self.present), width)
            self._occupied = mask
        return mask

    def fewest(self, candidates: int, group: int, hosts: Mapping[int, Host], width: int) -> int:
        """Return those of ``candidates`` with the fewest tasks of the group on them."""
        occupied = self._occupied
        free = candidates & ~(self.occupied(hosts, width) if occupied is None else occupied)
        if free:
            return free
        levels = self._levels
        if levels is None:
            by_count: dict[int, list[int]] = {}
            for ordinal in self.present:
                host = hosts[ordinal]
                by_count.setdefault(host.groups[group], []).append(host.position)
            levels = {count: from_positions(found, width) for count, found in by_count.items()}
            self._levels = levels
        for count in sorted(levels):
            found = candidates & levels[count]
            if found:
                return found
        return 0

    def by_field(self, name: str, group: int, hosts: Mapping[int, Host]) -> Mapping[str, int]:
        """Return the tasks by value of attribute ``name``; '' collects those without (PLACE-025)."""
        counts = self._by_field.get(name)
        if counts is None:
            counts = {}
            for ordinal in self.present:
                host = hosts[ordinal]
                value = host.attributes.get(name) or ""
                counts[value] = counts.get(value, 0) + host.groups[group]
            self._by_field[name] = counts
        return counts


def fewest_by_field(candidates: int, masks: Mapping[str, int], counts: Mapping[str, int]) -> int:
    """Return the candidates in the value groups with the fewest tasks; ties stay together (PLACE-024)."""
    least = -1
    kept = 0
    for value, mask in masks.items():
        count = counts.get(value, 0)
        if count <= least or least < 0:
            found = candidates & mask
            if found:
                if count == least:
                    kept |= found
                else:
                    least, kept = count, found
    return kept


def value_masks(hosts: Sequence[Host | None], name: str) -> dict[str, int]:
    """Return the instances by value of attribute ``name``; '' is no value or no such one (PLACE-025)."""
    members: dict[str, list[int]] = {}
    for position, host in enumerate(hosts):
        if host is not None:
            members.setdefault(host.attributes.get(name) or "", []).append(position)
    return {value: from_positions(found, len(hosts)) for value, found in members.items()}
