"""A packed append-only table: rows are bytes in one buffer until a part of them leaves for the sink.

Appending costs one ``struct`` pack; nothing is boxed and nothing is kept per row but its bytes. The engine's
hot path may append by itself::

    pack, buffer = table.pack, table.buffer     # both stay the same objects for the whole run
    buffer += pack(t, event, cause, task, status, desired, stop_code, reason)
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sized
from hashlib import sha256

import numpy as np

from ecssim.record.schema import TableSchema

_DIGEST_BYTES = 16


class Table:
    """The rows of one table that have not left for the sink yet, the count of all, and a running digest.

    ``pack`` packs the values of one row, in the order of the schema's columns; a value that does not fit its
    column raises ``struct.error``.
    """

    __slots__ = ("_digest", "_gone", "_width", "buffer", "pack", "schema")

    def __init__(self, schema: TableSchema) -> None:
        packer = struct.Struct(schema.format)
        self.schema = schema
        self.pack: Callable[..., bytes] = packer.pack
        self.buffer = bytearray()
        self._width = packer.size
        self._gone = 0
        self._digest = sha256()

    def append(self, *values: float) -> None:
        """Record one row; the values are in the order of the columns."""
        self.buffer += self.pack(*values)

    def new_rows(self, count: int) -> np.ndarray:
        """``count`` rows of zeros to be filled by column and given to :meth:`extend_array`."""
        return np.zeros(count, dtype=self.schema.dtype)

    def extend_array(self, rows: np.ndarray) -> None:
        """Record a whole tick of rows at once; ``rows`` has the table's dtype."""
        if rows.dtype != self.schema.dtype:
            raise TypeError(f"{self.schema.name} takes rows of {self.schema.dtype}, not of {rows.dtype}")
        self.buffer += np.ascontiguousarray(rows).view(np.uint8).data

    def full_at(self, rows: int) -> tuple[Sized, int]:
        """The buffer, and its length when ``rows`` rows are pending: a cheap test for every minute."""
        return self.buffer, rows * self._width

    @property
    def pending(self) -> int:
        """Rows that have not left for the sink yet."""
        return len(self.buffer) // self._width

    @property
    def rows(self) -> int:
        """Rows recorded since the start of the run."""
        return self._gone + self.pending

    def peek(self, start: int, stop: int) -> np.ndarray:
        """A copy of the pending rows ``start`` to ``stop``."""
        width = self._width
        # A copy, because a bytearray cannot grow while a numpy view of it is alive.
        return np.frombuffer(bytes(memoryview(self.buffer)[start * width : stop * width]), dtype=self.schema.dtype)

    def take(self, count: int) -> np.ndarray:
        """Remove the oldest ``count`` pending rows and hand them out; they enter the digest here."""
        packed = bytes(memoryview(self.buffer)[: count * self._width])
        del self.buffer[: len(packed)]
        self._digest.update(packed)
        self._gone += len(packed) // self._width
        return np.frombuffer(packed, dtype=self.schema.dtype)

    def digest(self) -> str:
        """The digest of the packed bytes of all rows that have left, in hexadecimal."""
        return self._digest.hexdigest()[: 2 * _DIGEST_BYTES]
