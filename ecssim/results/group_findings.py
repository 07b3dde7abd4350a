"""Findings about Auto Scaling groups: launches that EC2 refused, and Spot instances that it took back (ASG-058)."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np

from ecssim.results.facts import Facts
from ecssim.results.finding import WARNING, Finding
from ecssim.results.wording import count, later

#: Why EC2 refused a launch, in words.
_WORDS: Final = {
    "InsufficientInstanceCapacity": "EC2 had no capacity for any of its types in any of its zones",
    "VcpuLimitExceeded": "the account's quota of On-Demand vCPUs was used up",
    "MaxSpotInstanceCountExceeded": "the account's quota of Spot vCPUs was used up",
    "SpotMaxPriceTooLow": "the Spot price was above its maximum price",
}


def group_findings(facts: Facts) -> list[Finding]:
    """One finding for each group and reason of launches that failed."""
    rows = facts.raw("scaling_activities")
    failed = rows[rows["status_code"] == facts.code("scaling_status", "Failed")]
    first: dict[tuple[str, str], float] = {}
    times: Counter[tuple[str, str]] = Counter()
    for row in failed:
        reason = facts.name("text", int(row["not_scaled_reason"]))
        if reason in _WORDS:
            key = facts.name("scaling_target", int(row["target"])).partition("/")[2], reason
            first.setdefault(key, float(row["t"]))
            times[key] += 1
    return [_finding(facts, *key, t, times[key]) for key, t in first.items()]


def _finding(facts: Facts, group: str, code: str, t: float, times: int) -> Finding:
    text = f"Group {group} could not launch instances from {facts.at(t)} on ({code}): {_WORDS[code]}"
    again = _next_launch(facts, group, t)
    if again is None:
        text += "; it launched none afterwards"
    else:
        text += f"; the next launch came {later(again - t)}"
    if times > 1:
        text += f". This happened {count(times, 'time')}"
    return Finding(WARNING, "group.launchFailed", group, f"{text}.", t)


def _next_launch(facts: Facts, group: str, t: float) -> float | None:
    """When the group's next instance was Pending."""
    rows = facts.raw("instance_lifecycle")
    mine = rows[
        (rows["auto_scaling_group"] == facts.code("auto_scaling_group", group))
        & (rows["lifecycle_state"] == facts.code("lifecycle_state", "Pending"))
        & (rows["t"] > t)
    ]
    return float(np.min(mine["t"])) if len(mine) else None
