"""Checks of providers of Managed Instances: where they stand, and that there is a type to launch (CAP-060, CAP-062)."""

from __future__ import annotations

from ecssim.aws.managed_instances import ManagedInstancesProvider
from ecssim.scenario.check_network import refers_to_subnet
from ecssim.scenario.findings import Findings
from ecssim.scenario.managed_offers import offers_of
from ecssim.scenario.names import Names, name_of
from ecssim.scenario.nodes import Step


def check_managed(
    where: tuple[Step, ...],
    cluster: str | None,
    given: ManagedInstancesProvider,
    names: Names,
    findings: Findings,
) -> None:
    """Everything that a provider names is there, its subnets are of one VPC, and there is something to launch."""
    if cluster is not None:
        findings.refers((*where, "cluster"), "cluster", name_of(cluster), names.clusters, "clusters")
    template = given.instance_launch_template
    inner = (*where, "managedInstancesProvider", "instanceLaunchTemplate")
    network = (*inner, "networkConfiguration", "subnets")
    home: str | None = None
    for number, subnet in enumerate(template.network_configuration.subnets):
        refers_to_subnet((*network, number), subnet, names, findings)
        found = names.subnets.get(subnet)
        of = found.vpc_id if found is not None else None
        home = home or of
        if of is not None and of != home:
            message = f"subnet {subnet} is in {of}, the others are in {home}; all must be in one VPC"
            findings.error((*network, number), message, "CAP-060")
    if not offers_of(given, names.scenario.region):
        steps = (*inner, "instanceRequirements") if template.instance_requirements is not None else inner
        findings.error(steps, "no instance type that ecssim has a price for satisfies all of this", "CAP-062")
