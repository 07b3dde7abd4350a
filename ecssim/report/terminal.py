"""The summary of a run for people: findings first, each with its fix, then compact tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ecssim.report.rows import milliseconds, service_rows, share, subnet_rows
from ecssim.results.wording import duration

if TYPE_CHECKING:
    from rich.console import Console

    from ecssim.results.result import Result

_MARKS: Final = {
    "problem": ("PROBLEM", "bold red"),
    "warning": ("warning", "yellow"),
    "note": ("note", "cyan"),
}
#: Findings and rows that are printed; the summary has them all.
_FINDINGS: Final = 12
_ROWS: Final = 25


def print_summary(console: Console, result: Result) -> None:
    """Print the summary of ``result``."""
    summary = result.summary()
    _findings(console, summary["findings"])
    _services(console, summary["services"])
    _requests(console, summary["requests"])
    _subnets(console, result, summary["subnets"])
    _providers(console, summary["capacity_providers"])
    _jobs(console, summary["jobs"])
    _costs(console, summary["costs"])
    _run(console, result, summary)


def _findings(console: Console, findings: Sequence[Mapping[str, Any]]) -> None:
    from rich.text import Text

    if not findings:
        console.print("Nothing to report: nothing failed, nothing ran out.")
    for finding in findings[:_FINDINGS]:
        mark, style = _MARKS[finding["severity"]]
        text, fix = str(finding["text"]), finding.get("fix")
        if fix is not None:
            text = text.removesuffix(f" Fix: {fix}")
        console.print(Text(mark, style=style).append("  ").append(text, style="default"))
        if fix is not None:
            # Not wrapped, so that it can be copied.
            line = Text("   fix:  ", style="bold green").append(str(fix), style="default")
            console.print(line, soft_wrap=True)
    if len(findings) > _FINDINGS:
        console.print(f"and {len(findings) - _FINDINGS} more findings in the summary")


def _table(console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for i, column in enumerate(columns):
        # No word of a header is ever broken: in a narrow terminal only names fold.
        longest = max(len(word) for word in column.split())
        table.add_column(
            column, justify="left" if i == 0 else "right", overflow="fold", min_width=longest, no_wrap=i > 0
        )
    for row in rows[:_ROWS]:
        # Names are shown as they are: a bracket in one is no markup.
        table.add_row(*(Text(cell) for cell in row))
    console.print()
    console.print(table)
    if len(rows) > _ROWS:
        console.print(f"and {len(rows) - _ROWS} more in the summary")


def _services(console: Console, services: Mapping[str, Mapping[str, Any]]) -> None:
    columns = (
        "service",
        "available",
        "running",
        "started",
        "start p50",
        "p95",
        "failed",
        "interrupted",
    )
    _table(console, "Services", columns, service_rows(services))


def _requests(console: Console, requests: Mapping[str, Mapping[str, Any]]) -> None:
    rows = [
        (
            name,
            f"{r['offered']:,}",
            f"{r['failed']:,}",
            share(r["failed"] / r["offered"]),
            milliseconds(r["latency_p95"]),
            milliseconds(r["latency_p99_max"]),
        )
        for name, r in requests.items()
    ]
    _table(console, "Requests", ("service", "offered", "lost", "share", "p95", "worst p99"), rows)


def _costs(console: Console, costs: Mapping[str, Any]) -> None:
    if not costs["total_usd"]:
        return
    per_million = costs.get("per_million_requests_usd", {"all": None, "services": {}})

    def row(name: str, usd: float, price: float | None = None) -> tuple[str, str, str]:
        return name, f"{usd:,.2f}", "" if price is None else f"{price:,.2f}"

    dearest = sorted(costs["services"].items(), key=lambda item: -item[1])
    rows = [row(name, usd, per_million["services"].get(name)) for name, usd in dearest]
    for key, name in (("shared_usd", "shared"), ("idle_usd", "idle instances")):
        if costs[key]:
            rows.append(row(name, costs[key]))
    rows.append(row("total", costs["printed_total_usd"], per_million["all"]))
    if per_million["all"] is None:
        _table(console, "Cost", ("service", "USD"), [cells[:2] for cells in rows])
    else:
        _table(console, "Cost", ("service", "USD", "USD per million requests"), rows)


def _subnets(console: Console, result: Result, subnets: Mapping[str, Mapping[str, Any]]) -> None:
    columns = ("subnet", "zone", "usable", "most used", "least free", "failed", "first exhausted")
    _table(console, "Addresses", columns, subnet_rows(result, subnets))


def _providers(console: Console, providers: Mapping[str, Mapping[str, Any]]) -> None:
    fleets = [(name, p) for name, p in providers.items() if "instance_type" in p]
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
        for name, p in fleets
    ]
    columns = ("instances", "type", "count", "hours", "CPU reserved", "memory reserved", "waste")
    _table(console, "Instances", columns, rows)
    fargate = [
        (name, f"{p['tasks']:,}", f"{p['vcpu_hours']:,.1f}", f"{p['gib_hours']:,.1f}")
        for name, p in providers.items()
        if "vcpu_hours" in p
    ]
    _table(console, "Fargate", ("provider", "tasks", "vCPU-hours", "GiB-hours"), fargate)


def _jobs(console: Console, jobs: Mapping[str, Mapping[str, int]]) -> None:
    parts = ("submitted", "done", "under_way", "failed_to_start", "waiting", "gave_up", "retried_calls")
    rows = [(name, *(f"{account.get(part, 0):,}" for part in parts)) for name, account in jobs.items()]
    _table(console, "Jobs", ("job", *(part.replace("_", " ") for part in parts)), rows)


def _run(console: Console, result: Result, summary: Mapping[str, Any]) -> None:
    run, manifest = summary["run"], result.manifest
    parts = [f"scenario {summary['scenario']}", f"seed {run.get('seed')}"]
    if run.get("variant"):
        parts.append(f"variant {run['variant']}")
    if run.get("simulated") is not None:
        parts.append(f"{duration(float(run['simulated']))} simulated")
    if manifest.get("wall") is not None:
        parts.append(f"in {float(manifest['wall']):.2f} s")
    parts += [f"quotas {run.get('quotas')}", f"timing {run.get('timing')}"] if run.get("quotas") else []
    console.print()
    console.print(", ".join(parts), style="dim", markup=False)
