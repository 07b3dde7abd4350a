"""From the network sections of a scenario to what decides about reachability and meters the bytes of pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine.reach import Reach
from ecssim.scenario.document import Scenario
from ecssim.scenario.network_map import instance_source, managed_source, network_map

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def compile_reach(engine: Engine, scenario: Scenario) -> None:
    """Let the scenario's route tables decide, if it lists any and the model is not told otherwise (NET-081)."""
    network = network_map(scenario)
    if network is None or engine.model.reachability == "open":
        return
    of_group = {g.auto_scaling_group_name: g for g in scenario.auto_scaling_groups}
    managed = {p.name: p.managed_instances_provider for p in scenario.capacity_providers}
    # All subnets, for a group may be told of others later (UpdateAutoScalingGroup).
    hosts = {}
    for group in engine.world.groups:
        provider = managed.get(group.name) if group.managed is not None else None
        for subnet in scenario.subnets:
            source = managed_source(provider, subnet) if provider else instance_source(of_group[group.name], subnet)
            hosts[group.ordinal, engine.builder.subnets[subnet.subnet_id]] = source
    engine.reach = Reach(engine, network, hosts)
