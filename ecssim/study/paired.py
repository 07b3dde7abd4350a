"""Paired differences: two ways of doing something under the same luck, seed by seed.

Because both runs of a seed meet the same arrivals, start-up times and reclaims, what differs is the doing; the
variance of the difference is smaller than that of two independent runs, and ``variance_reduction`` says by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Interval = Literal["t", "bootstrap"]

RESAMPLES = 4_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval at ``confidence``; the bounds are NaN where one run cannot tell."""

    mean: float
    low: float
    high: float
    pairs: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more of a measure the second has than the first.

    ``variance_reduction`` is 1 - var(difference) / (var first + var second): 0 is what independent runs would have,
    1 that luck has no part in the difference any more, NaN that neither varies.
    """

    mean: float
    low: float
    high: float
    pairs: int
    variance_reduction: float

    @property
    def clear(self) -> bool:
        """Whether the interval is on one side of zero: the difference is not luck."""
        return self.low > 0.0 or self.high < 0.0


def estimate(values: Sequence[float], confidence: float, interval: Interval) -> Estimate:
    """The mean of one number over the seeds."""
    known = _known(np.asarray(values, dtype=np.float64))
    low, high = bounds(known, confidence, interval)
    return Estimate(float(known.mean()) if len(known) else float("nan"), low, high, len(known))


def difference(first: Sequence[float], second: Sequence[float], confidence: float, interval: Interval) -> Difference:
    """The paired difference second - first over the seeds that have both."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    d = b - a
    low, high = bounds(d, confidence, interval)
    return Difference(float(d.mean()) if len(d) else float("nan"), low, high, len(d), variance_reduction(a, b))


def variance_reduction(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """What pairing took off the variance of the difference, as a share (see :class:`Difference`)."""
    if len(a) < 2:
        return float("nan")
    apart = float(np.var(a, ddof=1) + np.var(b, ddof=1))
    return 1.0 - float(np.var(b - a, ddof=1)) / apart if apart > 0.0 else float("nan")


def bounds(values: npt.NDArray[np.float64], confidence: float, interval: Interval) -> tuple[float, float]:
    """The interval of the mean: Student's t, or the percentiles of resampled means for skewed numbers."""
    n = len(values)
    if n < 2:
        return float("nan"), float("nan")
    mean = float(values.mean())
    if float(np.ptp(values)) == 0.0:
        return mean, mean
    if interval == "t":
        from scipy.stats import t

        half = float(t.ppf(0.5 + confidence / 2.0, n - 1)) * float(values.std(ddof=1)) / float(np.sqrt(n))
        return mean - half, mean + half
    # Resampling has luck of its own: always the same, so that a comparison says the same twice.
    picks = np.random.default_rng(20_26).integers(0, n, size=(RESAMPLES, n))
    low, high = np.quantile(values[picks].mean(axis=1), [0.5 - confidence / 2.0, 0.5 + confidence / 2.0])
    return float(low), float(high)


def _known(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    known: npt.NDArray[np.float64] = values[~np.isnan(values)]
    return known
