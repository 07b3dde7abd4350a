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
from ecssim.results.fleet_figures import FleetFigures, most_of, placed_at
from ecssim.results.service_figures import ServiceFigures
from ecssim.results.wording import count, duration, listed

#: Demand that finds room within this time was waiting for instances that were on their way (seconds).
PATIENCE = 300.0
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
    of_services: list[tuple[np.ndarray, ServiceFigures, float | None]] = []
    keys = refused[["group", "cluster"]]
    for key in np.unique(keys):
        rows = refused[keys == key]
        group = facts.name("group", int(key["group"]))
        kind, _, name = group.partition(":")
        service = facts.code("service", name) if kind == "service" else -1
        mine = figures.get((service, int(key["cluster"])))
        if mine is not None:
            of_services.append((rows, mine, _until(facts, rows, mine)))
        else:
            found.append(_of_calls(facts, rows, group))
    # Services that wait for room in one group need it together.
    wants = [_want(facts, rows, mine) for rows, mine, until in of_services if _waits_long(facts, rows, until)]
    return found + [_of_service(facts, *waiting, wants, fleets) for waiting in of_services]


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
        most = max(most, most_of(waiting["t"], _ended(facts, waiting), np.ones(len(waiting), np.int64))[0])
    return most


def _ended(facts: Facts, waiting: np.ndarray) -> np.ndarray:
    """When each task that waits in PROVISIONING was placed at last, or given up; infinity if it waits still."""
    placed = placed_at(facts, waiting["task"])
    gone = facts.tasks.stopping[facts.tasks.index.at(waiting["task"])]
    return np.where(placed > waiting["t"], placed, np.where(np.isnan(gone), np.inf, gone))


def _until(facts: Facts, rows: np.ndarray, figures: ServiceFigures) -> float | None:
    """When the last task without a place had one; None if never.

    The service may have all of its tasks while those of its next revision wait.
    """
    again = _whole_again(facts, figures, float(rows["t"][-1]))
    waiting = rows[rows["task"] > 0]
    if again is None or not len(waiting):
        return again
    last = float(_ended(facts, waiting).max())
    return None if np.isinf(last) else max(again, last)


def _waits_long(facts: Facts, rows: np.ndarray, until: float | None) -> bool:
    return until is None or until - float(rows["t"][0]) > PATIENCE


def _of_service(
    facts: Facts,
    rows: np.ndarray,
    figures: ServiceFigures,
    until: float | None,
    wants: list[Want],
    fleets: list[FleetFigures],
) -> Finding:
    t = float(rows["t"][0])
    worst = rows[np.argmax(rows["count"])]
    lasted = (facts.end if until is None else until) - t
    ending = "and still has not when the record ends" if until is None else f"for up to {duration(lasted)}"
    text = (
        f"Service {figures.name} could not place {count(_at_once(facts, rows), 'task')} from {facts.at(t)} on "
        f"{ending}: {_why(facts, worst)}{_closest(facts, figures, float(rows['t'][-1]))}."
    )
    if not _waits_long(facts, rows, until):
        return Finding(NOTE, "placement.waited", figures.name, text, t)
    fix = room_for(facts, _want(facts, rows, figures), wants, fleets)
    if fix is not None:
        text += f" Fix: {fix}"
    return Finding(PROBLEM, "placement.unplaced", figures.name, text, t, fix)


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


def _whole_again(facts: Facts, figures: ServiceFigures, last: float) -> float | None:
    """The minute in which the service had all of its tasks again after its last refusal; None if never."""
    mine = facts.minutes.of(figures.service, figures.cluster)
    after = mine[mine["t"] + 60.0 > last]
    whole = after[after["running_count"] >= after["desired_count"]]
    return max(last, float(whole["t"][0])) if len(whole) else None


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
