"""Where rows go: the sink protocol, the sink that keeps them in memory and the one that writes a run folder.

A folder sink never loses what it has committed, whenever the process dies: a part is renamed into its place
before the tail that has the same rows is dropped, a tail is in the hands of the operating system before its
hour is committed, and the manifest says ``complete`` before the last tails go.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ecssim.record import folder as layout
from ecssim.record.arrow import Batcher, parquet_options
from ecssim.record.schema import TableSchema

if TYPE_CHECKING:
    import pyarrow as pa

    from ecssim.record.folder import BeforeRename


@dataclass(frozen=True, slots=True)
class Hour:
    """A commit point: hour ``hour`` was over at ``t`` seconds, when the tables had ``rows`` rows."""

    hour: int
    t: float
    rows: Mapping[str, int]


class Sink(Protocol):
    """What a recorder needs of the place where its rows go."""

    keeps_tails: bool
    """Whether :meth:`tail` does anything, that is, whether rows must survive the process."""

    def begin(self, schema: Sequence[TableSchema], manifest: Mapping[str, Any]) -> None:
        """The run starts."""

    def part(self, name: str, rows: np.ndarray) -> None:
        """Take the next part of table ``name``: the rows that follow those of its last part."""

    def tail(self, name: str, start: int, rows: np.ndarray) -> None:
        """Keep rows that are not in a part yet, the first being row ``start`` of the table."""

    def commit(self, hour: int, t: float, rows: Mapping[str, int]) -> None:
        """All rows up to ``rows`` of each table have been handed over: a reader may rely on them."""

    def close(self, manifest: Mapping[str, Any]) -> None:
        """The run ends; ``manifest`` has ```complete``` and, for each table, its rows and digest."""


class MemorySink:
    """Keeps the packed rows of a run in memory, where the results read them."""

    keeps_tails = False

    def __init__(self) -> None:
        self.manifest: dict[str, Any] = {}
        self.schema: dict[str, TableSchema] = {}
        self.hours: list[Hour] = []
        self._parts: dict[str, list[np.ndarray]] = {}

    def begin(self, schema: Sequence[TableSchema], manifest: Mapping[str, Any]) -> None:
        """Start the run with empty tables."""
        self.schema = {table.name: table for table in schema}
        self._parts = {table.name: [] for table in schema}
        self.manifest = {**manifest, "complete": False}

    def part(self, name: str, rows: np.ndarray) -> None:
        """Keep the rows."""
        self._parts[name].append(rows)

    def tail(self, name: str, start: int, rows: np.ndarray) -> None:
        """Keep nothing: the rows come again with their part."""

    def commit(self, hour: int, t: float, rows: Mapping[str, int]) -> None:
        """Note the hour."""
        self.hours.append(Hour(hour, t, dict(rows)))

    def close(self, manifest: Mapping[str, Any]) -> None:
        """Finish the manifest."""
        self.manifest.update(manifest)

    def load(self, name: str, columns: Sequence[str] | None = None) -> np.ndarray:
        """All rows of table ``name`` that have been handed over."""
        parts = self._parts[name]
        if len(parts) > 1:
            # Joined once: a reader comes again, and a day's table is large.
            self._parts[name] = parts = [np.concatenate(parts)]
        return parts[0] if parts else np.empty(0, self.schema[name].dtype)


class FolderSink:
    """Writes the rows of a run into a run folder that a reader can open at any moment, also of a killed run.

    :param folder: the run folder; checked here, taken when the run begins.
    :param before_rename: called between the writing of a file and its rename (a hook for kill tests).
    :raises BadInput: if the folder is not empty and holds no run of ecssim.
    """

    keeps_tails = True

    def __init__(self, folder: str | Path, before_rename: BeforeRename | None = None) -> None:
        self.folder = Path(folder)
        self.manifest: dict[str, Any] = {}
        self._before_rename = before_rename
        self._batchers: dict[str, Batcher] = {}
        self._parts: dict[str, int] = {}
        self._tails: dict[str, tuple[pa.OSFile, pa.RecordBatchStreamWriter]] = {}
        layout.check(self.folder)

    def begin(self, schema: Sequence[TableSchema], manifest: Mapping[str, Any]) -> None:
        """Take the folder, write the first manifest and make a folder for each table."""
        from ecssim import __version__

        self.manifest = {"ecssim": __version__, **manifest, "complete": False}
        layout.take(self.folder, self.manifest, self._before_rename)
        self._batchers = {table.name: Batcher(table) for table in schema}
        self._parts = dict.fromkeys(self._batchers, 0)
        for name in self._batchers:
            self._table(name).mkdir()

    def _table(self, name: str) -> Path:
        return self.folder / layout.TABLES_DIR / name

    def part(self, name: str, rows: np.ndarray) -> None:
        """Write the rows as the next part of the table, and forget its tail: the part has the tail's rows."""
        self._write_part(name, self._batchers[name].batch(rows))
        self._drop_tail(name)

    def _write_part(self, name: str, batch: pa.RecordBatch) -> None:
        import pyarrow.parquet as pq

        final = self._table(name) / layout.part_name(self._parts[name])
        hidden = final.with_name(f".{final.name}")
        with pq.ParquetWriter(hidden, batch.schema, **parquet_options(batch.schema)) as writer:
            writer.write_batch(batch)
        if self._before_rename is not None:
            self._before_rename(final)
        os.replace(hidden, final)
        self._parts[name] += 1

    def _drop_tail(self, name: str) -> None:
        tail = self._tails.pop(name, None)
        if tail is not None:
            file, _ = tail
            # Without the writer's end mark: nobody reads the file any more.
            file.close()
            (self._table(name) / layout.TAIL).unlink()

    def tail(self, name: str, start: int, rows: np.ndarray) -> None:
        """Append the rows to the table's tail as one batch, and hand it to the operating system."""
        import pyarrow as pa

        batcher = self._batchers[name]
        if name not in self._tails:
            schema = batcher.schema
            # With the starting row a reader can drop what a part has already, should we die in between.
            metadata = {**(schema.metadata or {}), layout.TAIL_START: str(start).encode()}
            file = pa.OSFile(str(self._table(name) / layout.TAIL), "wb")
            self._tails[name] = (file, pa.ipc.new_stream(file, schema.with_metadata(metadata)))
        file, writer = self._tails[name]
        writer.write_batch(batcher.batch(rows))
        file.flush()

    def commit(self, hour: int, t: float, rows: Mapping[str, int]) -> None:
        """Append the hour to ``.hours``: from now on a reader shows the rows up to here."""
        line = json.dumps({"hour": hour, "t": t, "rows": dict(rows)}) + "\n"
        with (self.folder / layout.TABLES_DIR / layout.HOURS).open("ab", buffering=0) as file:
            file.write(line.encode())

    def close(self, manifest: Mapping[str, Any]) -> None:
        """Give empty tables their one empty part, replace the manifest, and only then remove the tails."""
        for name, batcher in self._batchers.items():
            if not self._parts[name]:
                self._write_part(name, batcher.empty())
        self.manifest.update(manifest)
        layout.write_manifest(self.folder, self.manifest, self._before_rename)
        for name in sorted(self._tails):
            self._drop_tail(name)
