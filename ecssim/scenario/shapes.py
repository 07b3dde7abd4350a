"""Which document a place of the scenario belongs to: descends models and written nodes together.

The loader needs the model behind a place for three things: to accept the PascalCase of some APIs, to name the
keys that would have been valid, and to find the rule behind a bound. This module answers "what is expected
there?" from the models' own annotations, so that nothing is listed twice.
"""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import Discriminator, Tag
from pydantic.fields import FieldInfo

from ecssim.aws.requests import REQUESTS
from ecssim.aws.shape import Shape, keys_of
from ecssim.errors import Problem
from ecssim.scenario.nodes import Node, Step
from ecssim.scenario.timeline import FAULTS, TimelineCall, TimelineFault


def model_of(annotation: Any, node: Node | None) -> type[Shape] | None:
    """The document class behind an annotation; ``node`` decides between the members of a tagged union."""
    base, metadata = _bare(annotation)
    if isinstance(base, type) and issubclass(base, Shape):
        return base
    members = get_args(base) if _is_union(base) else ()
    choose = next((m.discriminator for m in metadata if isinstance(m, Discriminator)), None)
    if callable(choose) and node is not None:
        tag = choose(dict.fromkeys(node.entries))
        for member in members:
            if any(isinstance(m, Tag) and m.tag == tag for m in _bare(member)[1]):
                return model_of(member, node)
        return None
    found = [m for m in (model_of(member, node) for member in members) if m is not None]
    return found[0] if len(found) == 1 else None


def annotation_of(field: FieldInfo) -> Any:
    """The whole annotation of a field, with what pydantic moved into its metadata."""
    annotation: Any = field.annotation
    for extra in field.metadata:
        annotation = Annotated[annotation, extra]
    if field.discriminator is not None and not isinstance(field.discriminator, str):
        annotation = Annotated[annotation, field.discriminator]
    return annotation


def child_annotation(annotation: Any, step: Step, node: Node | None) -> Any:
    """What is expected one step further in, None if nothing is known there."""
    model = model_of(annotation, node)
    if model is not None:
        return _field_annotation(model, str(step), node)
    base, _ = _bare(annotation)
    if _is_union(base):
        inner = [a for a in get_args(base) if a is not type(None)]
        return child_annotation(inner[0], step, node) if len(inner) == 1 else None
    origin, arguments = get_origin(base), get_args(base)
    if origin is tuple and isinstance(step, int) and arguments:
        return arguments[min(step, len(arguments) - 1)] if Ellipsis not in arguments else arguments[0]
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping) and len(arguments) == 2:
        return arguments[1]
    return None


def _field_annotation(model: type[Shape], key: str, node: Node | None) -> Any:
    if key == "with" and node is not None:
        # the parameters of a call or fault depend on its name, which only the written node knows
        named = node.entries.get("call") or node.entries.get("fault")
        known = {TimelineCall: REQUESTS, TimelineFault: FAULTS}.get(model, {})
        return known.get(str(named.value)) if named is not None else None
    name = keys_of(model).get(key)
    return annotation_of(model.model_fields[name]) if name is not None else None


def expected_at(root: type[Shape], node: Node, steps: Sequence[Step]) -> tuple[type[Shape] | None, FieldInfo | None]:
    """The document and the field that the last of ``steps`` belongs to."""
    annotation: Any = root
    model: type[Shape] | None = None
    field: FieldInfo | None = None
    current: Node | None = node
    for step in steps:
        if isinstance(step, str) and step.startswith("<"):
            continue
        here = model_of(annotation, current)
        if here is not None:
            model = here
            name = keys_of(here).get(str(step))
            field = here.model_fields[name] if name is not None else None
        annotation = child_annotation(annotation, step, current)
        if current is not None:
            current = _written(current, step)
    return model, field


def rule_of(field: FieldInfo) -> str | None:
    """The rule whose bound a field carries (see ``aws.shape.ruled``)."""
    return _rule_in(field) or _rule_in_annotation(field.annotation)


def _rule_in(extra: object) -> str | None:
    noted = extra.json_schema_extra if isinstance(extra, FieldInfo) else None
    rule = noted.get("rule") if isinstance(noted, dict) else None
    return rule if isinstance(rule, str) else None


def _rule_in_annotation(annotation: Any) -> str | None:
    base, metadata = _bare(annotation)
    found = next((rule for rule in map(_rule_in, metadata) if rule), None)
    if found is None and _is_union(base):
        found = next((rule for rule in map(_rule_in_annotation, get_args(base)) if rule), None)
    return found


def _written(node: Node, step: Step) -> Node | None:
    if node.kind == "map":
        return node.entries.get(str(step))
    if node.kind == "list" and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def normalise(annotation: Any, node: Node, problems: list[Problem]) -> None:
    """Rename keys to their canonical spelling, in place.

    PascalCase is accepted where the API writes it, and the API's other names of a field (``Name``)
    everywhere. A field that is given in two spellings is a problem at the second.
    """
    model = model_of(annotation, node)
    if node.kind == "map" and model is not None:
        _rename(model, node, problems)
    if node.kind == "map":
        for key, entry in node.entries.items():
            inner = child_annotation(annotation, key, node)
            if inner is not None:
                normalise(inner, entry, problems)
    elif node.kind == "list":
        for index, item in enumerate(node.items):
            inner = child_annotation(annotation, index, node)
            if inner is not None:
                normalise(inner, item, problems)


def _rename(model: type[Shape], node: Node, problems: list[Problem]) -> None:
    canonical = keys_of(model)
    folded = {key.lower(): key for key in canonical}
    renamed: dict[str, str] = {}
    for key in node.entries:
        if key in canonical:
            continue
        known = model.spellings.get(key)
        if known is None and model.pascal and key[:1].isupper():
            known = folded.get(key.lower())
        if known is not None:
            renamed[key] = known
    if not renamed:
        return
    entries, places = dict(node.entries), dict(node.key_places)
    node.entries.clear()
    node.key_places.clear()
    for key, entry in entries.items():
        name = renamed.get(key, key)
        if name in node.entries:
            problems.append(places[key].problem(f"{name} is given twice, in two spellings"))
        else:
            node.put(name, entry, places[key])


def _bare(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    metadata: tuple[Any, ...] = ()
    while get_origin(annotation) is Annotated:
        annotation, *extra = get_args(annotation)
        metadata += tuple(extra)
    if _is_union(annotation) and not metadata:
        inner = [a for a in get_args(annotation) if a is not type(None)]
        if len(inner) == 1:
            return _bare(inner[0])
    return annotation, metadata


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)
