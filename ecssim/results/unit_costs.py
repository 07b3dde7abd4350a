"""What the dollars of a bill come to for a million requests, and on another processor."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ecssim.catalog import fargate_price
from ecssim.decide.pricing import Dimension
from ecssim.results.bill import ZERO, Bill, rounded


def per_million(bill: Bill, served: Mapping[str, tuple[str, str, int]]) -> dict[str, Any]:
    """The entry ``per_million_requests_usd`` of the costs: what a service cost for a million requests that it served.

    ``served`` are the name, the cluster and the requests of each service; ``all`` has everything that the run cost,
    shared and idle too.
    """
    millions = {name: Decimal(count) / 10**6 for name, (_, _, count) in served.items() if count}
    if not millions:
        return {}
    prices = {name: rounded(bill.of(*served[name][:2]) / many) for name, many in millions.items()}
    whole = rounded(bill.exact / sum(millions.values(), ZERO))
    return {"per_million_requests_usd": {"all": whole, "services": prices}}


def graviton(bill: Bill, region: str) -> dict[str, Any]:
    """The entry ``on_arm64_usd`` of the costs: the total had the tasks on Fargate's x86 run on ARM64 (COST-002).

    At list prices; each line keeps what is off its price.
    """
    saved = ZERO
    for line in bill.lines:
        provider, _, platform = line.sku.partition("/")
        if platform != "LINUX/X86_64" or line.dimension not in (Dimension.VCPU, Dimension.MEMORY):
            continue
        ours, theirs = (fargate_price(region, "LINUX", a, provider.endswith("SPOT")) for a in ("X86_64", "ARM64"))
        cpu = line.dimension == Dimension.VCPU
        now, then = (p.vcpu_hour if cpu else p.gb_hour for p in (ours, theirs))
        saved += line.usd * (now - then) / now
    return {"on_arm64_usd": rounded(bill.exact - saved)} if saved else {}
