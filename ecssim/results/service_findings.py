"""Findings about services: too few healthy tasks, starts that fail, tasks that do not stay."""

from __future__ import annotations

from ecssim.results.facts import Facts
from ecssim.results.finding import NOTE, PROBLEM, WARNING, Finding
from ecssim.results.service_figures import ServiceFigures
from ecssim.results.wording import count

#: An exit now and then is life; this many, and more than the service has tasks, is a pattern.
MANY_EXITS = 3


def service_findings(facts: Facts, services: list[ServiceFigures]) -> list[Finding]:
    """The findings of all services."""
    found = _at_the_start(facts)
    impaired = _impaired_since(facts)
    for figures in services:
        found += _availability(facts, figures)
        found += _starts(facts, figures, impaired.get((figures.service, figures.cluster)))
        if figures.exits > max(MANY_EXITS, figures.desired):
            text = (
                f"Tasks of service {figures.name} ended by themselves {count(figures.exits, 'time')} (an "
                "essential container exited) and were replaced."
            )
            found.append(Finding(WARNING, "service.exits", figures.name, text))
        if figures.interruptions:
            text = (
                f"Service {figures.name} lost {count(figures.interruptions, 'task')} to interruptions (Spot, "
                "instances that ended, infrastructure)."
            )
            found.append(Finding(WARNING, "service.interruptions", figures.name, text))
        if figures.retired:
            text = (
                f"Fargate retired {count(figures.retired, 'task')} of service {figures.name} for maintenance; each was "
                "replaced as in a deployment."
            )
            found.append(Finding(NOTE, "service.retired", figures.name, text))
    return found


def _at_the_start(facts: Facts) -> list[Finding]:
    """Demand that did not fit into the steady state at t = 0: the first thing to know (design rule 16)."""
    notes = [str(note) for note in facts.manifest.get("notes") or ()]
    return [
        Finding(
            PROBLEM,
            "service.didNotFit",
            note.partition(":")[0],
            f"Service {note}: the scenario starts with demand that its capacity does not hold.",
            0.0,
            first=True,
        )
        for note in notes
    ]


def _availability(facts: Facts, figures: ServiceFigures) -> list[Finding]:
    if figures.minutes and figures.settled_at is None:
        text = (
            f"Service {figures.name} never had its minimum of healthy tasks: at the end {figures.healthy} of "
            f"{figures.desired} are healthy."
        )
        return [Finding(PROBLEM, "service.neverHealthy", figures.name, text)]
    if figures.lower_then <= figures.shortest:
        return []
    none = ""
    if figures.down_minutes:
        none = f"; {count(figures.down_minutes, 'minute')} had no healthy task at all"
    text = (
        f"Service {figures.name} was below its minimum of healthy tasks for "
        f"{count(figures.loss_minutes, 'minute')} of {figures.minutes}: the least was "
        f"{figures.shortest} of {figures.lower_then} in the minute from "
        f"{facts.at(figures.shortest_at)}{none}."
    )
    severity = PROBLEM if figures.down_minutes else WARNING
    return [Finding(severity, "service.belowMinimum", figures.name, text, figures.short_since)]


def _impaired_since(facts: Facts) -> dict[tuple[int, int], float]:
    events = facts.raw("service_events")
    code = facts.code("event_name", "SERVICE_TASK_START_IMPAIRED")
    since: dict[tuple[int, int], float] = {}
    for row in events[events["event_name"] == code] if code > 0 else ():
        since.setdefault((int(row["service"]), int(row["cluster"])), float(row["t"]))
    return since


def _starts(facts: Facts, figures: ServiceFigures, impaired: float | None) -> list[Finding]:
    total = sum(figures.failed_starts.values())
    if not total:
        return []
    reasons = list(figures.failed_starts.items())
    shown = "; ".join(f"{number} x {reason}" for reason, number in reasons[:3])
    if len(reasons) > 3:
        shown += f"; and {len(reasons) - 3} more reasons"
    text = f"{count(total, 'task')} of service {figures.name} failed to start: {shown}."
    if impaired is None:
        return [Finding(WARNING, "service.failedStarts", figures.name, text)]
    text += (
        f" From {facts.at(impaired)} on ECS held its next attempts back (SERVICE_TASK_START_IMPAIRED), which "
        "makes the recovery slower than the cause."
    )
    return [Finding(PROBLEM, "service.startImpaired", figures.name, text, impaired)]
