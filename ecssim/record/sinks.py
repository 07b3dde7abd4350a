"""Where rows go: the sink protocol, and the sink that keeps them in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ecssim.record.schema import TableSchema


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
        """The run ends; ``manifest`` has ``complete`` and, for each table, its rows and digest."""


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

    def load(self, name: str) -> np.ndarray:
        """All rows of table ``name`` that have been handed over."""
        parts = self._parts[name]
        return np.concatenate(parts) if parts else np.empty(0, self.schema[name].dtype)
