"""`ecssim explain`: answers about tasks, services and subnets, and the nearest names for what there is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ecssim as package

Ecssim = Callable[..., Any]
DEMO = Path(__file__).resolve().parents[2] / "scenarios" / "demo.yaml"


@pytest.fixture
def folder(ecssim: Ecssim) -> Path:
    assert ecssim("run", DEMO, "--out", "out", "--output", "json").code in (0, 1)
    return Path("out").resolve()


def test_a_failed_task_is_explained_by_its_full_subnet(ecssim: Ecssim, folder: Path) -> None:
    tasks = package.open(folder).tasks
    failed = tasks[tasks["stop_code"] == "TaskFailedToStart"]["task_id"].iloc[0]
    code, out, err = ecssim("explain", folder, f"task/{failed}")
    assert (code, err) == (0, "")
    assert "private-a" in out
    assert "UpdateService" in out
    assert json.loads(ecssim("explain", folder, f"task/{failed}", "--output", "json").out)


@pytest.mark.parametrize("what", ["service/checkout", "subnet/private-a", "event/1"])
def test_other_things_are_explained_too(ecssim: Ecssim, folder: Path, what: str) -> None:
    code, out, err = ecssim("explain", folder, what)
    assert (code, err) == (0, "")
    assert len(out.splitlines()) > 1
    assert isinstance(json.loads(ecssim("explain", folder, what, "--output", "json").out), dict)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        pytest.param("service/chekout", "checkout", id="a misspelt service"),
        pytest.param("subnet/private", "private-", id="a misspelt subnet"),
        pytest.param("tsk/1", "task", id="a misspelt kind"),
        pytest.param("nothing", "task/", id="no kind at all"),
        pytest.param("event/99999999", "event", id="an event that did not happen"),
        pytest.param("event/first", "event", id="an event without a number"),
    ],
)
def test_what_there_is_not_is_refused_with_the_nearest(ecssim: Ecssim, folder: Path, what: str, words: str) -> None:
    code, out, err = ecssim("explain", folder, what)
    assert (code, out) == (2, "")
    assert words in err
    assert "Traceback" not in err


@pytest.fixture
def refused(ecssim: Ecssim) -> Path:
    scenario = DEMO.with_name("placement_strategies.yaml")
    assert ecssim("run", scenario, "--out", "out", "--output", "json").code == 0
    return Path("out").resolve()


def test_a_service_without_room_is_told_what_would_help(ecssim: Ecssim, refused: Path) -> None:
    code, out, err = ecssim("explain", refused, "service/reports")
    assert (code, err) == (0, "")
    assert "the smallest change: 205 MiB of memory more" in out
    document = json.loads(ecssim("explain", refused, "service/reports", "--output", "json").out)
    assert document["decisions"][0]["changes"][0]["holds"] is True
    recorded = ecssim("explain", refused, "service/reports", "--recorded").out
    assert "smallest change" not in recorded
    assert "SERVICE_TASK_PLACEMENT_FAILURE" in recorded


def test_a_run_whose_scenario_changed_is_explained_from_its_tables(ecssim: Ecssim, refused: Path) -> None:
    scenario = refused / "scenario.yaml"
    scenario.write_text(scenario.read_text("utf-8").replace("desiredCount: 12", "desiredCount: 11"), "utf-8")
    code, out, err = ecssim("explain", refused, "service/reports")
    assert code == 0
    assert "is not what the run read any more" in err
    assert "smallest change" not in out
