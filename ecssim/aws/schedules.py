"""Schedules of scheduled actions: ``at(...)``, ``rate(...)`` and ``cron(...)``, and when each is next.

Application Auto Scaling's cron has six fields (minutes, hours, day of month, month, day of week, year) and
numbers weekdays from SUN = 1; the seconds of a seven-field one are read and not honoured (SCALE-061). Times of
``at`` and ``cron`` are in the schedule's time zone, UTC unless it names one (SCALE-060).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

EXPECTED: Final = "at(2026-03-02T08:00:00), rate(5 minutes) or cron(minutes hours day-of-month month day-of-week year)"
_CALL = re.compile(r"\s*(at|rate|cron)\s*\((.*)\)\s*", re.DOTALL)
_RATE = re.compile(r"\s*(\d+)\s+(minute|hour|day)s?\s*")
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_LAST_YEAR: Final = 2199


class BadScheduleError(ValueError):
    """The text is no schedule; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule: exactly one of ``once``, ``every`` (seconds) and ``cron`` (five fields and years) is set.

    ``start`` and ``end`` bound a recurring schedule, inclusively.
    """

    zone: tzinfo = UTC
    once: datetime | None = None
    every: int = 0
    cron: str = ""
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
            moment = datetime.fromisoformat(inner.strip())
        except ValueError:
            raise BadScheduleError("expected at(yyyy-mm-ddThh:mm:ss)") from None
        return Schedule(zone, once=(moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC))
    if kind == "rate":
        rate = _RATE.fullmatch(inner)
        if rate is None or not int(rate[1]):
            raise BadScheduleError("expected rate(value unit) with unit minutes, hours or days")
        return Schedule(zone, every=int(rate[1]) * _UNITS[rate[2]], start=start, end=end)
    fields = inner.upper().split()
    if len(fields) == 7:
        fields = fields[1:]  # seconds are accepted and not honoured (SCALE-061)
    if len(fields) != 6:
        raise BadScheduleError("expected six fields in cron(...): minutes hours day-of-month month day-of-week year")
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?") and not (day == "*" and weekday == "*"):
        raise BadScheduleError("exactly one of day-of-month and day-of-week must be ?")
    if "W" in day and day != "LW":
        raise BadScheduleError("the nearest weekday (W) of a day is not modelled")
    cron = " ".join((minutes, hours, _any(day), month, _weekday(_any(weekday))))
    schedule = Schedule(zone, cron=cron, years=_years(year), start=start, end=end)
    try:
        CronSim(cron, datetime(2026, 1, 1))
    except CronSimError as error:
        raise BadScheduleError(str(error)) from None
    return schedule


def occurrences(schedule: Schedule, created: datetime) -> Iterator[datetime]:
    """Yield every moment (UTC) at which the schedule fires after ``created``, in order.

    A recurring schedule with a start time also fires at that time (SCALE-063); a rate counts from the start
    time, or from when it was created.
    """
    if schedule.once is not None:
        if schedule.once > created:
            yield schedule.once
        return
    origin = created if schedule.start is None else schedule.start
    end = schedule.end
    if schedule.start is not None and schedule.start > created and (end is None or schedule.start <= end):
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
    for moment in CronSim(schedule.cron, after.astimezone(schedule.zone)):
        if moment.year > _LAST_YEAR or all(moment.year >= years.stop for years in schedule.years):
            return
        if any(moment.year in years for years in schedule.years):
            yield moment.astimezone(UTC)


def _zone(name: str | None) -> tzinfo:
    if name is None or name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadScheduleError(f"there is no time zone {name!r}") from None


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
