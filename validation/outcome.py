"""One line of the validation page: a measured figure, what was simulated, and whether they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BAND = (5.0, 95.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one figure of a measurement came to.

    ``within``: it meets its bound; None where there is nothing to meet. ``n``: how many measured figures it is;
    ``cause``: for a miss, what is behind it.
    """

    figure: str
    measured: str
    simulated: str
    error: str
    n: int
    within: bool | None
    cause: str = ""
    #: How many of single samples lie in the simulated band; None for other figures.
    inside: int | None = None


def number(value: float) -> str:
    """A figure with as many digits as it deserves."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}".removesuffix(".0")


def band_of(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """The simulated 90 % band and the median."""
    known = np.asarray(values, dtype=float)
    known = known[~np.isnan(known)]
    low, middle, high = np.percentile(known, [BAND[0], 50.0, BAND[1]])
    return float(low), float(middle), float(high)


def in_band(
    figure: str,
    measured: Sequence[float],
    simulated: Sequence[float] | np.ndarray,
    *,
    unit: str = "s",
    cause: str = "",
    digits: float = 0.05,
) -> Outcome:
    """Hold each measured figure against the simulated 90 % band; ``digits`` is half of the last digit published."""
    low, middle, high = band_of(simulated)
    inside = [low - digits <= value <= high + digits for value in measured]
    typical = float(np.median(np.asarray(measured, dtype=float)))
    shown = ", ".join(number(value) for value in measured)
    return Outcome(
        figure,
        f"{shown} {unit}",
        f"{number(low)} to {number(high)} {unit}, median {number(middle)}",
        f"{sum(inside)} of {len(inside)} inside; median {typical / middle - 1.0:+.0%} of the simulated",
        len(measured),
        all(inside),
        "" if all(inside) else cause,
        sum(inside),
    )


def within_range(
    figure: str, low: float, high: float, simulated: Sequence[float] | np.ndarray, *, unit: str, cause: str = ""
) -> Outcome:
    """Hold the simulated median against a published range."""
    band_low, middle, band_high = band_of(simulated)
    ok = low <= middle <= high
    published = f"{number(low)} to {number(high)} {unit}" if high < float("inf") else f"at least {number(low)} {unit}"
    if low == 0.0:
        published = f"at most {number(high)} {unit}"
    nearest = low if middle < low else high
    return Outcome(
        figure,
        published,
        f"median {number(middle)} {unit} ({number(band_low)} to {number(band_high)})",
        "median inside" if ok else f"median {middle / nearest - 1.0:+.0%} of the nearer end",
        1,
        ok,
        "" if ok else cause,
    )
