"""Write the tables of EC2 facts and prices in ``ecssim/catalog/data``: run it with ``make catalogue``.

The tables are made from two Python packages, moto (what DescribeInstanceTypes answers) and
apache-libcloud (on-demand list prices), and from figures that are typed in here, each with its source and
date.

What is typed in, because no package carries it:

* the branch interfaces of a trunked instance (NET-011, NET-014). They follow the size within a family: the
  number that stays constant is the *task budget*, branch + ENIs - 2, and the branch figure is what remains of
  it after the ENIs. Types that are not listed here have no trunking in the catalogue, on the safe side.
* the families in which Amazon ECS supports trunking (NET-015, NET-016, NET-023): those of the guide's table of
  2023, and every newer one that the limits call compatible;
* on-demand prices of frequent types (COST-010 to COST-013), which win over the package's.

The package's prices need care. A zero means unknown. Where it holds the price of dedicated tenancy instead of
the shared one (6 to 10 % more), the value sticks out from its family, whose price is proportional to the
size; so the lowest price per size unit is taken for the family's line, and values off the line are replaced
by the line (column ``basis``: ``derived``). Families without such a line (GPUs) are held against Oregon and
Ohio, whose prices are those of Virginia, and elsewhere against the lowest ratio to Virginia within the
family.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from catalogue_figures import (
    BUDGET,
    BUDGET_EXCEPTIONS,
    BUDGET_LARGER,
    FLEX,
    FLEX_BUDGET,
    GUIDE_READ,
    IN_GUIDE_ONLY,
    IN_LATER_LIMITS,
    LATER_LIMITS_READ,
    LATER_X86,
    LIMITS_READ,
    NOT_ON_ECS,
    OLDER_OR_GRAVITON,
    PRICE_AS_OF,
    PRICE_SOURCE,
    PRICES,
)

DATA = Path(__file__).resolve().parents[1] / "ecssim" / "catalog" / "data"

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")

# Prices of these are not proportional to the size: GPUs and accelerators come in other steps than vCPUs.
NO_LINE = (
    "g", "p", "inf", "trn", "dl", "vt", "f", "u-", "u7", "mac", "hpc", "m1", "m2", "m3", "c1",
    "c3", "t1", "t2",
)  # fmt: skip

MOTO_AS_OF = "2026-11-24"  # the day on which the package was read; it states no date of its own
MICRO = Decimal("0.000001")


def budget_exceptions() -> dict[str, int]:
    """Task budget of the types that leave the pattern of their family."""
    pairs = (item.split() for item in BUDGET_EXCEPTIONS.replace("\n", " ").split(",") if item.strip())
    return {name: int(budget) for name, budget in pairs}


def branch_read(name: str) -> tuple[str, str]:
    """Where the branch figure of the type was read, and of which day that text is."""
    if name in IN_GUIDE_ONLY:
        return GUIDE_READ
    if not {name, name.split(".", 1)[0]}.isdisjoint(IN_LATER_LIMITS.split()):
        return LATER_LIMITS_READ
    return LIMITS_READ


def branch_enis(name: str, max_enis: int) -> int:
    """Branch interfaces of the type, 0 where Amazon ECS does not trunk it or where we do not know."""
    family, size = name.split(".")
    if name in NOT_ON_ECS.split():
        return 0
    exceptions = budget_exceptions()
    if name in exceptions:
        budget = exceptions[name]
    elif family in FLEX:
        budget = FLEX_BUDGET[size]
    elif family in OLDER_OR_GRAVITON.split():
        budget = BUDGET.get(size, 60 if size in ("8xlarge", "12xlarge") else BUDGET_LARGER)
    elif family in LATER_X86.split():
        budget = BUDGET.get(size, 90 if size == "8xlarge" else BUDGET_LARGER)
    else:
        return 0
    return budget + 2 - max_enis


def type_rows(described: Mapping[str, Any], source: str, as_of: str) -> Iterable[dict[str, object]]:
    """One row per EC2 type, as DescribeInstanceTypes describes it, with our typed-in branch interfaces."""
    for name, fact in sorted(described.items()):
        supported = fact["ProcessorInfo"]["SupportedArchitectures"]
        architectures = [a for a in supported if a in ("x86_64", "arm64")]
        if not architectures or name.startswith("mac"):
            continue
        # Fractions of a GPU (g6f, gr6f) are no whole GPU that ECS could hand to a container.
        gpus = [g for g in fact.get("GpuInfo", {}).get("Gpus", []) if g.get("GpuPartitionSize", 1) >= 1]
        network = fact["NetworkInfo"]
        enis = (
            sum(card["MaximumNetworkInterfaces"] for card in network.get("NetworkCards", []))
            or network["MaximumNetworkInterfaces"]
        )
        branch = branch_enis(name, enis)
        branch_source, branch_as_of = branch_read(name) if branch else ("", "")
        yield {
            "instance_type": name,
            "vcpu": fact["VCpuInfo"]["DefaultVCpus"],
            "memory_mib": fact["MemoryInfo"]["SizeInMiB"],
            "architecture": architectures[0],
            "gpus": sum(g["Count"] for g in gpus),
            "gpu_model": gpus[0]["Name"] if gpus else "",
            "max_enis": enis,
            "ipv4_per_eni": network["Ipv4AddressesPerInterface"],
            "network_cards": network.get("MaximumNetworkCards", 1),
            "branch_enis": branch,
            "burstable": str(bool(fact.get("BurstablePerformanceSupported"))).lower(),
            "bare_metal": str(bool(fact.get("BareMetal"))).lower(),
            "branch_source": branch_source,
            "branch_as_of": branch_as_of,
            "source": source,
            "as_of": as_of,
        }


def size_units(name: str, vcpu: int) -> Decimal:
    """Size on AWS's normalised scale (large = 4, xlarge = 8); metal counts 2 per vCPU."""
    size = name.split(".")[1]
    named = {"nano": "0.25", "micro": "0.5", "small": "1", "medium": "2", "large": "4", "xlarge": "8"}
    if size in named:
        return Decimal(named[size])
    if size.endswith("xlarge"):
        return Decimal(8) * int(size.removesuffix("xlarge"))
    return Decimal(2) * vcpu


def near(a: Decimal, b: Decimal) -> bool:
    """Whether two prices agree within 1 %: list prices of a family are rounded, surcharges start at 6 %."""
    return abs(a - b) <= b / 100


def usd(value: Decimal) -> Decimal:
    """The price without noise digits."""
    return value.quantize(MICRO, rounding=ROUND_HALF_EVEN).normalize()


def price_rows(
    vcpus: Mapping[str, int], listed: Mapping[str, Mapping[str, Any]], source: str, as_of: str
) -> Iterable[dict[str, object]]:
    """On-demand Linux prices of the types we describe, zeros and dedicated-tenancy values removed."""
    words = PRICES.split()
    typed = {name: Decimal(price) for name, price in zip(words[::2], words[1::2], strict=True)}
    families: dict[str, list[str]] = defaultdict(list)
    for name in sorted(vcpus):
        families[name.split(".")[0]].append(name)

    def value(name: str, region: str) -> Decimal | None:
        price = Decimal(str(listed.get(name, {}).get(region) or 0))
        return price if price > 0 else None

    for family, names in families.items():
        on_line = not family.startswith(NO_LINE)
        at_home: dict[str, Decimal] = {}
        for region in REGIONS:
            line: Decimal | None = None
            ratios = [p / at_home[n] for n in names if n in at_home and (p := value(n, region))]
            ratio = min(ratios) if len(ratios) >= 3 else None
            if on_line:
                if region == "us-east-1" and any(n in typed for n in names):
                    line = min(typed[n] / size_units(n, vcpus[n]) for n in names if n in typed)
                else:
                    known = [p / size_units(n, vcpus[n]) for n in names if (p := value(n, region))]
                    # one lone value of a family cannot show whether it is surcharged
                    line = min(known) if len(known) >= 3 else None
            for name in names:
                price, basis, where, when = value(name, region), "listed", source, as_of
                if region == "us-east-1" and name in typed:
                    price, where, when = typed[name], PRICE_SOURCE, PRICE_AS_OF
                elif line is not None:
                    expected = line * size_units(name, vcpus[name])
                    if price is None or not near(price, expected):
                        price, basis = expected, "derived"
                elif price is not None and region == "us-east-1":
                    # Oregon and Ohio have the prices of Virginia: the lowest of the three is the shared one
                    twins = [p for r in ("us-west-2", "us-east-2") if (p := value(name, r))]
                    price = min([price, *twins])
                elif price is not None and ratio is not None and name in at_home:
                    if not near(price, at_home[name] * ratio):
                        price, basis = at_home[name] * ratio, "derived"
                if price is None:
                    continue
                if region == REGIONS[0]:
                    at_home[name] = price
                yield {
                    "instance_type": name,
                    "region": region,
                    "usd_per_hour": f"{usd(price):f}",
                    "basis": basis,
                    "source": where,
                    "as_of": when,
                }


def write(name: str, rows: Iterable[dict[str, object]]) -> None:
    """Write the rows as ``name`` with Unix line ends, so that a second run changes no byte."""
    kept = list(rows)
    with (DATA / name).open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, kept[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(kept)
    print(f"{name}: {len(kept)} rows")


def main() -> None:
    """Read the two packages and write the two tables."""
    packed = files("moto").joinpath("ec2/resources/instance_types.json.gz").read_bytes()
    described = json.loads(gzip.decompress(packed))
    prices = json.loads(files("libcloud").joinpath("data/pricing.json").read_text(encoding="utf-8"))
    as_of = datetime.fromtimestamp(prices["updated"], UTC).date().isoformat()
    moto = f"moto {version('moto')}, ec2/resources/instance_types.json"
    cloud = f"apache-libcloud {version('apache-libcloud')}, data/pricing.json"
    types = list(type_rows(described, moto, MOTO_AS_OF))
    write("ec2_types.csv", types)
    vcpus = {str(row["instance_type"]): int(str(row["vcpu"])) for row in types}
    write("ec2_prices.csv", price_rows(vcpus, prices["compute"]["ec2_linux"], cloud, as_of))


if __name__ == "__main__":
    main()
