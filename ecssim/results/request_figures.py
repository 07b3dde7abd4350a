"""Requests by service: how many came, what became of them, and what to say about the lost ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ecssim.results.facts import Facts
from ecssim.results.finding import NOTE, PROBLEM, WARNING, Finding
from ecssim.results.groups import key_of
from ecssim.results.wording import figure, moment

CODES: Final = ("http_502_count", "http_503_count", "http_504_count")
#: Failures that only some scenarios can have: they are shown where they occurred.
RARE: Final = ("http_460_count", "http_464_count")
#: Shares of failed requests from which users complain, and from which somebody should look.
MANY, SOME = 0.01, 0.001
_MEANING: Final = {
    "http_502_count": "502, a task ended with requests in its hands or none was up",
    "http_503_count": "503, no target was registered",
    "http_504_count": "504, they waited longer than the load balancer's idle timeout",
    "http_460_count": "460, their clients gave up before",
    "http_464_count": "464, the target group's protocol version does not take them",
}


@dataclass(frozen=True)
class RequestFigures:
    """The requests of one service; ``worst_t`` is the minute with the largest share of failures, in seconds.

    ``service`` is what it is called here: its ``name``, with its cluster where two clusters have one of that name.
    """

    service: str
    name: str
    cluster: str
    offered: int
    served: int
    failed: int
    codes: dict[str, int]
    latency_p95: float
    latency_p99_max: float
    worst_t: float
    worst_share: float
    retried: int = 0

    def as_json(self) -> dict[str, Any]:
        """The entry of the summary."""
        return {
            "offered": self.offered,
            "served": self.served,
            "failed": self.failed,
            **{code: count for code, count in self.codes.items() if count},
            "latency_p95": figure(self.latency_p95),
            "latency_p99_max": figure(self.latency_p99_max),
        }


def request_figures(facts: Facts) -> list[RequestFigures]:
    """Figures of the services that had requests; latencies are weighted by the requests of their minutes.

    Works on whole columns: a day of 1,000 services has 1.4 million minutes.
    """
    at = np.flatnonzero(facts.raw("service_metrics", "offered_count")["offered_count"])
    if not len(at):
        return []

    def column(name: str) -> np.ndarray:
        # One at a time: all ten of a day of 1,000 services are a hundred megabytes.
        values: np.ndarray = facts.raw("service_metrics", name)[name][at]
        return values

    keys, service = np.unique(key_of(column("service"), column("cluster")), return_inverse=True)
    n = len(keys)

    def total(values: np.ndarray) -> list[int]:
        return [int(x) for x in np.bincount(service, weights=values, minlength=n)]

    offered = column("offered_count").astype(np.float64)
    served = column("served_count").astype(np.float64)
    failed = column("failed_count").astype(np.float64)
    retried = column("retried_count").astype(np.float64)
    share = failed / (offered + retried)
    p95 = column("latency_p95")
    weight = np.where(np.isnan(p95), 0.0, served)
    weights = np.bincount(service, weights=weight, minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_p95 = np.bincount(service, weights=weight * np.nan_to_num(p95), minlength=n) / weights
    worst_p99 = np.full(n, -np.inf)
    np.maximum.at(worst_p99, service, np.nan_to_num(column("latency_p99"), nan=-np.inf))
    # The first of the minutes with the largest share, service by service.
    order = np.lexsort((at, -share, service))
    worst = order[np.searchsorted(service[order], np.arange(n))]
    times = column("t")
    totals = [total(offered), total(served), total(failed)]
    by_code = {name: total(column(name).astype(np.float64)) for name in CODES}
    by_code |= {name: counts for name in RARE if any(counts := total(column(name).astype(np.float64)))}
    again = total(retried)
    return [
        RequestFigures(
            facts.label(key >> 32, key & 0xFFFFFFFF),
            facts.name("service", key >> 32),
            facts.name("cluster", key & 0xFFFFFFFF),
            totals[0][i],
            totals[1][i],
            totals[2][i],
            {name: counts[i] for name, counts in by_code.items()},
            float(mean_p95[i]),
            float(worst_p99[i]) if np.isfinite(worst_p99[i]) else float("nan"),
            float(times[worst[i]]),
            float(share[worst[i]]),
            again[i],
        )
        for i, key in enumerate(keys.tolist())
    ]


def request_findings(facts: Facts, figures: list[RequestFigures]) -> list[Finding]:
    """Lost requests: how many, why, and when it was worst."""
    found = []
    for f in figures:
        if not f.failed:
            continue
        tries = f.offered + f.retried
        share = f.failed / tries
        retries = f", {f.retried:,} of them retries" if f.retried else ""
        causes = [f"{count:,} x {_MEANING[code]}" for code, count in f.codes.items() if count]
        text = (
            f"Service {f.service} lost {f.failed:,} of {tries:,} requests{retries} ({share:.2%}): {'; '.join(causes)}. "
            f"Worst in the minute from {moment(facts.result.start, f.worst_t)}: {f.worst_share:.1%} failed."
        )
        severity = PROBLEM if share >= MANY else WARNING if share >= SOME else NOTE
        found.append(Finding(severity, "service.lostRequests", f.service, text, f.worst_t))
    return found
