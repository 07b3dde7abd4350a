"""``result.summary()``: what the run means, findings in words first (design section 6).

Works on whatever the record holds: a finished run, an interrupted or killed one, empty tables. Floats have
six significant digits, unknown ones are null. Keys are the columns' names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ecssim.catalog.prices import HOME_REGION
from ecssim.record.codes import LAUNCH_TYPES
from ecssim.results.address_findings import address_findings, balancer_findings, interface_findings
from ecssim.results.capacity_findings import capacity_findings
from ecssim.results.deployment_findings import deployment_findings
from ecssim.results.facts import INITIAL, Facts
from ecssim.results.finding import ordered
from ecssim.results.fleet_figures import fleet_figures
from ecssim.results.group_findings import group_findings
from ecssim.results.reachability_findings import reachability_findings
from ecssim.results.request_figures import request_figures, request_findings
from ecssim.results.right_sizing import right_sizes, size_findings
from ecssim.results.run_findings import call_findings, job_findings, run_findings
from ecssim.results.scaling_figures import ScalingFigures, scaling_figures
from ecssim.results.scaling_findings import scaling_findings
from ecssim.results.service_figures import service_figures
from ecssim.results.service_findings import service_findings
from ecssim.results.subnet_figures import subnet_figures
from ecssim.results.unit_costs import graviton, per_million
from ecssim.results.wording import figure, sized

if TYPE_CHECKING:
    from ecssim.results.result import Result

_RUN = ("ecssim", "seed", "variant", "region", "start", "duration", "simulated", "timing", "quotas", "model")
_FARGATE = LAUNCH_TYPES.index("FARGATE") + 1


def summary(result: Result) -> dict[str, Any]:
    """The summary of a run, as JSON values."""
    facts = Facts(result)
    subnets = subnet_figures(facts)
    services = service_figures(facts)
    fleets = fleet_figures(facts)
    requests = request_figures(facts)
    bill = result.bill()
    judged = scaling_figures(facts, bill)
    scaled = {f.name: f for f in judged}
    findings = ordered(
        [
            *run_findings(facts),
            *address_findings(facts, subnets),
            *interface_findings(facts),
            *balancer_findings(facts),
            *reachability_findings(facts),
            *service_findings(facts, services),
            *request_findings(facts, requests),
            *deployment_findings(facts),
            *capacity_findings(facts, services, fleets, bill),
            *group_findings(facts),
            *scaling_findings(judged, facts.end),
            *size_findings(right_sizes(facts, bill, fleets)),
            *job_findings(facts),
            *call_findings(facts),
        ]
    )
    manifest = result.manifest
    return {
        "findings": [finding.as_json() for finding in findings],
        "scenario": manifest.get("scenario"),
        "complete": result.complete,
        "services": {s.name: s.as_json() | _scaling(scaled.get(s.name)) for s in services},
        "requests": {r.service: r.as_json() for r in requests},
        "subnets": {s.name: s.as_json() for s in subnets},
        "capacity_providers": {**{f.name: f.as_json() for f in fleets}, **_fargate(facts)},
        "deployments": _deployments(facts),
        "jobs": {name: dict(account) for name, account in _jobs(manifest).items()},
        "calls": _calls(facts),
        "costs": {
            **bill.as_json(),
            **per_million(bill, {r.service: (r.name, r.cluster, r.served) for r in requests}),
            **graviton(bill, str(manifest.get("region", HOME_REGION))),
        },
        "tasks": {"created": int((facts.tasks.origin != INITIAL).sum()), "initial": _initial(facts)},
        "run": {key: manifest.get(key) for key in _RUN if key in manifest},
    }


def _scaling(figures: ScalingFigures | None) -> dict[str, Any]:
    return {} if figures is None else {"scaling": figures.as_json()}


def _jobs(manifest: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return manifest.get("jobs") or {}


def _initial(facts: Facts) -> int:
    return int((facts.tasks.origin == INITIAL).sum())


def _fargate(facts: Facts) -> dict[str, dict[str, Any]]:
    """What Fargate ran, by capacity provider; a task is paid for from its image pull to its end (FG-040)."""
    tasks = facts.tasks
    templates = facts.raw("_templates")["launch_type"]
    at = tasks.index.template_at()
    fargate = (at >= 0) & (np.append(templates, 0)[at] == _FARGATE)
    pulled = np.clip(tasks.times["pull_started_at"], 0.0, None)
    held = np.fmin(tasks.stopped, facts.end) - pulled
    held = np.nan_to_num(np.where(np.isnan(tasks.stopped), facts.end - pulled, held), nan=0.0)
    found = {}
    for code in np.unique(tasks.provider[fargate]).tolist():
        mine = fargate & (tasks.provider == code)
        found[facts.name("capacity_provider", code) or "FARGATE (launch type)"] = {
            "tasks": int(mine.sum()),
            "vcpu_hours": sized(float((held[mine] * tasks.cpu[mine]).sum()) / 1024 / 3600),
            "gib_hours": sized(float((held[mine] * tasks.memory[mine]).sum()) / 1024 / 3600),
        }
    return found


def _deployments(facts: Facts) -> list[dict[str, Any]]:
    return [
        {
            "service": facts.label(int(row["service"]), int(row["cluster"])),
            "task_definition": facts.deployment_revision[int(row["deployment_id"])],
            "rollout_state": facts.name("rollout_state", int(row["rollout_state"])),
            "started_at": figure(float(row["started_at"])),
            "finished_at": figure(float(row["finished_at"])),
            "failed_tasks": int(row["failed_tasks"]),
            "peak_tasks": int(row["peak_tasks"]),
            **_rollback(facts, row),
        }
        for row in facts.deployments
        if row["started_at"] > 0.0 or np.isnan(row["finished_at"])
    ]


def _rollback(facts: Facts, row: np.void) -> dict[str, Any]:
    """To what and when a failed deployment was rolled back, if it was."""
    if not row["rolled_back_to"]:
        return {}
    return {
        "status": facts.name("service_deployment_status", int(row["status"])),
        "rolled_back_to": facts.deployment_revision[int(row["rolled_back_to"])],
        "rollback_started_at": figure(float(row["rollback_started_at"])),
        "rollback_finished_at": figure(float(row["rollback_finished_at"])),
    }


def _calls(facts: Facts) -> dict[str, dict[str, int]]:
    """How many calls there were, by action and result."""
    calls = facts.raw("calls")
    keys = (calls["action"].astype(np.int64) << 32) | calls["result"]
    found: dict[str, dict[str, int]] = {}
    for key, number in zip(*(a.tolist() for a in np.unique(keys, return_counts=True)), strict=True):
        action, result = facts.name("action", key >> 32), facts.name("call_result", key & 0xFFFFFFFF)
        found.setdefault(action, {})[result] = number
    return found
