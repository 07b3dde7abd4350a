"""Arithmetic of judging what scales a service: tasks too few and too many, steps in a load, flaps. Arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

MINUTE: Final = 60.0
#: A step is a rise of demand from one minute to the next by this share, and by this many tasks, or more.
STEP_SHARE: Final = 0.25
STEP_TASKS: Final = 1.0
#: Two activities of opposite directions within this time (seconds) are a flap: scaling in after scaling out needs a
#: quarter of an hour of low datapoints (SCALE-009), so that what reverses within half an hour followed no load.
FLAP_WINDOW: Final = 1800.0


@dataclass(frozen=True)
class Step:
    """A sudden rise of demand from ``before`` to ``after`` tasks in the minutes from ``t`` (seconds).

    ``seconds`` is how long it took until so many tasks were healthy: 0 if they were there, NaN if demand fell below
    ``after`` again or the run ended before.
    """

    t: float
    before: float
    after: float
    seconds: float


@dataclass(frozen=True)
class Curves:
    """Demand and what was there against it, minute by minute: means over the minutes that begin at ``t``."""

    t: np.ndarray
    demand: np.ndarray
    running: np.ndarray
    healthy: np.ndarray


def shortfall(demand: np.ndarray, healthy: np.ndarray) -> np.ndarray:
    """Tasks that were wanted and not healthy, minute by minute."""
    found: np.ndarray = np.maximum(demand - healthy, 0.0)
    return found


def surplus(demand: np.ndarray, running: np.ndarray) -> np.ndarray:
    """Tasks that ran and were not wanted, minute by minute; the one that is not full counts as wanted."""
    found: np.ndarray = np.maximum(running - np.ceil(demand), 0.0)
    return found


def rises(demand: np.ndarray) -> list[tuple[int, int]]:
    """Steps in a demand by minute: the last minute before each and the minute in which it has its new level.

    A rise over several minutes is one step.
    """
    rise = np.diff(demand)
    sudden = (rise >= STEP_TASKS) & (rise >= STEP_SHARE * demand[:-1])
    found: list[tuple[int, int]] = []
    for at in np.flatnonzero(sudden).tolist():
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + 1)
        else:
            found.append((at, at + 1))
    return found


def flaps(t: np.ndarray, change: np.ndarray, window: float = FLAP_WINDOW) -> int:
    """How often an activity went the other way than the one before it, no later than ``window`` after it."""
    way, t = np.sign(change[change != 0]), t[change != 0]
    return int(((way[1:] != way[:-1]) & (np.diff(t) <= window)).sum())


def mean_held(begin: np.ndarray, until: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many spans were held on average between one edge and the next; NaN in ``until`` ends never."""
    area = _area(begin[~np.isnan(begin)], edges) - _area(until[~(np.isnan(until) | np.isnan(begin))], edges)
    found: np.ndarray = np.diff(area) / np.diff(edges)
    return found


def _area(since: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The integral of how many of ``since`` have passed, up to each edge."""
    ordered = np.sort(since)
    total = np.concatenate([[0.0], np.cumsum(ordered)])
    passed = np.searchsorted(ordered, edges, "right")
    found: np.ndarray = edges * passed - total[passed]
    return found


def reached(begin: np.ndarray, until: np.ndarray, wanted: int, t: float, end: float) -> float:
    """The first instant from ``t`` on, before ``end``, at which ``wanted`` spans are held; NaN if there is none."""
    later = begin[(begin > t) & (begin < end)]
    instants = np.concatenate([[t], later])
    there = np.searchsorted(begin, instants, "right") - np.searchsorted(until, instants, "right") >= wanted
    return float(instants[np.argmax(there)]) if there.any() else float("nan")
