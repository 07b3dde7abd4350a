"""The oracle of the fleet index: the same ledger and the same questions, answered by looking at everything.

It shares no code with the index beyond the records that both speak in. Candidates are tuples of ordinals in
registration order. Tests hold the two against each other over random histories; nothing else should use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ecssim.world.lack import Lack
from ecssim.world.requests import InstanceSpec, Request, Resources
from ecssim.world.views import Closest, FailureReason, Rejections

CHECKS = ("agent", "location", "attribute", "cpu", "memory", "ports", "gpu", "eni", "constraint")
REASONS = {
    "location": FailureReason.LOCATION,
    "attribute": FailureReason.ATTRIBUTE,
    "cpu": FailureReason.CPU,
    "memory": FailureReason.MEMORY,
    "ports": FailureReason.PORTS,
    "gpu": FailureReason.GPU,
    "eni": FailureReason.ENI,
}


@dataclass(slots=True)
class NaiveInstance:
    """One instance as the list of tasks reserved on it, every amount computed anew; an InstanceFacts."""

    spec: InstanceSpec
    attributes: dict[str, str | None]
    names: Mapping[int, str]
    active: bool = True
    agent_connected: bool = True
    tasks: list[tuple[Request, int]] = field(default_factory=list)
    eni_held: int = 0

    @property
    def agent_version(self) -> str:
        """As registered."""
        return self.spec.agent_version

    @property
    def ec2_instance_id(self) -> str:
        """As registered."""
        return self.spec.ec2_instance_id

    @property
    def registered_at(self) -> float:
        """As registered."""
        return self.spec.registered_at

    @property
    def running_tasks_count(self) -> int:
        """Tasks reserved on it."""
        return len(self.tasks)

    @property
    def task_groups(self) -> Collection[str]:
        """Names of their groups."""
        return {self.names[group] for _, group in self.tasks if group in self.names}

    def remaining(self) -> Resources:
        """Registered less every reservation."""
        requests = [request for request, _ in self.tasks]
        return Resources(
            self.spec.cpu - sum(request.cpu for request in requests),
            self.spec.memory - sum(request.memory for request in requests),
            self.spec.gpus - sum(request.gpus for request in requests),
            self.spec.eni_slots - self.eni_held,
        )

    def tasks_of(self, group: int) -> int:
        """Tasks of ``group`` on it."""
        return sum(1 for _, other in self.tasks if other == group)

    def failed_checks(self, request: Request, group: int) -> list[str]:
        """Every check that ``request`` fails here, in PLACE-003 order."""
        left = self.remaining()
        tcp = set(self.spec.reserved_tcp).union(*(other.tcp_ports for other, _ in self.tasks))
        udp = set(self.spec.reserved_udp).union(*(other.udp_ports for other, _ in self.tasks))
        passed = {
            "agent": self.active and self.agent_connected,
            "location": request.zones is None or self.spec.zone in request.zones,
            "attribute": set(request.attributes) <= set(self.attributes),
            "cpu": left.cpu >= request.cpu,
            "memory": left.memory >= request.memory,
            "ports": not (tcp & set(request.tcp_ports) or udp & set(request.udp_ports)),
            "gpu": left.gpus >= request.gpus,
            "eni": not request.eni or left.eni_slots >= 1,
            "constraint": all(holds(self) for holds in request.constraints)
            and not (request.distinct and self.tasks_of(group)),
        }
        return [check for check in CHECKS if not passed[check]]


class NaiveFleet:
    """``Fleet`` by plain scans."""

    def __init__(self) -> None:
        self.instances: dict[int, NaiveInstance] = {}
        self.names: dict[int, str] = {}
        self.epoch = 0
        self._registered = 0

    def add(self, spec: InstanceSpec) -> int:
        """Register an instance, ACTIVE and connected; return its ordinal."""
        ordinal = self._registered
        self._registered += 1
        attributes = {**spec.attributes, "ecs.availability-zone": spec.zone}
        self.instances[ordinal] = NaiveInstance(spec, attributes, self.names)
        self.epoch += 1
        return ordinal

    def remove(self, ordinal: int) -> None:
        """Deregister the instance with all that is reserved on it."""
        del self.instances[ordinal]
        self.epoch += 1

    def set_status(self, ordinal: int, active: bool) -> None:
        """ACTIVE or DRAINING."""
        self.instances[ordinal].active = active
        self.epoch += 1

    def set_connected(self, ordinal: int, connected: bool) -> None:
        """The agent's connection."""
        self.instances[ordinal].agent_connected = connected
        self.epoch += 1

    def set_attribute(self, ordinal: int, name: str, value: str | None) -> None:
        """Set one attribute."""
        self.instances[ordinal].attributes[name] = value
        self.epoch += 1

    def name_group(self, group: int, name: str) -> None:
        """Name a group for ``task:group``."""
        self.names[group] = name

    def reserve(self, ordinal: int, request: Request, group: int) -> None:
        """Place a task."""
        instance = self.instances[ordinal]
        instance.tasks.append((request, group))
        instance.eni_held += request.eni
        self.epoch += 1

    def release(self, ordinal: int, request: Request, group: int) -> None:
        """Desired status STOPPED; the ENI slot stays held (AGENT-041)."""
        if ordinal in self.instances:
            self.instances[ordinal].tasks.remove((request, group))
            self.epoch += 1

    def release_eni(self, ordinal: int) -> None:
        """One ENI was deleted."""
        if ordinal in self.instances:
            self.instances[ordinal].eni_held -= 1
            self.epoch += 1

    def rejections(self, request: Request, group: int) -> Rejections:
        """See ``FleetView``."""
        fitting = []
        fell: Counter[str] = Counter()
        for ordinal, instance in self._seen(request).items():
            failed = instance.failed_checks(request, group)
            if failed:
                fell[failed[0]] += 1
            else:
                fitting.append(ordinal)
        return Rejections(tuple(fitting), len(fitting), *(fell[check] for check in CHECKS))

    def eligible(self, request: Request, group: int) -> tuple[int, ...]:
        """See ``FleetView``."""
        return tuple(ordinal for ordinal in self._seen(request) if self.fits(ordinal, request, group))

    def fits(self, ordinal: int, request: Request, group: int) -> bool:
        """See ``FleetView``."""
        instance = self._seen(request).get(ordinal)
        return instance is not None and not instance.failed_checks(request, group)

    def narrow_spread(self, candidates: tuple[int, ...], field: str, group: int) -> tuple[int, ...]:
        """See ``FleetView``."""
        tasks = self.spread_counts(field, group)
        fewest = min((tasks[self.spread_value(ordinal, field)] for ordinal in candidates), default=0)
        return tuple(ordinal for ordinal in candidates if tasks[self.spread_value(ordinal, field)] == fewest)

    def narrow_binpack(self, candidates: tuple[int, ...], resource: str, request: Request) -> tuple[int, ...]:
        """See ``FleetView``."""
        left = {o: getattr(self.instances[o].remaining(), resource.lower()) for o in candidates}
        return tuple(ordinal for ordinal in candidates if left[ordinal] == min(left.values()))

    def count(self, candidates: tuple[int, ...]) -> int:
        """See ``FleetView``."""
        return len(candidates)

    def first(self, candidates: tuple[int, ...]) -> int:
        """See ``FleetView``."""
        return min(candidates, default=-1)

    def nth(self, candidates: tuple[int, ...], n: int) -> int:
        """See ``FleetView``."""
        return candidates[n] if 0 <= n < len(candidates) else -1

    def ordinals(self, candidates: tuple[int, ...]) -> list[int]:
        """See ``FleetView``."""
        return list(candidates)

    def only(self, ordinals: list[int]) -> tuple[int, ...]:
        """See ``FleetView``."""
        return tuple(ordinals)

    def shortfall(self, request: Request, group: int) -> FailureReason:
        """See ``FleetView``."""
        return self.closest(request, group).reason

    def closest(self, request: Request, group: int) -> Closest:
        """See ``FleetView``: fewest failed checks, PLACE-003 order, most left, oldest (PLACE-065)."""
        seen = self._seen(request)
        if not seen:
            provider = request.capacity_provider is not None
            return Closest(-1, FailureReason.EMPTY_CAPACITY_PROVIDER if provider else FailureReason.NO_ACTIVE_INSTANCES)
        failed = {ordinal: one.failed_checks(request, group) for ordinal, one in seen.items()}
        fewest = min(len(checks) for checks in failed.values())
        failed = {ordinal: checks for ordinal, checks in failed.items() if len(checks) == fewest}
        check = min((checks[0] for checks in failed.values()), key=CHECKS.index)
        closest = [ordinal for ordinal, checks in failed.items() if checks[0] == check]
        if check == "agent":
            disconnected = [ordinal for ordinal in closest if seen[ordinal].active]
            if disconnected:
                return Closest(disconnected[0], FailureReason.AGENT)
            return Closest(closest[0], FailureReason.NO_ACTIVE_INSTANCES)
        if check == "constraint":
            for holds in request.constraints:
                for ordinal in closest:
                    if not holds(seen[ordinal]):
                        return Closest(ordinal, FailureReason.MEMBER_OF)
            return Closest(closest[0], FailureReason.DISTINCT_INSTANCE)
        lacking = {"cpu": 0, "memory": 1, "gpu": 2, "eni": 3}.get(check)
        if lacking is None:
            return Closest(closest[0], REASONS[check])
        return Closest(max(closest, key=lambda o: seen[o].remaining()[lacking]), REASONS[check])

    def seen(self, request: Request) -> tuple[int, ...]:
        """See ``FleetView``."""
        return tuple(self._seen(request))

    def lack(self, ordinal: int, request: Request, group: int) -> Lack:
        """See ``FleetView``."""
        one = self.instances[ordinal]
        left = one.remaining()
        failed = one.failed_checks(request, group)
        tcp = set(one.spec.reserved_tcp).union(*(other.tcp_ports for other, _ in one.tasks))
        udp = set(one.spec.reserved_udp).union(*(other.udp_ports for other, _ in one.tasks))
        return Lack(
            cpu=request.cpu - left.cpu if "cpu" in failed else 0,
            memory=request.memory - left.memory if "memory" in failed else 0,
            tcp_ports=tuple(p for p in request.tcp_ports if p in tcp),
            udp_ports=tuple(p for p in request.udp_ports if p in udp),
            gpus=request.gpus - left.gpus if "gpu" in failed else 0,
            eni_slots=int("eni" in failed),
            inactive=not one.active,
            disconnected=not one.agent_connected,
            zone=one.spec.zone if "location" in failed else None,
            attributes=tuple(name for name in request.attributes if name not in one.attributes),
            constraints=tuple(holds for holds in request.constraints if not holds(one)),
            distinct=request.distinct and one.tasks_of(group) > 0,
        )

    def remaining(self, ordinal: int) -> Resources:
        """See ``FleetView``."""
        return self.instances[ordinal].remaining()

    def registered(self, ordinal: int) -> Resources:
        """See ``FleetView``."""
        spec = self.instances[ordinal].spec
        return Resources(spec.cpu, spec.memory, spec.gpus, spec.eni_slots)

    def spread_counts(self, field: str, group: int) -> Mapping[str, int]:
        """See ``FleetView``."""
        tasks: Counter[str] = Counter()
        for ordinal, instance in self.instances.items():
            tasks[self.spread_value(ordinal, field)] += instance.tasks_of(group)
        return tasks

    def group_count(self, group: int, ordinal: int) -> int:
        """See ``FleetView``."""
        return self.instances[ordinal].tasks_of(group)

    def _seen(self, request: Request) -> dict[int, NaiveInstance]:
        return {
            ordinal: instance
            for ordinal, instance in self.instances.items()
            if request.capacity_provider in (None, instance.spec.capacity_provider)
        }

    def spread_value(self, ordinal: int, field: str) -> str:
        """Value group of the instance; '' collects those without the attribute (PLACE-025)."""
        if field in ("instanceId", "host"):
            return str(ordinal)
        return self.instances[ordinal].attributes.get(field.removeprefix("attribute:")) or ""
