"""A run may die at any moment: what it had committed can be read, and nothing else is shown."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal
from synthetic_run import MANIFEST, SyntheticRun, record

import ecssim.results
from ecssim.errors import BadInput
from ecssim.record.public import PUBLIC
from ecssim.record.recorder import Recorder
from ecssim.record.sinks import FolderSink, MemorySink
from ecssim.results import Result

SCRIPT = Path(__file__).with_name("synthetic_run.py")
REPOSITORY = Path(__file__).resolve().parents[2]
HOURS, PART_ROWS = 24, 60


def fork_runs(folder: Path, deaths: list[dict[str, Any]], hash_seed: str = "0") -> None:
    path = os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")])
    subprocess.run(
        [sys.executable, str(SCRIPT), str(folder), str(HOURS), str(PART_ROWS), json.dumps(deaths)],
        check=True,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hash_seed},
        timeout=120,
    )


@cache
def memory_until(hours: int) -> Result:
    """The same run, stopped in good order after ``hours``, in memory."""
    sink = MemorySink()
    recorder = Recorder(sink, manifest=MANIFEST, part_rows=PART_ROWS)
    run = SyntheticRun(recorder)
    for hour in range(hours):
        run.hour(hour)
    recorder.close(complete=False)
    return Result.from_sink(sink)


def assert_cut_at_last_hour(folder: Path) -> int:
    """Every table of the killed run is the table of the run that stopped at its last committed hour."""
    result = ecssim.results.open(folder)
    assert not result.complete
    hours = len(result.hours)
    assert [hour.hour for hour in result.hours] == list(range(1, hours + 1))
    if hours == 0:
        assert all(len(result.frame(table)) == 0 for table in result.tables)
        return 0
    expected = memory_until(hours)
    for table in (*PUBLIC, "_meters"):
        assert result.raw(table).tobytes() == expected.raw(table).tobytes()
    assert result.raw("_names").tolist() == expected.raw("_names").tolist()
    for table in ("task_events", "tasks", "placements", "service_events", "costs"):
        assert_frame_equal(result.frame(table), expected.frame(table))
    return hours


def test_killed_at_random_moments_a_run_reads_up_to_its_last_hour(tmp_path):
    dice = random.Random(20260302)
    # The whole run takes some half a second; most deaths come in the middle of it.
    deaths = [{"name": f"after-{n}", "after": dice.uniform(0.02, 0.4)} for n in range(20)]
    fork_runs(tmp_path, deaths)
    reached = []
    for death in deaths:
        folder = tmp_path / str(death["name"])
        if not (folder / "manifest.json").exists():
            continue  # killed before it took its folder
        if json.loads((folder / "manifest.json").read_text())["complete"]:
            continue  # it was faster than its death
        reached.append(assert_cut_at_last_hour(folder))
    assert len(reached) >= 5
    assert max(reached) > 0


@pytest.mark.parametrize(
    ("seam", "numbers"),
    [
        pytest.param("rename", (2, 3, 9, 40, 100, 150), id="between the write of a file and its rename"),
        pytest.param("drop", (1, 2, 20, 90), id="between the rename of a part and the end of its tail"),
    ],
)
def test_killed_at_a_seam_a_run_reads_up_to_its_last_hour(tmp_path, seam, numbers):
    deaths: list[dict[str, Any]] = [{"name": f"{seam}-{n}", seam: n} for n in numbers]
    fork_runs(tmp_path, deaths)
    reached = [assert_cut_at_last_hour(tmp_path / death["name"]) for death in deaths]
    assert reached == sorted(reached)
    assert reached[-1] > reached[0]


def test_killed_before_the_last_manifest_all_parts_are_there_but_only_committed_rows_show(tmp_path):
    class KilledError(Exception):
        pass

    def die(path: Path) -> None:
        if path.name == "manifest.json" and (path.parent / "tables" / ".hours").exists():
            raise KilledError

    recorder = Recorder(FolderSink(tmp_path, die), manifest=MANIFEST, part_rows=PART_ROWS)
    run = SyntheticRun(recorder)
    for hour in range(3):
        run.hour(hour)
    run.minute(3 * 60)
    with pytest.raises(KilledError):
        recorder.close(complete=True)
    assert assert_cut_at_last_hour(tmp_path) == 3


def test_an_interrupted_run_that_closed_its_folder_shows_all_that_it_recorded(tmp_path):
    recorder = Recorder(FolderSink(tmp_path), manifest=MANIFEST, part_rows=PART_ROWS)
    run = SyntheticRun(recorder)
    run.hour(0)
    run.minute(60)
    recorder.close(complete=False)
    result = ecssim.results.open(tmp_path)
    assert not result.complete
    assert len(result.task_events) == len(run.expected["task_events"])
    assert result.task_events["t"].max() > 3600


@pytest.fixture(scope="module")
def between_hours(tmp_path_factory) -> Path:
    """A run that died after it had written the tails of its second hour and before it committed it."""
    folder = tmp_path_factory.mktemp("between") / "run"

    class Uncommitted(FolderSink):
        def commit(self, hour, t, rows):
            if hour == 1:
                shutil.copytree(self.folder, folder.with_name("hour-1"))
                super().commit(hour, t, rows)

    recorder = Recorder(Uncommitted(folder), manifest=MANIFEST, part_rows=100_000)
    run = SyntheticRun(recorder)
    run.hour(0)
    run.hour(1)
    return folder


def test_a_tail_may_be_cut_at_any_byte_behind_the_committed_rows(between_hours, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(between_hours, folder)
    tail = folder / "tables" / "task_events" / ".tail.arrows"
    committed = (between_hours.with_name("hour-1") / "tables" / "task_events" / ".tail.arrows").stat().st_size
    whole = tail.read_bytes()
    expected = ecssim.results.open(between_hours).raw("task_events").tobytes()
    assert len(whole) > committed + 1000
    for size in [*range(committed, committed + 400), *range(committed + 400, len(whole), 97), len(whole)]:
        tail.write_bytes(whole[:size])
        assert ecssim.results.open(folder).raw("task_events").tobytes() == expected


def test_an_hour_whose_line_was_not_written_whole_is_not_committed(between_hours, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(between_hours, folder)
    hours = folder / "tables" / ".hours"
    first = hours.read_bytes()
    hours.write_bytes(first + b'{"hour": 2, "t": 7200.0, "rows": {"task_events": 3}}')
    assert [hour.hour for hour in ecssim.results.open(folder).hours] == [1]
    hours.write_bytes(first[:-1])
    result = ecssim.results.open(folder)
    assert result.hours == ()
    assert all(len(result.frame(table)) == 0 for table in result.tables)


def test_the_same_run_gives_the_same_bytes_whatever_the_hash_seed(tmp_path):
    for hash_seed in ("1", "2"):
        fork_runs(tmp_path, [{"name": hash_seed}], hash_seed)
    trees = []
    for name in ("1", "2"):
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        trees.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert trees[0] == trees[1]
    assert len([path for path in trees[0] if path.suffix == ".parquet"]) > 100


def damage(folder: Path, kind: str) -> None:
    part = folder / "tables" / "task_events" / "part-00001.parquet"
    if kind == "missing part":
        part.unlink()
    elif kind == "other columns":
        shutil.copy(folder / "tables" / "alarms" / "part-00000.parquet", part)
    elif kind == "no manifest":
        (folder / "manifest.json").unlink()
    elif kind == "broken manifest":
        (folder / "manifest.json").write_text("{")
    elif kind == "foreign manifest":
        (folder / "manifest.json").write_text("{}")
    elif kind == "no folder":
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing part", "is damaged: it has"),
        ("other columns", "has other columns than table task_events"),
        ("no manifest", "holds no run"),
        ("broken manifest", "is not JSON"),
        ("foreign manifest", "is not the manifest of an ecssim run"),
        ("no folder", "holds no run"),
    ],
)
def test_a_damaged_folder_is_bad_input(tmp_path, kind, message):
    record(tmp_path / "run", 1, 60)
    damage(tmp_path / "run", kind)
    with pytest.raises(BadInput, match=message):
        _ = ecssim.results.open(tmp_path / "run").task_events
