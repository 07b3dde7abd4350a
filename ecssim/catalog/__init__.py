"""What AWS publishes: instance types, Fargate sizes, prices and quotas, each with source and date.

Everything is read once, on first use, from small files beside the code; nothing here knows the time, a
scenario or another room. Prices are :class:`~decimal.Decimal` US dollars.
"""

from __future__ import annotations

from ecssim.catalog.fargate import (
    FargatePrice,
    fargate_in_zone,
    fargate_platform_version,
    fargate_price,
    fargate_sizes,
)
from ecssim.catalog.instances import InstanceType, instance_type, instance_types
from ecssim.catalog.prices import Price, ec2_price, unit_price, unit_prices
from ecssim.catalog.quotas import (
    ApiBucket,
    Quotas,
    RegionRates,
    api_buckets,
    quota_names,
    quotas,
    region_rates,
)

__all__ = [
    "ApiBucket",
    "FargatePrice",
    "InstanceType",
    "Price",
    "Quotas",
    "RegionRates",
    "api_buckets",
    "ec2_price",
    "fargate_in_zone",
    "fargate_platform_version",
    "fargate_price",
    "fargate_sizes",
    "instance_type",
    "instance_types",
    "quota_names",
    "quotas",
    "region_rates",
    "unit_price",
    "unit_prices",
]
