"""Reading a file of the user into nodes: what can be wrong before the content matters."""

from __future__ import annotations

from pathlib import Path

from ecssim.errors import BadInput, Problem
from ecssim.scenario.json_source import read_json
from ecssim.scenario.nodes import Node, Place
from ecssim.scenario.yaml_source import read_yaml


def read_document(path: Path, shown: str, problems: list[Problem], what: str = "a scenario") -> Node | None:
    """The mapping in a YAML or JSON file; None when nothing can be made of it (``problems`` says why).

    ``shown`` is the file's name in messages. JSON is read as JSON by its suffix; everything else is YAML.
    """
    start = Place(shown, 1, 1)
    try:
        text = read_text(path, shown)
    except BadInput as error:
        problems.extend(error.problems)
        return None
    before = len(problems)
    is_json = path.suffix.lower() == ".json"
    node = (read_json if is_json else read_yaml)(text, shown, problems)
    if node is None and len(problems) > before:
        return None
    if node is None or (node.kind == "scalar" and node.value is None):
        problems.append(start.problem(f"the file is empty; expected {what}"))
        return None
    if node.kind != "map":
        kind = "a list" if node.kind == "list" else "a single value"
        problems.append(node.place.problem(f"expected {what}, a mapping of keys to values, got {kind}"))
        return None
    return node


def read_text(path: Path, shown: str) -> str:
    """The text of a file; raises :class:`BadInput` with one clear line if it has none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise BadInput([Problem(shown, 0, 0, "no such file")]) from None
    except IsADirectoryError:
        raise BadInput([Problem(shown, 0, 0, "is a folder; expected a file")]) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadInput([Problem(shown, 0, 0, f"cannot be read: {reason}")]) from None
    if b"\0" in data:
        raise BadInput([Problem(shown, 0, 0, "is a binary file (or UTF-16); expected UTF-8 text")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        message = f"byte 0x{data[error.start]:02X} is not UTF-8 text"
        raise BadInput([Problem(shown, line, column, message)]) from None
