"""All benchmarks: ``python benchmarks/run.py --size small|full`` writes ``benchmarks/results.json``.

A list of ``{name, value, unit, how}``. Every benchmark asserts the work that it did beside the time; CPU is
process time. Ratios are taken within one run: both sides alternate, each in a process of its own, and the
median of the pairs counts. ``small`` is one tenth and one hundredth of the day, ``full`` the whole day.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import addresses, day_scenario, features, fleet_index, load_step, scaling_tick, tick
from benchmarks.measure import ROOT, Row, child, row

#: Parts of the day by size, with the number of pairs; the last part gives the names without a suffix.
PARTS = {"small": ((0.01, 3), (0.1, 3)), "full": ((1.0, 1),)}
NAIVE_LAUNCHES = {"small": 5_000, "full": 50_000}
SATURATED = {"small": (0.1, 4.0), "full": (1.0, 1.0)}
FLEET = {"small": "small", "full": "full"}


def the_day(part: float, pairs: int, suffix: str, name: str = "day", added: Sequence[str] = ()) -> list[Row]:
    """The day against bare SimPy with the same number of launches, in ``pairs`` alternating pairs."""
    options = ("--part", str(part), *(["--features", *added] if added else []))
    ratios, ours, theirs = [], [], []
    launches = 0
    for pair in range(pairs):
        if pair % 2 == 0:
            ours.append(child("day", *options))
            launches = int(ours[-1]["launches"])
        bare = child("bare_simpy", "--launches", str(launches), "--tasks", str(round(50_000 * part)))
        theirs.append(bare["cpu"])
        if pair % 2 == 1:
            ours.append(child("day", *options))
        ratios.append(ours[-1]["cpu"] / bare["cpu"])
    last = ours[-1]
    share = "the whole day" if part == 1 else f"1/{round(1 / part)} of the day"
    how = (
        f"{share}: compile, run and tables in a folder, {launches} launches, {last['events']} queue entries, "
        f"{last['rows']} rows"
    )
    return [
        row(
            f"{name}_cpu_vs_bare_simpy{suffix}",
            round(median(ratios), 3),
            "ratio",
            f"{how}; median of {pairs} alternating pairs, bare {median(theirs):.2f} s CPU, "
            f"ecssim {median(o['cpu'] for o in ours):.2f} s",
        ),
        row(f"{name}_peak_mib{suffix}", max(int(o["peak_mib"]) for o in ours), "MiB", f"ru_maxrss, {share}"),
        row(f"{name}_launches{suffix}", launches, "launches", how),
    ]


def naive(size: str) -> list[Row]:
    """The same launches by a process per task and a scan per placement."""
    got = child("naive_model", "--launches", str(NAIVE_LAUNCHES[size]))
    return [
        row(
            "launches_cpu_vs_naive",
            round(got["naive_cpu"] / got["cpu"], 2),
            "times faster",
            f"{got['launches']} launches on 5,000 instances, {got['same']} placements the same: naive "
            f"{got['naive_cpu']:.1f} s CPU over ecssim {got['cpu']:.1f} s, both records in memory",
        )
    ]


def saturated(size: str) -> list[Row]:
    """A full cluster with waiting demand against the same one with room."""
    part, hours = SATURATED[size]
    got = child("saturated", "--part", str(part), "--hours", str(hours))
    return [
        row(
            "saturated_vs_free_cpu",
            round(got["ratio"], 3),
            "ratio",
            f"CPU per launch, {round(5000 * part)} instances, {got['waiting']} tasks of 200 services wait, "
            f"{got['launches']} launches in {hours} h",
        )
    ]


def everything(size: str) -> Iterator[list[Row]]:
    """Run all benchmarks of one size, one after the other."""
    parts = PARTS[size]
    for part, pairs in parts:
        yield the_day(part, pairs, "" if part == parts[-1][0] else f"_{round(1 / part)}th")
    part, pairs = parts[-1]
    pairs = 1 if size == "full" else pairs
    yield the_day(part, pairs, "", "day_everything", day_scenario.EVERYTHING)
    yield the_day(part, pairs, "", "day_every_feature", day_scenario.FEATURES)
    yield features.run(size)
    yield naive(size)
    yield saturated(size)
    yield tick.run(size)
    yield scaling_tick.run(size)
    yield addresses.run(size)
    yield load_step.run(size)
    yield fleet_index.run(FLEET[size])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=sorted(PARTS), default="full")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results.json")
    given = parser.parse_args()
    rows: list[Row] = []
    for some in everything(given.size):
        rows += some
        for one in some:
            print(f"{one['name']:45} {one['value']:>12} {one['unit']}", file=sys.stderr, flush=True)
        # After each benchmark, so that a run that is broken off leaves what it has.
        given.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
