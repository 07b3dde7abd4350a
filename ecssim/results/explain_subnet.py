"""A subnet's story: how it filled, who held its addresses when it had none left, who got none."""

from __future__ import annotations

import numpy as np

from ecssim.results.address_findings import address_findings
from ecssim.results.address_fixes import rollout_at
from ecssim.results.chronicle import Chronicle
from ecssim.results.explanation import Explanation, Section, Step, explanation
from ecssim.results.facts import Facts
from ecssim.results.reachability_findings import reachability_findings
from ecssim.results.subnet_figures import SubnetFigures, held_at, subnet_figures
from ecssim.results.wording import count, duration, listed

#: Failed allocations that are shown one by one.
SHOWN = 8


def explain_subnet(facts: Facts, code: int) -> Explanation:
    """Explain the subnet with this code."""
    figures = next(s for s in subnet_figures(facts) if s.code == code)
    chronicle = Chronicle(facts)
    # Of all subnets, as in the summary: a fix may have to change several of them.
    findings = [f for f in address_findings(facts, subnet_figures(facts)) if f.of == figures.name]
    answer = "\n".join(finding.text for finding in findings) or (
        f"It always had free addresses: {figures.free_min} of {figures.usable} at the least, in the minute "
        f"from {facts.at(figures.free_min_at)}."
    )
    t = figures.first_failed if figures.first_failed is not None else figures.free_min_at
    sections = [Section("Who held its addresses", tuple(_held(facts, figures, t)))]
    if figures.first_failed is not None:
        sections += [
            Section("Why they were wanted", tuple(_why(facts, chronicle, figures, figures.first_failed))),
            Section("Who got none", tuple(_failures(facts, chronicle, figures))),
        ]
    answer = "\n".join([answer, *(f.text for f in reachability_findings(facts) if f.of == figures.name)])
    sections.append(Section("What could not be reached from it", tuple(_unreachable(facts, chronicle, code))))
    return explanation(facts.result.start, f"subnet/{figures.name}", answer, sections)


def _unreachable(facts: Facts, chronicle: Chronicle, code: int) -> list[Step]:
    """The first of each kind: what somebody wanted, and the hop that was missing."""
    rows = facts.raw("reachability_events")
    rows = rows[rows["subnet"] == code]
    first: dict[tuple[int, int], np.void] = {}
    for row in rows:
        first.setdefault((int(row["host"]), int(row["missing"])), row)
    steps = []
    for row in first.values():
        event = chronicle.event(int(row["event_id"]))
        if event is not None:
            steps.append(Step(event.t, chronicle.say(event), event.number))
    return steps


def _held(facts: Facts, figures: SubnetFigures, t: float) -> list[Step]:
    moments = {max(0.0, t - 600.0), max(0.0, t - 60.0), t}
    if figures.last_failed is not None:
        moments |= {figures.last_failed, min(facts.end, figures.last_failed + 300.0)}
    steps = []
    for moment in sorted(moments):
        held = held_at(facts, figures.code, moment)
        who = listed([f"{name} {number}" for name, number in held.items()], 8) or "nobody"
        steps.append(Step(moment, f"{sum(held.values())} of {figures.usable} held: {who}"))
    return steps


def _why(facts: Facts, chronicle: Chronicle, figures: SubnetFigures, t: float) -> list[Step]:
    """The deployment that was going on, and the chain of causes of the first task that got no address."""
    steps = []
    rollout = rollout_at(facts, figures.code, t)
    if rollout is not None:
        most = rollout.addresses(rollout.minimum, rollout.percent)
        steps.append(
            Step(
                rollout.begin,
                f"the deployment of {rollout.revision} (service {rollout.name}, {rollout.wanted} tasks, "
                f"maximumPercent {rollout.percent}) began; it can hold up to {most} addresses at once: a "
                f"stopping task keeps its own for up to {duration(rollout.leave)}",
            )
        )
    events = facts.raw("subnet_events")
    first = events[events["subnet"] == figures.code][0]
    for depth, event in enumerate(chronicle.causes(int(first["event_id"]))):
        steps.append(Step(event.t, chronicle.say(event), event.number, depth))
    return steps


def _failures(facts: Facts, chronicle: Chronicle, figures: SubnetFigures) -> list[Step]:
    events = facts.raw("subnet_events")
    mine = events[events["subnet"] == figures.code]
    steps = []
    for row in mine[:SHOWN]:
        event = chronicle.event(int(row["event_id"]))
        if event is not None:
            steps.append(Step(event.t, chronicle.say(event), event.number))
    if len(mine) > SHOWN:
        rest = mine[SHOWN:]
        last = float(np.max(rest["t"]))
        steps.append(Step(last, f"the last of {count(len(rest), 'more failure')}"))
    return steps
