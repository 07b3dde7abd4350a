"""Runs that die: a script that starts the same scenario again and again and kills each run somewhere else.

``python dying_runs.py FOLDER DEATHS``, where DEATHS is a JSON list: ``{"share": s}`` kills with SIGKILL after that
share of the CPU time that a whole run took here, ``{"rename": n}`` between the writing of a file and the n-th rename.
Run i goes to FOLDER/i. The runs are forks of one process, so that the imports are paid once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from small_scenarios import fleet

import ecssim.run as composition
from ecssim.record.recorder import Recorder
from ecssim.record.sinks import FolderSink, MemorySink
from ecssim.scenario.load import Loaded, load_mapping

#: Small parts, so that files are renamed all the time and not only at the end.
PART_ROWS = 700


def scenario() -> Loaded:
    """Eight hours of instances, services and jobs."""
    document = fleet()
    document["duration"] = "8h"
    document["jobs"][0]["arrivals"] = {"poisson": "5/min"}
    return load_mapping(document)


def run(loaded: Loaded, sink: FolderSink | MemorySink) -> Any:
    """Run with small parts into ``sink``; return the sink."""
    vars(composition)["Recorder"] = partial(Recorder, part_rows=PART_ROWS)
    composition.Simulation(loaded, sink=sink).finish()
    return sink


class Dies:
    """The hook of a folder sink: the process is gone before the n-th rename."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, _: Path) -> None:
        self.left -= 1
        if self.left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _wait_for(child: int, cpu: float) -> None:
    """Wait until the child has used ``cpu`` seconds: on a busy machine the wall clock does not say how far it is."""
    status = Path(f"/proc/{child}/stat")
    if not status.exists():
        time.sleep(cpu)
        return
    tick = os.sysconf("SC_CLK_TCK")
    while True:
        fields = status.read_text().rpartition(")")[2].split()
        if fields[0] == "Z" or (int(fields[11]) + int(fields[12])) / tick >= cpu:
            return
        time.sleep(0.002)


def main(folder: Path, deaths: list[dict[str, float]]) -> None:
    """Start and kill one run for each death; say of each whether it died of the kill."""
    loaded = scenario()
    began = time.process_time()
    run(loaded, FolderSink(folder / "whole"))
    whole = time.process_time() - began
    for number, death in enumerate(deaths):
        child = os.fork()
        if child == 0:
            hook = Dies(int(death["rename"])) if "rename" in death else None
            run(loaded, FolderSink(folder / str(number), before_rename=hook))
            os._exit(0)
        if "share" in death:
            _wait_for(child, death["share"] * whole)
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print(json.dumps(died), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]))
