"""How CloudWatch judges an alarm: M out of N data points, and what it makes of points that are missing.

``evaluate`` is the plain form, one alarm at a time; ``evaluate_many`` judges any number of alarms at once from
bit masks (bit 0 is the newest period), and is tested to say the same. An alarm looks at its *evaluation range*:
its N periods and :data:`EXTRA` more, which it falls back on where points are missing (ALARM-008).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

Masks = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.int64]

#: States of an alarm, as codes (ALARM-001).
INSUFFICIENT_DATA: Final = 0
OK: Final = 1
ALARM: Final = 2
STATE_NAMES: Final = ("INSUFFICIENT_DATA", "OK", "ALARM")

#: What an alarm makes of missing points, as codes (ALARM-007), in the order of :data:`TREATMENTS`.
MISSING: Final = 0
IGNORE: Final = 1
BREACHING: Final = 2
NOT_BREACHING: Final = 3
TREATMENTS: Final = ("missing", "ignore", "breaching", "notBreaching")

#: Comparisons, as codes: a value breaches if it is ... the threshold (ALARM-003).
OPERATORS: Final = (
    "GreaterThanThreshold",
    "GreaterThanOrEqualToThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
)

#: Periods that are fetched beyond the N evaluated ones (ALARM-008).
EXTRA: Final = 2
#: Alarms of up to this many evaluation periods fit the masks of ``evaluate_many``: their evaluation range has
#: at most 52 bits, of which a float counts every one exactly.
MASK_PERIODS: Final = 50

_ONE: Final = np.uint64(1)


def breaches(value: float, operator: int, threshold: float) -> bool:
    """Whether a data point is on the wrong side of the threshold; the metric is the left operand (ALARM-003)."""
    if operator == 0:
        return value > threshold
    if operator == 1:
        return value >= threshold
    if operator == 2:
        return value < threshold
    return value <= threshold


def evaluate(points: Sequence[bool | None], n: int, m: int, treat: int, state: int) -> int:
    """Return the new state of one alarm (ALARM-004, ALARM-009 to ALARM-012).

    ``points`` is the evaluation range, oldest first: whether each point breaches, None where it is missing.
    ``n`` periods are evaluated, ``m`` of them must breach; ``state`` is what the alarm was before.
    """
    real = [p for p in points if p is not None]
    if len(real) >= n:
        return ALARM if sum(real[len(real) - n :]) >= m else OK
    hits = sum(real)
    if treat == BREACHING:
        return ALARM if hits + n - len(real) >= m else OK
    if treat == NOT_BREACHING:
        return ALARM if hits >= m else OK
    if not real:
        return INSUFFICIENT_DATA if treat == MISSING else state
    if hits >= m:
        return ALARM
    if hits < len(real):
        return OK
    # Every point there is breaches, but they are too few: only an old one is enough (no premature alarm).
    age = len(points) - next(i for i, p in enumerate(points) if p is not None)
    return ALARM if treat == MISSING and age >= m else state


def low_bits(n: Codes) -> Masks:
    """Return masks of the ``n`` newest periods."""
    return (_ONE << n.astype(np.uint64)) - _ONE


def evaluate_many(real: Masks, breach: Masks, n: Codes, m: Codes, treat: Codes, state: Codes, newest: Masks) -> Codes:
    """Return the new states of many alarms: ``evaluate`` on masks.

    ``real`` says which periods of the evaluation range have a point, ``breach`` which of these breach;
    ``newest`` is ``low_bits(n)``. All arrays have one entry an alarm.
    """
    states = np.where(np.bitwise_count(breach & newest) >= m, ALARM, OK)
    ragged = np.flatnonzero((real & newest) != newest)
    if ragged.size:
        i = ragged
        states[i] = _with_gaps(real[i], breach[i], n[i], m[i], treat[i], state[i])
    return states


def _with_gaps(real: Masks, breach: Masks, n: Codes, m: Codes, treat: Codes, state: Codes) -> Codes:
    """Judge alarms some of whose newest N periods have no point."""
    count = np.bitwise_count(real).astype(np.int64)
    judged = real
    for _ in range(EXTRA):  # at most EXTRA points more than N are real: drop the oldest
        over = np.bitwise_count(judged) > n
        judged = np.where(over, judged ^ _top_bit(judged), judged)
    hits = np.bitwise_count(breach & judged).astype(np.int64)
    states = np.where(hits >= m, ALARM, OK)
    short = count < n
    states[short & (treat == BREACHING) & (hits + n - count >= m)] = ALARM
    waits = short & (treat <= IGNORE) & (hits == count) & (hits < m)
    states[waits] = state[waits]
    states[waits & (treat == MISSING) & (_bit_length(real) >= m)] = ALARM
    states[(count == 0) & (treat == MISSING)] = INSUFFICIENT_DATA
    return states


def _bit_length(masks: Masks) -> Codes:
    """Age of the oldest period in each mask; the newest has age 1, an empty mask gives 0."""
    return np.frexp(masks.astype(np.float64))[1].astype(np.int64)


def _top_bit(masks: Masks) -> Masks:
    """Return the oldest period of each mask alone; masks are not empty where it matters."""
    return _ONE << (np.maximum(_bit_length(masks), 1) - 1).astype(np.uint64)
