"""Findings about what could not be reached: which hop is missing, and how many tasks or instances that cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ecssim.decide.routes import GATEWAY_SERVICES, INTERNET
from ecssim.results.facts import Facts
from ecssim.results.finding import PROBLEM, Finding
from ecssim.results.groups import key_of
from ecssim.results.wording import count, listed


def reachability_findings(facts: Facts) -> list[Finding]:
    """One finding for each missing hop: the first moment, what was wanted, who went without (NET-081 to NET-087)."""
    rows = facts.raw("reachability_events")
    found = []
    for missing in dict.fromkeys(rows["missing"].tolist()):
        mine = rows[rows["missing"] == missing]
        first = float(mine["t"][0])
        hosts = [facts.name("text", code) for code in np.unique(mine["host"]).tolist()]
        tried = mine["task"][mine["task"] > 0]
        tasks = len(np.unique(tried))
        instances = len(np.unique(mine["instance"][mine["instance"] > 0]))
        parts = [f"{count(tasks, 'task')} {_of(facts, tried)} could not start"] if tasks else []
        parts += [f"{count(instances, 'instance')} never joined"] if instances else []
        text = (
            f"Nothing leads to {listed(sorted(hosts), 4)}: {facts.name('text', missing)}. "
            f"For that reason {' and '.join(parts)}, the first at {facts.at(first)}; services try again and again, and "
            "each try is a task."
        )
        if not tasks:
            text = f"{text.partition('; services try')[0]}."
        fix = _fix(facts, mine)
        if fix is not None:
            text += f" Fix: {fix}"
        subnet = facts.name("subnet", int(mine["subnet"][0]))
        found.append(Finding(PROBLEM, "network.unreachable", subnet, text, first, fix))
    return found


def _of(facts: Facts, tasks: np.ndarray) -> str:
    """Whose tasks these are: services by name, the others as standalone ones."""
    at = facts.tasks.index.at(np.unique(tasks))
    pairs = np.unique(key_of(facts.tasks.service[at], facts.tasks.cluster[at])).tolist()
    names = sorted(facts.label(key >> 32, key & 0xFFFFFFFF) for key in pairs if key >> 32)
    named = f"{'service' if len(names) == 1 else 'services'} {listed(names)}" if names else ""
    alone = "no service" if any(not key >> 32 for key in pairs) else ""
    return f"of {' and '.join(part for part in (named, alone) if part)}"


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
