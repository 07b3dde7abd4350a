"""What holds addresses for the whole run beside the network's own parts: RDS proxies, Lambda, EFS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.aws.address_users import lambda_interfaces, proxy_addresses
from ecssim.scenario.document import Scenario

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def hold_addresses(engine: Engine, scenario: Scenario) -> None:
    """Take the addresses of everything that the user declared (NET-033, NET-038, NET-039).

    What finds no address is a failed allocation at t = 0, as a launch of it would be.
    """
    vpcs = {s.name: s.vpc for s in engine.world.subnets}
    for subnet, count in proxy_addresses(scenario.db_proxies, vpcs).items():
        _hold(engine, subnet, "rds_proxies", count)
    for subnet, count in lambda_interfaces(scenario.functions).items():
        _hold(engine, subnet, "lambda", count)
    for target in scenario.mount_targets:
        _hold(engine, target.subnet_id, "mount_targets", 1)


def _hold(engine: Engine, subnet: str, consumer: str, count: int) -> None:
    ordinal = engine.builder.subnets[subnet]
    for _ in range(count):
        if engine.subnets.take(ordinal, consumer) < 0:
            engine.subnets.refused(ordinal, consumer, None, 0)
            return
