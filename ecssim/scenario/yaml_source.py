"""YAML 1.2 to nodes, with every duplicate key, alias and place accounted for.

Built from the event stream of libyaml, which is iterative: nesting of any depth is refused instead of
crashing the process, and an alias keeps the place where it was used. Scalars are read by the YAML 1.2 core
schema (yamlcore's patterns): ``yes`` is text, ``0o14`` is 12, ``<<`` is a plain key.
"""

from __future__ import annotations

from typing import Any

import yaml
from yamlcore import CCoreLoader

from ecssim.errors import Problem
from ecssim.scenario.nodes import Node, Place, Scalar

MAX_DEPTH = 100
MAX_ALIASED_NODES = 100_000
_PREFIX = "tag:yaml.org,2002:"


class UnreadableError(Exception):
    """The rest of the text cannot be understood; the problems so far are all that can be said."""


def read_yaml(text: str, file: str, problems: list[Problem]) -> Node | None:
    """The tree of the one document in ``text``; None if it is empty or broken, with ``problems`` filled."""
    reader = _Reader(file, problems)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            reader.take(event)
    except UnreadableError:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
        problems.append(place.problem(f"not valid YAML: {_in_words(error, text)}"))
        return None
    except yaml.reader.ReaderError as error:
        before = text[: error.position] if isinstance(error.position, int) else ""
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.append(place.problem(f"not valid YAML: character U+{_code(error.character):04X} is not allowed"))
        return None
    return reader.root


def _code(character: object) -> int:
    return character if isinstance(character, int) else ord(str(character)[0])


def _in_words(error: yaml.MarkedYAMLError, text: str) -> str:
    """libyaml's complaint in the words of somebody who has to repair the file."""
    problem = error.problem or "cannot be read"
    mark = error.problem_mark
    lines = text.split("\n")
    rest = lines[mark.line][mark.column :] if mark is not None and mark.line < len(lines) else ""
    if "cannot start any token" in problem:
        if rest.startswith("\t"):
            return "a tab cannot indent; use spaces"
        return f"text that begins with {rest[:1]} needs quotes"
    if "mapping values are not allowed" in problem:
        return "a second key on one line; text that holds ': ' needs quotes"
    if "<document start>" in problem:
        return "the indentation does not fit the lines above"
    problem = problem.removeprefix("found ").replace("did not find expected", "expected")
    if "unexpected end of stream" in problem and "quoted" in (error.context or ""):
        problem = "a quote is not closed"
    if error.context:
        where = f" that begins at line {error.context_mark.line + 1}" if error.context_mark else ""
        return f"{problem}, {error.context}{where}"
    return problem


class _Reader:
    """Puts the events together; ``open`` is the path of unfinished lists and mappings."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        self.root: Node | None = None
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.unfinished: set[str] = set()
        self.aliased = 0

    def take(self, event: Any) -> None:
        place = Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)
        match event:
            case yaml.ScalarEvent():
                self._anchor(event, self._add(self._scalar(event, place), key=event.value), finished=True)
            case yaml.AliasEvent():
                self._add(self._resolve(event.anchor or "", place), key=None)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
                if len(self.open) >= MAX_DEPTH:
                    self._stop(place, f"nested deeper than {MAX_DEPTH} levels")
                self._refuse_tag(event, place)
                node = Node(place, "map" if kind == "map" else "list")
                self._add(node, key=None)
                self._anchor(event, node, finished=False)
                self.open.append(_Open(node, event.anchor))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                closed = self.open.pop()
                self.unfinished.discard(closed.anchor or "")
            case yaml.DocumentStartEvent():
                if self.root is not None:
                    self._stop(place, "a second document begins here; a file holds one document")

    def _stop(self, place: Place, message: str) -> None:
        self.problems.append(place.problem(message))
        raise UnreadableError

    def _add(self, node: Node, key: str | None) -> Node:
        if not self.open:
            self.root = node
            return node
        parent = self.open[-1]
        if parent.node.kind == "list":
            parent.node.items.append(node)
        elif parent.key is None:
            if key is None:
                self._stop(node.place, "a key must be plain text, not a list, mapping or alias")
            parent.key, parent.key_place = key, node.place
        else:
            self._put(parent, node)
        return node

    def _put(self, parent: _Open, node: Node) -> None:
        key, place = parent.key or "", parent.key_place
        parent.key = None
        first = parent.node.key_places.get(key)
        if first is not None:
            self.problems.append(place.problem(f"duplicate key {key!r}; it is given first at line {first.line}"))
        elif key == "<<":
            self.problems.append(place.problem("YAML 1.2 has no merge key (<<); write the keys out"))
        else:
            parent.node.put(key, node, place)

    def _anchor(self, event: Any, node: Node, *, finished: bool) -> None:
        if event.anchor is not None:
            self.anchors[event.anchor] = node
            if not finished:
                self.unfinished.add(event.anchor)

    def _resolve(self, name: str, place: Place) -> Node:
        target = self.anchors.get(name)
        if target is None:
            self._stop(place, f"alias *{name} has no anchor &{name} before it")
            raise UnreadableError
        if name in self.unfinished:
            self._stop(place, f"alias *{name} stands inside its own anchor: it would contain itself")
        self.aliased += target.size()
        if self.aliased > MAX_ALIASED_NODES:
            self._stop(place, f"aliases expand to more than {MAX_ALIASED_NODES:,} values (an alias bomb?)")
        return target.copy(place)

    def _refuse_tag(self, event: Any, place: Place) -> None:
        if event.tag not in (None, "!", f"{_PREFIX}map", f"{_PREFIX}seq"):
            self.problems.append(place.problem(f"tag {_short(event.tag)} is not supported"))

    def _scalar(self, event: Any, place: Place) -> Node:
        text: str = event.value
        plain = event.style in (None, "")
        tag = event.tag
        if tag is None:
            tag = _implicit_tag(text) if plain else f"{_PREFIX}str"
        value: Scalar = text
        try:
            value = _construct(tag, text)
        except ValueError:
            self.problems.append(place.problem(f"{text[:40]!r} cannot be read as {_short(tag)}"))
        except KeyError:
            self.problems.append(place.problem(f"tag {_short(tag)} is not supported"))
        return Node(place, "scalar", value, None if isinstance(value, str) else text)


class _Open:
    """A list or mapping that is not finished, with the key that waits for its value."""

    def __init__(self, node: Node, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: str | None = None
        self.key_place = node.place


def _implicit_tag(text: str) -> str:
    for tag, pattern in CCoreLoader.yaml_implicit_resolvers.get(text[:1], ()):
        if pattern.match(text):
            return str(tag)
    return f"{_PREFIX}str"


def _construct(tag: str, text: str) -> Scalar:
    match tag.removeprefix(_PREFIX):
        case "str" | "!":
            return text
        case "null":
            return None
        case "bool":
            if text.lower() not in ("true", "false"):
                raise ValueError(text)
            return text.lower() == "true"
        case "int":
            digits = text.lstrip("+-")
            base = 8 if digits.startswith("0o") else 16 if digits.startswith("0x") else 10
            return int(text, base)
        case "float":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        case _:
            raise KeyError(tag)


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_PREFIX)}" if tag.startswith(_PREFIX) else tag
