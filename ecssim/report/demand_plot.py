"""Pictures of traffic: demand against capacity with what was lost, and how long requests took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ecssim.report import canvas
from ecssim.results.facts import Facts
from ecssim.results.service_figures import ServiceFigures, service_figures
from ecssim.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Beyond this ratio of the slowest to the fastest minute, response times are drawn on a logarithmic axis.
WIDE = 30.0
MINUTE = 60.0


def busiest(facts: Facts, service: str | None = None) -> list[ServiceFigures]:
    """The service of that name (also ``cluster/name``), or all that requests reached, the busiest first."""
    rows = facts.raw("service_metrics")
    found = []
    for figures in service_figures(facts):
        mine = (rows["service"] == figures.service) & (rows["cluster"] == figures.cluster)
        offered = int(rows["offered_count"][mine].sum())
        if offered and (service is None or service in (figures.name, f"{figures.cluster_name}/{figures.name}")):
            found.append((-offered, figures.name, figures))
    return [figures for _, _, figures in sorted(found, key=lambda item: item[:2])]


def draw_demand(facts: Facts, ax: Axes, figures: ServiceFigures, window: tuple[float, float]) -> None:
    """Draw requests a second that arrived and that failed, and how many the healthy tasks could serve."""
    rows = _minutes(facts, figures, window)
    start = facts.result.start
    t = rows["t"]

    def line(values: np.ndarray, at: np.ndarray, label: str, **style: Any) -> None:
        shown = canvas.thinned(ax, values)
        ax.step(canvas.times(start, at[shown]), values[shown], where="post", label=label, **style)

    offered = rows["offered_count"] / MINUTE
    failed = rows["failed_count"] / MINUTE
    at, capacity = _capacity(facts, figures, window)
    if len(capacity):
        line(capacity, at, "capacity of the healthy tasks", color=canvas.COLOURS[2], linestyle="--", linewidth=1.4)
    line(offered, t, "arrived", color=canvas.COLOURS[0], linewidth=1.6)
    if failed.any():
        shown = canvas.thinned(ax, failed)
        ax.fill_between(
            canvas.times(start, t[shown]),
            failed[shown],
            step="post",
            color=canvas.ALARM,
            alpha=0.6,
            linewidth=0.0,
            label="failed",
        )
    total, lost = int(rows["offered_count"].sum()), int(rows["failed_count"].sum())
    ax.set_title(f"Demand on {figures.name}: {count(total, 'request')}, {_lost(lost, total)}", loc="left")
    top = max(float(offered.max(initial=0.0)), float(failed.max(initial=0.0)), 1e-3)
    # Capacity far above demand would flatten what matters.
    ax.set_ylim(0.0, min(max(top, float(capacity.max(initial=0.0))), 4.0 * top) * 1.08)
    ax.set_ylabel("requests a second")
    canvas.time_axis(ax, start, *window)
    canvas.plain(ax, whole=top > 5.0)
    canvas.legend(ax)


def draw_latency(facts: Facts, ax: Axes, figures: ServiceFigures, window: tuple[float, float]) -> None:
    """Draw the response times of a service in milliseconds: p50, p95, p99."""
    rows = _minutes(facts, figures, window)
    start = facts.result.start
    slowest, fastest = 0.0, float("inf")
    for column, label, colour in (
        ("latency_p99", "p99", canvas.COLOURS[5]),
        ("latency_p95", "p95", canvas.COLOURS[1]),
        ("latency_p50", "p50", canvas.COLOURS[0]),
    ):
        values = rows[column] * 1000.0
        known = values[~np.isnan(values) & (values > 0)]
        if len(known):
            slowest, fastest = max(slowest, float(known.max())), min(fastest, float(known.min()))
        shown = canvas.thinned(ax, values)
        ax.step(
            canvas.times(start, rows["t"][shown]), values[shown], where="post", label=label, color=colour, linewidth=1.4
        )
    ax.set_title(f"Response time of {figures.name}: p99 up to {_time(slowest)}", loc="left")
    canvas.plain(ax, whole=False)
    if slowest > WIDE * fastest:
        _logarithmic(ax)
    else:
        ax.set_ylim(0.0, max(slowest, 1e-3) * 1.08)
    ax.set_ylabel("milliseconds")
    canvas.time_axis(ax, start, *window)
    canvas.legend(ax)


def _logarithmic(ax: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _minutes(facts: Facts, figures: ServiceFigures, window: tuple[float, float]) -> np.ndarray:
    rows = facts.raw("service_metrics")
    mine = (rows["service"] == figures.service) & (rows["cluster"] == figures.cluster)
    found: np.ndarray = rows[mine & (rows["t"] >= window[0]) & (rows["t"] < window[1])]
    return found


def _capacity(facts: Facts, figures: ServiceFigures, window: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Requests a second that the healthy tasks can complete, by minute; nothing if requests cost nothing."""
    rates: Mapping[str, float] = facts.manifest.get("requests_per_second") or {}
    cells = facts.raw("flow_metrics")
    mine = (cells["service"] == figures.service) & (cells["cluster"] == figures.cluster)
    cells = cells[mine & (cells["t"] >= window[0]) & (cells["t"] < window[1])]
    families = _families(facts, figures)
    known = {r: rates.get(families.get(r, ""), 0.0) for r in np.unique(cells["revision"]).tolist()}
    if not any(known.values()):
        return np.zeros(0), np.zeros(0)
    each = np.array([known[r] for r in cells["revision"].tolist()])
    at, row = np.unique(cells["t"], return_inverse=True)
    return at, np.bincount(row, weights=cells["healthy_count"] * each, minlength=len(at))


def _families(facts: Facts, figures: ServiceFigures) -> dict[int, str]:
    """``family:revision`` of each revision of a service that had tasks."""
    tasks = facts.tasks
    mine = (tasks.service == figures.service) & (tasks.cluster == figures.cluster)
    templates = facts.raw("_templates")
    found = {}
    for at in np.unique(tasks.index.template_at()[mine]).tolist():
        if at >= 0:
            name, revision = facts.name("task_definition", int(templates["task_definition"][at])), templates["revision"]
            found[int(revision[at])] = name if ":" in name else f"{name}:{int(revision[at])}"
    return found


def _lost(lost: int, total: int) -> str:
    return f"{lost:,} failed ({lost / total:.2%})" if lost and total else "none failed"


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3g} s" if milliseconds >= 1000 else f"{milliseconds:.3g} ms"
