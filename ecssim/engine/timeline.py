"""What the scenario makes happen at named times: API calls through the one door, and faults of the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from ecssim.engine.calls import parse
from ecssim.engine.kernel import CALL, WORLD
from ecssim.scenario import timeline as documents
from ecssim.world.instances import AutoScalingGroup, Instance
from ecssim.world.states import ACTIVE, RUNNING

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Planned(NamedTuple):
    """One entry of the timeline, ready to happen; ``every`` seconds apart, ``left`` more times (-1: no end)."""

    what: str
    fault: bool
    params: Mapping[str, Any]
    parsed: Any
    caller: str
    every: float
    left: int


class Timeline:
    """Plays planned entries; faults are facts of the world, calls go through the door."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._faults: dict[str, Callable[[Any, int], None]] = {
            "instanceTermination": self._instance_termination,
            "agentDisconnect": self._agent_disconnect,
            "taskCrash": self._task_crash,
            "registrySlow": self._registry_slow,
            "registryDown": self._registry_down,
            "addressesTaken": self._addresses_taken,
            "apiThrottling": self._api_throttling,
            "azOutage": self._az_outage,
            "insufficientCapacity": self._insufficient_capacity,
            "instanceImpairment": self._instance_impairment,
            "spotReclaim": self._spot_reclaim,
            "spotDrought": self._spot_drought,
            "metricDelay": self._metric_delay,
            "fargateRetirement": self._fargate_retirement,
        }
        self._numbers = 0

    def plan(self, entry: documents.TimelineCall | documents.TimelineFault, at: float) -> None:
        """Queue one entry of the scenario."""
        fault = isinstance(entry, documents.TimelineFault)
        what = entry.fault if isinstance(entry, documents.TimelineFault) else entry.call
        document = documents.parameters_of(entry)
        parsed = parse(document, entry.with_) if fault and document is not None else None
        caller = "timeline" if isinstance(entry, documents.TimelineFault) else entry.caller or "timeline"
        times = entry.times - 1 if entry.times is not None else -1 if entry.every is not None else 0
        planned = Planned(what, fault, entry.with_, parsed, caller, entry.every or 0.0, times)
        self.kernel.at(at, WORLD if fault else CALL, self._happen, planned)

    def _happen(self, planned: Planned, _: int) -> None:
        engine = self.engine
        if planned.fault:
            event = engine.calls.note(planned.caller, f"fault:{planned.what}", str(dict(planned.params)))
            self._faults[planned.what](planned.parsed, event)
        else:
            engine.calls.call(planned.what, planned.params, planned.caller)
        if planned.left:
            again = planned._replace(left=planned.left - 1 if planned.left > 0 else -1)
            phase = WORLD if planned.fault else CALL
            self.kernel.at(self.kernel._now + planned.every, phase, self._happen, again)

    # -- faults -----------------------------------------------------------------------------------------------

    def _victims(self, group: AutoScalingGroup, count: int) -> list[Instance]:
        """Draw ``count`` live instances; the draw is a function of the fault's number, not of state."""
        self._numbers += 1
        alive = [i for i in group.instances.values() if i.status == ACTIVE]
        luck = self.engine.luck("victims", group.name, str(self._numbers))
        ranked = sorted(alive, key=lambda i: (luck[int(i.ordinal)], i.ordinal))
        return ranked[:count]

    def _group_of(self, provider: str) -> AutoScalingGroup | None:
        return next((g for g in self.engine.world.groups if provider in (g.provider, g.name)), None)

    def _instance_termination(self, fault: documents.InstanceTermination, event: int) -> None:
        engine = self.engine
        if fault.instance_id is not None:
            victims = [i for i in engine.world.instances if i.id == fault.instance_id]
        else:
            group = self._group_of(fault.capacity_provider or "")
            victims = self._victims(group, fault.count or 1) if group is not None else []
        for instance in victims:
            engine.groups.terminate(instance, event)

    def _agent_disconnect(self, fault: documents.AgentDisconnect, event: int) -> None:
        group = self._group_of(fault.capacity_provider)
        for instance in self._victims(group, fault.count) if group is not None else []:
            self.engine.links.cut(instance, fault.for_, event)

    def _task_crash(self, fault: documents.TaskCrash, event: int) -> None:
        engine = self.engine
        service = engine.world.service_named(fault.service)
        if service is None:
            return
        self._numbers += 1
        luck = engine.luck("crash", service.name, str(self._numbers))
        alive = [t for d in service.deployments for t in d.tasks.values() if t.running and t.status == RUNNING]
        ranked = sorted(alive, key=lambda t: (luck[t.k], t.ordinal))
        if fault.fraction is not None:
            chosen = [t for t in alive if luck[t.k] < fault.fraction]
        else:
            chosen = ranked[: fault.count or 0]
        for task in chosen:
            engine.lifecycle.crash(task, event)

    def _spot_reclaim(self, fault: documents.SpotReclaim, event: int) -> None:
        """Capacity is taken back at this instant, with the usual notice; the share is by chance (SPOT-034)."""
        self._numbers += 1
        group = self._group_of(fault.capacity_provider)
        spot = self.engine.spot
        pools = spot.pools_of(fault.capacity_provider, group, fault.availability_zone, fault.instance_type)
        name = f"fault#{self._numbers}"

        def of_provider(other: AutoScalingGroup) -> bool:
            return group in (None, other)

        # Who comes for them at the recommendation is not among them.
        victims = spot.victims(pools, fault.fraction, name, 0.0, of_provider) if fault.notice_after else []
        spot.take_back(
            pools,
            fault.fraction,
            name,
            touches=of_provider,
            cause=event,
            notice=fault.notice,
            after=fault.notice_after,
        )
        for _, member in victims:
            if isinstance(member, Instance):
                self.engine.advice.advise(member, event)

    def _spot_drought(self, fault: documents.SpotDrought, event: int) -> None:
        """Launches from the provider's pools fail for a while (SPOT-035)."""
        group = self._group_of(fault.capacity_provider)
        spot = self.engine.spot
        pools = spot.pools_of(fault.capacity_provider, group, fault.availability_zone, fault.instance_type)
        spot.drought(pools, fault.for_)

    def _insufficient_capacity(self, fault: documents.InsufficientCapacity, event: int) -> None:
        """On-Demand launches of the type fail for a while (ASG-058)."""
        zones = {s.zone for s in self.engine.world.subnets if fault.availability_zone in (None, s.zone)}
        self.engine.ec2_market.shortage(fault.instance_type, tuple(zones), self.kernel._now + fault.for_)

    def _instance_impairment(self, fault: documents.InstanceImpairment, event: int) -> None:
        """Instances stop answering: no network, failed status checks (ASG-055)."""
        group = self._group_of(fault.capacity_provider)
        for instance in self._victims(group, fault.count) if group is not None else []:
            if instance.group.managed is not None:  # no group replaces it; auto repair may (CAP-075)
                self.engine.instance_health.impair(instance, fault.for_)
            else:
                self.engine.health.impair(instance, fault.for_, event)

    def _fargate_retirement(self, fault: documents.FargateRetirement, event: int) -> None:
        """A new revision of Fargate's platform, besides those that come by chance (FG-030)."""
        self.engine.retirement.announce(self.kernel._now, event)

    def _registry_slow(self, fault: documents.RegistrySlow, event: int) -> None:
        self.engine.registry_factor *= fault.factor
        self.kernel.at(self.kernel._now + fault.for_, WORLD, self._registry_normal, fault.factor)

    def _registry_normal(self, factor: float, _: int) -> None:
        self.engine.registry_factor /= factor

    def _registry_down(self, fault: documents.RegistryDown, event: int) -> None:
        """The registry answers no new request; layers that are under way still arrive."""
        pulls = self.engine.pulls
        pulls.down_until = max(pulls.down_until, self.kernel._now + fault.for_)

    def _addresses_taken(self, fault: documents.AddressesTaken, event: int) -> None:
        engine = self.engine
        ordinal = engine.builder.subnets[fault.subnet]
        taken = []
        for _ in range(fault.count):
            address = engine.subnets.take(ordinal, "others")
            if address < 0:
                engine.subnets.refused(ordinal, "others", None, event)
                break
            taken.append(address)
        if fault.for_ is not None:
            self.kernel.at(self.kernel._now + fault.for_, WORLD, self._addresses_back, (ordinal, taken))

    def _addresses_back(self, what: tuple[int, list[int]], _: int) -> None:
        ordinal, taken = what
        for address in taken:
            self.engine.subnets.give_back(ordinal, address, "others", self.kernel._now)

    def _api_throttling(self, fault: documents.ApiThrottling, event: int) -> None:
        calls = self.engine.calls
        calls.throttle(fault.action, calls.throttled.get(fault.action, 1.0) * fault.factor)
        self.engine.reports.throttling()
        self.engine.interfaces.throttle(fault.action, calls.throttled[fault.action])
        self.kernel.at(self.kernel._now + fault.for_, WORLD, self._api_normal, (fault.action, fault.factor))

    def _api_normal(self, what: tuple[str, float], _: int) -> None:
        action, factor = what
        calls = self.engine.calls
        calls.throttle(action, calls.throttled[action] / factor)
        self.engine.interfaces.throttle(action, calls.throttled[action])
        self.engine.reports.throttling()

    def _metric_delay(self, fault: documents.MetricDelay, event: int) -> None:
        """Metrics are published later by so many minutes, rounded up; alarms catch up afterwards."""
        minutes = ceil(fault.delay / 60.0)
        self.engine.scaling.delay_metrics(minutes)
        self.kernel.at(self.kernel._now + fault.for_, WORLD, self._metrics_in_time, minutes)

    def _metrics_in_time(self, minutes: int, _: int) -> None:
        self.engine.scaling.delay_metrics(-minutes)

    def _az_outage(self, fault: documents.AzOutage, event: int) -> None:
        """Every instance of the zone ends, Fargate tasks in it stop; groups launch elsewhere meanwhile.

        That goes for instances that boot, drain or wait in a warm pool, too.
        """
        engine = self.engine
        zone = fault.availability_zone
        engine.zones_down.add(zone)
        for instance in [i for i in engine.world.instances if i.zone == zone and not i.ended]:
            if instance.ordinal in instance.group.warm:
                engine.groups.discard(instance)
                engine.warm_pools.fill(instance.group)
            else:
                engine.groups.terminate(instance, event)
        for task in [t for t in engine.lifecycle.live.values() if t.template.fargate]:
            if engine.world.subnets[task.subnet].zone == zone:
                engine.lifecycle.lose(task, 6, "Task stopped: its Availability Zone is impaired", event)
        self.kernel.at(self.kernel._now + fault.for_, WORLD, self._az_back, zone)

    def _az_back(self, zone: str, _: int) -> None:
        self.engine.zones_down.discard(zone)
        for group in self.engine.world.groups:
            self.engine.groups.reconcile(group)
            self.engine.succession.look(group, 0)
        self.engine.rebalancing.look_again()


#: Faults that the engine plays; `check` refuses the others by name.
SUPPORTED_FAULTS = (
    "instanceTermination",
    "agentDisconnect",
    "taskCrash",
    "registrySlow",
    "registryDown",
    "addressesTaken",
    "apiThrottling",
    "azOutage",
    "insufficientCapacity",
    "instanceImpairment",
    "spotReclaim",
    "spotDrought",
    "metricDelay",
    "fargateRetirement",
)
