"""What one place and one release cost on a full cluster: the fleet index against a scan of all instances.

    python -m benchmarks.fleet_index [--size small|full]

Clusters of four instance types in three zones are filled until a shape fits nowhere, then churn: release one
random task, place one of a random service. Both sides make the same choices on the same churn, which is
asserted; the scan is written as tightly as Python allows (flat lists, one loop, no explanations), the index
gives its full verdict with the count of rejected instances. CPU time, in microseconds per place and release,
bookkeeping included.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass, field

from ecssim.decide.placement import RUN_TASK_DEFAULT, SERVICE_DEFAULT, StrategyItem, place
from ecssim.world.fleet import Fleet
from ecssim.world.requests import InstanceSpec, Request

TYPES = ((4096, 15500, 3), (8192, 31500, 3), (16384, 30500, 7), (8192, 63500, 3))  # CPU units, MiB, ENI slots
ZONES = ("a", "b", "c")
SERVICES = 1000
STRATEGIES = {
    "binpack": (StrategyItem("binpack", "memory"),),
    "spread": SERVICE_DEFAULT,
    "random": RUN_TASK_DEFAULT,
}
ROUND = (
    (256, 512), (256, 1024), (512, 1024), (512, 2048), (1024, 2048),
    (1024, 4096), (1024, 8192), (2048, 4096), (2048, 8192), (4096, 8192),
)  # fmt: skip
SIZES = {"small": (100, 1000, 5000), "full": (100, 1000, 5000, 20000)}


def shapes_of(kind: str) -> list[Request]:
    """20 round sizes, or 200 odd ones; every second with an ENI of its own."""
    if kind == "round":
        sizes = list(ROUND)
    else:
        luck = random.Random(5)
        sizes = [(luck.randrange(200, 4100), luck.randrange(400, 8200)) for _ in range(100)]
    return [Request(cpu, memory, eni=eni) for cpu, memory in sizes for eni in (False, True)]


@dataclass
class Cluster:
    """A full cluster behind the index, what runs on it, and the same as flat lists for the scan."""

    fleet: Fleet
    service_shape: list[Request]
    zone_of: list[int]
    running: list[tuple[int, int]]  # (instance, service)
    cpu: list[int] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    eni: list[int] = field(default_factory=list)
    by_zone: list[list[int]] = field(default_factory=list)
    by_instance: list[dict[int, int]] = field(default_factory=list)

    def flatten(self) -> None:
        """Copy the ledger of the index into the lists that the scan works on."""
        left = [self.fleet.remaining(ordinal) for ordinal in range(len(self.fleet))]
        self.cpu = [one.cpu for one in left]
        self.memory = [one.memory for one in left]
        self.eni = [one.eni_slots for one in left]
        self.by_zone = [[0, 0, 0] for _ in range(SERVICES)]
        self.by_instance = [{} for _ in range(SERVICES)]
        for instance, service in self.running:
            self.by_zone[service][self.zone_of[instance]] += 1
            self.by_instance[service][instance] = self.by_instance[service].get(instance, 0) + 1


def full_cluster(instances: int, kind: str) -> Cluster:
    """Fill a cluster at random until the shape drawn next fits nowhere."""
    luck = random.Random(7)
    fleet = Fleet()
    shapes = shapes_of(kind)
    zone_of = []
    for number in range(instances):
        cpu, memory, eni = TYPES[luck.randrange(len(TYPES))]
        zone_of.append(number % 3)
        fleet.add(InstanceSpec(cpu, memory, eni_slots=eni, zone=ZONES[number % 3]))
    fleet.expect(tuple(shapes))
    service_shape = [shapes[luck.randrange(len(shapes))] for _ in range(SERVICES)]
    cluster = Cluster(fleet, service_shape, zone_of, [])
    while True:
        service = luck.randrange(SERVICES)
        shape = service_shape[service]
        candidates = fleet.eligible(shape, service)
        instance = fleet.nth(candidates, int(luck.random() * fleet.count(candidates)))
        if instance < 0:
            return cluster
        fleet.reserve(instance, shape, service)
        cluster.running.append((instance, service))


def churn(operations: int) -> list[tuple[float, int, float]]:
    """For each operation: which task to release, which service to place, the draw of a random choice."""
    luck = random.Random(11)
    return [(luck.random(), luck.randrange(SERVICES), luck.random()) for _ in range(operations)]


def run_index(cluster: Cluster, strategy: str, operations: list[tuple[float, int, float]]) -> list[int]:
    """Churn through the index; return the choices."""
    fleet, shapes, running = cluster.fleet, cluster.service_shape, cluster.running
    items = STRATEGIES[strategy]
    choices = []
    for which, service, u in operations:
        at = int(which * len(running))
        running[at], running[-1] = running[-1], running[at]
        instance, stopped = running.pop()
        fleet.release(instance, shapes[stopped], stopped)
        if shapes[stopped].eni:
            fleet.release_eni(instance)
        chosen = place(fleet, shapes[service], service, items, u).ordinal
        if chosen >= 0:
            fleet.reserve(chosen, shapes[service], service)
            running.append((chosen, service))
        choices.append(chosen)
    return choices


def run_scan(cluster: Cluster, strategy: str, operations: list[tuple[float, int, float]]) -> list[int]:
    """Churn through the flat lists; return the choices."""
    cpu, memory, eni, shapes = cluster.cpu, cluster.memory, cluster.eni, cluster.service_shape
    zone_of, running = cluster.zone_of, list(cluster.running)
    scan = {"binpack": scan_binpack, "spread": scan_spread, "random": scan_random}[strategy]
    choices = []
    for which, service, u in operations:
        at = int(which * len(running))
        running[at], running[-1] = running[-1], running[at]
        instance, stopped = running.pop()
        shape = shapes[stopped]
        cpu[instance] += shape.cpu
        memory[instance] += shape.memory
        eni[instance] += shape.eni
        cluster.by_zone[stopped][zone_of[instance]] -= 1
        cluster.by_instance[stopped][instance] -= 1
        chosen = scan(cluster, shapes[service], service, u)
        if chosen >= 0:
            shape = shapes[service]
            cpu[chosen] -= shape.cpu
            memory[chosen] -= shape.memory
            eni[chosen] -= shape.eni
            cluster.by_zone[service][zone_of[chosen]] += 1
            counts = cluster.by_instance[service]
            counts[chosen] = counts.get(chosen, 0) + 1
            running.append((chosen, service))
        choices.append(chosen)
    return choices


def scan_binpack(cluster: Cluster, shape: Request, service: int, u: float) -> int:
    cpu, memory, eni = cluster.cpu, cluster.memory, cluster.eni
    need_cpu, need_memory, need_eni = shape.cpu, shape.memory, int(shape.eni)
    best, least = -1, 1 << 60
    for instance in range(len(cpu)):
        left = memory[instance]
        if need_memory <= left < least and cpu[instance] >= need_cpu and eni[instance] >= need_eni:
            best, least = instance, left
    return best


def scan_spread(cluster: Cluster, shape: Request, service: int, u: float) -> int:
    cpu, memory, eni, zone_of = cluster.cpu, cluster.memory, cluster.eni, cluster.zone_of
    need_cpu, need_memory, need_eni = shape.cpu, shape.memory, int(shape.eni)
    by_zone, count = cluster.by_zone[service], cluster.by_instance[service].get
    best, least = -1, (1 << 60, 0)
    for instance in range(len(cpu)):
        if memory[instance] >= need_memory and cpu[instance] >= need_cpu and eni[instance] >= need_eni:
            key = (by_zone[zone_of[instance]], count(instance, 0))
            if key < least:
                best, least = instance, key
    return best


def scan_random(cluster: Cluster, shape: Request, service: int, u: float) -> int:
    cpu, memory, eni = cluster.cpu, cluster.memory, cluster.eni
    need_cpu, need_memory, need_eni = shape.cpu, shape.memory, int(shape.eni)
    fitting = [
        instance
        for instance in range(len(cpu))
        if memory[instance] >= need_memory and cpu[instance] >= need_cpu and eni[instance] >= need_eni
    ]
    return fitting[int(u * len(fitting))] if fitting else -1


def measure(instances: int, kind: str, strategy: str, cluster: Cluster) -> list[dict[str, object]]:
    """Time both sides on one churn; the scan gets its beginning, the index all of it."""
    scans = max(60, min(3000, 600_000 // instances))
    operations = churn(max(6000, scans))
    cluster.flatten()
    began = time.process_time()
    expected = run_scan(cluster, strategy, operations[:scans])
    scan_us = (time.process_time() - began) / scans * 1e6
    for service in range(SERVICES):  # what a group's strategy needs is built when first asked for
        place(cluster.fleet, cluster.service_shape[service], service, STRATEGIES[strategy], 0.5)
    began = time.process_time()
    chosen = run_index(cluster, strategy, operations)
    index_us = (time.process_time() - began) / len(operations) * 1e6
    assert chosen[:scans] == expected, f"index and scan differ: {instances} {kind} {strategy}"
    placed = sum(choice >= 0 for choice in chosen)
    assert placed > len(chosen) // 4, "the churn must place tasks, not only refuse them"
    name = f"place_release_us_{instances}_{strategy}_{kind}"
    how = f"CPU us per release and place on a full cluster, {placed} of {len(chosen)} placed"
    return [
        {"name": name, "value": round(index_us, 2), "unit": "us", "how": how},
        {
            "name": f"naive_{name}",
            "value": round(scan_us, 2),
            "unit": "us",
            "how": f"the same by a scan, {scans} operations",
        },
    ]


def run(size: str = "full") -> list[dict[str, object]]:
    """Return one row a measurement, as ``benchmarks/results.json`` holds them."""
    rows = []
    for kind in ("round", "odd"):
        for instances in SIZES[size]:
            cluster = full_cluster(instances, kind)
            for strategy in STRATEGIES:
                rows += measure(instances, kind, strategy, cluster)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(SIZES), default="full")
    print(json.dumps(run(parser.parse_args().size), indent=1))


if __name__ == "__main__":
    main()
