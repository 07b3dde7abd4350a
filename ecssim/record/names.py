"""Names in tables: the codes that rows carry, and the strings behind them.

A pool is a dictionary that gives a new string the next code, so that the hot path pays one subscript::

    reasons = recorder.names.pool("text")
    reasons["Essential container in task exited"]   # 1 at first, and 1 ever after
    reasons[None]                                   # 0, which is null

Strings are appended to the table ``_names`` when they get their code, so that the codes of a killed run can
be read. Codes follow the order of the run alone: the same run gives the same codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from ecssim.record.codes import FIXED_POOLS

if TYPE_CHECKING:
    from ecssim.record.schema import TableSchema

_DIGEST_BYTES = 16


class Pool(dict[str | None, int]):
    """One name pool: subscripting with a new string gives it the next code and records it."""

    __slots__ = ("_last", "_rows", "name")

    def __init__(self, name: str, rows: list[tuple[str, int, str]]) -> None:
        super().__init__({None: 0})
        self.name = name
        self._rows = rows
        self._last = 0

    def __missing__(self, text: str) -> int:
        code = self[text] = self.fresh(text)
        return code

    def fresh(self, text: str) -> int:
        """A code for ``text`` that nobody will ask for again: memory forgets the string once it is written.

        For sentences that name a moment (a service event, an alarm's reason) and will not repeat.
        """
        self._last += 1
        # Lone surrogates can come in through JSON escapes and have no UTF-8; show them as they were written.
        self._rows.append((self.name, self._last, text.encode("utf-8", "backslashreplace").decode("utf-8")))
        return self._last


class Names:
    """All name pools of a run and the table ``_names``; for sinks it looks like a ``Table``.

    The fixed pools of :mod:`ecssim.record.codes` are there from the first, with the codes promised there.
    """

    __slots__ = ("_digest", "_gone", "_pools", "_rows", "schema")

    #: Names come one by one, never as a whole tick.
    chunk_bytes = 0

    def __init__(self, schema: TableSchema, fixed: Mapping[str, tuple[str, ...]] = FIXED_POOLS) -> None:
        self.schema = schema
        self._rows: list[tuple[str, int, str]] = []
        self._gone = 0
        self._digest = blake2b(digest_size=_DIGEST_BYTES)
        self._pools: dict[str, Pool] = {}
        for name, texts in fixed.items():
            pool = self.pool(name)
            for text in texts:
                _ = pool[text]

    def pool(self, name: str) -> Pool:
        """The pool ``name``, made when it is first asked for."""
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = Pool(name, self._rows)
        return pool

    def pools(self) -> Iterator[Pool]:
        """Every pool there is so far."""
        yield from self._pools.values()

    def code(self, pool: str, text: str | None) -> int:
        """The code of ``text`` in ``pool``; ``None`` is 0."""
        return self.pool(pool)[text]

    def full_at(self, rows: int) -> tuple[Sized, int]:
        """What holds the pending rows, and its length when they are ``rows``."""
        return self._rows, rows

    @property
    def pending(self) -> int:
        """Rows that have not left for the sink yet."""
        return len(self._rows)

    @property
    def rows(self) -> int:
        """Rows recorded since the start of the run."""
        return self._gone + len(self._rows)

    def peek(self, start: int, stop: int) -> np.ndarray:
        """A copy of the pending rows ``start`` to ``stop``."""
        return np.array(self._rows[start:stop], dtype=self.schema.dtype)

    def take(self, count: int) -> np.ndarray:
        """Remove the oldest ``count`` pending rows and hand them out; they enter the digest here."""
        chunk = self.peek(0, count)
        for pool, code, text in self._rows[:count]:
            row = f"{pool}\0{code}\0{text}".encode()
            self._digest.update(len(row).to_bytes(4, "little") + row)
        del self._rows[:count]
        self._gone += len(chunk)
        return chunk

    def digest(self) -> str:
        """The digest of all rows that have left, in hexadecimal."""
        return self._digest.hexdigest()
