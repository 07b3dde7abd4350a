"""Tasks that exist and wait in PROVISIONING for an instance of their capacity provider.

Only providers with managed scaling have them (LIFE-004 b, CAP-044): elsewhere demand without room is a count
(LIFE-014). A cluster's queue is first come, first served; an instance that arrives or becomes freer places
those that fit on it, before any newer task of the cluster. What waits is what managed scaling sees.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from ecssim.decide.lifecycle import NETWORK_FAILED
from ecssim.decide.managed_scaling import Need
from ecssim.decide.placement import Strategy, place
from ecssim.engine.kernel import CONTROLLER
from ecssim.world.instances import Instance
from ecssim.world.places import Cluster
from ecssim.world.services import Deployment, Owner
from ecssim.world.states import ACTIVE
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


class Waiter(NamedTuple):
    """One waiting task with the placement strategy that it was started under."""

    task: Task
    strategy: Strategy


def need_of(template: Template, provider: int) -> Need:
    """What one task asks of an instance of its provider (ASG-015)."""
    r = template.requests[provider]
    ports = tuple(("tcp", p) for p in r.tcp_ports) + tuple(("udp", p) for p in r.udp_ports)
    return Need(r.cpu, r.memory, r.gpus, r.eni, ports, r.distinct)


class Waiting:
    """Holds the waiting tasks, places them when there is room, and lets them give up (CAP-044 to CAP-047)."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._timeout = engine.timing["provisioningTimeout"]
        self._limit = engine.limits.provisioning_tasks_per_cluster
        self._freer: dict[int, dict[int, Instance]] = {}
        self._counts: Counter[int] = Counter()
        #: When the waiting of each provider began (seconds), and how many such times there were.
        self.since: dict[int, float] = {}
        self.periods: Counter[int] = Counter()

    def room(self, cluster: Cluster, provider: int) -> int:
        """Return how many more tasks of a provider may wait; only those of scaled groups are counted (CAP-045)."""
        managed = self.engine.managed
        if provider in managed:
            return sys.maxsize
        counted = len(cluster.provisioning) - sum(
            self._counts[p] for p in managed if managed[p].group.cluster is cluster
        )
        return max(0, self._limit - counted)

    def enter(
        self,
        template: Template,
        owner: Owner,
        deployment: Deployment | None,
        provider: int,
        strategy: Strategy,
        count: int,
        *,
        origin: int,
        cause: int,
        runs_for: float = -1.0,
    ) -> list[Task]:
        """Create up to ``count`` tasks that fit nowhere now; each has a verdict of its own in the record."""
        engine = self.engine
        cluster = owner.cluster
        tie = engine.model.tie_break
        verdict = place(cluster.fleet, template.requests[provider], owner.group, strategy, 0.0, tie)
        tasks = []
        for _ in range(min(count, self.room(cluster, provider))):
            event = engine.fleets.record(owner, engine.lifecycle.created + 1, verdict, 1, None, cause, strategy)
            task = engine.lifecycle.create(
                template,
                owner,
                deployment,
                instance=None,
                subnet=-1,
                address=-1,
                provider=provider,
                origin=origin,
                cause=event,
                runs_for=runs_for,
                waiting=True,
            )
            cluster.provisioning[task.ordinal] = Waiter(task, strategy)
            if not self._counts[provider]:
                self.since[provider] = self.kernel._now
                self.periods[provider] += 1
            self._counts[provider] += 1
            limit = engine.luck.value(self._timeout, "provisioning-timeout", str(owner.key), str(task.k))
            self.kernel.after(limit, self._on_timeout, task, task.epoch)
            tasks.append(task)
        if tasks and provider in engine.managed:
            engine.managed[provider].wanted()
        return tasks

    def leave(self, task: Task) -> None:
        """The task waits no longer: it was placed, it gave up, or somebody stopped it."""
        if task.owner.cluster.provisioning.pop(task.ordinal, None) is not None:
            self._counts[task.provider] -= 1
            if not self._counts[task.provider]:
                del self.since[task.provider]
            if task.provider in self.engine.managed:
                self.engine.managed[task.provider].left(task)

    def count(self, provider: int) -> int:
        """Return how many tasks of the provider wait."""
        return self._counts[provider]

    def needs(self, cluster: Cluster, provider: int) -> Mapping[Need, int]:
        """Return the provider's waiting tasks, grouped by what they need (ASG-015)."""
        needs: Counter[Need] = Counter()
        if not self._counts[provider]:
            return needs
        for task, _ in cluster.provisioning.values():
            if task.provider == provider:
                needs[need_of(task.template, provider)] += 1
        return needs

    # -- room -------------------------------------------------------------------------------------------------

    def freer(self, cluster: Cluster, instance: Instance) -> None:
        """Room has come up on an instance: look at it when the world's own facts of this instant are in."""
        marked = self._freer.setdefault(cluster.ordinal, {})
        if not marked:
            self.kernel.at(self.kernel._now, CONTROLLER, self._on_freer, cluster)
        marked[instance.ordinal] = instance

    def _on_freer(self, cluster: Cluster, _: int) -> None:
        self.settle(cluster)

    def settle(self, cluster: Cluster) -> None:
        """Place what fits on the instances that became freer; a newer task must not overtake an older one."""
        marked = self._freer.pop(cluster.ordinal, None)
        if marked:
            for ordinal in sorted(marked):
                self._fill(cluster, marked[ordinal])

    def _fill(self, cluster: Cluster, instance: Instance) -> None:
        """Place the waiting tasks that fit on one instance, in their order."""
        if instance.status != ACTIVE:
            return
        fleet = cluster.fleet
        managed = instance.group.managed
        misfits = set()
        for waiter in list(cluster.provisioning.values()):
            task = waiter.task
            if managed is not None and not managed.may_take(task, instance):
                continue
            request = task.template.requests[task.provider]
            shape = (id(request), task.owner.group)
            if shape in misfits:
                continue
            if fleet.fits(instance.fleet_ordinal, request, task.owner.group):
                self._place(waiter, instance)
            else:
                misfits.add(shape)

    def _place(self, waiter: Waiter, freer: Instance) -> None:
        engine = self.engine
        task, strategy = waiter
        template, owner = task.template, task.owner
        arrived = freer.registered_at == self.kernel._now
        cause = freer.last_event if arrived else task.last_event
        instance, event = engine.fleets.place_waiting(task, strategy, cause)
        subnet = address = -1
        if template.eni:
            subnet = engine.subnets.choose(template, owner, instance.zone, task.provider, task.k)
            address = engine.subnets.take(subnet, "tasks")
        self.leave(task)
        engine.lifecycle.births.place(task, instance, subnet, address, event)
        if subnet >= 0 and address < 0:
            engine.subnets.refused(subnet, "tasks", task, event)

    # -- giving up --------------------------------------------------------------------------------------------

    def _on_timeout(self, task: Task, epoch: int) -> None:
        """No instance came in 10 to 30 minutes: the task is a failed start (LIFE-005, CAP-046, PLACE-063)."""
        if task.epoch == epoch:
            request = task.template.requests[task.provider]
            reason = task.owner.cluster.fleet.shortfall(request, task.owner.group)
            self.engine.lifecycle.fail(task, NETWORK_FAILED, f"TaskFailedToStart: {reason.value}")
