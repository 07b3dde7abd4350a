"""Write ``docs/lifecycle.md`` from the tables of ``ecssim/decide`` and ``ecssim/world``: ``make docs``.

``--check`` writes nothing and exits with 1 if the page is stale.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from ecssim.decide import lifecycle
from ecssim.decide.lifecycle import CAUSE_NAMES, diagram
from ecssim.world.containers import BACKEND_STATUS, CONTAINER_STATUS_NAMES
from ecssim.world.states import TASK_STATUS_NAMES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "lifecycle.md"

HEAD = """# The life of a task

The pictures and lists on this page are drawn by `make docs` from the tables by which the simulation moves tasks
(`ecssim/decide/lifecycle.py`): what is not in a picture cannot happen. An arrow carries its causes; delays are not in
the table but in the timing profile.
"""

PATHS = (
    (
        lifecycle.Path(eni=True, targets=True),
        "With an interface of its own, behind a load balancer",
        "Fargate, or network mode `awsvpc` on instances (LIFE-020, LIFE-022).",
    ),
    (
        lifecycle.Path(eni=True, targets=False),
        "With an interface of its own, alone",
        "There is nothing to deregister, so DEACTIVATING is skipped (LIFE-021, LIFE-022).",
    ),
    (
        lifecycle.Path(eni=False, targets=True),
        "Without an interface, behind a load balancer",
        "Network mode `bridge`, `host` or `none` on instances. PROVISIONING is only for tasks that wait for an "
        "instance of their capacity provider (LIFE-023, LIFE-024).",
    ),
    (
        lifecycle.Path(eni=False, targets=False),
        "Without an interface, alone",
        "The shortest way (LIFE-023).",
    ),
)

CONTAINERS = """## Containers inside a task

A container is moved by its agent. The control plane hears of three of its states (LIFE-050). In a task whose
containers have no order, no health checks and no restart policies they all start and stop together.

| state of the agent | what the API shows |
|---|---|
"""


def causes() -> Iterator[tuple[str, str]]:
    """The causes and what each means, as the module that holds the table says it."""
    text = lifecycle.__doc__ or ""
    for name in CAUSE_NAMES:
        found = re.search(rf"^{name} +(.+)$", text, re.MULTILINE)
        if found is None:
            raise LookupError(f"decide/lifecycle.py does not say what {name} means")
        yield name, found[1]


def page() -> str:
    """The whole page."""
    lines = [HEAD, f"A task's `lastStatus` only ever rises: {', '.join(TASK_STATUS_NAMES)} (LIFE-001, LIFE-003).", ""]
    lines += ["| cause | what happened |", "|---|---|", *(f"| {name} | {text} |" for name, text in causes())]
    for path, title, text in PATHS:
        lines += ["", f"## {title}", "", text, "", "```mermaid", diagram(path), "```"]
    lines += ["", CONTAINERS.rstrip("\n")]
    lines += [f"| {own} | {shown} |" for own, shown in zip(CONTAINER_STATUS_NAMES, BACKEND_STATUS, strict=True)]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or compare it with what would be written."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--check", action="store_true", help="write nothing, exit with 1 if the page is stale")
    text = page()
    if options.parse_args().check:
        if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
            return 0
        print("docs/lifecycle.md is stale: make docs", file=sys.stderr)
        return 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
