"""Task ids: 32 hexadecimal digits that depend on the seed and on the task alone.

A task is launch ``k`` of its owner (a service, an entry of ``jobs``, a RunTask call); the owner has a 64-bit
key hashed from the seed and its name. The id is a fixed mix of both, so a table needs to hold only key and
launch number, adding a service changes nobody else's ids, and calls of a scenario can name tasks beforehand.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15
_SILVER = 0xD1B54A32D192ED03
_SALT = 0x243F6A8885A308D3
_MIX_1 = 0xBF58476D1CE4E5B9
_MIX_2 = 0x94D049BB133111EB


def owner_key(seed: int, *parts: str | int) -> int:
    """The 64-bit key of the entity named by ``parts`` under ``seed``.

    Parts are length-prefixed before hashing, so ``("ab", "c")`` and ``("a", "bc")`` differ.
    """
    digest = blake2b(digest_size=8)
    for part in (seed, *parts):
        data = str(part).encode("utf-8", "backslashreplace")
        digest.update(len(data).to_bytes(8, "little") + data)
    return int.from_bytes(digest.digest(), "little")


def _mix(value: int) -> int:
    """The finaliser of splitmix64: a bijection in which every input bit matters to every output bit."""
    value = ((value ^ (value >> 30)) * _MIX_1) & _MASK
    value = ((value ^ (value >> 27)) * _MIX_2) & _MASK
    return value ^ (value >> 31)


def task_id(key: int, k: int) -> str:
    """The id of launch ``k`` of the owner with ``key``."""
    high = _mix((key + _GOLDEN * (k + 1)) & _MASK)
    turned = ((key << 32) | (key >> 32)) & _MASK
    low = _mix((turned + _SALT + _SILVER * (k + 1)) & _MASK)
    return f"{high:016x}{low:016x}"


def _mix_array(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(_MIX_1)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(_MIX_2)
    mixed: np.ndarray = values ^ (values >> np.uint64(31))
    return mixed


def task_ids(keys: np.ndarray, ks: np.ndarray) -> np.ndarray:
    """The ids of many launches at once, an object array of strings; equal to :func:`task_id` one by one."""
    keys = keys.astype(np.uint64)
    launches = ks.astype(np.uint64) + np.uint64(1)
    high = _mix_array(keys + np.uint64(_GOLDEN) * launches)
    turned = (keys << np.uint64(32)) | (keys >> np.uint64(32))
    low = _mix_array(turned + np.uint64(_SALT) + np.uint64(_SILVER) * launches)
    digits = np.column_stack([high, low]).astype(">u8").tobytes().hex()
    ids = np.empty(len(keys), dtype=object)
    ids[:] = [digits[at : at + 32] for at in range(0, len(digits), 32)]
    return ids
