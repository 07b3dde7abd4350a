"""``ecssim run``: play a scenario, say what happened, and answer whether what it expects did hold."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticCustomError

from ecssim.cli.answer import complain, print_json, refuse
from ecssim.cli.guard import DONE, EXPECT_FAILED, INTERRUPTED
from ecssim.scenario.load import Loaded, load_scenario
from ecssim.scenario.timeline import EXPECTED_MOMENT, seconds_of
from ecssim.scenario.units import parse_duration

if TYPE_CHECKING:
    from ecssim.results.expectations import Verdict
    from ecssim.results.result import Result
    from ecssim.run import Simulation


#: Characters in a line where no terminal says how many there are.
PAGE_WIDTH: Final = 110


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asked for."""

    scenario: Path
    sets: tuple[str, ...] = ()
    variant: str | None = None
    seed: int | None = None
    until: str | None = None
    out: Path | None = None
    as_json: bool = False
    check_invariants: bool = False


def run(wish: Wish) -> int:
    """Run the scenario, print its summary and judge its expectations."""
    loaded = load_scenario(wish.scenario, sets=wish.sets, variant=wish.variant, seed=wish.seed)
    for warning in loaded.warnings:
        complain(warning)
    until = moment(wish.until, loaded, "--until") if wish.until is not None else None
    simulation, result = play(wish, loaded, until)
    tell(wish, result, simulation.verdicts)
    if simulation.interrupted:
        print("interrupted: the tables end where the run did", file=sys.stderr)
        return INTERRUPTED
    return DONE if all(verdict.held for verdict in simulation.verdicts) else EXPECT_FAILED


def moment(text: str, loaded: Loaded, option: str) -> float:
    """Seconds from the start of a duration, a clock time or a timestamp given as an option."""
    try:
        if "T" not in text and ":" not in text:
            parse_duration(0 if text == "0" else text)
        seconds = seconds_of(text, loaded.scenario.start)
    except (ValueError, TypeError, PydanticCustomError):
        raise refuse(option, f"expected {EXPECTED_MOMENT}, got {text!r}") from None
    if seconds <= 0.0:
        raise refuse(option, f"{text} is not after the start of the scenario")
    return seconds


def play(wish: Wish, loaded: Loaded, until: float | None = None) -> tuple[Simulation, Result]:
    """Run to the end, or to Ctrl-C."""
    from ecssim.run import Simulation

    try:
        check = wish.check_invariants or None
        simulation = Simulation(loaded, seed=wish.seed, out=wish.out, until=until, check=check)
        try:
            with progress(simulation.duration) as advance:
                return simulation, simulation.finish(progress=advance)
        except Exception as error:
            error.add_note(replay(wish, simulation))
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        if wish.out is None:
            raise
        raise refuse(wish.out, f"cannot be written: {error.strerror or error}") from error


def replay(wish: Wish, simulation: Simulation) -> str:
    """What somebody needs to see a failure again: digest, seed, event number, and the command."""
    command = ["ecssim", "run", str(wish.scenario)]
    for option in wish.sets:
        command += ["--set", option]
    if wish.variant is not None:
        command += ["--variant", wish.variant]
    command += ["--seed", str(simulation.seed)]
    if wish.until is not None:
        command += ["--until", wish.until]
    return (
        f"scenario digest {simulation.loaded.digest}, seed {simulation.seed}, event {simulation.recorder.events}, "
        f"t = {simulation.now:.6f} s\nreplay: {shlex.join(command)}"
    )


def tell(wish: Wish, result: Result, verdicts: Sequence[Verdict]) -> None:
    """Write the report into the run folder; print the summary, for people or as JSON."""
    page = report_of(result, None) if wish.out is not None else None
    if wish.as_json:
        document: dict[str, Any] = dict(result.summary())
        document["expect"] = [asdict(verdict) for verdict in verdicts]
        document["complete"] = result.complete
        document["out"] = wish.out
        print_json(document)
        return
    from rich.console import Console

    from ecssim.report.terminal import print_summary

    # A file or a pipe has no width of its own: wide enough that no column breaks its words.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PAGE_WIDTH)
    print_summary(console, result)
    for verdict in verdicts:
        console.print(verdict.text, style=None if verdict.held else "bold red", markup=False, soft_wrap=True)
    if wish.out is not None:
        console.print(f"run folder: {wish.out}\nreport: {page}", markup=False, soft_wrap=True)


def report_of(result: Result, path: Path | None) -> Path:
    """Write the one-file report of a run: to ``path``, or into its folder."""
    from ecssim.report.html import REPORT_FILE, write_report

    if path is None:
        assert result.folder is not None
        path = result.folder / REPORT_FILE
    try:
        return write_report(result, path)
    except OSError as error:
        raise refuse(path, f"cannot be written: {error.strerror or error}") from error


@contextmanager
def progress(duration: float) -> Iterator[Callable[[float], None] | None]:
    """A bar of simulated time on stderr while a terminal is there to see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} % of {task.fields[hours]:.4g} simulated hours"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        line = bar.add_task("simulating", total=1.0, hours=duration / 3600.0)
        yield lambda share: bar.update(line, completed=share)
