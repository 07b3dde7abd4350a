"""The engine's side of recording: tables to append to, event numbers, and when rows leave.

The engine calls :meth:`Recorder.spill` once a simulated minute, :meth:`Recorder.commit_hour` once a
simulated hour and :meth:`Recorder.close` once. Between these calls nothing but memory is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ecssim.record.names import Names
from ecssim.record.schema import TABLES, TableSchema
from ecssim.record.sinks import Sink
from ecssim.record.tables import Table

PART_ROWS: Final = 131_072
"""Rows of one part of a table (design section 6)."""


class Recorder:
    """What happened in one run.

    :param sink: where rows go: ``MemorySink()`` or ``FolderSink(dir)``.
    :param schema: the tables to record.
    :param manifest: what is known of the run before it starts (scenario digest, seed, versions, ``start``).
    """

    __slots__ = (
        "_schema",
        "_tailed",
        "_watched",
        "_writers",
        "events",
        "listeners",
        "names",
        "part_rows",
        "sink",
        "tables",
    )

    def __init__(
        self,
        sink: Sink,
        schema: Sequence[TableSchema] = TABLES,
        manifest: Mapping[str, Any] | None = None,
        part_rows: int = PART_ROWS,
    ) -> None:
        by_name = {table.name: table for table in schema}
        self.sink = sink
        self.part_rows = part_rows
        self.names = Names(by_name["_names"])
        self.tables = {name: Table(table) for name, table in by_name.items() if name != "_names"}
        # `_names` is written first: a reader that finds a code then also finds its string.
        self._writers: dict[str, Names | Table] = {"_names": self.names, **self.tables}
        self._watched = [(name, table, *table.full_at(part_rows)) for name, table in self._writers.items()]
        self._tailed = dict.fromkeys(self._writers, 0)
        self.events = 0
        self.listeners: list[Callable[[], None]] = []
        self._schema = tuple(by_name.values())
        sink.begin(self._schema, dict(manifest or {}))

    def attach(self, sink: Sink, manifest: Mapping[str, Any]) -> None:
        """Record into another sink from now on; nothing may have left for the first one yet."""
        sink.begin(self._schema, dict(manifest))
        self.sink = sink

    def hand_out(self) -> None:
        """Let every listener look at the rows that are still in memory."""
        for listener in self.listeners:
            listener()

    def new_event(self) -> int:
        """The next event number, from 1 on; the hot path may do ``recorder.events += 1`` itself."""
        self.events += 1
        return self.events

    def spill(self) -> None:
        """Hand every full part to the sink, after the listeners have seen the rows."""
        self.hand_out()
        for name, writer, buffer, full in self._watched:
            while len(buffer) + writer.chunk_bytes >= full:
                self.sink.part(name, writer.take(self.part_rows))
                # Only rows of before the last spill are in the tail, and they all fit into one part.
                self._tailed[name] = 0

    def commit_hour(self, hour: int, t: float | None = None) -> None:
        """Simulated hour ``hour`` is over: make all rows readable, even if the process is killed.

        ``t`` is the simulated time in seconds, ``hour * 3600`` unless given.
        """
        self.spill()
        if self.sink.keeps_tails:
            for name, table in self._writers.items():
                pending, tailed = table.pending, self._tailed[name]
                if pending > tailed:
                    self.sink.tail(name, table.rows - pending + tailed, table.peek(tailed, pending))
                    self._tailed[name] = pending
        rows = {name: table.rows for name, table in self._writers.items() if table.rows}
        self.sink.commit(hour, hour * 3600.0 if t is None else t, rows)

    def close(self, complete: bool, manifest: Mapping[str, Any] | None = None) -> None:
        """Write what is left and finish the manifest; ``complete`` says whether the run reached its end.

        ``manifest`` adds what is known only now (wall time, event counts); later keys win.
        """
        self.spill()
        tables = {}
        for name, table in self._writers.items():
            if table.pending:
                self.sink.part(name, table.take(table.pending))
            tables[name] = {"rows": table.rows, "digest": table.digest()}
        extra = {"events": self.events, **(manifest or {})}
        self.sink.close({**extra, "tables": tables, "complete": complete})
