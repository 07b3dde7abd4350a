"""Durations and sizes that vary, as laws that turn addressed draws into values.

A law is asked for many values at once: it takes a column of standard normals and a column of uniforms and uses
the one it needs. Transcendental functions are numpy's alone, also for one value, since they differ from
``math``'s in the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Kind = Literal["constant", "exponential", "lognormal", "normal", "uniform", "empirical"]

#: The 95th percentile of the standard normal distribution.
Z95: Final = 1.6448536269514722


@dataclass(frozen=True, slots=True)
class Law:
    """One distribution of non-negative values.

    ``a`` and ``b`` are, by kind: constant (value, -), exponential (mean, -), lognormal (median, p95),
    normal (mean, sd; cut at 0), uniform (min, max), empirical (-, -; ``values``). A lognormal law has no lower end of
    its own: what is below ``least`` is ``least``.
    """

    kind: Kind
    a: float = 0.0
    b: float = 0.0
    values: tuple[float, ...] = field(default=())
    least: float = 0.0

    @property
    def median(self) -> float:
        """The value in the middle: what the ``fixed`` timing profile uses."""
        match self.kind:
            case "constant" | "lognormal" | "normal":
                return self.a
            case "exponential":
                return self.a * float(np.log(2.0))
            case "uniform":
                return (self.a + self.b) / 2
            case "empirical":
                ordered = sorted(self.values)
                return ordered[len(ordered) // 2]

    @property
    def mean(self) -> float:
        """The expected value."""
        match self.kind:
            case "constant" | "exponential" | "normal":
                return self.a
            case "lognormal":
                sigma = self.sigma
                return self.a * float(np.exp(sigma * sigma / 2))
            case "uniform":
                return (self.a + self.b) / 2
            case "empirical":
                return sum(self.values) / len(self.values)

    @property
    def sigma(self) -> float:
        """The standard deviation of the logarithm (lognormal only)."""
        return float(np.log(self.b / self.a)) / Z95 if self.a > 0 else 0.0

    @property
    def moments(self) -> tuple[float, float]:
        """The second and third moment about zero; those of a normal law without its cut at 0."""
        a, b = self.a, self.b
        match self.kind:
            case "exponential":
                return 2.0 * a**2, 6.0 * a**3
            case "lognormal":
                variance = self.sigma**2
                return a**2 * float(np.exp(2.0 * variance)), a**3 * float(np.exp(4.5 * variance))
            case "normal":
                return a**2 + b**2, a**3 + 3.0 * a * b**2
            case "uniform":
                return (a * a + a * b + b * b) / 3.0, (a + b) * (a * a + b * b) / 4.0
            case "empirical":
                n = len(self.values)
                return sum(v**2 for v in self.values) / n, sum(v**3 for v in self.values) / n
            case _:
                return a**2, a**3

    def quantiles(self, chances: Sequence[float]) -> list[float]:
        """The values that are not exceeded with these chances, in [0, 1)."""
        normal = NormalDist()
        u = np.array(chances)
        z = np.array([normal.inv_cdf(max(chance, 1e-6)) for chance in chances])
        return [float(value) for value in self.values_of(z, u)]

    def values_of(self, z: Floats, u: Floats) -> Floats:
        """Turn draws into values: ``z`` standard normals, ``u`` uniforms in [0, 1), same length."""
        match self.kind:
            case "constant":
                return np.full(len(z), self.a)
            case "exponential":
                return -self.a * np.log1p(-u)
            case "lognormal":
                values = self.a * np.exp(self.sigma * z)
                return np.maximum(values, self.least) if self.least else values
            case "normal":
                return np.maximum(0.0, self.a + self.b * z)
            case "uniform":
                return self.a + (self.b - self.a) * u
            case "empirical":
                ordered = np.sort(np.asarray(self.values))
                return ordered[np.minimum((u * len(ordered)).astype(np.int64), len(ordered) - 1)]

    def scaled(self, factor: float) -> Law:
        """The same law, ``factor`` times slower."""
        values = tuple(v * factor for v in self.values)
        return Law(self.kind, self.a * factor, self.b * factor, values, self.least * factor)

    def fixed(self) -> Law:
        """The law without noise: always its median."""
        return Law("constant", self.median)


def constant(value: float) -> Law:
    """A law that always gives ``value``."""
    return Law("constant", value)


def lognormal(median: float, p95: float, least: float = 0.0) -> Law:
    """A lognormal law by its median and 95th percentile, and what it is never below."""
    return Law("lognormal", median, p95, least=least)


def exponential(mean: float) -> Law:
    """An exponential law by its mean."""
    return Law("exponential", mean)


def uniform(low: float, high: float) -> Law:
    """A uniform law on [low, high)."""
    return Law("uniform", low, high)


def residual(law: Law, z: float, u: float, v: float) -> tuple[float, float]:
    """Return (age, rest) of an activity of this law that is found under way at a random moment.

    Long activities are found more often, in proportion to their length; the moment is uniform within the one
    that is found. ``z`` is a standard normal, ``u`` and ``v`` uniforms in [0, 1).
    """
    one = np.array([v])
    match law.kind:
        case "lognormal":
            length = max(law.least, law.a * float(np.exp(np.array([law.sigma * z + law.sigma**2]))[0]))
        case "exponential":
            # Memoryless: age and rest are independent and follow the law itself.
            return (
                float(-law.a * np.log1p(-one)[0]),
                float(-law.a * np.log1p(-np.array([u]))[0]),
            )
        case "uniform":
            length = float(np.sqrt(law.a**2 + (law.b**2 - law.a**2) * one)[0])
        case "empirical":
            ordered = np.sort(np.asarray(law.values))
            cumulative = np.cumsum(ordered)
            length = float(ordered[np.searchsorted(cumulative, v * cumulative[-1], side="right")])
        case "normal":
            # Size-biased normal: mean grows by sd^2 / mean.
            length = max(0.0, law.a + law.b**2 / law.a + law.b * z) if law.a > 0 else 0.0
        case _:
            length = law.a
    return length * (1.0 - u), length * u
