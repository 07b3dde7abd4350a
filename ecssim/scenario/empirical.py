"""Measured values of an ``empirical`` distribution, read from a file.

A file is a CSV with a header (``column`` names the values) or plain numbers, one a line. Values are in the
base unit of the place: seconds for delays, bytes for sizes.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

from ecssim.errors import BadInput
from ecssim.scenario.messages import suggestion
from ecssim.scenario.source import read_text


def read_values(path: Path, column: str | None) -> tuple[float, ...]:
    """The values in the file, not negative; ``ValueError`` says in words why there are none."""
    try:
        text = read_text(path, path.name)
    except BadInput as error:
        raise ValueError(f"{path.name}: {error.problems[0].message}") from None
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if not rows:
        raise ValueError(f"{path.name} is empty")
    index, first = 0, 1
    if column is not None:
        header = [name.strip() for name in rows[0]]
        if column not in header:
            raise ValueError(f"{path.name} has no column {column!r}{suggestion(column, header)}")
        index, rows, first = header.index(column), rows[1:], 2
    values = tuple(_number(row, index, path.name, line) for line, row in enumerate(rows, first))
    if not values:
        raise ValueError(f"{path.name} has no values")
    return values


def _number(row: list[str], index: int, name: str, line: int) -> float:
    try:
        value = float(row[index])
    except (ValueError, IndexError):
        value = math.nan
    if not 0 <= value < math.inf:
        shown = row[index] if index < len(row) else "nothing"
        raise ValueError(f"{name}, line {line}: expected a number that is not negative, got {shown!r}")
    return value
