"""The scenario: everything that a run needs, as one frozen document (design section 5).

AWS sections keep the APIs' names and units; the simulation-only sections (``images``, ``behaviour``,
``traffic``, ``jobs``, ``timeline``, ``timing``, ``model``, ``prices``) take human units. Use
``load.load_scenario`` to read a file with all of its problems at once; this module only says what a scenario
may hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from ecssim.aws.cluster import AutoScalingGroup, CapacityProvider, Cluster
from ecssim.aws.load_balancing import Listener, LoadBalancer, TargetGroup
from ecssim.aws.network import (
    AccountSettings,
    NatGateway,
    RouteTable,
    SecurityGroup,
    Subnet,
    Vpc,
    VpcEndpoint,
)
from ecssim.aws.scaling import Alarm, ScalableTarget, ScalingPolicy, ScheduledAction
from ecssim.aws.service import Service
from ecssim.aws.shape import JsonObject, Name, Region, Shape, bad
from ecssim.aws.task_definition import TaskDefinition
from ecssim.scenario.behaviour import Behaviour, ImageFacts
from ecssim.scenario.distributions import DurationDistribution
from ecssim.scenario.expect import Expectation
from ecssim.scenario.jobs import Job
from ecssim.scenario.prices import Prices
from ecssim.scenario.spot_pools import SpotPoolFacts
from ecssim.scenario.timeline import TimelineEntry
from ecssim.scenario.traffic import Traffic
from ecssim.scenario.units import Duration, Number

DEFAULT_START = datetime(2026, 1, 1, tzinfo=UTC)


def _read_start(written: object) -> datetime:
    try:
        moment = datetime.fromisoformat(written) if isinstance(written, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise bad("a timestamp with its zone (2026-03-02T08:00:00Z)")
    return moment.astimezone(UTC)


def _read_quotas(written: object) -> object:
    if isinstance(written, str) and written not in ("mature", "new"):
        raise bad("mature, new, or {quota: number}")
    return {"base": written} if isinstance(written, str) else written


class Quotas(Shape):
    """The account's quotas: a base (``mature`` or ``new``) and single values that override it.

    Counts are counts, rates are per second, vCPU quotas are vCPUs. Written as ``mature``, ``new`` or
    ``{fargateOnDemandVcpu: 6, base: new}``; names are checked against the catalogue.
    """

    model_config = ConfigDict(extra="allow")

    base: Literal["mature", "new"] = "mature"

    @property
    def overrides(self) -> Mapping[str, float]:
        """Single quotas by name."""
        return dict(self.__pydantic_extra__ or {})


class Account(Shape):
    """The AWS account: quotas and ECS account settings."""

    quotas: Annotated[Quotas, BeforeValidator(_read_quotas), WithJsonSchema({"type": ["string", "object"]})] = Field(
        default_factory=Quotas
    )
    settings: AccountSettings = Field(default_factory=AccountSettings)
    account_id: Annotated[str, Field(pattern=r"^\d{12}$")] = "123456789012"


class Timing(Shape):
    """The timing profile; any named delay may be overridden by a distribution in seconds."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, DurationDistribution]

    profile: Literal["typical", "fixed"] = "typical"

    @property
    def overrides(self) -> Mapping[str, Any]:
        """Distributions by the name of the delay, in seconds."""
        return dict(self.__pydantic_extra__ or {})


class Scenario(Shape):
    """One scenario."""

    ecssim: Literal[1]
    name: Name
    description: str | None = None
    region: Region = "us-east-1"
    start: Annotated[
        datetime,
        PlainValidator(_read_start),
        WithJsonSchema({"type": "string", "format": "date-time"}),
    ] = DEFAULT_START
    duration: Duration
    seed: Annotated[int, Field(ge=0)] = 0
    initial_state: Literal["empty", "steady"] = "empty"
    allow: tuple[Literal["mixedCapacityProviderStrategy", "customPlacementStrategy"], ...] = ()

    account: Account = Field(default_factory=Account)
    vpcs: tuple[Vpc, ...] = ()
    subnets: tuple[Subnet, ...] = ()
    nat_gateways: tuple[NatGateway, ...] = ()
    vpc_endpoints: tuple[VpcEndpoint, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    auto_scaling_groups: tuple[AutoScalingGroup, ...] = ()
    capacity_providers: tuple[CapacityProvider, ...] = ()
    clusters: tuple[Cluster, ...] = ()
    task_definitions: tuple[TaskDefinition, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    load_balancers: tuple[LoadBalancer, ...] = ()
    listeners: tuple[Listener, ...] = ()
    services: tuple[Service, ...] = ()
    scalable_targets: tuple[ScalableTarget, ...] = ()
    scaling_policies: tuple[ScalingPolicy, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    scheduled_actions: tuple[ScheduledAction, ...] = ()

    images: Mapping[str, ImageFacts] = Field(default_factory=dict)
    spot_pools: Mapping[str, SpotPoolFacts] = Field(default_factory=dict)
    behaviour: Mapping[str, Behaviour] = Field(default_factory=dict)
    traffic: tuple[Traffic, ...] = ()
    jobs: tuple[Job, ...] = ()
    timeline: tuple[TimelineEntry, ...] = ()
    timing: Timing = Field(default_factory=Timing)
    model: Mapping[str, str | bool | Number] = Field(default_factory=dict)
    prices: Prices = Field(default_factory=Prices)
    variants: Mapping[str, JsonObject] = Field(default_factory=dict)
    expect: tuple[Expectation, ...] = ()
