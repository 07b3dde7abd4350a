"""Help and `check` are light: what they import decides how long a person waits for a typo."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SCENARIO = REPOSITORY / "scenarios" / "demo.yaml"
PLOTTING = {"pandas", "matplotlib", "scipy"}
ENGINE = {"numpy", "simpy", "pyarrow"}

PROBE = """
import sys
from ecssim.cli import main
code = main(sys.argv[1:])
print("MODULES", code, *sorted({name.split(".")[0] for name in sys.modules}))
"""


def modules_after(*arguments: str) -> tuple[int, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        timeout=60,
    )
    _, code, *names = done.stdout.splitlines()[-1].split()
    return int(code), set(names)


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        pytest.param(
            ("--help",), PLOTTING | ENGINE | {"pydantic", "yaml"}, id="help imports the commands' names alone"
        ),
        pytest.param(("--version",), PLOTTING | ENGINE | {"pydantic", "yaml"}, id="so does the version"),
        pytest.param(("run", "--help"), PLOTTING | ENGINE, id="help of run imports no engine"),
        pytest.param(("check", str(SCENARIO)), PLOTTING | ENGINE, id="check reads a scenario without the engine"),
        pytest.param(("schema",), PLOTTING | ENGINE, id="schema needs the models alone"),
    ],
)
def test_a_light_command_imports_nothing_heavy(arguments: tuple[str, ...], forbidden: set[str]) -> None:
    code, modules = modules_after(*arguments)
    assert code == 0
    assert not modules & forbidden


def test_the_probe_sees_what_a_run_imports() -> None:
    code, modules = modules_after("run", str(SCENARIO), "--until", "60s", "--output", "json")
    assert code == 0
    assert modules >= {"numpy", "simpy"}
    assert not modules & {"matplotlib", "scipy"}
