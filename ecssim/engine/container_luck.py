"""The draws of the containers inside a task: addressed by owner, container, launch and restart."""

from __future__ import annotations

from math import inf
from statistics import NormalDist
from typing import TYPE_CHECKING

from ecssim.engine.luck import LaunchDraws
from ecssim.engine.timing import CHANCE, EXIT, RUNS_FOR
from ecssim.workload.distributions import residual
from ecssim.world.containers import Container

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class ContainerLuck:
    """Values of a container's laws, by the columns of :mod:`ecssim.engine.timing`.

    The main container's first run has the draws of its launch, so that a side container or a health check shifts
    nothing in it; every other container has a stream of its own, and every restart draws of its own.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._draws: dict[tuple[int, str], LaunchDraws] = {}

    def value(self, container: Container, column: int) -> float:
        """Return the value of ``column`` for the container's present run."""
        spec, task = container.spec, container.task
        laws = spec.laws
        if container.restarts:
            return self._again(container, column)
        chain = task.template.chain
        assert chain is not None
        if spec.index == chain.main:
            draws = task.owner.draws
        else:
            key = (task.owner.key, spec.name)
            known = self._draws.get(key)
            if known is None:
                known = self._draws[key] = self.engine.luck.launches("container", f"{key[0]:x}", key[1])
            draws = known
        value: float = laws.delays(draws, task.k)[column]
        return value

    def down_after(self, container: Container) -> float:
        """Seconds from the start of the present run until the process stops answering; infinity: it never does."""
        law = container.spec.laws.unhealthy_after
        if law is None:
            return inf
        if law.kind == "constant":
            return float(law.a)
        return self.engine.luck.value(law, "unhealthy", *self._address(container))

    def rest(self, container: Container) -> float:
        """Seconds that a side container still has in a task found RUNNING at t = 0; negative: it has no end."""
        law = container.spec.laws.columns[RUNS_FOR]
        if law.a < 0.0:
            return -1.0
        luck = self.engine.luck
        z, u, v = (luck.number("rest", *self._address(container), part) for part in "zuv")
        return residual(law, NormalDist().inv_cdf(max(z, 2.0**-53)), u, v)[1]

    def _again(self, container: Container, column: int) -> float:
        luck = self.engine.luck
        address = (*self._address(container), str(column))
        if column in (CHANCE, EXIT):
            return luck.number("container", *address)
        law = container.spec.laws.columns[column]
        return float(law.a) if law.kind == "constant" else luck.value(law, "container", *address)

    @staticmethod
    def _address(container: Container) -> tuple[str, ...]:
        task = container.task
        return (f"{task.owner.key:x}", container.spec.name, str(task.k), str(container.restarts))
