"""Pictures of a capacity provider with an Auto Scaling group: its instances, and what managed scaling saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ecssim.report import canvas
from ecssim.results.facts import Facts
from ecssim.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Provider:
    """A capacity provider in one cluster: its codes and its name."""

    provider: int
    cluster: int
    name: str


def providers(facts: Facts, name: str | None = None) -> list[Provider]:
    """The provider of that name, or all that have metrics, those with the most instances first."""
    rows = facts.raw("capacity_provider_metrics")
    found = []
    for key in np.unique(rows[["capacity_provider", "cluster"]]):
        mine = (rows["capacity_provider"] == key["capacity_provider"]) & (rows["cluster"] == key["cluster"])
        text = facts.name("capacity_provider", int(key["capacity_provider"]))
        instances = int(rows["instances"][mine].max(initial=0)) + int(rows["desired_capacity"][mine].max(initial=0))
        if name in (None, text) and instances:
            found.append((-instances, text, Provider(int(key["capacity_provider"]), int(key["cluster"]), text)))
    return [provider for _, _, provider in sorted(found, key=lambda item: item[:2])]


def draw_capacity(facts: Facts, ax: Axes, provider: Provider, window: tuple[float, float]) -> None:
    """Draw the instances of a provider, those without a task, and the tasks that wait for one."""
    rows = _minutes(facts, provider, window)
    start = facts.result.start
    for column, label, style in (
        ("provisioning_tasks", "tasks waiting for capacity", canvas.COLOURS[1]),
        ("empty_instances", "instances without a task", "#b3b3b3"),
    ):
        values = rows[column].astype(float)
        if values.any():
            shown = canvas.thinned(ax, values)
            ax.fill_between(
                canvas.times(start, rows["t"][shown]),
                values[shown],
                step="post",
                color=style,
                linewidth=0.0,
                label=label,
            )
    for column, label, colour, line in (
        ("instances", "instances", canvas.COLOURS[0], "-"),
        ("desired_capacity", "desired capacity", canvas.INK, "--"),
    ):
        shown = canvas.thinned(ax, rows[column])
        ax.step(
            canvas.times(start, rows["t"][shown]),
            rows[column][shown],
            where="post",
            color=colour,
            linestyle=line,
            linewidth=1.6 if line == "-" else 1.2,
            label=label,
        )
    most = int(rows["instances"].max(initial=0))
    waiting = int(rows["provisioning_tasks"].max(initial=0))
    waited = f", up to {count(waiting, 'task')} waiting" if waiting else ""
    ax.set_title(f"Capacity provider {provider.name}: {count(most, 'instance')} at the most{waited}", loc="left")
    ax.set_ylim(0.0, max(most, waiting, int(rows["desired_capacity"].max(initial=1))) * 1.1 + 0.1)
    ax.set_ylabel("instances, tasks")
    canvas.time_axis(ax, start, *window)
    canvas.plain(ax)
    canvas.legend(ax)


def draw_reservation(facts: Facts, ax: Axes, provider: Provider, window: tuple[float, float]) -> None:
    """Draw CapacityProviderReservation: instances needed over instances there, in percent (CAP-020)."""
    rows = _minutes(facts, provider, window)
    start = facts.result.start
    values = rows["capacity_provider_reservation"]
    shown = canvas.thinned(ax, values)
    ax.axhline(100.0, color=canvas.INK, linestyle="--", linewidth=1.0, label="100 %: as many as needed")
    ax.step(
        canvas.times(start, rows["t"][shown]),
        values[shown],
        where="post",
        color=canvas.COLOURS[3],
        linewidth=1.6,
        label="CapacityProviderReservation",
    )
    ax.set_title(f"Reservation of {provider.name}: needed instances in percent of those there", loc="left")
    known = values[~np.isnan(values)]
    ax.set_ylim(0.0, max(110.0, float(known.max(initial=0.0)) * 1.08))
    ax.set_ylabel("percent")
    canvas.time_axis(ax, start, *window)
    canvas.plain(ax)
    canvas.legend(ax)


def _minutes(facts: Facts, provider: Provider, window: tuple[float, float]) -> np.ndarray:
    rows = facts.raw("capacity_provider_metrics")
    mine = (rows["capacity_provider"] == provider.provider) & (rows["cluster"] == provider.cluster)
    found: np.ndarray = rows[mine & (rows["t"] >= window[0]) & (rows["t"] < window[1])]
    return found
