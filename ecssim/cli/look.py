"""``ecssim explain``, ``ecssim describe`` and ``ecssim report``: questions to a run folder."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from ecssim.cli.answer import print_json
from ecssim.cli.guard import DONE
from ecssim.cli.run import moment, report_of


def explain(folder: Path, what: str, as_json: bool) -> int:
    """Answer why, from the recorded events and their causes."""
    from ecssim.results.result import open as open_result

    result = open_result(folder)
    from ecssim.results.explain import explain as why

    explanation = why(result, what)
    if as_json:
        print_json(asdict(explanation))
    else:
        print(explanation.text)
    return DONE


def describe(folder: Path, what: str, at: str, cluster: str | None) -> int:
    """Play the run of a folder again to a moment and describe what is there, as the API would."""
    from ecssim.results.result import open as open_result
    from ecssim.run import SCENARIO_FILE, Simulation
    from ecssim.scenario.load import load_scenario

    manifest = open_result(folder).manifest
    loaded = load_scenario(folder / SCENARIO_FILE, seed=int(manifest["seed"]))
    if loaded.digest != manifest["digest"]:
        print(f"warning: {folder / SCENARIO_FILE} is not what the run read any more", file=sys.stderr)
    simulation = Simulation(loaded)
    simulation.advance(until=moment(at, loaded, "--at"))
    key = {"container-instances": "containerInstances", "subnets": "Subnets"}.get(what, what)
    print_json({key: simulation.describe(what, cluster=cluster)})
    return DONE


def report(folder: Path, out: Path | None) -> int:
    """Write the report of a run again, or somewhere else; print where it is."""
    from ecssim.results.result import open as open_result

    print(report_of(open_result(folder), out))
    return DONE
