"""The target day, or a part of it, through ecssim: from the scenario document to a finished run folder.

    python -m benchmarks.day --part 0.1

``--part`` shrinks services, instances and tasks together; a whole day is 1,000 services on 5,000 instances
with 50,000 tasks and about a million launches. Timed is all that is ecssim: compile, run, tables on disk.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from benchmarks.day_scenario import EVERYTHING, FEATURES, day
from benchmarks.measure import peak_mib

#: A day must launch so many times its running tasks: 950,000 for the whole one.
TURNOVER = 19.0


def load_document(document: dict[str, Any], folder: Path) -> Any:
    """Write the document to a file and load it as a user would."""
    from ecssim.run import load

    path = folder / "scenario.json"
    path.write_text(json.dumps(document))
    return load(path)


def run_day(part: float, hours: float = 24.0, seed: int = 1, features: Collection[str] = ()) -> dict[str, float]:
    """Run ``part`` of the day and return what it cost and did."""
    from ecssim.run import simulate

    services, instances, tasks = round(1000 * part), round(5000 * part), round(50_000 * part)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = day(services=services, instances=instances, tasks=tasks, hours=hours, seed=seed, features=features)
        began = time.process_time()
        loaded = load_document(document, folder)
        load_cpu = time.process_time() - began
        began = time.process_time()
        simulation = simulate(loaded, out=folder / "run")
        engine = simulation.engine
        placed = len(engine.lifecycle.live)
        simulation.finish()
        cpu = time.process_time() - began
        tables = simulation.recorder.tables
        launches = engine.lifecycle.created - placed
        rows = {name: table.rows for name, table in tables.items()}
        assert placed == tasks, f"{placed} of {tasks} tasks were placed at the start"
        assert launches >= TURNOVER * tasks * hours / 24.0, f"only {launches} launches"
        assert rows["placements"] >= launches, "a launch without its verdict"
        assert rows["task_events"] >= 5 * launches, "task events are missing"
        assert rows["tasks"] == engine.lifecycle.created, "a task without its row"
        assert rows["service_metrics"] == services * round(hours * 60), "minutes are missing"
        written = sum(path.stat().st_size for path in (folder / "run").rglob("*.parquet"))
        assert written > 20 * launches, "the tables are not on disk"
    return {
        "cpu": cpu,
        "load_cpu": load_cpu,
        "launches": launches,
        "events": engine.kernel.events_done,
        "rows": sum(rows.values()),
        "table_bytes": written,
        "peak_mib": peak_mib(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=float, default=0.1)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--everything", action="store_true", help="traffic, scaling, a managed capacity provider")
    parser.add_argument("--features", nargs="*", choices=FEATURES, default=(), help="some parts of it and more")
    given = parser.parse_args()
    features = EVERYTHING if given.everything else given.features
    print(json.dumps(run_day(given.part, given.hours, features=features)))


if __name__ == "__main__":
    main()
