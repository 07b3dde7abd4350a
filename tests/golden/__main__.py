"""Write the golden summaries again: ``python -m tests.golden`` from the root of the repository.

A golden is the summary of a scenario of ``scenarios/`` as it was when somebody looked at it. A commit that
changes one says which number moved and why.
"""

from __future__ import annotations

import json

from tests.golden.summaries import GOLDEN, ROOT, SCENARIOS, comparable, summary_of

for path in SCENARIOS:
    golden = GOLDEN / f"{path.stem}.json"
    text = json.dumps(comparable(summary_of(path)), indent=2, ensure_ascii=False)
    golden.write_text(text + "\n", "utf-8")
    print(golden.relative_to(ROOT))
