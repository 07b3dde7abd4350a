"""How commands answer: one JSON document, a table of plain text, or lines on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from ecssim.errors import BadInput, Problem


def print_json(document: Any) -> None:
    """Print one JSON document on stdout; what JSON has no word for (NaN) is null."""
    sys.stdout.write(to_json(document) + "\n")


def to_json(document: Any, indent: int | None = 2) -> str:
    """JSON text of plain values, times, paths and decimals."""
    return json.dumps(_plain(document), indent=indent, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if value - value == 0.0 else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    if value is None or isinstance(value, str | int | bool):
        return value
    item = getattr(value, "item", None)
    return _plain(item()) if item is not None else str(value)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print columns of plain text, numbers to the right."""
    shown = [[_cell(cell) for cell in row] for row in rows]
    widths = [max([len(head), *(len(row[at]) for row in shown)]) for at, head in enumerate(heads)]
    right = [all(_is_number(row[at]) for row in shown) and bool(shown) for at in range(len(heads))]
    for row in (heads, *shown):
        cells = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(row, widths, right, strict=True))
        print("  ".join(cells).rstrip())


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdigit() or text == "-"


def complain(problem: Problem) -> None:
    """Say one problem on stderr, in the form of the contract."""
    print(problem, file=sys.stderr)


def refuse(where: str | Path, message: str) -> BadInput:
    """The error for an option or a file that cannot be used."""
    return BadInput([Problem(str(where), 0, 0, message)])
