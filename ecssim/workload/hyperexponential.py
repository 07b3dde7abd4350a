"""M/H2/c: a queue whose service times are one of two exponential ones, solved exactly.

A hyperexponential law is the simplest that varies more than an exponential one. Its queue is a quasi-birth-death
process: the level is how many requests there are, the phase how many of those in service are of the first kind. From
the level at which all servers are busy on, the stationary chances are matrix-geometric (Neuts); the matrix comes from
logarithmic reduction (Latouche and Ramaswami).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Logarithmic reduction doubles the levels that it sees with every step.
STEPS = 60


class Branches(NamedTuple):
    """A share ``first`` of the requests is served at rate ``fast``, the others at rate ``slow``; the mean is 1."""

    first: float
    fast: float
    slow: float


def balanced(scv: float) -> Branches:
    """Two branches with this squared coefficient of variation above 1 that carry half of the work each."""
    first = (1.0 + float(np.sqrt((scv - 1.0) / (scv + 1.0)))) / 2.0
    return Branches(first, 2.0 * first, 2.0 * (1.0 - first))


def third_moment(scv: float, third: float) -> Branches:
    """The two branches with this variation and third moment; balanced ones if none have them."""
    a2, a3 = (1.0 + scv) / 2.0, third / 6.0
    if a3 <= a2 * a2 * 1.0000001:
        return balanced(scv)
    total = (a3 - a2) / (a2 - 1.0)
    product = (a3 - a2 * a2) / (a2 - 1.0)
    root = float(np.sqrt(max(total * total - 4.0 * product, 0.0)))
    short, long = (total - root) / 2.0, (total + root) / 2.0
    if not 0.0 < short < 1.0 < long:
        return balanced(scv)
    return Branches((long - 1.0) / (long - short), 1.0 / short, 1.0 / long)


def waits(servers: int, load: float, branches: Branches) -> tuple[float, float]:
    """Return the chance to wait and the mean wait of all requests, at utilisation ``load`` between 0 and 1."""
    first, fast, slow = branches
    arrivals = servers * load
    kinds = np.arange(servers + 1)
    leaves, others = kinds * fast, (servers - kinds) * slow
    same = np.eye(servers + 1)
    up = arrivals * same
    down = np.diag(leaves * first + others * (1.0 - first))
    down[kinds[1:], kinds[:-1]] += leaves[1:] * (1.0 - first)
    down[kinds[:-1], kinds[1:]] += others[:-1] * first
    stay = -np.diag(arrivals + leaves + others)
    rates = up @ np.linalg.inv(-(stay + up @ _first_passage(stay, up, down)))
    # Levels below: each is a matrix times the one above it.
    below: list[Floats] = []
    for level in range(servers):
        here = np.arange(level + 1)
        local: Floats = -np.diag(arrivals + here * fast + (level - here) * slow)
        if level:
            local = local + below[-1] @ _arrive(level - 1, arrivals, first)
        below.append(_leave(level + 1, fast, slow) @ np.linalg.inv(-local))
    balance = below[-1] @ _arrive(servers - 1, arrivals, first) + stay + rates @ down
    system = balance.T.copy()
    system[-1, :] = 1.0
    wanted = np.zeros(servers + 1)
    wanted[-1] = 1.0
    full = np.linalg.solve(system, wanted)
    beyond = np.linalg.inv(same - rates)
    total, part = float((full @ beyond).sum()), full
    for matrix in reversed(below):
        part = part @ matrix
        total += float(part.sum())
    full = full / total
    return float((full @ beyond).sum()), float((full @ rates @ beyond @ beyond).sum()) / arrivals


def _first_passage(stay: Floats, up: Floats, down: Floats) -> Floats:
    """In which phase the level is left downwards: logarithmic reduction."""
    same = np.eye(len(stay))
    inverse = np.linalg.inv(-stay)
    high, low = inverse @ up, inverse @ down
    passage, path = low.copy(), high.copy()
    for _ in range(STEPS):
        middle = np.linalg.inv(same - high @ low - low @ high)
        high, low = middle @ high @ high, middle @ low @ low
        more = path @ low
        passage = passage + more
        path = path @ high
        if float(np.abs(more).max()) < 1e-13:
            break
    return passage


def _arrive(level: int, arrivals: float, first: float) -> Floats:
    """From ``level`` requests, all in service, to one more."""
    kinds = np.arange(level + 1)
    out = np.zeros((level + 1, level + 2))
    out[kinds, kinds + 1] = arrivals * first
    out[kinds, kinds] = arrivals * (1.0 - first)
    return out


def _leave(level: int, fast: float, slow: float) -> Floats:
    """From ``level`` requests, all in service, to one less."""
    kinds = np.arange(level + 1)
    out = np.zeros((level + 1, level))
    out[kinds[1:], kinds[1:] - 1] = kinds[1:] * fast
    out[kinds[:-1], kinds[:-1]] += (level - kinds[:-1]) * slow
    return out
