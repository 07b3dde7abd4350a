"""The list of rules and the page that is generated from it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from ecssim.rules import STATUSES, Rule, rules

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def fidelity() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_fidelity", ROOT / "scripts" / "make_fidelity.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_fresh(fidelity: ModuleType) -> None:
    expected = fidelity.page(rules(), fidelity.marked(ROOT / "tests"))
    page = ROOT / "docs" / "fidelity.md"
    assert page.exists(), "make docs"
    assert page.read_text(encoding="utf-8") == expected, "docs/fidelity.md is stale: make docs"


def test_every_rule_is_complete() -> None:
    assert len(rules()) > 300
    for rule in rules().values():
        assert rule.text.endswith("."), rule
        assert rule.source, rule
        assert set(rule.confidence) <= set("DOA"), rule
        assert rule.confidence, rule
        assert rule.status in STATUSES, rule
        assert bool(rule.reason) == (rule.status in ("partly", "not modelled")), rule


def test_what_is_said_to_be_modelled_has_a_test(fidelity: ModuleType) -> None:
    tests = fidelity.marked(ROOT / "tests")
    claimed = {rule.id for rule in rules().values() if rule.status in ("modelled", "partly")}
    assert not claimed - set(tests)


def test_what_is_said_not_to_be_modelled_has_none(fidelity: ModuleType) -> None:
    declined = {rule.id for rule in rules().values() if rule.status == "not modelled"}
    assert not declined & set(fidelity.marked(ROOT / "tests"))


def test_no_helper_hides_the_rules_that_a_test_names() -> None:
    """Marks are read from the text: an alias that passes its ids on names no rule there."""
    hidden = "mark.rule" + "(*"
    assert [p.name for p in sorted((ROOT / "tests").rglob("*.py")) if hidden in p.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("source", "ids"),
    [
        pytest.param("@pytest.mark.rule('A-1', 'A-2')\ndef test(): ...", ["A-1", "A-2"], id="a decorator"),
        pytest.param("pytestmark = [pytest.mark.rule('A-3')]", ["A-3"], id="a module's mark"),
        pytest.param("pytest.param(1, marks=pytest.mark.rule('A-4'))", ["A-4"], id="one row of a table"),
        pytest.param("book.rule('A-5')", [], id="another function called rule"),
    ],
)
def test_marks_are_found_wherever_they_stand(fidelity: ModuleType, source: str, ids: list[str]) -> None:
    assert list(fidelity.marks_in(source)) == ids


@pytest.mark.parametrize(
    ("status", "tests", "shown"),
    [
        pytest.param("later", 0, "later", id="left for later"),
        pytest.param("later", 2, "modelled", id="a test makes it modelled"),
        pytest.param("partly", 2, "partly", id="partly stays partly"),
    ],
)
def test_shown_status(fidelity: ModuleType, status: str, tests: int, shown: str) -> None:
    assert fidelity.status_of(Rule("A-1", "Text.", "API", "D", status, ""), tests) == shown
