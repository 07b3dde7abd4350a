"""Columns that both sides can use: Python scalars for one row between minutes, numpy views for all at the minute.

A scalar access to a numpy array costs as much as the arithmetic around it; :class:`array.array` does not, and a view
of the same memory serves the vectors.
"""

from __future__ import annotations

from array import array
from typing import Any, Final

import numpy as np
import numpy.typing as npt


class Columns:
    """Named columns of integers and floats with room to grow.

    ``columns[name][i]`` is a scalar; :meth:`view` the vector over the rows there are. Do not keep either across
    :meth:`add`: growing moves the memory.
    """

    __slots__ = ("_capacity", "_floats", "_integers", "_views", "columns", "count")

    def __init__(self, integers: tuple[str, ...], floats: tuple[str, ...], rows: int = 0) -> None:
        self._integers = integers
        self._floats = floats
        self._capacity = 0
        self._views: dict[str, npt.NDArray[Any]] = {}
        self.columns: dict[str, array[Any]] = {}
        self.count = rows
        self._grow(max(rows, 16))

    def _grow(self, capacity: int) -> None:
        """Move the columns to larger memory; views of the old memory are dropped first."""
        self._views.clear()
        for name in self._integers + self._floats:
            code = "d" if name in self._floats else "q"
            column = array(code, bytes(8 * capacity))
            old = self.columns.get(name)
            if old is not None:
                column[: self._capacity] = old
            self.columns[name] = column
            self._views[name] = np.frombuffer(column, dtype=np.float64 if code == "d" else np.int64)
        self._capacity = capacity

    def add(self) -> int:
        """Add a row of zeros; return its index."""
        if self.count == self._capacity:
            self._grow(self._capacity * 2)
        self.count += 1
        return self.count - 1

    def view(self, name: str) -> npt.NDArray[Any]:
        """Return the vector of a column; writing to it writes the rows."""
        return self._views[name][: self.count]

    def clear(self, i: int) -> None:
        """Make a row zeros again."""
        for name in self._integers:
            self.columns[name][i] = 0
        for name in self._floats:
            self.columns[name][i] = 0.0


#: A flow cell: the tasks of one service revision in one zone behind one target. Requests in flight, and of this
#: minute offered, served, failed by code; ``rate`` completions a second of one server, ``unloaded`` and ``base``
#: seconds of a response, ``server_seconds`` the servers integrated since the last close, ``minute_seconds`` since
#: the minute began, ``minute_idle`` those of them in which a task took less than its share; ``patience`` seconds after
#: which a request that waits times out, ``errors`` the share that a task answers with a status of 500 and more.
CELL_INTEGERS: Final = (
    "in_flight",
    "offered",
    "served",
    "f502",
    "f503",
    "f504",
    "f460",
    "f464",
    "retried",
    "target",
    "service",
    "revision",
    "zone",
)
CELL_FLOATS: Final = (
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
    "minute_idle",
    "patience",
    "errors",
)
