"""ARNs of another region: a name in them would be found here, and the scenario would be about something else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ecssim.scenario.findings import Findings
from ecssim.scenario.nodes import Node, Step

#: Keys whose ARN is looked up by the name in it; roles, secrets and the like are never looked up.
_REFERENCES: Final = frozenset(
    {
        "cluster",
        "loadBalancer",
        "loadBalancerArn",
        "resourceId",
        "service",
        "services",
        "targetGroup",
        "targetGroupArn",
        "taskDefinition",
    }
)


def check_regions(region: str, findings: Findings) -> None:
    """Every ARN that is a reference names the region of the scenario."""
    for steps, arn in _arns(findings.root, ()):
        parts = arn.split(":", 5)
        if len(parts) == 6 and parts[3] and parts[3] != region:
            findings.error(steps, f"{arn} is in region {parts[3]}, the scenario in {region}")


def _arns(node: Node, steps: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], str]]:
    for key, child in node.entries.items():
        yield from _arns(child, (*steps, key))
    for index, child in enumerate(node.items):
        yield from _arns(child, (*steps, index))
    name = next((step for step in reversed(steps) if isinstance(step, str)), None)
    if name in _REFERENCES and isinstance(node.value, str) and node.value.startswith("arn:"):
        yield steps, node.value
