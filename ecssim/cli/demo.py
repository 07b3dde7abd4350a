"""``ecssim demo``: the built-in scenario, what it shows, what fixes it, pictures and the report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import ecssim
from ecssim.cli.answer import refuse
from ecssim.cli.guard import DONE, INTERRUPTED
from ecssim.cli.run import Wish, play, tell
from ecssim.scenario.load import load_scenario

if TYPE_CHECKING:
    from ecssim.results.result import Result

DEMO = "demo.yaml"
#: Pictures: the name of the plot, the file without its ending, what it shows.
PICTURES = (("subnets", "addresses", "addresses by consumer"), ("tasks", "tasks", "tasks by state"))
FORMATS = ("png", "svg")
REPORT = "report.html"


def scenarios() -> Path:
    """The folder of built-in scenarios: in the installed package, or in the checkout."""
    package = Path(ecssim.__file__).parent
    for folder in (package / "_scenarios", package.parent / "scenarios"):
        if (folder / DEMO).is_file():
            return folder
    raise refuse(package / "_scenarios", "the built-in scenarios are missing: install ecssim again")


def listing() -> int:
    """List the built-in scenarios with the first line of what they say about themselves."""
    for path in sorted(scenarios().glob("*.yaml")):
        text = load_scenario(path).scenario.description or ""
        print(f"{_shown(path)}\n    {' '.join(text.split())}")
    return DONE


def demo(out: Path) -> int:
    """Run the built-in scenario into ``out``; print the finding, the command that fixes it and the pictures."""
    path = scenarios() / DEMO
    wish = Wish(path, out=out)
    simulation, result = play(wish, load_scenario(path))
    tell(wish, result, simulation.verdicts)
    if simulation.interrupted:
        return INTERRUPTED
    fixes = [str(finding["fix"]) for finding in result.summary()["findings"] if finding.get("fix")]
    if fixes:
        print(f"\nthis fixes it:\n  ecssim run {shlex.quote(_shown(path))} {fixes[0]}")
    print("\npictures:")
    for picture, words in draw(result, out):
        print(f"  {picture}  {words}")
    print(f"\nthe whole story, for a browser:\n  {out / REPORT}")
    return DONE


def draw(result: Result, out: Path) -> list[tuple[Path, str]]:
    """Write the pictures beside the tables; return their paths with what they show."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    written: list[tuple[Path, str]] = []
    for plot, stem, words in PICTURES:
        figure = Figure(figsize=(10.0, 5.5), layout="constrained")
        getattr(result.plot, plot)(ax=figure.add_subplot())
        for kind in FORMATS:
            picture = out / f"{stem}.{kind}"
            # The same run gives the same bytes: no date, and ids that do not change.
            with rc_context({"svg.hashsalt": "ecssim"}):
                figure.savefig(picture, metadata={"Date": None} if kind == "svg" else {}, dpi=120)
            written.append((picture, words))
    return written


def _shown(path: Path) -> str:
    """The path as somebody would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
