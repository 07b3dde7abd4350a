"""The picture of a subnet: its addresses by who holds them, its limit, and who found none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecssim.report import address_events, canvas
from ecssim.results.facts import Facts
from ecssim.results.subnet_figures import SubnetFigures, subnet_figures
from ecssim.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Services that get a colour of their own; the others are one layer.
SHOWN = 6


def chosen(facts: Facts, subnet: str | None) -> list[SubnetFigures]:
    """The subnet of that name, or all of them, the fullest first."""
    figures = subnet_figures(facts)
    if subnet is not None:
        return [s for s in figures if s.name == subnet]
    return sorted(figures, key=lambda s: (s.first_failed is None, s.free_min / max(1, s.usable), s.name))


def failures(facts: Facts, found: list[SubnetFigures]) -> np.ndarray:
    """When allocations failed in any of these subnets."""
    events = facts.raw("subnet_events")
    times: np.ndarray = events["t"][np.isin(events["subnet"], [s.code for s in found])]
    return times


def draw(facts: Facts, ax: Axes, figures: SubnetFigures, window: tuple[float, float]) -> None:
    """Draw one subnet over ``window`` (seconds)."""
    begin, end = window
    tasks = facts.tasks
    mine = (tasks.subnet == figures.code) & tasks.has_address
    at = canvas.grid(ax, window, (tasks.created[mine], tasks.freed[mine]))
    layers, colours, hatched = _layers(facts, figures, at)
    start = facts.result.start
    x = canvas.times(start, at)
    total = canvas.stacked(ax, x, layers, colours, hatched)
    ax.axhline(figures.usable, color=canvas.INK, linestyle="--", linewidth=1.2)
    ax.annotate(
        f"{figures.usable} usable addresses",
        (0.0, figures.usable),
        xycoords=("axes fraction", "data"),
        xytext=(4, 3),
        textcoords="offset points",
        color=canvas.INK,
        fontsize="small",
    )
    title = f"Subnet {figures.name}: "
    if figures.first_failed is None:
        title += f"{figures.free_min} of {figures.usable} addresses free at the least"
    else:
        events = facts.raw("subnet_events")
        failed = events["t"][events["subnet"] == figures.code]
        ax.plot(
            canvas.times(start, failed),
            np.full(len(failed), figures.usable * 1.1),
            linestyle="none",
            marker="x",
            markersize=5,
            color=canvas.ALARM,
            label="no address free",
        )
        title += f"no address left, {count(figures.failed, 'allocation')} failed"
    top = max(figures.usable * 1.2, float(total.max(initial=0)) * 1.05)
    marked = address_events.draw(facts, ax, figures, window, top)
    ax.set_title(title, loc="left")
    ax.set_ylim(0, marked)
    ax.set_ylabel("addresses in use")
    canvas.time_axis(ax, start, begin, end)
    canvas.plain(ax)
    canvas.legend(ax)


def owners(facts: Facts) -> list[tuple[int, str]]:
    """Key and name of who runs tasks, those with the most first: a service has one colour in all pictures."""
    tasks = facts.tasks
    keys, sizes = np.unique((tasks.service.astype(np.int64) << 32) | tasks.cluster, return_counts=True)
    return [
        (key, facts.label(key >> 32, key & 0xFFFFFFFF) if key >> 32 else "standalone tasks")
        for key in keys[np.argsort(-sizes, kind="stable")].tolist()
    ]


def _layers(
    facts: Facts, figures: SubnetFigures, at: np.ndarray
) -> tuple[list[tuple[str, np.ndarray]], list[str], list[bool]]:
    layers: list[tuple[str, np.ndarray]] = []
    usage = facts.raw("subnet_usage")
    here = usage[usage["subnet"] == figures.code]
    for code in np.unique(here["consumer"]).tolist():
        name = facts.name("consumer", code)
        if name in ("tasks", "cooling"):
            continue
        rows = here[here["consumer"] == code]
        # A minute's row holds from its minute on; before the first there is what the first says.
        index = np.clip(np.searchsorted(rows["t"], at, "right") - 1, 0, len(rows) - 1)
        layers.append((name.replace("_", " "), rows["used"][index].astype(float)))
    colours = [canvas.GREYS[i % len(canvas.GREYS)] for i in range(len(layers))]
    hatched = [False] * len(layers)
    tasks = facts.tasks
    mine = (tasks.subnet == figures.code) & tasks.has_address
    keys = (tasks.service.astype(np.int64) << 32) | tasks.cluster
    rest = np.zeros(len(at))
    for shown, (key, label) in enumerate(owners(facts)):
        own = mine & (keys == key)
        values = canvas.held(tasks.created[own], tasks.stopped[own], at).astype(float)
        if shown >= SHOWN:
            rest += values
            continue
        layers.append((label, values))
        colours.append(canvas.COLOURS[shown])
        hatched.append(False)
    layers.append(("other services", rest))
    layers.append(
        (
            "cooling",
            canvas.held(
                tasks.stopped[mine & ~np.isnan(tasks.stopped)],
                tasks.freed[mine & ~np.isnan(tasks.stopped)],
                at,
            ).astype(float),
        )
    )
    colours += [canvas.COLOURS[-1], "#4d4d4d"]
    hatched += [False, True]
    return layers, colours, hatched
