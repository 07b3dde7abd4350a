"""Waits for room: the refusals of one service, cut where it had all of its tasks in between.

The scheduler says again and again that it finds no place (PLACE-061), and a verdict stands until something is
released; refusals hours apart may therefore belong to one wait. They are two when the service was whole in a minute
between them, nothing of it was being replaced then, and the refusals are further apart than people wait.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ecssim.results.facts import Facts
from ecssim.results.fleet_figures import placed_at
from ecssim.results.service_figures import ServiceFigures

#: Demand that finds room within this time was waiting for instances that were on their way (seconds): five minutes,
#: and the minute at whose end the service was seen to be whole.
PATIENCE = 360.0


class Wait(NamedTuple):
    """Refusals that belong together, and when the service was seen to have all of its tasks again, if it ever was."""

    rows: np.ndarray
    until: float | None

    @property
    def t(self) -> float:
        """When the first task found no place."""
        return float(self.rows["t"][0])

    @property
    def is_long(self) -> bool:
        """Longer than instances need to come: somebody has to act."""
        return self.until is None or self.until - self.t > PATIENCE

    def lasted(self, end: float) -> float:
        """How long it went on, at most; ``end`` is where the record ends."""
        return (end if self.until is None else self.until) - self.t


def waits_of(facts: Facts, rows: np.ndarray, figures: ServiceFigures) -> list[Wait]:
    """The waits of one service in order of time; ``rows`` are its refusals in the order of the table."""
    minutes = facts.minutes.of(figures.service, figures.cluster)
    whole = minutes["t"][minutes["running_count"] >= minutes["desired_count"]]
    calm = whole[~_in_a_deployment(facts, figures, whole)]
    times = rows["t"]
    # A row of the minutes has the minute's start, and its counts are those of its end.
    first = np.searchsorted(calm, times[:-1])
    between = np.append(calm, np.inf)[first] + 60.0 <= times[1:]
    cuts = np.flatnonzero(between & (np.diff(times) > PATIENCE)) + 1
    return [Wait(part, _until(facts, part, whole)) for part in np.split(rows, cuts)]


def ended(facts: Facts, waiting: np.ndarray) -> np.ndarray:
    """When each task that waits in PROVISIONING was placed at last, or given up; infinity if it waits still."""
    placed = placed_at(facts, waiting["task"])
    gone = facts.tasks.stopping[facts.tasks.index.at(waiting["task"])]
    return np.where(placed > waiting["t"], placed, np.where(np.isnan(gone), np.inf, gone))


def _until(facts: Facts, rows: np.ndarray, whole: np.ndarray) -> float | None:
    """When the service was whole again and the last task without a place had one; None if never.

    The service may have all of its tasks while those of its next revision wait.
    """
    again = _whole_again(whole, float(rows["t"][-1]))
    waiting = rows[rows["task"] > 0]
    if again is None or not len(waiting):
        return again
    last = float(ended(facts, waiting).max())
    return None if np.isinf(last) else max(again, last)


def _in_a_deployment(facts: Facts, figures: ServiceFigures, times: np.ndarray) -> np.ndarray:
    """Whether a deployment of the service was going on: the tasks that it replaces make a service look whole."""
    rows = facts.deployments
    mine = rows[(rows["service"] == figures.service) & (rows["cluster"] == figures.cluster)]
    during = np.zeros(len(times), bool)
    for row in mine:
        during |= (times + 60.0 >= row["started_at"]) & ~(times >= row["finished_at"])
    return during


def _whole_again(whole: np.ndarray, last: float) -> float | None:
    """The end of the first minute after the last refusal at which the service had all of its tasks."""
    after = whole[whole + 60.0 > last]
    return float(after[0]) + 60.0 if len(after) else None
