"""A finished run, played again: to a moment, or to the placements that somebody asks about.

The same scenario, seed and version give the same run, so that nothing need be recorded for the sake of questions
that may never be asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from math import nextafter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ecssim.errors import BadInput, Problem
from ecssim.scenario.load import Loaded, load_scenario

if TYPE_CHECKING:
    from ecssim.decide.decision import Decision
    from ecssim.results.result import Result

#: What a run folder holds of the scenario that it played.
SCENARIO_FILE: Final = "scenario.yaml"


def scenario_of(folder: Path, manifest: Mapping[str, Any]) -> tuple[Loaded, bool]:
    """Return the scenario of a run folder with the run's seed, and whether it is still what the run read."""
    loaded = load_scenario(folder / SCENARIO_FILE, seed=int(manifest["seed"]))
    return loaded, loaded.digest == manifest["digest"]


class AnotherRun(BadInput):
    """A run could not be played again as it was: a file that its scenario names, or ecssim, has changed since."""

    def __init__(self, what: str) -> None:
        super().__init__([Problem(what, 0, 0, "played again, the run is another one: its files or ecssim changed")])


def decisions(result: Result, numbers: Collection[int], loaded: Loaded | None = None) -> dict[int, Decision]:
    """Play the run again and return what stood behind the placements with these event numbers.

    ``loaded`` is the scenario of a run that has no folder.

    :raises AnotherRun: if what comes is not what was recorded.
    """
    import numpy as np

    from ecssim.engine.compile import compile_scenario
    from ecssim.engine.witness import WitnessEngine
    from ecssim.record.recorder import Recorder
    from ecssim.record.sinks import MemorySink

    rows = result.raw("placements")
    rows = rows[np.isin(rows["event_id"], list(numbers))]
    if not len(rows):
        return {}
    if loaded is None:
        if result.folder is None:
            return {}
        loaded, _ = scenario_of(result.folder, result.manifest)
    recorder = Recorder(MemorySink(), manifest=result.manifest)
    made = partial(WitnessEngine, frozenset(int(number) for number in rows["event_id"]))
    engine = compile_scenario(loaded.scenario, recorder, int(result.manifest["seed"]), made, base_dir=loaded.base_dir)
    assert isinstance(engine, WitnessEngine)
    engine.kernel.run_until(nextafter(float(rows["t"].max()), float("inf")))
    for row in rows:
        seen = engine.decisions.get(int(row["event_id"]))
        if seen is None or seen.t != float(row["t"]) or seen.table.fitting != int(row["candidates"]):
            raise AnotherRun(f"event/{int(row['event_id'])}")
    return engine.decisions
