"""The published figures: ``measured.toml``, and the series of the curves where their file is present."""

from __future__ import annotations

import csv
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
FIGURES = HERE / "measured.toml"
CURVES = "scaleout_curves.csv"

Curve = tuple[tuple[float, float], ...]
"""Seconds and running tasks, in the order of time."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One publication: what was set up, what was measured, and what the page has to say of it."""

    id: str
    title: str
    kind: str
    source: str
    setup: str
    basis: str
    assumed: tuple[str, ...]
    figures: Mapping[str, Any]


def measurements() -> dict[str, Measurement]:
    """All measurements by their id, in the order of the file."""
    document = tomllib.loads(FIGURES.read_text("utf-8"))
    common = ("title", "kind", "source", "setup", "basis")
    return {
        name: Measurement(
            name,
            *(row[key] for key in common),
            tuple(row["assumed"]),
            {key: value for key, value in row.items() if key not in (*common, "assumed")},
        )
        for name, row in document.items()
    }


def data_folder() -> Path | None:
    """Where the published series are, if they are anywhere: ``ECSSIM_SHARED_DATA``, or beside the repository."""
    named = os.environ.get("ECSSIM_SHARED_DATA")
    above = HERE.parent.parent
    folders = [Path(named)] if named else [above / "shared" / "data", above.parent / "shared" / "data"]
    return next((folder for folder in folders if (folder / CURVES).is_file()), None)


def curve(measurement: Measurement, folder: Path | None) -> tuple[Curve, bool]:
    """The measured curve, and whether it is the whole series rather than its typed-in points."""
    if folder is not None:
        with (folder / CURVES).open(encoding="utf-8") as stream:
            rows = [row for row in csv.DictReader(stream) if row["series"] == measurement.figures["series"]]
        if rows:
            return tuple((float(row["t_s"]), float(row["running_tasks"])) for row in rows), True
    return tuple((float(t), float(n)) for t, n in measurement.figures["points"]), False
