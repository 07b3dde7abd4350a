"""The picture of money: dollars an hour by service or by resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ecssim.report import canvas
from ecssim.report.address_plot import SHOWN, owners
from ecssim.results.facts import Facts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

HOUR = 3600.0
#: What belongs to no service.
SHARED = "shared: load balancers, addresses"
SHARED_AND_JOBS = "jobs, and shared: load balancers, addresses"
#: Dimensions of the bill that are paid for and not used.
UNUSED = ("idle", "idleVolumes", "unusedCommitment")


def draw_cost(facts: Facts, ax: Axes, by: str, window: tuple[float, float]) -> None:
    """Draw dollars an hour, stacked by the column ``by`` of ``costs`` (``service`` or ``resource``)."""
    start = facts.result.start
    costs = facts.result.costs
    if not len(costs):
        canvas.nothing(ax, "nothing in this run costs money")
        return
    last = max(1, int(-(-window[1] // HOUR)))
    hour, usd = costs["hour"].to_numpy(), costs["usd"].to_numpy()
    shared = SHARED_AND_JOBS if facts.result.summary()["jobs"] else SHARED
    names = costs[by].astype(object).where(costs[by].notna(), shared).to_numpy()
    if by == "service":
        names = _labelled(costs, names)
    unused = costs["dimension"].isin(UNUSED).to_numpy()

    def hourly(mine: np.ndarray) -> np.ndarray:
        return np.bincount(hour[mine], weights=usd[mine], minlength=last)[:last]

    sums = {name: float(usd[(names == name) & ~unused].sum()) for name in sorted({str(n) for n in names})}
    ranked = sorted((name for name in sums if sums[name] > 0), key=lambda name: (-sums[name], name))
    known = [label for _, label in owners(facts)][:SHOWN] if by == "service" else []
    ranked = [name for name in known if name in ranked] + [name for name in ranked if name not in known]
    layers = [(name, hourly((names == name) & ~unused)) for name in ranked[:SHOWN]]
    rest = np.isin(names.astype(str), ranked[SHOWN:]) & ~unused
    layers += [("others", hourly(rest)), ("paid for and not used", hourly(unused))]
    # Services have the colours that they have in the pictures of subnets; what is shared is grey.
    free = [colour for i, colour in enumerate(canvas.COLOURS) if i >= len(known)] + list(canvas.COLOURS)
    colours = [
        canvas.GREYS[0] if name == shared else canvas.COLOURS[known.index(name)] if name in known else free.pop(0)
        for name in ranked[:SHOWN]
    ]
    colours += [canvas.COLOURS[-1], canvas.GREYS[1]]
    edges = np.append(np.arange(last) * HOUR, min(last * HOUR, facts.end))
    # A run may end within an hour: what an hour costs is shown as if it went on.
    lasted = np.maximum(np.diff(edges), 1.0) / HOUR
    stacked = [(name, np.append(values / lasted, values[-1:] / lasted[-1:])) for name, values in layers]
    hatched = [False] * (len(layers) - 1) + [True]
    total = canvas.stacked(ax, canvas.times(start, edges), stacked, colours, hatched)
    ax.set_title(f"Cost by {by}: ${facts.result.bill().total:,.2f} in all", loc="left")
    ax.set_ylim(0.0, max(float(total.max(initial=0.0)) * 1.08, 1e-4))
    ax.set_ylabel("dollars an hour")
    canvas.time_axis(ax, start, *window)
    canvas.plain(ax, whole=False)
    canvas.legend(ax)


def _labelled(costs: pd.DataFrame, names: np.ndarray) -> np.ndarray:
    """Names of services, with their cluster where two clusters have one of that name."""
    pairs = costs.loc[costs["service"].notna(), ["service", "cluster"]].drop_duplicates()
    twice = set(pairs["service"][pairs["service"].duplicated()].astype(str))
    if not twice:
        return names
    clusters = costs["cluster"].astype(object).to_numpy()
    return np.array([f"{c}/{n}" if n in twice else n for n, c in zip(names, clusters, strict=True)], dtype=object)
