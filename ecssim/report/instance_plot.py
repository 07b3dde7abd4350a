"""Pictures of container instances: how full they are over time, and which tasks each one holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecssim.catalog import instance_type
from ecssim.report import canvas
from ecssim.results.facts import Facts
from ecssim.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Instances that are shown one by one; of more only the fullest are.
SHOWN = 40


def draw_fleet(facts: Facts, ax: Axes) -> None:
    """Draw how many instances were there, and how many instances' worth of CPU and memory tasks reserved."""
    rows = facts.result.settled("instances")
    if not len(rows):
        canvas.nothing(ax, "no container instance in this run")
        return
    registered = np.nan_to_num(rows["registered_at"], nan=np.inf)
    at = canvas.grid(ax, (0.0, facts.end), (registered, rows["terminated_at"]))
    start = facts.result.start
    x = canvas.times(start, at)
    there = canvas.held(registered, rows["terminated_at"], at)
    tasks = facts.tasks
    mine = np.isin(tasks.instance, rows["instance_id"]) & (tasks.instance != 0)
    kinds = [instance_type(facts.name("instance_type", c)) for c in rows["instance_type"].tolist()]
    worth_cpu = np.mean([kind.cpu_units for kind in kinds])
    worth_memory = np.mean([kind.registered_memory_mib for kind in kinds])
    ax.step(x, there, where="post", color=canvas.INK, linewidth=1.4, label="instances registered")
    for label, amount, worth, colour in (
        ("reserved CPU, in instances", tasks.cpu, worth_cpu, canvas.COLOURS[1]),
        ("reserved memory, in instances", tasks.memory, worth_memory, canvas.COLOURS[0]),
    ):
        values = _sum_at(tasks.created[mine], tasks.stopping[mine], amount[mine], at) / worth
        ax.step(x, values, where="post", color=colour, linewidth=1.8, label=label)
    ax.set_title(f"Container instances: {int(there.max(initial=0))} at the most", loc="left")
    ax.set_ylim(0, float(there.max(initial=1)) * 1.15)
    ax.set_ylabel("instances")
    canvas.time_axis(ax, start, 0.0, facts.end)
    canvas.plain(ax)
    canvas.legend(ax)


def _sum_at(begin: np.ndarray, until: np.ndarray, amount: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The sum of ``amount`` over the spans that cover each instant."""

    def upto(moments: np.ndarray, values: np.ndarray) -> np.ndarray:
        order = np.argsort(moments)
        sums = np.concatenate([[0.0], np.cumsum(values[order])])
        taken: np.ndarray = sums[np.searchsorted(moments[order], at, "right")]
        return taken

    known = ~np.isnan(until)
    covering: np.ndarray = upto(begin, amount) - upto(until[known], amount[known])
    return covering


def draw_placements(facts: Facts, ax: Axes, t: float | None = None) -> None:
    """Draw which services' tasks each instance holds, by memory, at ``t`` seconds.

    Without ``t``: when a task first found no place, else at the end.
    """
    rows = facts.result.settled("instances")
    if not len(rows):
        canvas.nothing(ax, "no container instance in this run")
        return
    refused = facts.raw("placements")
    refused = refused[(refused["reason"] != 0) & (refused["t"] > 0)]
    moment = t if t is not None else float(refused["t"][0]) if len(refused) else facts.end
    alive = rows[(rows["registered_at"] <= moment) & ~(rows["terminated_at"] <= moment)]
    alive = alive[np.argsort(alive["registered_at"], kind="stable")]
    tasks = facts.tasks
    mine = (tasks.created <= moment) & ~(tasks.stopping <= moment) & np.isin(tasks.instance, alive["instance_id"])
    registered = np.array(
        [instance_type(facts.name("instance_type", c)).registered_memory_mib for c in alive["instance_type"].tolist()]
    )
    bars: dict[str, np.ndarray] = {}
    names = {code: i for i, code in enumerate(alive["instance_id"].tolist())}
    places = np.array([names[code] for code in tasks.instance[mine].tolist()], np.int64)
    owner = tasks.owner[mine]
    for code in np.unique(owner).tolist():
        own = owner == code
        amount = np.bincount(places[own], weights=tasks.memory[mine][own], minlength=len(alive))
        bars[facts.name("group", code).partition(":")[2]] = amount
    order = np.argsort(-sum(bars.values(), np.zeros(len(alive))), kind="stable")[:SHOWN]
    if len(alive) <= SHOWN:
        order = np.arange(len(alive))
    bottom = np.zeros(len(order))
    for i, (label, amount) in enumerate(bars.items()):
        colour = canvas.COLOURS[i % len(canvas.COLOURS)]
        ax.bar(
            np.arange(len(order)),
            amount[order],
            bottom=bottom,
            color=colour,
            label=label,
            width=0.8,
            edgecolor="white",
            linewidth=0.6,
        )
        bottom += amount[order]
    for i, limit in enumerate(registered[order].tolist()):
        ax.plot(
            [i - 0.4, i + 0.4],
            [limit, limit],
            color=canvas.INK,
            linewidth=1.4,
            linestyle="--",
            label=None if i else "registered",
        )
    shown = "" if len(alive) <= SHOWN else f" (the {SHOWN} fullest of {len(alive)})"
    title = f"Tasks on instances at {facts.at(moment)}{shown}"
    homeless = refused[refused["t"] == moment]
    if len(homeless):
        group = facts.name("group", int(homeless["group"][0])).partition(":")[2]
        title += f": no place for {count(int(homeless['count'].max()), 'task')} of {group}"
    ax.set_title(title, loc="left")
    ax.set_xticks(np.arange(len(order)))
    ids = [facts.name("instance", code) for code in alive["instance_id"][order].tolist()]
    ax.set_xticklabels([name[:9] + "…" for name in ids], rotation=45, ha="right", fontsize="small")
    ax.set_xlabel("container instance, in the order of registration")
    ax.set_ylabel("reserved memory (MiB)")
    canvas.plain(ax)
    canvas.legend(ax)
