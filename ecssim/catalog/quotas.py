"""Quotas and throttles of an account: hard limits, adjustable counts, launch rates and API token buckets.

``None`` means no limit. The ``<category>Burst`` and ``<category>Rate`` of the API buckets can be overridden like
every other quota. The figures are those of the AWS General Reference, Amazon ECS endpoints and quotas,
and of the ECS developer guide, pages ``throttling`` and ``request-throttling``, read in 2026. Implements
QUOTA-001 to QUOTA-027, FG-010 to FG-012 and NET-070.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

DATA = Path(__file__).parent / "data"

Profile = Literal["mature", "new"]

# QUOTA-011: the 16 Regions with the full launch rates.
_LARGE_REGIONS = frozenset(
    {
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
    }
)


@dataclass(frozen=True, slots=True)
class RegionRates:
    """Launch rates that differ between large and newer Regions (QUOTA-011, QUOTA-012)."""

    service_launches_per_minute: int
    """Tasks that one service starts in a minute on EC2."""
    fargate_service_launches_per_minute: int
    """The same on Fargate."""
    fargate_launch_burst: int
    """Capacity of the account's bucket of Fargate launches: one for on-demand, another for Spot."""
    fargate_launch_rate: int
    """Tokens a second that refill each of them."""


def region_rates(region: str) -> RegionRates:
    """Launch rates of a Region (QUOTA-011, QUOTA-012, CAP-050, FG-011)."""
    if region in _LARGE_REGIONS:
        return RegionRates(500, 500, 100, 20)
    return RegionRates(500, 125, 25, 5)


@dataclass(frozen=True, slots=True)
class Quotas:
    """The limits of one account in one Region. The scenario spells the names in camelCase."""

    clusters_per_account: int | None
    services_per_cluster: int
    tasks_per_service: int
    tasks_per_service_with_discovery: int
    container_instances_per_cluster: int
    provisioning_tasks_per_cluster: int
    tasks_per_run_task: int
    instances_per_start_task: int
    tasks_per_describe_tasks: int
    capacity_providers_per_cluster: int
    containers_per_task_definition: int
    task_definition_bytes: int
    revisions_per_family: int
    subnets_per_awsvpc_configuration: int
    security_groups_per_awsvpc_configuration: int
    target_groups_per_service: int
    tags_per_resource: int
    fargate_on_demand_vcpu: int | None
    fargate_spot_vcpu: int | None
    network_interfaces_per_region: int | None
    on_demand_standard_vcpu: int | None
    """vCPUs of running On-Demand instances of the families A, C, D, H, I, M, R, T and Z."""
    on_demand_accelerated_vcpu: int | None
    """The same of all other families together: AWS has a quota for each of them (F, G and VT, P, X, Inf, ...)."""
    spot_standard_vcpu: int | None
    """vCPUs of Spot requests for the families A, C, D, H, I, M, R, T and Z (SPOT-019)."""
    spot_accelerated_vcpu: int | None
    """The same for all other families together."""
    service_launches_per_minute: int
    fargate_service_launches_per_minute: int
    fargate_launch_burst: int
    fargate_launch_rate: int
    fargate_run_task_rate: int
    api: Mapping[str, int] = field(default_factory=dict)
    """Bursts and rates of API buckets that differ from the published ones, by their scenario names."""

    def overridden(self, values: Mapping[str, int | None]) -> Quotas:
        """A copy with single quotas replaced, by their camelCase names; ``KeyError`` names an unknown one."""
        known, buckets = _fields_by_scenario_name(), _bucket_names()
        changes: dict[str, Any] = {known[name]: value for name, value in values.items() if name not in buckets}
        api = {name: value for name, value in values.items() if name in buckets and value is not None}
        return replace(self, **changes, api={**self.api, **api})

    def api_bucket(self, action: str) -> ApiBucket | None:
        """The bucket of an API action in this account; None for an action without one (QUOTA-020)."""
        published = api_buckets().get(action)
        if published is None or not self.api:
            return published
        burst = self.api.get(f"{published.category}Burst", published.burst)
        return ApiBucket(published.category, burst, self.api.get(f"{published.category}Rate", published.rate))


def quotas(profile: Profile = "mature", region: str = "us-east-1") -> Quotas:
    """The limits of an account (QUOTA-001 to QUOTA-014).

    ``new`` has the documented initial values: 6 vCPU of Fargate and 6 of Fargate Spot (FG-010, QUOTA-013).
    ``mature`` has grown: the adjustable vCPU and count quotas are lifted, rates and hard limits stay.
    """
    mature = profile == "mature"
    rates = region_rates(region)
    return Quotas(
        clusters_per_account=None if mature else 10_000,
        services_per_cluster=5_000,
        tasks_per_service=5_000,
        tasks_per_service_with_discovery=1_000,
        container_instances_per_cluster=5_000,
        provisioning_tasks_per_cluster=500,
        tasks_per_run_task=10,
        instances_per_start_task=10,
        tasks_per_describe_tasks=100,
        capacity_providers_per_cluster=20,
        containers_per_task_definition=10,
        task_definition_bytes=65_536,
        revisions_per_family=1_000_000,
        subnets_per_awsvpc_configuration=16,
        security_groups_per_awsvpc_configuration=5,
        target_groups_per_service=5,
        tags_per_resource=50,
        fargate_on_demand_vcpu=None if mature else 6,
        fargate_spot_vcpu=None if mature else 6,
        network_interfaces_per_region=None if mature else 5_000,
        on_demand_standard_vcpu=None if mature else 5,
        on_demand_accelerated_vcpu=None if mature else 0,
        spot_standard_vcpu=None if mature else 5,
        spot_accelerated_vcpu=None if mature else 0,
        service_launches_per_minute=rates.service_launches_per_minute,
        fargate_service_launches_per_minute=rates.fargate_service_launches_per_minute,
        fargate_launch_burst=rates.fargate_launch_burst,
        fargate_launch_rate=rates.fargate_launch_rate,
        fargate_run_task_rate=20,
    )


def quota_names() -> tuple[str, ...]:
    """The names under which a scenario may override single quotas: ``fargateOnDemandVcpu``, ..."""
    return (*_fields_by_scenario_name(), *_bucket_names())


@cache
def _fields_by_scenario_name() -> Mapping[str, str]:
    def camel(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(word.capitalize() for word in rest)

    return MappingProxyType({camel(f.name): f.name for f in fields(Quotas) if f.name != "api"})


@cache
def _bucket_names() -> tuple[str, ...]:
    """``clusterResourceModifyBurst``, ``clusterResourceModifyRate``, ...: the adjustable API buckets."""
    categories = dict.fromkeys(bucket.category for bucket in api_buckets().values())
    return tuple(f"{category}{part}" for category in categories for part in ("Burst", "Rate"))


@dataclass(frozen=True, slots=True)
class ApiBucket:
    """A token bucket that all actions of a category share, per account and Region (QUOTA-020)."""

    category: str
    burst: int
    rate: int
    """Tokens added each second; what does not fit is dropped."""


@cache
def api_buckets() -> Mapping[str, ApiBucket]:
    """The bucket of each API action, by the action's name (QUOTA-021 to QUOTA-026)."""
    document = json.loads((DATA / "api_buckets.json").read_text(encoding="utf-8"))
    buckets: dict[str, ApiBucket] = {}
    for category, row in document["categories"].items():
        bucket = ApiBucket(category, int(row["burst"]), int(row["rate"]))
        buckets.update(dict.fromkeys(row["actions"], bucket))
    return MappingProxyType(buckets)
