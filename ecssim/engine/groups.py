"""Auto Scaling groups: instances are launched, register, and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.engine import occupancy
from ecssim.engine.group_launches import Place
from ecssim.engine.luck import BLOCK
from ecssim.record.ids import owner_key
from ecssim.record.tables import Table
from ecssim.world.instances import AutoScalingGroup, Instance
from ecssim.world.states import (
    ACTIVE,
    DEREGISTERING,
    DRAINING,
    INACTIVE,
    INSTANCE_STATUS_NAMES,
    REGISTERING,
    REGISTRATION_FAILED,
    TASK_FAILED_TO_START,
    TERMINATION_NOTICE,
)
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Groups:
    """Keeps each group at its desired capacity (ASG-050, ASG-058) and its instances registered (ASG-070)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        recorder = engine.recorder
        self._events = recorder.tables["instance_events"]
        self._rows = recorder.tables["instances"]
        self._open = recorder.tables["_instances_open"]
        names = recorder.names
        self._ids = names.pool("instance")
        self._types = names.pool("instance_type")
        self._markets = names.pool("market")
        self._statuses = names.pool("instance_status")
        self._retry = engine.timing["launchRetry"].median
        self._trunk = engine.timing["trunkRegistration"].median
        self._boot = engine.timing["instanceBoot"]
        self._first_pull = engine.timing["agentFirstPull"].median
        #: How many instances are DRAINING, so that nobody asks about their tasks while none is.
        self.draining = 0

    def drains(self, task: Task) -> bool:
        """Whether the task is on an instance that is DRAINING."""
        return task.instance >= 0 and self.engine.world.instances[task.instance].status == DRAINING

    def reconcile(self, group: AutoScalingGroup, cause: int = 0) -> None:
        """Launch what is missing, by ``cause``; a launch that finds no address or capacity is tried again later."""
        if group.managed is not None:
            return
        if "Launch" not in group.suspended:
            while group.size < group.desired:
                if self.launch(group, cause) is None:
                    self.retry(group)
                    break
        if group.rules.warm is not None:
            self.engine.warm_pools.fill(group)

    def retry(self, group: AutoScalingGroup) -> None:
        """Look at the group again after a while (ASG-058)."""
        if not group.retry_armed:
            group.retry_armed = True
            self.kernel.at(self.kernel._now + self._retry, 0, self._on_retry, group)

    def _on_retry(self, group: AutoScalingGroup, _: int) -> None:
        group.retry_armed = False
        self.reconcile(group)
        self.engine.succession.look(group, 0)

    def launch(self, group: AutoScalingGroup, cause: int = 0, *, booted: bool = False) -> Instance | None:
        """Launch one instance, from the warm pool if it has any; None if EC2 or the subnets refuse it."""
        if group.warm:
            warmed = self.engine.warm_pools.take(group, cause)
            if warmed is not None:
                return warmed
        place = self.engine.launches.next(group, cause)
        return None if place is None else self.start(group, place, cause, booted=booted)

    def start(self, group: AutoScalingGroup, place: Place, cause: int, *, booted: bool = False) -> Instance:
        """Launch an instance there; ``booted``: it has been there for long."""
        instance = self.create(group, place)
        group.failing = ""
        group.join(instance)
        instance.status = REGISTERING
        instance.launched_at = self.kernel._now
        self.engine.meters.launched(instance)
        self._event(instance, cause)
        if booted:
            self.engine.states.launched_long_ago(instance)
            if self.engine.registrations.room(instance):
                self.register(instance)
            else:
                self.engine.registrations.ask(instance, instance.epoch)
        else:
            self.engine.states.launched(instance)
            self.boot(instance, 1.0)
        return instance

    def create(self, group: AutoScalingGroup, place: Place) -> Instance:
        """Give the group's next instance its identity and its addresses."""
        engine = self.engine
        world = engine.world
        k = group.launched
        group.launched = k + 1
        key = owner_key(engine.luck.seed, "instance", group.name, str(k))
        name = f"i-{key:016x}0"
        instance = Instance(
            len(world.instances), name, self._ids[name], group, place.zone, place.subnet, place.kind, place.spot
        )
        instance.number = k
        world.instances.append(instance)
        instance.address = engine.subnets.take(place.subnet, "instances")
        if place.kind.shape.trunk:
            instance.trunk_address = engine.subnets.take(place.subnet, "instances")
        engine.ec2_market.launched(instance)
        if group.rules.lifetime:
            at = self.kernel._now + group.rules.lifetime
            self.kernel.at(at, 0, engine.retiring.on_lifetime, (instance, 0))
        return instance

    def boot_time(self, instance: Instance) -> float:
        """Return the seconds from a cold launch of the instance to its registration (ASG-070)."""
        law = self._boot
        z, u = instance.group.draws.block(instance.number // BLOCK)
        i = instance.number % BLOCK
        shape = instance.shape
        delay = float(law.values_of(z[i : i + 1, 0], u[i : i + 1, 0])[0]) * shape.boot_factor
        return delay + (self._trunk if shape.trunk else 0.0)

    def boot(self, instance: Instance, share: float) -> None:
        """The instance starts: it registers after ``share`` of its boot time."""
        delay = self.boot_time(instance) * share
        self.kernel.at(self.kernel._now + delay, 0, self._on_booted, instance, instance.epoch)

    def restarted(self, instance: Instance, cause: int) -> None:
        """An instance of the warm pool joins its group: for ECS it is as new as any."""
        instance.group.failing = ""
        self._event(instance, cause)

    def discard(self, instance: Instance) -> None:
        """End an instance that ECS never saw: nobody notices."""
        instance.epoch += 1
        instance.status = INACTIVE
        self._end(instance)
        self._event(instance, 0)
        self._write(self._rows, instance)

    def _on_booted(self, instance: Instance, epoch: int) -> None:
        if instance.epoch == epoch:
            self.engine.states.booted(instance)
            self.engine.registrations.ask(instance, epoch)

    def register(self, instance: Instance) -> None:
        """The agent registers: the instance is ACTIVE and takes tasks (AGENT-002).

        One that keeps more memory back than there is fails to, and is a plain EC2 instance from then on (AGENT-005).
        """
        if instance.shape.memory < 0:
            instance.status = REGISTRATION_FAILED
            self._event(instance, 0)
            return
        instance.status = ACTIVE
        instance.registered_at = self.kernel._now
        if self._first_pull:
            instance.locked_until = self.kernel._now + self._first_pull
        self.engine.fleets.register(instance)
        if not instance.retiring:
            occupancy.instance_arrived(instance)
        self._event(instance, 0)
        self._write(self._open, instance)
        self.engine.links.arrived(instance)
        self.engine.instance_arrived(instance)

    def drain(self, instance: Instance, cause: int) -> None:
        """DRAINING: no new placements, service tasks leave within their limits (AGENT-050 to AGENT-052)."""
        engine = self.engine
        instance.status = DRAINING
        self.draining += 1
        instance.draining_at = self.kernel._now
        instance.group.cluster.fleet.set_status(instance.fleet_ordinal, False)
        self._event(instance, cause)
        for task in list(instance.tasks.values()):
            if task.running and task.deployment is not None:
                if task.deployment.service.daemon:
                    engine.services.mark(task.deployment.service)
                else:
                    engine.services.displace(task)
        engine.retiring.left(instance)

    def activate(self, instance: Instance, cause: int) -> None:
        """Back to ACTIVE (AGENT-003)."""
        engine = self.engine
        instance.status = ACTIVE
        self.draining -= 1
        instance.group.cluster.fleet.set_status(instance.fleet_ordinal, True)
        self._event(instance, cause)
        for task in instance.tasks.values():
            deployment = task.deployment
            if deployment is None:
                continue
            if deployment.displaced.pop(task.ordinal, None) is not None:
                deployment.healthy += 1
            # Replacements that the drain had started may be too many now.
            engine.services.mark(deployment.service)
        engine.instance_arrived(instance)

    def connect(self, instance: Instance, connected: bool, cause: int) -> None:
        """ECS sees the agent's connection go or come back (AGENT-024): without it no placement and no new start."""
        if instance.ended:
            return
        instance.connected = connected
        if instance.fleet_ordinal >= 0:
            instance.group.cluster.fleet.set_connected(instance.fleet_ordinal, connected)
        self._event(instance, cause)
        self.engine.links.follow(instance, connected)
        if connected:
            self.engine.containers.health.reconnected(instance)
            self.engine.instance_arrived(instance)

    def renew(self, instance: Instance) -> None:
        """The agent closed its connection and opened another at once (AGENT-021): two events and nothing else."""
        for connected in (False, True):
            instance.connected = connected
            self._event(instance, 0)

    def terminate(self, instance: Instance, cause: int, *, replace: bool = True) -> None:
        """The EC2 instance ends: its tasks are STOPPED at once, it leaves the cluster (LIFE-028, AGENT-026).

        ECS learns of it from a connected agent only. Otherwise the instance lingers in its cluster with agentConnected
        false, and its tasks as they were last reported, until somebody deregisters it.
        """
        if instance.ended:
            return
        group = instance.group
        if instance.connected or instance.fleet_ordinal < 0:
            if instance.status != INACTIVE:
                self._leave(instance, cause)
            self._end(instance)
            self._event(instance, instance.last_event)
            self._write(self._rows, instance)
        else:
            instance.epoch += 1
            for task in instance.tasks.values():
                self.engine.targets.dies(task)
                if task.running:
                    self.engine.meters.released(task)
            self._end(instance)
            # What happens to its tasks from now on is nothing to the group any more.
            instance.retiring = True
            self.engine.links.lost(instance)
            self._event(instance, cause)
        if replace:
            self.reconcile(group, instance.last_event)
            self.engine.succession.look(group, instance.last_event)

    def deregister(self, instance: Instance, cause: int) -> None:
        """DeregisterContainerInstance: ECS forgets the instance, EC2 does not (LIFE-029, AGENT-023).

        Its tasks are STOPPED for ECS. The agent hears that it is inactive and does not come back: it would try
        again in an hour, with the same answer. The group still counts the instance, unless it had let it go.
        """
        self._leave(instance, cause)
        instance.fleet_ordinal = -1
        if instance.ended:
            self._event(instance, instance.last_event)
            self._write(self._rows, instance)
        elif instance.retiring:
            self.terminate(instance, instance.last_event, replace=False)
        else:
            occupancy.instance_left(instance)
            self._event(instance, instance.last_event)

    def _leave(self, instance: Instance, cause: int) -> None:
        """The instance leaves its cluster, if it had joined it: DEREGISTERING, its tasks STOPPED."""
        engine = self.engine
        cluster = instance.group.cluster
        instance.epoch += 1
        if instance.status == DRAINING:
            self.draining -= 1
        instance.status = DEREGISTERING
        self._event(instance, cause)
        event = instance.last_event
        instance.status = INACTIVE
        if instance.fleet_ordinal >= 0:
            cluster.fleet.set_status(instance.fleet_ordinal, False)
        instance.agent_queue.clear()
        for task in list(instance.tasks.values()):
            code = TERMINATION_NOTICE if task.status >= 3 else TASK_FAILED_TO_START
            engine.lifecycle.lose(task, code, "Host EC2 (instance) terminated.", event)
        if instance.fleet_ordinal >= 0:
            cluster.fleet.remove(instance.fleet_ordinal)
            del cluster.instances[instance.ordinal]
            engine.links.gone(instance)

    def _end(self, instance: Instance) -> None:
        """EC2's side of it: addresses, the bill, the group's count."""
        engine = self.engine
        group = instance.group
        now = self.kernel._now
        for address in (instance.address, instance.trunk_address):
            if address >= 0:
                engine.subnets.give_back(instance.subnet, address, "instances", now)
        instance.terminated_at = now
        engine.ec2_market.ended(instance)
        if group.warm.pop(instance.ordinal, None) is not None:
            engine.warm_pools.ended(instance)
            return
        engine.meters.terminated(instance)
        engine.states.gone(instance)
        if instance.retiring:
            del group.retiring[instance.ordinal]
            if group.managed is not None:
                group.managed.gone(instance)
            return
        group.part(instance)
        if instance.fleet_ordinal >= 0:
            occupancy.instance_left(instance)
        if group.managed is not None:
            group.managed.gone(instance)

    def _event(self, instance: Instance, cause: int) -> None:
        recorder = self.engine.recorder
        event = recorder.new_event()
        facts = self._facts(instance)
        self._events.append(
            self.kernel._now, event, cause or instance.last_event, *facts[:6], instance.connected, *facts[6:]
        )
        instance.last_event = event

    def _facts(self, instance: Instance) -> tuple[int, ...]:
        group = instance.group
        return (
            instance.code,
            self._types[instance.type],
            self._markets["spot" if instance.spot else "onDemand"],
            group.provider_code,
            self.engine.zone_codes[instance.zone],
            self._statuses[INSTANCE_STATUS_NAMES[instance.status]],
            group.cluster.code,
            self.engine.region_code,
        )

    def _write(self, table: Table, instance: Instance) -> None:
        facts = self._facts(instance)
        table.append(
            *facts[:6],
            instance.launched_at,
            instance.registered_at,
            instance.draining_at,
            instance.terminated_at,
            *facts[6:],
        )

    def finish(self) -> None:
        """At the horizon: write the instances that still live."""
        for instance in self.engine.world.instances:
            if not instance.ended or instance.status != INACTIVE:
                self._write(self._rows, instance)
