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
from ecssim.report import canvas, eni_plot, plots
from ecssim.results.facts import Facts
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
    assert labels == [
        *("call or fault", "deployment", "no address free"),
        *("cooling", "search", "checkout", "load balancers", "declared"),
    ]


def test_the_deployment_that_fills_a_subnet_is_on_the_same_axis(demo: Result) -> None:
    ax = demo.plot.subnets(ax=Figure().add_subplot(), whole=True)
    (bar,) = [line for line in ax.lines if line.get_label() == "deployment"]
    row = demo.deployments[demo.deployments.started_at > 0].iloc[0]
    begin, end = np.asarray(bar.get_xdata(), "datetime64[s]").astype(np.int64) - int(demo.start.timestamp())
    assert (begin, end) == (round(row.started_at), pytest.approx(row.finished_at, abs=1.0))
    assert min(bar.get_ydata()) > 59.0
    # The subnet's own services only: a deployment of another one would be another story.
    other = demo.plot.subnets(ax=Figure().add_subplot(), subnet="private-b", whole=True)
    assert [line.get_label() for line in other.lines if line.get_linewidth() == 5.0] == ["deployment"]


@pytest.fixture(scope="module")
def on_ec2() -> Result:
    return run("addresses_on_ec2")


def test_scaling_and_reclaims_are_marks_above_the_addresses() -> None:
    mix = run("spot_mix")
    ax = mix.plot.subnets(ax=Figure().add_subplot(), subnet="private-a", whole=True)
    marks = {line.get_label(): len(line.get_xdata()) for line in ax.lines if line.get_marker() in ("^", "v", "+", "o")}
    activities = mix.scaling_activities
    ours = activities.t[activities.to_count > activities.from_count].unique()
    assert 0 < marks["scale-out"] <= len(ours), "marks that a picture cannot tell apart are one"
    assert marks["task reclaimed"] == 1
    assert marks["call or fault"] == 1


@pytest.mark.rule("NET-010")
def test_the_heat_map_of_interfaces_says_what_the_tasks_say(on_ec2: Result) -> None:
    slots = eni_plot.Slots(Facts(on_ec2))
    assert set(slots.slots.tolist()) == {2}, "an m5.large has three interfaces, one of them its own"
    at = np.array([60.0, 900.0, 3600.0])
    used = slots.used(at)
    tasks = on_ec2.tasks[on_ec2.tasks.private_ip.notna()]
    for column, t in enumerate(at):
        there = tasks[(tasks.created_at <= t) & ~(tasks.stopped_at <= t)]
        assert used[:, column].clip(min=0).sum() == len(there)
    assert used[:, 0].max() == 2
    assert (slots.classes(used)[:, 0] == 3).sum() == 12, "every instance is full at first"
    ax = on_ec2.plot.enis(ax=Figure().add_subplot())
    assert len(ax.get_yticks()) == len(on_ec2.instances)
    assert "without a slot left" in ax.get_title(loc="left")


def test_of_many_instances_it_is_shown_how_many_are_how_full(on_ec2: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eni_plot, "SHOWN", 10)
    ax = on_ec2.plot.enis(ax=Figure().add_subplot())
    assert ax.get_ylabel() == "instances"
    assert {text.get_text() for text in ax.get_legend().get_texts()} <= {text for text, _ in eni_plot.CLASSES}


def test_without_interfaces_on_instances_the_heat_map_says_so(demo: Result) -> None:
    ax = demo.plot.enis(ax=Figure().add_subplot())
    assert "no task with a network interface" in ax.texts[0].get_text()


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


@pytest.fixture(scope="module")
def burst() -> Result:
    return run("burst_on_fargate")


def curve(ax: Axes, label: str) -> np.ndarray:
    (found,) = [line for line in ax.get_lines() if line.get_label() == label]
    return np.asarray(found.get_ydata(), float)


def test_the_picture_of_scaling_has_load_tasks_shortage_and_every_activity(burst: Result) -> None:
    ax = Figure(figsize=(20, 4)).add_subplot()
    assert burst.plot.scaling(ax=ax) is ax
    moves = burst.scaling_activities.query("from_count != to_count")
    ups, downs = (moves[moves.to_count > moves.from_count], moves[moves.to_count < moves.from_count])
    assert curve(ax, "scaled out").tolist() == ups.to_count.tolist()
    assert curve(ax, "scaled in").tolist() == downs.to_count.tolist()
    offered = burst.service_metrics.offered_count.to_numpy()
    # One request takes 20 ms of one vCPU: 50 a second fill a task.
    assert curve(ax, "load, in tasks that it fills") == pytest.approx(offered / 60.0 / 50.0)
    judged = burst.summary()["services"]["tickets"]["scaling"]
    title = ax.get_title(loc="left")
    assert f"{judged['activities']} activities ({judged['flaps']} back" in title
    assert f"{judged['under_provisioned_task_minutes']:.1f} task-minutes too few" in title
    _, labels = ax.get_legend_handles_labels()
    assert "too few tasks" in labels
    # What is missing is between the tasks that were there, never fewer than four, and the load.
    short = next(area for area in ax.collections if area.get_label() == "too few tasks")
    heights = np.concatenate([path.vertices[:, 1] for path in short.get_paths()])
    assert heights.min() == 4.0


def test_below_it_the_metric_with_thresholds_and_what_its_alarms_said(burst: Result) -> None:
    figure = burst.plot.scaling()
    above, below = figure.axes
    assert above.get_xlim() == below.get_xlim()
    metric = curve(below, "RequestCountPerTarget")
    assert metric == pytest.approx(burst.service_metrics.request_count_per_target.to_numpy(), nan_ok=True)
    _, labels = below.get_legend_handles_labels()
    assert {"threshold", "high alarm: scale out", "low alarm: scale in"} <= set(labels)
    levels = {float(np.asarray(line.get_ydata())[0]) for line in below.get_lines() if line.get_label()[0] == "_"}
    assert levels == {1500.0, 1350.0}
    fired = burst.alarms.query("new_state == 'ALARM' and metric_name == 'RequestCountPerTarget'")
    assert len(below.collections) == len(fired)


def test_a_run_without_scaling_says_so_in_its_place(demo: Result) -> None:
    assert [text.get_text() for text in demo.plot.scaling().axes[0].texts] == ["no scaled service in this run"]
    with pytest.raises(BadInput, match="no such scaled service"):
        demo.plot.scaling(service="nobody")


def test_policies_stand_above_each_other_on_the_same_scales_with_what_they_lost_and_cost(burst: Result) -> None:
    scheduled = ecssim.run(ecssim.load(ROOT / "scenarios" / "burst_on_fargate.yaml", variant="scheduled"))
    figure = plots.policies({"tracking": burst, "a schedule": scheduled})
    first, second = figure.axes
    assert first.get_ylim() == second.get_ylim()
    assert first.get_xlim() == second.get_xlim()
    judged = burst.summary()["services"]["tickets"]["scaling"]
    for ax, words in ((first, f"tracking: {judged['lost_requests']:,} requests lost"), (second, "nothing lost")):
        assert words in ax.get_title(loc="left")
    assert "there before every step" in second.get_title(loc="left")
    part = plots.policies({"tracking": burst}, window=(7200.0, 10800.0)).axes[0]
    assert part.get_xlim()[1] - part.get_xlim()[0] == pytest.approx(1 / 24)
    with pytest.raises(BadInput, match="no service nobody"):
        plots.policies({"tracking": burst}, "nobody")


def test_what_tasks_of_jobs_cost_is_named_in_the_legend() -> None:
    result = ecssim.run(ROOT / "scenarios" / "gpu_on_ec2.yaml")
    ax = result.plot.cost(ax=Figure().add_subplot())
    assert "jobs, and shared: load balancers, addresses" in ax.get_legend_handles_labels()[1]


def test_instances_that_always_have_a_slot_are_not_counted_as_none() -> None:
    ax = ecssim.run(ROOT / "scenarios" / "spot_mix.yaml").plot.enis(ax=Figure().add_subplot())
    assert ax.get_title(loc="left") == "Network interfaces: a slot was always left"
