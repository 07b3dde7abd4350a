"""The one writer of reservations, and the place where demand without room waits.

Waiting demand is a count (design rule 7): a service whose shape fits nowhere stands in its cluster's waiting
list, and is woken by the instance that became freer, not by looking again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ecssim.decide.own_strategy import CUSTOM
from ecssim.decide.placement import Strategy, Verdict, place, strategy_label
from ecssim.world.instances import Instance
from ecssim.world.places import Cluster
from ecssim.world.requests import InstanceSpec, Request
from ecssim.world.services import Owner
from ecssim.world.states import ACTIVE
from ecssim.world.tasks import Task, Template
from ecssim.world.views import FailureReason

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Strategies remembered at once; RunTask may bring a new one with each call.
STRATEGIES_KEPT = 8192


class Fleets:
    """Places tasks on container instances and moves the control plane's ledger."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self.recorder = engine.recorder
        self._births = engine.lifecycle.births
        self._released = engine.meters.released
        self._tie_break = engine.model.tie_break
        self._region = engine.region_code
        self.instances = engine.world.instances
        names = engine.recorder.names
        placements = engine.recorder.tables["placements"]
        self._pack, self._rows = placements.pack, placements.buffer
        self._reasons = names.pool("placement_reason")
        self._labels = names.pool("strategy")
        # By identity: services keep their strategy, and hashing one costs as much as a choice by it.
        self._strategies: dict[int, tuple[Strategy, int, bool]] = {}
        self._refusal: tuple[Any, int, Request, int, Verdict] | None = None
        #: What the end of an ENI does to the ledger; a run may give its slot back earlier (engine.interfaces).
        self.eni_deleted: Callable[[Instance], None] = self.release_eni
        # Fleet ordinals of a cluster -> instances, since a fleet numbers its own.
        self.by_fleet: dict[int, list[Instance]] = {}

    def place(self, template: Template, provider: int, owner: Owner, strategy: Strategy, cause: int) -> Instance | None:
        """Choose an instance for one task of ``owner`` and reserve it; record the verdict; None if none fits."""
        request = template.requests[provider]
        cluster = owner.cluster
        fleet = cluster.fleet
        group = owner.group
        _, label, lucky = self._strategies.get(id(strategy)) or self._known(strategy)
        u = self.engine.luck("placement", owner.name)[owner.launched] if lucky else None
        verdict = place(fleet, request, group, strategy, u, self._tie_break)
        ordinal = verdict.ordinal
        if ordinal < 0:
            self._refusal = (fleet, fleet.epoch, request, group, verdict)
            return None
        instance = self.by_fleet[cluster.ordinal][ordinal]
        # _write, written out for the one verdict that every launch has.
        recorder = self.recorder
        recorder.events = event = recorder.events + 1
        _, fitting, agent, location, attribute, cpu, memory, ports, gpu, eni, constraint = verdict.rejections
        rows = self._rows
        # fmt: off
        rows += self._pack(
            self.kernel._now, event, cause, owner.code, self._births.created + 1, 1, instance.code, fitting, cpu,
            memory, ports, eni, gpu, attribute, constraint, location, agent, label, 0, cluster.code, self._region,
        )
        # fmt: on
        fleet.reserve(ordinal, request, group)
        return instance

    def place_waiting(self, task: Task, strategy: Strategy, cause: int) -> tuple[Instance, int]:
        """Choose and reserve an instance for a task that waited for one and fits now; return it and the event."""
        template, owner = task.template, task.owner
        cluster = owner.cluster
        engine = self.engine
        request = template.requests[task.provider]
        u = engine.luck("placement", owner.name)[task.k] if self._known(strategy)[2] else None
        verdict = place(cluster.fleet, request, owner.group, strategy, u, engine.model.tie_break)
        instance = self.by_fleet[cluster.ordinal][verdict.ordinal]
        event = self.record(owner, task.ordinal, verdict, 1, instance, cause, strategy)
        cluster.fleet.reserve(verdict.ordinal, request, owner.group)
        return instance, event

    def place_on(self, instance: Instance, template: Template, owner: Owner, cause: int) -> None:
        """Reserve one given instance (a daemon's own, or StartTask's) and record it as the verdict."""
        fleet = owner.cluster.fleet
        rejections = fleet.rejections(template.request, owner.group)
        verdict = Verdict(instance.fleet_ordinal, rejections, (), "")
        self._write(owner, self._births.created + 1, verdict, 1, instance.code, cause, self._known(())[1])
        fleet.reserve(instance.fleet_ordinal, template.request, owner.group)

    def refuse(
        self, template: Template, provider: int, owner: Owner, strategy: Strategy, count: int, cause: int
    ) -> Verdict:
        """Return the verdict for a shape that fits nowhere, recorded for ``count`` tasks."""
        request = template.requests[provider]
        fleet = owner.cluster.fleet
        # Most callers have just been refused: the verdict stands as long as the fleet did not move.
        if self._refusal is not None and self._refusal[:4] == (fleet, fleet.epoch, request, owner.group):
            verdict = self._refusal[4]
        else:
            verdict = place(fleet, request, owner.group, strategy, 0.0, self._tie_break)
        self._write(owner, 0, verdict, count, 0, cause, self._known(strategy)[1])
        return verdict

    def closest(self, owner: Owner, template: Template, provider: int) -> str:
        """Return the id of the instance that comes nearest to taking the task, empty if there is none (PLACE-065)."""
        ordinal = owner.cluster.fleet.closest(template.requests[provider], owner.group).ordinal
        if ordinal < 0:
            return ""
        return self.engine.instance_id(self.by_fleet[owner.cluster.ordinal][ordinal])

    def why_not(self, instance: Instance, request: Request, owner: Owner) -> str:
        """Return the first check that one instance fails for a task, in the order of PLACE-003 (PLACE-061)."""
        if instance.status != ACTIVE:
            return "INACTIVE"
        if not instance.connected:
            return FailureReason.AGENT
        if request.zones is not None and instance.zone not in request.zones:
            return FailureReason.LOCATION
        if not all(name in instance.attributes for name in request.attributes):
            return FailureReason.ATTRIBUTE
        fleet = owner.cluster.fleet
        left = fleet.remaining(instance.fleet_ordinal)
        if left.cpu < request.cpu:
            return FailureReason.CPU
        if left.memory < request.memory:
            return FailureReason.MEMORY
        tcp, udp = fleet.ports(instance.fleet_ordinal)
        if not (tcp.isdisjoint(request.tcp_ports) and udp.isdisjoint(request.udp_ports)):
            return FailureReason.PORTS
        if left.gpus < request.gpus:
            return FailureReason.GPU
        if request.eni and left.eni_slots < 1:
            return FailureReason.ENI
        if request.distinct and fleet.group_count(owner.group, instance.fleet_ordinal):
            return FailureReason.DISTINCT_INSTANCE
        return FailureReason.MEMBER_OF

    def record(
        self,
        owner: Owner,
        task: int,
        verdict: Verdict,
        count: int,
        instance: Instance | None,
        cause: int,
        strategy: Strategy,
    ) -> int:
        """Record a verdict that was made elsewhere; return its event."""
        code = instance.code if instance is not None else 0
        self._write(owner, task, verdict, count, code, cause, self._known(strategy)[1])
        return self.recorder.events

    def _write(
        self, owner: Owner, task: int, verdict: Verdict, count: int, instance: int, cause: int, strategy: int
    ) -> None:
        """Write one verdict down as an event of its own; ``instance`` and ``strategy`` are record codes."""
        recorder = self.recorder
        recorder.events = event = recorder.events + 1
        # Unpacked at once: ten reads by name cost half as much as the packing.
        _, fitting, agent, location, attribute, cpu, memory, ports, gpu, eni, constraint = verdict.rejections
        rows = self._rows
        rows += self._pack(
            self.kernel._now,
            event,
            cause,
            owner.code,
            task,
            count,
            instance,
            fitting,
            cpu,
            memory,
            ports,
            eni,
            gpu,
            attribute,
            constraint,
            location,
            agent,
            strategy,
            self._reasons[verdict.reason] if verdict.reason else 0,
            owner.cluster.code,
            self._region,
        )

    def _known(self, strategy: Strategy) -> tuple[Strategy, int, bool]:
        """Return the strategy with its record code, and whether choosing by it takes a draw (PLACE-023)."""
        got = self._strategies.get(id(strategy))
        if got is None:
            if len(self._strategies) >= STRATEGIES_KEPT:
                self._strategies.clear()
            luck = self.engine.model.random_ties or any(item.type in ("random", CUSTOM) for item in strategy)
            # The strategy is held here too, so that nobody else gets its identity.
            got = (strategy, self._labels[strategy_label(strategy)], luck)
            self._strategies[id(strategy)] = got
        return got

    def release(self, task: Task) -> None:
        """desiredStatus is STOPPED: all but the ENI slot is free for placement at once (AGENT-041)."""
        instance = self.instances[task.instance]
        if instance.terminated_at != instance.terminated_at:  # not ended: of one that has, nothing is metered any more
            self._released(task)
        ordinal = instance.fleet_ordinal
        if ordinal < 0:
            return
        owner = task.owner
        cluster = owner.cluster
        cluster.fleet.release(ordinal, task.template.requests[task.provider], owner.group)
        if cluster.waiting or cluster.provisioning:
            self.freed(cluster, instance)

    def release_eni(self, instance: Instance) -> None:
        """The task's ENI is deleted: the slot is free."""
        ordinal = instance.fleet_ordinal
        if ordinal < 0:
            return
        cluster = instance.group.cluster
        cluster.fleet.release_eni(ordinal)
        if cluster.waiting or cluster.provisioning:
            self.freed(cluster, instance)

    def wait(self, owner: Owner, template: Template, provider: int) -> None:
        """``owner`` has demand that fits nowhere now."""
        owner.cluster.waiting[owner.group] = (owner, template.requests[provider])

    def freed(self, cluster: Cluster, instance: Instance) -> None:
        """Wake the waiting demand that fits on ``instance`` now, first come first served, as far as it reaches."""
        if instance.status != ACTIVE:
            return
        if cluster.provisioning:
            self.engine.waiting.freer(cluster, instance)
        if not cluster.waiting:
            return
        fleet = cluster.fleet
        ordinal = instance.fleet_ordinal
        left = fleet.remaining(ordinal)
        cpu, memory = left.cpu, left.memory
        woken = []
        for key, (owner, request) in cluster.waiting.items():
            if request.cpu <= cpu and request.memory <= memory and fleet.fits(ordinal, request, owner.group):
                woken.append((key, owner))
                cpu -= request.cpu
                memory -= request.memory
                if cpu <= 0 or memory <= 0:
                    break
        for key, owner in woken:
            del cluster.waiting[key]
            self.engine.room_for(owner)

    def register(self, instance: Instance) -> None:
        """The instance's agent registers with the cluster: it can take tasks from now on (AGENT-004)."""
        cluster = instance.group.cluster
        shape = instance.shape
        # The built-in attributes that depend on where the instance stands (PLACE-052).
        subnet = self.engine.world.subnets[instance.subnet]
        instance.attributes["ecs.availability-zone"] = instance.zone
        instance.attributes["ecs.subnet-id"] = subnet.name
        instance.attributes["ecs.vpc-id"] = subnet.vpc
        if shape.trunk:
            instance.attributes["ecs.awsvpc-trunk-id"] = f"eni-{instance.id.removeprefix('i-')}"
        spec = InstanceSpec(
            cpu=shape.cpu,
            memory=shape.memory,
            gpus=shape.gpus,
            eni_slots=shape.eni_slots,
            zone=instance.zone,
            attributes=instance.attributes,
            capacity_provider=instance.group.provider,
            reserved_tcp=tuple(p for kind, p in shape.ports if kind == "tcp"),
            reserved_udp=tuple(p for kind, p in shape.ports if kind == "udp"),
            ec2_instance_id=self.engine.instance_id(instance),
            registered_at=self.engine.start_epoch + self.kernel._now,
            agent_version=instance.group.agent_version,
        )
        instance.fleet_ordinal = cluster.fleet.add(spec)
        self.by_fleet.setdefault(cluster.ordinal, []).append(instance)
        cluster.instances[instance.ordinal] = instance
