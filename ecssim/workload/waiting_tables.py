"""Response times where service times vary more than exponentially: tables by servers and utilisation.

Two moments say too little of such a queue. The tables hold, for one law of the service time:

* the mean wait, between those of two queues that are solved exactly (M/H2/c as a quasi-birth-death process): one with
  the law's first two moments in balanced shares, which waits longer, and one with its third moment too, which puts the
  variation into few very long requests and waits less. The geometric mean of both is taken, for the chance to wait as
  well. Above :data:`MOST_SOLVED` servers it is Kimura's approximation.
* the percentiles of the response: a request that waits, waits for the first of ``c`` servers to get free and then for
  a geometric number of steps of one server that is ``c`` times as fast (Tijms, van Hoorn and Federgruen), on the scale
  of that mean. With one server this is exact.

One server's table takes some hundredths of a second once; looking something up is linear interpolation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ecssim.workload.distributions import Law
from ecssim.workload.hyperexponential import Branches, balanced, third_moment, waits

Floats = npt.NDArray[np.float64]

#: Utilisations that the tables are made for; what is looked up lies between two of them.
LOADS: Final = np.array(
    [0.0, 0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.84, 0.87, 0.9, 0.92, 0.94, 0.955, 0.97, 0.98]
)
#: Numbers of servers that the tables are made for: each one up to 16, then four for each doubling.
SERVERS: Final = np.array([*range(1, 17), *(step * 2**k for k in range(2, 8) for step in (5, 6, 7, 8))], dtype=float)
#: Up to so many servers the mean wait is solved.
MOST_SOLVED: Final = 24
#: The chances at which the law is known; it is uniform between two of them.
_CHANCES: Final = np.concatenate([np.linspace(0.0, 0.98, 197), 1.0 - np.geomspace(0.02, 1e-9, 80)[1:]])
#: Cells of the lattice on which the steps are added up.
_CELLS: Final = 1 << 14
_TAILS: Final = np.array([0.5, 0.05, 0.01])


class Table(NamedTuple):
    """What one law comes to with one number of servers, by utilisation.

    ``longer``: the mean wait of all requests, in parts of ``(1 + scv) / 2`` times that of M/M/c. ``times``: p50, p95
    and p99 of the response, multiplied by the share of the servers that is idle; unit is the mean service time.
    """

    longer: Floats
    times: Floats


class Service(NamedTuple):
    """A law of the service time with mean 1: where it is (``at``), the chance to be longer, and what is beyond."""

    at: Floats
    longer: Floats
    beyond: Floats
    scv: float
    third: float

    @classmethod
    def of(cls, law: Law, scv: float, third: float) -> Service:
        """Lay the law's quantiles out."""
        at = np.array(law.quantiles(_CHANCES.tolist()))
        longer = 1.0 - _CHANCES
        parts = np.diff(at) * (longer[1:] + longer[:-1]) / 2.0
        mean = at[0] + parts.sum()
        beyond = np.append(np.cumsum(parts[::-1])[::-1], 0.0) / mean
        return cls(at / mean, longer, beyond, scv, third)

    def tail(self, t: Floats) -> Floats:
        """The chance that a service takes longer."""
        out: Floats = np.interp(t, self.at, self.longer, left=1.0, right=0.0)
        return out

    def rest(self, t: Floats) -> Floats:
        """The chance that a service which is found under way has longer to go."""
        i = np.clip(np.searchsorted(self.at, t, side="right") - 1, 0, len(self.at) - 2)
        left, right = self.at[i], self.at[i + 1]
        width = right - left
        part = np.clip((t - left) / np.where(width > 0.0, width, 1.0), 0.0, 1.0)
        now = self.longer[i] + (self.longer[i + 1] - self.longer[i]) * part
        inside = self.beyond[i + 1] + (right - np.clip(t, left, right)) * (now + self.longer[i + 1]) / 2.0
        out: Floats = np.where(t < self.at[0], self.beyond[0] + self.at[0] - t, inside)
        return out


class Steps(NamedTuple):
    """A geometric number of remaining service times, as chances and lengths."""

    chances: Floats
    lengths: Floats


def steps_of(service: Service, load: float) -> Steps:
    """Add up remaining service times, ``load`` the chance of each further one."""
    span = 16.0 * (1.0 + service.scv) / 2.0 / (1.0 - load)
    cell = span / _CELLS
    edges = np.maximum((np.arange(_CELLS + 1) - 0.5) * cell, 0.0)
    over = service.rest(edges)
    one = over[:-1] - over[1:]
    one[-1] += over[-1]
    spectrum = np.fft.rfft(one, 2 * _CELLS)
    every = np.maximum(np.fft.irfft((1.0 - load) / (1.0 - load * spectrum), 2 * _CELLS)[:_CELLS], 0.0)
    every /= every.sum()
    # A hundred and fifty groups of cells, finer towards the end, each at its mean.
    above = np.concatenate([[1.0], 1.0 - np.cumsum(every)])[:-1]
    levels = np.concatenate([np.linspace(1.0, 0.1, 80), np.geomspace(0.1, 1e-5, 80)[1:]])
    starts = np.unique(np.searchsorted(-above, -levels))
    starts = starts[starts < _CELLS]
    starts[0] = 0
    chances = np.add.reduceat(every, starts)
    lengths = np.add.reduceat(every * np.arange(_CELLS) * cell, starts)
    some = chances > 0.0
    return Steps(chances[some], lengths[some] / chances[some])


class Tables:
    """The tables of one law; those of a number of servers are made when it is first asked for."""

    def __init__(self, law: Law, scv: float, third: float) -> None:
        self.service = Service.of(law, scv, third)
        self._steps = [steps_of(self.service, float(load)) for load in LOADS]
        self._fits = (balanced(scv), third_moment(scv, third))
        self._made: dict[int, Table] = {}

    def look_up(self, servers: Floats, load: Floats) -> tuple[Floats, Floats]:
        """Return ``longer`` and the three percentiles, for at least one and at most ``SERVERS[-1]`` servers."""
        below = np.clip(np.searchsorted(SERVERS, servers, side="right") - 1, 0, len(SERVERS) - 2)
        low, high = SERVERS[below], SERVERS[below + 1]
        part = (servers - low) / (high - low)
        left = np.clip(np.searchsorted(LOADS, load, side="right") - 1, 0, len(LOADS) - 2)
        along = (load - LOADS[left]) / (LOADS[left + 1] - LOADS[left])
        longer, times = np.zeros(len(load)), np.zeros((3, len(load)))
        for rows, share in ((below, 1.0 - part), (below + 1, part)):
            for row in np.unique(rows[share > 0.0]):
                at = np.flatnonzero((rows == row) & (share > 0.0))
                table = self._table(int(row))
                i, a = left[at], along[at]
                longer[at] += share[at] * ((1.0 - a) * table.longer[i] + a * table.longer[i + 1])
                times[:, at] += share[at] * ((1.0 - a) * table.times[:, i] + a * table.times[:, i + 1])
        return longer, times / (1.0 - load)

    def _table(self, row: int) -> Table:
        made = self._made.get(row)
        if made is None:
            made = self._made[row] = self._make(int(SERVERS[row]))
        return made

    def _make(self, servers: int) -> Table:
        from ecssim.workload.queueing import erlang_c, longer_wait

        service = self.service
        c = np.full(len(LOADS), float(servers))
        chances = erlang_c(c, LOADS)
        first = (1.0 + service.scv) / 2.0
        plain = chances / (servers * (1.0 - LOADS))
        means = plain * longer_wait(c, LOADS, service.scv)
        grid = np.concatenate([[0.0], np.geomspace(1e-4, service.at[-1], 160)])
        none_free = service.rest(grid) ** servers
        soonest = float((np.diff(grid) * (none_free[1:] + none_free[:-1]) / 2.0).sum())
        weights, delays = none_free[:-1] - none_free[1:], (grid[1:] + grid[:-1]) / 2.0
        weights, delays = weights[weights > 1e-9], delays[weights > 1e-9]
        weights = weights / weights.sum()
        delays = delays * soonest / float((weights * delays).sum())
        longer, times = np.ones(len(LOADS)), np.empty((3, len(LOADS)))
        for k, load in enumerate(LOADS):
            chance, mean = float(chances[k]), float(means[k])
            # Where next to nobody waits, rounding would be all that is solved.
            if 1 < servers <= MOST_SOLVED and load > 0.0 and chance > 1e-8:
                chance, mean = _between(servers, float(load), self._fits)
            if plain[k] > 0.0:
                longer[k] = mean / (plain[k] * first)
            usual = soonest + load / (1.0 - load) * first / servers
            scale = mean / (chance * usual) if chance > 1e-12 else 1.0
            times[:, k] = self._percentiles(chance, weights, delays * scale, k, scale / servers) * (1.0 - load)
        # No light traffic is solved below the first utilisation: its ratio holds down to 0.
        longer[0] = longer[1]
        return Table(np.round(longer, 7), np.round(times, 7))

    def _percentiles(self, chance: float, weights: Floats, delays: Floats, k: int, unit: float) -> Floats:
        """p50, p95 and p99 of service, and with ``chance`` the first delay and the steps of load ``k`` before it."""
        service, steps = self.service, self._steps[k]
        lengths = steps.lengths * unit
        near = np.concatenate([[0.0], np.geomspace(1e-3, service.at[-1] + delays[-1], 400)])
        both = (weights[:, None] * service.tail(near - delays[:, None])).sum(axis=0)
        t = np.concatenate([[0.0], np.geomspace(1e-2, service.at[-1] + delays[-1] + lengths[-1], 300)])
        late = (steps.chances[:, None] * np.interp(t - lengths[:, None], near, both, left=1.0, right=0.0)).sum(axis=0)
        longer = np.maximum((1.0 - chance) * service.tail(t) + chance * late, 1e-12)
        out: Floats = np.interp(-np.log(_TAILS), -np.log(longer), t)
        return out


def _between(servers: int, load: float, fits: tuple[Branches, Branches]) -> tuple[float, float]:
    """The chance to wait and the mean wait of all requests, between those of the two solved queues."""
    (chance, wait), (other, shorter) = (waits(servers, load, fit) for fit in fits)
    return float(np.sqrt(chance * other)), float(np.sqrt(wait * shorter))


@lru_cache(maxsize=64)
def tables_of(law: Law, scv: float, third: float) -> Tables:
    """The tables of a law, made once."""
    return Tables(law, scv, third)
