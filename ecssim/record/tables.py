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

    __slots__ = ("_chunks", "_digest", "_gone", "_width", "buffer", "chunk_bytes", "pack", "schema")

    def __init__(self, schema: TableSchema) -> None:
        packer = struct.Struct(schema.format)
        self.schema = schema
        self.pack: Callable[..., bytes] = packer.pack
        # Whole ticks wait as they came, before the rows of the buffer: they are copied once, when they leave.
        self._chunks: list[np.ndarray] = []
        self.chunk_bytes = 0
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
        """Record a whole tick of rows at once; ``rows`` has the table's dtype and is the table's from now on."""
        if rows.dtype != self.schema.dtype:
            raise TypeError(f"{self.schema.name} takes rows of {self.schema.dtype}, not of {rows.dtype}")
        if self.buffer:
            self._keep(np.frombuffer(bytes(self.buffer), dtype=self.schema.dtype))
            self.buffer.clear()
        self._keep(np.ascontiguousarray(rows))

    def _keep(self, chunk: np.ndarray) -> None:
        self._chunks.append(chunk)
        self.chunk_bytes += chunk.nbytes

    def full_at(self, rows: int) -> tuple[Sized, int]:
        """The buffer, and its length with ``chunk_bytes`` when ``rows`` rows are pending: a cheap test."""
        return self.buffer, rows * self._width

    @property
    def pending(self) -> int:
        """Rows that have not left for the sink yet."""
        return (self.chunk_bytes + len(self.buffer)) // self._width

    @property
    def rows(self) -> int:
        """Rows recorded since the start of the run."""
        return self._gone + self.pending

    def peek(self, start: int, stop: int) -> np.ndarray:
        """A copy of the pending rows ``start`` to ``stop``."""
        return np.frombuffer(self._packed(start, stop), dtype=self.schema.dtype)

    def take(self, count: int) -> np.ndarray:
        """Remove the oldest ``count`` pending rows and hand them out; they enter the digest here."""
        packed = self._packed(0, count)
        left = len(packed)
        while self._chunks and left:
            chunk = self._chunks[0]
            if chunk.nbytes > left:
                self._chunks[0] = chunk[left // self._width :]
                self.chunk_bytes -= left
                left = 0
            else:
                del self._chunks[0]
                self.chunk_bytes -= chunk.nbytes
                left -= chunk.nbytes
        del self.buffer[:left]
        self._digest.update(packed)
        self._gone += len(packed) // self._width
        return np.frombuffer(packed, dtype=self.schema.dtype)

    def _packed(self, start: int, stop: int) -> bytes:
        """The bytes of the pending rows ``start`` to ``stop``."""
        width, at = self._width, 0
        pieces: list[bytes | memoryview] = []
        for chunk in self._chunks:
            if at >= stop:
                break
            if at + len(chunk) > start:
                pieces.append(chunk[max(0, start - at) : stop - at].view(np.uint8).data)
            at += len(chunk)
        # A copy, because a bytearray cannot grow while a view of it is alive.
        if stop > at:
            pieces.append(bytes(memoryview(self.buffer)[max(0, start - at) * width : (stop - at) * width]))
        return pieces[0] if len(pieces) == 1 and isinstance(pieces[0], bytes) else b"".join(pieces)

    def digest(self) -> str:
        """The digest of the packed bytes of all rows that have left, in hexadecimal."""
        return self._digest.hexdigest()[: 2 * _DIGEST_BYTES]
