"""The tables of the report: what the summary knows, in words and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ecssim.report.rows import milliseconds, service_rows, share, subnet_rows
from ecssim.results.wording import moment

if TYPE_CHECKING:
    from ecssim.results.result import Result

#: Rows that a table shows.
ROWS = 40


@dataclass(frozen=True)
class Table:
    """A table: the first column is names, the others are figures."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


def tables(result: Result, summary: Mapping[str, Any]) -> list[Table]:
    """Every table that has rows."""
    found = [
        _costs(result),
        _services(summary["services"]),
        _requests(summary["requests"]),
        _subnets(result, summary["subnets"]),
        _instances(summary["capacity_providers"]),
        _fargate(summary["capacity_providers"]),
        _deployments(result, summary["deployments"]),
        _jobs(summary["jobs"]),
    ]
    return [table for table in found if table is not None]


#: Columns in which a zero is news.
_NEWS = ("fewest free",)


def _table(heading: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table | None:
    if not rows:
        return None
    # A column that says nothing in any row is noise.
    kept = [
        i
        for i, column in enumerate(columns)
        if i == 0 or column in _NEWS or any(row[i] not in ("", "-", "0") for row in rows)
    ]
    shown = tuple(tuple(row[i] for i in kept) for row in rows[:ROWS])
    return Table(heading, tuple(columns[i] for i in kept), shown, max(0, len(rows) - ROWS))


def _costs(result: Result) -> Table | None:
    bill = result.bill()
    rows = [
        (
            bill.label(line)
            or ("not used" if "idle" in line.dimension or "unused" in line.dimension else "no service"),
            line.resource,
            line.dimension,
            f"{line.quantity:,.2f}",
            line.unit,
            f"{line.unit_price.normalize():f}",
            f"{line.printed:,.2f}",
        )
        for line in sorted(bill.lines, key=lambda line: (-line.usd, line.service, line.resource, line.dimension))
    ]
    if rows:
        rows.insert(0, ("total", "", "", "", "", "", f"{bill.total:,.2f}"))
    return _table("Bill", ("for", "resource", "dimension", "quantity", "unit", "unit price", "USD"), rows)


def _services(services: Mapping[str, Mapping[str, Any]]) -> Table | None:
    columns = (
        "service", "available", "running at the end", "tasks started", "to RUNNING p50", "p95", "failed to start",
        "interrupted",
    )  # fmt: skip
    return _table("Services", columns, service_rows(services))


def _requests(requests: Mapping[str, Mapping[str, Any]]) -> Table | None:
    rows = [
        (
            name,
            f"{r['offered']:,}",
            f"{r['failed']:,}",
            f"{r['failed'] / r['offered']:.3%}" if r["failed"] else "-",
            milliseconds(r["latency_p95"]),
            milliseconds(r["latency_p99_max"]),
        )
        for name, r in requests.items()
    ]
    columns = ("requests to", "arrived", "failed", "share", "p95", "worst p99 of a minute")
    return _table("Requests", columns, rows)


def _subnets(result: Result, subnets: Mapping[str, Mapping[str, Any]]) -> Table | None:
    columns = ("subnet", "zone", "usable", "most used", "fewest free", "allocations failed", "first exhausted")
    return _table("Subnets", columns, subnet_rows(result, subnets))


def _instances(providers: Mapping[str, Mapping[str, Any]]) -> Table | None:
    rows = [
        (
            name,
            p["instance_type"],
            f"{p['instances']:,}",
            f"{p['instance_hours']:,.1f}",
            share(p["cpu_reserved"]),
            share(p["memory_reserved"]),
            share(p["waste"]),
        )
        for name, p in providers.items()
        if "instance_type" in p
    ]
    columns = ("instances of", "type", "in all", "hours", "CPU reserved", "memory reserved", "waste")
    return _table("Instances", columns, rows)


def _fargate(providers: Mapping[str, Mapping[str, Any]]) -> Table | None:
    rows = [
        (name, f"{p['tasks']:,}", f"{p['vcpu_hours']:,.1f}", f"{p['gib_hours']:,.1f}")
        for name, p in providers.items()
        if "vcpu_hours" in p
    ]
    return _table("Fargate", ("provider", "tasks", "vCPU-hours", "GiB-hours"), rows)


def _deployments(result: Result, deployments: Sequence[Mapping[str, Any]]) -> Table | None:
    rows = [
        (
            d["service"],
            d["task_definition"],
            d["rollout_state"],
            moment(result.start, d["started_at"]) if d["started_at"] is not None else "-",
            moment(result.start, d["finished_at"]) if d["finished_at"] is not None else "-",
            f"{d['failed_tasks']:,}",
            f"{d['peak_tasks']:,}",
        )
        for d in deployments
    ]
    columns = ("deployment of", "revision", "state", "began", "ended", "tasks failed", "most tasks")
    return _table("Deployments", columns, rows)


def _jobs(jobs: Mapping[str, Mapping[str, int]]) -> Table | None:
    parts = ("submitted", "done", "under_way", "failed_to_start", "waiting", "gave_up", "retried_calls")
    rows = [(name, *(f"{account.get(part, 0):,}" for part in parts)) for name, account in jobs.items()]
    return _table("Jobs", ("job", *(part.replace("_", " ") for part in parts)), rows)
