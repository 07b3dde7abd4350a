"""A placement in words: filters, strategies, who came close, and for a refusal the smallest change that would help."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING, Any

from ecssim.results.explanation import Section
from ecssim.results.wording import count, listed

if TYPE_CHECKING:
    from ecssim.decide.decision import Decision, InstanceNote, Proof
    from ecssim.decide.placement_table import Candidate
    from ecssim.world.lack import Lack
    from ecssim.world.requests import Request


@dataclass(frozen=True)
class Look:
    """Looks at placements at their moment, as far as ``again`` can: it plays the run again to events of these numbers.

    Without it an explanation is made of the recorded tables alone.
    """

    again: Callable[[Sequence[int]], Mapping[int, Decision]] | None = None

    def __call__(self, numbers: Sequence[int]) -> tuple[tuple[Section, ...], tuple[dict[str, Any], ...]]:
        """Return the sections and the plain values of the placements with these event numbers."""
        if self.again is None or not numbers:
            return (), ()
        seen = self.again(numbers)
        found = [seen[number] for number in numbers if number in seen]
        sections = tuple(section for decision in found for section in decision_sections(decision))
        return sections, tuple(decision_document(decision) for decision in found)


TABLES_ONLY = Look()

_BEGINS = {"room": "the smallest change", "rule": "or a rule that must go", "both": "the smallest change"}


def decision_sections(decision: Decision) -> tuple[Section, ...]:
    """Return the placement's sections: how it was decided, and what would have made it fit."""
    sections = [Section(f"How event {decision.event} was decided", lines=tuple(_table(decision)))]
    if decision.table.chosen < 0:
        what = "it" if decision.tasks == 1 else f"one of the {decision.tasks:,} tasks"
        sections.append(Section(f"What would have made {what} fit", lines=tuple(_changes(decision))))
    return tuple(sections)


def decision_document(decision: Decision) -> dict[str, Any]:
    """Return the placement as plain values, for JSON."""
    table = decision.table
    names = {ordinal: note.id for ordinal, note in decision.instances.items()}
    return {
        "event_id": decision.event,
        "t": decision.t,
        "cluster": decision.cluster,
        "group": decision.group,
        "task_definition": decision.task_definition,
        "tasks": decision.tasks,
        "asked": asked_document(decision.request),
        "strategy": list(decision.strategy),
        "seen": table.seen,
        "filters": [step._asdict() for step in table.filters],
        "fitting": table.fitting,
        "steps": [step._asdict() for step in table.steps],
        "candidates": [
            {"container_instance": names[c.ordinal], "scores": list(c.scores), "out_at": c.out_at}
            for c in table.candidates
        ],
        "chosen": names.get(table.chosen),
        "instances": [
            {
                "container_instance": note.id,
                "instance_type": note.type,
                "availability_zone": note.zone,
                "registered": note.registered._asdict(),
                "remaining": note.remaining._asdict(),
            }
            for note in decision.instances.values()
        ],
        "changes": [_change_document(decision, proof) for proof in decision.proofs],
    }


def asked_document(request: Request) -> dict[str, Any]:
    """Return what a task asks of an instance, by name; what it does not ask for is left out."""
    asked = {
        "cpu": request.cpu,
        "memory": request.memory,
        "gpus": request.gpus,
        "eni_slots": int(request.eni),
        "tcp_ports": list(request.tcp_ports),
        "udp_ports": list(request.udp_ports),
        "attributes": list(request.attributes),
        "availability_zones": list(request.zones or ()),
        "capacity_provider": request.capacity_provider,
        "member_of": [predicate.key for predicate in request.constraints],
        "distinct_instance": request.distinct,
    }
    return {name: value for name, value in asked.items() if value}


def _change_document(decision: Decision, proof: Proof) -> dict[str, Any]:
    lack = proof.change.lack
    note = decision.instances[proof.change.ordinal]
    other = decision.instances.get(proof.by_asking_less if proof.by_asking_less is not None else -1)
    placed = decision.instances.get(proof.placed_on)
    return {
        "way": proof.way,
        "container_instance": note.id,
        "text": listed(lacked(lack, note), 9),
        "more": {name: value for name, value in lack._asdict().items() if value and name in _AMOUNTS},
        "member_of": [predicate.key for predicate in lack.constraints],
        "attributes": list(lack.attributes),
        "availability_zone": lack.zone,
        "distinct_instance": lack.distinct,
        "draining": lack.inactive,
        "agent_disconnected": lack.disconnected,
        "share_of_registered": None if isinf(proof.change.share) else proof.change.share,
        "placed_on": placed.id if placed is not None else None,
        "placed_on_by_asking_less": other.id if other is not None else None,
        "holds": proof.holds,
    }


_AMOUNTS = ("cpu", "memory", "gpus", "eni_slots", "tcp_ports", "udp_ports")


# -- the table ------------------------------------------------------------------------------------------------


def _table(decision: Decision) -> list[str]:
    table = decision.table
    text = f"{count(table.seen, 'instance')} of cluster {decision.cluster}"
    if decision.request.capacity_provider is not None:
        text += f" and capacity provider {decision.request.capacity_provider}"
    wants = f"{decision.task_definition} asks for {listed(asked(decision.request), 9)}"
    lines = [wants, f"{text} looked at"]
    lines += [f"  {step.check}: {step.dropped:,} fell, {step.left:,} left" for step in table.filters]
    if table.chosen < 0:
        return lines
    chosen = decision.instances[table.chosen]
    if decision.pinned:
        return [*lines, f"{chosen.id} was given; no strategy chose"]
    for step in table.steps:
        best = f", the best score is {step.best:,}" if step.best is not None else ""
        lines.append(f"  {step.step}: {step.left:,} of {step.left + step.dropped:,} left{best}")
    lines.append(f"chosen: {chosen.id}")
    if len(table.candidates) > 1:
        lines += _candidates(decision, table.candidates)
    return lines


def _candidates(decision: Decision, candidates: Sequence[Candidate]) -> list[str]:
    """Columns: the instance, its scores, what it has left, and where it fell."""
    width = len(candidates[0].scores)
    heads = ["instance", "zone", "type", *decision.strategy[:width], "cpu left", "MiB left", "out at"]
    rows = []
    for candidate in candidates:
        note = decision.instances[candidate.ordinal]
        scores = ["-" if score is None else f"{score:,}" for score in candidate.scores]
        left = [f"{note.remaining.cpu:,}", f"{note.remaining.memory:,}"]
        rows.append([note.id, note.zone, note.type, *scores, *left, candidate.out_at or "(chosen)"])
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    right = range(3, len(heads) - 1)
    return [f"  {_aligned(row, widths, right)}".rstrip() for row in (heads, *rows)]


def _aligned(row: Sequence[str], widths: Sequence[int], right: range) -> str:
    cells = zip(row, widths, strict=True)
    return "  ".join(c.rjust(w) if at in right else c.ljust(w) for at, (c, w) in enumerate(cells))


def asked(request: Request) -> list[str]:
    """Return what a task asks of an instance, in words."""
    said = [f"{request.cpu:,} CPU units", f"{request.memory:,} MiB"]
    if request.gpus:
        said.append(count(request.gpus, "GPU"))
    if request.eni:
        said.append("an ENI slot")
    if request.tcp_ports or request.udp_ports:
        said.append(_ports(request.tcp_ports, request.udp_ports))
    if request.zones is not None:
        said.append(f"a subnet in {listed(request.zones, 9)}")
    said += [f"the attribute {name}" for name in request.attributes]
    said += [f"memberOf({predicate.key})" for predicate in request.constraints]
    if request.distinct:
        said.append("an instance without a task of its group")
    return said


# -- what would have helped -----------------------------------------------------------------------------------


def _changes(decision: Decision) -> list[str]:
    if not decision.proofs:
        return ["an instance: there is none that it could be tried on"]
    lines = []
    for proof in decision.proofs:
        note = decision.instances[proof.change.ordinal]
        share = proof.change.share
        text = f"{_BEGINS[proof.way]}: {listed(lacked(proof.change.lack, note), 9)}"
        text += f", on {note.id} ({note.type}, {note.zone})"
        if proof.change.lack.resources and not isinf(share):
            text += f": {share:.2%} of what it registered"
        lines += [text, f"  tried: {_tried(decision, proof)}"]
    return lines


def _tried(decision: Decision, proof: Proof) -> str:
    if proof.placed_on < 0:
        return "decided again with it, the task is still not placed"
    text = f"decided again with it, the task is placed on {decision.instances[proof.placed_on].id}"
    if proof.by_asking_less is not None and proof.by_asking_less >= 0:
        other = decision.instances[proof.by_asking_less].id
        text += f"; so is a task that asks for so much less ({other})"
    return text


def lacked(lack: Lack, note: InstanceNote) -> list[str]:
    """Return in words what an instance lacks, with what it has left and what it registered."""
    said = []
    for amount, unit, left, whole in (
        (lack.cpu, "CPU units", note.remaining.cpu, note.registered.cpu),
        (lack.memory, "MiB of memory", note.remaining.memory, note.registered.memory),
        (lack.gpus, "GPUs", note.remaining.gpus, note.registered.gpus),
        (lack.eni_slots, "ENI slots", note.remaining.eni_slots, note.registered.eni_slots),
    ):
        if amount:
            larger = "" if left + amount <= whole else "; it takes a larger instance"
            said.append(f"{amount:,} {unit} more (it has {left:,} of {whole:,} left{larger})")
    if lack.tcp_ports or lack.udp_ports:
        said.append(f"{_ports(lack.tcp_ports, lack.udp_ports)} free")
    if lack.inactive:
        said.append("the instance ACTIVE instead of DRAINING")
    if lack.disconnected:
        said.append("its agent connected")
    if lack.zone is not None:
        said.append(f"a subnet of the task in {lack.zone}")
    said += [f"the attribute {name}" for name in lack.attributes]
    said += [f"without memberOf({predicate.key})" for predicate in lack.constraints]
    if lack.distinct:
        said.append("without distinctInstance")
    return said


def _ports(tcp: Sequence[int], udp: Sequence[int]) -> str:
    names = [f"{port}/tcp" for port in tcp] + [f"{port}/udp" for port in udp]
    return f"host port{'s' * (len(names) > 1)} {listed(names, 9)}"
