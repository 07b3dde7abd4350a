"""Several ways of scaling one service under the same load, one above the other: the same scales, the cost in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecssim.errors import BadInput, Problem
from ecssim.report import scaling_plot
from ecssim.results.facts import Facts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ecssim.results.result import Result


def policies(
    results: Mapping[str, Result], service: str | None = None, *, window: tuple[float, float] | None = None
) -> Figure:
    """A figure with one row for each named run: load, tasks, shortage, activities; what it lost and what it cost.

    Without ``service``: the one that the first run that scales anything scaled most. ``window``: the part to show, in
    seconds; what is said of losses and dollars is about the whole run.
    """
    from ecssim.report.picture import Picture

    drawn = {name: Facts(result) for name, result in results.items()}
    found = {name: scaling_plot.scaled(facts, service) for name, facts in drawn.items()}
    if service is None:
        most = next((one for of in found.values() for one in of), None)
        service = f"{most.target.removeprefix('service/')}" if most is not None else ""
        found = {name: scaling_plot.scaled(facts, service) for name, facts in drawn.items()}
    for name, of in found.items():
        if not of:
            raise BadInput([Problem(name, 0, 0, f"this run has no service {service or 'that anything scales'}")])
    figure = Picture(figsize=(9.0, 0.6 + 1.9 * len(drawn)), layout="constrained")
    axes = figure.subplots(len(drawn), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    highest = 0.0
    for ax, (name, facts) in zip(axes, drawn.items(), strict=True):
        scaling_plot.draw_scaling(facts, ax, found[name][0], window or (0.0, facts.end))
        ax.set_title(f"{name}: {_told(facts, found[name][0])}", loc="left", fontsize="medium")
        highest = max(highest, float(ax.get_ylim()[1]))
        ax.get_legend().remove()
        if ax is not axes[-1]:
            ax.set_xlabel("")
    axes[0].set_ylim(0.0, highest)
    # Every label that any of the rows has, once, in the order of the rows.
    entries: dict[str, Any] = {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _told(facts: Facts, of: scaling_plot.Scaled) -> str:
    bill = facts.result.bill()
    usd = float(bill.of(facts.name("service", of.service), facts.name("cluster", of.cluster)))
    figures = of.scaling.figures(of.service, of.cluster, usd)
    lost = f"{figures.lost_requests:,} requests lost" if figures.lost_requests else "nothing lost"
    parts = [lost, f"${usd:,.2f}"]
    times = figures.times_to_capacity
    if len(times):
        longest = float(times.max())
        parts.append(f"up to {longest:,.0f} s from a step to its tasks" if longest >= 1 else "there before every step")
    if len(times) < len(figures.steps):
        parts = [*parts[:2], f"no tasks in time for {len(figures.steps) - len(times)} of {len(figures.steps)} steps"]
    return ", ".join(parts)
