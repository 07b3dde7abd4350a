"""What Fargate cannot do where the scenario wants it: images that cannot be loaded lazily, zones without Fargate.

Implements FG-014, FG-021.
"""

from __future__ import annotations

from ecssim.aws.check_launch import Launch
from ecssim.aws.checks import Surroundings, runs_on
from ecssim.aws.names import CapacityProviderType
from ecssim.catalog import fargate_in_zone
from ecssim.scenario.behaviour import PRIVATE_ECR
from ecssim.scenario.findings import Findings
from ecssim.scenario.names import Names
from ecssim.scenario.nodes import Step

#: Lazy loading is meant for images above so many bytes (FG-021).
WORTH_AN_INDEX = 250 * 1024 * 1024
_FARGATE = frozenset({CapacityProviderType.FARGATE, CapacityProviderType.FARGATE_SPOT})


def check_fargate(names: Names, around: Surroundings, findings: Findings) -> None:
    """Images with an index, and the subnets of Fargate services and jobs."""
    _indexes(names, findings)
    for index, service in enumerate(names.scenario.services):
        _zones(("services", index), service, names, around, findings)
    for index, job in enumerate(names.scenario.jobs):
        _zones(("jobs", index, "runTask"), job.run_task, names, around, findings)


def _indexes(names: Names, findings: Findings) -> None:
    for name, facts in names.scenario.images.items():
        steps: tuple[Step, ...] = ("images", name, "sociIndex")
        if not facts.soci_index:
            continue
        if not PRIVATE_ECR.match(name):
            message = f"Fargate loads lazily from private ECR repositories only, and {name} is in none"
            findings.error(steps, message, "FG-021")
        elif facts.size < WORTH_AN_INDEX:
            message = f"lazy loading is meant for images above 250 MiB; {name} has {facts.size / 1e6:g} MB"
            findings.warning(steps, message, "FG-021")


def _zones(where: tuple[Step, ...], launch: Launch, names: Names, around: Surroundings, findings: Findings) -> None:
    """Tasks in a zone without Fargate are never placed; ECS says ``Internal error`` (FG-014)."""
    vpc = launch.network_configuration.awsvpc_configuration if launch.network_configuration is not None else None
    if vpc is None or not runs_on(launch, around) & _FARGATE:
        return
    definition = around.task_definition(launch.task_definition or "")
    family = "WINDOWS" if definition is not None and definition.is_windows else "LINUX"
    for number, name in enumerate(vpc.subnets):
        subnet = names.subnets.get(name)
        if subnet is None or fargate_in_zone(subnet.availability_zone_id, names.scenario.region, family):
            continue
        steps = (*where, "networkConfiguration", "awsvpcConfiguration", "subnets", number)
        system = "Windows on Fargate" if family == "WINDOWS" else "Fargate"
        message = (
            f"{system} does not run in zone {subnet.availability_zone_id} of subnet {name}: no task is placed there"
        )
        findings.warning(steps, message, "FG-014")
