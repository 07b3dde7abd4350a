"""Requests as flow: what one cell of servers does with the requests that reach it in one segment of time.

A cell is the tasks of one service revision in one zone behind one target. All counts are integers, and in every
step ``in flight before + arrivals = served + failed + in flight after``. The model: a cell with ``servers`` task
equivalents completes at most ``servers x rate`` requests a second. Requests that are simply being worked on stay
in flight for the unloaded response time (Little's law); what exceeds the capacity queues; what would wait
longer than its patience fails with 504. Response times follow in :mod:`ecssim.workload.queueing`.

:func:`step` takes scalars or whole vectors (numpy) and does the same arithmetic on both: only ``floor``, ``minimum``
and ``maximum``, no transcendental function, so that a cell cut out of the vector gives the same bits.
"""

from __future__ import annotations

from math import floor
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Seconds that a load balancer waits for a response before it answers 504 (its idle timeout: LB-031, LB-044).
IDLE_TIMEOUT: Final = 60.0


class Step(NamedTuple):
    """What one segment did to one cell; ``carry`` is the unused fraction of a completion."""

    served: int
    timed_out: int
    in_flight: int
    carry: float


def step(
    in_flight: int,
    arrivals: int,
    dt: float,
    servers: float,
    rate: float,
    unloaded: float,
    carry: float,
    patience: float = IDLE_TIMEOUT,
) -> Step:
    """Move one cell over ``dt`` seconds with ``servers`` servers of ``rate`` completions a second each.

    ``unloaded`` is the response time without any queue in seconds, ``rate`` may be infinite. Nobody waits longer than
    ``patience``; if already the unloaded response takes longer, every request times out (LB-044). With ``servers`` 0
    nothing is served: the caller decides what becomes of the requests.
    """
    demand = in_flight + arrivals
    if dt <= 0.0 or servers <= 0.0:
        return Step(0, 0, demand, 0.0)
    working = min(demand, floor(arrivals / dt * (unloaded if unloaded < patience else patience)))
    if unloaded > patience:
        return Step(0, demand - working, working, 0.0)
    capacity = servers * rate * dt + carry
    ready = demand - working
    if capacity >= ready:
        # Everything beyond what is being worked on completes; spare capacity cannot be saved up.
        return Step(ready, 0, working, 0.0)
    served = floor(capacity)
    left = demand - served
    limit = working + floor(servers * rate * patience)
    timed_out = max(0, left - limit)
    return Step(served, timed_out, left - timed_out, capacity - served)


def steps(
    in_flight: Ints,
    arrivals: Ints,
    dt: Floats,
    servers: Floats,
    rate: Floats,
    unloaded: Floats,
    carry: Floats,
    patience: Floats | float = IDLE_TIMEOUT,
) -> tuple[Ints, Ints, Ints, Floats]:
    """Move many cells at once: :func:`step` for every element; returns served, timed out, in flight, carry.

    A single number as ``patience`` says that it is everybody's, and longer than any unloaded response.
    """
    usual = isinstance(patience, float)
    demand = in_flight + arrivals
    alive = (dt > 0.0) & (servers > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        held = unloaded if usual else np.minimum(unloaded, patience)
        working = np.minimum(demand, np.floor(np.where(alive, arrivals / dt, 0.0) * held).astype(np.int64))
        capacity = np.where(alive, servers * rate * dt, 0.0) + np.where(alive, carry, 0.0)
        ready = demand - working
        enough = alive & (capacity >= ready)
        whole = np.floor(np.minimum(capacity, 9e15)).astype(np.int64)
        served = np.where(alive, np.where(enough, ready, whole), 0)
        left = demand - served
        backlog = np.floor(np.minimum(servers * rate * patience, 9e15)).astype(np.int64)
    timed_out = np.where(alive & ~enough, np.maximum(0, left - (working + backlog)), 0)
    rest = np.where(alive & ~enough, capacity - whole, 0.0)
    hopeless = alive & (unloaded > patience) if not usual else None
    if hopeless is not None and hopeless.any():
        served[hopeless] = 0
        timed_out[hopeless] = ready[hopeless]
        left[hopeless] = demand[hopeless]
        rest[hopeless] = 0.0
    return served, timed_out, left - timed_out, rest


def shares(count: int, weights: list[float], carry: float) -> tuple[list[int], float]:
    """Split ``count`` requests over cells by weight: cumulative rounding in cell order, the remainder carried.

    The shares add up to ``count`` whatever the weights; ``carry`` in [0, 1) keeps small streams fair over time.
    """
    total = sum(weights)
    out: list[int] = []
    before = 0
    running = 0.0
    exact = 0.0
    for weight in weights[:-1]:
        running += weight
        exact = count * (running / total) + carry
        upto = min(count, floor(exact))
        out.append(upto - before)
        before = upto
    out.append(count - before)
    return out, (exact - floor(exact)) if len(weights) > 1 else 0.0
