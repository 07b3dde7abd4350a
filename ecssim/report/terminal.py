"""The summary of a run for people: findings first, each with its fix, then compact tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ecssim.report.rows import milliseconds, service_rows, share, subnet_rows
from ecssim.results.wording import duration

if TYPE_CHECKING:
    from rich.console import Console

    from ecssim.results.bill import Bill
    from ecssim.results.result import Result

ZERO: Final = Decimal(0)
_MARKS: Final = {
    "problem": ("PROBLEM", "bold red"),
    "warning": ("warning", "yellow"),
    "note": ("note", "cyan"),
}
#: Findings and rows that are printed; the summary has them all.
_FINDINGS: Final = 12
_ROWS: Final = 25
#: Characters of a name that stay on one line where there is no room for more.
_NAME: Final = 8


def print_summary(console: Console, result: Result) -> None:
    """Print the summary of ``result``."""
    summary = result.summary()
    _findings(console, summary["findings"])
    _services(console, summary["services"])
    _requests(console, summary["requests"])
    _subnets(console, result, summary["subnets"])
    _providers(console, summary["capacity_providers"])
    _jobs(console, summary["jobs"])
    _costs(console, result.bill(), summary)
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
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        show_edge=False,
    )
    longest = max(len(row[0]) for row in rows[:_ROWS])
    for i, column in enumerate(columns):
        # Figures are whole or they are lies: only names fold.
        table.add_column(
            column,
            justify="left" if i == 0 else "right",
            overflow="fold",
            min_width=min(longest, _NAME) if i == 0 else None,
            no_wrap=i > 0,
        )
    for row in rows[:_ROWS]:
        # Names are shown as they are: a bracket in one is no markup.
        table.add_row(*(Text(cell) for cell in row))
    natural = Measurement.get(console, console.options.update(max_width=10_000), table).maximum
    narrow = natural - max(0, longest - _NAME) > console.width
    if narrow:
        table.width = natural  # the terminal breaks its lines, but no figure loses a digit
    console.print()
    console.print(table, crop=not narrow, no_wrap=narrow, overflow="ignore" if narrow else None)
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
    if services:
        console.print("available: the share of minutes with the minimum of healthy tasks", style="dim", soft_wrap=True)


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


def _costs(console: Console, bill: Bill, summary: Mapping[str, Any]) -> None:
    if not bill.exact:
        return
    per_million = summary["costs"].get("per_million_requests_usd", {"all": None, "services": {}})

    def row(name: str, usd: Decimal, price: float | None = None) -> tuple[str, str, str]:
        return name, f"{usd:,.2f}", "" if price is None else f"{price:,.2f}"

    # The printed lines of the bill, in all rows: they add up to the total.
    printed = bill.by_service
    shared = printed.pop("", ZERO) - bill.printed_idle
    dearest = sorted(printed.items(), key=lambda item: (-item[1], item[0]))
    rows = [row(name, usd, per_million["services"].get(name)) for name, usd in dearest]
    # What belongs to no service: load balancers and the like, and tasks that calls of RunTask started.
    rows += [row("jobs and shared" if summary["jobs"] else "shared", shared)] if shared else []
    rows += [row("idle capacity", bill.printed_idle)] if bill.printed_idle else []
    rows.append(row("total", bill.total, per_million["all"]))
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
    columns = ("instances", "type", "in all", "hours", "CPU reserved", "memory reserved", "waste")
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
