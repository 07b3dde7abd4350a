"""What must hold at every instant between two events, whatever the scenario: the world's conservation laws.

:func:`violations` recounts the world from its tasks and says where a ledger or a counter disagrees.
It only reads. :class:`Watch` asks at the end of every simulated minute and of the run, and raises
:class:`ecssim.errors.InvariantBroken`; it is on in all tests, under ``check=True`` and with ECSSIM_CHECK set.

The laws: each of the two ledgers of an instance equals what its tasks take and stays within what is
registered (AGENT-040, AGENT-041); an address is held once and inside its subnet, and used, free, cooling and
reserved ones add up (NET-031, NET-060); counters of tasks equal a recount (SVC-004, FG-010, PLACE-013); every
job is accounted for; the scheduler itself never starts a task above maximumPercent (SVC-011).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ecssim.decide.reconcile import limits
from ecssim.engine.container_laws import container_violations
from ecssim.engine.group_invariants import group_violations
from ecssim.engine.occupancy import occupancy, recount
from ecssim.engine.rollout_invariants import rollout_violations
from ecssim.errors import InvariantBroken
from ecssim.world.instances import Instance
from ecssim.world.places import Subnet
from ecssim.world.services import Deployment, Service
from ecssim.world.states import (
    HEALTHY,
    INACTIVE,
    PROVISIONING,
    RUNNING,
    TARGET_DRAINING,
    TARGET_HEALTHY,
    UNHEALTHY,
)
from ecssim.world.tasks import Task

if TYPE_CHECKING:
    from ecssim.engine.simulation import Engine


def violations(engine: Engine) -> list[str]:
    """Return every law that does not hold now, one sentence each; an empty list is a sound world."""
    found: list[str] = []
    for cluster in engine.world.clusters:
        for instance in cluster.instances.values():
            found += _placement_ledger(instance, engine.interfaces.freed)
            found += _agent_ledger(engine, instance)
    for group in engine.world.groups:
        found += group_violations(group)
        if group.provider_code:
            found += _differs(f"group {group.name}, occupancy", occupancy(group), recount(group))
    found += _addresses(engine)
    for service in engine.world.services:
        for deployment in service.deployments:
            found += _deployment(service, deployment)
        found += rollout_violations(service)
    times = [t for t, _ in engine.services.ripening]
    if times != sorted(times):
        found.append("tasks that ripen are out of order")
    found += _whereabouts(engine)
    found += _waiting(engine)
    found += _fargate(engine)
    found += _targets(engine)
    found += _jobs(engine)
    found += container_violations(engine)
    return found


def _differs(what: str, said: object, counted: object) -> list[str]:
    return [] if said == counted else [f"{what}: it says {said}, counted {counted}"]


# -- instances ----------------------------------------------------------------------------------------------


def _placement_ledger(instance: Instance, freed: set[int]) -> list[str]:
    """The control plane's ledger: tasks with desiredStatus RUNNING, and ENI slots until the ENI is gone."""
    fleet = instance.group.cluster.fleet
    ordinal = instance.fleet_ordinal
    registered, left = fleet.registered(ordinal), fleet.remaining(ordinal)
    running = [t for t in instance.tasks.values() if t.running]
    slots = sum(1 for t in instance.tasks.values() if t.template.eni and t.ordinal not in freed)
    counted = (
        registered.cpu - sum(t.template.cpu for t in running),
        registered.memory - sum(t.template.memory for t in running),
        registered.gpus - sum(t.template.gpus for t in running),
        registered.eni_slots - slots,
    )
    name = f"placement ledger of instance {instance.id}"
    found = _differs(name, tuple(left), counted)
    if min(counted) < 0:
        found.append(f"{name}: more is reserved than registered: {counted} left")
    reserved = [p for kind, p in instance.shape.ports if kind == "tcp"]
    tcp = reserved + [p for t in running for p in t.template.request.tcp_ports]
    if len(set(tcp)) != len(tcp):
        found.append(f"{name}: a port is held twice: {sorted(tcp)}")
    found += _differs(f"{name}, TCP ports", fleet.ports(ordinal)[0], frozenset(tcp))
    groups = Counter(t.owner.group for t in running)
    for group in {t.owner.group for t in instance.tasks.values()}:
        found += _differs(f"{name}, tasks of group {group}", fleet.group_count(group, ordinal), groups[group])
    return found


def _agent_ledger(engine: Engine, instance: Instance) -> list[str]:
    """The agent's ledger: tasks whose containers really hold something."""
    shape = instance.shape
    holders = [t for t in instance.tasks.values() if t.holds_agent]
    counted = (
        shape.cpu - sum(t.template.cpu for t in holders),
        shape.memory - sum(t.template.memory for t in holders),
        shape.gpus - sum(t.template.gpus for t in holders),
    )
    name = f"agent's ledger of instance {instance.id}"
    found = _differs(name, (instance.agent_cpu, instance.agent_memory, instance.agent_gpus), counted)
    if min(counted) < 0:
        found.append(f"{name}: more is in use than there is: {counted} left")
    ports = [*shape.ports]
    for task in holders:
        ports += [("tcp", p) for p in task.template.request.tcp_ports]
        ports += [("udp", p) for p in task.template.request.udp_ports]
    if len(set(ports)) != len(ports):
        found.append(f"{name}: a port is in use twice: {sorted(ports)}")
    found += _differs(f"{name}, ports", instance.agent_ports, set(ports))
    strangers = [t.ordinal for t in instance.agent_queue if t.instance != instance.ordinal or t.holds_agent]
    if strangers:
        found.append(f"{name}: tasks {strangers} stand in its queue")
    head = next((t for t in instance.agent_queue if t.running), None)
    if head is not None and instance.online and engine.agents.fits(instance, head):
        found.append(f"{name}: task {head.ordinal} waits at the head of the queue and would fit")
    return found


# -- addresses ----------------------------------------------------------------------------------------------


def _addresses(engine: Engine) -> list[str]:
    holders: dict[int, list[tuple[int, str]]] = {}
    for task in engine.lifecycle.live.values():
        if task.address > 0:
            holders.setdefault(task.subnet, []).append((task.address, "tasks"))
    for instance in engine.world.instances:
        if not instance.ended:
            held = [a for a in (instance.address, instance.trunk_address) if a > 0]
            holders.setdefault(instance.subnet, []).extend((a, "instances") for a in held)
    for balancer in engine.balancer_nodes.balancers:
        for ordinal, nodes in balancer.nodes.items():
            holders.setdefault(ordinal, []).extend((a, "load_balancers") for a in nodes)
    found = []
    for subnet in engine.world.subnets:
        found += _subnet(subnet, holders.get(subnet.ordinal, []))
    return found


def _subnet(subnet: Subnet, holders: list[tuple[int, str]]) -> list[str]:
    name = f"subnet {subnet.name}"
    if not subnet.total:  # IPv6 only
        return _differs(f"{name}, IPv4 addresses", (dict(subnet.used), len(subnet.cooling), holders), ({}, 0, []))
    known = [a for a, _ in holders] + [a for _, a in subnet.cooling] + list(subnet.pool.returned)
    found = []
    twice = [a for a, n in Counter(known).items() if n > 1]
    if twice:
        found.append(f"{name}: held twice: {twice}")
    outside = [a for a in known if not subnet.base + 4 <= a < subnet.base + subnet.total - 1]
    if outside:
        found.append(f"{name}: not an address of it: {outside}")
    by_consumer = Counter(consumer for _, consumer in holders)
    for consumer in ("tasks", "instances", "load_balancers"):
        found += _differs(f"{name}, used by {consumer}", subnet.used.get(consumer, 0), by_consumer[consumer])
    used = sum(subnet.used.values()) + len(subnet.cooling)
    found += _differs(f"{name}, used + free + reserved", used + subnet.pool.free + subnet.reserved, subnet.total)
    if subnet.pool.free < 0 or min(subnet.used.values(), default=0) < 0:
        found.append(f"{name}: a count is below zero: {subnet.pool.free} free, {subnet.used}")
    return found


# -- tasks --------------------------------------------------------------------------------------------------


def _deployment(service: Service, d: Deployment) -> list[str]:
    """The counters of one deployment; a running task is healthy, unhealthy, displaced or neither."""
    tasks = d.tasks.values()
    running = [t for t in tasks if t.running]
    name = f"{service.name}, deployment {d.id}"
    healthy = [t for t in running if t.health == HEALTHY and t.ordinal not in d.displaced]
    unhealthy = {t.ordinal for t in running if t.health == UNHEALTHY}
    found = [
        *_differs(f"{name}, active", d.active, len(running)),
        *_differs(f"{name}, running", d.running, sum(1 for t in running if t.status == RUNNING)),
        *_differs(f"{name}, healthy", d.healthy, len(healthy)),
        *_differs(f"{name}, stopping", d.stopping, len(tasks) - len(running)),
        *_differs(f"{name}, unhealthy", set(d.unhealthy), unhealthy),
    ]
    by_provider = Counter(t.provider for t in running if t.provider)
    found += _differs(f"{name}, by provider", {p: n for p, n in d.by_provider.items() if n}, dict(by_provider))
    wrong = [o for o, t in d.displaced.items() if not t.running or t.health != HEALTHY]
    if wrong:
        found.append(f"{name}: displaced, but not healthy and running: {wrong}")
    return found


def _whereabouts(engine: Engine) -> list[str]:
    """Every live task is with exactly one owner, and with its instance if it has one."""
    live = engine.lifecycle.live
    owned: Counter[int] = Counter()
    for service in engine.world.services:
        for deployment in service.deployments:
            owned.update(deployment.tasks.keys())
    for owner in engine.world.task_groups.values():
        owned.update(owner.tasks.keys())
    found = _differs("tasks with their owners", dict(owned), dict.fromkeys(live, 1))
    placed = {o for i in engine.world.instances for o in i.tasks}
    ripening = [t for t, _ in engine.services.ripening]
    if ripening != sorted(ripening):
        found.append("the tasks that ripen are out of order")
    found += _differs("tasks on instances", placed, {o for o, t in live.items() if t.instance >= 0})
    gone = [i.id for i in engine.world.instances if i.status == INACTIVE and i.tasks]
    if gone:
        found.append(f"instances {gone} are gone and still have tasks")
    return found


def _waiting(engine: Engine) -> list[str]:
    """Who waits for an instance is in PROVISIONING, within the limit, and fits on none (LIFE-004, CAP-045)."""
    found = []
    queued = set()
    for cluster in engine.world.clusters:
        queue = [waiter.task for waiter in cluster.provisioning.values()]
        queued |= {t.ordinal for t in queue}
        # Those of Managed Instances are not counted, and wait for an instance in their own zone (CAP-065).
        queue = [task for task in queue if task.provider not in engine.managed]
        if len(queue) > engine.limits.provisioning_tasks_per_cluster:
            found.append(f"cluster {cluster.name}: {len(queue)} tasks wait in PROVISIONING")
        for request, group in {(t.template.requests[t.provider], t.owner.group) for t in queue}:
            fits = cluster.fleet.rejections(request, group).fitting
            if fits:
                found.append(f"cluster {cluster.name}: a waiting task of {request.cpu} units fits on {fits} instances")
    tasks = engine.lifecycle.live.values()
    unplaced = {t.ordinal for t in tasks if t.instance < 0 and not t.template.fargate}
    found += _differs("tasks that wait for an instance", queued, unplaced)
    wrong = [t.ordinal for t in tasks if t.ordinal in queued and (t.status != PROVISIONING or not t.running)]
    if wrong:
        found.append(f"tasks {wrong} wait for an instance outside PROVISIONING")
    return found


def _fargate(engine: Engine) -> list[str]:
    in_use: Counter[bool] = Counter()
    zones: dict[int, Counter[tuple[int, str]]] = {}
    owners = {}
    for task in engine.lifecycle.live.values():
        if not task.template.fargate:
            continue
        in_use[engine.fargate.is_spot(task.provider)] += task.template.cpu
        owners[id(task.owner)] = task.owner
        if task.running:
            zone = engine.world.subnets[task.subnet].zone
            zones.setdefault(id(task.owner), Counter())[(task.provider, zone)] += 1
    found = []
    for spot, said in engine.fargate.cpu_in_use.items():
        found += _differs(f"Fargate{' Spot' if spot else ''} CPU units in use", said, in_use[spot])
        quota = engine.fargate.vcpu_quota[spot]
        if quota is not None and said > quota:
            found.append(f"Fargate{' Spot' if spot else ''}: {said} CPU units in use above the quota of {quota}")
    for key, owner in owners.items():
        said_zones = {k: n for k, n in owner.zone_counts.items() if n}
        found += _differs(f"{owner.name}, tasks by zone", said_zones, dict(zones.get(key, {})))
    return found


def _targets(engine: Engine) -> list[str]:
    found = []
    for group in engine.world.target_groups:
        members: dict[int, object] = {}
        healthy = 0
        for task in engine.lifecycle.live.values():
            for target in task.targets or ():
                if target.group is group and target.state != TARGET_DRAINING:
                    members[task.ordinal] = target
                    healthy += target.state == TARGET_HEALTHY
        found += _differs(f"target group {group.name}, members", set(group.members), set(members))
        found += _differs(f"target group {group.name}, healthy", group.healthy, healthy)
    return found


def _jobs(engine: Engine) -> list[str]:
    found = []
    for stream in engine.job_streams:
        account = stream.account()
        parts = ("done", "under_way", "failed_to_start", "waiting", "gave_up")
        total = sum(account[part] for part in parts)
        found += _differs(f"job {stream.name}, submitted", account["submitted"], total)
        live = sum(len(o.tasks) for o in engine.world.task_groups.values() if o.job is stream)
        found += _differs(f"job {stream.name}, under way", account["under_way"], live)
    return found


# -- the scheduler over time --------------------------------------------------------------------------------


class _Seen(NamedTuple):
    """What the scheduler's own limits are judged by: anything else may change them from outside."""

    launched: int
    active: int
    upper: int


class Watch:
    """An observer of one engine: the laws, and that starts stay within maximumPercent."""

    def __init__(self) -> None:
        self.looks = 0
        self._seen: dict[int, _Seen] = {}
        self._calls = -1

    def __call__(self, engine: Engine) -> None:
        """Look now; raises InvariantBroken with every violation."""
        self.looks += 1
        found = violations(engine) + self._scheduler(engine)
        if found:
            raise InvariantBroken(f"at t = {engine.kernel.now} s: " + "; ".join(found))

    def _scheduler(self, engine: Engine) -> list[str]:
        """No pass since the last look launched tasks beyond maximumPercent (SVC-011, DEPLOY-011)."""
        found = []
        calls = engine.recorder.tables["calls"].rows
        seen: dict[int, _Seen] = {}
        for service in engine.world.services:
            if service.daemon or service.status != "ACTIVE":
                continue
            active = sum(d.active for d in service.deployments)
            upper = limits(service.desired, service.minimum_healthy_percent, service.maximum_percent).upper
            now = _Seen(service.launched, active, upper)
            before = self._seen.get(service.ordinal)
            # A call may have lowered the limits below what was there: then being above them is no fault.
            quiet = calls == self._calls and before is not None and before.upper == upper
            if (
                quiet
                and before is not None
                and now.launched > before.launched
                and active > max(upper, service.desired, before.active)
            ):
                found.append(f"{service.name}: {active} tasks after a start, and at most {upper} are allowed")
            seen[service.ordinal] = now
        self._seen, self._calls = seen, calls
        return found


def never_backwards(before: dict[int, int], tasks: dict[int, Task]) -> list[str]:
    """Return the tasks whose lastStatus fell since ``before`` (task -> status): it only rises (LIFE-003)."""
    return [
        f"task {o} went from status {before[o]} back to {t.status}"
        for o, t in tasks.items()
        if o in before and t.status < before[o]
    ]
