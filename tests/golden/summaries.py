"""What a golden summary holds, for those who write it and for the test that compares."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ecssim

GOLDEN = Path(__file__).parent
ROOT = GOLDEN.parents[1]
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))


def summary_of(path: Path, sets: list[str] | None = None, variant: str | None = None) -> dict[str, Any]:
    """The summary of one run of a scenario."""
    return ecssim.run(ecssim.load(path, sets=sets or [], variant=variant)).summary()


def comparable(summary: dict[str, Any]) -> dict[str, Any]:
    """A summary as JSON gives it back, without what changes when nothing about the run does.

    That is the version, and the list of model options, which grows with every release.
    """
    run = {key: value for key, value in summary["run"].items() if key not in ("ecssim", "model")}
    read: dict[str, Any] = json.loads(json.dumps({**summary, "run": run}))
    return read
