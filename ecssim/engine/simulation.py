"""One running simulation: the components, wired together, and the few things that several of them need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ecssim.catalog import Quotas as CatalogQuotas
from ecssim.engine.account_settings import AccountSettings
from ecssim.engine.agents import Agents
from ecssim.engine.builder import Builder
from ecssim.engine.calls import ControlPlane
from ecssim.engine.capacity import Capacity
from ecssim.engine.containers import Containers
from ecssim.engine.door_checks import DoorChecks
from ecssim.engine.ec2_market import Ec2Market
from ecssim.engine.fargate import Fargate
from ecssim.engine.fleets import Fleets
from ecssim.engine.group_health import GroupHealth
from ecssim.engine.group_launches import GroupLaunches
from ecssim.engine.group_sizes import GroupSizes
from ecssim.engine.group_states import GroupStates
from ecssim.engine.groups import Groups
from ecssim.engine.instance_health import InstanceHealth
from ecssim.engine.instance_refresh import InstanceRefreshes
from ecssim.engine.interfaces import Interfaces
from ecssim.engine.jobs import JobStream
from ecssim.engine.kernel import Kernel
from ecssim.engine.lifecycle import Lifecycle
from ecssim.engine.links import Links
from ecssim.engine.load_balancer_nodes import LoadBalancerNodes
from ecssim.engine.load_balancers import LoadBalancers
from ecssim.engine.luck import Luck
from ecssim.engine.meters import Meters
from ecssim.engine.metrics import Metrics
from ecssim.engine.model_options import ModelOptions
from ecssim.engine.monitoring import Monitoring
from ecssim.engine.providers import Providers
from ecssim.engine.pulls import Pulls
from ecssim.engine.rebalancing import Rebalancing
from ecssim.engine.registrations import Registrations
from ecssim.engine.reports import Reports
from ecssim.engine.retirement import Retirement
from ecssim.engine.retiring import Retiring
from ecssim.engine.scaling import Scaling
from ecssim.engine.series import Series
from ecssim.engine.services import Services
from ecssim.engine.spot import Spot
from ecssim.engine.spot_advice import Advice
from ecssim.engine.standalone import Standalone
from ecssim.engine.subnets import Subnets
from ecssim.engine.succession import Succession
from ecssim.engine.targets import Targets
from ecssim.engine.timeline import Timeline
from ecssim.engine.timing import Timing
from ecssim.engine.traffic import Traffic
from ecssim.engine.waiting import Waiting
from ecssim.engine.warm_pools import WarmPools
from ecssim.record.ids import owner_key, task_id
from ecssim.record.recorder import Recorder
from ecssim.world.instances import Instance
from ecssim.world.places import Cluster
from ecssim.world.services import Deployment, Owner, Service
from ecssim.world.tasks import Task, Template
from ecssim.world.world import World

if TYPE_CHECKING:
    from ecssim.engine.managed_instances import ManagedPool
    from ecssim.engine.outside import Outside
    from ecssim.engine.reach import Reach

Observer = Callable[["Engine"], None]


class Engine:
    """Everything that one run consists of. Built by :mod:`ecssim.engine.compile`, driven by ``ecssim.run``.

    ``region`` names the Region, ``start`` the virtual wall clock at t = 0. Times are seconds from start.
    """

    def __init__(
        self,
        *,
        recorder: Recorder,
        seed: int,
        timing: Timing,
        model: ModelOptions,
        quotas: CatalogQuotas,
        region: str,
        start: datetime,
        duration: float,
        account_id: str = "123456789012",
    ) -> None:
        self.kernel = Kernel()
        self.recorder = recorder
        self.luck = Luck(seed)
        self.timing = timing
        self.model = model
        self.limits = quotas
        self.region = region
        self.start = start
        self.account_id = account_id
        self.start_epoch = start.timestamp()
        self.duration = duration
        self.world = World()
        self.registry_factor = 1.0
        self.zones_down: set[str] = set()
        names = recorder.names
        self.region_code = names.pool("region")[region]
        self.zone_codes = names.pool("availability_zone")
        self._providers = names.pool("capacity_provider")
        self.fargate_spot_code = self._providers["FARGATE_SPOT"]
        self.job_streams: list[JobStream] = []
        self.observers: list[Observer] = []
        self.notes: list[str] = []
        self.meters = Meters(self)
        self.monitoring = Monitoring(self)
        self.subnets = Subnets(self)
        self.account_settings = AccountSettings(self)
        self._outside: Outside | None = None
        self.lifecycle = Lifecycle(self)
        self.pulls = Pulls(self)
        self.containers = Containers(self)
        self.agents = Agents(self)
        self.reports = Reports(self)
        self.links = Links(self)
        self.fleets = self.fleets_type(self)
        self.interfaces = Interfaces(self)
        self.fargate = Fargate(self)
        self.targets = Targets(self)
        self.providers = Providers(self)
        self.services = Services(self)
        self.rebalancing = Rebalancing(self)
        self.standalone = Standalone(self)
        self.spot = Spot(self)
        self.advice = Advice(self)
        self.ec2_market = Ec2Market(self)
        self.retirement = Retirement(self)
        self.waiting = Waiting(self)
        self.retiring = Retiring(self)
        self.launches = GroupLaunches(self)
        self.sizes = GroupSizes(self)
        self.states = GroupStates(self)
        self.succession = Succession(self)
        self.refreshes = InstanceRefreshes(self)
        self.warm_pools = WarmPools(self)
        self.health = GroupHealth(self)
        self.groups = Groups(self)
        self.registrations = Registrations(self)
        self.capacity = Capacity(self)
        self.balancers = LoadBalancers(self)
        #: Managed Instances by the code of their provider.
        self.managed: dict[int, ManagedPool] = {}
        self.instance_health = InstanceHealth(self)
        self.traffic = Traffic(self)
        self.balancer_nodes = LoadBalancerNodes(self)
        self.calls = ControlPlane(self)
        self.metrics = Metrics(self)
        self.series = Series(self)
        self.scaling = Scaling(self)
        self.timeline = Timeline(self)
        #: What can be reached from where; None if the scenario describes no routes (engine.reach).
        self.reach: Reach | None = None
        self.builder: Builder
        self.door_checks: DoorChecks

    @property
    def fleets_type(self) -> type[Fleets]:
        """Who places tasks; a run that is played again to be explained has another."""
        return Fleets

    # -- identity ---------------------------------------------------------------------------------------------

    def provider_code(self, name: str) -> int:
        """Return the record code of a capacity provider's name."""
        return self._providers[name]

    def task_id(self, task: Task) -> str:
        """Return the 32 hexadecimal digits that name the task."""
        return task_id(task.owner.key, task.k)

    def arn(self, kind: str, name: str) -> str:
        """Return the ARN of an ECS resource: ``kind`` is ``task``, ``service``, ``cluster``, ..."""
        return f"arn:aws:ecs:{self.region}:{self.account_id}:{kind}/{name}"

    def instance_id(self, instance: Instance) -> str:
        """Return the EC2 id of the instance (``i-`` and 17 hexadecimal digits)."""
        return instance.id

    def zone_of(self, task: Task) -> str:
        """Return the Availability Zone of a placed task."""
        if task.instance >= 0:
            return self.world.instances[task.instance].zone
        return self.world.subnets[task.subnet].zone

    def owner_parts(self, kind: str, cluster: Cluster, name: str) -> tuple[int, int, Any]:
        """Return the group code, the id key and the draws of a new owner of tasks."""
        code = self.recorder.names.pool("group")[name]
        key = owner_key(self.luck.seed, kind, cluster.name, name)
        return code, key, self.luck.launches(kind, cluster.name, name)

    # -- what several components do ---------------------------------------------------------------------------

    def launch_on(
        self,
        instance: Instance,
        template: Template,
        owner: Owner,
        deployment: Deployment | None,
        provider: int,
        origin: int,
        cause: int,
        runs_for: float = -1.0,
    ) -> Task:
        """Create a task on an instance that has been reserved for it; an awsvpc task takes an address (NET-041)."""
        subnet = address = -1
        if template.eni:
            subnet, address = self.subnets.acquire(template, owner, instance.zone, provider)
        task = self.lifecycle.create(
            template, owner, deployment, instance, subnet, address, provider, origin, cause, runs_for
        )
        if subnet >= 0 and address < 0:
            self.subnets.refused(subnet, "tasks", task, task.last_event)
        return task

    def room_for(self, owner: Owner) -> None:
        """Capacity that ``owner`` waits for may be there now."""
        if isinstance(owner, Service):
            self.services.mark(owner)

    def instance_arrived(self, instance: Instance) -> None:
        """An instance can take tasks: daemons first, then what waits for room."""
        cluster = instance.group.cluster
        for service in self.world.services:
            if service.daemon and service.cluster is cluster and service.status == "ACTIVE":
                self.services.mark(service)
        if cluster.waiting or cluster.provisioning:
            self.fleets.freed(cluster, instance)
        if instance.group.managed is not None:
            instance.group.managed.arrived(instance)
        self.rebalancing.arrived(instance)

    @property
    def outside(self) -> Outside:
        """What somebody outside sees; it looks at the record from when it is first asked for."""
        if self._outside is None:
            from ecssim.engine.outside import Outside

            self._outside = Outside(self)
        return self._outside

    def observe(self) -> None:
        """Let every observer look at the world."""
        for observer in self.observers:
            observer(self)

    def finish(self) -> None:
        """Close the run at the horizon: the last minute's rows, and what is still alive."""
        self.observe()
        self.metrics.finish()
        if self.traffic.data_use is not None:
            self.traffic.data_use.settle()
        self.meters.flush()
        self.lifecycle.finish()
        self.services.deployments.finish()
        self.groups.finish()
