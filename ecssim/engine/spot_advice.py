"""Rebalance recommendations: EC2's earlier warning that a Spot instance will be taken back, and who follows it.

Half of them come some minutes before the notice, the others with it (SPOT-013, SPOT-015). A group with Capacity
Rebalancing launches a replacement at the recommendation (SPOT-014). ECS is not told: the old instance drains only with
managed draining (SPOT-018).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.decide.spot import RECLAIM_SPREAD
from ecssim.engine.kernel import WORLD
from ecssim.world.instances import Instance

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine
    from ecssim.engine.spot import Pool, Reclaim


class Advice:
    """Gives each Spot instance at most one recommendation."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._given: set[int] = set()
        self._risk_until: dict[Pool, float] = {}

    def at_risk(self, pool: Pool) -> bool:
        """Whether EC2 has recommended to leave the pool, and has not yet taken its instances back."""
        return bool(self._risk_until) and self.kernel._now < self._risk_until.get(pool, 0.0)

    def arm(self, pool: Pool, reclaim: Reclaim, at: float, reclaimed_at: float) -> None:
        """The reclaim is announced at ``at``."""
        self.kernel.at(at, WORLD, self._on_early, (pool, reclaim, reclaimed_at))

    def _on_early(self, what: tuple[Pool, Reclaim, float], _: int) -> None:
        """Those that the reclaim will hit are told, each as long before its notice as the pool before the reclaim."""
        pool, reclaim, reclaimed_at = what
        self._risk_until[pool] = reclaimed_at
        spot = self.engine.spot
        victims = spot.victims((pool,), reclaim.fraction, reclaim.name(pool), RECLAIM_SPREAD, reclaim.touches)
        if victims:
            cause = self.engine.calls.note("aws", "RebalanceRecommendation", str(pool))
            for offset, member in victims:
                self.kernel.after(offset, self._on_advice, (member, cause), 0)

    def _on_advice(self, what: tuple[Instance, int], _: int) -> None:
        self.advise(*what)

    def advise(self, instance: Instance, cause: int) -> None:
        """EC2 recommends to leave the instance; with the notice at the latest (SPOT-013)."""
        if instance.ordinal in self._given or instance.ended:
            return
        self._given.add(instance.ordinal)
        if instance.group.rules.advice:
            self.engine.succession.replace(instance, cause)
