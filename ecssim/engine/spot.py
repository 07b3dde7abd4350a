"""Spot capacity: pools with histories of their own, notices of two minutes, and droughts.

What happens to a pool is exogenous: its reclaims and shortages are functions of (seed, pool, time) and of
nothing that the run does. An EC2 pool is an instance type in a zone (SPOT-010), a Fargate Spot pool an
architecture in a zone (SPOT-006). A reclaim takes each member of its pool that lives when it begins with the
event's own probability; whether it takes this one is a draw of (event, launch). A pool has two histories: reclaims
that touch everybody (or, by a draw of the event, only who did not choose for capacity) and smaller ones that touch
only groups which chose by price alone (SPOT-037). Implements SPOT-001 to SPOT-004, SPOT-006, SPOT-010, SPOT-011,
SPOT-016, SPOT-017, SPOT-030, SPOT-033 to SPOT-037, CAP-040.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil
from typing import TYPE_CHECKING, Final, NamedTuple

from ecssim.decide.spot import (
    CHEAP_FACTOR,
    HOURS_PER_MONTH,
    RECLAIM_SPREAD,
    advice_lead,
    fraction_taken,
    hazard_factor,
    hazard_of_band,
    reaches,
    reclaims_per_hour,
    waiting_time,
)
from ecssim.engine.kernel import WORLD
from ecssim.world.instances import AutoScalingGroup, Instance
from ecssim.world.states import ACTIVE
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Seconds from the notice to the end of a Spot task or instance (SPOT-001, SPOT-011).
NOTICE: Final = 120.0
#: Seconds between two looks of the agent at the instance's metadata (SPOT-016, AGENT-055).
AGENT_POLL: Final = 1.0
WEEK: Final = 7 * 24 * 3600.0
YEAR: Final = 365 * 24 * 3600.0
#: A zone's shock lasts this long (SPOT-036).
SHOCK: Final = 2 * 3600.0
TASK_REASON: Final = "Your Spot Task was interrupted."


class Pool(NamedTuple):
    """One capacity pool: ``kind`` is an instance type, or Fargate's architecture (``fargate``)."""

    kind: str
    zone: str
    fargate: bool = False

    def __str__(self) -> str:
        return f"{'FARGATE_SPOT/' if self.fargate else ''}{self.kind}/{self.zone}"


class Reclaim(NamedTuple):
    """A reclaim of a pool: its name, the share that it takes, how long the pool is empty after it, whom it touches.

    ``reach`` is the event's own draw: groups whose hazard is less than others' are spared by those above it.
    ``cheap``: it touches only groups that chose by price alone (SPOT-037).
    """

    number: int
    fraction: float
    drought: float
    reach: float = 0.0
    cheap: bool = False

    def name(self, pool: Pool) -> str:
        """The event's name: what the draws of its victims belong to."""
        return f"{pool}{'/cheap' if self.cheap else ''}#{self.number}"

    def touches(self, group: AutoScalingGroup) -> bool:
        """Whether the instances of a group can be among its victims (SPOT-037)."""
        factor = hazard_factor(group.rules.spot_strategy)
        return factor > 1.0 if self.cheap else reaches(self.reach, factor)


class Spot:
    """Plays the pools' histories; interrupts tasks and instances; knows which pools are empty."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._dry_until: dict[Pool, float] = {}
        #: The latest end of any drought so far: a cheap answer for runs without one.
        self._any_until = 0.0
        #: Bands that the scenario gives, by type, or by type and zone (SPOT-030).
        self.bands: dict[str, int] = {}

    def begin(self, *, fargate: bool) -> None:
        """Arm the history of every pool that the scenario can use; ``fargate``: Fargate Spot is among them."""
        pools = self._pools(fargate)
        model = self.engine.model
        cheap = {p for g in self.engine.world.groups if hazard_factor(g.rules.spot_strategy) > 1 for p in self.of(g)}
        for pool in pools:
            if self.interruptions_per_month(pool) > 0:
                self._next_reclaim(pool, 0.0, 0)
                if pool in cheap:
                    self._next_reclaim(pool, 0.0, 0, True)
            if model.spot_shortages_per_week > 0 and model.spot_shortage_minutes > 0:
                self._next_shortage(pool, 0.0, 0)
        if model.spot_zone_shocks_per_year > 0:
            for zone in dict.fromkeys(pool.zone for pool in pools):
                self._next_shock(tuple(p for p in pools if p.zone == zone), 0.0, 0)

    def _pools(self, fargate: bool) -> list[Pool]:
        world = self.engine.world
        pools: dict[Pool, None] = {}
        for group in world.groups:
            pools.update(dict.fromkeys(self.of(group)))
        if fargate:
            for architecture in ("X86_64", "ARM64"):
                for place in world.subnets:
                    pools[Pool(architecture, place.zone, True)] = None
        return list(pools)

    def of(self, group: AutoScalingGroup) -> list[Pool]:
        """Return the pools of which a group may buy: its types times its zones (SPOT-010, SPOT-038)."""
        if group.on_demand_percent >= 100:
            return []
        subnets = self.engine.world.subnets
        pools = [Pool(kind.type, subnets[subnet].zone) for kind in group.kinds for subnet in group.subnets]
        return list(dict.fromkeys(pools))

    # -- histories --------------------------------------------------------------------------------------------

    def _draw(self, what: str, pool: Pool, number: int) -> float:
        return self.engine.luck.number("spot", what, str(pool), str(number))

    def interruptions_per_month(self, pool: Pool) -> float:
        """Expected interruptions of a member of the pool: by its band, else the model option (SPOT-030, SPOT-031)."""
        band = self._band_of(pool)
        if band is None:
            return self.engine.model.spot_interruptions_per_month
        return hazard_of_band(band) * HOURS_PER_MONTH

    def band(self, pool: Pool) -> int:
        """Return the pool's band of interruption; band 1 stands for pools that nobody knows (SPOT-006)."""
        band = self._band_of(pool)
        return 1 if band is None else band

    def _band_of(self, pool: Pool) -> int | None:
        kind = "FARGATE_SPOT" if pool.fargate else pool.kind
        return self.bands.get(f"{kind}/{pool.zone}", self.bands.get(kind))

    def _next_reclaim(self, pool: Pool, t: float, number: int, cheap: bool = False) -> None:
        """Arm reclaim ``number`` of one of the pool's two histories; the one before it was at ``t`` (SPOT-034)."""
        model = self.engine.model
        rate = reclaims_per_hour(self.interruptions_per_month(pool)) * (CHEAP_FACTOR - 1.0 if cheap else 1.0)
        what = "cheap/" if cheap else ""
        at = t + waiting_time(3600.0 / rate, self._draw(f"{what}gap", pool, number))
        fraction = fraction_taken(self._draw(f"{what}fraction", pool, number))
        drought = waiting_time(60.0 * model.spot_drought_minutes, self._draw(f"{what}drought", pool, number))
        reach = self._draw("reach", pool, number)
        reclaim = Reclaim(number, fraction, 0.0 if cheap else drought, reach, cheap)
        if not pool.fargate:
            lead = advice_lead(self._draw(f"{what}early", pool, number), self._draw(f"{what}lead", pool, number))
            if lead > 0.0:
                # Not before the reclaim before it: until then this one is nobody's future.
                self.engine.advice.arm(pool, reclaim, max(t, at - lead), at)
        self.kernel.at(at, WORLD, self._on_reclaim, (pool, reclaim, at))

    def _on_reclaim(self, what: tuple[Pool, Reclaim, float], _: int) -> None:
        pool, reclaim, at = what
        self._next_reclaim(pool, at, reclaim.number + 1, reclaim.cheap)
        if reclaim.drought:
            self._drain_pool(pool, self.kernel._now + reclaim.drought)
        self.take_back((pool,), reclaim.fraction, reclaim.name(pool), spread=RECLAIM_SPREAD, touches=reclaim.touches)

    def _next_shortage(self, pool: Pool, t: float, number: int) -> None:
        """Arm a shortage without a reclaim (SPOT-035); the one before it ended at ``t``."""
        model = self.engine.model
        at = t + waiting_time(WEEK / model.spot_shortages_per_week, self._draw("up", pool, number))
        ends = at + waiting_time(60.0 * model.spot_shortage_minutes, self._draw("down", pool, number))
        self.kernel.at(at, WORLD, self._on_shortage, (pool, number, ends))

    def _on_shortage(self, what: tuple[Pool, int, float], _: int) -> None:
        pool, number, ends = what
        self._drain_pool(pool, ends)
        self._next_shortage(pool, ends, number + 1)

    def _next_shock(self, pools: tuple[Pool, ...], t: float, number: int) -> None:
        """Arm a zone's loss of all its Spot pools (SPOT-036)."""
        zone = pools[0].zone
        u = self.engine.luck.number("spot", "shock", zone, str(number))
        at = t + waiting_time(YEAR / self.engine.model.spot_zone_shocks_per_year, u)
        self.kernel.at(at, WORLD, self._on_shock, (pools, number, at))

    def _on_shock(self, what: tuple[tuple[Pool, ...], int, float], _: int) -> None:
        pools, number, at = what
        self._next_shock(pools, at, number + 1)
        for pool in pools:
            self._drain_pool(pool, self.kernel._now + SHOCK)
        self.take_back(pools, 1.0, f"shock/{pools[0].zone}#{number}")

    # -- droughts ---------------------------------------------------------------------------------------------

    def _drain_pool(self, pool: Pool, until: float) -> None:
        self._dry_until[pool] = max(until, self._dry_until.get(pool, 0.0))
        self._any_until = max(self._any_until, until)

    def dry_until(self, pool: Pool) -> float:
        """Return when the pool has capacity again; a time that is not ahead: it has some now."""
        return self._dry_until.get(pool, 0.0)

    def is_dry(self, pool: Pool) -> bool:
        """Whether launches from the pool fail now (SPOT-035)."""
        return self.kernel._now < self._any_until and self.kernel._now < self.dry_until(pool)

    def dry_zones(self, template: Template) -> dict[str, float]:
        """Return the template's zones without Fargate Spot capacity now, each with the end of its drought."""
        now = self.kernel._now
        if now >= self._any_until:
            return {}
        ends = {z: self.dry_until(Pool(template.architecture, z, True)) for z in template.zones}
        return {z: end for z, end in ends.items() if end > now}

    def drought(self, pools: tuple[Pool, ...], duration: float) -> None:
        """Leave the pools without capacity for ``duration`` seconds (a fault)."""
        for pool in pools:
            self._drain_pool(pool, self.kernel._now + duration)

    def pools_of(
        self, provider: str, group: AutoScalingGroup | None, zone: str | None, kind: str | None = None
    ) -> tuple[Pool, ...]:
        """Return the pools behind a capacity provider, in one zone or in all, of one type or of all."""
        world = self.engine.world
        pools = []
        if provider == "FARGATE_SPOT":
            pools = [Pool(a, s.zone, True) for a in ("X86_64", "ARM64") for s in world.subnets]
        elif group is not None:
            pools = [Pool(k.type, world.subnets[s].zone) for k in group.kinds for s in group.subnets]
        return tuple(dict.fromkeys(p for p in pools if zone in (None, p.zone) and kind in (None, p.kind)))

    # -- interruptions ----------------------------------------------------------------------------------------

    def take_back(
        self,
        pools: tuple[Pool, ...],
        fraction: float,
        event: str,
        *,
        spread: float = 0.0,
        touches: Callable[[AutoScalingGroup], bool] | None = None,
        cause: int = 0,
        notice: float = NOTICE,
        after: float = 0.0,
    ) -> None:
        """Take each member of the pools with probability ``fraction``, within ``spread`` seconds (SPOT-034).

        ``event`` names the reclaim: a victim's draws belong to (event, launch). ``touches`` bounds it to the
        instances of some groups. ``cause`` is the event of the fault; without one the reclaim is written down
        itself, if it hits anybody. Instances end ``notice`` seconds after their notices, which come ``after``
        seconds from now.
        """
        victims = self.victims(pools, fraction, event, spread, touches)
        if victims and not cause:
            cause = self.engine.calls.note("aws", "SpotReclaim", ", ".join(str(p) for p in pools))
        for offset, member in victims:
            self.kernel.after(after + offset, self._on_notice, (member, cause, notice), 0)

    def victims(
        self,
        pools: tuple[Pool, ...],
        fraction: float,
        event: str,
        spread: float,
        touches: Callable[[AutoScalingGroup], bool] | None = None,
    ) -> list[tuple[float, Task | Instance]]:
        """Return whom of those that are there now a reclaim hits, each with its seconds from the reclaim's begin."""
        luck = self.engine.luck
        return [
            (luck.number("spot", "offset", event, launch) * spread, member)
            for member, launch in self._members(pools, touches)
            if luck.number("spot", "victim", event, launch) < fraction
        ]

    def _members(
        self, pools: tuple[Pool, ...], touches: Callable[[AutoScalingGroup], bool] | None
    ) -> Iterator[tuple[Task | Instance, str]]:
        engine = self.engine
        wanted = set(pools)
        for instance in engine.world.instances:
            if instance.spot and not instance.ended and Pool(instance.type, instance.zone) in wanted:
                if touches is None or touches(instance.group):
                    yield instance, instance.id
        if any(pool.fargate for pool in pools):
            for task in list(engine.lifecycle.live.values()):
                if task.template.fargate and engine.fargate.is_spot(task.provider):
                    zone = engine.world.subnets[task.subnet].zone
                    if Pool(task.template.architecture, zone, True) in wanted:
                        yield task, f"{task.owner.key:x}/{task.k}"

    def _on_notice(self, what: tuple[Task | Instance, int, float], _: int) -> None:
        """The two minutes begin, or what EC2 leaves of them (SPOT-011)."""
        member, cause, notice = what
        if isinstance(member, Task):
            # SIGTERM at once; a container has stopTimeout, at most the 120 s, to end (SPOT-001 to SPOT-003).
            if member.ordinal in self.engine.lifecycle.live:
                self.engine.lifecycle.interrupt(member, TASK_REASON, cause)
            return
        if member.ended:
            return
        if notice <= 0.0:
            self.engine.groups.terminate(member, cause)
            return
        now = self.kernel._now
        group = member.group
        self.kernel.after(notice, self._on_end, (member, cause), 0)
        self.engine.advice.advise(member, cause)
        if group.settings.draining:
            self.kernel.after(0.0, self._on_drain, (member, cause), 0)
        elif group.spot_draining and member.registered_at == member.registered_at:
            polls = ceil((now - member.registered_at) / AGENT_POLL)
            self.kernel.at(member.registered_at + polls * AGENT_POLL, WORLD, self._on_drain, (member, cause))

    def _on_drain(self, what: tuple[Instance, int], _: int) -> None:
        """The agent saw the notice, or managed draining did (ASG-044): no new tasks, services move away."""
        instance, cause = what
        if instance.status == ACTIVE and not instance.ended:
            self.engine.groups.drain(instance, cause)

    def _on_end(self, what: tuple[Instance, int], _: int) -> None:
        """Two minutes later EC2 takes the instance with what is still on it; the group replaces it (SPOT-017)."""
        instance, cause = what
        instance.taken_back = True
        self.engine.groups.terminate(instance, cause)
