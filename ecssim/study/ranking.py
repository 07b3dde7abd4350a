"""Which way of scaling is the best: an order of the arms of a comparison, in words.

First comes who loses fewer requests: beyond luck, or in every seed. Of those who lose about as many comes first whose
clients do not wait much longer than those of the quickest; of these the cheaper. The p95 of the response time decides
only where it is clearly and by a lot higher, for a policy that saves dollars saves them by fuller tasks.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Final

from ecssim.study.comparison import figure
from ecssim.study.paired import difference

if TYPE_CHECKING:
    from ecssim.study.comparison import Comparison

#: Shares of lost requests that differ by less decide nothing: one request in ten thousand.
SAME: Final = 1e-4
#: Response times decide where the p95 is so many times that of the quickest arm, and so many seconds above it.
SLOWER: Final = 1.5
SECONDS: Final = 0.1
AHEAD: Final = "is there before a step"


def ranked(compared: Comparison) -> tuple[tuple[str, ...], ...]:
    """The arms in groups, the best first: a group loses as many requests as its first, and its clients wait about as
    long as those of its quickest; it is in order of cost.

    Empty where no arm scales, or none has requests.
    """
    if not any(v > 0.0 for arm in compared.arms for v in compared.values[arm]["activities"]):
        return ()
    lost = {arm: 1.0 - compared.means[arm]["success"].mean for arm in compared.arms}
    if any(isnan(share) for share in lost.values()):
        return ()
    groups: list[list[str]] = []
    for arm in sorted(compared.arms, key=lambda a: lost[a]):
        if groups and _as_many(compared, groups[-1][0], arm, lost[arm] - lost[groups[-1][0]]):
            groups[-1].append(arm)
        else:
            groups.append([arm])
    return tuple(
        tuple(sorted(part, key=lambda a: compared.means[a]["cost_usd"].mean))
        for group in groups
        for part in _by_wait(compared, group)
    )


def _by_wait(compared: Comparison, group: list[str]) -> list[list[str]]:
    """Arms that lose as many, those first whose clients wait clearly and much less; unknown times decide nothing."""
    waits = {arm: compared.means[arm]["p95_latency"].mean for arm in group}
    if any(isnan(wait) for wait in waits.values()):
        return [group]
    parts: list[list[str]] = []
    for arm in sorted(group, key=lambda a: waits[a]):
        if parts and not _slower(compared, parts[-1][0], arm):
            parts[-1].append(arm)
        else:
            parts.append([arm])
    return parts


def _slower(compared: Comparison, quick: str, slow: str) -> bool:
    a, b = (compared.values[arm]["p95_latency"] for arm in (quick, slow))
    means = [compared.means[arm]["p95_latency"].mean for arm in (quick, slow)]
    if means[1] < SLOWER * means[0] or means[1] - means[0] < SECONDS:
        return False
    if all(x < y for x, y in zip(a, b, strict=True)):
        return True
    return difference(a, b, compared.confidence, compared.interval).clear


def ranking(compared: Comparison) -> tuple[str, ...]:
    """One line for each arm, the best first: what it loses, how long a step waits, what it costs, how it flaps."""
    groups = ranked(compared)
    if not groups:
        return ()
    lines = ["Ranking: fewer lost requests first, then much shorter response times, then dollars."]
    place = 0
    for group in groups:
        for i, arm in enumerate(group):
            place += 1
            same = f"; loses as many as {group[0]}, costs more" if i else ""
            lines.append(f"{place}. {arm}: {_words(compared, arm)}{same}.")
    return tuple(lines)


def _as_many(compared: Comparison, first: str, second: str, more: float) -> bool:
    if more < SAME:
        return True
    a, b = (compared.values[arm]["success"] for arm in (first, second))
    if all(x > y for x, y in zip(a, b, strict=True)):
        return False  # few seeds have wide intervals, but here all of them say the same
    return not difference(a, b, compared.confidence, compared.interval).clear


def _words(compared: Comparison, arm: str) -> str:
    mean = {name: estimate.mean for name, estimate in compared.means[arm].items()}
    lost = 1.0 - mean["success"]
    parts = [f"loses {lost:.2%} of the requests" if lost >= SAME / 2 else "loses next to nothing"]
    if not isnan(mean["p95_latency"]):
        parts.append(f"answers within {mean['p95_latency']:.2g} s (p95)")
    waits, missed = mean["time_to_capacity"], mean["steps_missed"]
    never = f", but never for {missed:.3g} of them" if missed > 0 else ""
    if not isnan(waits):
        parts.append((f"has the tasks for a step in load after {waits:.0f} s" if waits >= 1 else AHEAD) + never)
    elif missed > 0:
        parts.append("has the tasks for a step in load too late")
    if not isnan(mean["under_provisioned"]):
        parts.append(
            f"is {figure(round(mean['under_provisioned'], 1))} task-minutes short"
            f" and {figure(round(mean['over_provisioned'], 1))} above the load"
        )
    flaps = mean["flaps"]
    parts.append(f"scales {mean['activities']:.3g} times" + (f", {flaps:.3g} of them back" if flaps else ""))
    parts.append(f"costs ${mean['cost_usd']:,.2f}")
    return ", ".join(parts)
