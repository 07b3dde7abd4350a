"""Schedules of scheduled actions: ``at(...)``, ``rate(...)`` and ``cron(...)``, and when each is next.

Application Auto Scaling's cron has six fields (minutes, hours, day of month, month, day of week, year) and
numbers weekdays from SUN = 1; the seconds of a seven-field one are read and not honoured (SCALE-061). Times of
``at`` and ``cron`` are in the schedule's time zone, UTC unless it names one (SCALE-060).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from heapq import merge
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

EXPECTED: Final = "at(2026-03-02T08:00:00), rate(5 minutes) or cron(minutes hours day-of-month month day-of-week year)"
_CALL = re.compile(r"\s*(at|rate|cron)\s*\((.*)\)\s*", re.DOTALL)
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_RATE = re.compile(r"\s*(\d+)\s+(minute|hour|day)s?\s*")
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
#: Fields of cron by the library's names for them: where each stands, and what may stand there.
_FIELDS: Final = {
    "minute": (0, "0 to 59"),
    "hour": (1, "0 to 23"),
    "day-of-month": (2, "1 to 31, L or ?"),
    "month": (3, "1 to 12 or JAN to DEC"),
    "day-of-week": (4, "1 (SUN) to 7 (SAT), their names or ?"),
}
_LAST_YEAR: Final = 2199


class BadScheduleError(ValueError):
    """The text is no schedule; the message says what was expected."""


class BadTimeZoneError(BadScheduleError):
    """The time zone beside the schedule is none."""


def moment_of(text: str | None, key: str) -> datetime | None:
    """Read the timestamp of a document's ``key``; without a time zone it is UTC, without a text there is none."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadScheduleError(f"{key}: expected a timestamp (2026-03-02T08:00:00Z)") from None
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule: exactly one of ``once``, ``every`` (seconds) and ``cron`` (five fields and years) is set.

    ``start`` and ``end`` bound a recurring schedule, inclusively. ``near`` are days of the month of which the nearest
    weekday counts (``15W``); then ``cron`` has the other days, or is empty, and ``daily`` fires every day.
    """

    zone: tzinfo = UTC
    once: datetime | None = None
    every: int = 0
    cron: str = ""
    daily: str = ""
    near: tuple[int, ...] = ()
    years: tuple[range, ...] = ()
    start: datetime | None = None
    end: datetime | None = None


def parse_schedule(
    text: str, timezone: str | None = None, start: datetime | None = None, end: datetime | None = None
) -> Schedule:
    """Read a schedule (SCALE-060, SCALE-061, SCALE-065).

    :raises BadScheduleError: if the text, or the time zone, is none.
    """
    found = _CALL.fullmatch(text)
    if found is None:
        raise BadScheduleError(f"expected {EXPECTED}")
    zone = _zone(timezone)
    kind, inner = found.groups()
    if kind == "at":
        try:
            if not _AT.match(inner.strip()):
                raise ValueError
            moment = datetime.fromisoformat(inner.strip())
        except ValueError:
            raise BadScheduleError(f"expected at(yyyy-mm-ddThh:mm:ss), got at({inner})") from None
        return Schedule(zone, once=(moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC))
    if kind == "rate":
        rate = _RATE.fullmatch(inner)
        if rate is None or not int(rate[1]):
            raise BadScheduleError(f"expected rate(value unit) with unit minutes, hours or days, got rate({inner})")
        return Schedule(zone, every=int(rate[1]) * _UNITS[rate[2]], start=start, end=end)
    fields = inner.upper().split()
    if len(fields) == 7:
        fields = fields[1:]  # seconds are accepted and not honoured (SCALE-061)
    if len(fields) != 6:
        raise BadScheduleError(
            "expected six fields in cron(...): minutes hours day-of-month month day-of-week year, got "
            f"{len(fields)} in cron({inner})"
        )
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?") and not (day == "*" and weekday == "*"):
        raise BadScheduleError("exactly one of day-of-month and day-of-week must be ?")
    near, others = _near(day)

    def cron(days: str) -> str:
        text = " ".join((minutes, hours, _any(days), month, _weekday(_any(weekday))))
        try:
            CronSim(text, datetime(2026, 1, 1))
        except CronSimError as error:
            raise BadScheduleError(_wrong_field(str(error), fields)) from None
        return text

    listed, daily = cron(others) if others else "", cron("*") if near else ""
    return Schedule(zone, cron=listed, daily=daily, near=near, years=_years(year), start=start, end=end)


def occurrences(schedule: Schedule, created: datetime, *, at_start: bool = True) -> Iterator[datetime]:
    """Yield every moment (UTC) at which the schedule fires after ``created``, in order.

    A recurring schedule with a start time also fires at that time (SCALE-063), unless ``at_start`` says that it does
    not (EventBridge's cron); a rate counts from the start time, or from when it was created.
    """
    if schedule.once is not None:
        if schedule.once > created:
            yield schedule.once
        return
    origin = created if schedule.start is None else schedule.start
    end = schedule.end
    begins = schedule.start is not None and schedule.start > created and (end is None or schedule.start <= end)
    if begins and (at_start or schedule.every) and schedule.start is not None:
        yield schedule.start
    for moment in _recurring(schedule, origin, max(origin, created)):
        if end is not None and moment > end:
            return
        yield moment


def _recurring(schedule: Schedule, origin: datetime, after: datetime) -> Iterator[datetime]:
    if schedule.every:
        step = timedelta(seconds=schedule.every)
        n = (after - origin) // step + 1
        while True:
            yield origin + n * step
            n += 1
    crons = [_moments(schedule.cron, schedule, after)] if schedule.cron else []
    if schedule.near:
        daily = _moments(schedule.daily, schedule, after)
        crons.append(m for m in daily if any(m.day == _nearest_weekday(m, day) for day in schedule.near))
    last = None
    for moment in merge(*crons):
        if moment != last:
            last = moment
            yield moment.astimezone(UTC)


def _moments(cron: str, schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """The moments of five cron fields in the schedule's years, in its time zone."""
    for moment in CronSim(cron, after.astimezone(schedule.zone)):
        if moment.year > _LAST_YEAR or all(moment.year >= years.stop for years in schedule.years):
            return
        if any(moment.year in years for years in schedule.years):
            yield moment


def _nearest_weekday(month: datetime, day: int) -> int:
    """The day of the month that is the weekday nearest to ``day``, within the month; 0 if it has no such day."""
    last = monthrange(month.year, month.month)[1]
    if day > last:
        return 0
    weekday = datetime(month.year, month.month, day).weekday()
    if weekday == 5:  # Saturday: the Friday before, but not that of another month
        return day - 1 if day > 1 else day + 2
    if weekday == 6:
        return day + 1 if day < last else day - 2
    return day


def _near(field: str) -> tuple[tuple[int, ...], str]:
    """Split a day-of-month field into the days whose nearest weekday counts (``15W``) and the other days."""
    parts = field.split(",")
    near = [p for p in parts if re.fullmatch(r"\d{1,2}W", p)]
    days = tuple(int(p[:-1]) for p in near)
    if any(not 1 <= day <= 31 for day in days):
        raise BadScheduleError("a day of the month is 1 to 31")
    return days, ",".join(p for p in parts if p not in near)


def _wrong_field(complaint: str, fields: list[str]) -> str:
    """What the library complains of ("Bad hour"), with what stands there and what may."""
    name = complaint.removeprefix("Bad ")
    if name not in _FIELDS:
        return complaint
    at, expected = _FIELDS[name]
    return f"{name} in cron(...): expected {expected}, got {fields[at]}"


def _zone(name: str | None) -> tzinfo:
    if name is None or name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(name, sorted(available_timezones()), n=1)
        meant = f"; did you mean {near[0]}?" if near else "; expected a name such as Europe/Berlin"
        raise BadTimeZoneError(f"there is no time zone {name!r}{meant}") from None


def _any(field: str) -> str:
    """``?`` says that the other of the two day fields decides."""
    return "*" if field == "?" else field


def _weekday(field: str) -> str:
    """Turn weekdays numbered from SUN = 1 into the library's, numbered from SUN = 0."""

    def shifted(found: re.Match[str]) -> str:
        day = int(found[0])
        if not 1 <= day <= 7:
            raise BadScheduleError("a day of the week is 1 (SUN) to 7 (SAT)")
        return str(day - 1)

    parts = []
    for part in field.split(","):
        base, mark, rest = part.partition("#") if "#" in part else part.partition("/")
        base = "6" if base == "L" else re.sub(r"\d+", shifted, base)
        if mark == "/" and base.isalnum():
            base += "-6"  # the library would go on to 7, its second Sunday
        parts.append(base + mark + rest)
    return ",".join(parts)


def _years(field: str) -> tuple[range, ...]:
    """Return the years of a field such as ``*``, ``2026``, ``2026-2028`` or ``2026/2``."""
    if field in ("*", "?"):
        return (range(1970, _LAST_YEAR + 1),)
    years = []
    for part in field.split(","):
        found = re.fullmatch(r"(\*|\d{4})(?:-(\d{4}))?(?:/(\d+))?", part)
        if found is None or found[3] == "0":
            raise BadScheduleError("expected years in the last field: *, 2026, 2026-2028")
        first = 1970 if found[1] == "*" else int(found[1])
        last = int(found[2]) if found[2] else first if not found[3] and found[1] != "*" else _LAST_YEAR
        years.append(range(first, last + 1, int(found[3] or 1)))
    return tuple(years)
