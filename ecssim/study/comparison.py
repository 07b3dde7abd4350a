"""What a comparison found: means, paired differences against the first arm, and a verdict in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, isnan
from typing import TYPE_CHECKING, Any

from ecssim.study.measures import MEASURES
from ecssim.study.paired import Difference, Estimate, Interval, difference, estimate

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Comparison:
    """Several arms (scenarios and variants) under the same seeds; ``arms[0]`` is what the others are held against.

    ``values[arm][measure]`` has one number a seed, in the order of ``seeds``; ``digests`` the scenario of each arm.
    """

    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    values: Mapping[str, Mapping[str, tuple[float, ...]]]
    digests: Mapping[str, str]
    confidence: float = 0.95
    interval: Interval = "t"

    @property
    def reference(self) -> str:
        """The arm that the others are held against."""
        return self.arms[0]

    @property
    def measures(self) -> tuple[str, ...]:
        """The measures that any arm has a number for."""
        every = [self.values[arm] for arm in self.arms]
        return tuple(name for name in MEASURES if any(not isnan(v) for of in every for v in of[name]))

    @cached_property
    def means(self) -> Mapping[str, Mapping[str, Estimate]]:
        """The mean of each measure of each arm, with its interval."""
        return {
            arm: {m: estimate(self.values[arm][m], self.confidence, self.interval) for m in MEASURES}
            for arm in self.arms
        }

    @cached_property
    def differences(self) -> Mapping[str, Mapping[str, Difference]]:
        """The paired difference of each measure of each arm but the first, to the first."""
        first = self.values[self.reference]
        return {
            arm: {m: difference(first[m], self.values[arm][m], self.confidence, self.interval) for m in MEASURES}
            for arm in self.arms[1:]
        }

    def table(self) -> pd.DataFrame:
        """One row for each arm and measure: its mean and interval, its difference to the first arm, and what
        pairing gave.
        """
        import pandas as pd

        return pd.DataFrame(self._rows())

    def _rows(self) -> list[dict[str, Any]]:
        nan = float("nan")
        rows = []
        for arm in self.arms:
            for name in self.measures:
                mean = self.means[arm][name]
                row: dict[str, Any] = {
                    "arm": arm,
                    "measure": name,
                    "unit": MEASURES[name].unit,
                    "mean": mean.mean,
                    "low": mean.low,
                    "high": mean.high,
                    "runs": mean.pairs,
                }
                if arm == self.reference:
                    found = Difference(nan, nan, nan, 0, nan)
                else:
                    found = self.differences[arm][name]
                row |= {
                    "difference": found.mean,
                    "difference_low": found.low,
                    "difference_high": found.high,
                    "pairs": found.pairs,
                    "clear": found.clear,
                    "variance_reduction": found.variance_reduction,
                }
                rows.append(row)
        return rows

    @property
    def verdict(self) -> tuple[str, ...]:
        """One sentence or two for each arm but the first: what it is better and worse at, what luck hides."""
        return tuple(self._verdict(arm) for arm in self.arms[1:])

    @property
    def ranking(self) -> tuple[str, ...]:
        """The arms in order, the best first, where services are scaled (:mod:`ecssim.study.ranking`)."""
        from ecssim.study.ranking import ranking

        return ranking(self)

    def _verdict(self, arm: str) -> str:
        better, worse, same, equal = [], [], [], []
        for name in self.measures:
            found = self.differences[arm][name]
            if not found.pairs:
                continue
            if self.values[arm][name] == self.values[self.reference][name]:
                equal.append(MEASURES[name].label)
            elif not found.clear:
                same.append(MEASURES[name].label)
            elif (found.mean < 0) == MEASURES[name].less_is_better:
                better.append(self._words(arm, name))
            else:
                worse.append(self._words(arm, name))
        parts = []
        if better:
            parts.append(f"better: {'; '.join(better)}")
        if worse:
            parts.append(f"worse: {'; '.join(worse)}")
        if same:
            parts.append(f"no difference that luck could not make: {', '.join(same)}")
        if equal:
            parts.append(f"the same in every run: {', '.join(equal)}")
        runs = f"{len(self.seeds)} seed{'s' if len(self.seeds) > 1 else ''}"
        if not better and not worse and same:
            hint = "" if len(self.seeds) > 1 else "; one seed cannot tell"
            parts.insert(0, f"not told apart{hint}")
        return f"{arm} against {self.reference} ({runs}). {'. '.join(_sentence(part) for part in parts)}."

    def _words(self, arm: str, name: str) -> str:
        found, measure = self.differences[arm][name], MEASURES[name]
        base = self.means[self.reference][name].mean
        share = f", {100 * found.mean / base:+.1f} %" if base and measure.unit != "share of requests" else ""
        return (
            f"{measure.label} {figure(base)} to {figure(self.means[arm][name].mean)}"
            f" ({_signed(found.mean)} {measure.unit}{share};"
            f" {100 * self.confidence:g} % interval {_signed(found.low)} to {_signed(found.high)})"
        )

    def text(self) -> str:
        """The comparison for people: a column for each arm, then the verdict."""
        heads = ["", *self.arms]
        rows = []
        for name in self.measures:
            row = [f"{MEASURES[name].label} ({MEASURES[name].unit})"]
            for arm in self.arms:
                mean = self.means[arm][name]
                half = (mean.high - mean.low) / 2.0
                spread = f" ± {figure(half)}" if half > 0.0 else ""
                mark = " *" if arm != self.reference and self.differences[arm][name].clear else ""
                row.append(f"{figure(mean.mean)}{spread}{mark}")
            rows.append(row)
        widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in [heads, *rows]
        ]
        lines.append(
            f"{len(self.seeds)} seeds, the same luck for all; ± is the half of a {100 * self.confidence:g} % interval, "
            f"* differs from {self.reference} beyond luck."
        )
        reductions = [
            self.differences[arm]["cost_usd"].variance_reduction
            for arm in self.arms[1:]
            if self.differences[arm]["cost_usd"].variance_reduction > 0
        ]
        if reductions:
            least = f"{100 * min(reductions):.0f}"
            taken = "all" if least == "100" else f"{least} % or more"
            lines.append(f"Pairing took {taken} of the variance out of the cost difference.")
        return "\n".join([*lines, *self.verdict, *self.ranking])

    def to_json(self) -> str:
        """Everything as one JSON document; what a run does not have is null."""
        document = {
            "arms": list(self.arms),
            "seeds": list(self.seeds),
            "confidence": self.confidence,
            "interval": self.interval,
            "digests": dict(self.digests),
            "rows": self._rows(),
            "values": {arm: {m: list(v) for m, v in self.values[arm].items()} for arm in self.arms},
            "verdict": list(self.verdict),
            "ranking": list(self.ranking),
        }
        return json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False)


def figure(value: float) -> str:
    """A number for people: four or five significant digits, no exponent."""
    if isnan(value):
        return "-"
    size = abs(value)
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 4 if size >= 0.01 or size == 0 else 6
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _signed(value: float) -> str:
    return f"+{figure(value)}" if value > 0 else figure(value)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value
