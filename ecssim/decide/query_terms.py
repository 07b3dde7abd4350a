"""What one comparison of the cluster query language means (PLACE-045..PLACE-051).

A subject that an instance does not have (an attribute that is not set, an agent without version) satisfies no
comparison, ``!=`` and the other negative ones included (PLACE-051); ``not(...)`` around it then holds.
``task:group`` has many values on one instance: a positive comparison holds if one of them satisfies it, a
negative one if none satisfies its positive (PLACE-050; the API's texts are silent about the negative ones).
Attributes compare as numbers where both sides are numbers, else as text.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ecssim.decide.query_regex import RegexError, java_pattern
from ecssim.world.requests import InstanceFacts

Term = Callable[[InstanceFacts], bool]
Test = Callable[[str], bool]

EQUALITY = ("==", "!=", "in", "!in", "=~", "!~")
ORDER = ("==", "!=", ">", ">=", "<", "<=")
ALL = (*dict.fromkeys((*EQUALITY, *ORDER)), "exists", "!exists")

WORDS = {
    "equals": "==",
    "not_equals": "!=",
    "greater_than": ">",
    "greater_than_equal": ">=",
    "less_than": "<",
    "less_than_equal": "<=",
    "not_exists": "!exists",
    "not_in": "!in",
    "matches": "=~",
    "not_matches": "!~",
}
POSITIVE = {"!=": "==", "!in": "in", "!~": "=~", "!exists": "exists"}
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9\-_/\\.]{1,128}")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)


class TermError(Exception):
    """What is wrong with one comparison; ``column`` counts from 1."""

    def __init__(self, column: int, message: str, rule: str) -> None:
        self.column, self.rule = column, rule
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be asked of a subject (PLACE-047), and whether tasks or connections move its answer."""

    operators: tuple[str, ...]
    dynamic: bool


SUBJECTS = {
    "agentConnected": Subject(EQUALITY, True),
    "agentVersion": Subject(ORDER, False),
    "attribute": Subject(ALL, False),
    "ec2InstanceId": Subject(EQUALITY, False),
    "registeredAt": Subject(ORDER, False),
    "runningTasksCount": Subject(ORDER, True),
    "task:group": Subject(ALL, True),
}
SUBJECTS_OF = tuple("attribute:<name>" if name == "attribute" else name for name in SUBJECTS)


def simple_term(
    kind: str,
    attribute: str,
    column: int,
    symbol: str,
    operator_column: int,
    arguments: tuple[tuple[str, int], ...],
) -> Term:
    """Compile one comparison of subject ``kind``; ``arguments`` come with their columns.

    Raises :class:`TermError` for an operator that the subject does not take or a value that is not of its
    type.
    """
    symbol = WORDS.get(symbol, symbol)
    allowed = SUBJECTS[kind].operators
    if symbol not in allowed:
        raise TermError(operator_column, f"{kind} does not take {symbol}; it takes {' '.join(allowed)}", "PLACE-047")
    if kind == "attribute" and not ATTRIBUTE_NAME.fullmatch(attribute):
        raise TermError(
            column, f"attribute name {attribute!r} is not 1 to 128 of letters, digits and -_/\\.", "PLACE-054"
        )
    positive = POSITIVE.get(symbol, symbol)
    negative = symbol in POSITIVE
    if kind in ("agentVersion", "registeredAt", "runningTasksCount"):
        return _ordered(kind, positive, negative, *arguments[0])
    if kind == "attribute":
        return _attribute(attribute, positive, negative, arguments)
    if kind == "agentConnected" and positive != "=~":
        for value, value_column in arguments:
            if value not in ("true", "false"):
                raise TermError(value_column, f"agentConnected is true or false, not {value!r}", "PLACE-047")
    test = _text_test(positive, arguments)
    if kind == "task:group":
        return lambda facts: any(test(group) for group in facts.task_groups) is not negative
    if kind == "ec2InstanceId":
        return lambda facts: facts.ec2_instance_id != "" and test(facts.ec2_instance_id) is not negative
    return lambda facts: test("true" if facts.agent_connected else "false") is not negative


def _attribute(name: str, positive: str, negative: bool, arguments: tuple[tuple[str, int], ...]) -> Term:
    """Only ``!exists`` holds where the attribute is not set (PLACE-051)."""
    if positive == "exists":
        return lambda facts: (name in facts.attributes) is not negative
    test = _text_test(positive, arguments)
    return lambda facts: name in facts.attributes and test(facts.attributes[name] or "") is not negative


def _text_test(positive: str, arguments: tuple[tuple[str, int], ...]) -> Test:
    if positive == "exists":
        return lambda value: True
    if positive == "in":
        values = frozenset(value for value, _ in arguments)
        return lambda value: value in values
    text, column = arguments[0]
    if positive == "==":
        return lambda value: value == text
    if positive == "=~":
        try:
            pattern = java_pattern(text)
        except RegexError as refused:
            raise TermError(column, str(refused), "PLACE-049") from None
        return lambda value: pattern.fullmatch(value) is not None
    compare = COMPARE[positive]
    number = _number(text)

    def ordered(value: str) -> bool:
        other = _number(value)
        return compare(value, text) if number is None or other is None else compare(other, number)

    return ordered


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?", text, re.ASCII) else None


def _ordered(kind: str, positive: str, negative: bool, text: str, column: int) -> Term:
    """Compare a version, a time or a count with its like (PLACE-048)."""
    compare = COMPARE[positive]
    if kind == "runningTasksCount":
        if not re.fullmatch(r"\d+", text, re.ASCII):
            raise TermError(column, f"runningTasksCount is a whole number, not {text!r}", "PLACE-047")
        count = int(text)
        return lambda facts: compare(facts.running_tasks_count, count) is not negative
    if kind == "registeredAt":
        when = _timestamp(text, column)
        return lambda facts: compare(facts.registered_at, when) is not negative
    wanted = _version(text)
    if wanted is None:
        raise TermError(column, f"agentVersion is dotted numbers such as 1.89.2, not {text!r}", "PLACE-048")

    def by_version(facts: InstanceFacts) -> bool:
        version = _version(facts.agent_version)
        return version is not None and compare(version, wanted) is not negative

    return by_version


def _version(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a dotted version without trailing zeros, so that 1.9 equals 1.9.0."""
    if not re.fullmatch(r"\d+(\.\d+)*", text, re.ASCII):
        return None
    numbers = [int(part) for part in text.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _timestamp(text: str, column: int) -> float:
    """Return seconds since 1970; a time without zone is UTC, a date alone its midnight."""
    message = f"registeredAt is like 2018-06-18T22:28:28+00:00, with or without time and zone, not {text!r}"
    if not TIMESTAMP.fullmatch(text):
        raise TermError(column, message, "PLACE-048")
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise TermError(column, f"{message} ({error})", "PLACE-048") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
