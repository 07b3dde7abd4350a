"""The cluster query language: the expressions of ``memberOf`` constraints, compiled (PLACE-042..PLACE-051).

``compile_expression`` turns a text into a predicate over one container instance, or says what is wrong with
it and at which column. The grammar is ``query.lark``; what single comparisons mean is ``query_terms.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecssim.decide.query_terms import SUBJECTS, SUBJECTS_OF, Term, TermError, simple_term
from ecssim.errors import EcssimError
from ecssim.world.requests import InstanceFacts

if TYPE_CHECKING:
    from lark import Lark, Token

MAX_LENGTH = 2000

_SPELLED = {
    "_OR": "or",
    "_AND": "and",
    "_NOT": "not",
    "EXISTENCE": "exists",
    "MEMBERSHIP": "in",
    "COMPARISON": "an operator such as ==",
    "SUBJECT": "a subject such as attribute:name",
    "QUOTED": "a value",
    "VALUE": "a value",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "COMMA": ",",
    "$END": "the end",
}


class ExpressionError(EcssimError):
    """An expression of the cluster query language that ECS would refuse. ``column`` counts from 1."""

    def __init__(self, text: str, column: int, message: str, rule: str = "PLACE-043") -> None:
        self.text, self.column, self.message, self.rule = text, column, message, rule
        super().__init__(f"column {column}: {message} [{rule}]\n  {text}\n  {' ' * (column - 1)}^")


@dataclass(frozen=True, slots=True)
class CompiledExpression:
    """One expression that can be asked about an instance; implements ``Predicate``.

    ``dynamic`` says that the answer moves with tasks or with the agent's connection. Equal texts are equal.
    """

    key: str
    dynamic: bool
    holds: Term = field(compare=False, repr=False)

    def __call__(self, facts: InstanceFacts) -> bool:
        """Whether the instance satisfies the expression."""
        return self.holds(facts)


@dataclass(frozen=True, slots=True)
class _Part:
    """A compiled piece of an expression. ``negated`` is the piece inside where this one is its negation."""

    holds: Term
    dynamic: bool
    negated: _Part | None = None


def compile_expression(text: str) -> CompiledExpression:
    """Compile ``text``; raise :class:`ExpressionError` at the first thing that is wrong."""
    from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            text[:60] + "...", 1, f"{len(text)} characters, at most {MAX_LENGTH:,} are allowed", "PLACE-030"
        )
    try:
        part: _Part = _parse(text)
    except TermError as error:
        raise ExpressionError(text, error.column, str(error), error.rule) from None
    except UnexpectedInput as error:
        at, expected = len(text), set[str]()
        if isinstance(error, UnexpectedCharacters):
            at, expected = error.pos_in_stream or 0, set(error.allowed or ())
        elif isinstance(error, UnexpectedToken):
            expected = set(error.accepts or error.expected)
            if error.token.type != "$END":
                at = error.token.start_pos or 0
        raise ExpressionError(text, at + 1, _unexpected(text, at, expected)) from None
    return CompiledExpression(text, part.dynamic, part.holds)


def _parse(text: str) -> Any:
    """Return what the inlined transformer made of ``text``; lark types it as the tree that it skips."""
    return _parser().parse(text)


def _unexpected(text: str, at: int, expected: set[str]) -> str:
    rest = text[at:]
    names = sorted({_SPELLED.get(name, name) for name in expected if name in _SPELLED})
    wanted = "expected " + ", ".join(names[:-1]) + " or " * (len(names) > 1) + names[-1] if names else "stray"
    if not rest.strip():
        return f"the expression ends here; {wanted}" if text.strip() else f"the expression is empty; {wanted}"
    if rest[0] == '"':
        return f"double quote; {wanted} (values are quoted with single quotes)"
    if rest[0] == "'":
        return f"the quoted value has no end; {wanted}" if "'" not in rest[1:] else f"quoted value; {wanted}"
    word = rest.split()[0]
    if "VALUE" in expected and rest[0] in "=<>":
        return f"{rest[0]!r}; {wanted} (a value that begins so is written in single quotes)"
    if "VALUE" in expected and rest[0] in "([),]":
        return f"{rest[0]!r}; {wanted} (a value with ( ) [ ] or , is written in single quotes)"
    if "COMPARISON" in expected:
        return f"{word!r} is not an operator; {wanted}"
    return f"{word!r}; {wanted}"


@cache
def _parser() -> Lark:
    """Build the parser on first use; it holds no state between parses."""
    from lark import Lark, Transformer, v_args

    class Compile(Transformer[Any, Any]):
        """Turns each piece into a :class:`_Part` as soon as it is read, without recursion."""

        @v_args(inline=True)
        def negation(self, part: _Part) -> _Part:
            if part.negated is not None:
                return part.negated
            holds = part.holds
            return _Part(lambda facts: not holds(facts), part.dynamic, part)

        def any_of(self, parts: list[_Part]) -> _Part:
            return _joined(parts, any)

        def all_of(self, parts: list[_Part]) -> _Part:
            return _joined(parts, all)

        @v_args(inline=True)
        def argument(self, token: Token) -> Token:
            return token.update(value=token.value[1:-1]) if token.type == "QUOTED" else token

        def list(self, values: list[Token]) -> tuple[Token, ...]:
            return tuple(values)

        @v_args(inline=True)
        def existence(self, subject: Token, operator: Token) -> _Part:
            return _simple(subject, operator, ())

        @v_args(inline=True)
        def membership(self, subject: Token, operator: Token, values: tuple[Token, ...]) -> _Part:
            return _simple(subject, operator, values)

        @v_args(inline=True)
        def comparison(self, subject: Token, operator: Token, value: Token) -> _Part:
            return _simple(subject, operator, (value,))

    grammar = Path(__file__).with_name("query.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", transformer=Compile(), propagate_positions=False)


def _joined(parts: list[_Part], join: Callable[[Any], bool]) -> _Part:
    tests = tuple(part.holds for part in parts)
    return _Part(lambda facts: join(test(facts) for test in tests), any(part.dynamic for part in parts))


def _simple(subject: Token, operator: Token, arguments: tuple[Token, ...]) -> _Part:
    """Compile ``subject operator arguments`` after naming what it asks about (PLACE-046)."""
    column = (subject.start_pos or 0) + 1
    name, _, attribute = subject.value.partition(":")
    kind = "attribute" if name == "attribute" else subject.value
    if kind not in SUBJECTS:
        near = get_close_matches(subject.value, SUBJECTS_OF, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "subjects are " + ", ".join(SUBJECTS_OF)
        if not near and ":" not in subject.value:
            hint = f"an attribute is asked for as attribute:{subject.value}; {hint}"
        raise TermError(column, f"unknown subject {subject.value!r}; {hint}", "PLACE-046")
    return _Part(
        simple_term(
            kind,
            attribute,
            column,
            "".join(operator.value.split()),
            (operator.start_pos or 0) + 1,
            tuple((one.value, (one.start_pos or 0) + 1) for one in arguments),
        ),
        SUBJECTS[kind].dynamic,
    )
