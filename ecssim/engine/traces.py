"""Recorded series as loads: CSV and Parquet files, and the JSON of CloudWatch's GetMetricData."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ecssim.workload.arrivals import TraceLoad

if TYPE_CHECKING:
    from ecssim.scenario.document import Scenario
    from ecssim.scenario.traffic import Trace


def trace_load(scenario: Scenario, trace: Trace, base_dir: Path) -> TraceLoad:
    """Read a trace: its first row is at t = 0, unless ``start`` names the moment of the trace that is."""
    times: list[float] = []
    values: list[float] = []
    for moment, value in _rows(base_dir / trace.file, trace):
        times.append(_seconds(moment, scenario))
        values.append(float(value))
    order = np.argsort(np.asarray(times), kind="stable")
    at, counts = np.asarray(times)[order], np.asarray(values)[order]
    first = at[0]
    if trace.start is not None and trace.start != "first":
        first = _seconds(trace.start, scenario)
    shifted = at - first
    interval = float(trace.interval) if trace.interval is not None else float(np.median(np.diff(shifted)))
    counts = counts * trace.scale * (interval if trace.unit == "rate" else 1.0)
    keep = shifted >= 0
    return TraceLoad(shifted[keep].tolist(), counts[keep].tolist(), interval, trace.after)


def _rows(path: Path, trace: Trace) -> Iterator[tuple[Any, float]]:
    """The moments and values of a file, in the order in which they stand there."""
    match path.suffix:
        case ".json":
            yield from metric_data(path, trace.value_column)
        case ".parquet":
            yield from _parquet(path, trace)
        case _:
            with path.open(newline="", encoding="utf-8") as stream:
                for row in csv.DictReader(stream):
                    if trace.where is not None and not row.get(trace.where):
                        continue
                    value = float(row[trace.value_column]) if trace.value_column is not None else 1.0
                    yield row[trace.time_column or ""], value


def _parquet(path: Path, trace: Trace) -> Iterator[tuple[Any, float]]:
    from pyarrow import parquet

    wanted = [name for name in (trace.time_column, trace.value_column, trace.where) if name is not None]
    columns = parquet.read_table(path, columns=wanted).to_pydict()
    for i, moment in enumerate(columns[trace.time_column or ""]):
        if trace.where is not None and not columns[trace.where][i]:
            continue
        yield moment, float(columns[trace.value_column][i]) if trace.value_column is not None else 1.0


def metric_data(path: Path, wanted: str | None) -> Iterator[tuple[str, float]]:
    """The points of one result of ``aws cloudwatch get-metric-data``, by its Id or Label; the only one if unnamed."""
    document = json.loads(path.read_text("utf-8"))
    for result in document["MetricDataResults"]:
        if wanted is None or wanted in (result.get("Id"), result.get("Label")):
            yield from zip(result["Timestamps"], result["Values"], strict=True)
            return


def _seconds(moment: Any, scenario: Scenario) -> float:
    """Seconds on one axis: a number as it is, a time as its timestamp; without a zone it is the scenario's."""
    if isinstance(moment, datetime):
        found = moment
    elif isinstance(moment, str):
        try:
            return float(moment)
        except ValueError:
            found = datetime.fromisoformat(moment)
    else:
        return float(moment)
    if found.tzinfo is None:
        found = found.replace(tzinfo=scenario.start.tzinfo)
    return found.timestamp()
