"""Rows that the terminal and the page both show: what a figure looks like is said once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecssim.results.wording import moment

if TYPE_CHECKING:
    from ecssim.results.result import Result


def service_rows(services: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """One row per service, those whose tasks failed to start most often first."""
    rows: list[tuple[str, ...]] = []
    for name, s in sorted(services.items(), key=lambda item: (-sum(item[1]["failed_starts"].values()), item[0])):
        starting = s["time_to_running"] or {}
        rows.append(
            (
                name,
                share(s["availability"]),
                f"{s['running_count']}/{s['desired_count']}",
                f"{s['tasks_created']:,}",
                seconds(starting.get("p50")),
                seconds(starting.get("p95")),
                f"{sum(s['failed_starts'].values()):,}",
                f"{s['interruptions']:,}",
            )
        )
    return rows


def subnet_rows(result: Result, subnets: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """One row per subnet, the fullest first; times as the run's clock says them."""
    return [
        (
            name,
            s["availability_zone"],
            f"{s['usable']:,}",
            f"{s['used_max']:,}",
            f"{s['free_min']:,}",
            f"{s['failed_allocations']:,}",
            "-" if s["first_exhausted_at"] is None else moment(result.start, s["first_exhausted_at"]),
        )
        for name, s in sorted(subnets.items(), key=lambda item: (item[1]["free_min"], item[0]))
    ]


def share(part: float | None) -> str:
    """A share of one in per cent."""
    return "-" if part is None else f"{part:.2%}"


def milliseconds(time: float | None) -> str:
    """Seconds, shown as milliseconds."""
    return "-" if time is None else f"{time * 1000:,.0f} ms"


def seconds(time: float | None) -> str:
    """Seconds, to a tenth."""
    return "-" if time is None else f"{time:.1f} s"
