"""What every benchmark here needs: rows of results, children with a process of their own, peak memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

Row = dict[str, object]


def row(name: str, value: float, unit: str, how: str) -> Row:
    """One line of ``results.json``."""
    return {"name": name, "value": value, "unit": unit, "how": how}


def peak_mib() -> int:
    """Peak resident memory of this process so far, in MiB (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1 << 20 if sys.platform == "darwin" else 1 << 10))


def child(module: str, *arguments: str) -> dict[str, Any]:
    """Run ``python -m benchmarks.<module>`` and return the JSON document that it prints last.

    A process of its own, so that neither side of a ratio inherits the other's heap or warm caches; without the
    checks of conservation that tests switch on.
    """
    environment = {name: value for name, value in os.environ.items() if name != "ECSSIM_CHECK"}
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
