"""The naive model: a process per task, a scan of all instances per placement, a list of dicts for the record.

    python -m benchmarks.naive_model --launches 50000

First ecssim runs the day's cluster (1,000 services, 5,000 instances, 50,000 tasks) until there were so many
launches; then the naive model lives through the same launches, each with the times that it had, and chooses
every instance by itself. That both come to the same verdict each time is asserted: the instance, the number of
candidates, and how many instances fell at which check, since a placement that cannot say why is not the same
placement. So the ratio compares two ways to the same answer. Timed is on either side the run alone, with its record
in memory as the naive model's list of dicts is: neither the setting up of the cluster nor the summary at the end.
``--folder`` writes our tables to a run folder besides.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from math import isnan
from pathlib import Path
from typing import Any

import simpy

from benchmarks.day import load_document
from benchmarks.day_scenario import day

STATES = (
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
)
LAST = 2
"""SimPy priority of a launch: after all that ends at the same instant, as the service scheduler's pass."""


class Launch:
    """One launch as ecssim made it: what it asks for, when each state began, where it went."""

    def __init__(self, number: int, service: int, instance: int, times: list[float], verdict: dict[str, int]) -> None:
        self.number = number
        self.service = service
        self.instance = instance
        self.times = times
        self.verdict = verdict


class Host:
    """One instance: what is left of it, and its tasks by service."""

    def __init__(self, number: int, zone: int, cpu: int, memory: int, eni: int) -> None:
        self.number = number
        self.zone = zone
        self.cpu = cpu
        self.memory = memory
        self.eni = eni
        self.tasks: dict[int, int] = {}


class Naive:
    """The cluster as a first program would have it."""

    def __init__(self, hosts: list[Host], shapes: list[tuple[int, int, bool, bool]], zones: int) -> None:
        self.environment = simpy.Environment()
        self.hosts = hosts
        self.shapes = shapes  # (CPU units, MiB, awsvpc, binpack) by service
        self.by_zone = [[0] * zones for _ in shapes]
        self.record: list[dict[str, Any]] = []
        self.verdicts: dict[int, dict[str, int]] = {}
        self.chosen: dict[int, int] = {}
        self.unplaced = 0

    def choose(self, number: int, service: int) -> Host | None:
        """Scan all instances for what fits, then take the best of them, the lowest number if tied."""
        cpu, memory, awsvpc, binpack = self.shapes[service]
        eni = int(awsvpc)
        fitting = []
        rejected_cpu = rejected_memory = rejected_eni = 0
        for host in self.hosts:
            if host.cpu < cpu:
                rejected_cpu += 1
            elif host.memory < memory:
                rejected_memory += 1
            elif host.eni < eni:
                rejected_eni += 1
            else:
                fitting.append(host)
        self.verdicts[number] = {
            "candidates": len(fitting),
            "rejected_cpu": rejected_cpu,
            "rejected_memory": rejected_memory,
            "rejected_eni": rejected_eni,
        }
        if not fitting:
            return None
        if binpack:
            return min(fitting, key=lambda h: (h.memory, h.number))
        by_zone = self.by_zone[service]
        return min(fitting, key=lambda h: (by_zone[h.zone], h.tasks.get(service, 0), h.number))

    def take(self, host: Host, service: int) -> None:
        cpu, memory, awsvpc, _ = self.shapes[service]
        host.cpu -= cpu
        host.memory -= memory
        host.eni -= awsvpc
        host.tasks[service] = host.tasks.get(service, 0) + 1
        self.by_zone[service][host.zone] += 1

    def give_back(self, host: Host, service: int) -> None:
        cpu, memory, _, _ = self.shapes[service]
        host.cpu += cpu
        host.memory += memory
        host.tasks[service] -= 1
        self.by_zone[service][host.zone] -= 1

    def task(self, launch: Launch, host: Host | None, first: int) -> Iterator[simpy.Event]:
        """One task from ``first`` of the eight states to the last."""
        environment = self.environment
        service = launch.service
        if host is None:
            host = self.choose(launch.number, service)
            if host is None:
                self.unplaced += 1
                return
            self.take(host, service)
            self.chosen[launch.number] = host.number
        for state in range(first, len(STATES)):
            at = launch.times[state]
            if isnan(at):
                return  # the horizon comes first
            if at > environment.now or state > first:
                yield environment.timeout(at - environment.now)
            if state == 4:
                self.give_back(host, service)
            self.record.append(
                {
                    "time": environment.now,
                    "task": launch.number,
                    "service": service,
                    "instance": host.number,
                    "status": STATES[state],
                }
            )
        host.eni += self.shapes[service][2]

    def source(self, launches: list[Launch]) -> Iterator[simpy.Event]:
        """Start each launch at its time."""
        environment = self.environment
        for launch in launches:
            due = simpy.Event(environment)
            due._ok, due._value = True, None
            environment.schedule(due, LAST, launch.times[0] - environment.now)
            yield due
            environment.process(self.task(launch, None, 0))


def reference(launches: int, folder: Path, *, out: Path | None = None) -> tuple[Naive, list[Launch], int, float, float]:
    """Run ecssim for about ``launches`` launches on the day's cluster.

    Returns the empty naive cluster, every task in the order of its placement, how many of them were there at
    the start, the horizon, and the CPU seconds that the run took. ``out`` is a folder for the tables.
    """
    from ecssim.run import simulate

    hours = 1.2 * launches / 50_000
    document = day(hours=hours)
    simulation = simulate(load_document(document, folder), out=out)
    placed = len(simulation.engine.lifecycle.live)
    began = time.process_time()
    simulation.advance(until=hours * 3600.0)
    cpu = time.process_time() - began
    result = simulation.finish()
    shape = simulation.engine.world.groups[0].shape
    zones = sorted(result.instances["availability_zone"].unique())
    hosts = [
        Host(number, zones.index(zone), shape.cpu, shape.memory, shape.eni_slots)
        for number, zone in enumerate(result.instances["availability_zone"])
    ]
    shapes = []
    for service, definition in zip(document["services"], document["taskDefinitions"], strict=True):
        awsvpc = definition["networkMode"] == "awsvpc"
        binpack = "placementStrategy" in service
        shapes.append((int(definition["cpu"]), int(definition["memory"]), awsvpc, binpack))
    names = [service["serviceName"] for service in document["services"]]
    return Naive(hosts, shapes, len(zones)), launches_of(result, names), placed, hours * 3600.0, cpu


def launches_of(result: Any, names: list[str]) -> list[Launch]:
    """Every task of a run in the order of its placement, with the beginning of each of the eight states.

    States that ecssim leaves out (a bridge task is not PROVISIONING, none has targets to drain) last no time.
    """
    verdicts = result.placements
    verdicts = verdicts[verdicts["container_instance"].notna()].sort_values("event_id")
    tasks = result.tasks.set_index("task_id").loc[verdicts["task_id"]]
    services = {name: number for number, name in enumerate(names)}
    instances = {name: number for number, name in enumerate(result.instances["instance_id"])}
    counts = ("candidates", "rejected_cpu", "rejected_memory", "rejected_eni")
    found_by = [dict(zip(counts, row, strict=True)) for row in zip(*(verdicts[c] for c in counts), strict=True)]
    columns = (
        "service", "container_instance", "created_at", "connectivity_at", "started_at", "stopping_at",
        "execution_stopped_at", "stopped_at",
    )  # fmt: skip
    found = []
    for number, one in enumerate(zip(*(tasks[name] for name in columns), strict=True)):
        service, instance, created, connected, started, stopping, ended, stopped = one
        times = [created, created, connected, started, stopping, stopping, ended, stopped]
        found.append(Launch(number, services[service], instances[instance], times, found_by[number]))
    return found


def compare(launches: int, *, write: bool = False) -> dict[str, float]:
    """Run both sides and return what they cost; raises AssertionError where they choose differently."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "run" if write else None
        naive, every, placed, horizon, ours = reference(launches, Path(name), out=out)
    for launch in every[:placed]:
        host = naive.hosts[launch.instance]
        naive.take(host, launch.service)
        naive.environment.process(naive.task(launch, host, STATES.index("DEACTIVATING")))
    fresh = every[placed:]
    naive.environment.process(naive.source(fresh))
    began = time.process_time()
    naive.environment.run(until=horizon)
    cpu = time.process_time() - began
    same = sum(
        naive.chosen.get(launch.number) == launch.instance and naive.verdicts[launch.number] == launch.verdict
        for launch in fresh
    )
    assert len(fresh) > 0.9 * launches, f"only {len(fresh)} launches"
    assert same == len(fresh), f"{len(fresh) - same} of {len(fresh)} placements differ"
    assert len(naive.record) > 5 * len(fresh), "the naive model left states out"
    return {"cpu": ours, "naive_cpu": cpu, "launches": len(fresh), "same": same, "rows": len(naive.record)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--launches", type=int, default=50_000)
    parser.add_argument("--folder", action="store_true", help="with the tables of ecssim in a run folder")
    given = parser.parse_args()
    print(json.dumps(compare(given.launches, write=given.folder)))


if __name__ == "__main__":
    main()
