"""What a plan of subnets holds: the need of each subnet, what was verified, what is left, what else would help."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from ecssim.results.address_demand import Demand
from ecssim.results.wording import count, duration, listed
from ecssim.study.resizing import usable
from ecssim.study.subnet_alternatives import Alternative

#: Consumers of a peak that are named.
NAMED = 6


@dataclass(frozen=True, slots=True)
class Tried:
    """What happened at one size of a subnet: in how many of the runs allocations failed, and how many did.

    ``refused`` is what the API says to a subnet of that size; then nothing was run.
    """

    prefix: int
    runs: int = 0
    failed_runs: int = 0
    failed: int = 0
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """Addresses that a surprise at the busiest ordinary moment would take at the most, and what is left then."""

    event: str
    needed: int
    left: int
    left_in_smallest: int


@dataclass(frozen=True, slots=True)
class Need:
    """One subnet: its peak in the worst seed, the smallest block that is enough, and how that was verified.

    ``now`` is its present prefix length; ``smaller`` what happened in the next smaller block (None: there is none).
    """

    subnet: str
    zone: str
    cidr: str
    now: int
    peak: Demand
    seed: int
    by_seed: tuple[int, ...]
    smallest: int
    present: Tried
    enough: Tried
    smaller: Tried | None
    headroom: tuple[Left, ...]

    @property
    def needed(self) -> int:
        """Addresses that were in use at once at the most, in any seed."""
        return max(self.by_seed)


@dataclass(frozen=True, slots=True)
class Effect:
    """What an alternative did when it was run: failures, addresses needed, cost and time against enough room.

    ``usd`` is for one run; ``usd_difference`` the mean difference to the runs with the smallest blocks that are
    enough, seed by seed. ``deploys_for`` is the longest deployment in seconds, infinity if one did not end.
    """

    alternative: Alternative
    runs: int
    failed_runs: int
    failed: int
    needed: Mapping[str, int]
    usd: float
    usd_difference: float
    deploys_for: float | None
    missing: float

    @property
    def fixes(self) -> bool:
        """Whether no allocation failed in any run."""
        return self.runs > 0 and not self.failed_runs


@dataclass(frozen=True, slots=True)
class SubnetPlan:
    """A plan for all subnets of a scenario, over ``seeds``; ``moment`` is where the surprises were put (seconds)."""

    scenario: str
    seeds: tuple[int, ...]
    hours: float
    usd: float
    deploys_for: float | None
    moment: float | None
    needs: tuple[Need, ...]
    effects: tuple[Effect, ...]

    def of(self, subnet: str) -> Need:
        """The need of one subnet."""
        return next(need for need in self.needs if need.subnet == subnet)

    @property
    def smallest(self) -> dict[str, int]:
        """The prefix length of the smallest block that is enough for each subnet."""
        return {need.subnet: need.smallest for need in self.needs}

    def to_json(self) -> str:
        """Everything as one JSON document; what is not known, or never ended, is null."""
        document = {
            "scenario": self.scenario,
            "seeds": list(self.seeds),
            "hours": self.hours,
            "usd": self.usd,
            "deploys_for": self.deploys_for,
            "moment": self.moment,
            "subnets": [
                {
                    **asdict(need),
                    "peak": need.peak.as_json(),
                    "needed": need.needed,
                    "usable": usable(need.now),
                    "smallest_usable": usable(need.smallest),
                }
                for need in self.needs
            ],
            "alternatives": [{**asdict(effect), "fixes": effect.fixes} for effect in self.effects],
        }
        return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False)

    def text(self) -> str:
        """The plan for people."""
        runs = f"{len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''}"
        lines = [f"Subnets of {self.scenario}, over {runs}", ""]
        lines += _table(
            ["subnet", "zone", "now", "usable", "needed", "smallest", "free in it", "in the present one"],
            [
                [
                    need.subnet,
                    need.zone,
                    f"/{need.now}",
                    str(usable(need.now)),
                    str(need.needed),
                    f"/{need.smallest}",
                    str(usable(need.smallest) - need.needed),
                    _outcome(need.present),
                ]
                for need in self.needs
            ],
        )
        for need in self.needs:
            lines += ["", *self._need(need)]
        lines += self._headroom()
        if self.effects:
            lines += ["", *self._alternatives()]
        return "\n".join(lines)

    def _need(self, need: Need) -> list[str]:
        if not need.needed:
            return [f"{need.subnet}: nobody has an address there"]
        held = sorted(need.peak.consumers.items(), key=lambda item: -item[1])
        lines = [
            f"{need.subnet}: {count(need.needed, 'address', 'addresses')} at the most, "
            f"at {need.peak.when} in seed {need.seed}",
            f"  held by  {listed([f'{name} {number}' for name, number in held], NAMED) or 'nobody'}",
            f"  because  {need.peak.cause}",
        ]
        verified = f"  /{need.smallest}  {_outcome(need.enough)} of {need.enough.runs} runs"
        if need.smaller is None:
            verified += "; AWS has no smaller subnets"
        elif need.smaller.refused is not None:
            verified += f"; a /{need.smaller.prefix} is refused: {need.smaller.refused}"
        else:
            verified += f"; /{need.smaller.prefix}  {_outcome(need.smaller)}"
        return [*lines, verified]

    def _headroom(self) -> list[str]:
        events = list(dict.fromkeys(left.event for need in self.needs for left in need.headroom))
        if not events or self.moment is None:
            return []
        rows = []
        for event in events:
            for need in self.needs:
                for left in need.headroom:
                    if left.event == event and left.needed:
                        rows.append(
                            [event, need.subnet, str(left.needed), _left(left.left), _left(left.left_in_smallest)]
                        )
        return [
            "",
            f"What else would fit at the busiest ordinary moment ({duration(self.moment)})",
            *_table(["surprise", "subnet", "would need", "left now", "left in the smallest"], rows),
        ]

    def _alternatives(self) -> list[str]:
        rows = []
        for effect in self.effects:
            of = effect.alternative
            if of.refused is not None:
                rows.append([of.kind, of.text, "cannot be done: " + of.refused, "", "", ""])
                continue
            outcome = Tried(0, effect.runs, effect.failed_runs, effect.failed)
            # Where allocations failed, what was in use was all there was.
            needed = "more than there is"
            if effect.fixes:
                needed = ", ".join(f"{name} {number}" for name, number in effect.needed.items() if number)
            rows.append(
                [
                    of.kind,
                    of.text,
                    _outcome(outcome),
                    needed,
                    _usd(effect.usd_difference, self.usd),
                    _took(effect.deploys_for),
                ]
            )
        took = f", longest deployment {_took(self.deploys_for)}" if self.deploys_for is not None else ""
        fixes = [effect for effect in self.effects if effect.fixes]
        lines = [
            f"What else was tried, against room for all ({self.usd:.4g} USD in {self.hours:g} h{took})",
            *_table(["change", "", "result", "needs", "cost", "deployment"], rows),
        ]
        for effect in fixes:
            sets = " ".join(f"--set {_quoted(option)}" for option in effect.alternative.options)
            lines.append(f"{effect.alternative.kind}: {sets}")
        return lines


def _outcome(tried: Tried) -> str:
    if not tried.failed_runs:
        return "no failure"
    return f"fails in {tried.failed_runs} of {tried.runs} ({count(tried.failed, 'allocation')})"


def _left(number: int) -> str:
    return str(number) if number >= 0 else f"{-number} short"


def _took(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return duration(seconds) if isfinite(seconds) else "does not end"


def _usd(difference: float, of: float) -> str:
    share = f" ({100 * difference / of:+.1f} %)" if of else ""
    return f"{difference:+.4f} USD{share}" if abs(difference) >= 0.00005 else "the same"


def _quoted(option: str) -> str:
    import shlex

    return shlex.quote(option)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in [heads, *rows]]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
