"""Which instance takes a task: filter, then strategies in order, then the tie-break (PLACE-001).

Pure: the fleet comes as a borrowed view, luck as a number. What is decided here moves nothing; the caller
reserves. A batch is choose and reserve in a loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from ecssim.world.requests import ZONE_ATTRIBUTE, Request
from ecssim.world.views import Candidates, FleetView, Rejections

TieBreak = Literal["ordinal", "random"]


class StrategyItem(NamedTuple):
    """One strategy as the API has it: ``type`` random, spread or binpack, and its field (PLACE-020)."""

    type: str
    field: str = ""

    def __str__(self) -> str:
        return f"{self.type}({self.field})" if self.field and self.type != "random" else str(self.type)


Strategy = tuple[StrategyItem, ...]

SERVICE_DEFAULT: Strategy = (
    StrategyItem("spread", f"attribute:{ZONE_ATTRIBUTE}"),
    StrategyItem("spread", "instanceId"),
)
"""A service without strategies: fewest of its tasks by zone, then by instance (PLACE-010, PLACE-011)."""

RUN_TASK_DEFAULT: Strategy = (StrategyItem("random"),)
"""RunTask without strategies: any instance that fits (PLACE-010)."""


class Verdict(NamedTuple):
    """Where one task goes, or why nowhere.

    ``ordinal`` is -1 and ``reason`` one of ``FailureReason`` where nothing fits; else ``reason`` is empty.
    Holds the candidates of one moment: record what it says and drop it.
    """

    ordinal: int
    rejections: Rejections
    strategy: Strategy
    reason: str


#: A verdict per launch: the tuple's own constructor saves the named one's extra call.
_verdict = tuple.__new__


def strategy_label(strategy: Iterable[StrategyItem]) -> str:
    """Return the strategies in one word for tables: ``spread(instanceId),binpack(memory)``."""
    return ",".join(str(item) for item in strategy)


def place(
    view: FleetView,
    request: Request,
    group: int,
    strategy: Strategy,
    u: float | None = None,
    tie: TieBreak = "ordinal",
) -> Verdict:
    """Choose the instance for one task of ``group``.

    Each strategy narrows what the one before it left (PLACE-024), best effort (PLACE-009); what is still tied
    goes to the instance that registered first, or by ``u`` with ``tie`` random (PLACE-027). ``u`` is uniform
    in [0, 1) and needed for ``random`` and for random ties only (PLACE-023: random looks at no field).
    """
    rejections = view.rejections(request, group)
    if not rejections.fitting:
        return Verdict(-1, rejections, strategy, view.shortfall(request, group))
    candidates = rejections.candidates
    for kind, field in strategy:
        if kind == "spread":
            candidates = view.narrow_spread(candidates, field, group)
        elif kind == "binpack":
            candidates = view.narrow_binpack(candidates, field, request)
        else:
            return Verdict(_drawn(view, candidates, u), rejections, strategy, "")
    ordinal = view.first(candidates) if tie == "ordinal" else _drawn(view, candidates, u)
    return _verdict(Verdict, (ordinal, rejections, strategy, ""))


def _narrow(view: FleetView, candidates: Candidates, item: StrategyItem, request: Request, group: int) -> Candidates:
    """Narrow by one item that is not random (PLACE-021, PLACE-022)."""
    if item.type == "spread":
        return view.narrow_spread(candidates, item.field, group)
    return view.narrow_binpack(candidates, item.field, request)


def _drawn(view: FleetView, candidates: Candidates, u: float | None) -> int:
    if u is None:
        raise ValueError("a random choice needs a draw: give u, uniform in [0, 1)")
    return view.nth(candidates, int(u * view.count(candidates)))


class Step(NamedTuple):
    """One line of an explained placement: what was asked, how many instances are left, how the best score."""

    step: str
    left: int
    dropped: int
    score: str


def explain_placement(
    view: FleetView,
    request: Request,
    group: int,
    strategy: Strategy,
    u: float | None = None,
    tie: TieBreak = "ordinal",
) -> tuple[Step, ...]:
    """Return the same decision as :func:`place` step by step: every check, every strategy, the tie-break.

    Checks that dropped nobody are left out. Reads only; takes as long as a scan.
    """
    rejections = view.rejections(request, group)
    left = rejections.seen
    steps = [Step("instances", left, 0, "")]
    for check in Rejections._fields[2:]:
        dropped = getattr(rejections, check)
        if dropped:
            left -= dropped
            steps.append(Step(check, left, dropped, ""))
    if not rejections.fitting:
        closest = view.closest(request, group)
        score = f"closest is instance {closest.ordinal}" if closest.ordinal >= 0 else "no instance"
        steps.append(Step(closest.reason, 0, 0, score))
        return tuple(steps)
    candidates = rejections.candidates
    for item in strategy:
        if item.type == "random":
            return (*steps, Step("random", 1, left - 1, f"instance {_drawn(view, candidates, u)}"))
        candidates = _narrow(view, candidates, item, request, group)
        before, left = left, view.count(candidates)
        steps.append(Step(str(item), left, before - left, _score(view, candidates, item, group)))
    ordinal = view.first(candidates) if tie == "ordinal" else _drawn(view, candidates, u)
    why = "registered first" if tie == "ordinal" else "drawn"
    return (*steps, Step(f"tieBreak {tie}", 1, left - 1, f"instance {ordinal}" + f", {why}" * (left > 1)))


def _score(view: FleetView, candidates: Candidates, item: StrategyItem, group: int) -> str:
    first = view.first(candidates)
    if item.type == "binpack":
        remaining = view.remaining(first)
        cpu = item.field.lower() == "cpu"
        return f"{remaining.cpu} CPU units left" if cpu else f"{remaining.memory} MiB left"
    if item.field in ("instanceId", "host"):
        return f"{view.group_count(group, first)} tasks of the group on each"
    tasks = view.spread_counts(item.field, group)
    value = view.spread_value(first, item.field)
    return f"{tasks.get(value, 0)} tasks of the group for each value; the first is {value or 'no value'}"
