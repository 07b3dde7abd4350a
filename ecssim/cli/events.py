"""``ecssim events``: every event of a run in order, whatever table it is in."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Iterator, Sequence
from math import isnan
from pathlib import Path
from typing import Any

from ecssim.cli.answer import refuse, to_json
from ecssim.cli.guard import DONE
from ecssim.record.schema import TABLES

#: Columns that say when, and are shown before the others or not at all.
_LEADING = ("t", "time", "event_id", "cause_id", "region")

KINDS = tuple(table.name for table in TABLES if not table.internal and any(c.name == "event_id" for c in table.columns))


def events(folder: Path, kinds: Sequence[str], as_json: bool) -> int:
    """Print the events of a run folder: a line each, or one JSON list."""
    import difflib

    from ecssim.results.result import open as open_result

    for kind in kinds:
        if kind not in KINDS:
            near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.0)[0]
            raise refuse("--kind", f"there is no table of events {kind!r}; did you mean {near}?")
    result = open_result(folder)
    streams = [_rows(result.frame(kind), kind) for kind in kinds or KINDS]
    merged = heapq.merge(*streams, key=lambda event: int(event["event_id"]))
    if as_json:
        _print_list(merged)
    else:
        for event in merged:
            print(_line(event))
    return DONE


def _rows(frame: Any, kind: str) -> Iterator[dict[str, Any]]:
    columns = list(frame.columns)
    # In slices: a run may have millions of events.
    for start in range(0, len(frame), 10_000):
        for row in frame.iloc[start : start + 10_000].astype(object).itertuples(index=False):
            values = {name: _known(value) for name, value in zip(columns, row, strict=True)}
            yield {"kind": kind, **values}


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and isnan(value) else value


def _print_list(merged: Iterator[dict[str, Any]]) -> None:
    separator = "["
    for event in merged:
        sys.stdout.write(f"{separator}\n{to_json(event, indent=None)}")
        separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _line(event: dict[str, Any]) -> str:
    when = event["time"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    rest = " ".join(
        f"{name}={value}"
        for name, value in event.items()
        if value is not None and name != "kind" and name not in _LEADING
    )
    return f"{when}Z #{event['event_id']} <- #{event['cause_id']} {event['kind']} {rest}"
