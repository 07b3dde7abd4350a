"""The few numbers that stand for one run when runs are compared.

Each measure has a name, a unit and a direction: whether less or more of it is better. A number that a run does not
have (no traffic, nothing started) is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from ecssim.results.facts import INITIAL, INTERRUPTIONS, TASK_FAILED_TO_START, Facts
from ecssim.results.service_figures import service_figures

if TYPE_CHECKING:
    from ecssim.results.result import Result


@dataclass(frozen=True, slots=True)
class Measure:
    """How a number is called, in which unit it is, and whether less of it is better."""

    label: str
    unit: str
    less_is_better: bool


MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "cost_usd": Measure("cost", "USD", True),
        "idle_usd": Measure("idle capacity", "USD", True),
        "availability": Measure("availability", "share of service-minutes", False),
        "lost_requests": Measure("lost requests", "requests", True),
        "success": Measure("served requests", "share of requests", False),
        "interruptions": Measure("interruptions", "tasks", True),
        "failed_starts": Measure("failed starts", "tasks", True),
        "p95_time_to_running": Measure("p95 time to RUNNING", "s", True),
        "min_free_addresses": Measure("least free addresses", "addresses", False),
        "missing_task_minutes": Measure("missing tasks", "task-minutes", True),
    }
)
"""What is compared, in the order in which it is shown.

``availability`` is the share of minutes in which a service had its minimum of healthy tasks, over all services;
``success`` the served share of the requests that were answered; ``missing_task_minutes`` what was desired and did
not run, minute by minute.
"""


def measures(result: Result) -> dict[str, float]:
    """The measures of one run."""
    facts = Facts(result)
    bill = result.bill()
    services = service_figures(facts)
    minutes = sum(figures.minutes for figures in services)
    short = sum(figures.short_minutes for figures in services)
    rows = facts.raw("service_metrics")
    served, failed = int(rows["served_count"].sum()), int(rows["failed_count"].sum())
    missing = rows["desired_count"].astype(np.int64) - rows["running_count"]
    subnets = facts.raw("subnet_metrics")["free_min"]
    tasks = facts.tasks
    waited = (tasks.started - tasks.created)[tasks.origin != INITIAL]
    waited = waited[~np.isnan(waited)]
    nan = float("nan")
    return {
        "cost_usd": float(bill.exact),
        "idle_usd": float(bill.idle),
        "availability": (minutes - short) / minutes if minutes else nan,
        "lost_requests": float(failed) if rows["offered_count"].any() else nan,
        "success": served / (served + failed) if served + failed else nan,
        "interruptions": float(np.isin(tasks.stop_code, INTERRUPTIONS).sum()),
        "failed_starts": float((tasks.stop_code == TASK_FAILED_TO_START).sum()),
        "p95_time_to_running": float(np.percentile(waited, 95)) if len(waited) else nan,
        "min_free_addresses": float(subnets.min()) if len(subnets) else nan,
        "missing_task_minutes": float(np.maximum(missing, 0).sum()),
    }
