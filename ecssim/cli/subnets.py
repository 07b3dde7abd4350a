"""``ecssim subnets``: how large each subnet must be, verified by running it, and what else would help."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ecssim.cli.answer import complain
from ecssim.cli.guard import DONE
from ecssim.scenario.load import load_scenario


@dataclass(frozen=True, slots=True)
class Question:
    """What the command line asked for."""

    scenario: Path
    seeds: int
    workers: int | None
    sets: tuple[str, ...] = ()
    variant: str | None = None
    as_json: bool = False


def subnets(question: Question) -> int:
    """Plan and print: tables and sentences, or one JSON document."""
    from ecssim.study.subnets import subnets as of_study

    loaded = load_scenario(question.scenario, sets=question.sets, variant=question.variant)
    for warning in loaded.warnings:
        complain(warning)
    with _progress() as advance:
        plan = of_study(loaded, question.seeds, question.workers, progress=advance)
    print(plan.to_json() if question.as_json else plan.text())
    return DONE


@contextmanager
def _progress() -> Iterator[Callable[[int], None] | None]:
    """How many runs are done, on stderr while a terminal is there to see it; how many it takes shows on the way."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("planning subnets") as status:
        yield lambda done: status.update(f"planning subnets: {done} runs")
