"""The meters: whole numbers of what was used in each simulated hour, from which the bill is made later.

Nobody writes dollars (design rule 15). A meter is a level, the count of what is being used now, integrated over
the clock's ticks (2^-20 s) and read once an hour; a task costs one cheap call when its billing starts and one
when it ends. Units are those of :class:`ecssim.decide.pricing.Unit`.

- Fargate: each task from the start of its image pull to STOPPED, rounded up to a second and to the minimum at its
  end (FG-040); a task that fails before its pull costs nothing (FG-042). CPU units, MiB, GiB of ephemeral storage
  above 20, and vCPUs once more where Windows asks for a licence.
- Instances of Auto Scaling groups: from launch to termination, rounded up to a second and to 60 (COST-014). Beside
  them, and beside their volumes (COST-027), stands what services have reserved: one task reserves the mean of its
  shares of the instance's CPU and memory while the control plane holds them for it.
- Load balancers, NAT gateways and interface endpoints by started hours (COST-043); public IPv4 addresses by the
  second, at least 60 (COST-022, COST-043).
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ecssim.decide.pricing import TICKS_PER_SECOND, Dimension, Unit, billed_ticks
from ecssim.world.instances import Instance
from ecssim.world.services import Owner
from ecssim.world.states import ACTIVATING
from ecssim.world.tasks import Task, Template

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine

HOUR_TICKS: Final = 3600 * TICKS_PER_SECOND
#: Least billed seconds of a task on Linux and on Windows (FG-040), of an instance (COST-014), of a public address
#: (COST-043).
LINUX_MINIMUM: Final = 60
WINDOWS_MINIMUM: Final = 300
INSTANCE_MINIMUM: Final = 60
ADDRESS_MINIMUM: Final = 60
#: GiB of ephemeral storage that come with a Fargate task (COST-004).
FREE_STORAGE_GIB: Final = 20


class MeterKey(NamedTuple):
    """What is metered: codes of service and cluster (0: nobody's), and the names of design section 6."""

    service: int
    cluster: int
    resource: str
    dimension: Dimension
    sku: str
    unit: Unit


class Level:
    """A count over time: the integral up to T is ``acc + level * T``, so that a change never looks at the past.

    ``parts`` are the meters that it feeds, each with the units that one counted thing uses in a second.
    """

    __slots__ = ("acc", "level", "parts")

    def __init__(self, parts: tuple[tuple[MeterKey, int], ...]) -> None:
        self.acc = 0
        self.level = 0
        self.parts = parts

    def read(self, now: int) -> int:
        """Return the integral since the last reading, in ticks, and start again."""
        total = self.acc + self.level * now
        self.acc = -self.level * now
        return total


class Pool:
    """The instances of one group, type and market: their time, and who reserved how much of it."""

    __slots__ = ("cluster", "cpu", "fee", "group", "instances", "memory", "reserved", "sku", "stopped", "volume_gib")

    def __init__(self, instance: Instance, sku: str) -> None:
        group = instance.group
        self.group = group.name
        self.cluster = group.cluster.code
        self.sku = sku
        self.cpu = instance.shape.cpu
        self.memory = instance.shape.memory
        self.volume_gib = group.volume_gib
        #: What the fee of Managed Instances is priced by; empty for an Auto Scaling group, which has none (COST-016).
        self.fee = f"{instance.type}/managementFee" if group.managed is not None else ""
        self.instances = Level(())
        #: Instances of a warm pool, of which only the volumes are paid for.
        self.stopped = Level(())
        self.reserved: dict[tuple[Owner, Template], Level] = {}


class Meters:
    """Counts what is used, and writes the quantities of each hour into ``_meters``."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.kernel = engine.kernel
        self._rows = engine.recorder.tables["_meters"]
        names = engine.recorder.names
        self._resources = names.pool("resource")
        self._dimensions = names.pool("dimension")
        self._skus = names.pool("sku")
        self._units = names.pool("unit")
        self.hour = 0
        self._tasks: dict[tuple[Owner, Template, int], Level] = {}
        self._addresses: dict[tuple[Owner, int], Level] = {}
        self._levels: dict[MeterKey, Level] = {}
        self._added: dict[MeterKey, int] = {}
        self._by_hour: dict[MeterKey, int] = {}
        self._rest: dict[MeterKey, int] = {}
        self._pools: dict[tuple[str, str], Pool] = {}
        self._pool_of: dict[int, Pool] = {}
        self._stopped: dict[int, Pool] = {}

    # -- anything ---------------------------------------------------------------------------------------------

    def change(self, key: MeterKey, delta: int, extra: int = 0) -> None:
        """From now on ``delta`` more of ``key`` are in use; ``extra`` ticks are billed besides."""
        level = self._levels.get(key)
        if level is None:
            level = self._levels[key] = Level(((key, 1),))
        level.level += delta
        level.acc += extra - delta * self._now()

    def add(self, key: MeterKey, quantity: int) -> None:
        """``quantity`` units of ``key`` have been used in this hour (capacity units, bytes)."""
        self._added[key] = self._added.get(key, 0) + quantity

    def by_started_hour(self, resource: str, sku: str, count: int = 1) -> None:
        """``count`` of a resource are there for the whole run and billed by started hours (COST-043)."""
        self._by_hour[MeterKey(0, 0, resource, Dimension.HOURS, sku, Unit.HOUR)] = count

    def public_addresses(self, resource: str, delta: int) -> None:
        """A load balancer or NAT gateway has ``delta`` more public addresses from now on (COST-022)."""
        key = MeterKey(0, 0, resource, Dimension.PUBLIC_IPV4, "publicIpv4Hour", Unit.ADDRESS_SECOND)
        self.change(key, delta)

    def _now(self) -> int:
        return int(self.kernel._now * TICKS_PER_SECOND)

    # -- Fargate ----------------------------------------------------------------------------------------------

    def fargate_created(self, task: Task) -> None:
        """A Fargate task exists: its public address is billed; one from before the run pulled its image then."""
        if task.template.public_ip and task.address > 0:
            key = (task.owner, task.provider)
            level = self._addresses.get(key)
            if level is None:
                level = self._addresses[key] = Level(((self._address_key(task), 1),))
            level.level += 1
            level.acc -= self._now()
        if task.status >= ACTIVATING:
            self.fargate_began(task)

    def fargate_began(self, task: Task) -> None:
        """Its image pull starts, and with it the bill (FG-040)."""
        key = (task.owner, task.template, task.provider)
        level = self._tasks.get(key)
        if level is None:
            level = self._tasks[key] = Level(self._task_parts(task))
        level.level += 1
        level.acc -= self._now()

    def fargate_ended(self, task: Task) -> None:
        """It is STOPPED: what was begun is rounded up (FG-040); without a pull there is no bill (FG-042)."""
        now = self._now()
        template = task.template
        began = task.pull_started_at
        if not isnan(began):
            ticks = now - int(began * TICKS_PER_SECOND)
            level = self._tasks[task.owner, template, task.provider]
            level.level -= 1
            minimum = WINDOWS_MINIMUM if template.windows else LINUX_MINIMUM
            level.acc += now + billed_ticks(ticks, minimum) - ticks
        if template.public_ip and task.address > 0:
            ticks = now - int(task.created_at * TICKS_PER_SECOND)
            level = self._addresses[task.owner, task.provider]
            level.level -= 1
            level.acc += now + billed_ticks(ticks, ADDRESS_MINIMUM) - ticks

    def _fargate(self, task: Task) -> str:
        return "FARGATE_SPOT" if task.provider == self.engine.fargate_spot_code else "FARGATE"

    def _address_key(self, task: Task) -> MeterKey:
        owner = task.owner
        return MeterKey(
            owner.service_code,
            owner.cluster.code,
            self._fargate(task),
            Dimension.PUBLIC_IPV4,
            "publicIpv4Hour",
            Unit.ADDRESS_SECOND,
        )

    def _task_parts(self, task: Task) -> tuple[tuple[MeterKey, int], ...]:
        owner, template = task.owner, task.template
        resource = self._fargate(task)
        sku = f"{resource}/{'WINDOWS' if template.windows else 'LINUX'}/{template.architecture}"

        def key(dimension: Dimension, unit: Unit) -> MeterKey:
            return MeterKey(owner.service_code, owner.cluster.code, resource, dimension, sku, unit)

        parts = [
            (key(Dimension.VCPU, Unit.CPU_UNIT_SECOND), template.cpu),
            (key(Dimension.MEMORY, Unit.MIB_SECOND), template.memory),
        ]
        if template.storage_gib > FREE_STORAGE_GIB:
            storage = template.storage_gib - FREE_STORAGE_GIB
            parts.append((key(Dimension.EPHEMERAL_STORAGE, Unit.GIB_SECOND), storage))
        if template.windows:
            parts.append((key(Dimension.WINDOWS_LICENCE, Unit.CPU_UNIT_SECOND), template.cpu))
        return tuple(parts)

    # -- instances --------------------------------------------------------------------------------------------

    def launched(self, instance: Instance) -> None:
        """An instance is billed from now on (COST-014)."""
        group = instance.group
        # The price of a Spot instance depends on its pool, type and zone (SPOT-010); On-Demand has one price.
        sku = f"{instance.type}/spot/{instance.zone}" if instance.spot else f"{instance.type}/onDemand"
        pool = self._pools.get((group.name, sku))
        if pool is None:
            pool = self._pools[group.name, sku] = Pool(instance, sku)
        self._pool_of[instance.ordinal] = pool
        pool.instances.level += 1
        pool.instances.acc -= self._now()

    def terminated(self, instance: Instance) -> None:
        """The instance is gone: its last second and its first minute are full (COST-014)."""
        now = self._now()
        ticks = now - int(instance.launched_at * TICKS_PER_SECOND)
        pool = self._pool_of.pop(instance.ordinal)
        billed = billed_ticks(ticks, INSTANCE_MINIMUM)
        pool.instances.level -= 1
        pool.instances.acc += now + billed - ticks
        if instance.taken_back and ticks < HOUR_TICKS:
            # What EC2 interrupts in its first hour is not charged (COST-042); nor was what lies before the run.
            before = min(0, int(instance.launched_at * TICKS_PER_SECOND))
            self.add(_of_pool(pool, 0, pool.cluster, Dimension.INTERRUPTED), billed + before)

    def stopped(self, instance: Instance) -> None:
        """The instance of a warm pool is stopped: its hours end, its volumes exist (COST-014)."""
        pool = self._pool_of[instance.ordinal]
        self.terminated(instance)
        self._stopped[instance.ordinal] = pool
        pool.stopped.level += 1
        pool.stopped.acc -= self._now()

    def no_longer_stopped(self, instance: Instance) -> None:
        """It starts, or it is terminated."""
        pool = self._stopped.pop(instance.ordinal)
        pool.stopped.level -= 1
        pool.stopped.acc += self._now()

    def reserved(self, task: Task, instance: Instance) -> None:
        """The control plane holds a part of the instance for the task."""
        pool = self._pool_of[instance.ordinal]
        key = (task.owner, task.template)
        level = pool.reserved.get(key)
        if level is None:
            level = pool.reserved[key] = Level(())
        task.reserved = level
        level.level += 1
        level.acc -= int(self.kernel._now * TICKS_PER_SECOND)

    def released(self, task: Task) -> None:
        """It holds it no longer (AGENT-041)."""
        level = task.reserved
        level.level -= 1
        level.acc += int(self.kernel._now * TICKS_PER_SECOND)

    # -- the hour ---------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the quantities of the hour that ends now: a whole one, or the last at the horizon."""
        now = self._now()
        if now <= self.hour * HOUR_TICKS:
            return
        self.engine.monitoring.flush((now - self.hour * HOUR_TICKS) // TICKS_PER_SECOND)
        used: dict[MeterKey, int] = {}
        for levels in (self._tasks, self._addresses, self._levels):
            self._read(levels, now, used)
        for key, ticks in used.items():
            whole, self._rest[key] = divmod(self._rest.get(key, 0) + ticks, TICKS_PER_SECOND)
            self._write(key, whole)
        for pool in self._pools.values():
            self._read_pool(pool, now)
        for key, quantity in self._added.items():
            self._write(key, quantity)
        self._added.clear()
        for key, count in self._by_hour.items():
            self._write(key, count)
        self.hour += 1

    @staticmethod
    def _read(levels: dict[Any, Level], now: int, used: dict[MeterKey, int]) -> None:
        """Add up what each level counted; forget those that count nothing any more."""
        for name, level in list(levels.items()):
            ticks = level.read(now)
            for key, factor in level.parts:
                used[key] = used.get(key, 0) + ticks * factor
            if not level.level:
                del levels[name]

    def _read_pool(self, pool: Pool, now: int) -> None:
        ticks, stopped = pool.instances.read(now), pool.stopped.read(now)
        if not (ticks or stopped):
            return
        self._write(_of_pool(pool, 0, pool.cluster, Dimension.INSTANCES), ticks)
        by_service: dict[tuple[int, int], int] = {}
        for (owner, template), level in list(pool.reserved.items()):
            held = level.read(now)
            # The mean of two shares, over their common denominator.
            part = held * (template.cpu * pool.memory + template.memory * pool.cpu)
            service = (owner.service_code, owner.cluster.code)
            by_service[service] = by_service.get(service, 0) + part
            if not level.level:
                del pool.reserved[owner, template]
        whole = 2 * pool.cpu * pool.memory
        idle = ticks
        for (service_code, cluster), part in by_service.items():
            self._write(_of_pool(pool, service_code, cluster, Dimension.RESERVED), part // whole)
            mine = min(part // whole, idle)
            idle -= mine
            self._write(_volumes(pool, service_code, cluster, Dimension.VOLUMES), mine * pool.volume_gib)
            if pool.fee:
                self._write(_fee(pool, service_code, cluster), mine)
        self._write(_volumes(pool, 0, pool.cluster, Dimension.IDLE_VOLUMES), (idle + stopped) * pool.volume_gib)
        if pool.fee:
            self._write(_fee(pool, 0, pool.cluster), idle)

    def _write(self, key: MeterKey, quantity: int) -> None:
        if quantity:
            self._rows.append(
                self.hour,
                key.service,
                key.cluster,
                self._resources[key.resource],
                self._dimensions[key.dimension],
                self._skus[key.sku],
                quantity,
                self._units[key.unit],
                self.engine.region_code,
            )


def _of_pool(pool: Pool, service: int, cluster: int, dimension: Dimension) -> MeterKey:
    return MeterKey(service, cluster, pool.group, dimension, pool.sku, Unit.INSTANCE_TICK)


def _volumes(pool: Pool, service: int, cluster: int, dimension: Dimension) -> MeterKey:
    """The volumes of a pool's instances: paid for while those exist (COST-014, COST-027)."""
    return MeterKey(service, cluster, pool.group, dimension, "ebsGp3GbMonth", Unit.VOLUME_TICK)


def _fee(pool: Pool, service: int, cluster: int) -> MeterKey:
    """The management fee of a pool's instances, by the time of the instances (COST-016)."""
    return MeterKey(service, cluster, pool.group, Dimension.MANAGEMENT_FEE, pool.fee, Unit.INSTANCE_TICK)
