"""The pages of ``docs/`` that show commands: each block is run by a shell, in the order in which they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
#: A command that says which calls ended otherwise than well (0), with an expectation that failed (1), or since the
#: reader of their pipe had enough (141).
SHIM = """#!/bin/sh
"{python}" -m ecssim "$@"
code=$?
[ $code -le 1 ] || [ $code -eq 141 ] || echo "ecssim $*: $code" >> "{failures}"
"""


def blocks(text: str, language: str = "sh") -> list[str]:
    """The fenced blocks in a language: those for a shell, those without one are what a command says."""
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for name, block in found if name == language]


def pieces(text: str) -> list[str]:
    """The parts of what a page shows of an answer, without what it leaves out (``...``) and how lines are broken."""
    words = (" ".join(part.split()).strip(" ;,") for part in re.split(r"\.\.\.", text))
    return [part for part in words if part]


@pytest.mark.slow  # half a minute a page: each command is a process of its own
@pytest.mark.parametrize("page", ["networking", "scaling", "capacity-and-cost"])
def test_every_block_of_a_page_runs(page: str, tmp_path: Path) -> None:
    (tmp_path / "scenarios").symlink_to(REPOSITORY / "scenarios")
    failures, shim = tmp_path / "failures", tmp_path / "bin" / "ecssim"
    shim.parent.mkdir()
    shim.write_text(SHIM.format(python=sys.executable, failures=failures), "utf-8")
    shim.chmod(0o755)
    script = "\n".join(blocks((REPOSITORY / "docs" / f"{page}.md").read_text("utf-8")))
    assert "ecssim run " in script
    places = {"PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}
    ran = subprocess.run(
        ["bash", "-u", "-c", script], cwd=tmp_path, env=os.environ | places, capture_output=True, text=True, check=False
    )
    assert not failures.exists(), failures.read_text("utf-8") + ran.stderr
    assert ran.returncode in (0, 1), ran.stderr
    said = " ".join(ran.stdout.split())
    for shown in blocks((REPOSITORY / "docs" / f"{page}.md").read_text("utf-8"), language=""):
        for piece in pieces(shown):
            assert piece in said
