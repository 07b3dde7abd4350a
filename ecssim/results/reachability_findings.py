"""Findings about what could not be reached: which hop is missing, and how many tasks or instances that cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ecssim.decide.routes import GATEWAY_SERVICES, INTERNET
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
        fix = _fix(facts, mine)
        if fix is not None:
            text += f" Fix: {fix}"
        subnet = facts.name("subnet", int(mine["subnet"][0]))
        found.append(Finding(PROBLEM, "network.unreachable", subnet, text, first, fix))
    return found


def _fix(facts: Facts, rows: np.ndarray) -> str | None:
    """The endpoint that would have led there, if the service is one of AWS and the VPC has none for it.

    A closed security group, or a route that leads nowhere, is not mended by an endpoint.
    """
    service = facts.name("aws_service", int(rows["endpoint_service"][0]))
    subnet = facts.name("subnet", int(rows["subnet"][0]))
    missing = facts.name("text", int(rows["missing"][0]))
    if service == INTERNET or not missing.endswith(f"has no endpoint for {service} that serves it"):
        return None
    known: Mapping[str, Mapping[str, Any]] = facts.setting.get("subnets") or {}
    vpc = (known.get(subnet) or {}).get("vpcId")
    where = f"vpcId: {vpc}, " if vpc else ""
    name = f"{where}serviceName: com.amazonaws.{facts.manifest.get('region')}.{service}"
    if service not in GATEWAY_SERVICES:
        return f"--set 'vpcEndpoints.+={{{name}, vpcEndpointType: Interface, subnetIds: [{subnet}]}}'"
    table = (facts.setting.get("routeTables") or {}).get(subnet)
    return f"--set 'vpcEndpoints.+={{{name}, routeTableIds: [{table}]}}'" if table else None
