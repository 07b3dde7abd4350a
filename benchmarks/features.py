"""What each feature costs: the day with one more of them at a time, in CPU a launch and in memory.

    python -m benchmarks.features --part 0.1 --hours 6

Every run is a process of its own; the features come in the order of ``day_scenario.FEATURES``, each on top of those
before it, and the whole row is gone through ``--rounds`` times, of which the median counts. What a feature costs is
the difference from the row before; a cost by the minute (traffic, policies) is spread over the launches.
"""

from __future__ import annotations

import argparse
import json
from statistics import median
from typing import Final

from benchmarks.day_scenario import FEATURES
from benchmarks.measure import Row, child, row

SIZES: Final = {"small": (0.02, 4.0, 1), "full": (0.1, 6.0, 3)}


def run(size: str) -> list[Row]:
    """Rows for one of :data:`SIZES`."""
    return costs(*SIZES[size])


def costs(part: float, hours: float, rounds: int) -> list[Row]:
    """One row for the plain day and one for every feature added."""
    steps = range(len(FEATURES) + 1)
    seen: list[list[float]] = [[] for _ in steps]
    last: list[dict[str, float]] = [{} for _ in steps]
    for _ in range(rounds):
        for step in steps:
            features = ("--features", *FEATURES[:step]) if step else ()
            got = last[step] = child("day", "--part", str(part), "--hours", str(hours), *features)
            seen[step].append(1e6 * got["cpu"] / got["launches"])
    rows = []
    before = 0.0
    for step in steps:
        us = median(seen[step])
        name = FEATURES[step - 1] if step else "plain"
        got = last[step]
        rows.append(
            row(
                f"day_cpu_a_launch_{name}",
                round(us, 1),
                "us",
                f"{'+' if step else ''}{us - before:.1f} us; {got['events'] / got['launches']:.2f} queue entries and "
                f"{got['rows'] / got['launches']:.1f} rows a launch, peak {got['peak_mib']} MiB; {part:g} of the day, "
                f"{hours:g} h, {got['launches']} launches, median of {rounds}",
            )
        )
        before = us
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=float, default=0.1)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    print(json.dumps(costs(given.part, given.hours, given.rounds), indent=1))


if __name__ == "__main__":
    main()
