"""What providers of Managed Instances and the tasks on them cannot be (CAP-060, CAP-061, CAP-066, CAP-067)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ecssim.aws.managed_instances import ManagedInstancesProvider
from ecssim.aws.names import CapacityOptionType, NetworkMode
from ecssim.aws.refusals import Refusal
from ecssim.aws.service import PlacementStrategy
from ecssim.aws.task_definition import TaskDefinition


def check_managed_provider(given: ManagedInstancesProvider, cluster: str | None) -> Iterator[Refusal]:
    """A provider in itself: one cluster for life, subnets to stand in, no reservations."""
    if cluster is None:
        message = "a provider of Managed Instances belongs to one cluster from the first: give cluster"
        yield Refusal((), message, "CAP-060")
    template = given.instance_launch_template
    where = ("managedInstancesProvider", "instanceLaunchTemplate")
    if not template.network_configuration.subnets:
        message = "Managed Instances need a networkConfiguration with subnets"
        yield Refusal((*where, "networkConfiguration"), message, "CAP-060")
    if template.capacity_option_type is CapacityOptionType.RESERVED:
        message = "capacity reservations are not modelled by ecssim: capacityOptionType is ON_DEMAND or SPOT"
        yield Refusal((*where, "capacityOptionType"), message, "CAP-061")
    wanted = template.instance_requirements
    for number, kind in enumerate(wanted.accelerator_types if wanted is not None else ()):
        if kind != "gpu":
            message = f"ecssim knows GPUs and no other accelerators: {kind}"
            yield Refusal((*where, "instanceRequirements", "acceleratorTypes", number), message, "CAP-062")
    if wanted is not None and wanted.allowed_instance_types and wanted.excluded_instance_types:
        message = "give allowedInstanceTypes or excludedInstanceTypes, not both"
        yield Refusal((*where, "instanceRequirements", "excludedInstanceTypes"), message, "CAP-062")


def check_on_managed(strategies: Sequence[PlacementStrategy], definition: TaskDefinition | None) -> Iterator[Refusal]:
    """Tasks on Managed Instances: no placement strategy, no bridge mode, Linux only."""
    if strategies:
        message = "Managed Instances place tasks themselves: leave out placementStrategy"
        yield Refusal(("placementStrategy",), message, "CAP-066")
    if definition is None:
        return
    mode = definition.effective_network_mode
    if mode is NetworkMode.BRIDGE:
        message = f"Managed Instances take network modes awsvpc, host and none, and {definition.family} has {mode}"
        yield Refusal(("taskDefinition",), message, "CAP-067")
    if definition.is_windows:
        message = f"Managed Instances run Linux only, and {definition.family} is Windows"
        yield Refusal(("taskDefinition",), message, "CAP-067")
