"""What an Auto Scaling group was told about its instances, apart from its sizes: read once, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class WarmPoolRules:
    """A pool of stopped instances: up to ``prepared`` in all with those in service (None: the maximum size), at
    least ``minimum`` in the pool (ASG-056)."""

    prepared: int | None = None
    minimum: int = 0

    def wanted(self, desired: int, max_size: int) -> int:
        """Return how many instances the pool should hold (ASG-056)."""
        most = max_size if self.prepared is None else self.prepared
        return max(self.minimum, most - desired, 0)


@dataclass(frozen=True, slots=True)
class GroupRules:
    """The settings of one group.

    ``on_demand_strategy`` and ``spot_strategy`` are allocation strategies (ASG-052), ``spot_strategy`` is empty
    where a group has none; ``spot_pools`` belongs to ``lowest-price``; ``spot_max_price`` is dollars an hour, None:
    the On-Demand price. ``mixed``: the group has a mixedInstancesPolicy. ``advice``: Capacity Rebalancing is on
    (SPOT-014). ``hooks`` are :class:`ecssim.decide.lifecycle_hooks.Hook`. ``grace``: seconds in service without
    health checks; ``cooldown``: seconds that a call may honour (ASG-055). ``lifetime``: seconds after which an
    instance is replaced, 0 for never. ``protected``: new instances are protected from scale-in.
    """

    mixed: bool = False
    on_demand_strategy: str = "prioritized"
    spot_strategy: str = ""
    spot_pools: int = 2
    spot_max_price: Decimal | None = None
    advice: bool = False
    balanced_only: bool = False
    hooks: tuple[Any, ...] = ()
    grace: float = 0.0
    cooldown: float = 300.0
    lifetime: float = 0.0
    protected: bool = False
    warm: WarmPoolRules | None = None


GROUP_DEFAULTS = GroupRules()
"""The rules of a group that says nothing."""
