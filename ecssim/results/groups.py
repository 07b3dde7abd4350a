"""Rows by key without frames: pairs of codes as one integer, and where the rows of each key stand."""

from __future__ import annotations

import numpy as np


def key_of(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Two codes as one integer: ``key >> 32`` and ``key & 0xFFFFFFFF``."""
    key: np.ndarray = (high.astype(np.int64) << 32) | low.astype(np.int64)
    return key


def spans(ordered: np.ndarray) -> dict[int, tuple[int, int]]:
    """Where the rows of each key begin and end, from the sorted keys of all rows."""
    if not len(ordered):
        return {}
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.append(begins[1:], len(ordered))
    keys = ordered[begins].tolist()
    return dict(zip(keys, zip(begins.tolist(), ends.tolist(), strict=True), strict=True))


def positions(keys: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Each key with the positions of its rows, in their order."""
    order = np.argsort(keys, kind="stable")
    return [(key, order[begin:end]) for key, (begin, end) in spans(keys[order]).items()]
