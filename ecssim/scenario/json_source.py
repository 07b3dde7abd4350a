"""JSON to nodes: the standard library's strings and numbers, with a place for every key and value.

YAML readers are not JSON readers (they refuse tabs or surrogate pairs), hence a scanner of our own. It keeps
going over duplicate keys and stops at the first thing that is not JSON.
"""

from __future__ import annotations

import bisect
import re
from json import JSONDecodeError
from json.decoder import JSONDecoder

from ecssim.errors import Problem
from ecssim.scenario.nodes import Node, Place, Scalar
from ecssim.scenario.yaml_source import MAX_DEPTH

_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}
_LETTERS = re.compile(r"[A-Za-z]+")


def read_json(text: str, file: str, problems: list[Problem]) -> Node | None:
    """The tree of ``text``; None if it is not JSON, with the reason in ``problems``."""
    scanner = _Scanner(text, file, problems)
    try:
        node, end = scanner.value(scanner.blank(0), 0)
        end = scanner.blank(end)
        if end != len(text):
            raise JSONDecodeError("nothing more after the document", text, end)
    except JSONDecodeError as error:
        message = error.msg[0].lower() + error.msg[1:]
        message = message.replace("unterminated string starting at", "a quote is not closed")
        problems.append(scanner.place(error.pos).problem(f"not valid JSON: {message}"))
        return None
    return node


class _Scanner:
    """One pass over the text; positions become lines through the table of line starts."""

    def __init__(self, text: str, file: str, problems: list[Problem]) -> None:
        self.text = text
        self.file = file
        self.problems = problems
        self.decoder = JSONDecoder(strict=False)
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, position: int) -> Place:
        line = bisect.bisect_right(self.starts, position)
        return Place(self.file, line, position - self.starts[line - 1] + 1)

    def blank(self, position: int) -> int:
        match = _BLANK.match(self.text, position)
        return match.end() if match else position

    def value(self, position: int, depth: int) -> tuple[Node, int]:
        if depth > MAX_DEPTH:
            raise JSONDecodeError(f"nested deeper than {MAX_DEPTH} levels", self.text, position)
        mark = self.text[position : position + 1]
        if mark == "{":
            return self._object(position, depth)
        if mark == "[":
            return self._array(position, depth)
        if mark == '"':
            text, end = self._string(position)
            return Node(self.place(position), "scalar", text), end
        number = _NUMBER.match(self.text, position)
        if number is not None:
            return self._number(number, position), number.end()
        word = _LETTERS.match(self.text, position)
        if word is not None and word[0] in _WORDS:
            return Node(self.place(position), "scalar", _WORDS[word[0]], word[0]), word.end()
        raise JSONDecodeError("expected a value", self.text, position)

    def _number(self, match: re.Match[str], position: int) -> Node:
        text = match[0]
        whole = match[1] is None and match[2] is None
        try:
            value: Scalar = int(text) if whole else float(text)
        except ValueError:
            raise JSONDecodeError("a number with too many digits", self.text, position) from None
        return Node(self.place(position), "scalar", value, text)

    def _string(self, position: int) -> tuple[str, int]:
        # the standard decoder reads one value from a position on, here the string with all of its escapes
        text, end = self.decoder.raw_decode(self.text, position)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise JSONDecodeError("half of a surrogate pair is not text", self.text, position) from None
        return text, end

    def _array(self, position: int, depth: int) -> tuple[Node, int]:
        node = Node(self.place(position), "list")
        at = self.blank(position + 1)
        if self.text[at : at + 1] == "]":
            return node, at + 1
        while True:
            item, at = self.value(at, depth + 1)
            node.items.append(item)
            at = self.blank(at)
            mark = self.text[at : at + 1]
            if mark == "]":
                return node, at + 1
            if mark != ",":
                raise JSONDecodeError("expected , or ]", self.text, at)
            at = self.blank(at + 1)
            if self.text[at : at + 1] == "]":
                raise JSONDecodeError("a comma after the last item", self.text, at)

    def _object(self, position: int, depth: int) -> tuple[Node, int]:
        node = Node(self.place(position), "map")
        at = self.blank(position + 1)
        if self.text[at : at + 1] == "}":
            return node, at + 1
        while True:
            if self.text[at : at + 1] != '"':
                raise JSONDecodeError("expected a key in double quotes", self.text, at)
            place = self.place(at)
            key, at = self._string(at)
            at = self.blank(at)
            if self.text[at : at + 1] != ":":
                raise JSONDecodeError("expected : after the key", self.text, at)
            item, at = self.value(self.blank(at + 1), depth + 1)
            first = node.key_places.get(key)
            if first is None:
                node.put(key, item, place)
            else:
                self.problems.append(place.problem(f"duplicate key {key!r}; it is given first at line {first.line}"))
            at = self.blank(at)
            mark = self.text[at : at + 1]
            if mark == "}":
                return node, at + 1
            if mark != ",":
                raise JSONDecodeError("expected , or }", self.text, at)
            at = self.blank(at + 1)
            if self.text[at : at + 1] == "}":
                raise JSONDecodeError("a comma after the last entry", self.text, at)
