"""What tasks and instances of a described network can reach, and how those end that cannot reach what they need.

Exists only where the scenario lists route tables: elsewhere everything is reachable and nothing here runs (model
option ``reachability``). A verdict is worked out once for each template and place (subnet and addresses), when the
first task comes there. A task that cannot start waits for the time-out of its request (timing ``unreachable``) and
fails as :mod:`ecssim.decide.reachability` says; a row of ``reachability_events`` names the missing hop and causes its
end. Implements NET-081 to NET-087.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecssim.aws.task_definition import TaskDefinition
from ecssim.decide.lifecycle import START_FAILED
from ecssim.decide.pricing import Dimension, Unit
from ecssim.decide.reachability import Need, Step, Unreachable, unreachable
from ecssim.decide.routes import INTERNET, Kind, NetworkMap, Source, Way, way
from ecssim.engine.meters import MeterKey
from ecssim.scenario.needs import instance_needs, needs_of
from ecssim.world.instances import Instance
from ecssim.world.places import Cluster
from ecssim.world.services import Owner
from ecssim.world.tasks import NAN, Image, Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

#: Steps that an image on an instance's disk makes unnecessary, unless the agent asks the registry anyway.
_OF_A_PULL = (Step.REGISTRY_AUTH, Step.MANIFEST, Step.LAYERS)


class Reach:
    """Stands before activation and registration, and meters the bytes of pulls."""

    def __init__(self, engine: Engine, network: NetworkMap, hosts: dict[tuple[int, int], Source]) -> None:
        """``hosts`` says for each group and subnet (ordinals) where packets of an instance start."""
        self.engine = engine
        self.kernel = engine.kernel
        self.network = network
        self._hosts = hosts
        self._limit = engine.timing["unreachable"].median
        self._needs: dict[Template, tuple[Need, ...]] = {}
        self._groups: dict[Template, tuple[str, ...]] = {}
        self._verdicts: dict[tuple[Template, int, int], tuple[Unreachable, ...]] = {}
        #: Templates of Fargate and subnets where nothing is out of reach, and where pulls cost nothing: the plain case.
        self._clear: set[tuple[Template, int]] = set()
        self._free: set[tuple[Template, int, int]] = set()
        self._joins: dict[tuple[int, int], Unreachable | None] = {}
        self._ways: dict[tuple[Template, int, int, int], Way] = {}
        self._rows = engine.recorder.tables["reachability_events"]
        self._services = engine.recorder.names.pool("aws_service")
        self._texts = engine.recorder.names.pool("text")
        self._image_codes = engine.recorder.names.pool("image")
        self._image_names: dict[int, str] = {}
        self._ordinary = engine.lifecycle.guard_activation(self._activate)
        engine.agents.pull = self._pull
        engine.pulls.then_started = self._on_started
        engine.pulls.meter = self._pulled

    def learn(
        self, template: Template, definition: TaskDefinition, groups: tuple[str, ...], platform: str | None
    ) -> None:
        """A new template: note what its tasks fetch."""
        region = self.engine.region
        self._needs[template] = needs_of(definition, region, fargate=template.fargate, platform=platform)
        self._groups[template] = groups
        for container in definition.container_definitions:
            if container.image:
                self._image_names[self._image_codes[container.image]] = container.image

    # -- tasks ------------------------------------------------------------------------------------------------

    def _source(self, template: Template, group: int, subnet: int) -> Source:
        """Where the packets of a task's pull start: its own interface on Fargate, else its instance's (NET-081)."""
        if group >= 0:
            return self._hosts[group, subnet]
        return Source(self.engine.world.subnets[subnet].name, template.public_ip, self._groups[template])

    def _place(self, task: Task) -> tuple[int, int]:
        """The group (-1: Fargate) and the subnet from which the task's images are pulled, as ordinals."""
        if task.template.fargate:
            return -1, task.subnet
        instance = self.engine.world.instances[task.instance]
        return instance.group.ordinal, instance.subnet

    def _verdicts_of(self, task: Task) -> tuple[Unreachable, ...]:
        """All that this task cannot reach, worked out once for its template and place."""
        key = (task.template, *self._place(task))
        found = self._verdicts.get(key)
        if found is None:
            fargate = task.template.fargate
            found = unreachable(self.network, self._source(*key), self._needs[task.template], fargate=fargate)
            self._verdicts[key] = found
        return found

    def _verdict(self, task: Task) -> Unreachable | None:
        """What ends this task's start; None if it may go on."""
        found = self._verdicts_of(task)
        if not found or task.template.fargate:
            return next(iter(found), None)
        instance = self.engine.world.instances[task.instance]
        if instance.group.agent.eager:
            return found[0]
        there = {self._image_names.get(code) for code in instance.images}
        return next((u for u in found if u.need.step not in _OF_A_PULL or u.need.what not in there), None)

    def _activate(self, task: Task) -> None:
        """The task begins to activate: the ordinary way, or the way of one that cannot reach what it needs."""
        if (task.template, task.subnet) in self._clear:
            self._ordinary(task)
            return
        found = self._verdict(task)
        if found is None:
            if task.template.fargate:
                self._clear.add((task.template, task.subnet))
            self._ordinary(task)
            return
        self._hold(task, found)

    def _pull(self, task: Task) -> None:
        """A plain task on an instance goes the agent's short way: it activates and would pull at one go."""
        found = self._verdict(task)
        if found is None:
            self.engine.pulls.begin(task)
        else:
            task.pull_started_at = NAN
            self._hold(task, found)

    def _hold(self, task: Task, found: Unreachable) -> None:
        """The task will fail when its request has timed out; what comes before that goes on."""
        task.last_event = self._record(task.last_event, self._place(task)[1], found, task=task)
        if found.after_pull:
            task.pull_started_at = self.kernel._now
            self.engine.pulls.begin(task)
            return
        if not found.before_pull:
            task.pull_started_at = self.kernel._now
            if task.template.fargate:
                self.engine.meters.fargate_began(task)
        self.kernel.after(self._limit, self._on_timeout, (task, found), task.epoch)

    def _on_timeout(self, what: tuple[Task, Unreachable], epoch: int) -> None:
        task, found = what
        if task.epoch != epoch:
            return
        if found.need.step in _OF_A_PULL and self.engine.pulls.start_cached(task):
            return
        self.engine.lifecycle.fail(task, START_FAILED, found.reason, task.last_event)

    def _on_started(self, task: Task, epoch: int) -> None:
        """The daemon would start the containers now; without their log group it gives up in the end."""
        if task.template.fargate:
            self.engine.lifecycle.then_started(task, epoch)
            return
        found = next((u for u in self._verdicts_of(task) if u.after_pull), None)
        if found is None:
            self.engine.lifecycle.then_started(task, epoch)
        elif task.epoch == epoch:
            self.kernel.after(self._limit, self._on_timeout, (task, found), epoch)

    # -- instances --------------------------------------------------------------------------------------------

    def joins(self, instance: Instance) -> bool:
        """Whether an instance reaches ECS; else its agent tries for ever, and nobody hears of it (NET-083)."""
        key = (instance.group.ordinal, instance.subnet)
        if key not in self._joins:
            needs = instance_needs(self.engine.region)
            found = unreachable(self.network, self._hosts[key], needs, fargate=False)
            self._joins[key] = found[0] if found else None
        blocked = self._joins[key]
        if blocked is not None:
            self._record(instance.last_event, instance.subnet, blocked, instance=instance)
        return blocked is None

    def _record(
        self,
        cause: int,
        subnet: int,
        found: Unreachable,
        *,
        task: Task | None = None,
        instance: Instance | None = None,
    ) -> int:
        engine = self.engine
        event = engine.recorder.new_event()
        need = found.need
        self._rows.append(
            self.kernel._now,
            event,
            cause,
            engine.world.subnets[subnet].code,
            task.ordinal if task is not None else 0,
            instance.code if instance is not None else 0,
            self._services[need.service],
            self._texts[need.host],
            self._texts[need.what],
            self._texts[found.way.missing],
            engine.region_code,
        )
        return event

    # -- what pulls cost --------------------------------------------------------------------------------------

    def _pulled(self, task: Task, image: Image) -> None:
        """An image is pulled: its compressed bytes pass what the layers pass (NET-087, COST-020, COST-021)."""
        if (task.template, task.subnet, image.code) in self._free:
            return
        group, subnet = self._place(task)
        key = (task.template, group, subnet, image.code)
        over = self._ways.get(key)
        if over is None:
            name = self._image_names[image.code]
            layers = [
                n for n in self._needs[task.template] if n.what == name and n.step in (Step.MANIFEST, Step.LAYERS)
            ]
            last = max(layers, key=lambda need: need.step)
            over = self._ways[key] = way(self.network, self._source(task.template, group, subnet), last.service)
        if task.template.fargate and over.kind not in (Kind.NAT, Kind.ENDPOINT):
            self._free.add((task.template, task.subnet, image.code))
        self.moved(task.owner, over, self.engine.world.subnets[subnet].zone, round(image.size_mb * 1e6))

    def moved(self, owner: Owner, over: Way, zone: str, count: int) -> None:
        """``count`` bytes took a way from or to ``zone`` on behalf of ``owner`` (COST-020, COST-021, COST-045)."""
        code = owner.service_code
        if over.kind is Kind.NAT:
            self._add(code, owner, over.name, Dimension.NAT_BYTES, "natGatewayGb", count)
            if over.zone and over.zone != zone:
                # A GB between zones is charged on its way out of the one and into the other (COST-023).
                self._add(code, owner, over.name, Dimension.CROSS_ZONE, "crossZoneGb", 2 * count)
        elif over.kind is Kind.ENDPOINT:
            self._add(code, owner, over.name, Dimension.ENDPOINT_BYTES, "vpcEndpointGb", count)

    def _add(self, code: int, owner: Owner, resource: str, dimension: Dimension, sku: str, count: int) -> None:
        self.engine.meters.add(MeterKey(code, owner.cluster.code, resource, dimension, sku, Unit.BYTE), count)

    def to_the_internet(self, template: Template, subnet: int, group: int = -1) -> Way:
        """The way that a task's own requests to the internet take."""
        return way(self.network, self._source(template, group, subnet), INTERNET)

    def places_of(self, template: Template, cluster: Cluster, zone: str) -> list[tuple[int, int]]:
        """Where packets of a template's own requests start in a zone: (group or -1, subnet), as ordinals.

        An awsvpc task's at its own interface, any other's at its instance's.
        """
        subnets = self.engine.world.subnets
        if template.eni:
            return [(-1, s) for s in template.subnets if subnets[s].zone == zone]
        groups = [g for g in self.engine.world.groups if g.cluster is cluster]
        return [(g.ordinal, s) for g in groups for s in g.subnets if subnets[s].zone == zone]
