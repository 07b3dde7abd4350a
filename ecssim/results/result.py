"""A run as its users see it: one tidy frame a table, what is known of the run, and the raw rows below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ecssim.catalog.prices import HOME_REGION
from ecssim.record.public import PUBLIC
from ecssim.results import taskframes
from ecssim.results.columns import Coded, addresses, utc_times
from ecssim.results.reader import FolderSource, Source, name_book

if TYPE_CHECKING:
    import pandas as pd

    from ecssim.record.sinks import Hour
    from ecssim.results.bill import Bill, Pricer
    from ecssim.results.repacking import Repack
    from ecssim.scenario.prices import Prices

_OPEN: Final = {
    "instances": ("_instances_open", "instance_id"),
    "deployments": ("_deployments_open", "deployment_id"),
}
"""Tables with one row an entity: where it is described before its end, and by which column."""

COSTS: Final = "costs"
"""The public table that is not recorded: it is made from the meters and the prices when it is read."""

CLUSTER_METRICS: Final = "cluster_metrics"
"""A cluster's reservation and utilisation by the minute: no table of the record, worked out when it is asked for."""

_DERIVED: Final = (COSTS, CLUSTER_METRICS)
_EPOCH: Final = "1970-01-01T00:00:00Z"
_KEEP_BYTES: Final = 32 * 2**20


class Result:
    """What one run recorded.

    Each public table is an attribute: ``result.tasks``, ``result.subnet_metrics`` (the columns of design
    section 6, times in seconds from the start, names as categoricals, integers as int64). A frame is built
    when it is first asked for and kept.
    """

    def __init__(self, source: Source, folder: Path | None = None) -> None:
        self._source = source
        self._raw: dict[str, np.ndarray] = {}
        self._frames: dict[str, pd.DataFrame] = {}
        self._prices: Prices | None = None
        self.folder = folder

    @classmethod
    def from_sink(cls, sink: Source) -> Result:
        """The result of a run that recorded into a :class:`~ecssim.record.sinks.MemorySink`."""
        return cls(sink)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What is known of the run: versions, scenario digest, seed, start, rows and digest of each table."""
        return self._source.manifest

    @property
    def complete(self) -> bool:
        """Whether the run reached its end."""
        return bool(self.manifest.get("complete"))

    @property
    def hours(self) -> tuple[Hour, ...]:
        """The simulated hours that were committed; a killed run is readable up to the last of them."""
        return tuple(self._source.hours)

    @cached_property
    def start(self) -> datetime:
        """The virtual wall clock at t = 0, in UTC (manifest ``start``, ISO 8601)."""
        start = datetime.fromisoformat(str(self.manifest.get("start", _EPOCH)))
        return start.replace(tzinfo=start.tzinfo or UTC).astimezone(UTC)

    @property
    def tables(self) -> tuple[str, ...]:
        """The names of the public tables."""
        return (*PUBLIC, COSTS)

    @cached_property
    def names(self) -> Mapping[str, list[str | None]]:
        """The strings of each name pool by code; code 0 is None."""
        return name_book(self._source.load("_names"))

    def raw(self, name: str, columns: Sequence[str] | None = None) -> np.ndarray:
        """The packed rows of a table, public or internal, as recorded: codes, not names.

        With ``columns`` there are at least these; a run folder then reads no others.
        """
        rows = self._raw.get(name)
        if rows is None and columns is not None:
            rows = self._source.load(name, columns)
            rows.setflags(write=False)
        elif rows is None:
            rows = self._source.load(name)
            rows.setflags(write=False)
            # A large table is read again when it is asked for again, rather than held beside its frame.
            if rows.nbytes <= _KEEP_BYTES:
                self._raw[name] = rows
        return rows

    def frame(self, name: str) -> pd.DataFrame:
        """The public table ``name`` with its joined columns.

        :raises KeyError: if there is no such public table.
        """
        if name not in (*PUBLIC, *_DERIVED):
            raise KeyError(name)
        frame = self._frames.get(name)
        if frame is None:
            frame = self._frames[name] = self._build(name)
        # A shallow copy: columns that a user adds stay with the user.
        return frame.copy(deep=False)

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in PUBLIC or name in _DERIVED:
            return self.frame(name)
        raise AttributeError(f"a result has no table or attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *PUBLIC, *_DERIVED})

    @cached_property
    def task_index(self) -> taskframes.TaskIndex:
        """The tasks of the run and what stays the same over their lives, as recorded."""
        return taskframes.TaskIndex(self.raw, self._decode)

    def _decode(self, codes: np.ndarray, pool: str) -> Coded:
        return Coded.of(codes, self.names.get(pool, [None]))

    def summary(self) -> dict[str, Any]:
        """What the run means: findings in words first, then the figures by service, subnet and provider.

        JSON-able: this is what ``summary.json`` of a run folder holds.
        """
        from ecssim.results.summary import summary

        return summary(self)

    def repack(self, at: float | None = None) -> Repack:
        """How many container instances a repack would save, at how many restarts; ``at`` seconds, else at the end."""
        from ecssim.results.facts import Facts
        from ecssim.results.repacking import repack

        return repack(Facts(self), at)

    @property
    def plot(self) -> Any:
        """Pictures of the run: ``result.plot.subnets(ax=ax)``; without ``ax`` each returns a figure."""
        # By name, because pictures are the next room up: report reads results, never the other way round.
        return import_module("ecssim.report.plots").Plots(self)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the one-file report to ``path``, without one as ``report.html`` into the run folder; return the path.

        :raises ValueError: if there is no path and the run is in memory.
        """
        html = import_module("ecssim.report.html")
        if path is None:
            if self.folder is None:
                raise ValueError("the run is in memory: say where the report goes")
            path = self.folder / html.REPORT_FILE
        written: Path = html.write_report(self, path)
        return written

    def _build(self, name: str) -> pd.DataFrame:
        if name == "task_events":
            model = self.manifest.get("model") or {}
            pending = model.get("imagePullState") == "PENDING"
            return taskframes.task_events(self.raw, self._decode, self.task_index, self.start, pulls_pending=pending)
        if name == "tasks":
            return taskframes.tasks(self.raw, self._decode, self.task_index)
        if name == COSTS:
            return self._pricer().frame(str(self.manifest.get("region", HOME_REGION)))
        if name == CLUSTER_METRICS:
            from ecssim.results.cluster_metrics import cluster_metrics

            return cluster_metrics(self)
        return self._plain(name)

    # -- money ------------------------------------------------------------------------------------------------

    def bill(self) -> Bill:
        """What the run cost: a line for each service, resource, dimension and rate, and sums that agree."""
        return self._pricer().bill()

    def priced(self, prices: Mapping[str, Any] | Prices | None = None) -> Result:
        """The same run under other prices, written as the ``prices`` of a scenario; without any, at list prices.

        :raises BadInput: with every problem of ``prices``.
        """
        from ecssim.scenario.prices import Prices, read_prices

        copy = Result(self._source, self.folder)
        copy._prices = prices if isinstance(prices, Prices) else read_prices(prices or {})
        return copy

    @cached_property
    def end(self) -> float:
        """Where the record ends: the simulated time of a finished run, the last committed hour of a killed one."""
        simulated = self.manifest.get("simulated")
        return float(simulated) if simulated is not None else float(self.hours[-1].t) if self.hours else 0.0

    def _pricer(self) -> Pricer:
        from ecssim.results.bill import Pricer
        from ecssim.results.rates import RateBook
        from ecssim.scenario.prices import read_prices

        manifest = self.manifest
        prices = self._prices
        if prices is None:
            prices = read_prices(manifest.get("prices") or {})
        rates = RateBook(str(manifest.get("region", HOME_REGION)), int(manifest.get("seed", 0)), prices)
        return Pricer(self.raw("_meters"), self.names, self.end, rates)

    def _plain(self, name: str) -> pd.DataFrame:
        """A table whose columns need no join but names, task ids and ``time``."""
        import pandas as pd

        rows = self.settled(name)
        columns: dict[str, object] = {}
        for column in self._source.schema[name].columns:
            values = rows[column.name]
            if column.pool is not None:
                columns[column.name] = self._decode(values, column.pool).categorical()
            elif column.kind == "task":
                columns["task_id"] = self._task_ids(values).categorical()
            elif column.kind == "ip":
                columns[column.name] = addresses(values).categorical()
            elif column.kind == "f64":
                columns[column.name] = values.copy()
            else:
                columns[column.name] = values.astype(np.int64)
            if column.name == "t":
                columns["time"] = utc_times(self.start, values)
        return pd.DataFrame(columns)

    def _task_ids(self, tasks: np.ndarray) -> Coded:
        """Task ids of a table that names few of the tasks: only those become categories."""
        index = self.task_index
        named, codes = np.unique(index.at(tasks), return_inverse=True)
        return Coded.of(codes, [index.ids.texts[at] if at >= 0 else None for at in named.tolist()])

    def settled(self, name: str) -> np.ndarray:
        """The packed rows of ``name``, then the entities that have not ended, as they were last described."""
        rows = self.raw(name)
        if name not in _OPEN:
            return rows
        table, key = _OPEN[name]
        before = self.raw(table)
        before = before[~np.isin(before[key], rows[key])]
        _, last = np.unique(before[key][::-1], return_index=True)
        return np.concatenate([rows, before[np.sort(len(before) - 1 - last)]])


def open(folder: str | Path) -> Result:
    """Open a run folder, also one whose run was interrupted or killed (``result.complete`` is then false).

    :raises BadInput: if the folder holds no run of ecssim, or was damaged.
    """
    return Result(FolderSource(folder), Path(folder))
