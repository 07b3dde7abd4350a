"""Validation errors in the words of somebody who has to repair the file.

Every message says what was written, what was expected and, for names, the nearest valid one. A required key
that is missing beside an unknown key that looks alike is one mistake and gives one message.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ecssim.aws.shape import Shape, keys_of
from ecssim.errors import Problem
from ecssim.scenario.nodes import Node, Step, find, key_place_of, place_of
from ecssim.scenario.shapes import expected_at, rule_of

_MOST_NAMES = 12
_LONGEST_VALUE = 60

_PATTERNS = {
    r"^\d{1,3}(\.\d{1,3}){3}/\d{1,2}$": "an IPv4 block such as 10.0.0.0/24",
    r"^[a-z]{2}(-[a-z]+)+-\d[a-z]$": "an Availability Zone such as us-east-1a",
    r"^[a-z]{2}(-[a-z]+)+-\d$": "a region such as us-east-1",
    r"^service/[^/]+/[^/]+$": "service/CLUSTER/SERVICE",
    r"^[A-Za-z0-9_-]{1,255}$": "1 to 255 letters, digits, - and _",
    r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$": "a clock time such as 13:00",
    r"^[A-Za-z]+(\.[A-Za-z0-9]+)+$": "kind.metric, such as subnet.freeAddresses",
    r"^(at|rate|cron)\(.+\)$": "at(...), rate(...) or cron(...)",
    r"^\d{12}$": "an account id of 12 digits",
    r"^\d+-\d+$": "a range such as 32768-60999",
    r"^[1-9]\d{0,2}$": 'a whole number from 1 to 999 as text, such as "2"',
    r"^[A-Za-z0-9_/\\.-]{1,128}$": "1 to 128 letters, digits and -_/\\.",
}

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "dict_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "finite_number": "a finite number",
    "datetime_type": "a timestamp",
}


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The valid name that was probably meant."""
    names = list(known)
    folded = {n.lower(): n for n in names}
    if name.lower() in folded:
        return folded[name.lower()]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return close[0]
    close = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """``; did you mean X?``, or the valid names if none is near."""
    names = sorted(known)
    near = nearest(name, names)
    if near is None and name.startswith("arn:"):
        near = nearest(name.rsplit("/", 1)[-1], names)
    if near is not None:
        return f"; did you mean {_short(near)}?"
    if not names:
        return ""
    shown = ", ".join(map(_short, names[:_MOST_NAMES])) + (", ..." if len(names) > _MOST_NAMES else "")
    return f"; known: {shown}"


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def show(value: Any) -> str:
    """A written value as the user would recognise it, shortened."""
    if isinstance(value, dict):
        text = "{" + ", ".join(f"{key}: {_inner(item)}" for key, item in value.items()) + "}"
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(_inner(item) for item in value) + "]"
    elif value is None:
        return "nothing (null)"
    else:
        text = json.dumps(value, ensure_ascii=False)
        # What nobody can see (a space of no width from a web page) is shown by its number.
        text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return _short(text)


def _inner(value: Any) -> str:
    return value if isinstance(value, str) else show(value)


def problems_of(error: ValidationError, model: type[Shape], root: Node, prefix: Sequence[Step] = ()) -> list[Problem]:
    """The problems of one validation, in the order of the document.

    ``root`` is the node of the whole document, ``prefix`` leads to the part that was validated as ``model``.
    """
    part = find(root, prefix) if prefix else root
    details = _own(error.errors(include_url=False))
    missing = {_parent(d): set[str]() for d in details if d["type"] == "missing"}
    for detail in details:
        if detail["type"] == "missing":
            missing[_parent(detail)].add(str(detail["loc"][-1]))
    renamed: set[tuple[Step, ...]] = set()
    found: list[Problem] = []
    for detail in details:
        if detail["type"] == "extra_forbidden":
            found.append(_unknown_key(detail, model, part, missing.get(_parent(detail), set()), renamed))
    for detail in details:
        if detail["type"] == "extra_forbidden" or tuple(detail["loc"]) in renamed:
            continue
        found.append(_problem(detail, model, part))
    return found


def _own(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without the errors that only follow from others: a list seems short when its items did not parse."""
    places = [tuple(d["loc"]) for d in details]
    return [
        d
        for d in details
        if d["type"] != "too_short"
        or not any(len(p) > len(d["loc"]) and p[: len(d["loc"])] == tuple(d["loc"]) for p in places)
    ]


def _parent(detail: ErrorDetails) -> tuple[Step, ...]:
    return tuple(detail["loc"][:-1])


def _unknown_key(
    detail: ErrorDetails, model: type[Shape], part: Node, missing: set[str], renamed: set[tuple[Step, ...]]
) -> Problem:
    steps = tuple(detail["loc"])
    key = str(steps[-1])
    place = key_place_of(part, steps)
    near = nearest(key, missing)
    if near is not None:
        missing.discard(near)
        renamed.add((*steps[:-1], near))
        return place.problem(f"{key}: did you mean {near}?")
    owner, _ = expected_at(model, part, steps)
    known = set(keys_of(owner)) if owner is not None else set()
    siblings = set(find(part, steps[:-1]).entries)
    near = nearest(key, owner.usual - siblings) if owner is not None else None
    if near is not None:
        return place.problem(f"{key}: did you mean {near}?")
    # A key that is there already is what --set, and a second spelling, mean most often.
    free = known - siblings
    meant = known if nearest(key, free) is None and nearest(key, known) is not None else free or known
    return place.problem(f"{key}: unknown key{suggestion(key, meant)}")


def _problem(detail: ErrorDetails, model: type[Shape], part: Node) -> Problem:
    kind, steps = detail["type"], tuple(detail["loc"])
    context = detail.get("ctx", {})
    if kind == "placed":
        return _placed(detail, part)
    if kind == "missing":
        name = str(steps[-1])
        return place_of(part, steps[:-1]).problem(f"{name} is missing{_where(steps[:-1])}")
    if steps and steps[-1] == "[key]":
        return key_place_of(part, steps[:-1]).problem(f"{steps[-2]}: not a valid name here")
    _, field = expected_at(model, part, steps)
    name = _name(steps)
    place = place_of(part, steps)
    if kind in ("one_of", "incomplete", "value"):
        return place.problem(f"{name}: {detail['msg']}" if name else detail["msg"])
    rule = rule_of(field) if field is not None else None
    return place.problem(f"{name}: {_expected(kind, context, detail['input'])}", rule=rule)


def _placed(detail: ErrorDetails, part: Node) -> Problem:
    context: dict[str, Any] = detail.get("ctx", {})
    steps = (*detail["loc"], *context["where"])
    name = _name(steps)
    if context["kind"] == "unknown_key":
        key = str(context["name"])
        return key_place_of(part, (*detail["loc"], *context["where"])).problem(
            f"{key}: unknown key{suggestion(key, context['known'])}"
        )
    if context["kind"] == "missing":
        return place_of(part, steps).problem(f"{context['name']} is missing in {name}")
    if context["kind"] == "message":
        return place_of(part, steps).problem(f"{name}: {context['name']}")
    written = find(part, steps)
    return written.place.problem(f"{name}: expected {context['name']}, got {show(written.plain())}")


def _expected(kind: str, context: dict[str, Any], given: Any) -> str:
    got = show(given)
    if kind in ("enum", "literal_error"):
        known = [name.strip().strip("'") for name in str(context["expected"]).replace(" or ", ", ").split(",")]
        if given == "FARGATE_SPOT" and "FARGATE" in known:
            return f"expected one of {', '.join(known)}, got {got}: it is asked for by a capacityProviderStrategy"
        if isinstance(given, str):
            return f"{got} is not valid{suggestion(given, known)}"
        return f"expected {_one_of(known)}, got {got}"
    if kind in _TYPES:
        hint = ""
        if kind == "string_type" and isinstance(given, int | float):
            hint = "; put it in quotes"
        if kind in ("int_type", "float_type", "bool_type") and isinstance(given, str):
            hint = "; write it without quotes" if _reads_as_number(given) or given in ("true", "false") else ""
        return f"expected {_TYPES[kind]}, got {got}{hint}"
    match kind:
        case "union_tag_not_found":
            return "expected call or fault, got neither"
        case "unit":
            return f"expected {context['expected']}, got {got}"
        case "greater_than_equal":
            return f"expected at least {context['ge']}, got {got}"
        case "less_than_equal":
            return f"expected at most {context['le']}, got {got}"
        case "greater_than":
            return f"expected more than {context['gt']}, got {got}"
        case "string_pattern_mismatch":
            return f"expected {_pattern(context['pattern'])}, got {got}"
        case "too_long":
            return f"expected at most {context['max_length']} items, got {context['actual_length']}"
        case "too_short":
            return "expected at least one item, got an empty list"
        case "string_too_long":
            return f"expected at most {context['max_length']} characters, got {len(given)}"
        case "string_too_short":
            return "expected some text, got nothing"
    return f"{kind.replace('_', ' ')}: got {got}"


def _pattern(pattern: str) -> str:
    choices = pattern.removeprefix("^(").removesuffix(")$")
    return _PATTERNS.get(pattern) or _one_of(choices.split("|"))


def _one_of(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"one of {', '.join(names)}"


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _name(steps: Sequence[Step]) -> str:
    """The key that a value has, with the position if it stands in a list: ``subnets[1]``."""
    shown = [s for s in steps if not (isinstance(s, str) and s.startswith("<"))]
    if not shown:
        return ""
    if isinstance(shown[-1], int):
        return f"{_name(shown[:-1])}[{shown[-1]}]"
    return str(shown[-1])


def _where(steps: Sequence[Step]) -> str:
    name = _name(steps)
    return f" in {name}" if name else ""
