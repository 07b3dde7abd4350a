"""Luck is addressed, not consumed: ``luck(purpose, entity)[k]`` is the same number whoever asks, and when.

Launch k of a service owns its draws whether or not earlier launches used theirs, so that variants of a scenario
pair launch by launch and a new service shifts nobody else's draws (common random numbers).
"""

from __future__ import annotations

from hashlib import blake2b
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from ecssim.workload.distributions import Law

Floats = npt.NDArray[np.float64]

BLOCK: Final = 64
#: Columns of a launch's block: how many normals and how many uniforms one launch owns.
COLUMNS: Final = 12


def words(*parts: str) -> tuple[int, ...]:
    """Hash the parts, each with its length in front, to four 32-bit words: a key that no other parts share."""
    h = blake2b(digest_size=16)
    for part in parts:
        raw = part.encode()
        h.update(len(raw).to_bytes(4, "little"))
        h.update(raw)
    d = h.digest()
    return tuple(int.from_bytes(d[i : i + 4], "little") for i in range(0, 16, 4))


class Draws:
    """The uniforms of one (purpose, entity): ``draws[k]`` in [0, 1)."""

    __slots__ = ("_base", "_gen", "_key", "_seed", "_values")

    def __init__(self, seed: int, key: tuple[int, ...]) -> None:
        self._seed = seed
        self._key = key
        self._gen: np.random.Generator | None = None
        self._base = -64
        self._values: list[float] = []

    def __getitem__(self, k: int) -> float:
        i = k - self._base
        if 0 <= i < 64 and self._gen is not None:
            return self._values[i]
        if self._gen is None or i < 0:
            self._gen = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=self._key))
            self._base = -64
        while k - self._base >= 64:
            self._values = self._gen.random(64).tolist()
            self._base += 64
        return self._values[k - self._base]


class LaunchDraws:
    """The draws of one owner's launches, in blocks of 64: normals ``z`` and uniforms ``u``, (64, COLUMNS) each."""

    __slots__ = ("_blocks", "_gen", "_key", "_next", "_seed")

    def __init__(self, seed: int, key: tuple[int, ...]) -> None:
        self._seed = seed
        self._key = key
        self._gen: np.random.Generator | None = None
        self._next = 0
        self._blocks: dict[int, tuple[Floats, Floats]] = {}

    def block(self, b: int) -> tuple[Floats, Floats]:
        """Return block ``b``: the draws of launches 64 b to 64 b + 63."""
        got = self._blocks.get(b)
        if got is not None:
            return got
        if self._gen is None or b < self._next:
            self._gen = np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=self._key))
            self._next = 0
        while self._next <= b:
            z = self._gen.standard_normal((BLOCK, COLUMNS))
            u = self._gen.random((BLOCK, COLUMNS))
            self._blocks[self._next] = (z, u)
            self._next += 1
        while len(self._blocks) > 2:
            del self._blocks[min(self._blocks)]
        return self._blocks.get(b, (z, u))


class Luck:
    """All chance of one run: a root seed, and named streams derived from it."""

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError("a seed is zero or more")
        self.seed = seed
        self._draws: dict[tuple[str, ...], Draws] = {}

    def __call__(self, purpose: str, *entity: str) -> Draws:
        """Return the uniforms of ``(purpose, entity)``; index them by the launch or event number."""
        key = (purpose, *entity)
        got = self._draws.get(key)
        if got is None:
            got = self._draws[key] = Draws(self.seed, words(*key))
        return got

    def number(self, *parts: str) -> float:
        """Return one uniform in [0, 1) that belongs to ``parts``: for draws that are few and far between."""
        first, second, *_ = words(str(self.seed), *parts)
        return ((first << 21) | (second >> 11)) * 2.0**-53

    def value(self, law: Law, *parts: str) -> float:
        """Return one value of ``law`` that belongs to ``parts``."""
        u = self.number("u", *parts)
        z = NormalDist().inv_cdf(max(self.number("z", *parts), 2.0**-53))
        return float(law.values_of(np.array([z]), np.array([u]))[0])

    def launches(self, *owner: str) -> LaunchDraws:
        """Return the blocks of draws that the launches of ``owner`` own."""
        return LaunchDraws(self.seed, words("launch", *owner))

    def generator(self, purpose: str, *entity: str) -> np.random.Generator:
        """Return a generator of its own for an exogenous history (arrivals, noise, reclaims)."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=words(purpose, *entity)))
