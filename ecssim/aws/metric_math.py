"""CloudWatch metric math as text: ``m1 / m2 * 100``, ``IF(m1 > 5, m2, 0)``, ``SUM([m1, m2])`` and the like.

What an expression gives is worked out in :mod:`ecssim.decide.metric_math`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|(==|!=|<=|>=|&&|\|\||[-+*/^()<>,\[\]]))")
#: Operators from the loosest to the tightest; those of one line bind alike, from the left.
_LEVELS: Final = (("||", "OR"), ("&&", "AND"), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
#: Functions with the least and the most arguments.
FUNCTIONS: Final[Mapping[str, tuple[int, int]]] = {
    "ABS": (1, 1),
    "AVG": (1, 1),
    "CEIL": (1, 1),
    "DIFF": (1, 1),
    "FILL": (2, 2),
    "FLOOR": (1, 1),
    "IF": (2, 3),
    "LOG": (1, 1),
    "LOG10": (1, 1),
    "MAX": (1, 1),
    "MIN": (1, 1),
    "PERIOD": (1, 1),
    "RATE": (1, 1),
    "SUM": (1, 1),
}
_OVER_LISTS: Final = frozenset({"AVG", "MAX", "MIN", "SUM"})


class BadExpressionError(ValueError):
    """The text is no expression that is known; the message says what is wrong with it."""


class Node(NamedTuple):
    """A part of an expression: a ``number``, a ``name``, an ``operator`` or a ``function`` with its arguments."""

    kind: str
    value: Any
    args: tuple[Node, ...] = ()

    def text(self) -> str:
        """Return the expression in one spelling, in which equal expressions are equal texts."""
        if not self.args:
            return str(self.value)
        return f"{self.value}({','.join(arg.text() for arg in self.args)})"

    def names(self) -> Iterator[str]:
        """Yield the variables in the order of their use, each time they are used."""
        if self.kind == "name":
            yield self.value
        for arg in self.args:
            yield from arg.names()

    def replaced(self, by: Mapping[str, Node]) -> Node:
        """Return the expression with variables replaced by expressions."""
        if self.kind == "name":
            return by.get(self.value, self)
        return self._replace(args=tuple(arg.replaced(by) for arg in self.args))


def name(variable: str) -> Node:
    """Return the expression that is one variable."""
    return Node("name", variable)


def parse(text: str) -> Node:
    """Read an expression.

    :raises BadExpressionError: if it is none, or uses a function that is not modelled.
    """
    reader = _Reader(text)
    node = reader.level(0)
    if reader.next:
        raise BadExpressionError(f"did not expect {reader.next!r} in {text!r}")
    return node


class _Reader:
    """Reads an expression from left to right; ``next`` is the token that comes, empty at the end."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = []
        at = 0
        stripped = text.rstrip()
        while at < len(stripped):
            found = _TOKEN.match(stripped, at)
            if found is None:
                raise BadExpressionError(f"cannot read {stripped[at:].strip()!r} in an expression")
            self.tokens.append(found[1] or found[2] or found[3])
            at = found.end()
        self.at = 0

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str | None = None) -> str:
        token = self.next
        if wanted is not None and token != wanted:
            raise BadExpressionError(f"expected {wanted!r}, got {token or 'the end'!r}")
        if not token:
            raise BadExpressionError("an expression ends too early")
        self.at += 1
        return token

    def level(self, i: int) -> Node:
        if i == len(_LEVELS):
            return self.power()
        left = self.level(i + 1)
        while self.next in _LEVELS[i]:
            sign = {"OR": "||", "AND": "&&"}.get(self.next, self.next)
            self.take()
            left = Node("operator", sign, (left, self.level(i + 1)))
        return left

    def power(self) -> Node:
        base = self.unary()
        if self.next == "^":
            self.take()
            return Node("operator", "^", (base, self.power()))
        return base

    def unary(self) -> Node:
        if self.next == "-":
            self.take()
            return Node("operator", "-", (Node("number", 0.0), self.unary()))
        return self.atom()

    def atom(self) -> Node:
        token = self.take()
        if token == "(":
            node = self.level(0)
            self.take(")")
            return node
        if token == "[":
            return Node("list", "list", self.arguments("]"))
        if token[0].isdigit():
            return Node("number", float(token))
        if not (token[0].isalpha() or token[0] == "_"):
            raise BadExpressionError(f"did not expect {token!r}")
        if self.next != "(":
            return Node("name", token)
        self.take("(")
        return _call(token, self.arguments(")"))

    def arguments(self, end: str) -> tuple[Node, ...]:
        found = [self.level(0)]
        while self.next == ",":
            self.take()
            found.append(self.level(0))
        self.take(end)
        return tuple(found)


def _call(function: str, args: tuple[Node, ...]) -> Node:
    if function not in FUNCTIONS:
        known = ", ".join(FUNCTIONS)
        raise BadExpressionError(f"the function {function} is not modelled (notModelled); known are {known}")
    least, most = FUNCTIONS[function]
    if not least <= len(args) <= most:
        raise BadExpressionError(f"{function} takes {least if least == most else f'{least} to {most}'} arguments")
    if function in _OVER_LISTS:
        if args[0].kind != "list":
            raise BadExpressionError(
                f"{function} of one metric over time is not modelled (notModelled): give a list, {function}([m1, m2])"
            )
        args = args[0].args
    elif any(arg.kind == "list" for arg in args):
        raise BadExpressionError(f"{function} takes no list")
    return Node("function", function, args)
