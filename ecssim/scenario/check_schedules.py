"""Checks of EventBridge schedules: each is one that the API takes, and its call one that could be made."""

from __future__ import annotations

from ecssim.aws.checks import Surroundings, check_request, check_update
from ecssim.aws.refusals import Step
from ecssim.aws.requests import REQUESTS, UpdateService
from ecssim.aws.scheduler import action_of, check_schedule, request_of
from ecssim.scenario.check_timeline import refers_to_service
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names


def check_schedules(names: Names, around: Surroundings, findings: Findings) -> None:
    """The schedule, then what it calls, which names services and targets that are there."""
    for index, schedule in enumerate(names.scenario.schedules):
        where: tuple[Step, ...] = ("schedules", index)
        refusals = list(check_schedule(schedule))
        findings.refusals(where, refusals)
        if refusals:
            continue
        request = request_of(schedule, REQUESTS[action_of(schedule)])
        inner = (*where, "target", "input")
        service = getattr(request, "service", None)
        cluster = getattr(request, "cluster", None)
        found = names.service(service, cluster) if service is not None else None
        if service is not None and found is None and service not in names.created_by_calls["services"]:
            refers_to_service(inner, service, cluster, names, findings)
        if isinstance(request, UpdateService) and found is not None:
            problems = check_update(found, request, around)
        else:
            problems = check_request(request, around)
        for problem in problems:
            findings.error(inner, problem.message, problem.rule)
