"""Every construct that Java and Python do not read alike is refused by its name, and what is left is compiled."""

from __future__ import annotations

import re

import pytest

from ecssim.decide.query_regex import RegexError, java_pattern

REFUSED = {
    "\\p{L}": "Unicode property class \\p{...}",
    "\\P{L}": "Unicode property class \\P{...}",
    "a\\Q.": "quotation \\Q...\\E",
    "\\E": "quotation \\Q...\\E",
    "\\Ga": "anchor \\G",
    "\\h": "horizontal space class \\h",
    "\\H": "horizontal space class \\H",
    "\\v": "vertical space class \\v",
    "\\V": "vertical space class \\V",
    "\\R": "line break \\R",
    "\\X": "grapheme \\X",
    "\\N{DASH}": "named character \\N{...}",
    "a\\z": "anchor \\z",
    "a\\Z": "anchor \\Z",
    "\\k<n>": "named back-reference \\k<name>",
    "\\e": "escape character \\e",
    "\\cA": "control character \\cX",
    "\\01": "octal character \\0n",
    "[\\p{L}]": "Unicode property class \\p{...}",
    "[\\B]": "\\b in a character class",
    "[a~~b]": "doubled ~ in a character class",
    "[a||b]": "doubled | in a character class",
    "[^]a]": "unescaped ] first in a character class",
}


@pytest.mark.rule("PLACE-049")
@pytest.mark.parametrize(("text", "construct"), REFUSED.items(), ids=REFUSED)
def test_a_construct_is_refused_by_name(text: str, construct: str) -> None:
    with pytest.raises(RegexError, match=f"^{re.escape(construct)} in "):
        java_pattern(text)


@pytest.mark.rule("PLACE-049")
@pytest.mark.parametrize(
    ("pattern", "takes", "refuses"),
    [
        ("\\x41b", "Ab", "A"),
        ("a{2}", "aa", "a{2}"),
        ("a{2,}b", "aaab", "ab"),
        ("a{1,2}", "aa", "aaa"),
        ("(?:ab)+", "abab", "aba"),
        ("(?>a+)b", "aab", "aa"),
        ("(?=a)ab", "ab", "b"),
        ("(?!b)a", "a", "b"),
        ("[^\\]]+", "ab", "]"),
        ("[a\\]]+", "a]", "b"),
        ("\\d-[a-c]&", "1-b&", "1-d&"),
    ],
)
def test_what_both_read_alike_matches_whole_values(pattern: str, takes: str, refuses: str) -> None:
    compiled = java_pattern(pattern)
    assert compiled.fullmatch(takes)
    assert not compiled.fullmatch(refuses)


@pytest.mark.rule("PLACE-049")
@pytest.mark.parametrize(
    ("text", "place"),
    [("ab{x}", "at character 3"), ("a{2", "at character 2"), ("abc[de", "at character 4")],
)
def test_a_broken_brace_and_an_open_class_are_shown_where_they_are(text: str, place: str) -> None:
    with pytest.raises(RegexError, match=place):
        java_pattern(text)
