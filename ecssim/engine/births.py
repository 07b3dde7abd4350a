"""How a task comes into being: its ordinal, its draws, its first status, and the rows that say who it is.

What follows is the lifecycle's (:mod:`ecssim.engine.lifecycle`), which owns the task from its first queue entry
on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecssim.decide.lifecycle import CAPACITY_FOUND
from ecssim.engine.occupancy import task_arrived
from ecssim.engine.timing import ADDRESS_FAILURE, DISPATCH, PROVISION, RUNS_FOR
from ecssim.world.instances import Instance
from ecssim.world.services import Deployment, Owner
from ecssim.world.states import HEALTHY, PENDING, PROVISIONING, RUNNING
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.lifecycle import Lifecycle
    from ecssim.engine.simulation import Engine

#: Record codes of desiredStatus (record.codes): 2 is RUNNING, 3 is STOPPED.
WANT_RUNNING: Final = 2
WANT_STOPPED: Final = 3
#: Record code of a task that was there before the run (record.codes).
ORIGIN_INITIAL: Final = 1


class Births:
    """Creates tasks that have been placed; ``created`` is how many there have been, the last one's ordinal."""

    def __init__(self, engine: Engine, lifecycle: Lifecycle) -> None:
        self.engine = engine
        self.lifecycle = lifecycle
        self.kernel = engine.kernel
        self._live = lifecycle.live
        self._reserved = engine.meters.reserved
        self.recorder = recorder = engine.recorder
        tables = recorder.tables
        # The hot path packs rows into the tables' buffers by itself (record.tables).
        self._pack_event, self._events = tables["task_events"].pack, tables["task_events"].buffer
        self._pack_id, self._ids = tables["_task_ids"].pack, tables["_task_ids"].buffer
        self._pack_place, self._places = tables["_task_places"].pack, tables["_task_places"].buffer
        self._subnets = engine.world.subnets
        self._zones = engine.zone_codes
        self._region = engine.region_code
        self._eni_limit = engine.timing["eniTimeout"].median
        self._trunk_extra = engine.timing["branchEniExtra"].median
        self.created = 0

    def create(
        self,
        template: Template,
        owner: Owner,
        deployment: Deployment | None,
        instance: Instance | None,
        subnet: int,
        address: int,
        provider: int,
        origin: int,
        cause: int,
        runs_for: float = -1.0,
        *,
        waiting: bool = False,
    ) -> Task:
        """Create a task that has been placed, with its ENI's address if it has one, in its first status.

        ``address`` -1 with an awsvpc template means that the subnet was full: the task exists and will fail
        (NET-050, LIFE-047). The launch number is the owner's next one. With ``waiting`` no instance takes it
        yet: it stays in PROVISIONING until :meth:`place` (LIFE-004 b, LIFE-024).
        """
        kernel = self.kernel
        lifecycle = self.lifecycle
        now = kernel._now
        k = owner.launched
        owner.launched = k + 1
        self.created = ordinal = self.created + 1
        delays = template.laws.delays(owner.draws, k)
        if runs_for < 0.0:
            runs_for = delays[RUNS_FOR]
        task = Task(ordinal, template, owner, deployment, k, delays, now, runs_for, provider, subnet, address)
        self._live[ordinal] = task
        recorder = self.recorder
        recorder.events = event = recorder.events + 1
        eni = template.eni
        task.status = status = PROVISIONING if eni or waiting else PENDING
        task.last_event = event
        events = self._events
        events += self._pack_event(now, event, cause, ordinal, status + 1, WANT_RUNNING, 0, 0)
        self._record_identity(task, event, origin, instance)
        if instance is not None:
            task.instance = instance.ordinal
            instance.tasks[ordinal] = task
            if provider and provider == instance.group.provider_code:
                task_arrived(instance)
            self._reserved(task, instance)
        if deployment is not None:
            deployment.tasks[ordinal] = task
            deployment.active = active = deployment.active + 1
            if provider:
                deployment.by_provider[provider] = deployment.by_provider.get(provider, 0) + 1
            tasks = active + deployment.stopping
            if tasks > deployment.peak_tasks:
                deployment.peak_tasks = tasks
        else:
            owner.tasks[ordinal] = task
        if waiting:
            return task
        if not eni:
            kernel.after(delays[DISPATCH], lifecycle.then_dispatched, task, 0)
        elif address >= 0:
            extra = self._trunk_extra if instance is not None and instance.shape.trunk else 0.0
            attach = delays[PROVISION] + extra
            if attach > self._eni_limit and instance is not None:
                kernel.after(self._eni_limit, lifecycle.then_late_network, task, 0)
            else:
                kernel.after(attach, lifecycle.then_network, task, 0)
        else:
            kernel.after(delays[ADDRESS_FAILURE], lifecycle.then_no_address, task, 0)
        if template.fargate:
            self.engine.fargate.started(task)
        return task

    def place(self, task: Task, instance: Instance, subnet: int, address: int, event: int) -> None:
        """An instance was found for a task that waited for one (LIFE-004 b, LIFE-024).

        ``event`` is the verdict that found it. Without an ENI to make the task is PENDING at once; with one it
        stays in PROVISIONING, which is then the work of the network (LIFE-004 a).
        """
        task.epoch += 1
        task.instance = instance.ordinal
        task.subnet = subnet
        task.address = address
        instance.tasks[task.ordinal] = task
        task_arrived(instance)
        self._record_place(task, event, instance)
        self.engine.meters.reserved(task, instance)
        lifecycle = self.lifecycle
        if not task.template.eni:
            lifecycle.advance(task, CAPACITY_FOUND, event)
            return
        task.last_event = event
        if address >= 0:
            extra = self._trunk_extra if instance.shape.trunk else 0.0
            attach = task.delays[PROVISION] + extra
            if attach > self._eni_limit:
                self.kernel.after(self._eni_limit, lifecycle.then_late_network, task, task.epoch)
            else:
                self.kernel.after(attach, lifecycle.then_network, task, task.epoch)
        else:
            self.kernel.after(task.delays[ADDRESS_FAILURE], lifecycle.then_no_address, task, task.epoch)

    def create_initial(
        self,
        template: Template,
        owner: Owner,
        deployment: Deployment,
        *,
        instance: Instance | None,
        subnet: int,
        address: int,
        provider: int,
        age: float,
        rest: float,
    ) -> Task:
        """Put a task in place that was RUNNING before the run began (initialState: steady).

        It is healthy, shows one RUNNING event at t = 0, and ends by itself ``rest`` seconds from now (negative:
        never). ``age`` is the time since it reached RUNNING.
        """
        engine = self.engine
        lifecycle = self.lifecycle
        k = owner.launched
        owner.launched = k + 1
        self.created = ordinal = self.created + 1
        delays = template.laws.delays(owner.draws, k)
        # How long it took to start is not known any more; it was created at its age before the run.
        task = Task(ordinal, template, owner, deployment, k, delays, -age, rest, provider, subnet, address)
        task.started_at = task.healthy_at = task.connectivity_at = -age
        task.pull_started_at = task.pull_stopped_at = -age
        task.status, task.health = RUNNING, HEALTHY
        lifecycle.live[ordinal] = task
        recorder = self.recorder
        recorder.events = event = recorder.events + 1
        events = self._events
        events += self._pack_event(0.0, event, 0, ordinal, RUNNING + 1, WANT_RUNNING, 0, 0)
        task.last_event = event
        self._record_identity(task, event, ORIGIN_INITIAL, instance)
        if instance is not None:
            task.instance = instance.ordinal
            instance.tasks[ordinal] = task
            if provider and provider == instance.group.provider_code:
                task_arrived(instance)
            instance.images.update((image.code, 0.0) for image in template.images)
            engine.agents.hold(instance, task)
            engine.meters.reserved(task, instance)
        if template.fargate:
            engine.fargate.started(task)
        deployment.tasks[ordinal] = task
        deployment.active += 1
        deployment.running += 1
        deployment.healthy += 1
        if provider:
            deployment.by_provider[provider] = deployment.by_provider.get(provider, 0) + 1
        deployment.peak_tasks = max(deployment.peak_tasks, deployment.active)
        engine.services.count_running(deployment.service, task, 1)
        if template.chain is not None and template.chain.specs:
            engine.containers.settle(task, age, rest)
        elif rest >= 0.0:
            self.kernel.after(rest, lifecycle.then_exit, task, 0)
        if template.target_groups:
            engine.targets.register(task, healthy=True)
        return task

    def _record_identity(self, task: Task, event: int, origin: int, instance: Instance | None) -> None:
        """Write the row that gives the task its id, all about it that never changes, and where it went if placed."""
        owner = task.owner
        deployment = task.deployment
        address = task.address
        subnet = self._subnets[task.subnet] if task.subnet >= 0 else None
        zone = instance.zone if instance is not None else subnet.zone if subnet is not None else None
        rows = self._ids
        rows += self._pack_id(
            task.ordinal,
            event,
            owner.code,
            owner.service_code,
            owner.key,
            task.k,
            task.template.code,
            deployment.code if deployment is not None else 0,
            origin,
            task.provider,
            owner.cluster.code,
            self._region,
            task.created_at,
            0 if instance is None else instance.code,
            0 if subnet is None else subnet.code,
            address if address >= 0 else 0,
            self._zones[zone],
        )

    def _record_place(self, task: Task, event: int, instance: Instance | None) -> None:
        """Write where a task went that was placed after its creation: instance, subnet, address, zone."""
        subnet = self._subnets[task.subnet] if task.subnet >= 0 else None
        code = instance.code if instance is not None else 0
        zone = instance.zone if instance is not None else subnet.zone if subnet is not None else None
        address = task.address
        rows = self._places
        rows += self._pack_place(
            task.ordinal,
            event,
            code,
            subnet.code if subnet is not None else 0,
            address if address >= 0 else 0,
            self._zones[zone],
        )
