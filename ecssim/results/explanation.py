"""What an explanation is: a subject, its figures, and dated steps, as data and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ecssim.results.wording import moment


@dataclass(frozen=True)
class Step:
    """One thing that happened. ``t`` is in seconds from the start; ``event_id`` is 0 where no event says it.

    ``depth`` is 0 for what the explanation tells and more for what caused that, cause by cause.
    """

    t: float
    text: str
    event_id: int = 0
    depth: int = 0


@dataclass(frozen=True)
class Section:
    """Steps under one heading, and ``lines`` of what has no time of its own: tables, amounts, alternatives."""

    heading: str
    steps: tuple[Step, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """The answer to ``ecssim explain``: structured, and as ``text`` for people.

    ``decisions`` are the placements that it speaks of, with candidates, scores and changes as plain values.
    """

    subject: str
    answer: str
    sections: tuple[Section, ...] = ()
    text: str = field(default="", compare=False)
    decisions: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)


def explanation(
    start: datetime,
    subject: str,
    answer: str,
    sections: Sequence[Section],
    decisions: Sequence[Mapping[str, Any]] = (),
) -> Explanation:
    """Put an explanation together with its text."""
    kept = tuple(section for section in sections if section.steps or section.lines)
    lines = [subject, *(f"  {line}" for line in answer.splitlines())]
    for section in kept:
        lines += ["", section.heading]
        width = max((len(moment(start, step.t)) for step in section.steps), default=0)
        for step in section.steps:
            mark = "  " * step.depth + ("because " if step.depth else "")
            event = f"  [event {step.event_id}]" if step.event_id else ""
            lines.append(f"  {moment(start, step.t):<{width}}  {mark}{step.text}{event}")
        lines += [f"  {line}" for line in section.lines]
    return Explanation(subject, answer, kept, "\n".join(lines), tuple(decisions))
