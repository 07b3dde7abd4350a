"""The tool behind ``make mutants``: every module has tests, every place that it changes is another program."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
MODULES = sorted(
    f"{room}/{path.stem}"
    for room in ("decide", "world")
    for path in (ROOT / "ecssim" / room).glob("*.py")
    if path.stem != "__init__"
)


@pytest.fixture(scope="module")
def mutants() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "scripts" / "mutants.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["mutants"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_tests_of_its_own(mutants: ModuleType, module: str) -> None:
    assert mutants.tests_of(module)
    for name in mutants.tests_of(module):
        assert (ROOT / name).is_file(), name


def test_a_change_is_another_program_and_keys_are_unique(mutants: ModuleType) -> None:
    keys = []
    for module in MODULES:
        found = mutants.mutants_of(module)
        keys += [mutant.key for mutant in found]
        tree = ast.parse((ROOT / "ecssim" / f"{module}.py").read_text("utf-8"))
        for mutant in found[:: max(1, len(found) // 5)]:
            assert ast.unparse(mutants.swapped(tree, mutant.number)) != ast.unparse(tree), mutant.key
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("code", "mutations"),
    [
        ("a < b", ["a <= b"]),
        ("a + 1", ["a - 1", "a + 2"]),
        ("a and not b", ["a or not b", "a and b"]),
        ("x if a else min(y)", ["x if not a else min(y)", "x if a else max(y)"]),
        ("f(True)", ["f(False)"]),
        ("a['k']", ["a['k*']"]),
    ],
)
def test_what_is_changed(mutants: ModuleType, code: str, mutations: list[str]) -> None:
    tree = ast.parse(f"z = {code}")
    made = []
    for number in range(len(list(mutants.sites(tree)))):
        made.append(ast.unparse(mutants.swapped(tree, number)).removeprefix("z = "))
    assert made == mutations


def test_docstrings_messages_and_types_are_left_alone(mutants: ModuleType) -> None:
    code = '''
def f(a: "int") -> "int":
    """One."""
    raise ValueError("two" + str(3))
'''
    assert list(mutants.sites(ast.parse(code))) == []


def test_equivalents_are_places_that_exist(mutants: ModuleType) -> None:
    keys = {mutant.key for module in MODULES for mutant in mutants.mutants_of(module)}
    assert mutants.equivalents() <= keys
