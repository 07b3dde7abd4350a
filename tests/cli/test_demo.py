"""`ecssim demo`: the finding, a fix that works when it is typed in, and pictures."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ecssim as package

Ecssim = Callable[..., Any]


def test_the_demo_finds_its_problem_and_the_fix_that_it_prints_solves_it(ecssim: Ecssim) -> None:
    code, out, err = ecssim("demo")
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    assert "Subnet private-a ran out of addresses" in text
    command = out.split("this fixes it:\n")[1].splitlines()[0].strip()
    program, *arguments = shlex.split(command)
    assert (program, arguments[0]) == ("ecssim", "run")
    before, after = (
        json.loads(ecssim("run", *given, "--output", "json").out)["findings"]
        for given in (arguments[1:2], arguments[1:])
    )
    assert before[0]["what"] == "subnet.exhausted"
    assert [finding for finding in after if finding["severity"] == "problem"] == []


def test_the_demo_writes_a_run_folder_with_pictures_and_names_them(ecssim: Ecssim) -> None:
    code, out, _ = ecssim("demo", "--out", "here")
    assert code == 0
    named = [line.split()[0] for line in out.split("pictures:\n")[1].split("\n\n")[0].splitlines()]
    assert len(named) >= 4
    page = Path(out.splitlines()[-1].strip())
    assert "private-a ran out of addresses" in page.read_text("utf-8")
    for path in map(Path, named):
        start = path.read_bytes()[:5]
        assert start == (b"\x89PNG\r" if path.suffix == ".png" else b"<?xml")
    result = package.open("here")
    assert result.complete
    assert result.manifest["wall"] < 5.0


def test_a_second_demo_replaces_the_first_and_draws_the_same(ecssim: Ecssim) -> None:
    ecssim("demo")
    first = {path.name: path.read_bytes() for path in Path("ecssim-demo").glob("*.svg")}
    assert ecssim("demo").code == 0
    assert {path.name: path.read_bytes() for path in Path("ecssim-demo").glob("*.svg")} == first
    assert len(first) >= 2


def test_a_folder_of_somebody_else_is_refused(ecssim: Ecssim) -> None:
    Path("ecssim-demo").mkdir()
    Path("ecssim-demo/notes.txt").write_text("mine", "utf-8")
    code, out, err = ecssim("demo")
    assert (code, out) == (2, "")
    assert err == "ecssim-demo: is not empty and holds no run: choose another folder\n"
