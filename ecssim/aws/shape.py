"""The base of every document: frozen, strict, camelCase, closed to unknown keys.

A :class:`Shape` is what the user or the API wrote, never a state that changes. Documents are validated from
JSON text in strict mode: a list becomes a tuple and a string an enum member, but ``"12"`` never becomes 12
and ``true`` never becomes 1. The loader of ``scenario/`` gives the errors their file, line and words.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

JsonObject = Mapping[str, Any]
"""A part of the API that is accepted as it is and not looked into (see ``support.py``)."""


class Shape(BaseModel):
    """A frozen document with snake_case attributes and the API's camelCase keys.

    ``additions`` are keys that the AWS API does not have: shorthands and simulation facts. ``spellings`` are
    further keys of the API itself that mean one of the fields (``Name`` of a target group). ``pascal`` says
    that the API of this document writes PascalCase, which is then accepted beside camelCase. ``shorthands``
    gives for each addition that is a short form of the API its long form, for the generated list in the
    documentation. ``usual`` are optional keys that hardly a document is without: an unknown key that looks like
    one is that one misspelt.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        populate_by_name=False,
        allow_inf_nan=False,
        ser_json_inf_nan="constants",
    )

    additions: ClassVar[frozenset[str]] = frozenset()
    spellings: ClassVar[Mapping[str, str]] = {}
    pascal: ClassVar[bool] = False
    shorthands: ClassVar[Mapping[str, str]] = {}
    usual: ClassVar[frozenset[str]] = frozenset()


def api_key(model: type[Shape], attribute: str) -> str:
    """The camelCase key of a field."""
    return model.model_fields[attribute].alias or to_camel(attribute)


@cache
def keys_of(model: type[Shape]) -> Mapping[str, str]:
    """All canonical keys of a document, with the attribute that each one fills."""
    return MappingProxyType({api_key(model, name): name for name in model.model_fields})


def ruled(rule: str, *, ge: int | None = None, le: int | None = None, max_length: int | None = None) -> Any:
    """Bounds of a field that a rule of the rulebooks sets; a message about them names the rule."""
    return Field(ge=ge, le=le, max_length=max_length, json_schema_extra={"rule": rule})


def bad(expected: str) -> PydanticCustomError:
    """The error of a value that a unit type cannot read; the loader adds the value itself."""
    return PydanticCustomError("unit", "{expected}", {"expected": expected})


#: More CPU units or MiB than any instance has, and few enough to add up: beyond it a number is a slip.
MOST: Final = 100_000_000


def _task_cpu(value: object) -> object:
    """CPU units: ``256``, ``"256"``, ``"1 vCPU"``, ``".25 vcpu"`` (FG-003)."""
    number = _with_unit(value, {"": 1, "vcpu": 1024})
    if number is None or not 0 < number <= MOST:
        raise bad('CPU units (256 or "256") or vCPUs ("0.25 vCPU")')
    return number


def _task_memory(value: object) -> object:
    """MiB: ``512``, ``"512"``, ``"2 GB"``, ``"0.5GB"``; one GB is 1,024 MiB here (FG-003)."""
    number = _with_unit(value, {"": 1, "gb": 1024, "mb": 1, "mib": 1, "gib": 1024})
    if number is None or not 0 < number <= MOST:
        raise bad('MiB (512 or "512") or GB ("2 GB")')
    return number


def _with_unit(value: object, units: Mapping[str, int]) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if not isinstance(value, str):
        return None
    text = value.strip().lower()
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(digits) :].strip()
    if unit not in units:
        return None
    try:
        amount = float(digits) if unit else int(digits)
    except ValueError:
        return None
    scaled = amount * units[unit]
    return int(scaled) if scaled == int(scaled) else None


TaskCpu = Annotated[
    int,
    BeforeValidator(_task_cpu),
    WithJsonSchema({"type": ["integer", "string"], "description": 'CPU units, or "1 vCPU"'}),
]
TaskMemory = Annotated[
    int,
    BeforeValidator(_task_memory),
    WithJsonSchema({"type": ["integer", "string"], "description": 'MiB, or "2 GB"'}),
]
Port = Annotated[int, Field(ge=0, le=65535)]
Percent = Annotated[int, Field(ge=0)]
Name = Annotated[str, Field(min_length=1, max_length=255)]
#: The name of a cluster, a service or a capacity provider, as the API takes it: no ARN, no spaces, no accents.
PlainName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
