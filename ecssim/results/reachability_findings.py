"""Findings about what could not be reached: which hop is missing, and how many tasks or instances that cost."""

from __future__ import annotations

import numpy as np

from ecssim.results.facts import Facts
from ecssim.results.finding import PROBLEM, Finding
from ecssim.results.wording import count, listed


def reachability_findings(facts: Facts) -> list[Finding]:
    """One finding for each missing hop: the first moment, what was wanted, who went without (NET-081 to NET-087)."""
    rows = facts.raw("reachability_events")
    found = []
    for missing in dict.fromkeys(rows["missing"].tolist()):
        mine = rows[rows["missing"] == missing]
        first = float(mine["t"][0])
        hosts = [facts.name("text", code) for code in np.unique(mine["host"]).tolist()]
        tasks = int(np.count_nonzero(mine["task"]))
        instances = len(np.unique(mine["instance"][mine["instance"] > 0]))
        parts = [count(tasks, "start")] if tasks else []
        parts += [f"{count(instances, 'instance')} that never joined"] if instances else []
        text = (
            f"Nothing leads to {listed(sorted(hosts), 4)}: {facts.name('text', missing)}. "
            f"It cost {' and '.join(parts)}, the first at {facts.at(first)}."
        )
        found.append(Finding(PROBLEM, "network.unreachable", facts.name("subnet", int(mine["subnet"][0])), text, first))
    return found
