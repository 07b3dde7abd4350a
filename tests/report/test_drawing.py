"""What drawings promise: peaks survive thinning, shorter paths go the same way, every picture takes an ``ax``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import ecssim
from ecssim.errors import BadInput
from ecssim.report import canvas
from ecssim.report.svg import shorter
from ecssim.results.result import Result

ROOT = Path(__file__).resolve().parents[2]


def axes(inches: float = 3.0) -> Axes:
    return Figure(figsize=(inches, 2.0)).add_axes((0.0, 0.0, 1.0, 1.0))


@given(st.lists(st.floats(0, 1e6) | st.just(float("nan")), min_size=1, max_size=3000))
def test_a_thinned_series_keeps_its_highest_and_lowest_and_its_order(values: list[float]) -> None:
    series = np.array(values)
    shown = canvas.thinned(axes(), series)
    assert (np.diff(shown) > 0).all()
    assert len(shown) <= max(canvas.points(axes()), 2)
    known = series[~np.isnan(series)]
    if len(known):
        assert np.nanmax(series[shown]) == known.max()
        if len(known) == len(series):
            assert series[shown].min() == known.min()


def test_two_weeks_of_minutes_keep_the_one_minute_that_matters() -> None:
    series = np.ones(20_160)
    series[12_345] = 500.0
    shown = canvas.thinned(axes(14.0), series)
    assert len(shown) < canvas.POINTS
    assert 12_345 in shown


def test_a_peak_of_seconds_is_among_the_instants_of_a_picture_of_two_weeks() -> None:
    begin = np.array([0.0, 700_000.0, 700_000.0])
    until = np.array([np.nan, 700_005.0, 700_004.0])
    at = canvas.grid(axes(14.0), (0.0, 14 * 86_400.0), (begin, until))
    assert canvas.held(begin, until, at).max() == 3
    assert len(at) < canvas.POINTS


def _points(path: str) -> list[tuple[float, float]]:
    """The corners of a path in absolute coordinates."""
    found, x, y = [], 0.0, 0.0
    for letter, rest in re.findall(r"([MLlhvz])([^MLlhvz]*)", path):
        numbers = [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", rest)]
        if letter in "ML":
            x, y = numbers
        elif letter == "l":
            x, y = x + numbers[0], y + numbers[1]
        elif letter == "h":
            x += numbers[0]
        elif letter == "v":
            y += numbers[0]
        if letter != "z":
            found.append((x, y))
    return found


coordinates = st.integers(0, 400).map(lambda n: n / 4)


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=30), st.booleans())
def test_a_shorter_path_has_the_same_corners(corners: list[tuple[float, float]], closed: bool) -> None:
    path = " \n".join(f"{'L' if i else 'M'} {x} {y}" for i, (x, y) in enumerate(corners)) + (" \nz " if closed else "")
    found = shorter(path)
    assert found.endswith("z") == closed
    kept = _points(found)
    assert kept[0] == pytest.approx((round(corners[0][0], 1), round(corners[0][1], 1)), abs=0.051)
    assert kept[-1] == pytest.approx(corners[-1], abs=0.051)
    # Every corner of the new path is one of the old, in their order.
    left = iter(corners)
    for corner in kept:
        assert any(corner == pytest.approx(old, abs=0.051) for old in left)
    for axis in (0, 1):
        assert max(c[axis] for c in kept) == pytest.approx(max(c[axis] for c in corners), abs=0.051)
        assert min(c[axis] for c in kept) == pytest.approx(min(c[axis] for c in corners), abs=0.051)


@pytest.fixture(scope="module")
def mix() -> Result:
    return ecssim.run(ROOT / "scenarios" / "spot_mix.yaml")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("demand", r"Demand on shop-fargate: [\d,]+ requests, [\d,]+ failed"),
        ("latency", r"Response time of shop-fargate: p99 up to .* s"),
        ("capacity", r"Capacity provider shop-instances: 2 instances at the most"),
        ("reservation", "Reservation of shop-instances"),
        ("cost", r"Cost by service: \$\d+\.\d\d in all"),
        ("events", "What happened, and when"),
        ("tasks", r"Tasks by state: \d+ at the most"),
        ("services", r"Service shop-fargate, available \d\d\.\d+% of the time"),
        ("subnets", "Subnet private-a: "),
        ("instances", "Container instances: 2 at the most"),
    ],
)
def test_a_picture_draws_on_the_axes_that_it_is_given_and_its_title_is_its_message(
    mix: Result, name: str, words: str
) -> None:
    ax = axes(9.0)
    assert getattr(mix.plot, name)(ax=ax) is ax
    assert re.match(words, ax.get_title(loc="left"))
    assert isinstance(getattr(mix.plot, name)(), Figure)


def test_demand_and_capacity_are_what_the_tables_say(mix: Result) -> None:
    ax = axes(12.0)
    mix.plot.demand(ax=ax, service="shop-ec2")
    lines = {str(line.get_label()): np.asarray(line.get_ydata()) for line in ax.get_lines()}
    rows = mix.service_metrics.query("service == 'shop-ec2'")
    assert lines["arrived"].max() == pytest.approx(rows.offered_count.max() / 60.0)
    # A task has one vCPU and a request costs 20 ms of it: 50 a second.
    cells = mix.flow_metrics.query("service == 'shop-ec2'").groupby("t").healthy_count.sum()
    assert lines["capacity of the healthy tasks"].max() == pytest.approx(50.0 * cells.max())


def test_a_service_that_no_request_reached_is_refused_by_name(mix: Result) -> None:
    with pytest.raises(BadInput, match="no such traffic"):
        mix.plot.demand(service="nobody")
