"""One run as the planner of subnets sees it, and many of them on all cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ecssim.results.address_demand import Demand, demands, lasting, peak_between
from ecssim.results.facts import Facts
from ecssim.results.subnet_figures import subnet_figures

if TYPE_CHECKING:
    from ecssim.scenario.load import Loaded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run needed of each subnet, what it did not get, and what it cost.

    ``failed`` counts the allocations that found no address; ``missing`` is in task-minutes (wanted and not running);
    ``deploys_for`` is how long the longest deployment took, infinity for one that did not end; ``deploying`` names the
    services whose deployments were going on when a subnet had no address left.
    """

    seed: int
    needed: dict[str, int]
    failed: dict[str, int]
    usd: float
    hours: float
    missing: float
    deploys_for: float | None
    deploying: tuple[str, ...]

    @property
    def failures(self) -> int:
        """Allocations that failed in all subnets."""
        return sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class Job:
    """One run to play; ``window`` in seconds narrows what ``needed`` looks at, and the run ends with it."""

    loaded: Loaded
    seed: int
    window: tuple[float, float] | None = None


def play(job: Job) -> Run:
    """Play one run in memory and keep what the planner needs."""
    return _run(_facts(job), job)


def peaks(job: Job) -> tuple[Run, list[Demand], float | None]:
    """The same with the peak of each subnet told, and the moment for :func:`busy_moment`."""
    facts = _facts(job)
    return _run(facts, job), demands(facts), busy_moment(facts)


def _facts(job: Job) -> Facts:
    from ecssim.run import Simulation

    simulation = Simulation(job.loaded, seed=job.seed, until=job.window[1] if job.window is not None else None)
    result = simulation.finish()
    if simulation.interrupted:
        raise KeyboardInterrupt
    return Facts(result)


def _run(facts: Facts, job: Job) -> Run:
    from ecssim.results.address_fixes import rollouts_at

    figures = subnet_figures(facts)
    minutes = facts.raw("service_metrics")
    missing = minutes["desired_count"].astype(int) - minutes["running_count"]
    deploying: dict[str, None] = {}
    for of in figures:
        if of.first_failed is not None:
            deploying.update(dict.fromkeys(r.name for r in rollouts_at(facts, of.code, of.first_failed)))
    return Run(
        job.seed,
        {of.name: of.used_max if job.window is None else peak_between(facts, of, *job.window) for of in figures},
        {of.name: of.failed for of in figures},
        float(facts.result.bill().exact),
        facts.end / 3600.0,
        float(missing.clip(min=0).sum()),
        lasting(facts),
        tuple(deploying),
    )


#: A deployment this near (seconds) makes a moment no ordinary one.
NEAR = 600.0
#: Seconds of the run that must be left after the moment.
AFTER = 1_500.0


def busy_moment(facts: Facts) -> float | None:
    """The end of a minute with most addresses in use over all subnets while nothing is deployed; None without any.

    Of several it is the one in the middle, so that it is not the first after a change.
    """
    rows = facts.raw("subnet_metrics")
    if not len(rows):
        return None
    minutes, place = np.unique(rows["t"], return_inverse=True)
    used = np.bincount(place, weights=rows["used"])
    ends = minutes + 60.0
    allowed = ends <= facts.end - AFTER
    quiet = allowed.copy()
    for begin, end in zip(facts.deployments["started_at"], facts.deployments["finished_at"], strict=True):
        if begin > 0.0:
            quiet &= (ends < begin - NEAR) | (ends > (facts.end if np.isnan(end) else end) + NEAR)
    among = quiet if quiet.any() else allowed if allowed.any() else np.ones(len(ends), bool)
    best = np.flatnonzero(among & (used == used[among].max()))
    return float(min(ends[best[len(best) // 2]], facts.end - 60.0))


def every(jobs: Sequence[Job], work: Callable[[Job], T], workers: int | None, done: Callable[[], None]) -> list[T]:
    """Do ``work`` for each job, in the order of ``jobs``, on as many processes as asked for (one a core)."""
    from joblib import Parallel, cpu_count, delayed

    wanted = min(workers or cpu_count(), len(jobs))
    if wanted <= 1:
        results = (work(job) for job in jobs)
    else:
        results = Parallel(n_jobs=wanted, return_as="generator")(delayed(work)(job) for job in jobs)
    found = []
    for result in results:
        found.append(result)
        done()
    return found
