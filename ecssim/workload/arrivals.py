"""When requests arrive: the cumulative load of a stream, from a pattern or from a recorded trace.

A stream is a rate per minute, times noise that belongs to (seed, stream, minute) alone. Arrivals are integers: the
number until ``t`` is the floor of the cumulative load, so any cut of time conserves a trace exactly.

Within a minute the rate is even, but for the minutes in which a pattern says otherwise: there the load is cut where the
rate changes (:class:`Piece`), to the second.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MINUTE = 60.0
DAY = 86_400.0
#: Minutes of one block of rates.
BLOCK = 60
#: A change so close to a whole minute (seconds) is one at the whole minute.
NEAR = 1e-6


class Piece(NamedTuple):
    """A stretch of a minute with an even rate: the part of the minute (0 to 1) that is over at its end, and the share
    of the minute's load that has come by then."""

    part: float
    share: float


#: The pieces of a block's minutes, by the minute of the run; those of an even rate are not listed.
Pieces = Mapping[int, tuple[Piece, ...]]


def share_until(pieces: Sequence[Piece], part: float) -> float:
    """The share of a minute's load that has come when ``part`` of it is over."""
    if part >= 1.0:
        return 1.0
    begin, before = 0.0, 0.0
    for end, share in pieces:
        if part <= end:
            return before + (share - before) * (part - begin) / (end - begin)
        begin, before = end, share
    return 1.0


def _cut(minute: int, times: Sequence[float], load: Callable[[float, float], float]) -> tuple[float, list[Piece]]:
    """The load of a minute whose rate changes at ``times``, and its pieces; ``load`` is that of a stretch of time."""
    edges = [minute * MINUTE, *sorted(times), (minute + 1) * MINUTE]
    loads = np.cumsum([load(begin, end) for begin, end in pairwise(edges)])
    total = float(loads[-1])
    if total <= 0.0:
        return 0.0, []
    parts = [(edge - edges[0]) / MINUTE for edge in edges[1:]]
    return total, [Piece(part, float(so_far) / total) for part, so_far in zip(parts, loads, strict=True)]


def _by_minute(times: Sequence[float], b: int) -> dict[int, list[float]]:
    """The times that lie inside of a minute of block ``b``, by minute: a change at a whole minute cuts nothing."""
    found: dict[int, set[float]] = {}
    for t in times:
        minute = int(t // MINUTE)
        if minute // BLOCK == b and NEAR < t - minute * MINUTE < MINUTE - NEAR:
            found.setdefault(minute, set()).add(t)
    return {minute: sorted(inside) for minute, inside in found.items()}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A rate over time. ``kind`` is constant, steps, stages, diurnal, weekly or spike; rates in requests per second.

    ``stages`` are the corners (time, rate) of a rate that goes from one to the next evenly.

    ``peak_at`` is seconds after midnight, ``midnight`` the time of day at t = 0 in seconds, ``weekday`` the day of the
    week at t = 0 (Monday 0), ``weekend`` the share of the weekday's load that Saturday and Sunday have.
    """

    kind: str
    base: float = 0.0
    peak: float = 0.0
    peak_at: float = 0.0
    at: float = 0.0
    lasts: float = 0.0
    ramp: float = 0.0
    steps: tuple[tuple[float, float], ...] = ()
    stages: tuple[tuple[float, float], ...] = ()
    weekend: float = 1.0
    midnight: float = 0.0
    weekday: int = 0

    def rates(self, t: Floats) -> Floats:
        """Return the rate at each ``t`` (seconds from start)."""
        match self.kind:
            case "constant":
                return np.full(len(t), self.base)
            case "steps":
                starts = np.array([s for s, _ in self.steps])
                values = np.array([r for _, r in self.steps])
                i = np.searchsorted(starts, t, side="right") - 1
                return np.where(i >= 0, values[np.maximum(i, 0)], 0.0)
            case "stages":
                corners = np.array([at for at, _ in self.stages]), np.array([rate for _, rate in self.stages])
                out: Floats = np.interp(t, *corners, right=0.0)
                return out
            case "spike":
                return self._spike(t)
            case _:
                return self._daily(t)

    def changes(self) -> tuple[float, ...]:
        """When the rate jumps or bends: it is constant or goes evenly in between, but for the daily kinds."""
        match self.kind:
            case "steps":
                return tuple(at for at, _ in self.steps)
            case "stages":
                return tuple(at for at, _ in self.stages)
            case "spike":
                end = self.at + self.lasts
                return self.at, self.at + self.ramp, end, end + self.ramp
            case _:
                return ()

    def load(self, begin: float, end: float) -> float:
        """Return the requests from ``begin`` to ``end``, between which the rate does not jump or bend."""
        return float(self.rates(np.array([(begin + end) / 2]))[0]) * (end - begin)

    def _daily(self, t: Floats) -> Floats:
        phase = (t + self.midnight - self.peak_at) / DAY
        rate = self.base + (self.peak - self.base) * (1.0 + np.cos(2.0 * np.pi * phase)) / 2.0
        if self.kind == "weekly":
            day = (self.weekday + np.floor((t + self.midnight) / DAY)) % 7
            rate = np.where(day >= 5, rate * self.weekend, rate)
        return rate

    def _spike(self, t: Floats) -> Floats:
        up = np.clip((t - self.at) / self.ramp, 0.0, 1.0) if self.ramp > 0 else (t >= self.at).astype(float)
        end = self.at + self.lasts
        down = np.clip((t - end) / self.ramp, 0.0, 1.0) if self.ramp > 0 else (t >= end).astype(float)
        return self.base + (self.peak - self.base) * (up - down)


class PatternLoad:
    """The load of each minute of a patterned stream, times its noise.

    The rate at the minute's middle; where it jumps or bends inside of the minute, the sum of its pieces.
    """

    def __init__(self, pattern: Pattern, noise: float, draws: Callable[[int], Floats]) -> None:
        self.pattern = pattern
        self.noise = noise
        self._draws = draws

    def block(self, b: int) -> Floats:
        """Return the requests (not rounded) of each of the 60 minutes of block ``b``."""
        minutes = np.arange(b * BLOCK, (b + 1) * BLOCK, dtype=np.float64)
        load = self.pattern.rates(minutes * MINUTE + MINUTE / 2) * MINUTE
        for minute, times in _by_minute(self.pattern.changes(), b).items():
            load[minute - b * BLOCK] = _cut(minute, times, self.pattern.load)[0]
        if self.noise > 0:
            load = load * np.maximum(0.0, 1.0 + self.noise * self._draws(b))
        return np.maximum(load, 0.0)

    def pieces(self, b: int) -> Pieces:
        """Return the pieces of the minutes in which the rate changes; noise is that of the whole minute."""
        changes = _by_minute(self.pattern.changes(), b)
        return {m: tuple(pieces) for m, times in changes.items() if (pieces := _cut(m, times, self.pattern.load)[1])}


@dataclass(frozen=True, slots=True)
class Burst:
    """For ``lasts`` seconds the load is ``factor`` times as high: at ``at``, or at random every ``every`` seconds."""

    factor: float
    lasts: float
    at: float = 0.0
    every: float = 0.0


class BurstyLoad:
    """A load with bursts on top; those at random times are a function of (seed, stream, hour) alone.

    ``draws`` gives uniform numbers of a burst's number and an hour.
    """

    def __init__(self, load: PatternLoad | TraceLoad, bursts: Sequence[Burst], draws: Callable[[int, int], Floats]):
        self.load = load
        self.bursts = tuple(bursts)
        self._draws = draws

    def block(self, b: int) -> Floats:
        """Return the requests of each of the 60 minutes of block ``b``."""
        out = self.load.block(b)
        edges = np.arange(b * BLOCK, (b + 1) * BLOCK + 1, dtype=np.float64) * MINUTE
        for number, burst in enumerate(self.bursts):
            more = np.zeros(BLOCK)
            for start in self._starts(number, burst, b):
                inside = np.minimum(edges[1:], start + burst.lasts) - np.maximum(edges[:-1], start)
                more = np.maximum(more, np.clip(inside / MINUTE, 0.0, 1.0))
            out = out * (1.0 + (burst.factor - 1.0) * more)
        return out

    def pieces(self, b: int) -> Pieces:
        """Return the pieces of the minutes in which the load's own rate changes, or a burst begins or ends."""
        found = dict(self.load.pieces(b))
        spans = [
            (number, start, start + burst.lasts)
            for number, burst in enumerate(self.bursts)
            for start in self._starts(number, burst, b)
        ]
        for minute, times in _by_minute([t for _, *span in spans for t in span], b).items():
            own = found.get(minute, ())

            def load(begin: float, end: float, first: float = minute * MINUTE, own: Sequence[Piece] = own) -> float:
                parts = (begin - first) / MINUTE, (end - first) / MINUTE
                quiet = share_until(own, parts[1]) - share_until(own, parts[0]) if own else parts[1] - parts[0]
                burning = {number for number, since, until in spans if since <= (begin + end) / 2 < until}
                return quiet * prod(self.bursts[number].factor for number in burning)

            edges = {*times, *((minute + piece.part) * MINUTE for piece in own[:-1])}
            found[minute] = tuple(_cut(minute, list(edges), load)[1])
        return {minute: pieces for minute, pieces in found.items() if pieces}

    def _starts(self, number: int, burst: Burst, b: int) -> list[float]:
        """When bursts begin that may reach into the block: gaps between them are exponential within an hour."""
        if burst.every <= 0.0:
            return [burst.at]
        starts = []
        for hour in (b - 1, b):
            if hour < 0:
                continue
            gaps = -burst.every * np.log1p(-self._draws(number, hour))
            times = np.cumsum(gaps)
            starts += [hour * BLOCK * MINUTE + float(at) for at in times if at < BLOCK * MINUTE]
        return starts


class TraceLoad:
    """The load of each minute of a recorded trace.

    ``times`` are seconds from the start of the run, ``counts`` the requests of the interval that begins there.
    Intervals longer than a minute are spread evenly; ``after``: what follows the trace's end.
    """

    def __init__(self, times: Sequence[float], counts: Sequence[float], interval: float, after: str) -> None:
        edges = np.append(np.asarray(times, dtype=np.float64), times[-1] + interval)
        self._edges = edges
        self._cumulative = np.concatenate([[0.0], np.cumsum(np.asarray(counts, dtype=np.float64))])
        self._last_rate = float(counts[-1]) / interval
        self.after = after

    def until(self, t: Floats) -> Floats:
        """Return the cumulative requests at each ``t``; exact at the trace's own edges."""
        inside: Floats = np.interp(t, self._edges, self._cumulative)
        end, total = self._edges[-1], self._cumulative[-1]
        beyond = t > end
        if not beyond.any() or self.after == "zero":
            return inside
        if self.after == "hold":
            return np.where(beyond, total + (t - end) * self._last_rate, inside)
        start = self._edges[0]
        length = end - start
        rounds = np.floor((t - start) / length)
        rest = np.interp((t - start) - rounds * length + start, self._edges, self._cumulative)
        return np.where(beyond, rounds * total + rest, inside)

    def block(self, b: int) -> Floats:
        """Return the requests of each of the 60 minutes of block ``b``."""
        edges = np.arange(b * BLOCK, (b + 1) * BLOCK + 1, dtype=np.float64) * MINUTE
        return np.diff(self.until(edges))

    def pieces(self, _: int) -> Pieces:
        """A trace says how many requests came in a minute, and nothing of when within it."""
        return {}


#: Where a stream's requests come from.
Load = PatternLoad | TraceLoad | BurstyLoad
