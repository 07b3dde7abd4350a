"""``ecssim repack``: how many instances of a run a repack would save, and at how many restarts."""

from __future__ import annotations

from pathlib import Path

from ecssim.cli.answer import print_json
from ecssim.cli.guard import DONE


def repack(folder: Path, at: str | None, as_json: bool) -> int:
    """Answer for a moment of a run folder, without one for its end."""
    from ecssim.results.facts import Facts
    from ecssim.results.repacking import repack as answer
    from ecssim.results.result import open as open_result

    result = open_result(folder)
    t = None
    if at is not None:
        from ecssim.cli.run import moment
        from ecssim.replay import scenario_of

        t = moment(at, scenario_of(folder, result.manifest)[0], "--at")
    found = answer(Facts(result), t)
    if as_json:
        print_json(found.as_json())
    else:
        print(found.text)
    return DONE
