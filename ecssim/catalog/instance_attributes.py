"""What attribute-based selection asks of an instance type beyond its sizes, read from the type's name.

The name says the processor (``g`` Graviton, ``a`` AMD, else Intel) and local disks (``d``); which families AWS
counts as previous generation is the list of its page "Previous generation instances", as of 2026. For CAP-062 and
CAP-063; families that the name does not tell right are listed here.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from ecssim.catalog.instances import InstanceType

Manufacturer = Literal["intel", "amd", "amazon-web-services"]

PREVIOUS: Final = frozenset(
    (
        "a1",
        "c1",
        "c3",
        "c4",
        "cc2",
        "cr1",
        "g2",
        "g3",
        "g3s",
        "hs1",
        "i2",
        "i3",
        "m1",
        "m2",
        "m3",
        "m4",
        "p2",
        "p3",
        "p3dn",
        "r3",
        "r4",
        "t1",
        "t2",
        "x1",
        "x1e",
        "d2",
        "f1",
        "h1",
    )
)
"""Families of a previous generation."""
_DISKS: Final = frozenset(
    (
        "d2",
        "d3",
        "d3en",
        "f1",
        "f2",
        "h1",
        "hs1",
        "i2",
        "i3",
        "i3en",
        "i7i",
        "i7ie",
        "i8g",
        "im4gn",
        "is4gen",
        "m1",
        "m2",
        "m3",
        "c1",
        "c3",
        "r3",
        "x1",
        "x1e",
    )
)
_PARTS: Final = re.compile(r"^([a-z]+)(\d+)([a-z-]*)")


def manufacturer(kind: InstanceType) -> Manufacturer:
    """Who makes the processor."""
    if kind.architecture == "arm64":
        return "amazon-web-services"
    match = _PARTS.match(kind.family)
    return "amd" if match is not None and "a" in match[3] else "intel"


def series(kind: InstanceType) -> str:
    """The letter of the family: ``m``, ``c`` and ``r`` are those that price protection starts from (CAP-063)."""
    match = _PARTS.match(kind.family)
    return match[1] if match is not None else kind.family


def is_current(kind: InstanceType) -> bool:
    """Whether the type is of a current generation."""
    return kind.family not in PREVIOUS


def has_local_storage(kind: InstanceType) -> bool:
    """Whether the type has disks of its own."""
    match = _PARTS.match(kind.family)
    return (
        kind.family in _DISKS or kind.family.startswith(("i4", "i7", "i8")) or (match is not None and "d" in match[3])
    )
