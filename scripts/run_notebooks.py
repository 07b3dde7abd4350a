"""Run every notebook from its percent script, and see that its paired .ipynb is the same without outputs.

``python scripts/run_notebooks.py [--write]``: with ``--write`` the .ipynb files are made again from the scripts and
nothing is run. Exit code 1 names the notebook and the cell that failed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
TIMEOUT = 120


def scripts() -> list[Path]:
    """The percent scripts, in their order."""
    return sorted(NOTEBOOKS.glob("*.py"))


def cells(notebook: Any) -> list[tuple[str, str]]:
    """What a reader reads: kind and text of each cell."""
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def made_from(script: Path) -> Any:
    """The notebook of a script: no outputs, and ids that are the numbers of the cells."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    return notebook


def write(script: Path) -> None:
    """Write the paired .ipynb; the same script gives the same bytes."""
    text = nbformat.writes(made_from(script), version=4, indent=1)
    script.with_suffix(".ipynb").write_text(text + "\n", "utf-8")


def difference(script: Path) -> str | None:
    """What is wrong with the pair of a script, in words."""
    pair = script.with_suffix(".ipynb")
    if not pair.is_file():
        return f"{pair.name} is missing"
    notebook = nbformat.read(pair, as_version=4)
    if cells(notebook) != cells(jupytext.read(script)):
        return f"{pair.name} and {script.name} differ"
    if any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells):
        return f"{pair.name} holds outputs"
    return None


def run(script: Path) -> None:
    """Execute the notebook in its folder, as its reader would."""
    client = NotebookClient(jupytext.read(script), timeout=TIMEOUT, resources={"metadata": {"path": NOTEBOOKS}})
    # This tree's ecssim, whatever is installed.
    paths = [str(NOTEBOOKS.parent), os.environ.get("PYTHONPATH", "")]
    client.execute(env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))})


def main() -> int:
    """Write or check and run all notebooks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="make the .ipynb files again and run nothing")
    writes = parser.parse_args().write
    for script in scripts():
        if writes:
            write(script)
            continue
        wrong = difference(script)
        if wrong is not None:
            print(f"{wrong}: python scripts/run_notebooks.py --write", file=sys.stderr)
            return 1
        began = time.perf_counter()
        try:
            run(script)
        except CellExecutionError as error:
            print(f"{script.name}: {error}", file=sys.stderr)
            return 1
        print(f"{script.name}: ran in {time.perf_counter() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
