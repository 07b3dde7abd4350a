"""Requests by service: how many came, what became of them, and what to say about the lost ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ecssim.results.facts import Facts
from ecssim.results.finding import NOTE, PROBLEM, WARNING, Finding
from ecssim.results.wording import figure, moment

CODES: Final = ("http_502_count", "http_503_count", "http_504_count")
#: Shares of failed requests from which users complain, and from which somebody should look.
MANY, SOME = 0.01, 0.001
_MEANING: Final = {
    "http_502_count": "502, a task ended with requests in its hands or none was up",
    "http_503_count": "503, no target was registered",
    "http_504_count": "504, they waited longer than the load balancer's idle timeout",
}


@dataclass(frozen=True)
class RequestFigures:
    """The requests of one service; ``worst_t`` is the minute with the largest share of failures, in seconds."""

    service: str
    offered: int
    served: int
    failed: int
    codes: dict[str, int]
    latency_p95: float
    latency_p99_max: float
    worst_t: float
    worst_share: float

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
    """Figures of the services that had requests; latencies are weighted by the requests of their minutes."""
    rows = facts.raw("service_metrics")
    rows = rows[rows["offered_count"] > 0]
    names = facts.result.names.get("service", [None])
    out = []
    for code in np.unique(rows["service"]).tolist():
        mine = rows[rows["service"] == code]
        offered = mine["offered_count"].astype(np.int64)
        failed = mine["failed_count"].astype(np.int64)
        served = mine["served_count"].astype(np.int64)
        share = failed / offered
        worst = int(np.argmax(share))
        known = ~np.isnan(mine["latency_p95"])
        weight = served[known]
        p95 = float(np.average(mine["latency_p95"][known], weights=weight)) if weight.sum() else float("nan")
        p99 = mine["latency_p99"][known]
        out.append(
            RequestFigures(
                str(names[code]),
                int(offered.sum()),
                int(served.sum()),
                int(failed.sum()),
                {name: int(mine[name].astype(np.int64).sum()) for name in CODES},
                p95,
                float(p99.max()) if len(p99) else float("nan"),
                float(mine["t"][worst]),
                float(share[worst]),
            )
        )
    return out


def request_findings(facts: Facts, figures: list[RequestFigures]) -> list[Finding]:
    """Lost requests: how many, why, and when it was worst."""
    found = []
    for f in figures:
        if not f.failed:
            continue
        share = f.failed / f.offered
        causes = [f"{count:,} x {_MEANING[code]}" for code, count in f.codes.items() if count]
        text = (
            f"Service {f.service} lost {f.failed:,} of {f.offered:,} requests ({share:.2%}): {'; '.join(causes)}. "
            f"Worst in the minute from {moment(facts.result.start, f.worst_t)}: {f.worst_share:.1%} failed."
        )
        severity = PROBLEM if share >= MANY else WARNING if share >= SOME else NOTE
        found.append(Finding(severity, "service.lostRequests", f.service, text, f.worst_t))
    return found
