"""Ctrl-C, closed pipes and terminals: how a command ends when somebody does not wait for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from small_scenarios import fleet
from yamlcore import CCoreDumper

import ecssim

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A scenario that runs for longer than any test waits."""
    path = tmp_path / "endless.yaml"
    path.write_text(yaml.dump({**fleet(), "duration": "365d"}, Dumper=CCoreDumper, sort_keys=False), "utf-8")
    return path


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ecssim", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "ECSSIM_CHECK": ""},
    )


def until_committed(folder: Path, hours: int) -> None:
    """Wait until the run has committed some hours."""
    log = folder / "tables" / ".hours"
    deadline = time.monotonic() + 60.0
    while not log.exists() or log.read_bytes().count(b"\n") < hours:
        assert time.monotonic() < deadline, "the run does not get on"
        time.sleep(0.02)


def test_ctrl_c_keeps_the_tables_and_still_prints_the_summary(tmp_path: Path, endless: Path) -> None:
    run = start(tmp_path, "run", str(endless), "--out", "out", "--output", "json")
    until_committed(tmp_path / "out", 3)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "Traceback" not in err
    summary = json.loads(out)
    assert summary["complete"] is False
    assert summary["expect"] == []
    result = ecssim.open(tmp_path / "out")
    assert not result.complete
    assert result.manifest["simulated"] >= 3 * 3600.0
    # To the moment of the interrupt, not to the last whole hour.
    assert result.task_events["t"].max() > result.hours[-1].t or result.manifest["simulated"] % 3600.0 < 60.0
    assert len(result.tasks) > 100
    assert json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))["complete"] is False


def test_ctrl_c_before_the_first_event_ends_with_130_too(tmp_path: Path) -> None:
    script = (
        "import sys, ecssim.scenario.load as load\n"
        "def interrupted(*_, **__): raise KeyboardInterrupt\n"
        "load.load_scenario = interrupted\n"
        "from ecssim.cli import main\n"
        "sys.exit(main(['run', 'x.yaml']))"
    )
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=env, cwd=tmp_path, check=False
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr


def in_bash(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line for bash in which ``ecssim`` is this one."""
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    line = command.replace("ecssim", f"{sys.executable} -m ecssim", 1)
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=env, cwd=folder, check=False)


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    done = in_bash("ecssim catalog instance-types | head -n 1; echo ${PIPESTATUS[0]}", tmp_path)
    first, code = done.stdout.splitlines()
    assert first.startswith("instanceType")
    # As if the signal of the pipe had ended it; 1 would say that an expectation failed.
    assert code == "141"
    assert done.stderr == ""


def test_a_closed_stdout_is_no_error(tmp_path: Path) -> None:
    done = in_bash("ecssim catalog quotas >&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
@pytest.mark.parametrize("command", ["catalog quotas", "catalog instance-types", "--help"])
def test_a_full_disk_is_no_bug(tmp_path: Path, command: str) -> None:
    done = in_bash(f"ecssim {command} > /dev/full", tmp_path)
    assert (done.returncode, done.stderr) == (2, "the output cannot be written: No space left on device\n")


def test_progress_goes_to_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    scenario = str(REPOSITORY / "scenarios" / "demo.yaml")
    ours, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TERM": "xterm"}
    command = [sys.executable, "-m", "ecssim", "run", scenario, "--output", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=env, cwd=tmp_path) as run:
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 65_536):
                shown += chunk
        except OSError:
            pass  # a terminal whose last writer is gone says so with an error
        out = run.stdout.read() if run.stdout is not None else b""
    os.close(ours)
    assert run.returncode == 0
    assert b"simulated hours" in shown
    assert json.loads(out)["complete"] is True
