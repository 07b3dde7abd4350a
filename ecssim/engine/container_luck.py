"""The draws of the containers inside a task: addressed by owner, container, launch and restart."""

from __future__ import annotations

from math import inf
from statistics import NormalDist
from typing import TYPE_CHECKING

from ecssim.engine.timing import CHANCE, EXIT, READY, RUNS_FOR, slowed
from ecssim.workload.distributions import Law, residual
from ecssim.world.containers import Container

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class ContainerLuck:
    """Values of a container's laws, by the columns of :mod:`ecssim.engine.timing`.

    The main container's first run has the draws of its launch, so that a side container or a health check shifts
    nothing in it. Every other container, and every restart, has draws of its own: they belong to their address, so
    that it does not matter who asks when.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def value(self, container: Container, column: int) -> float:
        """Return the value of ``column`` for the container's present run."""
        spec, task = container.spec, container.task
        chain = task.template.chain
        if chain is not None and spec.index == chain.main and not container.restarts:
            return task.delays[column]
        if column in (CHANCE, EXIT):
            return self.engine.luck.number("container", *self._address(container), str(column))
        law: Law = spec.laws.columns[column]
        value = self._of(law, container, "container", str(column))
        penalty = spec.laws.lazy_penalty
        return slowed(value, penalty) if penalty and column == READY else value

    def runs_for(self, container: Container) -> float:
        """Seconds until the present run ends by itself; negative: it has no end of its own.

        The length that a launch was given is that of the first run; later ones are drawn where a law says how.
        """
        chain = container.task.template.chain
        if chain is None or container.spec.index != chain.main:
            return self.value(container, RUNS_FOR)
        law: Law = container.spec.laws.columns[RUNS_FOR]
        return self.value(container, RUNS_FOR) if container.restarts and law.a >= 0.0 else container.given

    def down_after(self, container: Container) -> float:
        """Seconds from the start of the present run until the process stops answering; infinity: it never does."""
        law: Law | None = container.spec.laws.unhealthy_after
        return inf if law is None else self._of(law, container, "unhealthy")

    def rest(self, container: Container) -> float:
        """Seconds that a side container still has in a task found RUNNING at t = 0; negative: it has no end."""
        law = container.spec.laws.columns[RUNS_FOR]
        if law.a < 0.0:
            return -1.0
        luck = self.engine.luck
        z, u, v = (luck.number("rest", *self._address(container), part) for part in "zuv")
        return residual(law, NormalDist().inv_cdf(max(z, 2.0**-53)), u, v)[1]

    def _of(self, law: Law, container: Container, purpose: str, *more: str) -> float:
        if law.kind == "constant":
            return law.a
        return self.engine.luck.value(law, purpose, *self._address(container), *more)

    @staticmethod
    def _address(container: Container) -> tuple[str, ...]:
        task = container.task
        return (f"{task.owner.key:x}", container.spec.name, str(task.k), str(container.restarts))
