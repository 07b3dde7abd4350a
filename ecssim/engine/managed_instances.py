"""Managed Instances at work: ECS launches what waiting tasks need, and lets go what is idle, under-used or old.

Tasks of such a provider wait in PROVISIONING as those of a scaled group do; five seconds after they began to wait
ECS launches instances for them, without metric or alarm (CAP-077). The choice is
:mod:`ecssim.decide.instance_choice`'s; every launch and every end is a row of ``calls`` by the caller ``ecs``.
Implements CAP-064, CAP-065, CAP-068 to CAP-077.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from ecssim.decide.instance_choice import Launch, Offer, Want, by_zone, left_over, plan
from ecssim.engine.group_launches import Place
from ecssim.engine.kernel import CONTROLLER
from ecssim.engine.managed_upkeep import Upkeep
from ecssim.engine.spot import Pool
from ecssim.engine.waiting import need_of
from ecssim.world.instances import AutoScalingGroup, Instance, InstanceKind
from ecssim.world.services import Service
from ecssim.world.states import REGISTERING
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Who makes the calls by which ECS moves its own instances.
CALLER: Final = "ecs"


class ManagedPool:
    """The instances of one provider: what may be launched, what is on its way, who waits for which zone."""

    def __init__(
        self,
        engine: Engine,
        group: AutoScalingGroup,
        offers: tuple[Offer, ...],
        kinds: dict[str, InstanceKind],
        *,
        spot: bool,
        delay: float,
        repairs: bool,
    ) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.group = group
        self.offers = offers
        self.by_name = {offer.name: offer for offer in offers}
        self.kinds = kinds
        self.spot = spot
        self.repairs = repairs
        self.upkeep = Upkeep(engine, self, delay)
        #: The zone in which each waiting task gets its instance, by the task's ordinal.
        self.zone_of: dict[int, str] = {}
        #: Zones where a launch has failed, and until when they are left alone.
        self._shut: dict[str, float] = {}
        #: Waiting tasks with constraints for which an instance was launched: what came may not do for them, and
        #: launching again would not help (as ASG-023).
        self._served: set[int] = set()
        self._armed = False
        self._architectures: dict[int, str] = {}

    # -- what waits -------------------------------------------------------------------------------------------

    def wanted(self, after: float | None = None) -> None:
        """Tasks wait, or what was on its way is gone: decide in five seconds (CAP-077)."""
        if not self._armed:
            self._armed = True
            delay = self.engine.timing["managedDecision"].median if after is None else after
            self.kernel.at(self.kernel._now + delay, CONTROLLER, self._on_decision, None)

    def _waiting(self) -> list[Task]:
        provisioning = self.group.cluster.provisioning.values()
        return [w.task for w in provisioning if w.task.provider == self.group.provider_code]

    def _on_decision(self, _: None, __: int) -> None:
        self._armed = False
        engine = self.engine
        engine.waiting.settle(self.group.cluster)
        tasks = self._waiting()
        if not tasks:
            return
        self._share_out(tasks)
        failed = False
        for zone in self._zones():
            mine = [t for t in tasks if self.zone_of.get(t.ordinal) == zone and t.ordinal not in self._served]
            waiting = Counter(self.want_of(t.template) for t in mine)
            coming = [self.by_name[i.type] for i in self._coming(zone)]
            launches = plan(left_over(waiting, coming), self._offers_in(zone))
            short = bool(launches) and not self._launch(zone, launches)
            if short or (waiting and not self._offers_in(zone)):
                failed = True
                self._shut[zone] = self.kernel._now + engine.timing["launchRetry"].median
                for task in mine:
                    del self.zone_of[task.ordinal]
            elif launches:
                code = self.group.provider_code
                self._served.update(t.ordinal for t in mine if t.template.requests[code].constraints)
        if failed:
            self.wanted(engine.timing["launchRetry"].median)

    def _share_out(self, tasks: Iterable[Task]) -> None:
        """Give every new waiting task a zone: those of a service even out its zones (CAP-065)."""
        open_zones = [z for z in self._zones() if self._shut.get(z, 0.0) <= self.kernel._now]
        # Where nothing is open every zone may be tried again.
        zones = open_zones or self._zones()
        by_owner: dict[tuple[int, tuple[str, ...]], list[Task]] = {}
        for task in tasks:
            if task.ordinal not in self.zone_of:
                allowed = tuple(z for z in zones if not task.template.zones or z in task.template.zones)
                by_owner.setdefault((task.owner.group, allowed), []).append(task)
        for (_, allowed), mine in by_owner.items():
            if not allowed:
                continue
            shares = by_zone(len(mine), allowed, self._have(mine[0]))
            order = [zone for zone, count in shares.items() for _ in range(count)]
            for task, zone in zip(mine, order, strict=True):
                self.zone_of[task.ordinal] = zone

    def _have(self, like: Task) -> Counter[str]:
        """Tasks of the same owner by zone: placed ones, and those that wait for an instance there."""
        owner = like.owner
        deployments = owner.deployments if isinstance(owner, Service) else [owner]
        have: Counter[str] = Counter()
        instances = self.engine.world.instances
        for holder in deployments:
            for task in holder.tasks.values():
                if task.running:
                    zone = instances[task.instance].zone if task.instance >= 0 else self.zone_of.get(task.ordinal)
                    if zone is not None:
                        have[zone] += 1
        return have

    def want_of(self, template: Template) -> Want:
        """What a task asks of a new instance; without a named architecture any will do (CAP-066)."""
        architecture = self._architectures.get(template.code)
        if architecture is None:
            found = self.engine.builder.templates.find(template.name)
            platform = found[0].runtime_platform if found is not None else None
            named = platform.cpu_architecture if platform is not None else None
            architecture = self._architectures[template.code] = named.value.lower() if named is not None else ""
        return Want(need_of(template, self.group.provider_code), architecture)

    # -- launching --------------------------------------------------------------------------------------------

    def _zones(self) -> list[str]:
        subnets, down = self.engine.world.subnets, self.engine.zones_down
        return list(dict.fromkeys(subnets[s].zone for s in self.group.subnets if subnets[s].zone not in down))

    def _coming(self, zone: str) -> list[Instance]:
        return [i for i in self.group.instances.values() if i.status == REGISTERING and i.zone == zone]

    def _offers_in(self, zone: str) -> list[Offer]:
        """The types that can be had in a zone now: Spot may have none of some (CAP-076, SPOT-035)."""
        if not self.spot:
            return list(self.offers)
        dry = self.engine.spot.is_dry
        return [offer for offer in self.offers if not dry(Pool(offer.name, zone))]

    def _launch(self, zone: str, launches: list[Launch]) -> bool:
        """Launch the batch of one zone; False if a subnet had no address for all of it."""
        batches: dict[str, list[Launch]] = {}
        for launch in launches:
            batches.setdefault(launch.offer.name, []).append(launch)
        for name, batch in batches.items():
            tasks = sum(sum(launch.tasks.values()) for launch in batch)
            text = f"{self.group.name}: {len(batch)} x {name} in {zone} for {tasks} waiting tasks"
            event = self.engine.calls.note(CALLER, "CreateFleet", text)
            for _ in batch:
                if self.launch_one(zone, self.by_name[name], event) is None:
                    return False
        return True

    def launch_one(self, zone: str, offer: Offer, cause: int, *, booted: bool = False) -> Instance | None:
        """Launch one instance in a subnet of the zone, drawn among those with an address; None if none has."""
        engine, group = self.engine, self.group
        kind = self.kinds[offer.name]
        need = 2 if kind.shape.trunk else 1
        subnets = engine.world.subnets
        here = [s for s in group.subnets if subnets[s].zone == zone]
        k = group.launched
        start = int(engine.luck("asg-subnet", group.name)[k] * len(here))
        for subnet in here[start:] + here[:start]:
            engine.subnets.thaw(subnets[subnet], self.kernel._now)
            if subnets[subnet].pool.free >= need:
                instance = engine.groups.start(group, Place(zone, subnet, kind, self.spot), cause, booted=booted)
                self.upkeep.launched(instance)
                return instance
        engine.subnets.refused(here[0], "instances", None, cause)
        return None

    def one_more(self, template: Template, tasks: int) -> bool:
        """Before the run begins: launch the instance that the next of ``tasks`` tasks needs; False if none can be."""
        zones = [z for z in self._zones() if not template.zones or z in template.zones]
        if not zones:
            return False
        zone = min(zones, key=lambda z: (self.group.zone_counts.get(z, 0), zones.index(z)))
        launches = plan({self.want_of(template): -(-tasks // len(zones))}, self.offers)
        return bool(launches) and self.launch_one(zone, launches[0].offer, 0, booted=True) is not None

    # -- what happens to instances ----------------------------------------------------------------------------

    def may_take(self, task: Task, instance: Instance) -> bool:
        """Whether a waiting task may go to an instance that came up: not if it is meant for another zone."""
        return self.zone_of.get(task.ordinal, instance.zone) == instance.zone

    def left(self, task: Task) -> None:
        """A task waits no longer."""
        self.zone_of.pop(task.ordinal, None)
        self._served.discard(task.ordinal)

    def arrived(self, instance: Instance) -> None:
        """An instance can take tasks; who waits still may need another one."""
        self.upkeep.touched(instance)
        self._look_again()

    def gone(self, instance: Instance) -> None:
        """An instance has ended: who waits needs another, and another one may be let go now."""
        self.upkeep.gone(instance)
        self._look_again()

    def _look_again(self) -> None:
        if self.engine.waiting.count(self.group.provider_code):
            self.wanted()
