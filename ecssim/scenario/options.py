"""The model options that a scenario may set: names, values and rules (house rule 19).

``model: {subnetChoice: random}`` overrides one. What each does and its default are the engine's; a test holds
the two lists together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class ModelOption(NamedTuple):
    """One option: the words that it may be (empty: a number) and its rule."""

    choices: tuple[str, ...]
    rule: str


MODEL_OPTIONS: Mapping[str, ModelOption] = {
    "tieBreak": ModelOption(("ordinal", "random"), "PLACE-027"),
    "subnetChoice": ModelOption(("random", "most_free"), "NET-043"),
    "rollingStopFirst": ModelOption(("always", "when_no_room"), "DEPLOY-012"),
    "imagePullState": ModelOption(("ACTIVATING", "PENDING"), "LIFE-007"),
    "groupCombination": ModelOption(("max", "sum"), "ASG-019"),
    "spotInterruptionsPerMonth": ModelOption((), "SPOT-031"),
    "spotDroughtMinutes": ModelOption((), "SPOT-035"),
    "spotShortagesPerWeek": ModelOption((), "SPOT-035"),
    "spotShortageMinutes": ModelOption((), "SPOT-035"),
    "spotZoneShocksPerYear": ModelOption((), "SPOT-036"),
    "warmStartShare": ModelOption((), "ASG-057"),
    "legacyMinStep": ModelOption(("off", "on"), "ASG-022"),
    "maxScaleInStep": ModelOption((), "SCALE-024"),
    "scaleOutCooldownBase": ModelOption(("before", "running"), "SCALE-041"),
    "pullBandwidth": ModelOption(("shared", "separate"), "AGENT-031"),
    "pullRate": ModelOption((), "LIFE-084"),
    "fargatePullRates": ModelOption(("measured", "estimated"), "FG-024"),
    "agentRenewals": ModelOption(("hidden", "shown"), "AGENT-021"),
    "eniSlotRelease": ModelOption(("deleted", "early"), "NET-021"),
    "plainServiceTimes": ModelOption(("exponential", "constant"), "LB-020"),
    "reachability": ModelOption(("routes", "open"), "NET-081"),
    "memoryLimit": ModelOption(("ignored", "enforced"), "AGENT-046"),
    "imageSize": ModelOption((), "LIFE-084"),
    "lazyLoadingPull": ModelOption((), "FG-025"),
    "lazyLoadingPenalty": ModelOption((), "FG-025"),
}
