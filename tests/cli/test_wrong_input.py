"""Wrong input through the real command: its lines on stderr, exit code 2, no traceback, nothing written."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
WRONG = REPOSITORY / "tests" / "scenario" / "wrong"
Ecssim = Callable[..., Any]


def _table() -> dict[str, list[str]]:
    """``file [option value]`` with its expected lines: the table that also holds the loader to its messages."""
    blocks = (WRONG / "expected.txt").read_text("utf-8").strip().split("\n\n")
    return {block.split("\n")[0]: [line.strip() for line in block.split("\n")[1:]] for block in blocks}


TABLE = _table()
#: In processes of their own: what could take the interpreter down, and one of each other kind.
SAMPLE = [
    title
    for title in TABLE
    if shlex.split(title)[0]
    in ("alias-bomb.yaml", "alias-cycle.yaml", "binary.bin", "empty.yaml", "a-broken-item-does-not-hide-the-rest.yaml")
]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def in_process_of_its_own(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecssim", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("command", "title"), [*(("run", t) for t in TABLE), *(("check", t) for t in SAMPLE)])
def test_a_wrong_file_is_refused(ecssim: Ecssim, tmp_path: Path, command: str, title: str) -> None:
    name, *options = shlex.split(title)
    out = ["--out", "out"] if command == "run" else []
    code, said, err = ecssim(command, WRONG / name, *options, *out)
    assert (code, said) == (2, "")
    lines = [line.removeprefix(f"{WRONG / name}:").strip() for line in err.splitlines()]
    found = [line.replace(f"{WRONG}{os.sep}", "") for line in lines]
    assert found == [line.replace(f"{WRONG}{os.sep}", "") for line in TABLE[title]]
    assert files(tmp_path) == []


@pytest.mark.parametrize("title", SAMPLE)
def test_a_wrong_file_is_refused_by_a_process_of_its_own(tmp_path: Path, title: str) -> None:
    name, *options = shlex.split(title)
    done = in_process_of_its_own(tmp_path, "run", str(WRONG / name), *options, "--out", "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == len(TABLE[title])
    assert "Traceback" not in done.stderr
    assert files(tmp_path) == []


def test_the_sample_is_there() -> None:
    assert len(SAMPLE) == 5


@pytest.mark.parametrize("brackets", ["[", "- "], ids=["lists in one line", "block lists"])
def test_ten_megabytes_of_nesting_do_not_take_the_process_down(tmp_path: Path, brackets: str) -> None:
    deep = tmp_path / "deep.yaml"
    deep.write_text("name: x\nprices:\n  " + brackets * (10_000_000 // len(brackets)), "utf-8")
    done = in_process_of_its_own(tmp_path, "run", "deep.yaml", "--out", "out")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "nested deeper than 100 levels" in done.stderr
    assert files(tmp_path) == ["deep.yaml"]


def test_json_output_of_a_refused_run_is_empty(ecssim: Ecssim) -> None:
    code, out, err = ecssim("run", WRONG / "empty.yaml", "--output", "json")
    assert (code, out) == (2, "")
    assert err
