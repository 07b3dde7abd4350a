"""The most addresses that a run held in a subnet at once: when that was, who held them, and what had made it so.

What made it so is what grew before: a service whose deployment was going on, that was being scaled out, or whose Spot
tasks were being replaced while they drained; a job; instances; load balancers that grew with their traffic.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ecssim.results.address_fixes import Rollout, rollouts_at
from ecssim.results.facts import INTERRUPTIONS, Facts
from ecssim.results.subnet_figures import SubnetFigures, held_at, steps_of, subnet_figures
from ecssim.results.wording import count, listed

#: What grew within this time before the peak was what made it (seconds): the shortest in which ...
BEFORE: Final = (900.0, 3600.0, 10_800.0)
#: ... this share of what grew in the longest did.
SHARE: Final = 0.5
#: How long before a peak one looks back within that time.
LOOKS: Final = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0)
#: Tasks that were reclaimed within this time may still hold addresses beside their successors.
RECLAIMED: Final = 300.0
#: Causes that are named.
NAMED: Final = 3
_WORDS: Final = {
    "instances": "instances that were launched",
    "load_balancers": "load balancers that grew",
    "others": "addresses that others took",
    "cooling": "addresses that were given back and cooled",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that took addresses before a peak: its kind, who, how many more than before, and the words for it."""

    kind: str
    of: str
    addresses: int
    text: str
    t: float | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """The most addresses held at once in a subnet; ``at`` in seconds from the start and in words."""

    subnet: str
    zone: str
    usable: int
    needed: int
    at: float
    when: str
    consumers: dict[str, int]
    causes: tuple[Cause, ...]

    @property
    def cause(self) -> str:
        """What made the peak, in words."""
        return listed([cause.text for cause in self.causes], NAMED) or "the usual load; nothing grew before"

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "causes": [asdict(cause) for cause in self.causes], "cause": self.cause}


def demands(facts: Facts, figures: list[SubnetFigures] | None = None) -> list[Demand]:
    """The peak of every subnet, in the order of the scenario."""
    return [demand(facts, of) for of in (subnet_figures(facts) if figures is None else figures)]


def demand(facts: Facts, figures: SubnetFigures) -> Demand:
    """The peak of one subnet."""
    t = _peak(facts, figures)
    held = _held(facts, figures, t)
    return Demand(
        figures.name,
        figures.zone,
        figures.usable,
        figures.used_max,
        t,
        facts.at(t),
        held,
        tuple(_causes(facts, figures, t, held)),
    )


def _held(facts: Facts, figures: SubnetFigures, t: float) -> dict[str, int]:
    """Who held the addresses; what came and went within the minute is found in the rows around it."""
    held = held_at(facts, figures.code, t)
    short = figures.used_max - sum(held.values())
    for near in (t + 60.0, t - 60.0):
        for name, number in held_at(facts, figures.code, near).items() if short > 0 else ():
            if name in _WORDS and number > held.get(name, 0):
                more = min(short, number - held.get(name, 0))
                held[name] = held.get(name, 0) + more
                short -= more
    return held


def _peak(facts: Facts, figures: SubnetFigures) -> float:
    """The instant of the peak: within the minute that has it, that at which most tasks held an address."""
    rows = facts.raw("subnet_metrics")
    mine = rows[rows["subnet"] == figures.code]
    minute = float(mine["t"][int(np.argmax(mine["used_max"]))])
    tasks = facts.tasks
    here = (tasks.subnet == figures.code) & tasks.has_address
    times, levels = steps_of(tasks.created[here], tasks.address_until[here])
    # A minute's row is written when all that happens at its end has happened.
    within = (times >= minute) & (times <= minute + 60.0)
    before = int(np.searchsorted(times, minute, "left"))
    level = int(levels[before - 1]) if before else 0
    if not within.any() or int(levels[within].max()) <= level:
        return minute
    return float(times[within][int(np.argmax(levels[within]))])


def _causes(facts: Facts, figures: SubnetFigures, t: float, held: dict[str, int]) -> list[Cause]:
    rollouts = rollouts_at(facts, figures.code, t)
    levels = {t - look: held_at(facts, figures.code, t - look) for look in LOOKS if t - look >= 0.0}
    if 0.0 < t < LOOKS[-1]:
        levels[0.0] = held_at(facts, figures.code, 0.0)
    for rollout in rollouts:
        if rollout.begin >= 1.0:
            levels[rollout.begin - 1.0] = held_at(facts, figures.code, rollout.begin - 1.0)

    def grown(since: float) -> dict[str, int]:
        before = [held for moment, held in levels.items() if moment >= since]
        more = {name: held[name] - min((b.get(name, 0) for b in before), default=held[name]) for name in held}
        return {name: number for name, number in more.items() if number > 0}

    # A deployment is a cause from its begin on, however long it takes.
    begin = min([t, *(r.begin - 1.0 for r in rollouts)])
    most = sum(grown(min(begin, t - BEFORE[-1])).values())
    span = next(s for s in BEFORE if sum(grown(min(begin, t - s)).values()) >= SHARE * most)
    found = []
    for name, more in sorted(grown(min(begin, t - span)).items(), key=lambda item: (-item[1], item[0])):
        found.append(_cause(facts, figures, t, name, more, rollouts, span))
    # What cools was given back by those that are named already.
    return [cause for cause in found if cause.kind != "cooling"] or found


def _cause(
    facts: Facts, figures: SubnetFigures, t: float, name: str, more: int, rollouts: list[Rollout], span: float
) -> Cause:
    words = f"+{more}"
    if name in _WORDS:
        return Cause(name, name, more, f"{_WORDS[name]} ({words})")
    if name == "standalone tasks":
        return Cause("job", name, more, f"standalone tasks{_families(facts, figures, t)} ({words})")
    mine = next((r for r in rollouts if facts.label(r.service, r.cluster) == name), None)
    if mine is not None:
        text = f"the deployment of {mine.revision} (service {name}, {words}) that began at {facts.at(mine.begin)}"
        return Cause("deployment", name, more, text, mine.begin)
    lost = _interrupted(facts, name, t)
    if len(lost):
        text = f"{count(len(lost), 'task')} of {name} reclaimed since {facts.at(float(lost.min()))} ({words})"
        return Cause("reclaim", name, more, text, float(lost.min()))
    scaled = _scaled(facts, name, t, span)
    if scaled is not None:
        since, low, high = scaled
        text = f"{name} scaled out from {low} to {high} tasks {_scaler(facts, name, since, t)}({words})"
        return Cause("scale-out", name, more, text, since)
    return Cause("service", name, more, f"tasks of {name} that were started or replaced ({words})")


def _interrupted(facts: Facts, name: str, t: float) -> np.ndarray:
    """When tasks of a service that were reclaimed or lost with their instance began to stop, shortly before ``t``."""
    tasks = facts.tasks
    recent = (tasks.stopping <= t) & (tasks.stopping > t - RECLAIMED) & np.isin(tasks.stop_code, INTERRUPTIONS)
    owner = [
        facts.label(int(s), int(c)) == name for s, c in zip(tasks.service[recent], tasks.cluster[recent], strict=True)
    ]
    times: np.ndarray = tasks.stopping[recent][np.array(owner, bool)]
    return times


def _scaled(facts: Facts, name: str, t: float, span: float) -> tuple[float, int, int] | None:
    """Since when, from how many and to how many tasks a service was scaled out in the ``span`` before ``t``."""
    for service, cluster in facts.minutes.services:
        if facts.label(service, cluster) != name:
            continue
        rows = facts.minutes.of(service, cluster)
        rows = rows[(rows["t"] >= t - span - 60.0) & (rows["t"] <= t + 60.0)]
        if not len(rows):
            return None
        wanted = rows["desired_count"]
        low, high = int(wanted.min()), int(wanted.max())
        first = int(np.argmin(wanted))
        rises = np.flatnonzero(wanted[first:] > low)
        if high > low and len(rises):
            return float(rows["t"][first + int(rises[0])]), low, high
    return None


def _scaler(facts: Facts, name: str, since: float, t: float) -> str:
    """By whom a service was scaled out between two times: its policies, or whoever called UpdateService."""
    rows = facts.raw("scaling_activities")
    rows = rows[(rows["t"] >= since - 60.0) & (rows["t"] <= t) & (rows["to_count"] > rows["from_count"])]
    targets = [facts.name("scaling_target", int(code)) for code in rows["target"].tolist()]
    policies = [
        facts.name("policy", int(row["policy"]))
        for row, target in zip(rows, targets, strict=True)
        if name.endswith(target.rsplit("/", 1)[-1])
    ]
    if policies:
        return f"by {listed(list(dict.fromkeys(policies)))} from {facts.at(float(rows['t'].min()))} on "
    calls = facts.raw("calls")
    calls = calls[(calls["t"] >= since) & (calls["t"] <= t)]
    mine = [
        float(row["t"])
        for row in calls
        if facts.name("action", int(row["action"])) == "UpdateService"
        and facts.name("call_target", int(row["target"])).rsplit("/", 1)[-1] == name.rsplit("/", 1)[-1]
    ]
    return f"by a call at {facts.at(mine[0])} " if mine else f"from {facts.at(since)} on "


def _families(facts: Facts, figures: SubnetFigures, t: float) -> str:
    """Which standalone tasks hold addresses at ``t``, by group, those with the most first."""
    tasks = facts.tasks
    mine = (tasks.subnet == figures.code) & tasks.has_address & (tasks.service == 0)
    codes, numbers = np.unique(tasks.owner[mine & (tasks.created <= t) & ~(tasks.stopped <= t)], return_counts=True)
    names = [facts.name("group", int(code)).partition(":")[2] for code in codes[np.argsort(-numbers, kind="stable")]]
    return f" of {listed(names, 2)}" if names else ""


def peak_between(facts: Facts, figures: SubnetFigures, since: float, before: float) -> int:
    """The most addresses in use in the minutes of ``[since, before)``."""
    rows = facts.raw("subnet_metrics")
    mine = rows[(rows["subnet"] == figures.code) & (rows["t"] + 60.0 > since) & (rows["t"] < before)]
    return int(mine["used_max"].max()) if len(mine) else 0


def lasting(facts: Facts) -> float | None:
    """Seconds that the longest deployment of the run took; None if there was none, infinity if one did not end."""
    rows = facts.deployments
    rows = rows[rows["started_at"] > 0.0]
    if not len(rows):
        return None
    ends = np.where(np.isnan(rows["finished_at"]), np.inf, rows["finished_at"])
    return float((ends - rows["started_at"]).max())
