"""A placement decided once more, slowly: every filter, every strategy, and the scores of who came close.

The same decision as :func:`ecssim.decide.placement.place`, which keeps nothing on its way: tests hold the two
together. Reads only; takes as long as a scan.
"""

from __future__ import annotations

from typing import NamedTuple

from ecssim.decide.own_strategy import CUSTOM
from ecssim.decide.placement import Strategy, StrategyItem, TieBreak, narrow_own
from ecssim.world.requests import Request
from ecssim.world.views import Candidates, FleetView, Rejections

#: Instances that are shown beside the chosen one.
RUNNERS_UP = 4


class Filter(NamedTuple):
    """How many instances fell first at one check (PLACE-003), and how many were left after it."""

    check: str
    dropped: int
    left: int


class Narrowing(NamedTuple):
    """One strategy, or the tie-break: how many instances it left. ``best`` is their score, None where it has none."""

    step: str
    dropped: int
    left: int
    best: int | None = None


class Candidate(NamedTuple):
    """An instance that could have taken the task: its score under each strategy that looked at it.

    Scores are tasks of the group for spread, what is left of the resource for binpack; the lowest wins.
    ``out_at`` is the step that left it out, empty for the chosen one.
    """

    ordinal: int
    scores: tuple[int | None, ...]
    out_at: str


class Table(NamedTuple):
    """How one task found its instance, or found none. ``chosen`` is the ordinal, -1 where nothing fits."""

    seen: int
    filters: tuple[Filter, ...]
    fitting: int
    steps: tuple[Narrowing, ...]
    candidates: tuple[Candidate, ...]
    chosen: int


def placement_table(
    view: FleetView,
    request: Request,
    group: int,
    strategy: Strategy,
    u: float | None = None,
    tie: TieBreak = "ordinal",
    runners_up: int = RUNNERS_UP,
) -> Table:
    """Decide as ``place`` does and keep what decided: filters, strategies, the runners-up with their scores.

    Runners-up are those that stayed longest; among those that fell at one step the best score comes first, then
    who registered first. ``u`` is the draw of a random choice or tie-break.
    """
    rejections = view.rejections(request, group)
    filters, left = [], rejections.seen
    for check in Rejections._fields[2:]:
        dropped = getattr(rejections, check)
        if dropped:
            left -= dropped
            filters.append(Filter(check, dropped, left))
    if not rejections.fitting:
        return Table(rejections.seen, tuple(filters), 0, (), (), -1)
    fields = strategy_of(strategy)
    pools: list[tuple[str, Candidates]] = []
    steps: list[Narrowing] = []
    candidates = rejections.candidates
    for item in fields:
        before, pool = left, candidates
        candidates = narrowed(view, candidates, item, request, group, u)
        left = view.count(candidates)
        best = score(view, view.first(candidates), item, group)
        steps.append(Narrowing(str(item), before - left, left, best))
        pools.append((str(item), pool))
    drawn = tie == "random" or len(fields) < len(strategy)
    last = "random" if len(fields) < len(strategy) else f"tieBreak {tie}"
    chosen = view.nth(candidates, int((u or 0.0) * left)) if drawn else view.first(candidates)
    pools.append((last, candidates))
    if drawn or left > 1 or not fields:
        steps.append(Narrowing(last, left - 1, 1))
    rows = [Candidate(chosen, _scores(view, chosen, fields, group), "")]
    rows += _runners_up(view, chosen, pools, fields, group, runners_up)
    return Table(rejections.seen, tuple(filters), rejections.fitting, tuple(steps), tuple(rows), chosen)


def strategy_of(strategy: Strategy) -> Strategy:
    """Return the strategies that look at instances: all up to ``random``, after which nothing is looked at."""
    kinds = [item.type for item in strategy]
    return strategy[: kinds.index("random")] if "random" in kinds else strategy


def narrowed(
    view: FleetView, candidates: Candidates, item: StrategyItem, request: Request, group: int, u: float | None
) -> Candidates:
    """Return what one spread or binpack, or a user's own strategy, leaves (PLACE-021, PLACE-022)."""
    if item.type == CUSTOM:
        return narrow_own(view, candidates, item.field, request, group, u)
    if item.type == "spread":
        return view.narrow_spread(candidates, item.field, group)
    return view.narrow_binpack(candidates, item.field, request)


def score(view: FleetView, ordinal: int, item: StrategyItem, group: int) -> int:
    """Return what the strategy compares: tasks of the group in its value group, or what is left of the resource."""
    if item.type == CUSTOM:
        return 0  # its scores are the user's own, and need all candidates at once
    if item.type == "binpack":
        left = view.remaining(ordinal)
        return left.cpu if item.field.lower() == "cpu" else left.memory
    if item.field in ("instanceId", "host"):
        return view.group_count(group, ordinal)
    return view.spread_counts(item.field, group).get(view.spread_value(ordinal, item.field), 0)


def _scores(view: FleetView, ordinal: int, items: Strategy, group: int, steps: int = -1) -> tuple[int | None, ...]:
    reached = len(items) if steps < 0 else steps
    return tuple(score(view, ordinal, item, group) if i < reached else None for i, item in enumerate(items))


def _runners_up(
    view: FleetView, chosen: int, pools: list[tuple[str, Candidates]], items: Strategy, group: int, most: int
) -> list[Candidate]:
    """Return who stayed longest: ``pools`` are the candidates before each step, the last one before the tie-break."""
    found: list[Candidate] = []
    met = {chosen}
    for at in range(len(pools) - 1, -1, -1):
        step, pool = pools[at]
        fell = [ordinal for ordinal in view.ordinals(pool) if ordinal not in met]
        met.update(fell)
        if at < len(items):
            item = items[at]
            fell.sort(key=lambda ordinal: score(view, ordinal, item, group))  # stable: registration order stays
        for ordinal in fell[: most - len(found)]:
            found.append(Candidate(ordinal, _scores(view, ordinal, items, group, at + 1), step))
        if len(found) >= most:
            break
    return found
