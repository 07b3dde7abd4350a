"""Findings about scaling policies: services whose count goes to and fro."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ecssim.results.finding import WARNING, Finding
from ecssim.results.scaling_figures import ScalingFigures
from ecssim.results.wording import count

#: From so many flaps on, and from so many an hour, it is no chance: a day's rise and fall has one or two.
FEWEST: Final = 6
AN_HOUR: Final = 1.0


def scaling_findings(figures: Sequence[ScalingFigures], seconds: float) -> list[Finding]:
    """One finding for each service that flaps: it scales one way and soon back again, though its load does not."""
    return [_flaps(f) for f in figures if f.flaps >= FEWEST and f.flaps * 3600.0 >= AN_HOUR * seconds]


def _flaps(figures: ScalingFigures) -> Finding:
    text = (
        f"Service {figures.name} flapped: {count(figures.activities, 'scaling activity', 'scaling activities')}, "
        f"{figures.flaps} of them back within half an hour. Smaller steps, thresholds further apart or target tracking "
        "stop it; longer cooldowns alone only slow it down."
    )
    return Finding(WARNING, "scaling.flaps", figures.name, text)
