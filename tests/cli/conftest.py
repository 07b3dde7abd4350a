"""The command `ecssim` in this process: exit code, stdout and stderr of one call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from ecssim.cli import main


class Answer(NamedTuple):
    """What one command left behind."""

    code: int
    out: str
    err: str


Ecssim = Callable[..., Answer]


@pytest.fixture
def ecssim(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ecssim:
    """Call the command in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return call


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The starter scenario, with a share of its duration."""
    from ecssim.cli.starter import STARTER

    path = tmp_path / "small.yaml"
    path.write_text(STARTER.read_text("utf-8").replace("duration: 1h", "duration: 20m"), "utf-8")
    return path
