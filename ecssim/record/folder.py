"""The layout of a run folder, and taking a folder for a new run (design section 6).

::

    DIR/manifest.json                      first with `complete: false`, replaced by rename at the end
    DIR/tables/.hours                      one JSON line per simulated hour: the commit points
    DIR/tables/<name>/part-00000.parquet   131,072 rows each, written under a hidden name and renamed
    DIR/tables/<name>/.tail.arrows         rows after the last part, one Arrow IPC batch an hour

A folder that holds a manifest of ecssim is replaced; any other folder that is not empty is refused. Writes
go to the operating system but are not synced to the disk: they survive the death of the process, not of the
machine.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ecssim.errors import BadInput, Problem

MANIFEST: Final = "manifest.json"
TABLES_DIR: Final = "tables"
HOURS: Final = ".hours"
TAIL: Final = ".tail.arrows"
TAIL_START: Final = b"start_row"
"""Key of a tail's schema metadata: the row of the table that its first row is."""

_DISCARDED: Final = ".replaced"
_HIDDEN_MANIFEST: Final = f".{MANIFEST}"
_LEFTOVERS: Final = (_DISCARDED, _HIDDEN_MANIFEST)
"""What a run that was killed while it took its folder may leave behind."""

BeforeRename = Callable[[Path], None]
"""Called with the final path between the writing of a file and its rename; tests kill the process there."""


def part_name(number: int) -> str:
    """The file name of part ``number`` of a table."""
    return f"part-{number:05d}.parquet"


def refusal(folder: Path) -> str | None:
    """Why ``folder`` cannot be taken for a new run; None if it is missing, empty or an older run."""
    try:
        if not folder.exists():
            return None
        if not folder.is_dir():
            return "is not a folder"
        if (folder / MANIFEST).exists():
            document = json.loads((folder / MANIFEST).read_text("utf-8"))
            if isinstance(document, dict) and "ecssim" in document:
                return None
            return f"holds a {MANIFEST} that is not of an ecssim run: choose another folder"
        if any(entry.name not in _LEFTOVERS for entry in folder.iterdir()):
            return "is not empty and holds no run: choose another folder"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return f"holds a {MANIFEST} that is not of an ecssim run: choose another folder"
    return None


def check(folder: Path) -> None:
    """Raise :class:`~ecssim.errors.BadInput` if ``folder`` cannot be taken for a new run; write nothing."""
    reason = refusal(folder)
    if reason is not None:
        raise BadInput([Problem(str(folder), 0, 0, reason)])


def take(folder: Path, manifest: Mapping[str, Any], before_rename: BeforeRename | None) -> None:
    """Make ``folder`` the folder of a new run with this first manifest; an older run in it goes away.

    The old tables leave by one rename before the new manifest comes, so that at no moment the rows of one run
    stand under the manifest of another.
    """
    check(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        discarded = folder / _DISCARDED
        shutil.rmtree(discarded, ignore_errors=True)
        if (folder / TABLES_DIR).exists():
            os.rename(folder / TABLES_DIR, discarded)
        write_manifest(folder, manifest, before_rename)
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != MANIFEST:
                entry.unlink()
        (folder / TABLES_DIR).mkdir()
    except OSError as error:
        problem = Problem(str(folder), 0, 0, f"cannot be written: {error.strerror}")
        raise BadInput([problem]) from error


def write_manifest(folder: Path, manifest: Mapping[str, Any], before_rename: BeforeRename | None) -> None:
    """Write the manifest under a hidden name and rename it over the one that is there."""
    final = folder / MANIFEST
    hidden = folder / _HIDDEN_MANIFEST
    hidden.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if before_rename is not None:
        before_rename(final)
    os.replace(hidden, final)
