"""``ecssim explain`` and ``ecssim report``: questions to a run folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ecssim.cli.answer import print_json
from ecssim.cli.guard import DONE
from ecssim.cli.run import report_of

if TYPE_CHECKING:
    from ecssim.decide.decision import Decision


def explain(folder: Path, what: str, as_json: bool, recorded: bool) -> int:
    """Answer why, from the recorded events and their causes and, unless ``recorded``, by playing the run again."""
    from ecssim.replay import AnotherRun, decisions, scenario_of
    from ecssim.results.result import open as open_result

    result = open_result(folder)
    from ecssim.results.explain import explain as why

    def again(numbers: Sequence[int]) -> Mapping[int, Decision]:
        loaded, same = scenario_of(folder, result.manifest)
        if not same:
            warn_changed(folder)
            return {}
        try:
            return decisions(result, numbers, loaded)
        except AnotherRun as error:
            print(f"warning: {error}", file=sys.stderr)
            return {}

    explanation = why(result, what, None if recorded else again)
    if as_json:
        print_json(asdict(explanation))
    else:
        print(explanation.text)
    return DONE


def report(folder: Path, out: Path | None) -> int:
    """Write the report of a run again, or somewhere else; print where it is."""
    from ecssim.results.result import open as open_result

    print(report_of(open_result(folder), out))
    return DONE


def warn_changed(folder: Path) -> None:
    """Say that the run of a folder cannot be played again as it was."""
    from ecssim.replay import SCENARIO_FILE

    print(f"warning: {folder / SCENARIO_FILE} is not what the run read any more", file=sys.stderr)
