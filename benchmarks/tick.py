"""What one minute tick costs: a row of metrics per service, subnet and provider, packed into the tables.

    python -m benchmarks.tick

A steady cluster with 1 or 1,000 services in which nothing else happens; the tick is called by itself, the
median of many counts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.day import load_document
from benchmarks.day_scenario import day
from benchmarks.measure import Row, row

TICKS = {"small": 200, "full": 1000}
SERVICES = (1, 1000)


def tick_us(services: int, ticks: int) -> float:
    """Return the median CPU microseconds of one tick; asserts the rows that it wrote."""
    from ecssim.run import simulate

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = day(services=services, instances=services, tasks=2 * services)
        document["behaviour"] = {}
        engine = simulate(load_document(document, folder), out=folder / "run").engine
        metrics = engine.metrics
        table = engine.recorder.tables["service_metrics"]
        before = table.rows
        costs = []
        for _ in range(ticks):
            began = time.process_time_ns()
            metrics.publish()
            costs.append(time.process_time_ns() - began)
            metrics.minute += 1
            engine.recorder.spill()
        assert table.rows - before == ticks * services, "a tick without its rows"
    return median(costs) / 1000.0


def run(size: str = "full") -> list[Row]:
    """Return one row a number of services."""
    return [
        row(
            f"minute_tick_us_{services}",
            round(tick_us(services, TICKS[size]), 1),
            "us",
            f"median CPU of {TICKS[size]} ticks, {services} services x 2 tasks, 3 subnets, rows packed",
        )
        for services in SERVICES
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(TICKS), default="full")
    print(json.dumps(run(parser.parse_args().size)))


if __name__ == "__main__":
    main()
