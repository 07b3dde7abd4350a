"""``ecssim describe`` and ``ecssim events --format eventbridge``: what one would have seen from outside.

The record keeps what is needed to explain a run, not every document that the APIs could have shown: the run is
played again, to the moment or to its end, which gives the same run to the bit.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ecssim.cli.answer import print_json, refuse, to_json
from ecssim.cli.guard import DONE
from ecssim.cli.run import moment

if TYPE_CHECKING:
    from ecssim.results.result import Result
    from ecssim.run import Simulation


@dataclass(frozen=True, slots=True)
class Wish:
    """The arguments of ``describe``."""

    folder: Path
    what: str
    at: str
    cluster: str | None
    services: tuple[str, ...]
    tasks: tuple[str, ...]
    instances: tuple[str, ...]
    subnets: tuple[str, ...]
    family: str | None
    desired: str | None
    container: str | None
    path: str | None


def describe(wish: Wish) -> int:
    """Play the run of a folder again to a moment and describe what is there, as the API would."""
    from ecssim.engine.describe import Query, answer

    if wish.what == "metadata" and len(wish.tasks) != 1:
        raise refuse("describe", "metadata is what one task sees: name it with --task ID")
    if wish.what == "introspection" and len(wish.instances) != 1:
        raise refuse("describe", "introspection is what one agent answers: name its instance with --instance ID")
    result, simulation = replay(wish.folder)
    outside = simulation.outside
    t = moment(wish.at, simulation.loaded, "--at")
    if result.complete and t > result.end:
        from ecssim.results.wording import moment as said

        raise refuse("--at", f"the run ended at {said(result.start, result.end)}")
    simulation.advance(until=t)
    match wish.what:
        case "metadata":
            print_json(simulation.metadata(wish.tasks[0], path=wish.path, container=wish.container))
        case "introspection":
            print_json(simulation.introspection(wish.instances[0], path=wish.path or "/v1/tasks"))
        case _:
            query = Query(
                wish.cluster, wish.services, wish.instances, wish.tasks, wish.subnets, wish.family, wish.desired
            )
            print_json(answer(simulation.engine, outside, wish.what, query))
    return DONE


def eventbridge(folder: Path, kinds: Sequence[str]) -> int:
    """Play the run of a folder again and print what ECS would have sent to EventBridge, a line an event."""
    from ecssim.exchange.eventbridge import events

    if kinds:
        raise refuse("--kind", "chooses tables of the record; EventBridge's events have a detail-type instead")
    result, simulation = replay(folder)
    for event in events(simulation, until=result.end):
        sys.stdout.write(to_json(event, indent=None) + "\n")
    recorded = result.manifest.get("events")
    if recorded is not None and result.complete and recorded != simulation.recorder.events:
        print("warning: the run did not come out as it was recorded; was it steered by hand?", file=sys.stderr)
    return DONE


def replay(folder: Path) -> tuple[Result, Simulation]:
    """The run of a folder, and a simulation of the same scenario and seed at t = 0."""
    from ecssim import __version__
    from ecssim.cli.look import warn_changed
    from ecssim.replay import scenario_of
    from ecssim.results.result import open as open_result
    from ecssim.run import Simulation

    result = open_result(folder)
    manifest = result.manifest
    loaded, same = scenario_of(folder, manifest)
    if not same:
        warn_changed(folder)
    if manifest["ecssim"] != __version__:
        print(f"warning: ecssim {manifest['ecssim']} made the run; {__version__} plays it again", file=sys.stderr)
    return result, Simulation(loaded)
