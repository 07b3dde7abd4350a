"""What a report shows and in which order; a part without data is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

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
from ecssim.report.charts import Chart, chart
from ecssim.results.facts import Facts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Subnets, services with traffic and capacity providers that get charts; the tables have all.
SUBNETS: Final = 4
SERVICES: Final = 3
PROVIDERS: Final = 3
#: Share of its addresses that a subnet must have used to get a chart.
WORTH_A_LOOK: Final = 0.25
#: Bytes of all charts: the page stays under a megabyte.
BUDGET: Final = 800_000
Window = tuple[float, float]


@dataclass(frozen=True)
class Section:
    """A heading with its charts; ``anchor`` is its name in links."""

    anchor: str
    heading: str
    text: str
    charts: tuple[Chart, ...]


@dataclass(frozen=True)
class _Plan:
    anchor: str
    heading: str
    text: str
    draw: tuple[tuple[str, Callable[[Axes], object], int, bool], ...]


def sections(facts: Facts) -> tuple[list[Section], bool]:
    """Every section that has something to show, and whether charts were left out because they are many."""
    found, spent, left_out = [], 0, False
    for plan in _plans(facts):
        charts = []
        for name, draw, height, words in plan.draw:
            if spent > BUDGET:
                left_out = True
                break
            drawn = chart(name, draw, height, words=words)
            # One chart that does not fit is left out; a smaller one after it may fit.
            if spent + drawn.size > BUDGET * 1.1:
                left_out = True
                continue
            spent += drawn.size
            charts.append(drawn)
        if charts:
            found.append(Section(plan.anchor, plan.heading, plan.text, tuple(charts)))
    return found, left_out


def _plans(facts: Facts) -> Iterator[_Plan]:
    whole = (0.0, facts.end)
    close = canvas.focus(task_plot.failed_starts(facts), facts.end, whole=False)
    if close != whole:
        yield _close_up(facts, close)
    rows = len(event_plot.lanes(facts)[: event_plot.ROWS])
    if rows:
        text = "Bars: deployments and alarms. ▲ ▼ scaling out and in. ● calls and faults. × losses."
        draw = ("events", partial(event_plot.draw_events, facts, window=whole), 26 * rows + 14, True)
        yield _Plan("events", "What happened", text, (draw,))
    if len(facts.raw("task_events")):
        draw = ("tasks", partial(task_plot.draw_states, facts, window=whole), 190, False)
        yield _Plan("tasks", "Tasks", "", (draw,))
    yield from _demand(facts, whole)
    yield from _scaling(facts, whole)
    yield from _addresses(facts, whole)
    yield from _capacity(facts, whole)
    yield from _money(facts, whole)


def _close_up(facts: Facts, close: Window) -> _Plan:
    draw: list[tuple[str, Callable[[Axes], object], int, bool]] = [
        ("close-tasks", partial(task_plot.draw_states, facts, window=close), 170, False)
    ]
    for figures in address_plot.chosen(facts, None)[:2]:
        if figures.first_failed is not None:
            one = partial(address_plot.draw, facts, figures=figures, window=close)
            draw.append((f"close-subnet-{figures.name}", one, 170, False))
    worst = task_plot.worst_first(facts, None)[:1]
    for service in worst:
        one = partial(task_plot.draw_service, facts, figures=service, window=close)
        draw.append((f"close-service-{service.name}", one, 130, False))
    text = f"From {facts.at(close[0])} to {facts.at(close[1])}: the time around the starts that failed."
    return _Plan("close-up", "Close up", text, tuple(draw))


def _demand(facts: Facts, window: Window) -> Iterator[_Plan]:
    draw: list[tuple[str, Callable[[Axes], object], int, bool]] = []
    busy = demand_plot.busiest(facts)
    for figures in busy[:SERVICES]:
        name = figures.name
        draw += [
            (f"demand-{name}", partial(demand_plot.draw_demand, facts, figures=figures, window=window), 150, False),
            (f"latency-{name}", partial(demand_plot.draw_latency, facts, figures=figures, window=window), 110, False),
            (f"service-{name}", partial(task_plot.draw_service, facts, figures=figures, window=window), 110, False),
        ]
    if draw:
        text = f"The {SERVICES} busiest of {len(busy)} services." if len(busy) > SERVICES else ""
        yield _Plan("demand", "Demand against capacity", text, tuple(draw))
        return
    worst = task_plot.worst_first(facts, None)
    draw = [
        (f"service-{s.name}", partial(task_plot.draw_service, facts, figures=s, window=window), 110, False)
        for s in worst[:SERVICES]
    ]
    if draw:
        text = f"{SERVICES} of {len(worst)} services, those with most failures first." if len(worst) > SERVICES else ""
        yield _Plan("services", "Services", text, tuple(draw))


def _scaling(facts: Facts, window: Window) -> Iterator[_Plan]:
    draw: list[tuple[str, Callable[[Axes], object], int, bool]] = []
    found = scaling_plot.scaled(facts)
    for one in found[:SERVICES]:
        draw.append(
            (f"scaling-{one.name}", partial(scaling_plot.draw_scaling, facts, of=one, window=window), 170, False)
        )
        if scaling_plot.has_metric(facts, one):
            metric = partial(scaling_plot.draw_metric, facts, of=one, window=window)
            draw.append((f"metric-{one.name}", metric, 110, False))
    if draw:
        text = f"The {SERVICES} of {len(found)} services that were scaled most." if len(found) > SERVICES else ""
        yield _Plan("scaling", "Scaling", text, tuple(draw))


def _addresses(facts: Facts, window: Window) -> Iterator[_Plan]:
    found = address_plot.chosen(facts, None)
    # The fullest in any case; others only if they are worth a look.
    shown = [s for i, s in enumerate(found[:SUBNETS]) if i == 0 or s.used_max >= WORTH_A_LOOK * s.usable]
    draw = tuple(
        (f"subnet-{s.name}", partial(address_plot.draw, facts, figures=s, window=window), 150, False) for s in shown
    )
    if draw:
        fullest = "fullest" if len(shown) == 1 else f"{len(shown)} fullest"
        text = f"The {fullest} of {len(found)} subnets." if len(found) > len(shown) else ""
        yield _Plan("addresses", "Addresses", text, draw)


def _capacity(facts: Facts, window: Window) -> Iterator[_Plan]:
    draw: list[tuple[str, Callable[[Axes], object], int, bool]] = []
    if len(facts.result.settled("instances")):
        draw.append(("instances", partial(instance_plot.draw_fleet, facts), 150, False))
    slots = eni_plot.Slots(facts)
    if not slots.empty:
        one_by_one = len(slots.rows) <= eni_plot.SHOWN
        height = 14 * len(slots.rows) + 20 if one_by_one else 150
        draw.append(("enis", partial(eni_plot.draw_enis, facts, window=window), height, one_by_one))
    for provider in capacity_plot.providers(facts)[:PROVIDERS]:
        name = provider.name
        one = partial(capacity_plot.draw_capacity, facts, provider=provider, window=window)
        two = partial(capacity_plot.draw_reservation, facts, provider=provider, window=window)
        draw += [(f"capacity-{name}", one, 130, False), (f"reservation-{name}", two, 100, False)]
    if draw:
        yield _Plan("capacity", "Instances and capacity providers", "", tuple(draw))


def _money(facts: Facts, window: Window) -> Iterator[_Plan]:
    if not facts.result.bill().lines:
        return
    draw = (
        ("cost-service", partial(cost_plot.draw_cost, facts, by="service", window=window), 140, False),
        ("cost-resource", partial(cost_plot.draw_cost, facts, by="resource", window=window), 140, False),
    )
    yield _Plan("cost", "Cost", "Dollars an hour, as metered.", draw)
