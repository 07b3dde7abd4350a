"""Write the golden summaries again: ``python -m tests.golden`` from the root of the repository.

A golden is the summary of a scenario of ``scenarios/`` as it was when somebody looked at it. A commit that
changes one says which number moved and why.
"""

from __future__ import annotations

import json
from pathlib import Path

import ecssim

HERE = Path(__file__).parent
SCENARIOS = HERE.parents[1] / "scenarios"

for path in sorted(SCENARIOS.glob("*.yaml")):
    summary = ecssim.run(ecssim.load(path)).summary()
    # The version is no result.
    del summary["run"]["ecssim"]
    golden = HERE / f"{path.stem}.json"
    golden.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(golden.relative_to(HERE.parents[1]))
