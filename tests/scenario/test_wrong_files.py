"""Every wrong file gives its expected messages, at their places, and nothing else."""

from __future__ import annotations

import contextlib
import random
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecssim.errors import BadInput
from ecssim.scenario.load import load_scenario

WRONG = Path(__file__).parent / "wrong"


def _table() -> dict[str, list[str]]:
    """``file [--set PATH=VALUE | --variant NAME]`` with the lines that are expected below it."""
    table: dict[str, list[str]] = {}
    for block in (WRONG / "expected.txt").read_text(encoding="utf-8").strip().split("\n\n"):
        title, *lines = block.split("\n")
        table[title] = [line.strip() for line in lines]
    return table


TABLE = _table()


def _problems(path: Path, **options: Any) -> list[str]:
    with pytest.raises(BadInput) as caught:
        load_scenario(path, **options)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("title", list(TABLE))
def test_a_wrong_file_gives_the_expected_lines(title: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(WRONG)
    name, *rest = shlex.split(title)
    option, value = rest if rest else ("", "")
    sets = [value] if option == "--set" else []
    found = _problems(Path(name), sets=sets, variant=value if option == "--variant" else None)
    assert [line.removeprefix(f"{name}:").strip() for line in found] == TABLE[title]


def test_every_committed_file_has_expected_lines() -> None:
    named = {shlex.split(title)[0] for title in TABLE}
    helpers = {"expected.txt", "host-port.json"}
    assert {f.name for f in WRONG.iterdir()} - helpers == named


def test_there_are_at_least_sixty_wrong_files() -> None:
    assert len(TABLE) >= 60


def test_the_file_that_the_options_are_tried_on_is_well() -> None:
    assert load_scenario(WRONG / "well.yaml").scenario.name == "shop"


@pytest.mark.parametrize("brackets", ["[", "{a: ", "- "], ids=["lists", "mappings", "block lists"])
def test_ten_megabytes_of_nesting_are_refused_and_do_not_crash(tmp_path: Path, brackets: str) -> None:
    file = tmp_path / "deep.yaml"
    file.write_text("name: x\nprices:\n  " + brackets * (10_000_000 // len(brackets)), encoding="utf-8")
    (line,) = _problems(file)
    assert "nested deeper than 100 levels" in line


def test_deep_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "deep.json"
    file.write_text('{"name": ' + "[" * 1_000_000, encoding="utf-8")
    (line,) = _problems(file)
    assert line.endswith("nested deeper than 100 levels")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda path: None, "no such file", id="a file that is not there"),
        pytest.param(lambda path: path.mkdir(), "is a folder; expected a file", id="a folder"),
    ],
)
def test_what_is_no_file_gives_one_line(tmp_path: Path, make: Callable[[Path], None], message: str) -> None:
    path = tmp_path / "scenario.yaml"
    make(path)
    assert _problems(path) == [f"{path}: {message}"]


def test_random_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    dice = random.Random(7)
    file = tmp_path / "noise.yaml"
    for _ in range(200):
        file.write_bytes(dice.randbytes(dice.randrange(1, 60)))
        assert _problems(file)


def test_broken_valid_files_give_problems_or_load(tmp_path: Path) -> None:
    """Bytes of a valid scenario are dropped, doubled or swapped: a list of problems or a scenario, nothing
    else.
    """
    text = (WRONG / "well.yaml").read_text(encoding="utf-8")
    dice = random.Random(11)
    file = tmp_path / "mutated.yaml"
    for _ in range(150):
        at = dice.randrange(len(text))
        length = dice.randrange(1, 6)
        broken = dice.choice(
            [
                text[:at] + text[at + length :],
                text[:at] + text[at : at + length] * 2 + text[at + length :],
                text[:at] + dice.choice(":-[]{}&*#'\"\t!,") + text[at:],
            ]
        )
        file.write_text(broken, encoding="utf-8")
        with contextlib.suppress(BadInput):
            load_scenario(file)
