"""Flow cells as columns: scalars for one cell between minutes, numpy views of the same memory for all at the minute.

A cell is the tasks of one service revision in one zone behind one target (a target group, or a service reached
directly). Its servers are tasks that take requests; ``server_seconds`` integrates them since the last close, so
that a change of the fleet in a calm minute costs one multiplication.
"""

from __future__ import annotations

from array import array
from typing import Any, Final

import numpy as np
import numpy.typing as npt

#: Integer columns: requests in flight; and of this minute: offered, served, failed by code.
INTEGERS: Final = ("in_flight", "offered", "served", "f502", "f503", "f504")
#: Float columns: see the module; ``rate`` completions a second of one server, ``unloaded`` and ``base`` seconds.
FLOATS: Final = (
    "carry",
    "rate",
    "unloaded",
    "base",
    "cores",
    "cpu_seconds",
    "memory",
    "servers",
    "server_seconds",
    "since",
    "minute_seconds",
)
#: Places in tables: target, service ordinal, revision, zone code.
PLACES: Final = ("target", "service", "revision", "zone")


class Cells:
    """The columns; ``cells.integers[name][i]`` is a Python scalar, ``cells.view(name)`` the numpy view."""

    def __init__(self, capacity: int = 64) -> None:
        self._capacity = 0
        self.count = 0
        self.columns: dict[str, array[Any]] = {}
        self._views: dict[str, npt.NDArray[Any]] = {}
        self._grow(capacity)

    def _grow(self, capacity: int) -> None:
        """Move the columns to larger memory; views of the old memory are dropped first."""
        self._views.clear()
        for name in INTEGERS + PLACES + FLOATS:
            code = "d" if name in FLOATS else "q"
            column = array(code, bytes(8 * capacity))
            old = self.columns.get(name)
            if old is not None:
                column[: self._capacity] = old
            self.columns[name] = column
            self._views[name] = np.frombuffer(column, dtype=np.float64 if code == "d" else np.int64)
        self._capacity = capacity

    def add(self, target: int, service: int, revision: int, zone: int, now: float, reuse: int = -1) -> int:
        """Make a cell, in the place of one that has ended if ``reuse`` names it; return its index."""
        if reuse >= 0:
            i = reuse
        else:
            if self.count == self._capacity:
                self._grow(self._capacity * 2)
            i = self.count
            self.count = i + 1
        for name, value in zip(PLACES, (target, service, revision, zone), strict=True):
            self.columns[name][i] = value
        self.columns["since"][i] = now
        return i

    def view(self, name: str) -> npt.NDArray[Any]:
        """Return the numpy view of a column over the cells there are; writing to it writes the cells."""
        return self._views[name][: self.count]

    def clear(self, i: int) -> None:
        """Forget a cell that has ended; its place can be used again."""
        for name in INTEGERS:
            self.columns[name][i] = 0
        for name in FLOATS:
            self.columns[name][i] = 0.0
