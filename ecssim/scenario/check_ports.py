"""Checks of static host ports against the ports that the hosts give away by themselves (NET-006)."""

from __future__ import annotations

from ecssim.aws.agent import DYNAMIC_PORTS, DYNAMIC_PORTS_WINDOWS
from ecssim.aws.names import NetworkMode
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names


def check_ports(names: Names, findings: Findings) -> None:
    """A static hostPort must lie outside the dynamic range: a container may hold the port by chance (NET-006)."""
    linux = {g.agent.dynamic_ports for g in names.scenario.auto_scaling_groups} or {DYNAMIC_PORTS}
    for index, definition in enumerate(names.scenario.task_definitions):
        if definition.effective_network_mode is not NetworkMode.BRIDGE:
            continue
        ranges = {DYNAMIC_PORTS_WINDOWS} if definition.is_windows else linux
        for number, container in enumerate(definition.container_definitions):
            for at, mapping in enumerate(container.port_mappings):
                port = mapping.host_port
                inside = next((r for r in sorted(ranges) if port and r[0] <= port <= r[1]), None)
                if inside is not None:
                    where = ("taskDefinitions", index, "containerDefinitions", number, "portMappings", at, "hostPort")
                    message = f"hostPort {port} is in the dynamic range {inside[0]}-{inside[1]}: any task may hold it"
                    findings.warning(where, message, "NET-006")
