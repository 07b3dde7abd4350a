"""A service's history: calls, deployments, what it told its operators, and when it was short of tasks."""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from ecssim.results.chronicle import Chronicle
from ecssim.results.deployment_findings import deployment_findings
from ecssim.results.explain_decision import TABLES_ONLY, Look
from ecssim.results.explanation import Explanation, Section, Step, explanation
from ecssim.results.facts import Facts
from ecssim.results.service_figures import ServiceFigures, service_figures
from ecssim.results.service_findings import service_findings
from ecssim.results.wording import count

#: Steps that are shown; a service of a long run may have thousands of events.
SHOWN: Final = 60
MINUTES: Final = 20
REFUSALS: Final = 3
_ID: Final = re.compile(r"\((task|deployment|container-instance) [^)]*\)|\d[\d.,]*")


def explain_service(facts: Facts, service: int, cluster: int, look: Look = TABLES_ONLY) -> Explanation:
    """Explain the service with these codes."""
    figures = next(f for f in service_figures(facts) if (f.service, f.cluster) == (service, cluster))
    chronicle = Chronicle(facts)
    findings = [
        f.text for f in (*service_findings(facts, [figures]), *deployment_findings(facts)) if f.of == figures.name
    ]
    answer = "\n".join([_figures(figures), *findings])
    refused, documents = look(_refusals(facts, service, cluster))
    sections = [
        Section("Calls", tuple(_calls(facts, chronicle, figures))),
        Section("What it reported", tuple(_events(facts, chronicle, figures))),
        *refused,
        Section("Tasks at the end of each minute, where it changed", tuple(_minutes(facts, figures))),
    ]
    return explanation(facts.result.start, f"service/{figures.name}", answer, sections, documents)


def _refusals(facts: Facts, service: int, cluster: int) -> list[int]:
    """Events of the service's placements that found no instance: the last of each reason, as it stands at the end."""
    rows = facts.raw("placements")
    group = facts.code("group", f"service:{facts.name('service', service)}")
    mine = rows[(rows["group"] == group) & (rows["cluster"] == cluster) & (rows["container_instance"] == 0)]
    last = {int(row["reason"]): int(row["event_id"]) for row in mine}
    return sorted(last.values())[-REFUSALS:]


def _figures(figures: ServiceFigures) -> str:
    text = f"At the end {figures.running} of {figures.desired} tasks run, {figures.healthy} of them healthy"
    if figures.availability is not None:
        text += f"; it had its minimum of healthy tasks in {figures.availability:.2%} of the minutes"
    if figures.to_running is not None:
        p50, p95, longest = figures.to_running
        text += f"; tasks took {p50:.1f} s to RUNNING (p95 {p95:.1f} s, longest {longest:.1f} s)"
    return text + "."


def _calls(facts: Facts, chronicle: Chronicle, figures: ServiceFigures) -> list[Step]:
    rows = facts.raw("calls")
    target = facts.code("call_target", facts.name("service", figures.service))
    steps = []
    for row in rows[rows["target"] == target][:SHOWN] if target > 0 else ():
        event = chronicle.event(int(row["event_id"]))
        if event is not None:
            steps.append(Step(event.t, chronicle.say(event), event.number))
    return steps


def _events(facts: Facts, chronicle: Chronicle, figures: ServiceFigures) -> list[Step]:
    """The service's events; a run of alike ones is told by its first and its number."""
    rows = facts.raw("service_events")
    mine = rows[(rows["service"] == figures.service) & (rows["cluster"] == figures.cluster)]
    steps: list[Step] = []
    alike, shape = 0, ""
    for row in mine:
        message = facts.name("text", int(row["message"]))
        form = _ID.sub("#", message)
        if form == shape:
            alike += 1
            continue
        if alike:
            steps.append(Step(float(row["t"]), f"(and {count(alike, 'more event')} like the one above before this)"))
        alike, shape = 0, form
        event = chronicle.event(int(row["event_id"]))
        if event is not None:
            steps.append(Step(event.t, chronicle.say(event), event.number))
    if alike:
        steps.append(Step(float(mine["t"][-1]), f"(and {count(alike, 'more event')} like the one above)"))
    if len(steps) > SHOWN:
        left = len(steps) - SHOWN
        steps = [*steps[:SHOWN], Step(steps[SHOWN].t, f"({count(left, 'more event')} from here on)")]
    return steps


def _minutes(facts: Facts, figures: ServiceFigures) -> list[Step]:
    mine = facts.minutes.of(figures.service, figures.cluster)
    names = ("desired_count", "running_count", "healthy_count")
    values = np.column_stack([mine[name] for name in names]) if len(mine) else np.empty((0, 3))
    differs = (values[1:] != values[:-1]).any(axis=1)
    changed = np.flatnonzero(np.r_[np.full(min(1, len(mine)), True), differs]).tolist()
    steps = [
        Step(float(mine["t"][at]), "desired {}, running {}, healthy {}".format(*values[at].tolist()))
        for at in changed[:MINUTES]
    ]
    if len(changed) > MINUTES:
        steps.append(Step(float(mine["t"][changed[MINUTES]]), f"({len(changed) - MINUTES} more changes from here on)"))
    return steps
