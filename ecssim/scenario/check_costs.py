"""What a bill would silently leave out: logs that nobody sends to CloudWatch, metrics whose number is not known.

Every finding here is a warning. Implements COST-028 and COST-029.
"""

from __future__ import annotations

from ecssim.aws.names import LogDriver
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names
from ecssim.scenario.nodes import Step

_ENHANCED = "enhanced: its metrics by task and container are not counted; the bill is that of enabled"


def check_costs(names: Names, findings: Findings) -> None:
    """Logs and Container Insights."""
    scenario = names.scenario
    for key, behaviour in scenario.behaviour.items():
        if behaviour.logs is None:
            continue
        family, _, number = key.partition(":")
        revisions = [d for d in scenario.task_definitions if d.family == family]
        if number.isdecimal() and 1 <= int(number) <= len(revisions):
            revisions = [revisions[int(number) - 1]]
        drivers = {
            c.log_configuration.log_driver
            for definition in revisions
            for c in definition.container_definitions
            if c.log_configuration is not None
        }
        if revisions and LogDriver.AWSLOGS not in drivers:
            message = f"the logs of {key} cost nothing: none of its containers has log driver awslogs"
            findings.warning(("behaviour", key, "logs"), message, "COST-028")
    if scenario.account.settings.container_insights == "enhanced":
        findings.warning(("account", "settings", "containerInsights"), _ENHANCED, "COST-029")
    for index, cluster in enumerate(scenario.clusters):
        for place, setting in enumerate(cluster.settings):
            if setting.name == "containerInsights" and setting.value == "enhanced":
                steps: tuple[Step, ...] = ("clusters", index, "settings", place, "value")
                findings.warning(steps, _ENHANCED, "COST-029")
