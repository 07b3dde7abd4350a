"""``ecssim subnets``: how large must each subnet be, measured with room for all and verified by running it.

First every seed is run with room that nobody fills: what is in use then is the demand, which a subnet that runs out
hides (what does not start asks for nothing more). The smallest blocks for it are then run, and each of them one size
smaller. Then the surprises: a deployment, a scale-out and a reclaim of Spot capacity at the busiest ordinary moment.
Then, if allocations fail today, what else would help.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from ecssim.errors import BadInput, Problem
from ecssim.results.address_demand import Demand
from ecssim.results.address_fixes import LARGEST_PREFIX, SMALLEST_PREFIX
from ecssim.scenario.load import Loaded, load_scenario
from ecssim.study import other_subnets
from ecssim.study import subnet_alternatives as ways
from ecssim.study.resizing import accepted, resized, roomy, sizes, smallest_for, usable
from ecssim.study.sidecars import sidecars
from ecssim.study.subnet_alternatives import Alternative
from ecssim.study.subnet_plan import Effect, Left, Need, SubnetPlan, Tried
from ecssim.study.subnet_runs import AFTER, Job, Run, every, peaks, play
from ecssim.study.surprises import surprises

#: Rounds in which room is made larger until nothing fails in it, or a verified block until nothing does.
ROUNDS = 4
#: Seeds with the greatest need that an alternative has to pass before the others are run.
WORST = 3


def subnets(
    scenario: Loaded | str | Path,
    seeds: int | Sequence[int] = 20,
    workers: int | None = None,
    *,
    headroom: bool = True,
    alternatives: bool = True,
    progress: Callable[[int], None] | None = None,
) -> SubnetPlan:
    """Plan the subnets of a scenario.

    :param seeds: how many seeds, from the scenario's on, or the seeds themselves.
    :param workers: how many processes; without it one for each core.
    :param headroom: whether to measure what surprises would take.
    :param alternatives: whether to try what else would help where allocations fail.
    :param progress: called with the number of runs that are done.
    :raises BadInput: if the scenario is wrong or has no subnets with IPv4 addresses.
    """
    loaded = scenario if isinstance(scenario, Loaded) else load_scenario(scenario)
    first = loaded.scenario.seed
    numbers = tuple(range(first, first + seeds) if isinstance(seeds, int) else seeds)
    if not sizes(loaded) or not numbers:
        raise BadInput(
            [Problem(str(loaded.path or "scenario"), 0, 0, "there is no subnet with IPv4 addresses to plan")]
        )
    return _Planner(loaded, numbers, workers, progress).plan(headroom, alternatives)


class _Planner:
    def __init__(
        self, loaded: Loaded, seeds: tuple[int, ...], workers: int | None, progress: Callable[[int], None] | None
    ) -> None:
        self.loaded = loaded
        self.seeds = seeds
        self.workers = workers
        self.progress = progress
        self.done = 0
        self.now = sizes(loaded)
        #: Where the choice of a subnet looks at how many addresses are free, another size is another run (NET-043).
        self.size_matters = loaded.scenario.model.get("subnetChoice") == "most_free"

    def plan(self, headroom: bool, alternatives: bool) -> SubnetPlan:
        """Measure, size, verify; then the surprises and the alternatives."""
        room, found = self._measure()
        runs = [run for run, _, _ in found]
        need = {name: tuple(run.needed.get(name, 0) for run in runs) for name in self.now}
        size, enough = self._verify(accepted(self.loaded, {name: smallest_for(max(need[name])) for name in need}))
        present = self._present(need)
        moment = next((at for _, _, at in found if at is not None), None)
        left = self._headroom(room, size, moment) if headroom and moment is not None else {}
        needs = []
        for name in self.now:
            worst = max(range(len(runs)), key=lambda i: (need[name][i], -i))
            peak = next(d for d in found[worst][1] if d.subnet == name)
            failing = [run.failed.get(name, 0) for run in present]
            needs.append(
                Need(
                    name,
                    peak.zone,
                    next(str(s.cidr_block) for s in self.loaded.scenario.subnets if s.subnet_id == name),
                    self.now[name],
                    peak,
                    self.seeds[worst],
                    need[name],
                    size[name],
                    _tried(self.now[name], failing, len(self.seeds)),
                    _tried(size[name], [run.failed.get(name, 0) for run in enough], len(self.seeds)),
                    self._smaller(size, name, need[name]),
                    tuple(left.get(name, ())),
                )
            )
        effects: list[Effect] = []
        if alternatives and any(run.failures for run in present):
            peaks_of = [d for _, demands, _ in found for d in demands]
            effects = self._alternatives(present, enough, need, peaks_of)
        took = [run.deploys_for for run in enough if run.deploys_for is not None]
        return SubnetPlan(
            self.loaded.scenario.name,
            self.seeds,
            enough[0].hours,
            fmean(run.usd for run in enough),
            max(took) if took else None,
            moment,
            tuple(needs),
            tuple(effects),
        )

    # -- the sizes --------------------------------------------------------------------------------------------

    def _measure(self) -> tuple[dict[str, int], list[tuple[Run, list[Demand], float | None]]]:
        """Run every seed with room that nobody fills."""
        room = roomy(self.loaded)
        for _ in range(ROUNDS):
            found = every(self._jobs(resized(self.loaded, room)), peaks, self.workers, self._step)
            full = {name for run, _, _ in found for name, number in run.failed.items() if number}
            grown = {name: max(SMALLEST_PREFIX, p - 3) if name in full else p for name, p in room.items()}
            if grown == room:
                break
            room = grown
        return room, found

    def _verify(self, size: dict[str, int]) -> tuple[dict[str, int], list[Run]]:
        """Run the sizes; where an allocation fails after all, the block is one larger, and all is run again."""
        for _ in range(ROUNDS):
            runs = self._play(resized(self.loaded, size))
            full = {name for run in runs for name, number in run.failed.items() if number}
            larger = {name: max(SMALLEST_PREFIX, p - 1) if name in full else p for name, p in size.items()}
            if larger == size:
                break
            size = larger
        return size, runs

    def _smaller(self, size: Mapping[str, int], name: str, need: Sequence[int]) -> Tried | None:
        """Run one size smaller for one subnet, in the seeds in which it could fail."""
        prefix = size[name] + 1
        if prefix > LARGEST_PREFIX:
            return None
        try:
            loaded = resized(self.loaded, {**size, name: prefix})
        except BadInput as error:
            return Tried(prefix, refused=error.problems[0].message)
        # With no more asked for than there is, it is the run that was made already.
        seeds = [s for s, n in zip(self.seeds, need, strict=True) if n > usable(prefix)]
        runs = self._play(loaded, self.seeds if self.size_matters or not seeds else seeds)
        return _tried(prefix, [run.failed.get(name, 0) for run in runs], len(self.seeds))

    def _present(self, need: Mapping[str, Sequence[int]]) -> list[Run]:
        """Run the scenario as it is, in the seeds in which something could fail."""
        seeds = [
            seed
            for i, seed in enumerate(self.seeds)
            if self.size_matters or any(need[name][i] > usable(self.now[name]) for name in need)
        ]
        return self._play(self.loaded, seeds) if seeds else []

    # -- surprises and alternatives -----------------------------------------------------------------------------

    def _headroom(self, room: Mapping[str, int], size: Mapping[str, int], moment: float) -> dict[str, list[Left]]:
        """What each surprise would need of each subnet at the moment, measured with room for all."""
        loaded = resized(self.loaded, room)
        left: dict[str, list[Left]] = {name: [] for name in self.now}
        window = (moment, min(moment + AFTER, float(self.loaded.scenario.duration)))
        for surprise in surprises(loaded, moment):
            changed = loaded.changed(surprise.options)
            jobs = [Job(changed, seed, window) for seed in self.seeds[:WORST]]
            runs = every(jobs, play, self.workers, self._step)
            for name in self.now:
                most = max(run.needed.get(name, 0) for run in runs)
                left[name].append(Left(surprise.text, most, usable(self.now[name]) - most, usable(size[name]) - most))
        return left

    def _alternatives(
        self,
        present: Sequence[Run],
        enough: Sequence[Run],
        need: Mapping[str, Sequence[int]],
        demands: Sequence[Demand],
    ) -> list[Effect]:
        loaded = self.loaded
        full = [name for name in self.now if any(run.failed.get(name, 0) for run in present)]
        deploying = list(dict.fromkeys(name for run in present for name in run.deploying))
        against = {run.seed: run for run in enough}
        order = [run.seed for run in sorted(present, key=lambda run: (-run.failures, run.seed))]
        order += [seed for seed in self.seeds if seed not in order]

        def effects(ones: Iterable[Alternative | None]) -> list[Effect]:
            return [self._effect(one, order, against) for one in ones if one is not None]

        found = effects([ways.larger(loaded, {name: max(need[name]) for name in full})])
        found += self._waves(ways.smaller_waves(loaded, deploying), order, against)
        found += effects([other_subnets.one_more_subnet(loaded, full), other_subnets.elsewhere(loaded, full)])
        if any(cause.kind == "load_balancers" for d in demands if d.subnet in full for cause in d.causes):
            found += effects([other_subnets.balancers_apart(loaded, full)])
        found += effects([*sidecars(loaded), ways.trunking(loaded)])
        found += effects([ways.bridge(loaded), other_subnets.ipv6_only(loaded, full)])
        return found

    def _waves(self, waves: Sequence[Alternative], order: Sequence[int], against: Mapping[int, Run]) -> list[Effect]:
        """The effect of the first that holds in every seed; of the last if none does: how far one gets that way."""
        for wave in waves:
            outcome = ways.changed(self.loaded, wave)
            if wave is waves[-1] or isinstance(outcome, Alternative):
                return [self._effect(wave, order, against)]
            if self._play(outcome, order[:1])[0].failures:
                continue
            effect = self._effect(wave, order, against)
            if effect.fixes:
                return [effect]
        return []

    def _effect(self, alternative: Alternative, order: Sequence[int], against: Mapping[int, Run]) -> Effect:
        """Run an alternative: in the worst seeds first, and in all of them if it holds there."""
        outcome = alternative if alternative.refused is not None else ways.changed(self.loaded, alternative)
        if isinstance(outcome, Alternative):
            nan = float("nan")
            return Effect(outcome, 0, 0, 0, {}, nan, nan, None, nan)
        runs = self._play(outcome, order[:WORST])
        if not any(run.failures for run in runs):
            runs += self._play(outcome, order[WORST:])
        took = [run.deploys_for for run in runs if run.deploys_for is not None]
        names = dict.fromkeys(name for run in runs for name in run.needed)
        return Effect(
            alternative,
            len(runs),
            sum(run.failures > 0 for run in runs),
            sum(run.failures for run in runs),
            {name: max(run.needed.get(name, 0) for run in runs) for name in names},
            fmean(run.usd for run in runs),
            fmean(run.usd - against[run.seed].usd for run in runs),
            max(took) if took else None,
            fmean(run.missing for run in runs),
        )

    # -- runs ---------------------------------------------------------------------------------------------------

    def _jobs(self, loaded: Loaded, seeds: Sequence[int] | None = None) -> list[Job]:
        return [Job(loaded, seed) for seed in (self.seeds if seeds is None else seeds)]

    def _play(self, loaded: Loaded, seeds: Sequence[int] | None = None) -> list[Run]:
        return every(self._jobs(loaded, seeds), play, self.workers, self._step)

    def _step(self) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done)


def _tried(prefix: int, failures: Sequence[int], runs: int) -> Tried:
    return Tried(prefix, runs, sum(number > 0 for number in failures), sum(failures))
