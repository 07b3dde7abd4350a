"""Regular expressions that mean the same in Java, which ECS uses, and in Python, which we use (PLACE-049).

A pattern is read once from left to right; a construct that one of the two lacks, or that they read
differently, is refused by its name. ``\\d``, ``\\w`` and ``\\s`` are ASCII, as Java has them without flags.
"""

from __future__ import annotations

import re

ESCAPES = {
    "p": "Unicode property class \\p{...}",
    "P": "Unicode property class \\P{...}",
    "Q": "quotation \\Q...\\E",
    "E": "quotation \\Q...\\E",
    "G": "anchor \\G",
    "h": "horizontal space class \\h",
    "H": "horizontal space class \\H",
    "v": "vertical space class \\v",
    "V": "vertical space class \\V",
    "R": "line break \\R",
    "X": "grapheme \\X",
    "N": "named character \\N{...}",
    "z": "anchor \\z",
    "Z": "anchor \\Z",
    "k": "named back-reference \\k<name>",
    "e": "escape character \\e",
    "c": "control character \\cX",
    "0": "octal character \\0n",
}
SAME_LETTERS = frozenset("dDwWsSbBAtnrfaxu")
GROUPS = ("?:", "?=", "?!", "?<=", "?<!", "?>")
QUANTIFIER = re.compile(r"\{\d+(,\d*)?\}", re.ASCII)


class RegexError(Exception):
    """The construct of the pattern that is not read alike by Java and Python, or that neither reads."""


def java_pattern(text: str) -> re.Pattern[str]:
    """Compile ``text`` for whole-value matching; raise :class:`RegexError` by the construct's name."""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\":
            at = _escape(text, at)
        elif char == "[":
            at = _character_class(text, at)
        elif char == "(":
            at = _group(text, at)
        elif char == "{":
            found = QUANTIFIER.match(text, at)
            if found is None:
                raise RegexError(f"brace that is no quantifier like {{2,3}}, at character {at + 1} of {text!r}")
            at = found.end()
        else:
            at += 1
    try:
        return re.compile(text, re.ASCII)
    except (re.error, OverflowError, RecursionError) as error:
        raise RegexError(f"{text!r} is no regular expression: {error}") from None


def _refuse(construct: str, text: str) -> RegexError:
    return RegexError(f"{construct} in {text!r}: Java and Python do not read it alike")


def _escape(text: str, at: int) -> int:
    if at + 1 == len(text):
        raise RegexError(f"{text!r} ends in a backslash")
    letter = text[at + 1]
    if letter in ESCAPES:
        raise _refuse(ESCAPES[letter], text)
    if letter == "x" and text[at + 2 : at + 3] == "{":
        raise _refuse("code point \\x{...}", text)
    if letter.isalpha() and letter not in SAME_LETTERS:
        raise _refuse(f"escape \\{letter}", text)
    return at + 2


def _character_class(text: str, at: int) -> int:
    """Step over ``[...]``."""
    start = at
    at += 2 if text.startswith("[^", at) else 1
    if text.startswith("]", at):
        raise _refuse("unescaped ] first in a character class", text)
    while at < len(text) and text[at] != "]":
        if text[at] == "\\":
            if text[at + 1 : at + 2] in ("b", "B"):
                raise _refuse("\\b in a character class", text)
            at = _escape(text, at)
        elif text[at] == "[":
            raise _refuse("nested character class [a[b]]", text)
        elif text.startswith("&&", at):
            raise _refuse("character class intersection &&", text)
        elif text[at : at + 2] in ("--", "~~", "||"):
            raise _refuse(f"doubled {text[at]} in a character class", text)
        else:
            at += 1
    if at >= len(text):
        raise RegexError(f"character class without end, at character {start + 1} of {text!r}")
    return at + 1


def _group(text: str, at: int) -> int:
    at += 1
    if not text.startswith("?", at):
        return at
    for opening in GROUPS:
        if text.startswith(opening, at):
            return at + len(opening)
    if text.startswith("?P", at):
        raise _refuse("Python's (?P...) group", text)
    if text.startswith("?<", at):
        raise _refuse("named group (?<name>...)", text)
    if text.startswith("?#", at):
        raise _refuse("comment (?#...)", text)
    if text.startswith("?(", at):
        raise _refuse("conditional group (?(1)...)", text)
    raise _refuse("inline flags (?i)", text)
