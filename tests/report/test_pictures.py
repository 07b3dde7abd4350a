"""Pictures: on a given axes or as a figure, the same bytes for the same run, the numbers of the record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import ecssim
from ecssim.errors import BadInput
from ecssim.record.recorder import Recorder
from ecssim.record.sinks import MemorySink
from ecssim.report import canvas, plots
from ecssim.results.result import Result
from tests.golden.summaries import ROOT

NAMES = ("subnets", "tasks", "services", "instances", "placements")


def run(name: str) -> Result:
    return ecssim.run(ecssim.load(ROOT / "scenarios" / f"{name}.yaml"))


@pytest.fixture(scope="module")
def demo() -> Result:
    return run("demo")


@pytest.fixture(scope="module")
def placement() -> Result:
    return run("placement_strategies")


@pytest.fixture(scope="module")
def empty() -> Result:
    sink = MemorySink()
    Recorder(sink, manifest={"start": "2026-03-02T08:00:00Z"}).close(True, {"simulated": 60.0})
    return Result.from_sink(sink)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_draws_on_the_axes_it_is_given_or_makes_a_figure(placement: Result, name: str) -> None:
    ax = Figure().add_subplot()
    assert getattr(placement.plot, name)(ax=ax) is ax
    assert ax.has_data()
    assert ax.get_title(loc="left")
    assert ax.get_ylabel()
    assert ax.get_xlabel()
    figure = getattr(placement.plot, name)()
    assert isinstance(figure, Figure)
    assert all(isinstance(axes, Axes) and axes.has_data() for axes in figure.axes)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_without_rows_has_pictures_that_say_so(empty: Result, name: str, tmp_path: Path) -> None:
    plots.save(getattr(empty.plot, name)(), tmp_path / "empty.svg")
    assert "no " in (tmp_path / "empty.svg").read_text()


@pytest.mark.parametrize("name", ["subnets", "tasks"])
def test_the_same_run_gives_the_same_bytes(demo: Result, name: str, tmp_path: Path) -> None:
    for kind in ("svg", "png"):
        files = [tmp_path / f"{i}.{kind}" for i in (0, 1)]
        for file in files:
            plots.save(getattr(demo.plot, name)(), file)
        assert files[0].read_bytes() == files[1].read_bytes()


def test_the_address_picture_has_the_limit_and_one_mark_for_each_failed_allocation(demo: Result) -> None:
    ax = demo.plot.subnets(ax=Figure().add_subplot())
    marks = [line for line in ax.lines if line.get_marker() == "x"]
    events = demo.subnet_events
    assert len(marks[0].get_xdata()) == len(events[events["subnet"] == "private-a"])
    assert any(np.all(np.asarray(line.get_ydata()) == 59) for line in ax.lines)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["no address free", "cooling", "search", "checkout", "load balancers", "declared"]


def test_a_named_subnet_is_drawn_and_an_unknown_one_refused(demo: Result) -> None:
    ax = demo.plot.subnets(ax=Figure().add_subplot(), subnet="private-b")
    assert "private-b" in ax.get_title(loc="left")
    with pytest.raises(BadInput, match="no such subnet"):
        demo.plot.subnets(subnet="private-c")


def test_the_time_around_a_failure_is_shown_unless_all_is_asked_for(demo: Result) -> None:
    def shown(whole: bool) -> float:
        low, high = demo.plot.tasks(ax=Figure().add_subplot(), whole=whole).get_xlim()
        return float(high - low) * 86400.0

    assert shown(whole=True) == pytest.approx(4 * 3600.0)
    assert shown(whole=False) < 3600.0


@given(st.lists(st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(0, 10))), max_size=10))
def test_what_is_held_is_what_counting_gives(spans: list[tuple[int, int | None]]) -> None:
    begin = np.array([a for a, _ in spans], float)
    until = np.array([np.nan if n is None else a + n for a, n in spans], float)
    at = np.arange(0.0, 31.0)
    expected = [int(((begin <= t) & ~(until <= t)).sum()) for t in at]
    assert canvas.held(begin, until, at).tolist() == expected


def test_pictures_leave_pyplot_alone() -> None:
    code = (
        "import sys, ecssim.report.plots; sys.exit('matplotlib' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
