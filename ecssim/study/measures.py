"""The few numbers that stand for one run when runs are compared.

Each measure has a name, a unit and a direction: whether less or more of it is better. A number that a run does not
have (no traffic, nothing started) is NaN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from ecssim.results.facts import INITIAL, INTERRUPTIONS, TASK_FAILED_TO_START, Facts
from ecssim.results.packing import Packing
from ecssim.results.placement_figures import placement_figures
from ecssim.results.repacking import repack
from ecssim.results.request_figures import RequestFigures, request_figures
from ecssim.results.scaling_figures import scaling_figures, total
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
        "p95_latency": Measure("p95 response time", "s", True),
        "interruptions": Measure("interruptions", "tasks", True),
        "failed_starts": Measure("failed starts", "tasks", True),
        "p95_time_to_running": Measure("p95 time to RUNNING", "s", True),
        "min_free_addresses": Measure("least free addresses", "addresses", False),
        "missing_task_minutes": Measure("missing tasks", "task-minutes", True),
        "under_provisioned": Measure("tasks too few for the load", "task-minutes", True),
        "over_provisioned": Measure("tasks too many for the load", "task-minutes", True),
        "time_to_capacity": Measure("from a step in load to capacity", "s", True),
        "steps_missed": Measure("steps in load without capacity", "steps", True),
        "activities": Measure("scaling activities", "activities", True),
        "flaps": Measure("scaling there and back", "flaps", True),
        "instances_needed": Measure("most instances with tasks", "instances", True),
        "occupied_instances": Measure("instances with tasks", "instances on average", True),
        "fragmentation": Measure("fragmentation", "share of what is free", True),
        "stranded_cpu": Measure("stranded CPU", "share of registered", True),
        "stranded_memory": Measure("stranded memory", "share of registered", True),
        "stranded_enis": Measure("stranded interfaces", "share of registered", True),
        "zone_imbalance": Measure("tasks above an even split over zones", "tasks on average", True),
        "p95_time_to_place": Measure("p95 time to place", "s", True),
        "repack_saves": Measure("what a repack would save at the end", "instances", True),
        "repack_restarts": Measure("at how many restarts", "restarts", True),
    }
)
"""What is compared, in the order in which it is shown.

``availability`` is the share of minutes in which a service had its minimum of healthy tasks, over all services;
``success`` the served share of the requests that were answered; ``p95_latency`` the 95th percentile of the response
time, of each minute weighted by its requests, over all services; ``missing_task_minutes`` what was desired and did
not run, minute by minute. ``under_provisioned`` to ``flaps`` judge what scales the services against what their
requests cost (:mod:`ecssim.results.scaling_figures`); ``time_to_capacity`` is the mean over the steps in load that got
their tasks at all, ``steps_missed`` how many did not. What begins with ``instances_needed`` is about container
instances (:class:`~ecssim.results.placement_figures.PlacementFigures`, :mod:`ecssim.results.repacking`).
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
    packing = Packing(facts)
    placed = placement_figures(facts, packing)
    again = repack(facts, packing=packing) if len(packing.of) else None
    return {
        "cost_usd": float(round(bill.exact, 9)),
        "idle_usd": float(round(bill.idle, 9)),
        "availability": (minutes - short) / minutes if minutes else nan,
        "lost_requests": float(failed) if rows["offered_count"].any() else nan,
        "success": served / (served + failed) if served + failed else nan,
        "p95_latency": _latency(request_figures(facts)),
        "interruptions": float(np.isin(tasks.stop_code, INTERRUPTIONS).sum()),
        "failed_starts": float((tasks.stop_code == TASK_FAILED_TO_START).sum()),
        "p95_time_to_running": float(np.percentile(waited, 95)) if len(waited) else nan,
        "min_free_addresses": float(subnets.min()) if len(subnets) else nan,
        "missing_task_minutes": float(np.maximum(missing, 0).sum()),
        **total(scaling_figures(facts, bill, every=True)),
        **asdict(placed),
        "repack_saves": float(again.saved) if again is not None else nan,
        "repack_restarts": float(again.restarts) if again is not None else nan,
    }


def _latency(figures: list[RequestFigures]) -> float:
    """The p95 response time over all services that know theirs, weighted by what they served; NaN without any."""
    known = [(f.latency_p95, f.served) for f in figures if not np.isnan(f.latency_p95) and f.served]
    served = sum(n for _, n in known)
    return sum(p95 * n for p95, n in known) / served if served else float("nan")
