"""What quantities cost: the rules of rounding, of sharing instances and of commitments, on plain numbers."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.decide.pricing import (
    BILLED,
    TICKS_PER_SECOND,
    Commitment,
    Dimension,
    Rate,
    Unit,
    Use,
    amount,
    billed_ticks,
    cents,
    shares,
    split,
    with_commitment,
)

HOUR = 3600 * TICKS_PER_SECOND
LIST = Rate(Decimal("0.1"), "list")


@pytest.mark.rule("COST-040", "COST-041", "FG-041", "COST-001", "COST-004")
def test_the_fargate_example_of_the_price_page_comes_to_one_dollar_and_26_cents():
    # 5 tasks of 1 vCPU, 2 GB and 30 GB of storage run for 10 minutes a day, 30 days: 5 x 600 s x 30 = 90,000 s.
    seconds = 5 * 600 * 30
    lines = [
        # 90,000 vCPU-s = 25 vCPU-h x 0.04048 = 1.012
        cents(amount(seconds * 1024, Unit.CPU_UNIT_SECOND, Decimal("0.04048"))),
        # 180,000 GB-s = 50 GB-h x 0.004445 = 0.22225
        cents(amount(seconds * 2048, Unit.MIB_SECOND, Decimal("0.004445"))),
        # 10 GB above the free 20: 900,000 GB-s = 250 GB-h x 0.000111 = 0.02775
        cents(amount(seconds * (30 - 20), Unit.GIB_SECOND, Decimal("0.000111"))),
    ]
    assert lines == [Decimal("1.01"), Decimal("0.22"), Decimal("0.03")]
    assert sum(lines) == Decimal("1.26")


@pytest.mark.rule("COST-041")
@pytest.mark.parametrize(
    ("usd", "printed"),
    [
        pytest.param("0.005", "0.01", id="half a cent rounds up"),
        pytest.param("0.004999999999", "0.00", id="less than half a cent is nothing"),
        pytest.param("0.015", "0.02", id="half rounds up, not to the even cent"),
        pytest.param("2.675", "2.68", id="a decimal half has no binary neighbour to fall to"),
        pytest.param("0", "0.00", id="nothing is nothing"),
    ],
)
def test_a_printed_line_is_rounded_half_up_to_cents(usd, printed):
    assert str(cents(Decimal(usd))) == printed


@pytest.mark.rule("FG-040", "COST-014")
@pytest.mark.parametrize(
    ("ticks", "minimum", "seconds"),
    [
        pytest.param(1, 60, 60, id="an instant is a minute"),
        pytest.param(60 * TICKS_PER_SECOND, 60, 60, id="a minute is a minute"),
        pytest.param(60 * TICKS_PER_SECOND + 1, 60, 61, id="a begun second is a second"),
        pytest.param(61 * TICKS_PER_SECOND, 60, 61, id="a whole second is not rounded"),
        pytest.param(61 * TICKS_PER_SECOND, 300, 300, id="Windows pays five minutes"),
    ],
)
def test_billed_time_is_rounded_up_to_a_second_and_to_the_minimum(ticks, minimum, seconds):
    assert billed_ticks(ticks, minimum) == seconds * TICKS_PER_SECOND


@given(st.integers(0, 10**13), st.sampled_from(list(Unit)), st.decimals("0", "40", places=10))
def test_an_amount_is_the_exact_quotient_to_a_millionth_of_a_millionth_of_a_dollar(quantity, unit, usd):
    exact = Fraction(quantity) * Fraction(usd) / BILLED[unit][1]
    assert abs(Fraction(amount(quantity, unit, usd)) - exact) <= Fraction(1, 2 * 10**12)


@pytest.mark.rule("FG-041")
@pytest.mark.parametrize(
    ("unit", "name", "price_unit", "in_one"),
    [
        (Unit.CPU_UNIT_SECOND, "CPU-unit-second", "vCPU-hour", 1024 * 3600),
        (Unit.MIB_SECOND, "MiB-second", "GB-hour", 1024 * 3600),
        (Unit.GIB_SECOND, "GiB-second", "GB-hour", 3600),
        (Unit.INSTANCE_TICK, "instance-tick", "instance-hour", 3600 * 2**20),
        (Unit.ADDRESS_SECOND, "address-second", "address-hour", 3600),
        (Unit.HOUR, "hour", "hour", 1),
        (Unit.LCU_MICROHOUR, "LCU-microhour", "LCU-hour", 1_000_000),
        (Unit.BYTE, "byte", "GB", 1_000_000_000),
        # A month is 730 hours.
        (Unit.BYTE_SECOND, "byte-second", "GB-month", 1_000_000_000 * 730 * 3600),
        (Unit.VOLUME_TICK, "GiB-tick", "GB-month", 730 * 3600 * 2**20),
        (Unit.METRIC_SECOND, "metric-second", "metric-month", 730 * 3600),
        (Unit.ALARM_SECOND, "alarm-second", "alarm-month", 730 * 3600),
        (Unit.NANODOLLAR, "nanodollar", "USD", 1_000_000_000),
    ],
)
def test_what_a_price_is_for_holds_so_many_metered_units(unit, name, price_unit, in_one):
    assert str(unit) == name
    assert BILLED[unit] == (price_unit, in_one)
    assert amount(in_one, unit, Decimal("7.5")) == Decimal("7.5")


def test_dimensions_have_the_names_that_bills_show():
    assert [str(dimension) for dimension in Dimension] == [
        *("vCPU", "memory", "ephemeralStorage", "windowsLicence", "instances", "reserved", "idle"),
        *("volumes", "idleVolumes", "managementFee", "interruptedFirstHour"),
        *("logsIngested", "logsStored", "metrics", "alarms"),
        *("hours", "publicIpv4", "lcu.newConnections", "lcu.activeConnections", "lcu.processedBytes"),
        *("lcu.ruleEvaluations", "natBytes", "endpointBytes", "crossZone", "internetEgress", "unusedCommitment"),
    ]


@given(st.lists(st.integers(0, 10**12), max_size=8), st.integers(0, 10**13))
def test_the_parts_of_an_instance_and_its_idle_rest_are_its_billed_time(reserved, billed):
    parts, idle = shares(billed, reserved)
    assert sum(parts) + idle == billed
    assert all(0 <= part <= wanted for part, wanted in zip(parts, reserved, strict=True))
    assert idle == max(0, billed - sum(reserved))


def test_a_quantity_of_nothing_takes_no_turn_in_a_split():
    assert split([0, 3, 3], 5) == [0, 3, 2]
    assert split([3, 0, 3], 4) == [2, 0, 2]


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(0, 40))
def test_a_split_of_small_quantities_gives_out_all_that_is_covered(quantities, covered):
    parts = split(quantities, covered)
    assert sum(parts) == min(covered, sum(quantities))
    assert all(0 <= part <= quantity for part, quantity in zip(parts, quantities, strict=True))


@given(st.lists(st.integers(0, 10**9), max_size=8), st.integers(0, 10**10))
def test_a_split_gives_out_all_that_is_covered_in_proportion(quantities, covered):
    parts = split(quantities, covered)
    total = sum(quantities)
    assert sum(parts) == min(covered, total)
    for part, quantity in zip(parts, quantities, strict=True):
        assert 0 <= part <= quantity
        assert total == 0 or abs(part - Fraction(quantity * min(covered, total), total)) <= len(quantities)


def used(service: str, hours: int, sku: str = "m5.large/onDemand", rate: Rate = LIST) -> Use:
    return Use(service, "prod", "asg", Dimension.INSTANCES, sku, hours * HOUR, Unit.INSTANCE_TICK, rate)


def reserved(count: int) -> Commitment:
    def discount(use: Use) -> Decimal | None:
        return Decimal("0.4") if use.sku == "m5.large/onDemand" else None

    return Commitment("RI", discount, Rate(Decimal("0.06"), "RI"), Unit.INSTANCE_TICK, quantity=count * HOUR)


def plan(usd: str) -> Commitment:
    def discount(use: Use) -> Decimal | None:
        return Decimal("0.5") if use.sku == "m5.large/onDemand" else Decimal("0.2")

    return Commitment("plan", discount, Rate(Decimal(1), "plan"), Unit.NANODOLLAR, usd=Decimal(usd))


def priced(uses: list[Use]) -> dict[tuple[str, str, str], Decimal]:
    """Dollars by service, dimension and price, in the order of the uses."""
    return {
        (use.service, str(use.dimension), str(use.rate.usd.normalize())): amount(use.quantity, use.unit, use.rate.usd)
        for use in uses
    }


@pytest.mark.rule("COST-015")
def test_reserved_instances_that_nobody_runs_are_paid_all_the_same():
    # 2 of 3 reserved instances run: 2 x 0.06 for the service, 1 x 0.06 for nobody.
    assert priced(with_commitment([used("web", 2)], reserved(3), Decimal(1))) == {
        ("web", "instances", "0.06"): Decimal("0.12"),
        ("", "unusedCommitment", "0.06"): Decimal("0.06"),
    }


@pytest.mark.rule("COST-015")
def test_reserved_instances_are_divided_among_services_and_the_rest_pays_the_list_price():
    uses = [used("web", 6), used("api", 2), used("other", 5, "c5.large/onDemand")]
    assert priced(with_commitment(uses, reserved(4), Decimal(1))) == {
        ("web", "instances", "0.1"): Decimal("0.3"),
        ("api", "instances", "0.1"): Decimal("0.1"),
        ("other", "instances", "0.1"): Decimal("0.5"),
        ("web", "instances", "0.06"): Decimal("0.18"),
        ("api", "instances", "0.06"): Decimal("0.06"),
    }


@pytest.mark.rule("COST-006", "COST-015")
def test_a_savings_plan_reaches_the_largest_discount_first_and_what_is_over_pays_the_list_price():
    # A dollar an hour: 10 x 0.1 x 0.5 = 0.50 for web; the other half dollar covers 6.25 of other's 10 at 0.08.
    uses = [used("other", 10, "c5.large/onDemand"), used("web", 10)]
    assert priced(with_commitment(uses, plan("1"), Decimal(1))) == {
        ("other", "instances", "0.1"): Decimal("0.375"),
        ("web", "instances", "0.05"): Decimal("0.5"),
        ("other", "instances", "0.08"): Decimal("0.5"),
    }


def test_a_savings_plan_for_half_an_hour_is_half_of_it_and_its_unused_part_is_shown():
    # Half of 2 USD; 4 x 0.1 x 0.5 = 0.2 of it is used.
    assert priced(with_commitment([used("web", 4)], plan("2"), Decimal("0.5"))) == {
        ("web", "instances", "0.05"): Decimal("0.2"),
        ("", "unusedCommitment", "1"): Decimal("0.8"),
    }


@pytest.mark.rule("COST-015")
def test_reserved_instances_for_half_an_hour_are_half_of_them_and_their_unused_part_belongs_to_nobody():
    after = with_commitment([used("web", 1)], reserved(3), Decimal("0.5"))
    assert priced(after) == {
        ("web", "instances", "0.06"): Decimal("0.06"),
        ("", "unusedCommitment", "0.06"): Decimal("0.03"),
    }
    rest = after[-1]
    assert (rest.service, rest.cluster, rest.resource, rest.sku) == ("", "", "RI", "RI")
    assert [use.committed for use in after] == [True, False]


def test_a_savings_plan_that_just_covers_everything_leaves_nothing():
    assert priced(with_commitment([used("web", 10)], plan("0.5"), Decimal(1))) == {
        ("web", "instances", "0.05"): Decimal("0.5"),
    }


def test_what_one_commitment_covers_no_other_covers_again():
    uses = with_commitment([used("web", 4)], reserved(3), Decimal(1))
    assert priced(with_commitment(uses, plan("10"), Decimal(1))) == {
        ("web", "instances", "0.06"): Decimal("0.18"),
        ("web", "instances", "0.05"): Decimal("0.05"),
        ("", "unusedCommitment", "1"): Decimal("9.95"),
    }


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=5),
    st.integers(1, 40),
    st.decimals("0.01", "9", places=2),
)
def test_no_commitment_changes_how_much_was_used(hours, count, usd):
    uses = [used(service, n) for service, n in hours]
    for commitment in (reserved(count), plan(str(usd))):
        after = with_commitment(uses, commitment, Decimal(1))
        for service in "abc":
            before = sum(use.quantity for use in uses if use.service == service)
            assert sum(use.quantity for use in after if use.service == service) == before
