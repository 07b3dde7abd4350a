"""Fargate sizes, quotas, launch rates and API buckets."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from ecssim.catalog import (
    api_buckets,
    fargate_platform_version,
    fargate_sizes,
    quota_names,
    quotas,
    region_rates,
)


@pytest.mark.rule("FG-001")
@pytest.mark.parametrize(
    ("cpu", "count", "smallest", "largest"),
    [
        (256, 3, 512, 2048),
        (512, 4, 1024, 4096),
        (1024, 7, 2048, 8192),
        (2048, 13, 4096, 16384),
        (4096, 23, 8192, 30720),
        (8192, 12, 16384, 61440),
        (16384, 12, 32768, 122880),
        (32768, 3, 61440, 249856),
    ],
    ids=str,
)
def test_memory_sizes_of_each_cpu_size(cpu: int, count: int, smallest: int, largest: int) -> None:
    row = fargate_sizes()[cpu]
    assert (len(row), min(row), max(row)) == (count, smallest, largest)


@pytest.mark.rule("FG-001")
def test_there_are_77_sizes() -> None:
    assert sum(len(row) for row in fargate_sizes().values()) == 77
    assert 3072 not in fargate_sizes()[256]
    assert 20480 not in fargate_sizes()[16384]


@pytest.mark.rule("FG-005")
def test_windows_has_one_to_four_vcpu() -> None:
    assert sorted(fargate_sizes("WINDOWS_SERVER_2022_CORE")) == [1024, 2048, 4096]


@pytest.mark.rule("FG-007")
@pytest.mark.parametrize(("os", "version"), [("LINUX", "1.4.0"), ("WINDOWS_SERVER_2019_CORE", "1.0.0")])
def test_latest_platform_version(os: str, version: str) -> None:
    assert fargate_platform_version(os) == version


def test_sizes_agree_with_an_independent_list(shared_data: Path) -> None:
    with (shared_data / "fargate_sizes.csv").open(encoding="utf-8") as stream:
        theirs = {(int(row["cpu_units"]), int(row["memory_mib"])) for row in csv.DictReader(stream)}
    ours = {(cpu, memory) for cpu, row in fargate_sizes().items() for memory in row}
    # the list is of 2023, before the 32 vCPU row
    assert ours - theirs == {(32768, memory) for memory in fargate_sizes()[32768]}
    assert theirs <= ours


@pytest.mark.parametrize(("profile", "vcpu"), [("mature", None), ("new", 6)])
def test_only_a_new_account_is_short_of_fargate_vcpus(profile: str, vcpu: int | None) -> None:
    limits = quotas("new" if profile == "new" else "mature")
    assert limits.fargate_on_demand_vcpu == vcpu
    assert limits.fargate_spot_vcpu == vcpu


def test_hard_limits_hold_for_a_mature_account_too() -> None:
    for limits in (quotas("mature"), quotas("new")):
        assert limits.services_per_cluster == 5_000
        assert limits.tasks_per_service == 5_000
        assert limits.tasks_per_service_with_discovery == 1_000
        assert limits.container_instances_per_cluster == 5_000
        assert limits.provisioning_tasks_per_cluster == 500
        assert limits.tasks_per_run_task == 10
        assert limits.capacity_providers_per_cluster == 20


@pytest.mark.rule("QUOTA-011")
@pytest.mark.parametrize(
    ("region", "ec2", "fargate", "burst", "rate"),
    [
        pytest.param("us-east-1", 500, 500, 100, 20, id="Virginia has the full rates"),
        pytest.param("sa-east-1", 500, 500, 100, 20, id="Sao Paulo is among the 16"),
        pytest.param("eu-south-1", 500, 125, 25, 5, id="Milan starts Fargate tasks at a quarter of the rate"),
        pytest.param("us-gov-west-1", 500, 125, 25, 5, id="an unknown Region counts as a newer one"),
    ],
)
def test_launch_rates_of_regions(region: str, ec2: int, fargate: int, burst: int, rate: int) -> None:
    rates = region_rates(region)
    assert rates.service_launches_per_minute == ec2
    assert rates.fargate_service_launches_per_minute == fargate
    assert (rates.fargate_launch_burst, rates.fargate_launch_rate) == (burst, rate)
    assert quotas("new", region).fargate_launch_burst == burst


def test_single_quotas_are_overridden_by_the_names_of_the_scenario() -> None:
    changed = quotas("mature").overridden({"fargateOnDemandVcpu": 12, "fargateLaunchRate": 7})
    assert (changed.fargate_on_demand_vcpu, changed.fargate_launch_rate) == (12, 7)
    assert changed.fargate_spot_vcpu is None
    assert {"fargateOnDemandVcpu", "fargateSpotVcpu", "fargateLaunchBurst"} <= set(quota_names())
    with pytest.raises(KeyError, match="fargateVcpu"):
        quotas().overridden({"fargateVcpu": 1})


@pytest.mark.parametrize(
    ("action", "sibling", "burst", "rate"),
    [
        ("RunTask", "StopTask", 100, 40),
        ("DescribeTasks", "ListTasks", 100, 20),
        ("UpdateService", "CreateService", 50, 5),
        ("SubmitTaskStateChange", "RegisterContainerInstance", 200, 120),
        ("UpdateTaskProtection", "GetTaskProtection", 200, 80),
        ("CreateCluster", "DeleteCluster", 20, 1),
    ],
)
def test_actions_of_a_category_share_one_bucket(action: str, sibling: str, burst: int, rate: int) -> None:
    bucket = api_buckets()[action]
    assert (bucket.burst, bucket.rate) == (burst, rate)
    assert api_buckets()[sibling] is bucket


def test_the_catalogue_imports_no_heavy_package() -> None:
    script = "import ecssim.catalog, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"pandas", "numpy", "pydantic", "simpy", "pyarrow"} & set(done.stdout.split())
