"""Mutations of valid scenarios: keys dropped, renamed and moved, values of other types, sizes and scripts.

A mutation is chosen by a seed alone, so that a failure can be seen again: ``mutated(document, seed)``.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

Document = dict[str, Any]

#: The parent of a value, and its key or index there.
Spot = tuple[Any, Any]

NUMBERS = (0, -1, 1, 2, 3, 10**6, 10**12, 2**31, 2**63, 10**40, -(10**20), 0.5, -0.25, 1e-320, 1e308)
TEXTS = (
    "",
    " ",
    "x",
    "0",
    "-1",
    "1e400",
    "naïve-☃",
    "日本語",
    "\u202eabc",
    "a" * 300,
    "a/b:c",
    "arn:aws:ecs:us-east-1:123456789012:service/none/none",
    "arn:",
    "0s",
    "99999999999999999999d",
    "1ms",
    "13:00",
    "2026-03-02T08:00:00Z",
    "0001-01-01T00:00:00Z",
    "10.0.0.0/8",
    "10.0.0.0/33",
    "999.0.0.0/24",
    "m5.large",
    "FARGATE_SPOT",
    "../../etc/hostname",
    "\x00",
    "\ud800",
)
ODDITIES: tuple[Any, ...] = (None, True, False, [], {}, [[]], [{}], {"": {}}, [None], {"a": 1})


def spots(node: Any, found: list[Spot]) -> list[Spot]:
    """Every place in the document that holds a value."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(pairs):
        found.append((node, key))
        spots(value, found)
    return found


def _drop(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    del at[0][at[1]]


def _rename(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    parent, key = at
    if isinstance(parent, dict):
        other = rng.choice((f"{key}s", key[:-1], key.upper(), key.swapcase(), f" {key}", "☃", "name"))
        parent[other] = parent.pop(key)
    else:
        parent.append(copy.deepcopy(parent[key]))


def _number(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    at[0][at[1]] = rng.choice(NUMBERS)


def _text(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    at[0][at[1]] = rng.choice(TEXTS)


def _odd(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    at[0][at[1]] = copy.deepcopy(rng.choice(ODDITIES))


def _transplant(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    """The value of another place: a reference to the wrong kind of thing, a list where a name was."""
    parent, key = rng.choice(all_spots)
    at[0][at[1]] = copy.deepcopy(parent[key])


def _nudge(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    """A value like the one that was there: a number multiplied, a text with a letter more or less."""
    value = at[0][at[1]]
    if isinstance(value, bool) or value is None:
        at[0][at[1]] = not value
    elif isinstance(value, int | float):
        at[0][at[1]] = type(value)(value * rng.choice((0, -1, 2, 10, 100)) + rng.choice((0, 1)))
    elif isinstance(value, str) and value:
        cut = rng.randrange(len(value))
        at[0][at[1]] = rng.choice((value[:cut] + value[cut + 1 :], value + value[cut], value[::-1], value * 2))
    elif isinstance(value, list) and value:
        at[0][at[1]] = rng.choice((value[::-1], value + copy.deepcopy(value), value[:-1]))


def _swap(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    """Wrapped in a list, or unwrapped from one; text for a number and the other way round."""
    value = at[0][at[1]]
    if isinstance(value, list):
        at[0][at[1]] = value[0] if value else None
    elif isinstance(value, int | float):
        at[0][at[1]] = str(value)
    else:
        at[0][at[1]] = [value]


def _resize(at: Spot, rng: random.Random, all_spots: list[Spot]) -> None:
    """Another number of the same kind somewhere in the document: most of these are valid, and are run."""
    numbers = [s for s in all_spots if type(s[0][s[1]]) in (int, float)]
    texts = [s for s in all_spots if isinstance(s[0][s[1]], str) and s[0][s[1]][:-1].isdecimal()]
    parent, key = rng.choice(numbers + texts or [at])
    value = parent[key]
    if isinstance(value, str):
        parent[key] = f"{rng.choice((0, 1, 7, 40, 900))}{value[-1]}"
    else:
        parent[key] = rng.choice((0, 1, 2, 5, 10, 30, 50, 99, 100, 150, 200, 1000))


#: Mutations that mostly leave a scenario valid.
MILD: tuple[Callable[[Spot, random.Random, list[Spot]], None], ...] = (_drop, _nudge, _resize, _resize, _resize)

MUTATIONS: tuple[Callable[[Spot, random.Random, list[Spot]], None], ...] = (
    _drop,
    _rename,
    _number,
    _text,
    _odd,
    _transplant,
    _nudge,
    _nudge,
    _nudge,
    _swap,
)


def mutated(document: Document, seed: int) -> Document:
    """A copy of ``document`` with one to three mutations; those of odd seeds are mild."""
    rng = random.Random(seed)
    changed = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        all_spots = spots(changed, [])
        if not all_spots:
            break
        rng.choice(MILD if seed % 2 else MUTATIONS)(rng.choice(all_spots), rng, all_spots)
    return changed
