"""Findings about the run itself and the calls made in it: what-ifs, refusals, throttling, jobs given up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ecssim.results.facts import Facts
from ecssim.results.finding import NOTE, PROBLEM, WARNING, Finding
from ecssim.results.wording import count, listed

_THROTTLED = "ThrottlingException"
_NOT_MODELLED = " is accepted but not modelled yet"


def run_findings(facts: Facts) -> list[Finding]:
    """What qualifies everything else: said before anything else."""
    found = []
    manifest = facts.manifest
    name = str(manifest.get("scenario") or "")
    allowed = [str(item) for item in manifest.get("allow") or ()]
    if allowed:
        text = f"What-if: this run allows {listed(allowed)}, which AWS refuses today."
        found.append(Finding(NOTE, "run.whatIf", name, text, first=True))
    if not manifest.get("complete"):
        text = f"The run did not reach its end: what follows is what happened until {facts.at(facts.end)}."
        found.append(Finding(NOTE, "run.incomplete", name, text, facts.end, first=True))
    left_out = [w.partition(_NOT_MODELLED)[0] for w in manifest.get("warnings") or () if _NOT_MODELLED in w]
    if left_out:
        text = f"The scenario has parts that are not modelled yet and were left out: {listed(left_out, 6)}."
        found.append(Finding(NOTE, "run.notModelled", name, text))
    return found


def call_findings(facts: Facts) -> list[Finding]:
    """Calls that were throttled, by action, and planned calls that were refused for another reason."""
    calls = facts.raw("calls")
    found = []
    throttled = facts.code("call_result", _THROTTLED)
    late = calls[calls["result"] == throttled] if throttled > 0 else calls[:0]
    for action in np.unique(late["action"]).tolist():
        rows = late[late["action"] == action]
        callers = [facts.name("caller", code) for code in np.unique(rows["caller"]).tolist()]
        text = (
            f"{count(len(rows), 'call')} of {facts.name('action', action)} by {listed(callers)} got "
            f"{_THROTTLED}, the first at {facts.at(float(rows['t'][0]))}."
        )
        found.append(Finding(WARNING, "calls.throttled", facts.name("action", action), text, float(rows["t"][0])))
    return found + _refused(facts, calls, throttled)


def _refused(facts: Facts, calls: np.ndarray, throttled: int) -> list[Finding]:
    fine = [facts.code("call_result", text) for text in ("ok", "failures")] + [throttled]
    callers = facts.result.names.get("caller", [None])
    planned = [code for code, text in enumerate(callers) if text and not text.startswith("job/")]
    rows = calls[~np.isin(calls["result"], fine) & np.isin(calls["caller"], planned)]
    found = []
    for row in rows:
        action, target = (
            facts.name("action", int(row["action"])),
            facts.name("call_target", int(row["target"])),
        )
        text = (
            f"The call {action} for {target} at {facts.at(float(row['t']))} was refused: "
            f"{facts.name('call_result', int(row['result']))}: {facts.name('text', int(row['error']))}"
        )
        found.append(Finding(PROBLEM, "calls.refused", target, text, float(row["t"])))
    return found


def job_findings(facts: Facts) -> list[Finding]:
    """Jobs whose callers gave up, and jobs whose tasks did not start."""
    found = []
    jobs: Mapping[str, Mapping[str, Any]] = facts.manifest.get("jobs") or {}
    for name, account in jobs.items():
        submitted = int(account["submitted"])
        if account["gave_up"]:
            text = (
                f"Job {name}: the callers of {count(int(account['gave_up']), 'task')} of {submitted:,} gave "
                f"up after their last attempt; {int(account['retried_calls']):,} calls were tried again."
            )
            found.append(Finding(PROBLEM, "job.gaveUp", name, text))
        if account["failed_to_start"]:
            text = (
                f"Job {name}: {count(int(account['failed_to_start']), 'task')} of {submitted:,} were "
                "accepted and failed before they ran; nobody tries those again."
            )
            found.append(Finding(WARNING, "job.failedToStart", name, text))
    return found
