"""Prices: listed figures, surcharges removed, stand-ins marked."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from ecssim.catalog import ec2_price, fargate_price, instance_types, unit_price, unit_prices


@pytest.mark.rule("COST-010", "COST-011", "COST-012", "COST-013")
@pytest.mark.parametrize(
    ("name", "usd"),
    [
        ("t3.micro", "0.0104"),
        ("m5.large", "0.096"),
        ("m6i.4xlarge", "0.768"),
        ("m7a.large", "0.11592"),
        ("c5.4xlarge", "0.68"),
        ("c8g.large", "0.07976"),
        ("r8g.large", "0.11782"),
        ("g6.xlarge", "0.8048"),
    ],
)
def test_frequent_types_have_their_list_price(name: str, usd: str) -> None:
    price = ec2_price(name, "us-east-1")
    assert price is not None
    assert price.usd == Decimal(usd)
    assert price.basis == "listed"


@pytest.mark.parametrize(
    ("name", "region", "usd"),
    [
        pytest.param("c6i.4xlarge", "us-east-1", "0.68", id="10 % more in the package is dedicated tenancy"),
        pytest.param("m6g.12xlarge", "us-east-1", "1.848", id="a zero in the package follows the family"),
        pytest.param("m5.4xlarge", "eu-west-1", "0.856", id="6 % more in Ireland is dedicated tenancy"),
    ],
)
def test_zeros_and_surcharges_give_way_to_the_line_of_the_family(name: str, region: str, usd: str) -> None:
    price = ec2_price(name, region)
    assert price is not None
    assert price.usd == Decimal(usd)
    assert price.basis == "derived"


def test_no_price_is_zero() -> None:
    prices = [ec2_price(name, region) for name in instance_types() for region in ("us-east-1", "eu-west-1")]
    known = [p for p in prices if p is not None]
    assert len(known) > 1_000
    assert all(p.usd > 0 for p in known)
    assert all(p.source and p.as_of for p in known)


def test_a_region_without_a_price_borrows_virginias_and_says_so() -> None:
    price = ec2_price("m5.large", "sa-east-1")
    assert price is not None
    assert (price.usd, price.basis) == (Decimal("0.096"), "fallback")
    assert "sa-east-1" in price.source
    assert ec2_price("m5.tiny", "us-east-1") is None


@pytest.mark.parametrize(
    ("region", "column"),
    [
        ("us-east-1", "usd_h_us_east_1"),
        ("eu-west-1", "usd_h_eu_west_1"),
        ("ap-southeast-2", "usd_h_ap_southeast_2"),
    ],
)
def test_prices_agree_with_an_independent_list_within_a_percent(shared_data: Path, region: str, column: str) -> None:
    compared = 0
    with (shared_data / "ec2_instances.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            price = ec2_price(row["instance_type"], region)
            if not row[column] or price is None or price.basis == "fallback":
                continue
            compared += 1
            assert abs(price.usd / Decimal(row[column]) - 1) < Decimal("0.01"), (row["instance_type"], price)
    assert compared > 500


@pytest.mark.rule("COST-001", "COST-002", "COST-003", "COST-004", "COST-005")
@pytest.mark.parametrize(
    ("os", "architecture", "spot", "vcpu", "gb", "licence", "minimum"),
    [
        pytest.param("LINUX", "X86_64", False, "0.04048", "0.004445", "0", 60, id="Linux x86"),
        pytest.param("LINUX", "ARM64", False, "0.03238", "0.00356", "0", 60, id="Linux ARM"),
        pytest.param("LINUX", "X86_64", True, "0.01246287", "0.00136851", "0", 60, id="Spot x86"),
        pytest.param("LINUX", "ARM64", True, "0.00997304", "0.00109648", "0", 60, id="Spot ARM at 69.2 % off"),
        pytest.param("WINDOWS_SERVER_2022_CORE", "X86_64", False, "0.0915", "0.01", "0.046", 300, id="Windows"),
    ],
)
def test_fargate_list_prices_in_virginia(
    os: str, architecture: str, spot: bool, vcpu: str, gb: str, licence: str, minimum: int
) -> None:
    price = fargate_price("us-east-1", os, architecture, spot)
    assert price.vcpu_hour == Decimal(vcpu)
    assert price.gb_hour == Decimal(gb)
    assert price.os_vcpu_hour == Decimal(licence)
    assert price.ephemeral_gb_hour == Decimal("0.000111")
    assert price.minimum_seconds == minimum


@pytest.mark.parametrize(
    ("region", "architecture", "spot", "basis"),
    [
        pytest.param("us-east-1", "X86_64", True, "listed", id="Spot in Virginia is an observed price"),
        pytest.param("us-east-1", "ARM64", True, "derived", id="ARM Spot takes the x86 discount"),
        pytest.param("eu-central-1", "ARM64", False, "derived", id="ARM in Frankfurt is taken from x86"),
        pytest.param("il-central-1", "X86_64", False, "fallback", id="Tel Aviv borrows Virginia's price"),
        pytest.param("il-central-1", "ARM64", True, "fallback", id="borrowed and derived counts as borrowed"),
    ],
)
def test_fargate_prices_say_how_well_they_are_known(region: str, architecture: str, spot: bool, basis: str) -> None:
    assert fargate_price(region, "LINUX", architecture, spot).basis == basis


@pytest.mark.rule("FG-005")
@pytest.mark.parametrize(("architecture", "spot"), [("ARM64", False), ("X86_64", True)])
def test_fargate_sells_no_windows_on_arm_or_spot(architecture: str, spot: bool) -> None:
    with pytest.raises(ValueError, match="does not run Windows"):
        fargate_price("us-east-1", "WINDOWS_SERVER_2019_FULL", architecture, spot)


def test_linux_fargate_prices_agree_with_an_independent_list(shared_data: Path) -> None:
    compared = 0
    with (shared_data / "fargate.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if (row["os"], row["capacity"]) != ("linux", "on_demand"):
                continue
            price = fargate_price(row["region"], "LINUX", row["arch"].upper())
            if price.basis != "listed":
                continue
            compared += 1
            assert price.vcpu_hour == Decimal(row["usd_vcpu_h"]), row
            assert price.gb_hour == Decimal(row["usd_gb_h"]), row
    assert compared >= 8


@pytest.mark.rule("COST-020", "COST-022", "COST-025", "COST-027")
@pytest.mark.parametrize(
    ("name", "usd", "unit"),
    [
        ("natGatewayHour", "0.045", "hour"),
        ("natGatewayGb", "0.045", "GB"),
        ("publicIpv4Hour", "0.005", "hour"),
        ("albHour", "0.0225", "hour"),
        ("albLcuHour", "0.008", "LCU-hour"),
        ("ebsGp3GbMonth", "0.08", "GB-month"),
    ],
)
def test_unit_prices(name: str, usd: str, unit: str) -> None:
    price = unit_price(name)
    assert (price.usd, price.unit, price.basis) == (Decimal(usd), unit, "listed")
    assert unit_price(name, "eu-west-1").basis == "fallback"


def test_every_unit_price_has_a_source_and_a_date() -> None:
    assert all(p.source and p.as_of for p in unit_prices().values())
