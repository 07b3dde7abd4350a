"""Tasks that are larger than what they use: the size that would do, and what it would have saved.

Looks at the peak minute of the CPU and memory utilisation that the run simulated (ALARM-022, ALARM-023). A service
that scales on CPU or memory keeps that size: it would only run more tasks. On instances a smaller reservation saves
what the service pays for its share, once the group is that much smaller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np

from ecssim.catalog import fargate_price, fargate_sizes
from ecssim.decide.pricing import Dimension, cents
from ecssim.decide.right_size import Peak, Size, fargate_size, needed, reservation
from ecssim.record.codes import LAUNCH_TYPES
from ecssim.results.bill import Bill, Line
from ecssim.results.facts import Facts
from ecssim.results.finding import NOTE, Finding
from ecssim.results.fleet_figures import FleetFigures
from ecssim.results.groups import key_of
from ecssim.results.wording import count, options, path

#: A smaller size is worth saying if it saves at least this share of what the tasks cost.
WORTH: Final = Decimal("0.1")
#: So many services have a finding of their own.
SHOWN: Final = 10
#: Shorter runs say nothing about a peak (seconds).
LONG_ENOUGH: Final = 3600.0
Key = tuple[int, int]
"""A service by its codes: service and cluster."""
_UTILIZATION: Final = ("cpu_utilization", "memory_utilization")
_FARGATE: Final = LAUNCH_TYPES.index("FARGATE") + 1
_BY_CPU: Final = (Dimension.VCPU, Dimension.WINDOWS_LICENCE)
_OF_INSTANCES: Final = (Dimension.INSTANCES, Dimension.VOLUMES)


@dataclass(frozen=True)
class RightSize:
    """A service whose tasks could be smaller; ``usd`` is what they cost in the run, ``saved`` what less it would be."""

    service: str
    definition: str
    fargate: bool
    size: Size
    peak: Peak
    better: Size
    usd: Decimal
    saved: Decimal
    settings: tuple[tuple[str, int], ...]


def right_sizes(facts: Facts, bill: Bill, fleets: list[FleetFigures]) -> list[RightSize]:
    """The services whose tasks could be smaller, in the order of the scenario."""
    if facts.end < LONG_ENOUGH or not facts.setting.get("taskDefinitions"):
        return []
    peaks, templates = _peaks(facts), _templates(facts)
    lines: dict[tuple[str, str], list[Line]] = {}
    for line in bill.lines:
        lines.setdefault((line.service, line.cluster), []).append(line)
    found = []
    for setting in facts.setting.get("services", ()):
        name, cluster = str(setting["serviceName"]), str(setting["cluster"])
        key = (facts.code("service", name), facts.code("cluster", cluster))
        used = templates.get(key, [])
        # Of several revisions what the service used is no single size's.
        if len(used) != 1 or key not in peaks:
            continue
        of_cluster = [fleet for fleet in fleets if fleet.cluster == cluster]
        one = _of(facts, setting, key, used[0], peaks[key], lines.get((name, cluster), []), of_cluster)
        if one is not None and one.saved >= WORTH * one.usd and cents(one.saved) > 0:
            found.append(one)
    return found


def _peaks(facts: Facts) -> dict[Key, tuple[float, float]]:
    """The busiest minute of each service, in percent of CPU and of memory; 0 where nothing is known."""
    rows = facts.raw("service_metrics", "service", "cluster", *_UTILIZATION)
    keys, service = np.unique(key_of(rows["service"], rows["cluster"]), return_inverse=True)
    most = np.zeros((2, len(keys)))
    for i, name in enumerate(_UTILIZATION):
        np.maximum.at(most[i], service, np.nan_to_num(rows[name]))
    return {
        (int(key) >> 32, int(key) & 0xFFFFFFFF): (cpu, memory)
        for key, cpu, memory in zip(keys.tolist(), most[0].tolist(), most[1].tolist(), strict=True)
        if cpu > 0 or memory > 0
    }


def _templates(facts: Facts) -> dict[Key, list[int]]:
    """Where in the table of templates those of each service's tasks are."""
    tasks = facts.tasks
    at = tasks.index.template_at()
    mine = (tasks.service > 0) & (at >= 0)
    found: dict[Key, list[int]] = {}
    rows = np.stack([tasks.service[mine], tasks.cluster[mine], at[mine]], axis=1).astype(np.int64)
    for service, cluster, template in np.unique(rows, axis=0).tolist():
        found.setdefault((service, cluster), []).append(template)
    return found


def size_findings(found: list[RightSize]) -> list[Finding]:
    """What to say of them: those that would save most one by one, the others in one sentence."""
    ranked = sorted(found, key=lambda one: -one.saved)
    said = [
        Finding(NOTE, "service.oversized", one.service, _text(one), None, options(one.settings))
        for one in ranked[:SHOWN]
    ]
    rest = ranked[SHOWN:]
    if rest:
        saved, usd = (cents(sum((getattr(one, name) for one in rest), Decimal(0))) for name in ("saved", "usd"))
        text = (
            f"Tasks of {count(len(rest), 'more service')} are larger than what they use; smaller ones would save "
            f"${saved:,} of ${usd:,}."
        )
        said.append(Finding(NOTE, "service.oversized", "others", text))
    return said


def _text(one: RightSize) -> str:
    used = []
    if one.peak.cpu > 0:
        used.append(f"{one.peak.cpu:,.0f} of {one.size.cpu:,} CPU units")
    if one.peak.memory > 0:
        used.append(f"{one.peak.memory:,.0f} of {one.size.memory:,} MiB")
    where = "" if one.fargate else ", once its group is as much smaller"
    slower = min(1024, one.size.cpu) / min(1024, one.better.cpu)
    latency = f" A request's work on the CPU takes {slower:.3g} times as long then." if slower > 1 else ""
    return (
        f"Tasks of service {one.service} ({one.definition}) are larger than what they use: {' and '.join(used)} in "
        f"their busiest minute. {one.better.cpu:,} CPU units and {one.better.memory:,} MiB would do and save "
        f"${cents(one.saved):,} of ${cents(one.usd):,}{where}.{latency} Fix: {options(one.settings)}"
    )


def _of(
    facts: Facts,
    setting: Mapping[str, Any],
    key: Key,
    template: int,
    percent: tuple[float, float],
    lines: list[Line],
    fleets: list[FleetFigures],
) -> RightSize | None:
    row = facts.raw("_templates")[template]
    definition = facts.name("task_definition", int(row["task_definition"]))
    if ":" not in definition:
        definition = f"{definition}:{int(row['revision'])}"
    document = facts.setting["taskDefinitions"].get(definition)
    if document is None:
        return None
    size = Size(int(row["cpu"]), int(row["memory"]))
    peak = _peak(size, percent, setting["scaledOn"])
    need = needed(size, peak, Size(document["leastCpu"], document["leastMemory"]))
    fargate = int(row["launch_type"]) == _FARGATE
    if fargate or document["fargate"]:
        family = "WINDOWS" if document["windows"] else "LINUX"
        price = fargate_price(str(facts.manifest.get("region")), family, document["architecture"])
        better = fargate_size(
            size, need, fargate_sizes(family), (price.vcpu_hour + price.os_vcpu_hour) / 1024, price.gb_hour / 1024
        )
    else:
        better = reservation(size, need)
    if fargate:
        usd, saved = _on_fargate(lines, size, better)
    elif len(fleets) == 1:
        usd, saved = _on_instances(lines, size, better, fleets[0])
    else:
        return None
    settings = _settings(definition, document, size, better)
    if better == size or not settings:
        return None
    return RightSize(facts.label(*key), definition, fargate, size, peak, better, usd, saved, settings)


def _peak(size: Size, percent: tuple[float, float], scaled_on: list[str]) -> Peak:
    cpu, memory = percent
    return Peak(
        0.0 if "ECSServiceAverageCPUUtilization" in scaled_on else cpu / 100.0 * size.cpu,
        0.0 if "ECSServiceAverageMemoryUtilization" in scaled_on else memory / 100.0 * size.memory,
    )


def _on_fargate(lines: list[Line], size: Size, better: Size) -> tuple[Decimal, Decimal]:
    """What the tasks cost by CPU and memory, and how much less they would."""
    usd = saved = Decimal(0)
    for line in lines:
        if not line.resource.startswith("FARGATE"):
            continue
        if line.dimension in _BY_CPU:
            usd, saved = usd + line.usd, saved + line.usd * (size.cpu - better.cpu) / size.cpu
        elif line.dimension == Dimension.MEMORY:
            usd, saved = usd + line.usd, saved + line.usd * (size.memory - better.memory) / size.memory
    return usd, saved


def _on_instances(lines: list[Line], size: Size, better: Size, fleet: FleetFigures) -> tuple[Decimal, Decimal]:
    """A task pays the mean of its shares of CPU and memory of the instance."""

    def share(one: Size) -> Decimal:
        return Decimal(one.cpu * fleet.memory + one.memory * fleet.cpu)

    usd = sum((line.usd for line in lines if line.dimension in _OF_INSTANCES), Decimal(0))
    return usd, usd * (1 - share(better) / share(size)) if share(size) else Decimal(0)


def _settings(definition: str, document: Mapping[str, Any], size: Size, better: Size) -> tuple[tuple[str, int], ...]:
    """The options that give the task its better size: on the task where that has one, else on its only container."""
    changes = [("cpu", size.cpu, better.cpu), ("memory", size.memory, better.memory)]
    found = []
    for key, now, then in changes:
        where: tuple[str, ...] | None = ("taskDefinitions", definition, key)
        if not document[key]:
            field = document["reservedBy"] if key == "memory" else key
            where = ("taskDefinitions", definition, "containerDefinitions", str(document["only"]), field)
            if not document["only"] or not field:
                where = None
        if now != then and where is not None:
            found.append((path(*where), then))
        elif now != then:
            return ()
    return tuple(found)
