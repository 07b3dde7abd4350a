"""YAML and JSON to nodes: the same values as the reference readers, and the right places."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from yamlcore import CCoreDumper, CCoreLoader

from ecssim.errors import Problem
from ecssim.scenario.json_source import read_json
from ecssim.scenario.nodes import Node
from ecssim.scenario.yaml_source import read_yaml

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
)
KEYS = st.text(min_size=1, max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
SAFE_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=12)
SAFE_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), SAFE_TEXT),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SAFE_TEXT.filter(bool), inner, max_size=4),
    max_leaves=12,
)


def _plain(node: Node | None) -> Any:
    assert node is not None
    return _bare(node)


def _bare(node: Node) -> Any:
    """The values without the reading of versions as text, which belongs to scenarios."""
    if node.kind == "map":
        return {key: _bare(entry) for key, entry in node.entries.items()}
    return [_bare(item) for item in node.items] if node.kind == "list" else node.value


@given(VALUES, st.sampled_from([None, 2]))
def test_json_values_are_those_of_the_standard_library(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent)
    problems: list[Problem] = []
    try:
        text.encode().decode("unicode_escape").encode()
    except UnicodeError:
        return
    assert _plain(read_json(text, "f", problems)) == json.loads(text)
    assert not problems


@given(SAFE_VALUES)
def test_yaml_values_are_those_of_the_core_schema(value: Any) -> None:
    text = yaml.dump(value, Dumper=CCoreDumper, allow_unicode=True)
    problems: list[Problem] = []
    assert _plain(read_yaml(text, "f", problems)) == yaml.load(text, Loader=CCoreLoader)
    assert not problems


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.90", 1.9),
        ("yes", "yes"),
        ("0o14", 12),
        ("0x1F", 31),
        ("014", 14),
        ("~", None),
        ("", None),
        ("True", True),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("1_000", "1_000"),
        ("2026-03-02", "2026-03-02"),
        ("12:30", "12:30"),
    ],
)
def test_a_plain_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    node = read_yaml(f"a: {text}\n", "f", [])
    assert node is not None
    read = node.entries["a"].value
    assert read == value
    assert type(read) is type(value)


def test_infinity_and_nan_are_numbers_for_the_models_to_refuse() -> None:
    node = read_yaml("a: .inf\nb: -.inf\nc: .nan\n", "f", [])
    assert node is not None
    assert node.entries["a"].value == math.inf
    assert node.entries["b"].value == -math.inf
    assert math.isnan(float(str(node.entries["c"].value)))


YAML = """\
a: 1
list:
  - x
  - {k: v,
     l: [1, 2]}
anchor: &one {deep: 5}
alias: *one
"""


@pytest.mark.parametrize(
    ("steps", "place"),
    [
        (("a",), (1, 4)),
        (("list", 0), (3, 5)),
        (("list", 1), (4, 5)),
        (("list", 1, "l", 1), (5, 13)),
        (("anchor", "deep"), (6, 21)),
        (("alias",), (7, 8)),
    ],
)
def test_every_yaml_value_knows_its_place(steps: tuple[str | int, ...], place: tuple[int, int]) -> None:
    node = read_yaml(YAML, "f", [])
    assert node is not None
    for step in steps:
        node = node.entries[step] if isinstance(step, str) else node.items[step]
    assert (node.place.line, node.place.column) == place


def test_every_json_key_and_value_knows_its_place() -> None:
    node = read_json('{\n  "a": [1,\n    {"b": true}]\n}', "f", [])
    assert node is not None
    assert (node.key_places["a"].line, node.key_places["a"].column) == (2, 3)
    inner = node.entries["a"].items[1]
    assert (inner.entries["b"].place.line, inner.entries["b"].place.column) == (3, 11)
