"""How far a simulated scale-out curve is from a measured one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from validation.measured import Curve

#: What a curve has to meet: mean absolute error in parts of the final count, and each time in parts of itself.
LARGEST_MEAN_ERROR = 0.05
LARGEST_TIME_ERROR = 0.15
SHARES = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True)
class CurveError:
    """The error of one simulated curve; times are (measured, simulated) to 10, 50 and 90 % of the final count."""

    final: float
    mean_error: float
    times: tuple[tuple[float, float], ...]

    @property
    def within(self) -> bool:
        """Whether it meets both bounds."""
        return self.mean_error <= LARGEST_MEAN_ERROR and all(
            abs(simulated / measured - 1.0) <= LARGEST_TIME_ERROR for measured, simulated in self.times
        )


def reached(times: Sequence[float], counts: Sequence[float], count: float) -> float:
    """When a curve first reaches ``count``, between its points on a straight line; NaN if it never does."""
    for i, now in enumerate(counts):
        if now >= count:
            if i == 0 or now == counts[i - 1]:
                return float(times[i])
            part = (count - counts[i - 1]) / (now - counts[i - 1])
            return float(times[i - 1] + part * (times[i] - times[i - 1]))
    return float("nan")


def running(started: np.ndarray, stopped: np.ndarray, times: Sequence[float]) -> np.ndarray:
    """How many tasks run at each of ``times``, from their times of start and stop (NaN: never)."""
    starts = np.sort(started[~np.isnan(started)])
    stops = np.sort(stopped[~np.isnan(started) & ~np.isnan(stopped)])
    at = np.asarray(times)
    return np.searchsorted(starts, at, "right") - np.searchsorted(stops, at, "right")


def error_of(measured: Curve, started: np.ndarray, stopped: np.ndarray) -> CurveError:
    """Hold tasks' times against a measured curve; what a curve misses of its final count counts as well."""
    times = [t for t, _ in measured]
    counts = [n for _, n in measured]
    final = counts[-1]
    simulated = running(started, stopped, times)
    fine = np.arange(0.0, times[-1] * 1.5, 1.0)
    fine_counts = running(started, stopped, fine.tolist())
    mean = float(np.mean(np.abs(simulated - np.asarray(counts)))) / final
    return CurveError(
        final,
        mean,
        tuple(
            (reached(times, counts, share * final), reached(fine.tolist(), fine_counts.tolist(), share * final))
            for share in SHARES
        ),
    )
