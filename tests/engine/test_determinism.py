"""Same scenario, same seed: the same bytes, in any process and whatever the hashes of strings."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from small_scenarios import CASES

from ecssim.run import Simulation
from ecssim.scenario.load import Loaded, load_mapping, load_scenario

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "scenarios" / "demo.yaml"

SCRIPT = """
import json, sys
from small_scenarios import CASES
from ecssim.run import Simulation
from ecssim.scenario.load import load_mapping, load_scenario
for name, path, out in json.loads(sys.argv[1]):
    loaded = load_scenario(path) if path else load_mapping(CASES[name]())
    Simulation(loaded, out=out).finish()
"""


def steady_fleet() -> dict[str, Any]:
    """The fleet as it would be after a long time, with jobs under way."""
    return {**CASES["fleet"](), "initialState": "steady"}


def scenarios() -> dict[str, Loaded]:
    loaded = {name: load_mapping(case()) for name, case in CASES.items()}
    return loaded | {"steady fleet": load_mapping(steady_fleet()), "demo": load_scenario(DEMO)}


NAMES = ("fargate", "fleet", "steady fleet", "demo")


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file under ``tables/``, hidden ones too."""
    tables = folder / "tables"
    return {
        str(path.relative_to(tables)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(tables.rglob("*"))
        if path.is_file()
    }


def manifest_tables(folder: Path) -> dict[str, Any]:
    tables: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))["tables"]
    return tables


@pytest.mark.parametrize("name", NAMES)
def test_a_run_twice_in_one_process_gives_the_same_bytes(tmp_path: Path, name: str) -> None:
    loaded = scenarios()[name]
    for out in ("first", "second"):
        Simulation(loaded, out=tmp_path / out).finish()
    assert digests(tmp_path / "first") == digests(tmp_path / "second")
    assert manifest_tables(tmp_path / "first") == manifest_tables(tmp_path / "second")
    assert manifest_tables(tmp_path / "first")["task_events"]["rows"] > 100


def test_other_processes_with_other_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    names = ("fargate", "fleet", "demo")
    for name in names:
        Simulation(scenarios()[name], out=tmp_path / "here" / name).finish()
    for hash_seed in ("1", "4242"):
        wanted = [(name, str(DEMO) if name == "demo" else None, str(tmp_path / hash_seed / name)) for name in names]
        path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "tests")))
        subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(wanted)],
            check=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hash_seed},
            timeout=120,
        )
        for name in names:
            assert digests(tmp_path / hash_seed / name) == digests(tmp_path / "here" / name)


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_gives_another_run(tmp_path: Path, name: str) -> None:
    """Were the seed not used, the tests above would hold for the wrong reason."""
    loaded = scenarios()[name]
    first, second = (Simulation(loaded, seed=seed).finish().manifest["tables"] for seed in (1, 2))
    assert first["task_events"]["digest"] != second["task_events"]["digest"]


@pytest.mark.parametrize("name", NAMES)
def test_looking_at_a_run_does_not_change_it(name: str) -> None:
    """Feeds, describe, invariants and stops on the way: the world does not notice."""
    loaded = scenarios()[name]
    watched = Simulation(loaded, check=True)
    seen: list[Any] = []
    watched.subscribe(seen.append)
    for _ in range(7):
        watched.advance("97s")
        for what in ("tasks", "services", "container-instances", "subnets"):
            watched.describe(what)
    result = watched.finish()
    assert result.manifest["tables"] == Simulation(loaded, check=False).finish().manifest["tables"]
    assert len(seen) == result.manifest["events"]
