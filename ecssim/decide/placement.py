"""Which instance takes a task: filter, then strategies in order, then the tie-break (PLACE-001).

Pure: the fleet comes as a borrowed view, luck as a number. What is decided here moves nothing; the caller
reserves. A batch is choose and reserve in a loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from ecssim.decide.own_strategy import CUSTOM, OwnField, best
from ecssim.world.requests import ZONE_ATTRIBUTE, Request
from ecssim.world.views import Candidates, FleetView, Rejections

TieBreak = Literal["ordinal", "random"]


class StrategyItem(NamedTuple):
    """One strategy as the API has it: ``type`` random, spread or binpack, and its field (PLACE-020).

    Of type ``custom``, a user's own, the field is an :class:`OwnField`, which carries the function.
    """

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
        elif kind == CUSTOM:
            candidates = narrow_own(view, candidates, field, request, group, u)
        else:
            return Verdict(_drawn(view, candidates, u), rejections, strategy, "")
    ordinal = view.first(candidates) if tie == "ordinal" else _drawn(view, candidates, u)
    return _verdict(Verdict, (ordinal, rejections, strategy, ""))


def narrow_own(
    view: FleetView, candidates: Candidates, name: str, request: Request, group: int, u: float | None
) -> Candidates:
    """Narrow by a function of the user's; the draw is the launch's own."""
    if not isinstance(name, OwnField):
        raise TypeError(f"strategy {name!r} has no function")
    chosen = best(view, view.ordinals(candidates), name, request, group, 0.0 if u is None else u)
    return view.only(chosen)


def _drawn(view: FleetView, candidates: Candidates, u: float | None) -> int:
    if u is None:
        raise ValueError("a random choice needs a draw: give u, uniform in [0, 1)")
    return view.nth(candidates, int(u * view.count(candidates)))
