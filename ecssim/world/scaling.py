"""What is true now of scaling: scalable targets, their policies, alarms, and activities on their way.

Settings are what a document said and never change; a document put again under the same name replaces them.
Times are seconds from the start of the run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ecssim.world.services import Service


@dataclass(frozen=True, slots=True)
class AlarmSettings:
    """What an alarm watches: a column of the service metrics, of one service, and how it is judged.

    ``service`` is the number of a series if the column says so. ``minutes`` is the period, in minutes unless
    ``unit`` says that it counts pieces of so many seconds; ``periods`` of them are evaluated and ``datapoints`` must
    breach. ``operator``,
    ``treat`` are codes of :mod:`ecssim.decide.alarms`; ``metric`` is CloudWatch's name. ``actions`` are the
    names or ARNs of policies that a user's alarm triggers.
    """

    name: str
    metric: str
    column: str
    service: int
    threshold: float
    operator: int
    periods: int
    datapoints: int
    treat: int = 0
    minutes: int = 1
    unit: int = 60
    statistic: str = "Average"
    actions_enabled: bool = True
    actions: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class MetricAlarm:
    """One alarm: its state (a code), and the bit masks of its evaluation range.

    ``side`` is 1 for the managed high alarm of a policy, -1 for the low one, 0 for a user's. ``lag`` is how
    many minutes after its period a data point is evaluated. ``points`` holds the values of alarms that the
    masks do not serve: by phase of the period, oldest first.
    """

    settings: AlarmSettings
    code: int
    metric_code: int
    side: int = 0
    lag: int = 1
    policies: list[ScalingPolicy] = field(default_factory=list)
    state: int = 0
    real: int = 0
    breach: int = 0
    last_event: int = 0
    told: bool = False
    fresh: bool = True
    row: int = -1
    points: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TrackingSettings:
    """A target-tracking policy: the metric's column and name, its target value, cooldowns in seconds."""

    metric: str
    column: str
    service: int
    value: float
    out_cooldown: float
    in_cooldown: float
    disable_scale_in: bool = False
    statistic: str = "Average"
    unit: int = 60


@dataclass(frozen=True, slots=True)
class StepSettings:
    """A step policy: its steps (of :mod:`ecssim.decide.step_scaling`), cooldown and aggregation."""

    steps: Any
    cooldown: float
    aggregation: str = "Average"


@dataclass(slots=True, eq=False)
class ScalingPolicy:
    """One policy. ``cooldown`` is its state (of :mod:`ecssim.decide.target_tracking`); ``base`` the running
    count from which its last scale-out was computed; ``said`` the alarm event and the reason of the last
    not-scaled activity, so that one episode is told once. ``forecast`` is what a predictive policy knows.
    """

    name: str
    code: int
    target: ScalableTarget
    tracking: TrackingSettings | None
    steps: StepSettings | None
    cooldown: Any
    base: int = 0
    said: tuple[int, str] = (0, "")
    high: MetricAlarm | None = None
    low: MetricAlarm | None = None
    forecast: Any = None


@dataclass(slots=True, eq=False)
class Activity:
    """A change of the desired count that ECS has not fulfilled yet; ``policy`` is None if none asked for it."""

    event: int
    policy: ScalingPolicy | None
    outward: bool
    to: int
    policy_code: int
    give_up_at: float


@dataclass(slots=True, eq=False)
class ScalableTarget:
    """One service that may be scaled, with its bounds and what is suspended (SCALE-001, SCALE-045).

    ``busy_until`` is when its scheduled actions that fired so far are through (SCALE-064). Predictive scaling holds
    the count at ``floor`` at least within an hour, and may raise the maximum to ``ceiling`` for it (SCALE-071,
    SCALE-073).
    """

    service: Service
    resource: str
    code: int
    minimum: int
    maximum: int
    in_suspended: bool = False
    out_suspended: bool = False
    scheduled_suspended: bool = False
    policies: dict[str, ScalingPolicy] = field(default_factory=dict)
    actions: dict[str, ScheduledAction] = field(default_factory=dict)
    activity: Activity | None = None
    busy_until: float = 0.0
    floor: int = 0
    ceiling: int = 0

    @property
    def highest(self) -> int:
        """The maximum that holds now."""
        return max(self.maximum, self.ceiling)

    @property
    def lowest(self) -> int:
        """The minimum that holds now for policies that scale in."""
        return min(max(self.minimum, self.floor), self.highest)


@dataclass(slots=True, eq=False)
class ScheduledAction:
    """One scheduled action; ``moments`` yields the seconds at which it is still to fire, in order.

    ``epoch`` goes up when the action is replaced or its target is gone.
    """

    name: str
    target: ScalableTarget
    minimum: int | None
    maximum: int | None
    moments: Any
    epoch: int = 0
