"""``ecssim compare``: scenarios and variants under the same luck, with intervals and a verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ecssim.cli.guard import DONE


def compare(scenarios: tuple[Path, ...], variants: str | None, seeds: int, workers: int | None, as_json: bool) -> int:
    """Compare and print a table with its verdict, or one JSON document."""
    from ecssim.study.compare import compare as of_study

    names = None if variants is None else [name.strip() for name in variants.split(",") if name.strip()]
    with _progress(seeds) as advance:
        comparison = of_study(scenarios, variants=names, seeds=seeds, workers=workers, progress=advance)
    print(comparison.to_json() if as_json else comparison.text())
    return DONE


@contextmanager
def _progress(seeds: int) -> Iterator[Callable[[float], None] | None]:
    """A bar of finished runs on stderr while a terminal is there to see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("comparing over {task.fields[seeds]} seeds"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        line = bar.add_task("comparing", total=1.0, seeds=seeds)
        yield lambda share: bar.update(line, completed=share)
