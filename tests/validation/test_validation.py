"""The published measurements: what is typed in, how errors are counted, and that the page says what the file says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import ecssim
from ecssim.engine.timing import DEFAULTS, FARGATE_PULL_RATES
from ecssim.scenario.load import load_mapping
from validation import setups
from validation.checks import CHECKS, Effort
from validation.curves import error_of, reached, running
from validation.measured import CURVES, curve, data_folder, measurements
from validation.outcome import Outcome, in_band, within_range
from validation.page import page, totals

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "validation.md"
KNOWN = measurements()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_validation", ROOT / "scripts" / "make_validation.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# -- what is typed in -----------------------------------------------------------------------------------------


def test_every_measurement_is_complete_and_is_run() -> None:
    assert set(CHECKS) == set(KNOWN)
    for measurement in KNOWN.values():
        assert measurement.basis in ("calibrated on", "predicted"), measurement.id
        assert measurement.kind in ("curve", "sample", "bound"), measurement.id
        assert measurement.source, measurement.id
        assert measurement.setup, measurement.id
        assert measurement.assumed, measurement.id
        assert measurement.figures, measurement.id


@pytest.mark.parametrize("name", ["M1", "M3"])
def test_typed_in_points_are_those_of_the_published_series(shared_data: Path, name: str) -> None:
    whole, is_whole = curve(KNOWN[name], shared_data)
    points, is_points = curve(KNOWN[name], None)
    assert is_whole
    assert not is_points
    assert len(whole) > len(points)
    assert set(points) <= set(whole)


def test_the_series_are_looked_for_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECSSIM_SHARED_DATA", str(tmp_path))
    assert data_folder() is None
    (tmp_path / CURVES).write_text("series,t_s,running_tasks\n2020_FargateOnECS,0,1\n2020_FargateOnECS,60,50\n")
    assert data_folder() == tmp_path
    assert curve(KNOWN["M1"], tmp_path) == (((0.0, 1.0), (60.0, 50.0)), True)
    assert not curve(KNOWN["M3"], tmp_path)[1]


# -- how errors are counted -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "at"),
    [
        pytest.param(5, 5.0, id="between two points"),
        pytest.param(10, 10.0, id="at a point"),
        pytest.param(0, 0.0, id="at the first one"),
        pytest.param(31, float("nan"), id="never"),
    ],
)
def test_when_a_curve_reaches_a_count(count: int, at: float) -> None:
    assert reached([0.0, 10.0, 20.0], [0.0, 10.0, 30.0], count) == pytest.approx(at, nan_ok=True)


def test_who_runs_at_a_time() -> None:
    never = float("nan")
    started = np.array([1.0, 2.0, 3.0, never])
    stopped = np.array([never, 2.5, never, 4.0])
    assert running(started, stopped, [0.0, 1.0, 2.0, 2.5, 3.0, 9.0]).tolist() == [0, 1, 2, 1, 2, 2]


@pytest.mark.parametrize(
    ("late", "within"),
    [pytest.param(0.0, True, id="the same curve"), pytest.param(20.0, False, id="two points later")],
)
def test_a_curve_is_held_against_both_bounds(late: float, within: bool) -> None:
    measured = tuple((10.0 * i, 10.0 * i) for i in range(11))
    started = np.arange(1.0, 101.0) + late
    error = error_of(measured, started, np.full(100, np.nan))
    assert error.final == 100.0
    assert error.mean_error == pytest.approx(late / 100.0 * 9.5 / 11 if late else 0.0, abs=0.01)
    assert [simulated - real for real, simulated in error.times] == pytest.approx([late] * 3, abs=1.0)
    assert error.within is within


def test_a_sample_is_inside_the_band_or_it_is_a_miss_with_its_cause() -> None:
    simulated = np.arange(101.0)
    assert in_band("f", [5.0, 50.0, 95.0], simulated, cause="c") == Outcome(
        "f", "5, 50, 95 s", "5 to 95 s, median 50", "3 of 3 inside; median +0% of the simulated", 3, True, inside=3
    )
    out = in_band("f", [4.0, 50.0], simulated, cause="c")
    assert (out.within, out.cause) == (False, "c")
    assert out.error.startswith("1 of 2 inside")


@pytest.mark.parametrize(("low", "high", "ok"), [(10.0, 60.0, True), (60.0, 70.0, False), (10.0, 40.0, False)])
def test_a_published_range_holds_the_median(low: float, high: float, ok: bool) -> None:
    assert within_range("f", low, high, np.arange(101.0), unit="s").within is ok


# -- the set-ups and the page ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(setups.scale_out_2020(), id="M1"),
        pytest.param(setups.scale_out_2022(), id="M3"),
        pytest.param(setups.fargate_tasks(256, 512, 100), id="Fargate"),
        pytest.param(setups.on_instances("awsvpc", warm=True), id="EC2"),
        pytest.param(setups.managed_scaling(3, [("5m", 1)]), id="managed scaling"),
        pytest.param(setups.spot_instances(None), id="Spot"),
        pytest.param(setups.spot_instances({"m5.large": 3}), id="Spot, a fleet that may choose"),
        pytest.param(setups.with_exec(setups.fargate_tasks(256, 512, 100)), id="Fargate with ECS Exec"),
        pytest.param(setups.windows_tasks("WINDOWS_SERVER_2019_CORE", 1500, 1499), id="Windows"),
    ],
)
def test_every_set_up_is_a_scenario(document: dict[str, object]) -> None:
    assert load_mapping({**document, "seed": 1}).scenario.name == "validation"


def test_the_page_says_what_the_file_says() -> None:
    text = PAGE.read_text("utf-8")
    assert f"ecssim {ecssim.__version__}, 20 seeds." in text
    for name, measurement in KNOWN.items():
        section = text.split(f"## {name}: ")[1].split("\n## ")[0]
        assert section.startswith(measurement.title)
        for part in (measurement.basis.capitalize(), measurement.setup, measurement.source, *measurement.assumed):
            assert part in section, (name, part)


def test_the_page_names_the_calibrated_defaults() -> None:
    """What the page says of them is what the profile has: a change of a default needs ``make validate``."""
    text = PAGE.read_text("utf-8")
    quarter, half, one = (FARGATE_PULL_RATES["measured"][i][1] for i in range(3))
    assert re.sub(r"\s+", " ", f"{quarter:g}, {half:g} and {one:g} MB/s") in re.sub(r"\s+", " ", text)
    start = DEFAULTS["fargateStart"][0]
    assert start.kind == "lognormal"
    assert (start.a, start.b) == (2.0, 8.0)
    named = re.sub(r"\s+", " ", text)
    machine, agent, executed = (DEFAULTS[n][0] for n in ("fargateProvision", "fargateAgent", "fargateExecStart"))
    assert f"{machine.a:g} s (95th percentile {machine.b:g}) and {agent.a:g} s ({agent.b:g})" in named
    assert f"`timing: fargateExecStart`, {executed.a:g} s and {executed.b:g} s" in named
    assert f"the 95th percentile is {DEFAULTS['agentDispatch'][0].b:g} s" in named
    assert f"nothing registers before {DEFAULTS['instanceBoot'][0].least:g} s" in named


def test_a_miss_stands_on_the_page_with_its_cause() -> None:
    found = {"M24": [Outcome("f | g", "1 s", "2 s", "+100%", 1, False, "because"), Outcome("h", "", "", "", 1, None)]}
    text = page(KNOWN, found, 3, "0", data=False)
    assert "| f \\| g | 1 s | 1 | 2 s | +100% | **miss** |" in text
    assert "- f | g: because." in text
    assert "typed-in points" in text
    assert totals(found) == "2 figures of 1 publications: 0 within, 1 missed, 1 not held against."
    assert "- M1: " in text.split("## Not run")[1]


@pytest.mark.parametrize("name", ["M1", "M3"])
def test_scale_out_curves_are_within_their_bounds(name: str) -> None:
    """One seed, and the typed-in points: the page has twenty and the whole series."""
    outcomes = CHECKS[name](KNOWN[name], Effort(seeds=1))
    assert [outcome.within for outcome in outcomes] == [True] * 4


@pytest.mark.parametrize("name", ["M8", "M10", "M13", "M15", "M20", "M22", "M24"])
def test_single_figures_are_within_their_bounds(name: str) -> None:
    for outcome in CHECKS[name](KNOWN[name], Effort(seeds=2)):
        assert outcome.within is not False, outcome


@pytest.mark.slow
def test_the_page_is_fresh(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Months of a cluster, held against the laws of the world every minute, would take a quarter of an hour.
    monkeypatch.delenv("ECSSIM_CHECK", raising=False)
    effort = Effort(20, shared_data)
    found = {name: check(KNOWN[name], effort) for name, check in CHECKS.items()}
    assert PAGE.read_text("utf-8") == page(KNOWN, found, 20, ecssim.__version__, data=True)
    for name in ("M1", "M3", "M18"):
        assert all(outcome.within for outcome in found[name]), name


def test_the_script_knows_every_check(script: ModuleType) -> None:
    assert script.PAGE == PAGE
    assert script.CHECKS is CHECKS
