"""Bare SimPy, the yardstick: the day's launches as stock processes with seven timeouts each, nothing else.

    python -m benchmarks.bare_simpy --launches 100000 --tasks 5000 --hours 24

No placement, no counting of services, no record. As in the day, ``tasks`` are running at t = 0, each with the
rest of its run time, and the launches come over the whole day; only ``Environment.run`` is timed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator

import numpy as np
import simpy

from benchmarks.measure import peak_mib

#: Mean seconds of the six short waits around RUNNING: three before, three after.
WAITS = (4.0, 0.5, 2.0, 1.0, 10.0, 1.0)
DRAWS = 1 << 14
SIGMA = float(np.log(162 / 60) / 1.6448536269514722)


def bare(launches: int, tasks: int, hours: float) -> dict[str, float]:
    """Run the day and return what it cost and did."""
    rng = np.random.default_rng(1)
    horizon = hours * 3600.0
    runs = (3600.0 * np.exp(SIGMA * rng.standard_normal(launches + tasks))).tolist()
    arrivals = np.sort(rng.uniform(0.0, horizon, launches)).tolist()
    waits = [rng.gamma(4, mean / 4, DRAWS).tolist() for mean in WAITS]
    before, after = waits[:3], waits[3:]
    environment = simpy.Environment()
    running = peak = started = 0

    def task(k: int, *, fresh: bool) -> Iterator[simpy.Event]:
        nonlocal running, peak, started
        timeout = environment.timeout
        j = k % DRAWS
        if fresh:
            for delays in before:
                yield timeout(delays[j])
            started += 1
        running += 1
        peak = max(peak, running)
        # What is there at the start has lived for a part of its time already.
        yield timeout(runs[k] if fresh else runs[k] * (j / DRAWS))
        running -= 1
        for delays in after:
            yield timeout(delays[j])

    def source() -> Iterator[simpy.Event]:
        for k in range(tasks):
            environment.process(task(k, fresh=False))
        for k, at in enumerate(arrivals, tasks):
            yield environment.timeout(at - environment.now)
            environment.process(task(k, fresh=True))

    environment.process(source())
    began = time.process_time()
    environment.run(until=horizon)
    cpu = time.process_time() - began
    assert started > 0.99 * launches - 200, f"{started} of {launches} launches reached RUNNING"
    assert running > 0.5 * tasks, f"{running} tasks at the end, the day has {tasks}"
    return {
        "cpu": cpu,
        "launches": launches,
        "started": started,
        "peak_running": peak,
        "peak_mib": peak_mib(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--launches", type=int, default=1_000_000)
    parser.add_argument("--tasks", type=int, default=50_000)
    parser.add_argument("--hours", type=float, default=24.0)
    given = parser.parse_args()
    print(json.dumps(bare(given.launches, given.tasks, given.hours)))


if __name__ == "__main__":
    main()
