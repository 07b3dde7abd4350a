"""The page of lifecycle diagrams is drawn from the tables."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ecssim.decide.lifecycle import CAUSE_NAMES

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_is_fresh_and_explains_every_cause() -> None:
    spec = importlib.util.spec_from_file_location("make_lifecycle", ROOT / "scripts" / "make_lifecycle.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [name for name, _ in module.causes()] == list(CAUSE_NAMES)
    page = (ROOT / "docs" / "lifecycle.md").read_text(encoding="utf-8")
    assert page == module.page(), "docs/lifecycle.md is stale: make docs"
