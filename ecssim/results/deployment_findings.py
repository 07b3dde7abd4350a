"""Findings about deployments: those that were superseded, failed, rolled back or did not end.

Implements DEPLOY-005, DEPLOY-008 and what DEPLOY-045 means for the reader.
"""

from __future__ import annotations

import numpy as np

from ecssim.aws.names import ThresholdType
from ecssim.decide.deployment_failure import threshold
from ecssim.results.facts import ESSENTIAL_CONTAINER_EXITED, TASK_FAILED_TO_START, Facts
from ecssim.results.finding import NOTE, PROBLEM, WARNING, Finding
from ecssim.results.wording import count, later, listed, options, path

#: A deployment that is younger than this at the end of the record may just need its time (seconds).
YOUNG = 900.0
_KIND, _VALUE = ThresholdType.BOUNDED_PERCENT, 50
_DETECTORS = {"circuit breaker": "circuit breaker", "alarm": "alarm detected", "stopped": "stopped by a call"}
_BLOCKED = "because of the service deployment configuration"
_UNHEALTHY = "it is unhealthy"


def deployment_findings(facts: Facts) -> list[Finding]:
    """One finding for each deployment that did not complete."""
    found = []
    for row in facts.deployments:
        state = facts.name("rollout_state", int(row["rollout_state"]))
        if state == "COMPLETED":
            continue
        ended = not np.isnan(row["finished_at"])
        if state == "FAILED":
            found.append(_failed(facts, row))
        elif ended:
            found.append(_superseded(facts, row))
        else:
            found.append(_open(facts, row))
    return found


def _failed(facts: Facts, row: np.void) -> Finding:
    """A deployment that failed: why, and whether the service is where it was before."""
    t = float(row["started_at"])
    failed = int(row["failed_tasks"])
    reason = facts.name("text", int(row["reason"]))
    detector = next((words for sign, words in _DETECTORS.items() if sign in reason), "")
    text = f"{_the_deployment(facts, row)} began at {facts.at(t)} and failed{_after(row)}"
    text += f" after {count(failed, 'failed task')}" if failed else ""
    text += f" ({detector})" if detector else ""
    why = facts.name("text", int(row["status_reason"])) or reason
    target = int(row["rolled_back_to"])
    if not target:
        text += "; it was not rolled back, launches nothing more, and what is left of the old tasks stays"
        text += _least(facts, row)
        return Finding(PROBLEM, "deployment.failed", _of(facts, row), f"{text}{_losses(facts, row)}. {why}", t)
    begun, ended = float(row["rollback_started_at"]), float(row["rollback_finished_at"])
    revision = facts.deployment_revision[target]
    if facts.name("service_deployment_status", int(row["status"])) == "ROLLBACK_SUCCESSFUL":
        text += f"; rolled back to {revision} at {facts.at(begun)}, complete {later(ended - begun)}"
        return Finding(WARNING, "deployment.rolledBack", _of(facts, row), f"{text}{_losses(facts, row)}.", t)
    text += f"; the rollback to {revision}, begun at {facts.at(begun)}, "
    text += "was not complete when the record ends" if np.isnan(ended) else f"failed {later(ended - begun)}"
    return Finding(PROBLEM, "deployment.failed", _of(facts, row), f"{text}{_losses(facts, row)}. {why}", t)


def _superseded(facts: Facts, row: np.void) -> Finding:
    t = float(row["started_at"])
    rows = facts.deployments
    same = rows[(rows["service"] == row["service"]) & (rows["cluster"] == row["cluster"])]
    same = same[(same["started_at"] > t) & (same["deployment_id"] != row["deployment_id"])]
    by, gave_up = "", ""
    if len(same):
        successor = same[np.argmin(same["started_at"])]
        by = f" by {facts.deployment_revision[int(successor['deployment_id'])]}"
        gave_up = f" {later(float(successor['started_at']) - t)}"
    text = (
        f"{_the_deployment(facts, row)} began at {facts.at(t)} and never completed; it was superseded{by}"
        f"{gave_up}{_losses(facts, row)}."
    )
    return Finding(WARNING, "deployment.superseded", _of(facts, row), text, t)


def _open(facts: Facts, row: np.void) -> Finding:
    t = float(row["started_at"])
    age = facts.end - t
    tasks = facts.tasks
    mine = tasks.deployment == row["deployment_id"]
    running = int((mine & (tasks.started <= facts.end) & ~(tasks.stopping <= facts.end)).sum())
    # A record may end at the very instant: a killed run is cut at a whole hour, and what happened then is in it.
    known = f"was not complete {later(age)}," if later(age) != "at once" else "had only just begun"
    text = (
        f"{_the_deployment(facts, row)}, begun at {facts.at(t)}, {known} "
        f"when the record ends; {count(running, 'task')} of it were running{_losses(facts, row)}."
    )
    blocked = _blocked(facts, row)
    if blocked is None:
        text = f"{text[:-1]}{_least(facts, row)}."
        severity = PROBLEM if age >= YOUNG else NOTE
        fix = _breaker(facts, row) if severity == PROBLEM else None
        if fix:
            text += f" With a circuit breaker it would have been rolled back. Fix: {fix}"
        return Finding(severity, "deployment.notComplete", _of(facts, row), text, t, fix)
    text += " Its minimumHealthyPercent and maximumPercent allow neither a start nor a stop: it cannot go on."
    if blocked:
        text += f" Fix: {blocked}"
    return Finding(PROBLEM, "deployment.blocked", _of(facts, row), text, t, blocked or None)


def _breaker(facts: Facts, row: np.void) -> str | None:
    """The option that would have ended the deployment: a circuit breaker with its defaults (DEPLOY-040, DEPLOY-041).

    Only where no task of it ever became healthy, enough failed, and there was a revision to go back to.
    """
    name, cluster = facts.name("service", int(row["service"])), facts.name("cluster", int(row["cluster"]))
    setting = facts.service_setting(name, cluster)
    desired = setting.get("desiredCount") or 0
    if not desired or setting.get("percentChangesLater") or row["failed_tasks"] < threshold(_KIND, _VALUE, desired):
        return None
    tasks = facts.tasks
    if bool((~np.isnan(tasks.healthy[tasks.deployment == row["deployment_id"]])).any()):
        return None
    rows = facts.deployments
    before = rows[(rows["service"] == row["service"]) & (rows["cluster"] == row["cluster"])]
    before = before[before["started_at"] < row["started_at"]]
    if not any(facts.name("rollout_state", int(code)) == "COMPLETED" for code in before["rollout_state"].tolist()):
        return None
    where = path("services", name, "deploymentConfiguration", "deploymentCircuitBreaker")
    return options([(where, "{enable: true, rollback: true}")])


def _blocked(facts: Facts, row: np.void) -> str | None:
    """The option that unblocks the deployment, empty if it cannot be computed; None if it was not blocked.

    One task above the wanted number is enough (SVC-011): the smallest maximumPercent with
    ``floor(desired x percent / 100) > desired``.
    """
    events = facts.raw("service_events")
    mine = events[(events["service"] == row["service"]) & (events["cluster"] == row["cluster"])]
    mine = mine[mine["t"] >= row["started_at"]]
    if not any(_BLOCKED in facts.name("text", code) for code in np.unique(mine["message"]).tolist()):
        return None
    name, cluster = facts.name("service", int(row["service"])), facts.name("cluster", int(row["cluster"]))
    setting = facts.service_setting(name, cluster)
    desired = setting.get("desiredCount") or 0
    if not desired or setting.get("percentChangesLater") or desired * setting["maximumPercent"] // 100 > desired:
        return ""
    percent = -(-100 * (desired + 1) // desired)
    return options([(path("services", name, "deploymentConfiguration", "maximumPercent"), percent)])


def _least(facts: Facts, row: np.void) -> str:
    """How few of its tasks the service had healthy since the deployment began, where that was fewer than before."""
    minutes = facts.minutes.of(int(row["service"]), int(row["cluster"]))
    t = float(row["started_at"])
    # A minute's row has its start, and the counts at its end.
    before, during = minutes[minutes["t"] + 60.0 < t], minutes[minutes["t"] + 60.0 >= t]
    if not len(before) or not len(during):
        return ""
    at = int(np.argmin(during["healthy_count"]))
    least, desired = int(during["healthy_count"][at]), int(during["desired_count"][at])
    if least >= min(desired, int(before["healthy_count"][-1])):
        return ""
    return f"; the service was down to {least} of {count(desired, 'healthy task')}"


def _losses(facts: Facts, row: np.void) -> str:
    tasks = facts.tasks
    mine = tasks.deployment == row["deployment_id"]
    reasons, counts = np.unique(tasks.reason[mine], return_counts=True)
    unhealthy = sum(
        number
        for reason, number in zip(reasons.tolist(), counts.tolist(), strict=True)
        if _UNHEALTHY in facts.name("text", reason)
    )
    failed = int((tasks.stop_code[mine] == TASK_FAILED_TO_START).sum())
    exited = int((tasks.stop_code[mine] == ESSENTIAL_CONTAINER_EXITED).sum())
    parts = []
    if failed:
        parts.append(f"{count(failed, 'task')} of it failed to start")
    if unhealthy:
        parts.append(f"{count(unhealthy, 'task')} never became or stayed healthy and were replaced")
    if exited:
        parts.append(f"{count(exited, 'task')} exited")
    return f"; {listed(parts)}" if parts else ""


def _the_deployment(facts: Facts, row: np.void) -> str:
    revision = facts.deployment_revision[int(row["deployment_id"])]
    return f"The deployment of {revision} (service {_of(facts, row)})"


def _of(facts: Facts, row: np.void) -> str:
    return facts.label(int(row["service"]), int(row["cluster"]))


def _after(row: np.void) -> str:
    lasted = float(row["finished_at"] - row["started_at"])
    return "" if np.isnan(lasted) else f" {later(lasted)}"
