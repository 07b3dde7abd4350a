"""Finding a user's own placement strategy: by entry point, by ``module:function``, by ``file.py:function``.

A function is looked at before anything runs: its signature, and what it answers about two made-up instances.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any, cast

from ecssim.aws.names import PlacementStrategyChoice
from ecssim.aws.requests import RunTask, UpdateService
from ecssim.aws.service import PlacementStrategy, Service
from ecssim.decide.own_strategy import Instances, OwnField, Score, TaskToPlace, scored
from ecssim.errors import BadInput, EcssimError, Problem
from ecssim.scenario.document import Scenario
from ecssim.scenario.messages import suggestion
from ecssim.scenario.nodes import Node, Step, place_of
from ecssim.scenario.timeline import TimelineCall, parameters_of, request_of
from ecssim.world.fleet import Fleet
from ecssim.world.requests import InstanceSpec

#: The group of entry points in which an installed package offers strategies by name.
ENTRY_POINTS = "ecssim.placement_strategies"


class StrategyError(EcssimError):
    """Why a name stands for no placement strategy."""


def find_strategy(name: str, base_dir: Path) -> OwnField:
    """Return the strategy that ``name`` means; files and modules beside the scenario are found in ``base_dir``.

    Raises :class:`StrategyError` if there is none, or if it is not a function of a task and its instances that
    returns one number for each.
    """
    module, colon, function = name.rpartition(":")
    if colon:
        source = _file_of(module, base_dir)
        found = _attribute(_from_file(source) if source is not None else _imported(module), module, function)
    else:
        found = _from_entry_point(name)
    _check_signature(name, found)
    _try(name, found)
    return OwnField(name, cast("Score", found))


def absolute(name: str, base_dir: Path) -> str:
    """The same strategy under a name that does not depend on where the scenario stands."""
    module, colon, function = name.rpartition(":")
    source = _file_of(module, base_dir) if colon else None
    return f"{source.resolve()}:{function}" if source is not None else name


def digest_of_strategy(name: str, base_dir: Path) -> str:
    """SHA-256 of the file behind a strategy, empty for one that an installed package brings."""
    module, colon, _ = name.rpartition(":")
    source = _file_of(module, base_dir) if colon else None
    return hashlib.sha256(source.read_bytes()).hexdigest() if source is not None and source.is_file() else ""


def _file_of(module: str, base_dir: Path) -> Path | None:
    """The file that is meant: one that is named, or the module beside the scenario."""
    if module.endswith(".py"):
        return base_dir / module
    beside = base_dir.joinpath(*module.split(".")).with_suffix(".py")
    return beside if beside.is_file() else None


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise StrategyError(f"there is no file {path}")
    spec = util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{path} cannot be read as Python")
    module = util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise StrategyError(f"{path} cannot be imported: {type(error).__name__}: {error}") from None
    return module


def _imported(module: str) -> Any:
    try:
        return import_module(module)
    except Exception as error:
        raise StrategyError(f"module {module!r} cannot be imported: {type(error).__name__}: {error}") from None


def _attribute(module: Any, name: str, function: str) -> Any:
    found = getattr(module, function, None)
    if found is None:
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise StrategyError(f"{name} has no function {function!r}{suggestion(function, known)}")
    return found


def _from_entry_point(name: str) -> Any:
    offered = {point.name: point for point in metadata.entry_points(group=ENTRY_POINTS)}
    if name not in offered:
        known = ", ".join(sorted(offered)) or "none"
        raise StrategyError(
            f"no installed package offers a placement strategy {name!r} (offered: {known}){suggestion(name, offered)}; "
            "write module:function or file.py:function for one of your own"
        )
    try:
        return offered[name].load()
    except Exception as error:
        raise StrategyError(f"entry point {name!r} cannot be loaded: {type(error).__name__}: {error}") from None


def _check_signature(name: str, found: Any) -> None:
    if not callable(found) or inspect.isclass(found):
        raise StrategyError(f"{name} is a {type(found).__name__}, not a function of (task, instances)")
    if inspect.iscoroutinefunction(found) or inspect.isgeneratorfunction(found):
        raise StrategyError(f"{name} is async or a generator; expected a plain function of (task, instances)")
    try:
        signature = inspect.signature(found)
        signature.bind(None, None)
    except (TypeError, ValueError):
        written = f"{name.rpartition(':')[2]}{signature}" if "signature" in locals() else name
        raise StrategyError(f"{written} cannot be called as (task, instances)") from None


def _try(name: str, found: Any) -> None:
    """Ask it about two instances that nobody has."""
    fleet = Fleet()
    for zone in ("us-east-1a", "us-east-1b"):
        fleet.add(InstanceSpec(cpu=2048, memory=7987, gpus=1, eni_slots=2, zone=zone))
    try:
        scored(name, found, TaskToPlace(256, 512, 0, False, 0.5), Instances(fleet, [0, 1], 0))
    except BadInput as error:
        raise StrategyError(f"tried on two instances, {error.problems[0].message.partition(': ')[2]}") from None


Written = tuple[tuple[Step, ...], PlacementStrategy]


def own_strategies(scenario: Scenario) -> Iterator[Written]:
    """Every strategy of type custom in a scenario, with the place where it is written."""
    for index, service in enumerate(scenario.services):
        yield from _in(service.placement_strategy, ("services", index))
    for index, job in enumerate(scenario.jobs):
        yield from _in(job.run_task.placement_strategy, ("jobs", index, "runTask"))
    for index, entry in enumerate(scenario.timeline):
        if isinstance(entry, TimelineCall) and "placementStrategy" in entry.with_ and parameters_of(entry) is not None:
            try:
                request = request_of(entry)
            except ValueError:
                continue  # its problems were said by the timeline's own check
            if isinstance(request, Service | RunTask | UpdateService):
                yield from _in(request.placement_strategy or (), ("timeline", index, "with"))


def _in(strategies: tuple[PlacementStrategy, ...], where: tuple[Step, ...]) -> Iterator[Written]:
    for index, item in enumerate(strategies):
        if item.type is PlacementStrategyChoice.CUSTOM and item.field:
            yield (*where, "placementStrategy", index, "field"), item


def check_own_strategies(scenario: Scenario, root: Node, base_dir: Path) -> list[Problem]:
    """Strategies that are not there or not what a strategy is, each where it is written."""
    problems = []
    for steps, item in own_strategies(scenario):
        try:
            find_strategy(item.field or "", base_dir)
        except StrategyError as error:
            problems.append(place_of(root, steps).problem(f"field: {error}", rule="PLACE-020"))
    return problems
