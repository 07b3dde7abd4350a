"""Fargate: the task sizes that exist and what they cost.

A size is a pair (CPU units, MiB); prices are per vCPU-hour and GB-hour of what the task asks for, 1 GB being
1,024 MiB (FG-041). Implements FG-001, FG-005, FG-007, FG-040, COST-001 to COST-005.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ecssim.catalog.prices import HOME_REGION, Basis

DATA = Path(__file__).parent / "data"

_WINDOWS_LARGEST_CPU = 4096
_WINDOWS_SMALLEST_CPU = 1024


@dataclass(frozen=True, slots=True)
class FargatePrice:
    """Price of a Fargate task. ``os_vcpu_hour`` is the Windows licence, 0 on Linux.

    A task is billed by the second, at least for ``minimum_seconds``, from the start of its image pull
    (FG-040).
    """

    vcpu_hour: Decimal
    gb_hour: Decimal
    os_vcpu_hour: Decimal
    ephemeral_gb_hour: Decimal
    minimum_seconds: int
    source: str
    as_of: str
    basis: Basis


@cache
def fargate_sizes(operating_system_family: str = "LINUX") -> Mapping[int, frozenset[int]]:
    """Memory sizes (MiB) that exist for each number of CPU units (FG-001).

    Linux has all 77 combinations, Windows those from 1 to 4 vCPU (FG-005). ``operating_system_family`` is the
    task definition's value: ``LINUX`` or one of ``WINDOWS_SERVER_...``.
    """
    rows = {
        256: frozenset({512, 1024, 2048}),
        512: frozenset(range(1024, 4096 + 1, 1024)),
        1024: frozenset(range(2048, 8192 + 1, 1024)),
        2048: frozenset(range(4096, 16384 + 1, 1024)),
        4096: frozenset(range(8192, 30720 + 1, 1024)),
        8192: frozenset(range(16384, 61440 + 1, 4096)),
        16384: frozenset(range(32768, 122880 + 1, 8192)),
        32768: frozenset({61440, 122880, 249856}),
    }
    if _is_windows(operating_system_family):
        rows = {c: m for c, m in rows.items() if _WINDOWS_SMALLEST_CPU <= c <= _WINDOWS_LARGEST_CPU}
    return MappingProxyType(rows)


def fargate_platform_version(operating_system_family: str = "LINUX") -> str:
    """The platform version that ``LATEST`` means: 1.4.0 on Linux, 1.0.0 on Windows (FG-007)."""
    return "1.0.0" if _is_windows(operating_system_family) else "1.4.0"


@cache
def _zones() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads((DATA / "fargate_zones.json").read_text(encoding="utf-8"))
    return loaded


def fargate_in_zone(zone_id: str | None, region: str, operating_system_family: str = "LINUX") -> bool:
    """Whether Fargate runs in a zone, by its id (``usw1-az2``); a zone whose id is not known counts as one (FG-014)."""
    facts = _zones()["windows" if _is_windows(operating_system_family) else "linux"].get(region)
    if facts is None or zone_id is None:
        return True
    only = facts.get("only")
    return zone_id in only if only is not None else zone_id not in facts["except"]


@cache
def _document() -> Mapping[str, Any]:
    loaded: Mapping[str, Any] = json.loads((DATA / "fargate_prices.json").read_text(encoding="utf-8"))
    return loaded


def fargate_price(
    region: str = HOME_REGION,
    operating_system_family: str = "LINUX",
    cpu_architecture: str = "X86_64",
    spot: bool = False,
) -> FargatePrice:
    """List price of Fargate in a Region (COST-001 to COST-005).

    Spot prices drift; where none is typed in for the Region, the discount seen in us-east-1 is taken, and
    where no ARM price is, the usual 20 % off x86. A Region that we know nothing of has the prices of
    us-east-1, marked ``fallback``. ``ValueError`` for what Fargate does not sell: Windows on ARM64 (FG-005)
    or on Spot (CAP-017).
    """
    windows = _is_windows(operating_system_family)
    arm = cpu_architecture.upper() == "ARM64"
    if windows and (arm or spot):
        raise ValueError(f"Fargate does not run Windows on {'ARM64' if arm else 'Spot capacity'}")
    document = _document()
    by_region: Mapping[str, Mapping[str, Any]] = document["windows" if windows else "linux"]
    known = region in by_region
    facts = by_region[region if known else HOME_REGION]
    basis: Basis = "listed" if known else "fallback"
    architecture = "ARM64" if arm else "X86_64"
    vcpu, gb = (
        [Decimal(v) for v in facts[architecture]]
        if architecture in facts
        else [Decimal(v) * (1 - Decimal(document["armDiscount"])) for v in facts["X86_64"]]
    )
    derived = architecture not in facts
    if spot:
        own = facts.get(f"{architecture}_SPOT")
        if own is not None:
            vcpu, gb = (Decimal(v) for v in own)
            derived = False
        else:
            keep = 1 - Decimal(document["spotDiscount"])
            vcpu, gb = vcpu * keep, gb * keep
            derived = True
    if derived and known:
        basis = "derived"
    return FargatePrice(
        vcpu_hour=vcpu,
        gb_hour=gb,
        os_vcpu_hour=Decimal(facts.get("licence", "0")),
        ephemeral_gb_hour=Decimal(document["ephemeralGbHour"]),
        minimum_seconds=300 if windows else 60,
        source=str(facts["spotSource"] if spot and "spotSource" in facts else facts["source"]),
        as_of=str(facts["spotAsOf"] if spot and "spotAsOf" in facts else facts["as_of"]),
        basis=basis,
    )


def _is_windows(operating_system_family: str) -> bool:
    return operating_system_family.upper().startswith("WINDOWS")
