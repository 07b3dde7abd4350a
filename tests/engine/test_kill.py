"""A real run may be killed at any moment: everything up to its last committed hour can be read, joined and whole."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from functools import cache
from pathlib import Path

from pandas.testing import assert_frame_equal

import ecssim
from ecssim.errors import BadInput
from ecssim.record.schema import TABLES
from ecssim.results.result import Result

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
MOMENTS, RENAMES = 20, 5


def let_runs_die(folder: Path) -> None:
    """Make run folders of runs that died: numbered, and ``whole``, which did not."""
    dice = random.Random(20)
    # Spread over the run, so that every stage of it is hit, and at random within.
    moments = [{"share": (i + dice.random()) / MOMENTS * 0.95} for i in range(MOMENTS)]
    renames = [{"rename": n} for n in sorted(dice.sample(range(1, 60), RENAMES))]
    path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "tests")))
    done = subprocess.run(
        [sys.executable, str(HERE / "dying_runs.py"), str(folder), json.dumps(moments + renames)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path, "ECSSIM_CHECK": ""},
        timeout=120,
    )
    died = [json.loads(line) for line in done.stdout.splitlines()]
    # A run that was faster than the one that was timed may have reached its end.
    assert sum(died[:MOMENTS]) >= MOMENTS * 3 // 4
    assert all(died[MOMENTS:])


@cache
def whole(folder: Path) -> Result:
    result = ecssim.open(folder / "whole")
    assert result.complete
    return result


@cache
def rows_at(folder: Path, hour: int) -> dict[str, int]:
    """How many rows each table had when the hour was committed: no run differs in that."""
    return dict(whole(folder).hours[hour - 1].rows)


def test_a_killed_run_reads_up_to_its_last_hour(tmp_path: Path) -> None:
    # One test, because the deaths are made together and processes that share the tests do not share them.
    let_runs_die(tmp_path)
    seen: set[int] = set()
    for number in range(MOMENTS + RENAMES):
        try:
            seen |= _check(tmp_path, number)
        except (AssertionError, BadInput) as error:
            error.add_note(f"run {number} of {tmp_path}")
            raise
    # Were all kills before the first commit, only empty tables would have been looked at.
    assert len(seen) >= 5


def _check(folder: Path, number: int) -> set[int]:
    """Read one killed run; return its number of committed hours, nothing if it was not killed in time."""
    killed = folder / str(number)
    if not (killed / "manifest.json").exists():
        assert not any(killed.rglob("*.parquet")), "rows without a manifest"
        return set()
    result, reference = ecssim.open(killed), whole(folder)
    if result.complete:
        assert result.manifest["tables"] == reference.manifest["tables"]
        return set()
    hours = len(result.hours)
    expected = rows_at(folder, hours) if hours else {}
    for table in TABLES:
        rows = result.raw(table.name)
        assert len(rows) == expected.get(table.name, 0)
        before = reference.raw(table.name)[: len(rows)]
        # As bytes: a time that was not reached is NaN, which differs from itself.
        assert rows.tolist() == before.tolist() if rows.dtype.hasobject else rows.tobytes() == before.tobytes()
    _check_joins(result, reference)
    return {hours}


def _check_joins(result: Result, reference: Result) -> None:
    events = result.task_events
    assert_frame_equal(events.astype(object), reference.task_events.head(len(events)).astype(object))
    tasks = result.tasks.astype(object)
    assert len(tasks) == len(result.raw("_task_ids"))
    known = reference.tasks.astype(object).set_index("task_id")
    fixed = ["group", "service", "task_definition", "launch_number", "origin", "created_at", "cpu", "memory"]
    mine = tasks.set_index("task_id")[fixed]
    assert_frame_equal(mine, known.loc[mine.index, fixed])
    assert result.summary()["complete"] is False
