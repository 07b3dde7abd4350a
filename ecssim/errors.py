"""Every exception that ecssim raises on purpose.

::

    EcssimError
     ├─ BadInput          the user's scenario, option or folder is wrong: all problems at once, exit 2
     ├─ ClientError       the API refused a call: a value to callers of the one door, raised only at the edge
     ├─ IllegalTransition a bug: a cause arrived that the state table does not allow
     └─ InvariantBroken   a bug: the world holds something that cannot be

Refusals that a user of ECS would meet (no capacity, no address, throttled) are values, never exceptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class EcssimError(Exception):
    """Base of all errors that ecssim raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the input, where, and what would be right.

    ``line`` and ``column`` count from 1; 0 means that the place is not in a file (an option of the command).
    ``severity`` is ``error`` (exit 2) or ``warning`` (lint; an error only under ``--strict``).
    """

    file: str
    line: int
    column: int
    message: str
    severity: str = "error"
    rule: str | None = None

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        kind = "warning: " if self.severity == "warning" else ""
        rule = f" [{self.rule}]" if self.rule else ""
        return f"{where}: {kind}{self.message}{rule}"


class BadInput(EcssimError):
    """The input is wrong: fix every listed problem and run again. The command exits with 2 and wrote nothing."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class ClientError(EcssimError):
    """The API's refusal of one call, with the error code that AWS uses and a message in its familiar shape."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code}: {message}")


class IllegalTransition(EcssimError):
    """A bug of ecssim: ``entity`` in ``state`` cannot take ``cause``; nothing was changed."""

    def __init__(self, entity: str, state: str, cause: str, allowed: Sequence[str]) -> None:
        self.entity, self.state, self.cause, self.allowed = entity, state, cause, tuple(allowed)
        names = ", ".join(self.allowed) or "nothing (the state is terminal)"
        super().__init__(f"{entity} is {state} and cannot take {cause}; allowed: {names}")


class InvariantBroken(EcssimError):
    """A bug of ecssim: a conservation law of the world does not hold any more."""
