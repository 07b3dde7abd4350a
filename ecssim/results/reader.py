"""Reading a run folder back as packed rows: of a finished run, an interrupted one, a killed one.

A run that closed its folder says in the manifest how many rows each table has. One that was killed does not;
its tables are cut at the rows of the last committed hour, which are all there: in parts, and behind them in
the tail.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ecssim.errors import BadInput, Problem
from ecssim.record.arrow import arrow_schema, into_rows
from ecssim.record.folder import HOURS, MANIFEST, TABLES_DIR, TAIL, TAIL_START, part_name
from ecssim.record.schema import TABLES, TableSchema
from ecssim.record.sinks import Hour

if TYPE_CHECKING:
    import pyarrow as pa


class Source(Protocol):
    """Where a result's packed rows come from: a run folder, or the memory sink of a run without one."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What is known of the run."""

    @property
    def schema(self) -> Mapping[str, TableSchema]:
        """The tables, by name."""

    @property
    def hours(self) -> Sequence[Hour]:
        """The committed hours."""

    def load(self, name: str, columns: Sequence[str] | None = None) -> np.ndarray:
        """The rows of table ``name``, with at least ``columns`` (without: all)."""


def _damaged(path: Path, message: str) -> BadInput:
    return BadInput([Problem(str(path), 0, 0, message)])


class FolderSource:
    """The run folder ``folder``.

    :raises BadInput: if it holds no run, or a table does not have the rows that were committed.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.schema = {table.name: table for table in TABLES}
        self.manifest = self._read_manifest()
        self.hours = tuple(self._read_hours())

    def _read_manifest(self) -> dict[str, Any]:
        path = self.folder / MANIFEST
        try:
            manifest = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise _damaged(self.folder, f"holds no run: {MANIFEST}: {error.strerror}") from None
        except ValueError as error:
            raise _damaged(path, f"is not JSON: {error}") from None
        if not isinstance(manifest, dict) or "ecssim" not in manifest:
            raise _damaged(path, "is not the manifest of an ecssim run")
        return manifest

    def _read_hours(self) -> Iterator[Hour]:
        try:
            data = (self.folder / TABLES_DIR / HOURS).read_bytes()
        except OSError:
            return  # killed in its first hour
        # Without its line end a line was not written whole, and its hour not committed.
        for line in data.split(b"\n")[:-1]:
            hour = json.loads(line)
            yield Hour(hour["hour"], hour["t"], hour["rows"])

    def rows(self, name: str) -> int:
        """How many rows of table ``name`` can be relied on."""
        closed = self.manifest.get("tables")
        if closed is not None:
            # A table that this version knows and the version that wrote the folder did not is empty.
            return int(closed.get(name, {"rows": 0})["rows"])
        return self.hours[-1].rows.get(name, 0) if self.hours else 0

    def load(self, name: str, columns: Sequence[str] | None = None) -> np.ndarray:
        """The rows of table ``name`` that can be relied on; of ``columns`` alone, if given."""
        table, limit = self.schema[name], self.rows(name)
        kind = table.dtype
        if columns is not None:
            kind = np.dtype([(column, kind[column]) for column in columns])
        rows = np.empty(limit, dtype=kind)
        at = 0
        # A run that is still going may turn its tail into a part between our two looks: then look again.
        for _ in range(3):
            at = self._fill(table, rows)
            if at == limit:
                return rows
        raise _damaged(self.folder / TABLES_DIR / name, f"is damaged: it has {at} of {limit} rows")

    def _fill(self, table: TableSchema, rows: np.ndarray) -> int:
        import pyarrow.parquet as pq

        folder = self.folder / TABLES_DIR / table.name
        at = 0
        for number in count():
            path = folder / part_name(number)
            # A gap in the numbers ends the table: rows behind it have no known place.
            if at >= len(rows) or not path.exists():
                break
            with pq.ParquetFile(path) as file:
                # Only of a whole part is the schema that of the table: it is checked before columns are chosen.
                self._check(table, file.schema_arrow, path)
                part = file.read(columns=list(rows.dtype.names or ()))
            at = self._place(rows, at, at, part)
        tail = folder / TAIL
        if at < len(rows) and tail.exists():
            for start, batch in _tail_batches(tail):
                self._check(table, batch.schema, tail)
                at = self._place(rows, at, start, batch.select(list(rows.dtype.names or ())))
        return at

    @staticmethod
    def _check(table: TableSchema, schema: pa.Schema, path: Path) -> None:
        """Refuse a file of another version of ecssim."""
        if not schema.equals(arrow_schema(table)):
            raise _damaged(path, f"has other columns than table {table.name} of this version of ecssim")

    @staticmethod
    def _place(rows: np.ndarray, at: int, start: int, batch: pa.RecordBatch | pa.Table) -> int:
        """Put the rows of ``batch``, which is row ``start`` on, behind the ``at`` rows that are there."""
        stop = min(start + len(batch), len(rows))
        if start > at or stop <= at:
            return at
        into_rows(batch.slice(at - start, stop - at), rows[at:stop])
        return stop


def _tail_batches(path: Path) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The whole batches of a tail with the row that each starts at; one cut short by a kill is none."""
    import pyarrow as pa

    try:
        with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as reader:
            start = int(reader.schema.metadata[TAIL_START])
            for batch in reader:
                yield start, batch
                start += len(batch)
    except (pa.ArrowInvalid, OSError):
        return


def name_book(rows: np.ndarray) -> dict[str, list[str | None]]:
    """The strings of each name pool by code, from the rows of ``_names``; code 0 is None."""
    book: dict[str, list[str | None]] = {}
    for pool, _, text in rows.tolist():
        # Codes of a pool count up by one in the order of the rows.
        book.setdefault(pool, [None]).append(text)
    return book
