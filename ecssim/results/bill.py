"""The bill of a run: metered quantities meet prices here, once, as decimals (design rule 15).

``costs`` has a row for each hour and use; a :class:`Bill` has a line for each service, resource, dimension and rate
over the whole run. A printed line is rounded half up to cents and every total is a sum of printed lines (COST-041),
so that sums by service, sums by resource and the total are equal to the cent.

Instances of an Auto Scaling group are the cost of those who reserved them: each task reserves the mean of its shares
of the instance's CPU and memory, and what nobody reserved is dimension ``idle`` of no service; its volume is divided
in the same way. What a Spot instance cost that EC2 took back in its first hour is given back in the hour in which
that happened (COST-042). The hours of load balancers, NAT gateways and endpoints belong to no service, the bytes of a
task to its own. ECS itself costs nothing (COST-030).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ecssim.decide.pricing import (
    BILLED,
    PRECISION,
    Dimension,
    Rate,
    Unit,
    Use,
    amount,
    cents,
    shares,
    with_commitment,
)
from ecssim.decide.tiers import TIERS, month_part, split_by_tier
from ecssim.record.folder import TABLES_DIR, part_name
from ecssim.results.rates import RateBook

if TYPE_CHECKING:
    import pandas as pd

    from ecssim.decide.pricing import Commitment
    from ecssim.results.result import Result

HOUR_SECONDS: Final = 3600.0
ZERO: Final = Decimal(0)
#: The part of a month's quantity that nothing is asked for (COST-024).
FREE: Final = Rate(ZERO, "free allowance of the month, in proportion to the run's length")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: a use over the whole run. ``usd`` has full precision, ``printed`` is what is added up.

    ``service`` is empty for what no service uses; ``quantity`` is in ``unit``, the unit of the price.
    """

    service: str
    cluster: str
    resource: str
    dimension: str
    sku: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    usd: Decimal
    price_source: str

    @property
    def printed(self) -> Decimal:
        """The amount in cents, rounded half up (COST-041)."""
        return cents(self.usd)


#: What is paid for and used by nobody.
WASTED: Final = (Dimension.IDLE, Dimension.IDLE_VOLUMES, Dimension.UNUSED_COMMITMENT)


@dataclass(frozen=True)
class Bill:
    """What a run cost, in US dollars."""

    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the printed lines."""
        return sum((line.printed for line in self.lines), ZERO)

    @property
    def exact(self) -> Decimal:
        """The sum before any rounding: what to compare runs by."""
        return sum((line.usd for line in self.lines), ZERO)

    @property
    def by_service(self) -> dict[str, Decimal]:
        """Printed dollars by service; under the empty name what no service uses."""
        return self._by("service")

    @property
    def by_resource(self) -> dict[str, Decimal]:
        """Printed dollars by Fargate provider, Auto Scaling group, load balancer and so on."""
        return self._by("resource")

    @cached_property
    def idle(self) -> Decimal:
        """Waste: instances and their volumes that nobody reserved, commitments that nobody used; not rounded."""
        return sum((line.usd for line in self.lines if line.dimension in WASTED), ZERO)

    @property
    def printed_idle(self) -> Decimal:
        """Waste as the printed lines say it: a part of :attr:`total`."""
        return sum((line.printed for line in self.lines if line.dimension in WASTED), ZERO)

    def of(self, service: str, cluster: str) -> Decimal:
        """Dollars of one service, not rounded: another cluster may have one of the same name."""
        return self._exact_of.get((service, cluster), ZERO)

    @cached_property
    def _exact_of(self) -> dict[tuple[str, str], Decimal]:
        found: dict[tuple[str, str], Decimal] = {}
        for line in self.lines:
            key = line.service, line.cluster
            found[key] = found.get(key, ZERO) + line.usd
        return found

    def label(self, line: Line) -> str:
        """The service of a line, with its cluster where two clusters have one of that name; empty: no service."""
        return self._key(line, "service")

    def exact_by(self, column: str) -> dict[str, Decimal]:
        """Dollars by a column of the lines (``service``, ``resource``, ``dimension``), not rounded."""
        found: dict[str, Decimal] = {}
        for line in self.lines:
            key = self._key(line, column)
            found[key] = found.get(key, ZERO) + line.usd
        return found

    def _by(self, column: str) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for line in self.lines:
            key = self._key(line, column)
            found[key] = found.get(key, ZERO) + line.printed
        return found

    def _key(self, line: Line, column: str) -> str:
        if column == "service" and line.service in self._in_two_clusters:
            return f"{line.cluster}/{line.service}"
        return str(getattr(line, column))

    @cached_property
    def _in_two_clusters(self) -> set[str]:
        places = {(line.service, line.cluster) for line in self.lines if line.service}
        names = [service for service, _ in places]
        return {name for name in names if names.count(name) > 1}

    def as_json(self) -> dict[str, Any]:
        """The entry ``costs`` of a summary: dollars as numbers, to a hundredth of a cent."""
        services = self.exact_by("service")
        return {
            "total_usd": rounded(self.exact),
            "printed_total_usd": float(self.total),
            "idle_usd": rounded(self.idle),
            "shared_usd": rounded(services.pop("", ZERO) - self.idle),
            "services": {name: rounded(usd) for name, usd in sorted(services.items())},
            "resources": {name: rounded(usd) for name, usd in sorted(self.exact_by("resource").items())},
        }

    def text(self) -> str:
        """The bill for people: its printed lines by service, and the total."""
        rows = [("service", "resource", "dimension", "quantity", "unit", "price", "USD")]
        for line in self.lines:
            rows.append(
                (
                    self.label(line) or "-",
                    line.resource,
                    str(line.dimension),
                    f"{line.quantity:.4f}",
                    line.unit,
                    f"{line.unit_price.normalize():f}",
                    str(line.printed),
                )
            )
        rows.append(("total", "", "", "", "", "", str(self.total)))
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        left = (0, 1, 2, 4)
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i in left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        )


def rounded(usd: Decimal) -> float:
    """Dollars as a number, to a hundredth of a cent."""
    return float(usd.quantize(Decimal("0.0001")))


class Pricer:
    """Prices the meters of a run, hour by hour: commitments are promises for an hour."""

    def __init__(self, rows: np.ndarray, names: Mapping[str, list[str | None]], end: float, rates: RateBook) -> None:
        self._rows = rows
        self._names = names
        self._end = end
        self._rates = rates
        #: How much of what has tiers went by before this hour.
        self._used: dict[str, int] = {}

    def hours(self) -> Iterator[tuple[int, list[Use]]]:
        """The uses of each hour in order, priced."""
        self._used.clear()
        commitments = self._rates.commitments()
        rows = self._rows.tolist()
        at = 0
        hour = 0
        hours = -int(-self._end // HOUR_SECONDS) if commitments else 0
        while at < len(rows) or hour < hours:
            stop = at
            while stop < len(rows) and rows[stop][0] == hour:
                stop += 1
            uses = self._divided(self._uses(rows[at:stop]))
            if commitments:
                uses = self._committed(uses, commitments, hour)
            if uses:
                yield hour, uses
            at = stop
            hour += 1

    def _uses(self, rows: list[Any]) -> list[Use]:
        none: list[str | None] = [None]
        services, clusters, resources, dimensions, skus, units = (
            self._names.get(pool, none) for pool in ("service", "cluster", "resource", "dimension", "sku", "unit")
        )
        rate = self._rates.rate
        found = []
        for _, service, cluster, resource, dimension, sku, quantity, unit, _ in rows:
            sold, what = skus[sku] or "", dimensions[dimension] or ""
            for price, part in self._tiered(sold, quantity):
                found.append(
                    Use(
                        services[service] or "",
                        clusters[cluster] or "",
                        resources[resource] or "",
                        what,
                        price or sold,
                        part,
                        Unit(units[unit] or ""),
                        rate(price, what) if price else FREE,
                    )
                )
        return found

    def _tiered(self, sold: str, quantity: int) -> Iterator[tuple[str, int]]:
        """A quantity at the price of each tier that it falls into; own rates have none (COST-021, COST-024)."""
        if sold not in TIERS or sold in self._rates.prices.rates:
            yield sold, quantity
            return
        before = self._used.get(sold, 0)
        self._used[sold] = before + quantity
        # A run that was cut off lasted as long as its meters were read.
        hours = self._end / HOUR_SECONDS or float(self._rows["hour"][-1]) + 1.0
        yield from split_by_tier(sold, before, quantity, month_part(hours))

    @staticmethod
    def _divided(uses: list[Use]) -> list[Use]:
        """Give the time of instances to those who reserved it; the rest is idle."""
        reserved: dict[tuple[str, str], list[Use]] = {}
        for use in uses:
            if use.dimension == Dimension.RESERVED:
                reserved.setdefault((use.resource, use.sku), []).append(use)
        result = []
        for use in uses:
            if use.dimension == Dimension.INSTANCES:
                claims = reserved.get((use.resource, use.sku), [])
                parts, idle = shares(use.quantity, [claim.quantity for claim in claims])
                result += [
                    replace(claim, dimension=Dimension.INSTANCES, quantity=part)
                    for claim, part in zip(claims, parts, strict=True)
                ]
                result.append(replace(use, dimension=Dimension.IDLE, quantity=idle))
            elif use.dimension != Dimension.RESERVED:
                result.append(use)
        return [use for use in result if use.quantity]

    def _committed(self, uses: list[Use], commitments: list[Commitment], hour: int) -> list[Use]:
        part = min(1.0, (self._end - hour * HOUR_SECONDS) / HOUR_SECONDS)
        for commitment in commitments:
            uses = with_commitment(uses, commitment, Decimal(str(part)))
        return uses

    def bill(self) -> Bill:
        """The lines of the whole run, in the order in which they first occur."""
        sums: dict[Use, int] = {}
        for _, uses in self.hours():
            for use in uses:
                key = replace(use, quantity=0)
                sums[key] = sums.get(key, 0) + use.quantity
        return Bill(tuple(_line(use, quantity) for use, quantity in sums.items()))

    def frame(self, region: str) -> pd.DataFrame:
        """The frame ``costs`` of design section 6; quantities and dollars are floats."""
        import pandas as pd

        columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        append = [columns[name].append for name in COLUMNS]
        for hour, uses in self.hours():
            for use in uses:
                unit, per = BILLED[use.unit]
                quantity = use.quantity / per
                price = float(use.rate.usd)
                row = (
                    hour,
                    use.service or None,
                    use.resource,
                    str(use.dimension),
                    quantity,
                    unit,
                    price,
                    quantity * price,
                    use.rate.source,
                    use.sku,
                    use.cluster or None,
                    region,
                )
                for add, value in zip(append, row, strict=True):
                    add(value)
        return pd.DataFrame(
            {
                name: pd.Categorical(values) if COLUMNS[name] == "name" else np.array(values, dtype=COLUMNS[name])
                for name, values in columns.items()
            }
        )


COLUMNS: Final[Mapping[str, str]] = {
    "hour": "int64",
    "service": "name",
    "resource": "name",
    "dimension": "name",
    "quantity": "float64",
    "unit": "name",
    "unit_price": "float64",
    "usd": "float64",
    "price_source": "name",
    "sku": "name",
    "cluster": "name",
    "region": "name",
}
"""The columns of ``costs`` with their dtypes; ``name`` is categorical."""


def _line(use: Use, quantity: int) -> Line:
    unit, per = BILLED[use.unit]
    return Line(
        use.service,
        use.cluster,
        use.resource,
        str(use.dimension),
        use.sku,
        (Decimal(quantity) / Decimal(per)).quantize(PRECISION),
        unit,
        use.rate.usd,
        amount(quantity, use.unit, use.rate.usd),
        use.rate.source,
    )


def write_costs(result: Result, folder: Path) -> None:
    """Write the frame ``costs`` of a finished run as a table of its folder, for readers that know only Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(result.costs, preserve_index=False).replace_schema_metadata(None)
    final = folder / TABLES_DIR / "costs" / part_name(0)
    final.parent.mkdir(exist_ok=True)
    hidden = final.with_name(f".{final.name}")
    pq.write_table(table, hidden)
    os.replace(hidden, final)
