"""Schedules of scheduled actions: read as the API reads them, and next when a scan of every minute says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecssim.aws.schedules import BadScheduleError, occurrences, parse_schedule

MONDAY = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)


def _next(text: str, zone: str | None = None, after: datetime = MONDAY, count: int = 2) -> list[str]:
    return [f"{m:%Y-%m-%dT%H:%M}" for m in islice(occurrences(parse_schedule(text, zone), after), count)]


@pytest.mark.rule("SCALE-060", "SCALE-061", "SCALE-065")
@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        pytest.param("at(2026-03-03T08:00:00)", None, ["2026-03-03T08:00"], id="once"),
        pytest.param("at(2026-03-03T08:00:00)", "Asia/Tokyo", ["2026-03-02T23:00"], id="once in a time zone"),
        pytest.param("rate(90 minutes)", None, ["2026-03-02T09:00", "2026-03-02T10:30"], id="a rate"),
        pytest.param("rate(1 day)", None, ["2026-03-03T07:30", "2026-03-04T07:30"], id="a rate in days"),
        pytest.param("cron(0/15 8 * * ? *)", None, ["2026-03-02T08:00", "2026-03-02T08:15"], id="steps"),
        pytest.param("cron(0 9 ? * 2-6 *)", None, ["2026-03-02T09:00", "2026-03-03T09:00"], id="SUN is 1"),
        pytest.param("cron(0 9 ? * SUN *)", None, ["2026-03-08T09:00", "2026-03-15T09:00"], id="a name"),
        pytest.param("cron(0 9 ? * 1 *)", None, ["2026-03-08T09:00", "2026-03-15T09:00"], id="its number"),
        pytest.param("cron(0 9 ? * 3/2 *)", None, ["2026-03-03T09:00", "2026-03-05T09:00"], id="days in steps"),
        pytest.param("cron(0 9 ? * 2#1 *)", None, ["2026-03-02T09:00", "2026-04-06T09:00"], id="the first Monday"),
        pytest.param("cron(0 9 ? * 6L *)", None, ["2026-03-27T09:00", "2026-04-24T09:00"], id="the last Friday"),
        pytest.param("cron(0 0 L * ? *)", None, ["2026-03-31T00:00", "2026-04-30T00:00"], id="the last day"),
        pytest.param("cron(0 9 1 JAN ? 2028-2030)", None, ["2028-01-01T09:00", "2029-01-01T09:00"], id="years"),
        pytest.param("cron(30 0 9 * * ? *)", None, ["2026-03-02T09:00", "2026-03-03T09:00"], id="leading seconds"),
        pytest.param("cron(0 9 29 2 ? 2026)", None, [], id="a day that its year does not have"),
    ],
)
def test_the_next_moments(text: str, zone: str | None, expected: list[str]) -> None:
    assert _next(text, zone) == expected


@pytest.mark.rule("SCALE-060")
def test_clock_times_follow_the_seasons_of_their_zone() -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert _next("cron(0 9 * * ? *)", "Europe/Berlin", before) == ["2026-03-29T07:00", "2026-03-30T07:00"]
    assert _next("cron(0 9 * * ? *)", "Europe/Berlin", before - timedelta(days=2)) == [
        "2026-03-27T08:00",
        "2026-03-28T08:00",
    ]


@pytest.mark.parametrize(
    ("text", "zone", "said"),
    [
        ("every(5 minutes)", None, "expected at("),
        ("at(tomorrow)", None, "expected at(yyyy"),
        ("rate(0 minutes)", None, "expected rate(value unit)"),
        ("rate(5 weeks)", None, "unit minutes, hours or days"),
        ("cron(0 9 * * *)", None, "expected six fields"),
        ("cron(0 9 1 * MON *)", None, "exactly one of"),
        ("cron(0 9 ? * ? *)", None, "exactly one of"),
        ("cron(0 9 ? * 8 *)", None, "1 (SUN) to 7 (SAT)"),
        ("cron(61 9 * * ? *)", None, "Bad minute"),
        ("cron(0 9 15W * ? *)", None, "not modelled"),
        ("cron(0 9 * * ? next)", None, "expected years"),
        ("rate(5 minutes)", "Europe/Atlantis", "no time zone"),
    ],
)
def test_what_is_no_schedule_is_refused_with_what_was_expected(text: str, zone: str | None, said: str) -> None:
    with pytest.raises(BadScheduleError, match=said.replace("(", r"\(").replace(")", r"\)")):
        parse_schedule(text, zone)


FIELD = st.one_of(st.just("*"), st.sampled_from(["0/20", "5", "10-30", "7,45"]))
HOUR = st.one_of(st.just("*"), st.sampled_from(["0/6", "3", "8-17", "2,22"]))
DAYS = st.sampled_from([("*", "?"), ("?", "MON-FRI"), ("1,15", "?"), ("?", "1"), ("?", "7"), ("L", "?"), ("?", "2,4")])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])


def _matches(field: str, value: int, low: int, high: int) -> bool:
    for part in field.split(","):
        base, _, step = part.partition("/")
        first, _, last = base.partition("-")
        begin = low if first == "*" else int(first)
        end = int(last) if last else high if step or first == "*" else begin
        if value in range(begin, end + 1, int(step or 1)):
            return True
    return False


def _day_matches(day: str, weekday: str, local: datetime) -> bool:
    if day == "L":
        return (local + timedelta(days=1)).day == 1
    if day not in ("*", "?"):
        return str(local.day) in day.split(",")
    number = local.isoweekday() % 7 + 1
    return {"?": True, "MON-FRI": 2 <= number <= 6}.get(weekday, str(number) in weekday.split(","))


@pytest.mark.rule("SCALE-060", "SCALE-065")
@given(FIELD, HOUR, DAYS, ZONES, st.integers(0, 200 * 24 * 60))
def test_a_schedule_fires_at_the_minutes_that_a_scan_finds(
    minutes: str, hours: str, days: tuple[str, str], zone: str, offset: int
) -> None:
    """Six days from any minute of half a year, but those on which a clock is put forward or back."""
    after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=offset)
    place = ZoneInfo(zone)
    end = after + timedelta(days=6)
    shifts = {(after + timedelta(days=d)).astimezone(place).utcoffset() for d in range(-1, 9)}
    if len(shifts) > 1:
        return
    wanted = []
    moment = after + timedelta(minutes=1)
    while moment <= end:
        local = moment.astimezone(place)
        if _matches(minutes, local.minute, 0, 59) and _matches(hours, local.hour, 0, 23) and _day_matches(*days, local):
            wanted.append(moment)
        moment += timedelta(minutes=1)
    schedule = parse_schedule(f"cron({minutes} {hours} {days[0]} * {days[1]} *)", zone)
    got = []
    for moment in occurrences(schedule, after):
        if moment > end:
            break
        got.append(moment)
    assert got == wanted
