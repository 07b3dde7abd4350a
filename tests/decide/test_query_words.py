"""Operators written as words mean what their signs mean."""

from __future__ import annotations

from typing import Any, cast

import pytest

from ecssim.decide.query import compile_expression


class Facts:
    """An instance with one attribute, 7."""

    attributes = {"n": "7"}  # noqa: RUF012


WORDS = {
    "equals": (False, True, False),
    "not_equals": (True, False, True),
    "greater_than": (True, False, False),
    "greater_than_equal": (True, True, False),
    "less_than": (False, False, True),
    "less_than_equal": (False, True, True),
}


@pytest.mark.rule("PLACE-045")
@pytest.mark.parametrize(("word", "holds"), WORDS.items(), ids=WORDS)
def test_a_word_compares_seven_with_six_seven_and_eight(word: str, holds: tuple[bool, ...]) -> None:
    said = [compile_expression(f"attribute:n {word} {value}")(cast("Any", Facts())) for value in (6, 7, 8)]
    assert tuple(said) == holds


@pytest.mark.rule("PLACE-045")
@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("attribute:n exists", True),
        ("attribute:m exists", False),
        ("attribute:m not_exists", True),
        ("attribute:n not_exists", False),
        ("attribute:n in [6, 7]", True),
        ("attribute:n not_in [6, 7]", False),
        ("attribute:n not_in [6, 8]", True),
        ("attribute:n matches '[0-9]'", True),
        ("attribute:n not_matches '[0-9]'", False),
        ("attribute:n not_matches '[0-6]'", True),
    ],
)
def test_the_other_words(expression: str, holds: bool) -> None:
    assert compile_expression(expression)(cast("Any", Facts())) is holds
