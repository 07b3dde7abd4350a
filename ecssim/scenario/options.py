"""Model options: every choice of the model that changes an answer, with its default (house rule 19).

``model: {subnetChoice: random}`` in a scenario overrides one. A value is one of the listed words, true or
false, or a number that is not negative. The report prints the options of a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = str | bool | float


@dataclass(frozen=True, slots=True)
class ModelOption:
    """One choice: its default, the words that it may be (empty: a number or a bool), its rule and its
    meaning.
    """

    default: Value
    choices: tuple[str, ...]
    rule: str
    meaning: str


MODEL_OPTIONS: Mapping[str, ModelOption] = {
    "subnetChoice": ModelOption(
        "random",
        ("random", "mostFree"),
        "NET-043",
        "which of several subnets in the chosen zone gets the task",
    ),
    "tieBreak": ModelOption(
        "ordinal", ("ordinal", "random"), "PLACE-027", "which of equally good instances is taken"
    ),
    "zeroWeightBase": ModelOption(
        "honour", ("honour", "ignore"), "CAP-008", "whether a base counts on an item of weight 0"
    ),
    "imagePullState": ModelOption(
        "ACTIVATING",
        ("ACTIVATING", "PENDING"),
        "LIFE-007",
        "which state a task shows while it pulls its images",
    ),
    "eniOvercommit": ModelOption(
        False, (), "NET-021", "whether one task too many may be placed while ENI slots free up slowly"
    ),
    "groupCombination": ModelOption(
        "max", ("max", "sum"), "ASG-019", "how managed scaling combines the needs of several task groups"
    ),
    "spotInterruptionsPerMonth": ModelOption(
        0.078, (), "SPOT-031", "expected interruptions of a Spot task or instance per month; 0 is none"
    ),
    "spotDroughtMinutes": ModelOption(
        60.0, (), "SPOT-035", "mean minutes without Spot capacity after a reclaim; 0 is none"
    ),
    "spotShortagesPerWeek": ModelOption(
        1.0, (), "SPOT-035", "shortages of a Spot pool without a reclaim per week; 0 is none"
    ),
    "spotShortageMinutes": ModelOption(30.0, (), "SPOT-035", "mean minutes that such a shortage lasts"),
    "spotZoneShocksPerYear": ModelOption(
        0.0, (), "SPOT-036", "times a year that a zone loses all its Spot capacity for two hours"
    ),
}


def model_options(given: Mapping[str, Value]) -> dict[str, Value]:
    """All options with what the scenario overrides; unknown names were refused at load."""
    return {name: given.get(name, option.default) for name, option in MODEL_OPTIONS.items()}
