"""When requests arrive: the cumulative load of a stream, from a pattern or from a recorded trace.

A stream is a rate per minute, times noise that belongs to (seed, stream, minute) alone. Arrivals are integers: the
number until ``t`` is the floor of the cumulative load, so any cut of time conserves a trace exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MINUTE = 60.0
DAY = 86_400.0
#: Minutes of one block of rates.
BLOCK = 60


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
    """The load of each minute of a patterned stream: rate at the minute's middle, times its noise."""

    def __init__(self, pattern: Pattern, noise: float, draws: Callable[[int], Floats]) -> None:
        self.pattern = pattern
        self.noise = noise
        self._draws = draws

    def block(self, b: int) -> Floats:
        """Return the requests (not rounded) of each of the 60 minutes of block ``b``."""
        minutes = np.arange(b * BLOCK, (b + 1) * BLOCK, dtype=np.float64)
        load = self.pattern.rates(minutes * MINUTE + MINUTE / 2) * MINUTE
        if self.noise > 0:
            load = load * np.maximum(0.0, 1.0 + self.noise * self._draws(b))
        return np.maximum(load, 0.0)


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


#: Where a stream's requests come from.
Load = PatternLoad | TraceLoad | BurstyLoad
