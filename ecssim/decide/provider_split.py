"""Which capacity provider the next task of a service goes to (CAP-030 to CAP-034)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Share(NamedTuple):
    """One item of a capacity provider strategy: a provider, the tasks it takes first, and its weight (CAP-003)."""

    provider: int
    base: int
    weight: int


def next_provider(strategy: Sequence[Share], counts: Mapping[int, int]) -> int:
    """Return the provider of the next task, given how many tasks each has now.

    Base first (CAP-030), then the largest deficit against the ideal share, ties in list order (CAP-033). Exact
    integers: shares are compared as multiples of the sum of weights. A single item takes everything (CAP-009).
    """
    if len(strategy) == 1:
        return strategy[0].provider
    total = sum(counts.get(s.provider, 0) for s in strategy)
    base = next((s for s in strategy if s.base > 0), None)
    if base is not None and counts.get(base.provider, 0) < base.base:
        return base.provider
    weights = sum(s.weight for s in strategy)
    base_part = min(base.base, total + 1) if base is not None else 0
    rest = max(0, total + 1 - base_part)
    best, best_deficit = -1, 0
    for s in strategy:
        if s.weight <= 0:
            continue
        ideal = rest * s.weight + (base_part * weights if s is base else 0)
        deficit = ideal - counts.get(s.provider, 0) * weights
        if best < 0 or deficit > best_deficit:
            best, best_deficit = s.provider, deficit
    return best


def split(strategy: Sequence[Share], counts: Mapping[int, int], count: int) -> list[tuple[int, int]]:
    """Return how many of ``count`` new tasks go to which provider, in strategy order (CAP-032, CAP-037)."""
    if len(strategy) == 1:
        return [(strategy[0].provider, count)]
    now = dict(counts)
    added: dict[int, int] = {}
    for _ in range(count):
        provider = next_provider(strategy, now)
        now[provider] = now.get(provider, 0) + 1
        added[provider] = added.get(provider, 0) + 1
    return [(s.provider, added[s.provider]) for s in strategy if s.provider in added]
