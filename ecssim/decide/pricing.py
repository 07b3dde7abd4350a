"""What metered quantities cost: rates, the division of instances among services, commitments, rounding.

Quantities are whole numbers of a metered :class:`Unit`; prices are :class:`~decimal.Decimal` US dollars for a
billing unit. Money keeps its full precision until a line is printed, and a printed line is rounded half up to
cents (COST-041). Everything here is pure: the caller brings the rates and the hour's quantities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final

#: Steps of the clock in a second: instance time is metered in them, so that shares of an instance are exact.
TICKS_PER_SECOND: Final = 2**20
#: Full precision of an amount of money: far below any price of a second, and sums in any order are equal.
PRECISION: Final = Decimal("0.000000000001")
CENT: Final = Decimal("0.01")

_EXACT: Final = Context(prec=60, rounding=ROUND_HALF_UP)


class Unit(StrEnum):
    """The units that a run meters in."""

    CPU_UNIT_SECOND = "CPU-unit-second"
    MIB_SECOND = "MiB-second"
    GIB_SECOND = "GiB-second"
    INSTANCE_TICK = "instance-tick"
    ADDRESS_SECOND = "address-second"
    HOUR = "hour"
    LCU_MICROHOUR = "LCU-microhour"
    BYTE = "byte"
    BYTE_SECOND = "byte-second"
    VOLUME_TICK = "GiB-tick"
    METRIC_SECOND = "metric-second"
    ALARM_SECOND = "alarm-second"
    NANODOLLAR = "nanodollar"


class Dimension(StrEnum):
    """What of a resource is used. ``reserved`` meters tell whose the ``instances`` were; ``idle`` is the rest."""

    VCPU = "vCPU"
    MEMORY = "memory"
    EPHEMERAL_STORAGE = "ephemeralStorage"
    WINDOWS_LICENCE = "windowsLicence"
    INSTANCES = "instances"
    RESERVED = "reserved"
    IDLE = "idle"
    VOLUMES = "volumes"
    IDLE_VOLUMES = "idleVolumes"
    MANAGEMENT_FEE = "managementFee"
    INTERRUPTED = "interruptedFirstHour"
    LOGS_INGESTED = "logsIngested"
    LOGS_STORED = "logsStored"
    METRICS = "metrics"
    ALARMS = "alarms"
    HOURS = "hours"
    PUBLIC_IPV4 = "publicIpv4"
    LCU_NEW_CONNECTIONS = "lcu.newConnections"
    LCU_ACTIVE_CONNECTIONS = "lcu.activeConnections"
    LCU_BYTES = "lcu.processedBytes"
    LCU_RULES = "lcu.ruleEvaluations"
    NAT_BYTES = "natBytes"
    ENDPOINT_BYTES = "endpointBytes"
    CROSS_ZONE = "crossZone"
    INTERNET_EGRESS = "internetEgress"
    UNUSED_COMMITMENT = "unusedCommitment"


#: Seconds of the month that monthly prices are for (COST-046).
MONTH_SECONDS: Final = 730 * 3600

#: The unit that a price is for, and how many metered units make one of it. 1 GB of memory or of ephemeral
#: storage is 1,024 MiB (FG-041), 1 GB of traffic 10^9 bytes.
BILLED: Final[Mapping[Unit, tuple[str, int]]] = MappingProxyType(
    {
        Unit.CPU_UNIT_SECOND: ("vCPU-hour", 1024 * 3600),
        Unit.MIB_SECOND: ("GB-hour", 1024 * 3600),
        Unit.GIB_SECOND: ("GB-hour", 3600),
        Unit.INSTANCE_TICK: ("instance-hour", 3600 * TICKS_PER_SECOND),
        Unit.ADDRESS_SECOND: ("address-hour", 3600),
        Unit.HOUR: ("hour", 1),
        Unit.LCU_MICROHOUR: ("LCU-hour", 10**6),
        Unit.BYTE: ("GB", 10**9),
        Unit.BYTE_SECOND: ("GB-month", 10**9 * MONTH_SECONDS),
        Unit.VOLUME_TICK: ("GB-month", MONTH_SECONDS * TICKS_PER_SECOND),
        Unit.METRIC_SECOND: ("metric-month", MONTH_SECONDS),
        Unit.ALARM_SECOND: ("alarm-month", MONTH_SECONDS),
        Unit.NANODOLLAR: ("USD", 10**9),
    }
)


@dataclass(frozen=True, slots=True)
class Rate:
    """``usd`` for one billing unit, and where that price comes from."""

    usd: Decimal
    source: str

    def off(self, discount: Decimal, reason: str) -> Rate:
        """The rate with a discount (0.27 is 27 % off)."""
        return Rate(self.usd * (1 - discount), f"{reason}: {percent(discount)} off {self.source}")


@dataclass(frozen=True, slots=True)
class Use:
    """A quantity of one hour at one rate. ``service`` is empty for what no service uses; ``sku`` says what is sold:
    ``FARGATE/LINUX/X86_64``, ``m6i.large/onDemand``, ``albHour``; ``committed`` that a commitment covers it.
    """

    service: str
    cluster: str
    resource: str
    dimension: str
    sku: str
    quantity: int
    unit: Unit
    rate: Rate
    committed: bool = False


@dataclass(frozen=True, slots=True)
class Commitment:
    """A promise to use something each hour, paid whether it is used or not, at a discount (COST-006, COST-015).

    ``discount`` answers for a use how much is off, None where the commitment does not reach. It is either a
    ``quantity`` of a unit each hour (reserved instances) or ``usd`` an hour at discounted prices (a Savings Plan);
    ``rate`` prices what is not used of it.
    """

    name: str
    discount: Callable[[Use], Decimal | None]
    rate: Rate
    unit: Unit
    quantity: int = 0
    usd: Decimal = Decimal(0)


def percent(share: Decimal) -> str:
    """``27 %`` of 0.27."""
    return f"{(share * 100).normalize():f} %"


def amount(quantity: int, unit: Unit, usd: Decimal) -> Decimal:
    """Dollars of a quantity at a price for one billing unit, in full precision (FG-041, COST-040)."""
    _, per = BILLED[unit]
    return _EXACT.divide(_EXACT.multiply(Decimal(quantity), usd), Decimal(per)).quantize(PRECISION, context=_EXACT)


def cents(usd: Decimal) -> Decimal:
    """A printed amount: rounded half up to cents (COST-041)."""
    return usd.quantize(CENT, rounding=ROUND_HALF_UP)


def billed_ticks(ticks: int, minimum: int) -> int:
    """Rounds a duration up to a whole second and to the minimum, both in seconds but the ticks (FG-040, COST-014)."""
    seconds = -(-ticks // TICKS_PER_SECOND)
    return max(seconds, minimum) * TICKS_PER_SECOND


def shares(billed: int, reserved: Sequence[int]) -> tuple[list[int], int]:
    """Divide the billed time of instances among those who reserved parts of them; the rest is idle.

    One task's part is the mean of its shares of the instance's CPU and memory; ``reserved`` has these times
    summed by service, which never exceed ``billed``. Returns the parts, which add up to ``billed`` with the rest.
    """
    parts = []
    left = billed
    for wanted in reserved:
        part = min(wanted, left)
        parts.append(part)
        left -= part
    return parts, left


def split(quantities: Sequence[int], covered: int) -> list[int]:
    """Divide ``covered`` units over quantities in proportion, whole units, none above its quantity."""
    total = sum(quantities)
    if covered >= total:
        return list(quantities)
    parts = [quantity * covered // total for quantity in quantities]
    left = covered - sum(parts)
    for i, quantity in enumerate(quantities):
        # Fewer units are left than there are quantities with a remainder: one each, the first ones first.
        if left and parts[i] < quantity:
            parts[i] += 1
            left -= 1
    return parts


def with_commitment(uses: Sequence[Use], commitment: Commitment, part: Decimal) -> list[Use]:
    """Apply a commitment to the uses of one hour, of which ``part`` was simulated.

    It reaches the uses with the largest discount first and is divided among equals in proportion. What it covers
    becomes a use of its own at the lower rate; what nobody uses of it is a use of no service.
    """
    result = list(uses)
    quantity = int(commitment.quantity * part)
    usd = commitment.usd * part
    by_discount: dict[Decimal, list[int]] = {}
    for i, use in enumerate(uses):
        discount = None if use.committed else commitment.discount(use)
        if discount is not None:
            by_discount.setdefault(discount, []).append(i)
    for discount in sorted(by_discount, reverse=True):
        places = by_discount[discount]
        quantities = [uses[i].quantity for i in places]
        if commitment.usd:
            keep = 1 - discount
            cost = sum((amount(uses[i].quantity, uses[i].unit, uses[i].rate.usd * keep) for i in places), Decimal(0))
            ratio = Decimal(1) if cost <= usd else usd / cost
            covered = [int(q * ratio) for q in quantities]
        else:
            covered = split(quantities, quantity)
            quantity -= sum(covered)
        for i, got in zip(places, covered, strict=True):
            use = uses[i]
            rate = use.rate.off(discount, commitment.name)
            result[i] = replace(use, quantity=use.quantity - got)
            result.append(replace(use, quantity=got, rate=rate, committed=True))
            usd -= amount(got, use.unit, rate.usd)
    unused = max(0, int(usd * 10**9)) if commitment.usd else quantity
    result.append(
        Use(
            "",
            "",
            commitment.name,
            Dimension.UNUSED_COMMITMENT,
            commitment.name,
            unused,
            commitment.unit,
            commitment.rate,
        )
    )
    return [use for use in result if use.quantity]
