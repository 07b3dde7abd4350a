"""``ecssim.compare``: scenarios and their variants under the same luck, on all cores, without run folders.

Every arm plays every seed; launch k of a service has the same draws in all of them (addressed luck), so that the
differences are taken seed by seed. A worker sends back the measures of a run and nothing else. The result does not
depend on how many workers there were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecssim.errors import BadInput, Problem
from ecssim.study.comparison import Comparison
from ecssim.study.measures import MEASURES, measures

if TYPE_CHECKING:
    from ecssim.scenario.load import Loaded
    from ecssim.study.paired import Interval

BASE = "base"


def compare(
    scenario: Loaded | str | Path | Sequence[Loaded | str | Path],
    variants: Sequence[str] | None = None,
    seeds: int | Sequence[int] = 20,
    workers: int | None = None,
    *,
    confidence: float = 0.95,
    interval: Interval = "t",
    progress: Callable[[float], None] | None = None,
) -> Comparison:
    """Compare scenarios, or one scenario with its variants, under the same luck.

    :param scenario: one scenario or several; the first one, unchanged, is what the others are held against.
    :param variants: names of variants of each scenario; without it all variants of a single scenario.
    :param seeds: how many seeds, from the first scenario's on, or the seeds themselves.
    :param workers: how many processes; without it one for each core.
    :param interval: ``t``, or ``bootstrap`` for skewed numbers.
    :param progress: called with the share of runs that are done.
    :raises BadInput: if a scenario or variant is wrong, or there is nothing to compare.
    """
    arms = _arms(scenario, variants)
    first = next(iter(arms.values()))
    numbers = tuple(range(first.scenario.seed, first.scenario.seed + seeds) if isinstance(seeds, int) else seeds)
    if len(arms) < 2 or not numbers or len(set(numbers)) < len(numbers):
        what = "another scenario or a variant" if len(arms) < 2 else "one or more different seeds"
        raise BadInput([Problem("compare", 0, 0, f"there is nothing to compare: give {what}")])
    runs = [(arm, seed) for seed in numbers for arm in arms]
    found = dict(zip(runs, _play([(arms[arm], seed) for arm, seed in runs], workers, progress), strict=True))
    values = {arm: {m: tuple(found[arm, seed][m] for seed in numbers) for m in MEASURES} for arm in arms}
    digests = {arm: loaded.digest for arm, loaded in arms.items()}
    return Comparison(tuple(arms), numbers, values, digests, confidence, interval)


def _arms(
    scenario: Loaded | str | Path | Sequence[Loaded | str | Path], variants: Sequence[str] | None
) -> dict[str, Loaded]:
    """The scenarios to play by name, in order; everything that is wrong with any of them at once."""
    from ecssim.scenario.load import Loaded, load_scenario

    given = [scenario] if isinstance(scenario, Loaded | str | Path) else list(scenario)
    problems: list[Problem] = []
    bases: list[Loaded] = []
    for item in given:
        try:
            bases.append(item if isinstance(item, Loaded) else load_scenario(item))
        except BadInput as error:
            problems += error.problems
    names = _names(bases)
    arms: dict[str, Loaded] = {}
    for name, base in zip(names, bases, strict=True):
        arms[name] = base
        wanted = variants if variants is not None else list(base.scenario.variants) if len(given) == 1 else []
        for variant in wanted:
            try:
                arms[variant if len(given) == 1 else f"{name}/{variant}"] = base.under(variant)
            except BadInput as error:
                problems += error.problems
    if problems:
        raise BadInput(list(dict.fromkeys(problems)))
    return arms


def _names(bases: Sequence[Loaded]) -> list[str]:
    """A name for each scenario: ``base`` for one alone, else its own, with a number where two have the same."""
    if len(bases) == 1:
        return [bases[0].variant or BASE]
    own = [f"{base.scenario.name}/{base.variant}" if base.variant else base.scenario.name for base in bases]
    files = [base.path.stem if base.path is not None else name for base, name in zip(bases, own, strict=True)]
    twice = Counter(own)
    chosen = [file if twice[name] > 1 else name for name, file in zip(own, files, strict=True)]
    again = Counter(chosen)
    return [f"{name} {i + 1}" if again[name] > 1 else name for i, name in enumerate(chosen)]


def _play(
    runs: Sequence[tuple[Loaded, int]], workers: int | None, progress: Callable[[float], None] | None
) -> list[dict[str, float]]:
    """The measures of each run, in the order of ``runs``, whoever played them."""
    from joblib import Parallel, cpu_count, delayed

    wanted = min(workers or cpu_count(), len(runs))
    if wanted <= 1:
        results = (measured(loaded, seed) for loaded, seed in runs)
    else:
        pool = Parallel(n_jobs=wanted, return_as="generator")
        results = pool(delayed(measured)(loaded, seed) for loaded, seed in runs)
    found = []
    for done, result in enumerate(results, 1):
        found.append(result)
        if progress is not None:
            progress(done / len(runs))
    return found


def measured(loaded: Loaded, seed: int) -> dict[str, float]:
    """Play one run in memory and keep its measures."""
    from ecssim.run import Simulation

    simulation = Simulation(loaded, seed=seed)
    result = simulation.finish()
    if simulation.interrupted:
        raise KeyboardInterrupt
    return measures(result)
