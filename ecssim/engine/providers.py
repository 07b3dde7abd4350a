"""Capacity providers: how a service's tasks are split over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.decide.provider_split import Share, split
from ecssim.world.services import Deployment, Service

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Providers:
    """Answers for each missing task which provider it belongs to (CAP-030 to CAP-038)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def split(self, service: Service, deployment: Deployment, count: int) -> list[tuple[int, int]]:
        """Return (provider code, tasks) for ``count`` new tasks; code 0 stands for a launch type (CAP-023)."""
        strategy: tuple[Share, ...] = service.provider_strategy
        if not strategy:
            return [(0, count)]
        return split(strategy, deployment.by_provider, count)
