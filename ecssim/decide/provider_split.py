"""Which capacity provider the next task of a service goes to, and which gives one up (CAP-030 to CAP-035)."""

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
    base_part = base.base if base is not None else 0
    rest = total + 1 - base_part
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


def surplus(
    strategy: Sequence[Share], counts: Mapping[int, int], stoppable: Mapping[int, int], count: int
) -> list[tuple[int, int]]:
    """Return how many of ``count`` tasks to stop are of which provider, in strategy order (CAP-035).

    Each goes to the provider furthest above its ideal share of the new total, ties to the last in the list, as
    starts go to the first. ``stoppable`` bounds what a provider can give; providers that the strategy no longer
    names give up theirs first.
    """
    now = dict(counts)
    taken: dict[int, int] = {}
    named = {s.provider for s in strategy}
    weights = sum(s.weight for s in strategy)
    base = next((s for s in strategy if s.base > 0), None)
    for _ in range(count):
        able = [p for p, n in stoppable.items() if n > taken.get(p, 0)]
        if not able:
            break
        total = sum(now.values()) - 1
        base_part = min(base.base, total) if base is not None else 0
        rest = total - base_part

        def above(provider: int, base_part: int = base_part, rest: int = rest) -> int:
            item = next(s for s in strategy if s.provider == provider)
            ideal = rest * item.weight + (base_part * weights if item is base else 0)
            return now.get(provider, 0) * weights - ideal

        strangers = [p for p in able if p not in named]
        order = [s.provider for s in strategy]
        chosen = strangers[0] if strangers else max(able, key=lambda p: (above(p), order.index(p)))
        now[chosen] = now.get(chosen, 0) - 1
        taken[chosen] = taken.get(chosen, 0) + 1
    return [(p, taken[p]) for p in dict.fromkeys([*(s.provider for s in strategy), *stoppable]) if p in taken]
