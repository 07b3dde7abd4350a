"""The commands that the README shows do what it says: each runs, in the order in which they stand."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Ecssim = Callable[..., Any]
REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "README.md").read_text("utf-8")


def commands(text: str) -> list[list[str]]:
    """The lines of fenced blocks that call ``ecssim``, without a prompt and without what is piped on."""
    blocks = re.findall(r"^```(?:console|sh|bash|shell)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    calls = [line.removeprefix("$ ").removeprefix(".venv/bin/") for line in lines]
    return [shlex.split(call, comments=True)[1:] for call in calls if call.startswith("ecssim ")]


def test_commands_are_read_from_blocks_alone() -> None:
    text = "ecssim run x\n```console\n$ ecssim check \\\n  a.yaml  # why\nelse\n```\n"
    assert commands(text) == [["check", "a.yaml"]]


def test_every_command_of_the_readme_runs(ecssim: Ecssim, tmp_path: Path) -> None:
    calls = commands(README)
    if not calls:
        pytest.skip("the README shows no commands yet")
    (tmp_path / "scenarios").symlink_to(REPOSITORY / "scenarios")
    for call in calls:
        # An id is different in each run's text only if the seed is: what the README shows can be typed.
        pieces = call[: call.index("|")] if "|" in call else call
        answer = ecssim(*pieces)
        assert answer.code in (0, 1), f"ecssim {shlex.join(pieces)}: {answer.err}"


def test_the_counterfactual_of_the_readme_is_what_explain_says(ecssim: Ecssim, tmp_path: Path) -> None:
    (tmp_path / "scenarios").symlink_to(REPOSITORY / "scenarios")
    shown = re.search(r"^How event.*?^```", README, re.DOTALL | re.MULTILINE)
    assert shown is not None
    for call in commands(README):
        if "runs/strategies" in call:
            said = ecssim(*call).out
    for line in shown[0].removesuffix("```").splitlines():
        assert line.removesuffix(" ...") in said
