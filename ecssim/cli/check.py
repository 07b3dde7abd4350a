"""``ecssim check`` and ``ecssim schema``: what a scenario may say, and whether one does."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from ecssim.cli.answer import complain, print_json
from ecssim.cli.guard import BAD_INPUT, DONE
from ecssim.errors import BadInput, Problem
from ecssim.scenario.load import load_scenario


def check(path: Path, sets: tuple[str, ...], variant: str | None, strict: bool, as_json: bool) -> int:
    """Read a scenario and list its problems on stderr; lint alone is no failure unless ``strict``."""
    digest: str | None = None
    try:
        loaded = load_scenario(path, sets=sets, variant=variant)
        problems, digest = loaded.warnings, loaded.digest
    except BadInput as error:
        problems = error.problems
    for problem in problems:
        complain(problem)
    bad = digest is None or (strict and bool(problems))
    if as_json:
        print_json({"good": not bad, "digest": digest, "problems": [_row(p) for p in problems]})
    elif not bad:
        print(f"{path}: good{_warnings(problems)}")
    return BAD_INPUT if bad else DONE


def _row(problem: Problem) -> dict[str, object]:
    return asdict(problem)


def _warnings(problems: tuple[Problem, ...]) -> str:
    count = len(problems)
    return f", {count} warning{'s' if count > 1 else ''}" if count else ""


def schema() -> int:
    """Print the JSON Schema of scenarios."""
    from ecssim.scenario.schema import schema_text

    print(schema_text(), end="")
    return DONE
