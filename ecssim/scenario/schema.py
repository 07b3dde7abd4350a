"""The JSON Schema of a scenario file, for editors: completion, types and unknown keys while typing.

Generated from the models; ``scenario.schema.json`` beside this module is the committed copy and a test keeps
it fresh. The schema knows canonical spellings only, and shapes rather than references: ``check`` knows the
rest.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ecssim.aws.requests import REQUESTS
from ecssim.aws.shape import Shape
from ecssim.scenario.document import Scenario
from ecssim.scenario.timeline import FAULTS

SCHEMA_FILE = Path(__file__).with_name("scenario.schema.json")


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of the scenario document."""
    document = Scenario.model_json_schema(by_alias=True, mode="validation")
    definitions: dict[str, Any] = document["$defs"]
    definitions["TimelineCall"]["properties"]["call"]["enum"] = sorted(REQUESTS)
    definitions["TimelineFault"]["properties"]["fault"]["enum"] = sorted(FAULTS)
    document["properties"]["taskDefinitions"]["items"] = {
        "if": {"required": ["file"]},
        "then": {
            "type": "object",
            "properties": {"file": {"type": "string", "description": "a task definition, relative to the scenario"}},
            "required": ["file"],
            "additionalProperties": False,
        },
        "else": {"$ref": "#/$defs/TaskDefinition"},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ecssim scenario",
        **{key: value for key, value in document.items() if key != "title"},
    }


def schema_text() -> str:
    """The committed form of the schema."""
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def shorthands() -> list[tuple[str, str, str]]:
    """Every shorthand: document, short key, what it stands for in the API."""
    found: list[tuple[str, str, str]] = []
    pending: list[type[Shape]] = [Shape]
    while pending:
        model = pending.pop()
        pending.extend(model.__subclasses__())
        found += [(model.__name__, short, long) for short, long in model.__dict__.get("shorthands", {}).items()]
    return sorted(found)
