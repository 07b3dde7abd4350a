"""Whether a service's tasks are even over its zones, and which moves would make them so (PLACE-081).

Pure counts: how a task is started or stopped, and when one looks, is the engine's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping


def is_even(counts: Collection[int]) -> bool:
    """Whether each zone has its even share of all tasks, give or take one: none has two more than another."""
    return max(counts) - min(counts) <= 1


def shares(counts: Mapping[str, int], tasks: int) -> dict[str, int]:
    """How many of ``tasks`` each zone should have; the remainder goes to the fullest zones, which moves least."""
    low, extra = divmod(tasks, len(counts))
    fullest = sorted(counts, key=lambda zone: (-counts[zone], zone))
    return {zone: low + (place < extra) for place, zone in enumerate(fullest)}


def gaps(counts: Mapping[str, int], tasks: int) -> dict[str, int]:
    """How many tasks each zone lacks of its share (PLACE-080)."""
    wanted = shares(counts, tasks)
    return {zone: wanted[zone] - counts[zone] for zone in counts if counts[zone] < wanted[zone]}


def surplus(counts: Mapping[str, int], tasks: int) -> dict[str, int]:
    """How many tasks each zone has above its share, the fullest zone first (PLACE-080)."""
    wanted = shares(counts, tasks)
    above = {zone: counts[zone] - wanted[zone] for zone in counts if counts[zone] > wanted[zone]}
    return dict(sorted(above.items(), key=lambda item: (-counts[item[0]], item[0])))
