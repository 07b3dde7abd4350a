"""``ecssim fit``: how many more tasks of a family fit at a moment, and what binds first."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecssim.cli.answer import complain, print_json, print_table, refuse
from ecssim.cli.guard import DONE
from ecssim.cli.run import moment
from ecssim.scenario.load import load_scenario

if TYPE_CHECKING:
    from ecssim.engine.fitting import Fit


@dataclass(frozen=True, slots=True)
class Question:
    """What the command line asked."""

    scenario: Path
    family: str
    at: str | None = None
    sets: tuple[str, ...] = ()
    variant: str | None = None
    seed: int | None = None


def fit(question: Question, as_json: bool) -> int:
    """Answer for every way in which the family runs."""
    loaded = load_scenario(question.scenario, sets=question.sets, variant=question.variant, seed=question.seed)
    for warning in loaded.warnings:
        complain(warning)
    at = moment(question.at, loaded, "--at") if question.at is not None else None
    if at is not None and at > float(loaded.scenario.duration):
        raise refuse("--at", f"{question.at} is after the end of the scenario")
    _known(question, [definition.family for definition in loaded.scenario.task_definitions])
    from ecssim.results.wording import moment as said
    from ecssim.run import fit as how_many

    t, fits = how_many(loaded, question.family, at=at, seed=question.seed)
    if not fits:
        raise refuse(question.family, "the scenario has no such revision of the task definition")
    if as_json:
        print_json({"family": question.family, "t": t, "fits": [document(one) for one in fits]})
        return DONE
    print(f"how many more {question.family} fit at {said(loaded.scenario.start, t)}")
    for one in fits:
        _print(one)
    return DONE


def _known(question: Question, families: list[str]) -> None:
    family = question.family.rsplit("task-definition/", 1)[-1].partition(":")[0]
    if family not in families:
        near = get_close_matches(family, families, 1, 0.5) or sorted(set(families))[:5]
        raise refuse(question.family, f"the scenario has no such task definition; nearest: {', '.join(near) or 'none'}")


def document(one: Fit) -> dict[str, Any]:
    """Return the answer as plain values."""
    from ecssim.results.explain_decision import asked_document

    plain = {**one._asdict(), "asked": asked_document(one.request)}
    del plain["request"]
    plain["types"] = [{**room._asdict(), "left": room.left._asdict()} for room in one.types]
    plain["zones"] = [zone._asdict() for zone in one.zones]
    plain["subnets"] = [subnet._asdict() for subnet in one.subnets]
    return plain


def _print(one: Fit) -> None:
    from ecssim.results.explain_decision import asked
    from ecssim.results.wording import count, listed

    who = f"service {one.service}" if one.service is not None else "standalone tasks"
    through = f", capacity provider {one.capacity_provider}" if one.capacity_provider is not None else ""
    ends = f"; what binds: {listed(one.binds, 9)}" if one.binds else ""
    print(f"\n{who} of cluster {one.cluster} ({one.launch_type}{through}): {count(one.more, 'more task')}{ends}")
    words = asked(one.request)
    if one.launch_type == "FARGATE":
        words = [*words[:2], "an address"]
    print(f"{one.task_definition} asks for {listed(words, 9)}")
    if one.waiting:
        print(f"{count(one.waiting, 'task')} of the cluster {'waits' if one.waiting == 1 else 'wait'} for room already")
    if one.types:
        heads = ("instance type", "instances", "more tasks", "binds first, on instances", "CPU left", "MiB left")
        print()
        print_table(
            heads,
            [
                (room.instance_type, room.instances, room.more, _binds(room.binds), room.left.cpu, room.left.memory)
                for room in one.types
            ],
        )
    elif one.launch_type != "FARGATE":
        print("the cluster has no instance that it could be tried on")
    if one.subnets:
        print()
        print_table(
            ("zone", "on instances", "free addresses", "more tasks"),
            [(zone.availability_zone, zone.on_instances, zone.addresses, zone.more) for zone in one.zones],
        )
        print()
        print_table(("subnet", "zone", "free", "cooling"), one.subnets)
    if one.vcpu_quota is not None:
        print(f"\nthe vCPU quota allows {count(one.vcpu_quota, 'more task')}")


def _binds(binds: Any) -> str:
    return ", ".join(f"{check} on {number:,}" for check, number in binds.items()) or "nothing"
