"""Human units of the simulation-only sections: durations, sizes, rates, shares.

A duration is seconds as float (``90s``, ``1h30m``, ``150d``, ``80ms``), a size bytes as int (``450MB``,
``200MiB``; MB is 10^6 bytes, MiB 2^20), a rate events per second as float (``12/min``), a share a number from
0 to 1 (``5%`` or ``0.05``). Numbers without a unit are refused where a unit belongs: ``readyAfter: 12`` could
be anything. Zero needs no unit.
"""

from __future__ import annotations

import re
from typing import Annotated, TypeGuard

from pydantic import BeforeValidator, Field, WithJsonSchema

from ecssim.aws.shape import bad

_DURATION_UNITS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 604800.0,
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|min|s|m|h|d|w)")
_SIZE_UNITS = {
    "B": 1,
    "KB": 10**3,
    "KIB": 2**10,
    "MB": 10**6,
    "MIB": 2**20,
    "GB": 10**9,
    "GIB": 2**30,
    "TB": 10**12,
    "TIB": 2**40,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?I?B)", re.IGNORECASE)
_RATE_UNITS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:/|per)\s*([a-z]+)")

EXPECTED_DURATION = "a duration with its unit (90s, 5m, 2h, 150d, 80ms)"
EXPECTED_SIZE = "a size with its unit (450MB, 200MiB)"
EXPECTED_RATE = "a rate (12/min, 0.5/s, 100/h)"
EXPECTED_SHARE = "a share from 0 to 1 (0.05 or 5%)"


def parse_duration(value: object) -> float:
    """Seconds of ``1h30m``; raises the error of the unit for anything else."""
    if _is_number(value) and value == 0:
        return 0.0
    if not isinstance(value, str):
        raise bad(EXPECTED_DURATION)
    text = value.strip()
    seconds, end = 0.0, 0
    for part in _DURATION_PART.finditer(text):
        if text[end : part.start()].strip():
            raise bad(EXPECTED_DURATION)
        seconds += float(part[1]) * _DURATION_UNITS[part[2]]
        end = part.end()
    if end == 0 or end != len(text):
        raise bad(EXPECTED_DURATION)
    return seconds


def parse_size(value: object) -> int:
    """Bytes of ``450MB``; raises the error of the unit for anything else."""
    if _is_number(value) and value == 0:
        return 0
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise bad(EXPECTED_SIZE)
    return round(float(match[1]) * _SIZE_UNITS[match[2].upper()])


def parse_rate(value: object) -> float:
    """Events per second of ``12/min``; raises the error of the unit for anything else."""
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in _RATE_UNITS:
        raise bad(EXPECTED_RATE)
    return float(match[1]) / _RATE_UNITS[match[2]]


def parse_share(value: object) -> float:
    """A number from 0 to 1 of ``0.05`` or ``5%``."""
    share: float | None = None
    if isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?\s*%", value.strip()):
        share = float(value.strip().rstrip("%")) / 100
    elif _is_number(value):
        share = float(value)
    if share is None or not 0 <= share <= 1:
        raise bad(EXPECTED_SHARE)
    return share


def parse_number(value: object) -> float:
    """A plain number that is not negative."""
    if not _is_number(value) or value < 0:
        raise bad("a number that is not negative")
    return float(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(description: str, *types: str) -> WithJsonSchema:
    return WithJsonSchema({"type": list(types) if len(types) > 1 else types[0], "description": description})


Duration = Annotated[float, BeforeValidator(parse_duration), _text(EXPECTED_DURATION, "string", "number")]
Size = Annotated[int, BeforeValidator(parse_size), _text(EXPECTED_SIZE, "string", "number")]
Rate = Annotated[float, BeforeValidator(parse_rate), _text(EXPECTED_RATE, "string")]
Share = Annotated[float, BeforeValidator(parse_share), _text(EXPECTED_SHARE, "number", "string")]
Number = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
