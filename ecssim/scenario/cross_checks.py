"""Everything that can be wrong between the parts of a scenario that are each well by themselves.

Runs over all items that parsed. Errors stop a run; warnings are lint, which only ``check --strict`` turns
into errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from ecssim.errors import BadInput, Problem
from ecssim.scenario.check_addresses import check_addresses
from ecssim.scenario.check_capacity import check_capacity
from ecssim.scenario.check_costs import check_costs
from ecssim.scenario.check_fargate import check_fargate
from ecssim.scenario.check_groups import check_groups
from ecssim.scenario.check_ipv6 import check_ipv6
from ecssim.scenario.check_load_balancing import check_attributes
from ecssim.scenario.check_network import check_network
from ecssim.scenario.check_ports import check_ports
from ecssim.scenario.check_reachability import check_reachability
from ecssim.scenario.check_regions import check_regions
from ecssim.scenario.check_routing import check_routing
from ecssim.scenario.check_scaling import check_scaling
from ecssim.scenario.check_schedules import check_schedules
from ecssim.scenario.check_services import check_services, surroundings
from ecssim.scenario.check_timeline import check_timeline
from ecssim.scenario.check_traffic import (
    check_behaviour,
    check_expectations,
    check_listeners,
    check_settings,
    check_traffic,
)
from ecssim.scenario.document import Scenario
from ecssim.scenario.findings import Findings
from ecssim.scenario.lint import lint
from ecssim.scenario.names import Names
from ecssim.scenario.nodes import Node
from ecssim.scenario.paths import NAME_KEYS, apply_patch, parse_path

#: A run must end before the calendar does.
LAST_MOMENT = datetime(9999, 1, 1, tzinfo=UTC)


def check_scenario(
    scenario: Scenario, root: Node, unsure: Mapping[str, frozenset[str | None]] | None = None
) -> list[Problem]:
    """All problems between the items of ``scenario``; ``root`` is its tree, ``unsure`` the sections that lost
    items.
    """
    names = Names(scenario)
    findings = Findings(root, unsure)
    around = surroundings(names)
    _duplicates(root, findings)
    check_regions(scenario.region, findings)
    check_network(names, findings)
    check_ipv6(names, findings)
    check_addresses(names, around, findings)
    check_routing(names, findings)
    check_capacity(names, around, findings)
    check_groups(names, findings)
    check_ports(names, findings)
    check_services(names, around, findings)
    check_fargate(names, around, findings)
    check_reachability(names, around, findings)
    check_listeners(names, findings)
    check_attributes(names, findings)
    check_scaling(names, findings)
    check_traffic(names, findings)
    check_behaviour(names, findings)
    check_settings(names, findings)
    check_timeline(names, around, findings)
    check_costs(names, findings)
    check_schedules(names, around, findings)
    check_expectations(names, findings)
    _variants(root, findings)
    if scenario.duration <= 0:
        findings.error(("duration",), "duration: expected a duration above 0")
    elif scenario.duration > (LAST_MOMENT - scenario.start).total_seconds():
        findings.error(("duration",), "duration: the run would end after the year 9998, where the calendar does")
    lint(names, findings)
    return findings.problems


def _duplicates(root: Node, findings: Findings) -> None:
    """Two items of a section with one name."""
    for section, keys in NAME_KEYS.items():
        if section == "taskDefinitions":  # the n-th item of a family is revision n
            continue
        node = root.entries.get(section)
        if node is None:
            continue
        seen: Counter[tuple[str, ...]] = Counter()
        lines: dict[tuple[str, ...], int] = {}
        for index, item in enumerate(node.items):
            named = [item.entries.get(key) for key in keys]
            if named[-1] is None:
                continue
            full = tuple(str(n.value) if n is not None else "" for n in named)
            seen[full] += 1
            if seen[full] > 1:
                first = f" (line {lines[full]})" if lines[full] else ""
                findings.error((section, index, keys[-1]), f"{keys[-1]} {full[-1]!r} is given twice{first}")
            lines.setdefault(full, named[-1].place.line)


def _variants(root: Node, findings: Findings) -> None:
    """Every variant's paths lead somewhere; each is tried on a copy."""
    variants = root.entries.get("variants")
    for patches in (variants.entries if variants is not None else {}).values():
        copy = root.copy()
        for path, value in patches.entries.items():
            place = patches.key_places[path]
            try:
                apply_patch(copy, parse_path(path, place), value.copy(), place)
            except BadInput as error:
                if not findings.unsure:
                    findings.problems.extend(error.problems)
