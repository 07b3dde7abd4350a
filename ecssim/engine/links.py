"""The agents' connections to ECS: lost, noticed, opened again (AGENT-020 to AGENT-024).

Three facts are kept apart: whether an instance has a network (``cut_until``), whether its agent hears ECS
(``online``), and what ECS believes (``connected``, the API's agentConnected). Only the last one keeps placement away.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, NamedTuple

from ecssim.decide.agent import connected_again
from ecssim.engine.kernel import WORLD
from ecssim.world.instances import Instance
from ecssim.world.states import INACTIVE

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Loss(NamedTuple):
    """One loss of an agent's connection: its number, when, how long the agent takes to see it, the cause's event."""

    number: int
    at: float
    heartbeat: float
    cause: int


class Links:
    """Cuts and restores connections; ``engine.groups`` says what ECS then believes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._heartbeat = engine.timing["agentHeartbeat"]
        self._notice = engine.timing["agentLossNoticed"].median
        self._jitter = engine.timing["agentRetryJitter"]
        self._losses: dict[int, Loss] = {}
        self._shown = engine.model.connection_renewals == "shown"
        self._number = 0

    # -- a network that fails ---------------------------------------------------------------------------------

    def cut(self, instance: Instance, seconds: float, cause: int) -> None:
        """The instance has no network for so many seconds (fault ``agentDisconnect``)."""
        now = self.kernel._now
        if instance.ordinal not in self._losses:
            self._number += 1
            number = self._number
            heartbeat = self.engine.luck.value(self._heartbeat, "heartbeat", instance.id, f"{now}")
            self._losses[instance.ordinal] = Loss(number, now, heartbeat, cause)
            instance.online = False
            self.kernel.at(now + self._notice, WORLD, self._on_noticed, (instance, number), instance.epoch)
        instance.cut_until = max(instance.cut_until, now + seconds)
        self.engine.reports.away(instance, True)
        self.kernel.at(now + seconds, WORLD, self._on_back, instance, instance.epoch)

    def _on_noticed(self, what: tuple[Instance, int], epoch: int) -> None:
        """ECS misses the agent's heartbeat: agentConnected is false from now on (AGENT-024)."""
        instance, number = what
        loss = self._losses.get(instance.ordinal)
        if instance.epoch == epoch and loss is not None and loss.number == number and instance.connected:
            self.engine.groups.connect(instance, False, loss.cause)

    def _on_back(self, instance: Instance, epoch: int) -> None:
        """The network is there again: reports get through, and the agent finds its way back (AGENT-022)."""
        now = self.kernel._now
        loss = self._losses.get(instance.ordinal)
        if instance.epoch != epoch or now < instance.cut_until or loss is None:
            return
        self.engine.reports.flush(instance)
        luck, law = self.engine.luck, self._jitter

        def jitter(i: int) -> float:
            return luck.value(law, "reconnect", instance.id, str(loss.number), str(i))

        again = connected_again(loss.at, now, loss.heartbeat, jitter)
        self.kernel.at(again, WORLD, self._on_connected, (instance, loss.number), epoch)

    def _on_connected(self, what: tuple[Instance, int], epoch: int) -> None:
        instance, number = what
        loss = self._losses.get(instance.ordinal)
        if instance.epoch != epoch or self.kernel._now < instance.cut_until:
            return
        if loss is None or loss.number != number:
            return
        if instance.connected:
            self.follow(instance, True)
        else:
            self.engine.groups.connect(instance, True, instance.last_event)

    def follow(self, instance: Instance, connected: bool) -> None:
        """The agent hears ECS again, or its connection is simply gone until further notice."""
        reports = self.engine.reports
        if connected:
            self._losses.pop(instance.ordinal, None)
            instance.online = True
            if self.kernel._now < instance.cut_until:
                instance.cut_until = 0.0
                reports.flush(instance)
            reports.away(instance, False)
            reports.signal(instance)
            self.engine.agents.wake(instance)
        elif instance.online:
            instance.online = False
            instance.cut_until = inf
            reports.away(instance, True)

    def lost(self, instance: Instance) -> None:
        """The instance ended while ECS did not hear from it: nobody will say so (AGENT-026)."""
        instance.online = False
        instance.cut_until = inf
        self._losses.pop(instance.ordinal, None)
        self.engine.reports.away(instance, True)

    def gone(self, instance: Instance) -> None:
        """The instance is no longer of interest to ECS."""
        self._losses.pop(instance.ordinal, None)
        self.engine.reports.forget(instance)
        self.engine.reports.away(instance, False)

    # -- in normal operation ----------------------------------------------------------------------------------

    def arrived(self, instance: Instance) -> None:
        """The agent's first connection: it will renew it every half hour or so (AGENT-021), if that is shown."""
        if self._shown:
            self._next_renewal(instance, 0)

    def _next_renewal(self, instance: Instance, number: int) -> None:
        u = self.engine.luck.number("renewal", instance.id, str(number))
        at = self.kernel._now + 1800.0 + 300.0 * u
        self.kernel.at(at, WORLD, self._on_renewal, (instance, number), instance.epoch)

    def _on_renewal(self, what: tuple[Instance, int], epoch: int) -> None:
        """The connection is closed on purpose and opened again at once: two events and nothing else."""
        instance, number = what
        if instance.epoch != epoch or instance.status == INACTIVE:
            return
        if instance.online and instance.connected:
            self.engine.groups.renew(instance)
        self._next_renewal(instance, number + 1)
