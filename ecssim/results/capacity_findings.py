"""Findings about instances: demand that fitted nowhere (PLACE-061, PLACE-065), groups too small or idle."""

from __future__ import annotations

import re
from decimal import Decimal
from math import ceil

import numpy as np

from ecssim.decide.pricing import Dimension, cents
from ecssim.results.bill import Bill
from ecssim.results.capacity_fixes import Want, fewer_instances, room_for
from ecssim.results.facts import Facts
from ecssim.results.finding import NOTE, PROBLEM, WARNING, Finding
from ecssim.results.fleet_figures import FleetFigures, most_of
from ecssim.results.service_figures import ServiceFigures
from ecssim.results.waits import Wait, ended, waits_of
from ecssim.results.wording import count, duration, listed

#: As many long waits of one service are findings of their own; of more the longest are.
TOLD = 3
#: A group with less than this share of its scarcer resource reserved is idle for the most part.
IDLE = 0.3
#: Shorter runs say nothing about idleness (seconds).
LONG_ENOUGH = 3600.0

_CHECKS = ("cpu", "memory", "ports", "eni", "gpu", "attribute", "constraint", "location", "agent")
_CLOSEST = re.compile(r"closest matching \(container-instance (\S+?)\)")


def capacity_findings(
    facts: Facts, services: list[ServiceFigures], fleets: list[FleetFigures], bill: Bill
) -> list[Finding]:
    """The findings about room on instances."""
    return _unplaced(facts, services, fleets) + _left_out(facts) + _idle(facts, fleets, bill)


def _left_out(facts: Facts) -> list[Finding]:
    """Tasks that wait for a scaled group of which no type can hold them: it never grows for them (ASG-017)."""
    rows = facts.raw("capacity_provider_decisions")
    rows = rows[rows["left_out_tasks"] > 0]
    found = []
    for code in np.unique(rows["capacity_provider"]).tolist():
        mine = rows[rows["capacity_provider"] == code]
        worst = mine[np.argmax(mine["left_out_tasks"])]
        groups = facts.name("text", int(worst["groups"])).split("; ")
        name, t = facts.name("capacity_provider", code), float(mine["t"][0])
        text = (
            f"Managed scaling of {name} left up to {count(int(worst['left_out_tasks']), 'waiting task')} out of its "
            f"count from {facts.at(t)} on, in {count(len(mine), 'minute')}: one of them does not fit the smallest "
            f"instance of the group ({listed([g for g in groups if 'left out' in g], 3)})."
        )
        found.append(Finding(PROBLEM, "capacity.leftOut", name, text, t))
    return found


def _unplaced(facts: Facts, services: list[ServiceFigures], fleets: list[FleetFigures]) -> list[Finding]:
    if not facts.raw("placements", "reason")["reason"].any():
        return []
    placements = facts.raw("placements")
    refused = placements[placements["reason"] != 0]
    figures = {(s.service, s.cluster): s for s in services}
    found = []
    of_services: list[tuple[np.ndarray, ServiceFigures, list[Wait]]] = []
    keys = refused[["group", "cluster"]]
    for key in np.unique(keys):
        rows = refused[keys == key]
        group = facts.name("group", int(key["group"]))
        kind, _, name = group.partition(":")
        service = facts.code("service", name) if kind == "service" else -1
        mine = figures.get((service, int(key["cluster"])))
        if mine is not None:
            of_services.append((rows, mine, waits_of(facts, rows, mine)))
        else:
            found.append(_of_calls(facts, rows, group))
    # Services that wait for room in one group need it together, each as much as in its worst wait.
    wants = {id(rows): _want(facts, rows, mine) for rows, mine, waits in of_services if any(w.is_long for w in waits)}
    for rows, mine, waits in of_services:
        want = wants.get(id(rows))
        fix = room_for(facts, want, list(wants.values()), fleets) if want is not None else None
        found += _long(facts, [w for w in waits if w.is_long], mine, fix)
        found += _short(facts, [w for w in waits if not w.is_long], mine)
    return found


def _want(facts: Facts, rows: np.ndarray, figures: ServiceFigures) -> Want:
    worst = rows[np.argmax(rows["count"])]
    return Want(figures, _at_once(facts, rows), float(worst["t"]))


def _at_once(facts: Facts, rows: np.ndarray) -> int:
    """The most tasks without a place at one instant.

    A verdict is one for all tasks of a service that fitted nowhere, but one for each task that exists and waits in
    PROVISIONING for an instance of its capacity provider (LIFE-004).
    """
    most = int(rows["count"][rows["task"] == 0].max(initial=0))
    waiting = rows[rows["task"] > 0]
    if len(waiting):
        most = max(most, most_of(waiting["t"], ended(facts, waiting), np.ones(len(waiting), np.int64))[0])
    return most


def _long(facts: Facts, waits: list[Wait], figures: ServiceFigures, fix: str | None) -> list[Finding]:
    """One finding for each long wait; of a service that waits again and again, the longest and a count of the rest."""
    longest = sorted(waits, key=lambda wait: -wait.lasted(facts.end))
    told = sorted(longest[:TOLD], key=lambda wait: wait.t)
    advice = f" Fix: {fix}" if fix is not None else ""
    texts = [(wait.t, f"{_told(facts, wait, figures)}{advice}") for wait in told]
    rest = longest[TOLD:]
    if rest:
        texts.append((min(wait.t for wait in rest), f"{_summed(facts, rest, figures, 'more ')}{advice}"))
    return [Finding(PROBLEM, "placement.unplaced", figures.name, text, t, fix) for t, text in texts]


def _short(facts: Facts, waits: list[Wait], figures: ServiceFigures) -> list[Finding]:
    """Waits for instances that were on their way: one note for all."""
    if not waits:
        return []
    text = _told(facts, waits[0], figures) if len(waits) == 1 else _summed(facts, waits, figures)
    return [Finding(NOTE, "placement.waited", figures.name, text, waits[0].t)]


def _told(facts: Facts, wait: Wait, figures: ServiceFigures) -> str:
    """One wait: how many tasks, since when, for how long, and why."""
    rows = wait.rows
    ending = "and still has not when the record ends"
    if wait.until is not None:
        ending = f"for up to {duration(wait.lasted(facts.end))}"
    return (
        f"Service {figures.name} could not place {count(_at_once(facts, rows), 'task')} from {facts.at(wait.t)} on "
        f"{ending}: {_why(facts, rows[np.argmax(rows['count'])])}{_closest(facts, figures, float(rows['t'][-1]))}."
    )


def _summed(facts: Facts, waits: list[Wait], figures: ServiceFigures, more: str = "") -> str:
    """Several waits in one sentence: how often, between when and when, the worst and the longest."""
    times = [wait.t for wait in waits]
    most = max(waits, key=lambda wait: _at_once(facts, wait.rows))
    return (
        f"Service {figures.name} could not place tasks {count(len(waits), f'{more}time')}, first from "
        f"{facts.at(min(times))}, last from {facts.at(max(times))} on: {_at_once(facts, most.rows)} at once at most, "
        f"for up to {duration(max(wait.lasted(facts.end) for wait in waits))}; "
        f"{_why(facts, most.rows[np.argmax(most.rows['count'])])}."
    )


def _of_calls(facts: Facts, rows: np.ndarray, group: str) -> Finding:
    t = float(rows["t"][0])
    worst = rows[np.argmax(rows["count"])]
    reasons, numbers = np.unique(rows["reason"], return_counts=True)
    named = sorted(
        ((int(n), facts.name("placement_reason", r)) for r, n in zip(reasons.tolist(), numbers.tolist(), strict=True)),
        reverse=True,
    )
    reasons_said = listed([f"{reason} {count(n, 'time')}" for n, reason in named])
    text = (
        f"RunTask calls for {group} found no instance for {count(int(rows['count'].sum()), 'task')} "
        f"({reasons_said}), the first at {facts.at(t)}: "
        f"{_why(facts, worst)}."
    )
    return Finding(WARNING, "placement.unplaced", group, text, t)


def _why(facts: Facts, row: np.void) -> str:
    """The verdict in words: which check ruled out how many instances."""
    reason = facts.name("placement_reason", int(row["reason"]))
    parts = [f"{int(row[f'rejected_{check}'])} by {check}" for check in _CHECKS if row[f"rejected_{check}"]]
    seen = sum(int(row[f"rejected_{check}"]) for check in _CHECKS) + int(row["candidates"])
    if not seen:
        return f"{reason}, there was no instance"
    return f"{reason}, of {count(seen, 'instance')} {listed(parts, 9)} ruled out"


def _closest(facts: Facts, figures: ServiceFigures, t: float) -> str:
    """The instance that came nearest, from the service's own event."""
    events = facts.raw("service_events")
    code = facts.code("event_name", "SERVICE_TASK_PLACEMENT_FAILURE")
    mine = events[(events["service"] == figures.service) & (events["cluster"] == figures.cluster)]
    mine = mine[(mine["event_name"] == code) & (mine["t"] <= t)]
    for row in mine[::-1]:
        match = _CLOSEST.search(facts.name("text", int(row["message"])))
        if match:
            return f"; the closest was {match[1]}"
    return ""


def _idle(facts: Facts, fleets: list[FleetFigures], bill: Bill) -> list[Finding]:
    found = []
    unused = {Dimension.IDLE, Dimension.IDLE_VOLUMES}
    for fleet in fleets:
        if facts.end < LONG_ENOUGH or np.isnan(fleet.used) or fleet.used >= IDLE:
            continue
        text = (
            f"The {count(fleet.instances, 'instance')} of {fleet.name} ({fleet.instance_type}) were idle "
            f"for the most part: tasks reserved {_percent(fleet.cpu_share)} of their CPU and "
            f"{_percent(fleet.memory_share)} of their memory on average."
        )
        mine = [line for line in bill.lines if line.resource == fleet.group]
        if len([f for f in fleets if f.group == fleet.group]) == 1 and mine:
            idle = sum((line.usd for line in mine if line.dimension in unused), Decimal(0))
            whole = sum((line.usd for line in mine), Decimal(0))
            text += f" ${cents(idle):,} of the ${cents(whole):,} that the group cost went unused."
        fix = fewer_instances(facts, fleet, IDLE)
        if fix is not None:
            text += f" Fix: {fix}"
        found.append(Finding(WARNING, "fleet.idle", fleet.name, text, None, fix))
    return found


def _percent(share: float) -> str:
    return f"{ceil(share * 100 - 0.5)} %"
