"""``ecssim catalog``: what AWS publishes and the simulator uses, with sources and dates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from ecssim import catalog as published
from ecssim.cli.answer import print_json, print_table
from ecssim.cli.guard import DONE

Table = tuple[Sequence[str], list[list[Any]]]


def _instance_types(region: str) -> Table:
    heads = (
        "instanceType",
        "vCpu",
        "memoryMiB",
        "architecture",
        "gpus",
        "enis",
        "awsvpcTasks",
        "awsvpcTasksTrunked",
        "usdPerHour",
        "priceBasis",
        "asOf",
    )
    rows = []
    for kind in published.instance_types().values():
        price = published.ec2_price(kind.name, region)
        rows.append(
            [
                kind.name,
                kind.vcpu,
                kind.memory_mib,
                kind.architecture,
                kind.gpus,
                kind.max_enis,
                kind.awsvpc_tasks(False),
                kind.awsvpc_tasks(kind.trunking) if kind.trunking else None,
                price.usd if price is not None else None,
                price.basis if price is not None else None,
                kind.as_of,
            ]
        )
    return heads, rows


def _fargate(region: str) -> Table:
    heads = ("cpu", "vCpu", "memoryMiB", "operatingSystem")
    rows: list[list[Any]] = []
    for family, name in (("LINUX", "Linux"), ("WINDOWS_SERVER_2022_CORE", "Windows")):
        for cpu, sizes in published.fargate_sizes(family).items():
            rows += [[cpu, cpu / 1024, memory, name] for memory in sorted(sizes)]
    return heads, rows


def _prices(region: str) -> Table:
    heads = ("name", "usd", "unit", "basis", "source", "asOf")
    rows: list[list[Any]] = []
    for name in published.unit_prices():
        price = published.unit_price(name, region)
        rows.append([name, price.usd, price.unit, price.basis, price.source, price.as_of])
    for architecture in ("X86_64", "ARM64"):
        for spot in (False, True):
            fargate = published.fargate_price(region, cpu_architecture=architecture, spot=spot)
            label = f"fargate{'Spot' if spot else ''}{'Arm' if architecture == 'ARM64' else ''}"
            for part, usd, unit in (("Vcpu", fargate.vcpu_hour, "vCPU-hour"), ("Gb", fargate.gb_hour, "GB-hour")):
                rows.append([f"{label}{part}Hour", usd, unit, fargate.basis, fargate.source, fargate.as_of])
    return heads, rows


def _quotas(region: str) -> Table:
    heads = ("quota", "mature", "new")
    mature, new = published.quotas("mature", region), published.quotas("new", region)
    own = [field.name for field in fields(mature) if field.name != "api"]
    names = published.quota_names()
    rows = [[name, getattr(mature, key), getattr(new, key)] for name, key in zip(names, own, strict=False)]
    for bucket in dict.fromkeys(published.api_buckets().values()):
        rows.append([f"{bucket.category}Burst", bucket.burst, bucket.burst])
        rows.append([f"{bucket.category}Rate", bucket.rate, bucket.rate])
    return heads, rows


def _eni_exceptions(region: str) -> Table:
    heads = ("instanceType", "trunking", "awsvpcTasks", "documented", "reason", "source")
    rows: list[list[Any]] = []
    for row in published.ENI_EXCEPTIONS.values():
        kind = published.instance_types().get(row.instance_type)
        tasks = kind.awsvpc_tasks(row.trunking) if kind is not None else None
        rows.append([row.instance_type, row.trunking, tasks, row.documented, row.reason, row.source])
    return heads, rows


TOPICS: Final[Mapping[str, Callable[[str], Table]]] = {
    "instance-types": _instance_types,
    "fargate": _fargate,
    "prices": _prices,
    "quotas": _quotas,
    "eni-exceptions": _eni_exceptions,
}


def catalog(topic: str, region: str, as_json: bool) -> int:
    """Print one table of the catalogue, for a Region where that matters."""
    heads, rows = TOPICS[topic](region)
    if as_json:
        print_json([dict(zip(heads, row, strict=True)) for row in rows])
    else:
        print_table(heads, rows)
    return DONE
