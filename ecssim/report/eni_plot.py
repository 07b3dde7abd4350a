"""The picture of a fleet's network interfaces: how many of each instance's slots hold a task's interface, over time.

An instance that has no slot left takes no further awsvpc task however much CPU it has (NET-010, NET-020). Few
instances are shown one by one; of many, how many are how full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ecssim.catalog import instance_type
from ecssim.report import canvas
from ecssim.results.facts import Facts
from ecssim.results.wording import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Instances that are shown one by one.
SHOWN: Final = 40
#: Bits of time for each instance.
BINS: Final = 150
#: How full an instance is, in words, with its colour; the last one has no slot left.
CLASSES: Final = (
    ("no task with an interface", "#d0d0d0"),
    ("up to half of the slots", "#56B4E9"),
    ("more than half", "#0072B2"),
    ("no slot left", "#E69F00"),
)


class Slots:
    """Interface slots of the instances of a run, and when tasks held them."""

    def __init__(self, facts: Facts) -> None:
        rows = facts.result.settled("instances")
        rows = rows[~np.isnan(rows["registered_at"])]
        trunking = bool(facts.setting.get("awsvpcTrunking"))
        kinds = [instance_type(facts.name("instance_type", code)) for code in rows["instance_type"].tolist()]
        self.slots = np.array([kind.awsvpc_tasks(trunking) for kind in kinds], np.int64)
        self.rows = rows
        tasks = facts.tasks
        mine = tasks.has_address & (tasks.instance != 0) & np.isin(tasks.instance, rows["instance_id"])
        order = np.argsort(rows["instance_id"], kind="stable")
        #: The instance of each task with an interface on one, as a row.
        self.place = order[np.searchsorted(rows["instance_id"][order], tasks.instance[mine])]
        self.begin, self.until = tasks.created[mine], tasks.stopped[mine]

    @property
    def empty(self) -> bool:
        """Whether no task had an interface of its own on an instance."""
        return not len(self.begin)

    def used(self, at: np.ndarray) -> np.ndarray:
        """Slots in use: a row an instance, a column an instant; -1 where the instance is not there."""
        found = np.full((len(self.rows), len(at)), -1, np.int64)
        order = np.argsort(self.place, kind="stable")
        cuts = np.searchsorted(self.place[order], np.arange(len(self.rows) + 1))
        for i, row in enumerate(self.rows):
            own = order[cuts[i] : cuts[i + 1]]
            there = (at >= row["registered_at"]) & ~(at >= row["terminated_at"])
            found[i, there] = canvas.held(self.begin[own], self.until[own], at[there])
        return found

    def classes(self, used: np.ndarray) -> np.ndarray:
        """How full each instance is at each instant, as positions in :data:`CLASSES`; -1 where it is not there."""
        slots = self.slots[:, None]
        found = np.where(used >= slots, 3, np.where(2 * used > slots, 2, np.where(used > 0, 1, 0)))
        return np.where(used < 0, -1, found)


def draw_enis(facts: Facts, ax: Axes, window: tuple[float, float]) -> None:
    """Draw the slots in use of each instance over ``window`` (seconds), or how many instances are how full."""
    slots = Slots(facts)
    if slots.empty:
        canvas.nothing(ax, "no task with a network interface on an instance in this run")
        return
    edges = np.linspace(window[0], max(window[1], window[0] + 1.0), BINS + 1)
    used = slots.used((edges[:-1] + edges[1:]) / 2.0)
    classes = slots.classes(used)
    full = (classes == 3).sum(axis=0)
    if len(slots.rows) <= SHOWN:
        _one_by_one(facts, ax, slots, classes, edges)
    else:
        layers = [(text, (classes == i).sum(axis=0).astype(float)) for i, (text, _) in enumerate(CLASSES)]
        layers = [(text, np.append(values, values[-1])) for text, values in layers]
        total = canvas.stacked(ax, canvas.times(facts.result.start, edges), layers, [colour for _, colour in CLASSES])
        ax.set_ylim(0, float(total.max(initial=1)) * 1.05)
        ax.set_ylabel("instances")
        canvas.plain(ax)
    most = int(full.max())
    without = f"up to {count(most, 'instance')} at a time without a slot left" if most else "a slot was always left"
    ax.set_title(f"Network interfaces: {without}", loc="left")
    canvas.time_axis(ax, facts.result.start, *window)
    canvas.legend(ax)


def _one_by_one(facts: Facts, ax: Axes, slots: Slots, classes: np.ndarray, edges: np.ndarray) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.dates import date2num

    order = np.lexsort((slots.rows["instance_id"], slots.rows["registered_at"]))
    x = date2num(canvas.times(facts.result.start, edges))
    for kind, (text, colour) in enumerate(CLASSES):
        boxes = []
        for row, instance in enumerate(order.tolist()):
            y = len(order) - 1 - row
            here = np.concatenate([[False], classes[instance] == kind, [False]])
            begins, ends = np.flatnonzero(~here[:-1] & here[1:]), np.flatnonzero(here[:-1] & ~here[1:])
            for a, b in zip(x[begins], x[ends], strict=True):
                boxes.append([(a, y - 0.42), (b, y - 0.42), (b, y + 0.42), (a, y + 0.42)])
        if boxes:
            ax.add_collection(PolyCollection(boxes, facecolors=[colour], edgecolors="none", label=text))
    ax.xaxis_date()
    names = [
        f"{facts.name('instance', int(slots.rows['instance_id'][i]))[:9]}… ({slots.slots[i]})" for i in order.tolist()
    ]
    ax.set_ylim(-0.7, len(order) - 0.3)
    ax.set_yticks(range(len(order)), names[::-1], fontsize="small")
    ax.set_ylabel("instance (slots)")
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="y", length=0)
