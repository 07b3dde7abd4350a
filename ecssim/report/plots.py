"""Pictures of a run: each draws on a given ``ax`` or, without one, makes a figure (no pyplot anywhere).

::

    result.plot.subnets(ax=ax)                      # the fullest subnet; subnet="private-b" for another
    result.plot.subnets()                           # a Figure with one axes for each subnet
    plots.save(result.plot.tasks(), "tasks.svg")    # the same bytes for the same run
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from ecssim.errors import BadInput, Problem
from ecssim.report import (
    address_plot,
    canvas,
    capacity_plot,
    cost_plot,
    demand_plot,
    eni_plot,
    event_plot,
    instance_plot,
    scaling_plot,
    task_plot,
)
from ecssim.report.canvas import save
from ecssim.report.policy_plot import policies
from ecssim.results.facts import Facts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ecssim.results.result import Result

__all__ = [
    "Plots",
    "capacity",
    "cost",
    "demand",
    "enis",
    "events",
    "instances",
    "latency",
    "metric",
    "placements",
    "policies",
    "reservation",
    "save",
    "scaling",
    "services",
    "subnets",
    "tasks",
]

#: Axes of one figure; more would be too small to read.
MOST = 6
_T = TypeVar("_T")


def subnets(result: Result, ax: Axes | None = None, subnet: str | None = None, *, whole: bool = False) -> Axes | Figure:
    """Addresses by who holds them, with the limit and the allocations that failed.

    On a given ``ax``: ``subnet``, or the one that came closest to its limit. Where allocations failed, the
    time around them is shown unless ``whole``.
    """
    facts = Facts(result)
    found = address_plot.chosen(facts, subnet)
    window = canvas.focus(address_plot.failures(facts, found), facts.end, whole)
    return _on(ax, found, subnet, "subnet", lambda a, s: address_plot.draw(facts, a, s, window))


def tasks(result: Result, ax: Axes | None = None, *, whole: bool = False) -> Axes | Figure:
    """Tasks by state; where tasks failed to start, the time around that is shown unless ``whole``."""
    facts = Facts(result)
    window = canvas.focus(task_plot.failed_starts(facts), facts.end, whole)
    return _on(ax, [facts], None, "task", lambda a, f: task_plot.draw_states(f, a, window))


def services(
    result: Result, ax: Axes | None = None, service: str | None = None, *, whole: bool = False
) -> Axes | Figure:
    """Wanted, running and healthy tasks by minute.

    On a given ``ax``: ``service``, or the one with the most failed starts, the time around which is shown
    unless ``whole``.
    """
    facts = Facts(result)
    found = task_plot.worst_first(facts, service)
    window = canvas.focus(task_plot.failed_starts(facts, found[0] if found else None), facts.end, whole)
    return _on(ax, found, service, "service", lambda a, s: task_plot.draw_service(facts, a, s, window))


def instances(result: Result, ax: Axes | None = None) -> Axes | Figure:
    """Registered instances, and how many of them the reserved CPU and memory would fill."""
    facts = Facts(result)
    return _on(ax, [facts], None, "instance", lambda a, f: instance_plot.draw_fleet(f, a))


def placements(result: Result, ax: Axes | None = None, t: float | None = None) -> Axes | Figure:
    """Which services' tasks each instance holds at ``t`` seconds.

    Without ``t``: when a task first found no place, else at the end.
    """
    facts = Facts(result)
    return _on(ax, [facts], None, "instance", lambda a, f: instance_plot.draw_placements(f, a, t))


def enis(result: Result, ax: Axes | None = None, *, window: tuple[float, float] | None = None) -> Axes | Figure:
    """How many of their network interfaces the instances use, over ``window`` (seconds; without it the whole run)."""
    facts = Facts(result)
    shown = window if window is not None else (0.0, facts.end)
    return _on(ax, [facts], None, "instance", lambda a, f: eni_plot.draw_enis(f, a, shown))


def demand(result: Result, ax: Axes | None = None, service: str | None = None) -> Axes | Figure:
    """Requests a second that arrived and failed, against the capacity of the healthy tasks.

    On a given ``ax``: ``service``, or the busiest.
    """
    facts = Facts(result)
    window = (0.0, facts.end)
    found = demand_plot.busiest(facts, service)
    return _on(ax, found, service, "traffic", lambda a, s: demand_plot.draw_demand(facts, a, s, window))


def latency(result: Result, ax: Axes | None = None, service: str | None = None) -> Axes | Figure:
    """Response times in milliseconds; on a given ``ax`` of ``service``, or of the busiest."""
    facts = Facts(result)
    window = (0.0, facts.end)
    found = demand_plot.busiest(facts, service)
    return _on(ax, found, service, "traffic", lambda a, s: demand_plot.draw_latency(facts, a, s, window))


def scaling(result: Result, ax: Axes | None = None, service: str | None = None) -> Axes | Figure:
    """The load in tasks against the tasks that were there, with every scaling activity and forecasts.

    On a given ``ax``: ``service``, or the one that was scaled most. Without ``ax`` a figure with the metric and its
    alarms below, for each service.
    """
    facts = Facts(result)
    window = (0.0, facts.end)
    found = scaling_plot.scaled(facts, service)
    if ax is not None or not found:
        return _on(ax, found, service, "scaled service", lambda a, s: scaling_plot.draw_scaling(facts, a, s, window))
    pairs = [(s, draw) for s in found[: MOST // 2] for draw in (scaling_plot.draw_scaling, scaling_plot.draw_metric)]
    return _on(None, pairs, None, "scaled service", lambda a, pair: pair[1](facts, a, pair[0], window))


def metric(result: Result, ax: Axes | None = None, service: str | None = None) -> Axes | Figure:
    """The metric that scales a service, thresholds, alarm states; on ``ax`` of ``service`` or the one scaled most."""
    facts = Facts(result)
    window = (0.0, facts.end)
    found = scaling_plot.scaled(facts, service)
    return _on(ax, found, service, "scaled service", lambda a, s: scaling_plot.draw_metric(facts, a, s, window))


def capacity(result: Result, ax: Axes | None = None, provider: str | None = None) -> Axes | Figure:
    """Instances of a capacity provider and tasks that wait for it; on a given ``ax`` of ``provider`` or the largest."""
    facts = Facts(result)
    window = (0.0, facts.end)
    found = capacity_plot.providers(facts, provider)
    return _on(ax, found, provider, "capacity provider", lambda a, p: capacity_plot.draw_capacity(facts, a, p, window))


def reservation(result: Result, ax: Axes | None = None, provider: str | None = None) -> Axes | Figure:
    """CapacityProviderReservation in percent; on a given ``ax`` of ``provider`` or the largest."""
    facts = Facts(result)
    window = (0.0, facts.end)
    found = capacity_plot.providers(facts, provider)
    return _on(
        ax, found, provider, "capacity provider", lambda a, p: capacity_plot.draw_reservation(facts, a, p, window)
    )


def cost(result: Result, ax: Axes | None = None, *, by: str = "service") -> Axes | Figure:
    """Dollars an hour, stacked by a column of ``costs``: ``service``, ``resource`` or ``dimension``."""
    facts = Facts(result)
    window = (0.0, facts.end)
    return _on(ax, [facts], None, "cost", lambda a, f: cost_plot.draw_cost(f, a, by, window))


def events(result: Result, ax: Axes | None = None) -> Axes | Figure:
    """What happened and when: calls, deployments, scaling, alarms, interruptions, failed starts."""
    facts = Facts(result)
    window = (0.0, facts.end)
    return _on(ax, [facts], None, "event", lambda a, f: event_plot.draw_events(f, a, window))


def _on(
    ax: Axes | None, found: Sequence[_T], name: str | None, kind: str, draw: Callable[[Axes, _T], None]
) -> Axes | Figure:
    """Draw the first on ``ax``, or each on an axes of a new figure."""
    if not found and name is not None:
        raise BadInput([Problem(f"{kind}/{name}", 0, 0, f"the record has no such {kind}")])
    if ax is not None:
        if found:
            draw(ax, found[0])
        else:
            canvas.nothing(ax, f"no {kind} in this run")
        return ax
    shown = found[:MOST]
    figure = canvas.new_figure(max(1, len(shown)))
    if not shown:
        canvas.nothing(figure.add_subplot(), f"no {kind} in this run")
    for i, one in enumerate(shown):
        draw(figure.add_subplot(len(shown), 1, i + 1), one)
    return figure


class Plots:
    """The pictures as methods of ``result.plot``."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def subnets(self, ax: Axes | None = None, subnet: str | None = None, *, whole: bool = False) -> Axes | Figure:
        """See :func:`subnets`."""
        return subnets(self._result, ax, subnet, whole=whole)

    def tasks(self, ax: Axes | None = None, *, whole: bool = False) -> Axes | Figure:
        """See :func:`tasks`."""
        return tasks(self._result, ax, whole=whole)

    def services(self, ax: Axes | None = None, service: str | None = None, *, whole: bool = False) -> Axes | Figure:
        """See :func:`services`."""
        return services(self._result, ax, service, whole=whole)

    def instances(self, ax: Axes | None = None) -> Axes | Figure:
        """See :func:`instances`."""
        return instances(self._result, ax)

    def placements(self, ax: Axes | None = None, t: float | None = None) -> Axes | Figure:
        """See :func:`placements`."""
        return placements(self._result, ax, t)

    def enis(self, ax: Axes | None = None, *, window: tuple[float, float] | None = None) -> Axes | Figure:
        """See :func:`enis`."""
        return enis(self._result, ax, window=window)

    def demand(self, ax: Axes | None = None, service: str | None = None) -> Axes | Figure:
        """See :func:`demand`."""
        return demand(self._result, ax, service)

    def latency(self, ax: Axes | None = None, service: str | None = None) -> Axes | Figure:
        """See :func:`latency`."""
        return latency(self._result, ax, service)

    def scaling(self, ax: Axes | None = None, service: str | None = None) -> Axes | Figure:
        """See :func:`scaling`."""
        return scaling(self._result, ax, service)

    def metric(self, ax: Axes | None = None, service: str | None = None) -> Axes | Figure:
        """See :func:`metric`."""
        return metric(self._result, ax, service)

    def capacity(self, ax: Axes | None = None, provider: str | None = None) -> Axes | Figure:
        """See :func:`capacity`."""
        return capacity(self._result, ax, provider)

    def reservation(self, ax: Axes | None = None, provider: str | None = None) -> Axes | Figure:
        """See :func:`reservation`."""
        return reservation(self._result, ax, provider)

    def cost(self, ax: Axes | None = None, *, by: str = "service") -> Axes | Figure:
        """See :func:`cost`."""
        return cost(self._result, ax, by=by)

    def events(self, ax: Axes | None = None) -> Axes | Figure:
        """See :func:`events`."""
        return events(self._result, ax)
