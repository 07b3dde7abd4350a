"""Schedules of scheduled actions: read as the API reads them, and next when a scan of every minute says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
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
        pytest.param("cron(0 9 1W 8 ? *)", None, ["2026-08-03T09:00", "2027-08-02T09:00"], id="not in July"),
        pytest.param("cron(0 9 31W 5 ? *)", None, ["2026-05-29T09:00", "2027-05-31T09:00"], id="not in June"),
        pytest.param("cron(0 9 15W * ? *)", None, ["2026-03-16T09:00", "2026-04-15T09:00"], id="nearest weekday"),
        pytest.param("cron(0 9 14W 3,11 ? *)", None, ["2026-03-13T09:00", "2026-11-13T09:00"], id="the Friday before"),
        pytest.param("cron(0 9 31W * ? *)", None, ["2026-03-31T09:00", "2026-05-29T09:00"], id="months without it"),
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
        ("cron(61 9 * * ? *)", None, "minute in cron(...): expected 0 to 59, got 61"),
        ("cron(0 9 32W * ? *)", None, "1 to 31"),
        ("cron(0 9 * * ? next)", None, "expected years"),
        ("rate(5 minutes)", "Europe/Atlantis", "no time zone"),
    ],
)
def test_what_is_no_schedule_is_refused_with_what_was_expected(text: str, zone: str | None, said: str) -> None:
    with pytest.raises(BadScheduleError, match=said.replace("(", r"\(").replace(")", r"\)")):
        parse_schedule(text, zone)


ONE = st.one_of(st.just("*"), st.sampled_from(["0/20", "5", "10-30", "7,45"]))
HOUR = st.one_of(st.just("*"), st.sampled_from(["0/6", "3", "8-17", "2,22"]))
DAYS = st.one_of(
    st.tuples(
        st.sampled_from(["*", "1,15", "L", "LW", "5/7", "10-12", "1W", "31W", "15W", "1W,20", "8W,15W,L", "29"]),
        st.just("?"),
    ),
    st.tuples(
        st.just("?"),
        st.sampled_from(["MON-FRI", "1", "7", "2,4", "SUN", "L", "6L", "1L", "2#1", "6#3", "7#5", "3/2", "SAT#2"]),
    ),
)
MONTHS = st.sampled_from(["*", "1", "JAN-MAR", "12,2", "1/3"])
YEARS = st.sampled_from(["*", "2026", "2027", "2026-2027", "2026/2", "2025,2027", "2028"])
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


def _number(text: str, names: tuple[str, ...] = ()) -> int:
    return names.index(text) + 1 if text in names else int(text)


def _matches(field: str, value: int, low: int, high: int, names: tuple[str, ...] = ()) -> bool:
    for part in field.split(","):
        base, _, step = part.partition("/")
        first, _, last = base.partition("-")
        begin = low if first == "*" else _number(first, names)
        end = _number(last, names) if last else high if step or first == "*" else begin
        if value in range(begin, end + 1, int(step or 1)):
            return True
    return False


def _last_of_month(day: datetime) -> int:
    return ((day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day


def _near(day: datetime, wanted: int) -> bool:
    """Whether ``day`` is the weekday nearest to the day ``wanted`` of its month: try the nearest first."""
    last = _last_of_month(day)
    if wanted > last:
        return False
    for distance in (0, -1, 1, 2, -2):
        other = wanted + distance
        if 1 <= other <= last and day.replace(day=other).isoweekday() <= 5:
            return day.day == other
    return False


def _day_of_month(field: str, day: datetime) -> bool:
    last = _last_of_month(day)
    for part in field.split(","):
        if part == "L":
            found = day.day == last
        elif part == "LW":
            found = _near(day, last)
        elif part.endswith("W"):
            found = _near(day, int(part[:-1]))
        else:
            found = _matches(part, day.day, 1, 31)
        if found:
            return True
    return False


def _day_of_week(field: str, day: datetime) -> bool:
    number = day.isoweekday() % 7 + 1
    for part in field.split(","):
        if part == "L":
            found = number == 7
        elif part.endswith("L"):
            found = number == int(part[:-1]) and day.day > _last_of_month(day) - 7
        elif "#" in part:
            name, _, nth = part.partition("#")
            found = number == _number(name, DAY_NAMES) and (day.day + 6) // 7 == int(nth)
        else:
            found = _matches(part, number, 1, 7, DAY_NAMES)
        if found:
            return True
    return False


def _day_matches(days: tuple[str, str], month: str, year: str, day: datetime) -> bool:
    if not (_matches(month, day.month, 1, 12, MONTH_NAMES) and _matches(year, day.year, 1970, 2199)):
        return False
    return _day_of_month(days[0], day) if days[1] == "?" else _day_of_week(days[1], day)


@pytest.mark.rule("SCALE-060", "SCALE-061", "SCALE-065")
@settings(max_examples=60)
@given(ONE, HOUR, DAYS, MONTHS, YEARS, ZONES, st.integers(0, 500 * 24 * 60))
def test_a_schedule_fires_at_the_minutes_that_a_scan_finds(
    minutes: str, hours: str, days: tuple[str, str], month: str, year: str, zone: str, offset: int
) -> None:
    """Forty days from any minute of seventeen months, but those in which a clock is put forward or back."""
    after = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=offset)
    place = ZoneInfo(zone)
    end = after + timedelta(days=40)
    shifts = {(after + timedelta(days=d)).astimezone(place).utcoffset() for d in range(-1, 43)}
    if len(shifts) > 1:
        return
    wanted = []
    moment = after + timedelta(minutes=1)
    known: dict[object, bool] = {}
    while moment <= end:
        local = moment.astimezone(place)
        date = local.date()
        if date not in known:
            known[date] = _day_matches(days, month, year, local)
        if not known[date]:
            # Nothing in this day: the scan goes on at its end.
            moment += timedelta(minutes=24 * 60 - local.hour * 60 - local.minute)
            continue
        if _matches(minutes, local.minute, 0, 59) and _matches(hours, local.hour, 0, 23):
            wanted.append(moment)
        moment += timedelta(minutes=1)
    schedule = parse_schedule(f"cron({minutes} {hours} {days[0]} {month} {days[1]} {year})", zone)
    got = []
    for moment in occurrences(schedule, after):
        if moment > end:
            break
        got.append(moment)
    assert got == wanted
