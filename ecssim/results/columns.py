"""Packed columns as pandas columns: codes as categoricals, seconds as UTC times, ordinals as ids.

Integers become int64, because a difference of two unsigned counts wraps instead of going below zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class Coded:
    """A column of texts as codes into a list of distinct texts; -1 is null.

    It can be taken and masked by numpy before it becomes a categorical, so that joining eight million rows to
    their tasks costs one look-up of integers.
    """

    def __init__(self, codes: np.ndarray, texts: Sequence[str]) -> None:
        self.codes = codes
        self.texts = texts

    @classmethod
    def of(cls, codes: np.ndarray, pool: Sequence[str | None]) -> Coded:
        """The column with these codes of a name pool; texts that do not occur are left out."""
        if not len(codes):
            return cls(np.empty(0, np.int32), ())
        used = np.flatnonzero(np.bincount(codes))
        lookup = np.full(int(used[-1]) + 1, -1, np.int32)
        # Two codes can have one text: sentences are not looked up when they are recorded.
        position: dict[str, int] = {}
        for code in used.tolist():
            text = pool[code]
            if text is not None:
                lookup[code] = position.setdefault(text, len(position))
        return cls(lookup[codes], tuple(position))

    def take(self, positions: np.ndarray) -> Coded:
        """The column at ``positions``; null where a position is -1."""
        return Coded(np.append(self.codes, np.int32(-1))[positions], self.texts)

    def where(self, keep: np.ndarray) -> Coded:
        """The column with null where ``keep`` is false."""
        return Coded(np.where(keep, self.codes, np.int32(-1)), self.texts)

    def dtype(self) -> pd.CategoricalDtype:
        """The dtype of the categorical: the texts in the order of their codes."""
        import pandas as pd

        return pd.CategoricalDtype(pd.Index(self.texts, dtype=str))

    def categorical(self, dtype: pd.CategoricalDtype | None = None) -> pd.Categorical:
        """The pandas column."""
        import pandas as pd

        return pd.Categorical.from_codes(self.codes, dtype=dtype or self.dtype())


def addresses(values: np.ndarray) -> Coded:
    """IPv4 addresses as dotted texts; 0 is null."""
    distinct, codes = np.unique(values, return_inverse=True)
    return Coded.of(codes, [str(IPv4Address(int(value))) if value else None for value in distinct])


def utc_times(start: datetime, seconds: np.ndarray) -> pd.DatetimeIndex:
    """Seconds from ``start`` as UTC times, rounded to microseconds; NaN becomes NaT."""
    import pandas as pd

    origin = np.datetime64(round(start.timestamp() * 1e6), "us")
    known = np.isfinite(seconds)
    offsets = np.rint(np.where(known, seconds, 0.0) * 1e6).astype("timedelta64[us]")
    return pd.DatetimeIndex(np.where(known, origin + offsets, np.datetime64("NaT", "us"))).tz_localize("UTC")


def take_numbers(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Integers at ``positions``, 0 where a position is -1."""
    taken: np.ndarray = np.append(values.astype(np.int64), 0)[positions]
    return taken


def positions_of(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each of ``wanted`` stands in ``keys`` (small integers; the last place if it has two), else -1."""
    size = 1 + max(int(keys.max(initial=0)), int(wanted.max(initial=0)))
    lookup = np.full(size, -1, np.int64)
    lookup[keys] = np.arange(len(keys))
    positions: np.ndarray = lookup[wanted]
    return positions
