"""``explain``: why a task ended, why a subnet ran out, what a service went through, what caused an event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

import numpy as np

from ecssim.errors import BadInput, Problem
from ecssim.results.chronicle import Chronicle
from ecssim.results.explain_decision import Look
from ecssim.results.explain_provider import explain_provider
from ecssim.results.explain_service import explain_service
from ecssim.results.explain_subnet import explain_subnet
from ecssim.results.explain_task import explain_task
from ecssim.results.explanation import Explanation, Section, Step, explanation
from ecssim.results.facts import Facts
from ecssim.results.wording import count, listed

if TYPE_CHECKING:
    from ecssim.decide.decision import Decision
    from ecssim.results.result import Result

#: A beginning of a task id that is at least this long and of one task alone names it.
SHORTEST_PREFIX: Final = 6


def explain(
    result: Result, what: str, again: Callable[[Sequence[int]], Mapping[int, Decision]] | None = None
) -> Explanation:
    """Explain ``task/ID``, ``service/NAME``, ``subnet/ID``, ``event/ID``, ``alarm/NAME`` or ``capacityProvider/NAME``.

    A task may be given by the beginning of its id, a service as ``cluster/NAME``. ``again`` plays the run again
    to placements by their event numbers (``ecssim.replay.decisions``): then the explanation has their candidates
    and scores, and the smallest change that would have made a refused task fit.

    :raises BadInput: if there is no such thing in the record; the nearest names are listed.
    """
    kind, _, name = what.partition("/")
    handler = _KINDS.get(kind)
    if handler is None or not name:
        expected = ", ".join(f"{k}/{n}" for k, n in _SHAPES.items())
        raise _unknown(what, f"expected one of {expected}")
    return handler(Facts(result), name, Look(again))


def _unknown(what: str, message: str) -> BadInput:
    return BadInput([Problem(what, 0, 0, message)])


def _nearest(name: str, known: Iterable[str]) -> str:
    names = sorted(set(known))
    near = get_close_matches(name, names, 3, 0.5) or names[:5]
    return f"; nearest: {listed(near, 5)}" if near else ""


def _task(facts: Facts, name: str, look: Look) -> Explanation:
    wanted = name.rsplit("/", 1)[-1]
    texts = facts.tasks.index.ids.texts
    found = [at for at, text in enumerate(texts) if text.startswith(wanted)]
    if len(found) == 1 and len(wanted) >= SHORTEST_PREFIX:
        return explain_task(facts, found[0], look)
    if len(found) > 1:
        raise _unknown(f"task/{name}", f"{len(found)} tasks have ids that begin so")
    raise _unknown(f"task/{name}", f"the record has no such task{_near_id(wanted, texts)}")


def _near_id(wanted: str, texts: Iterable[str]) -> str:
    """Ids that begin alike: a whole-text comparison of a million ids would take minutes."""
    for length in range(len(wanted) - 1, 1, -1):
        near = [text for text in texts if text.startswith(wanted[:length])]
        if near:
            return f"; nearest: {listed(sorted(near)[:3])}"
    first = list(texts)[:3]
    return f"; the first ones are {listed(first)}" if first else "; it has no tasks"


def _service(facts: Facts, name: str, look: Look) -> Explanation:
    cluster, _, bare = name.rpartition("/")
    pairs = facts.minutes.services
    named = {(facts.name("service", s), facts.name("cluster", c)): (s, c) for s, c in pairs}
    fitting = [key for (n, c), key in named.items() if n == bare and cluster in ("", c)]
    if len(fitting) == 1:
        return explain_service(facts, *fitting[0], look)
    if fitting:
        raise _unknown(f"service/{name}", "several clusters have one: give cluster/NAME")
    raise _unknown(f"service/{name}", f"the record has no such service{_nearest(bare, (n for n, _ in named))}")


def _subnet(facts: Facts, name: str, look: Look) -> Explanation:
    codes = np.unique(facts.raw("subnet_metrics")["subnet"]).tolist()
    names = {facts.name("subnet", code): code for code in codes}
    if name not in names:
        raise _unknown(f"subnet/{name}", f"the record has no such subnet{_nearest(name, names)}")
    return explain_subnet(facts, names[name])


def _provider(facts: Facts, name: str, look: Look) -> Explanation:
    codes = np.unique(facts.raw("capacity_provider_metrics")["capacity_provider"]).tolist()
    names = {facts.name("capacity_provider", code): code for code in codes}
    if name not in names:
        message = f"the record has no such capacity provider with instances{_nearest(name, names)}"
        raise _unknown(f"capacityProvider/{name}", message)
    return explain_provider(facts, names[name])


def _alarm(facts: Facts, name: str, look: Look) -> Explanation:
    rows = facts.raw("alarms")
    names = {facts.name("alarm", code): code for code in np.unique(rows["alarm_name"]).tolist()}
    if name not in names:
        raise _unknown(f"alarm/{name}", f"the record has no change of such an alarm{_nearest(name, names)}")
    chronicle = Chronicle(facts)
    mine = rows[rows["alarm_name"] == names[name]]
    steps = []
    for row in mine:
        event = chronicle.event(int(row["event_id"]))
        if event is not None:
            steps.append(Step(event.t, chronicle.say(event), event.number))
            effects, _ = chronicle.effects(event.number)
            steps += [Step(e.t, f"so {chronicle.say(e)}", e.number) for e in effects]
    answer = f"It changed its state {count(len(mine), 'time')}."
    return explanation(facts.result.start, f"alarm/{name}", answer, [Section("Its changes", tuple(steps))])


def _event(facts: Facts, name: str, look: Look) -> Explanation:
    chronicle = Chronicle(facts)
    event = chronicle.event(int(name)) if name.isdecimal() else None
    if event is None:
        last = max((int(facts.raw(t)["event_id"].max(initial=0)) for t in _event_tables()), default=0)
        raise _unknown(f"event/{name}", f"the record has no such event; events have numbers from 1 to {last}")
    causes = chronicle.causes(event.cause)
    why = [Step(e.t, chronicle.say(e), e.number, 1 + i) for i, e in enumerate(causes)]
    effects, total = chronicle.effects(event.number)
    heading = "What it caused" if total <= len(effects) else f"What it caused first, of {total:,} events"
    sections = [
        Section("What happened", (Step(event.t, chronicle.say(event), event.number), *why)),
        Section(heading, tuple(Step(e.t, chronicle.say(e), e.number) for e in effects)),
    ]
    placed, documents = look([event.number] if event.table == "placements" else [])
    sections[1:1] = placed
    answer = f"A row of {event.table}; {count(len(causes), 'cause')} back to what the scenario did."
    return explanation(facts.result.start, f"event/{name}", answer, sections, documents)


def _event_tables() -> tuple[str, ...]:
    from ecssim.results.chronicle import TABLES

    return TABLES


_KINDS: Final[Mapping[str, Callable[[Facts, str, Look], Explanation]]] = {
    "task": _task,
    "service": _service,
    "subnet": _subnet,
    "event": _event,
    "alarm": _alarm,
    "capacityProvider": _provider,
}
_SHAPES: Final = {
    "task": "ID",
    "service": "NAME",
    "subnet": "ID",
    "event": "NUMBER",
    "alarm": "NAME",
    "capacityProvider": "NAME",
}
