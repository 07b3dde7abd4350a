"""The choices that change an answer: every model option by name, with its default, values and rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, NamedTuple


class Option(NamedTuple):
    """One option: its field, the values it takes (empty: a number), the rule it belongs to, what it decides."""

    field: str
    values: tuple[str, ...]
    rule: str
    meaning: str


OPTIONS: Final[Mapping[str, Option]] = {
    "tieBreak": Option("tie_break", ("ordinal", "random"), "PLACE-027", "who wins among equals"),
    "subnetChoice": Option(
        "subnet_choice", ("random", "most_free"), "NET-043", "which of a zone's subnets a task goes to"
    ),
    "rollingStopFirst": Option(
        "rolling_stop_first",
        ("always", "when_no_room"),
        "DEPLOY-012",
        "whether old tasks stop before new ones start where the minimum allows it",
    ),
    "imagePullState": Option(
        "image_pull_state",
        ("ACTIVATING", "PENDING"),
        "LIFE-007",
        "under which lastStatus the image pull is shown",
    ),
    "groupCombination": Option(
        "group_combination", ("max", "sum"), "ASG-019", "how managed scaling combines the needs of task groups"
    ),
    "spotInterruptionsPerMonth": Option(
        "spot_interruptions_per_month",
        (),
        "SPOT-031",
        "expected interruptions of a Spot task or instance per month; 0: none",
    ),
    "spotDroughtMinutes": Option(
        "spot_drought_minutes", (), "SPOT-035", "mean minutes without capacity after a reclaim; 0: none"
    ),
    "spotShortagesPerWeek": Option(
        "spot_shortages_per_week", (), "SPOT-035", "shortages of a Spot pool without a reclaim per week; 0: none"
    ),
    "spotShortageMinutes": Option("spot_shortage_minutes", (), "SPOT-035", "mean minutes that such a shortage lasts"),
    "spotZoneShocksPerYear": Option(
        "spot_zone_shocks_per_year", (), "SPOT-036", "times a year that a zone loses all Spot for two hours"
    ),
    "warmStartShare": Option(
        "warm_start_share", (), "ASG-057", "share of a cold launch's time that an instance of a warm pool takes"
    ),
    "legacyMinStep": Option(
        "legacy_min_step",
        ("off", "on"),
        "ASG-022",
        "whether groups of several types or zones grow by exactly the minimum step, as the API once said",
    ),
    "maxScaleInStep": Option(
        "max_scale_in_step", (), "SCALE-024", "tasks that one scale-in of target tracking removes at most (0: no limit)"
    ),
    "scaleOutCooldownBase": Option(
        "scale_out_cooldown_base",
        ("before", "running"),
        "SCALE-041",
        "the capacity from which a further scale-out is computed while the cooldown of one runs",
    ),
    "pullBandwidth": Option(
        "pull_bandwidth",
        ("shared", "separate"),
        "AGENT-031",
        "whether image pulls that run side by side on an instance share its bandwidth",
    ),
    "pullRate": Option("pull_rate", (), "LIFE-084", "MB a second that an instance pulls, download and unpack together"),
    "fargatePullRates": Option(
        "fargate_pull_rates",
        ("measured", "estimated"),
        "FG-024",
        "how fast Fargate pulls: as published starts with large images say, or as estimated from the task's size",
    ),
    "agentRenewals": Option(
        "connection_renewals",
        ("hidden", "shown"),
        "AGENT-021",
        "whether the agents' renewals of their connections, every half hour, are instance events",
    ),
    "lazyLoadingPull": Option(
        "lazy_pull_share", (), "FG-025", "share of a lazily loaded image that is pulled before its containers start"
    ),
    "lazyLoadingPenalty": Option(
        "lazy_cpu_penalty", (), "FG-025", "share of the CPU that lazy loading takes in a container's first minute"
    ),
    "eniSlotRelease": Option(
        "eni_slot_release",
        ("deleted", "early"),
        "NET-021",
        "when placement counts the slot of a stopping task's interface as free: once that is deleted, or before",
    ),
    "plainServiceTimes": Option(
        "plain_service_times",
        ("exponential", "constant"),
        "LB-020",
        "whether a plain number of cpuSeconds is the mean of exponential times or the time of every request",
    ),
    "reachability": Option(
        "reachability",
        ("routes", "open"),
        "NET-081",
        "whether route tables, where a scenario lists any, decide what tasks reach; without any all is open",
    ),
    "memoryLimit": Option(
        "memory_limit",
        ("ignored", "enforced"),
        "AGENT-046",
        "whether a container is killed whose requests in flight need more memory than its hard limit",
    ),
    "imageSize": Option("image_size_mb", (), "LIFE-084", "compressed MB of images that `images` does not list"),
}


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options of one run."""

    tie_break: Literal["ordinal", "random"] = "ordinal"
    subnet_choice: Literal["random", "most_free"] = "random"
    rolling_stop_first: Literal["always", "when_no_room"] = "always"
    image_pull_state: Literal["ACTIVATING", "PENDING"] = "ACTIVATING"
    group_combination: Literal["max", "sum"] = "max"
    spot_interruptions_per_month: float = 0.078
    spot_drought_minutes: float = 60.0
    spot_shortages_per_week: float = 1.0
    spot_shortage_minutes: float = 30.0
    spot_zone_shocks_per_year: float = 0.0
    warm_start_share: float = 0.6
    legacy_min_step: Literal["off", "on"] = "off"
    max_scale_in_step: float = 0.0
    scale_out_cooldown_base: Literal["before", "running"] = "before"
    pull_bandwidth: Literal["shared", "separate"] = "shared"
    pull_rate: float = 60.0
    fargate_pull_rates: Literal["measured", "estimated"] = "measured"
    connection_renewals: Literal["hidden", "shown"] = "hidden"
    plain_service_times: Literal["exponential", "constant"] = "exponential"
    reachability: Literal["routes", "open"] = "routes"
    image_size_mb: float = 100.0
    lazy_pull_share: float = 0.3
    lazy_cpu_penalty: float = 0.1
    eni_slot_release: Literal["deleted", "early"] = "deleted"
    memory_limit: Literal["ignored", "enforced"] = "ignored"

    @property
    def random_ties(self) -> bool:
        """Whether ties are drawn."""
        return self.tie_break == "random"

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> ModelOptions:
        """Read the ``model`` section; names and values have been checked against :data:`OPTIONS`."""
        return cls(**{OPTIONS[name].field: value for name, value in given.items()})

    def named(self) -> dict[str, Any]:
        """Every option under its scenario name: what the manifest and the report print."""
        by_field = {option.field: name for name, option in OPTIONS.items()}
        return {by_field[f.name]: getattr(self, f.name) for f in fields(self)}
