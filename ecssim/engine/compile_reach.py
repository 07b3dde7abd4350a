"""From the network sections of a scenario to what decides about reachability and meters the bytes of pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine.reach import Reach
from ecssim.scenario.document import Scenario
from ecssim.scenario.network_map import instance_source, network_map

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def compile_reach(engine: Engine, scenario: Scenario) -> None:
    """Let the scenario's route tables decide, if it lists any and the model is not told otherwise (NET-081)."""
    network = network_map(scenario)
    if network is None or engine.model.reachability == "open":
        return
    subnets = {s.subnet_id: s for s in scenario.subnets}
    ordinals = engine.builder.subnets
    hosts = {
        (number, ordinals[name]): instance_source(group, subnets[name])
        for number, group in enumerate(scenario.auto_scaling_groups)
        for name in group.subnet_ids
    }
    engine.reach = Reach(engine, network, hosts)
