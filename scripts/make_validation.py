"""Run the published measurements as scenarios and write ``docs/validation.md``: ``make validate``.

``--only M3 --only M8`` prints these and writes nothing; ``--seeds 3`` is quicker. Exit code 1 if a curve is out of its
bounds. Series of curves are read where they are present (``ECSSIM_SHARED_DATA``); without them a line says so, and the
curves are held against the points that ``validation/measured.toml`` has of them.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import ecssim  # noqa: E402
from validation.checks import CHECKS, Effort  # noqa: E402
from validation.measured import data_folder, measurements  # noqa: E402
from validation.page import WORDS, page, totals  # noqa: E402

PAGE = ROOT / "docs" / "validation.md"


def main() -> int:
    """Run what is asked for; write the page if that is everything."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", action="append", choices=sorted(CHECKS), help="run this one and write nothing")
    options.add_argument("--seeds", type=int, default=20, help="seeds of each curve (default 20)")
    given = options.parse_args()
    data = data_folder()
    if data is None:
        print("skipped: the published series of curves are not here (ECSSIM_SHARED_DATA); their points are used")
    known = measurements()
    effort = Effort(given.seeds, data)
    found = {}
    for name, check in CHECKS.items():
        if given.only and name not in given.only:
            continue
        began = time.perf_counter()
        found[name] = check(known[name], effort)
        print(f"{name} {known[name].title}: {time.perf_counter() - began:.1f} s")
        for outcome in found[name]:
            print(f"  {WORDS[outcome.within].strip('*'):16} {outcome.figure}: {outcome.error}")
    print(totals(found))
    if not given.only:
        PAGE.write_text(page(known, found, given.seeds, ecssim.__version__, data is not None), "utf-8")
        print(PAGE.relative_to(ROOT))
    curves = [o for name, outcomes in found.items() if known[name].kind == "curve" for o in outcomes]
    return int(any(outcome.within is False for outcome in curves))


if __name__ == "__main__":
    sys.exit(main())
