"""Documents held against the output shapes of botocore, more strictly than botocore does: no unknown keys, right
types, values of enumerations, and every required member."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import pytest

#: Members that the API documents as one of a set of values and whose shape is a plain string.
STATUSES = {
    ("Task", "lastStatus"): "PROVISIONING PENDING ACTIVATING RUNNING DEACTIVATING STOPPING DEPROVISIONING STOPPED",
    ("Task", "desiredStatus"): "RUNNING STOPPED",
    ("Container", "lastStatus"): "PENDING RUNNING STOPPED",
    ("Service", "status"): "ACTIVE DRAINING INACTIVE",
    ("Deployment", "status"): "PRIMARY ACTIVE INACTIVE",
    ("ContainerInstance", "status"): "REGISTERING REGISTRATION_FAILED ACTIVE DRAINING DEREGISTERING INACTIVE",
    ("Attachment", "status"): "PRECREATED CREATED ATTACHING ATTACHED DETACHING DETACHED DELETED FAILED",
    ("Resource", "type"): "INTEGER DOUBLE LONG STRINGSET",
}

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (float, int),
    "float": (float, int),
    "boolean": (bool,),
    "timestamp": (datetime,),
}


@cache
def shape_of(service: str, name: str) -> Any:
    """The shape ``name`` of a service's API."""
    session = pytest.importorskip("botocore.session").get_session()
    return session.get_service_model(service).shape_for(name)


def problems(document: Any, service: str, name: str) -> list[str]:
    """Everything in which ``document`` is not what the API answers."""
    return list(_walk(document, shape_of(service, name), name))


def _walk(value: Any, shape: Any, where: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no structure"
            return
        yield from (f"{where}.{key}: the API has no such member" for key in value if key not in shape.members)
        yield from (f"{where}.{key}: is missing" for key in shape.required_members if key not in value)
        for key, member in shape.members.items():
            if key in value:
                yield from _walk(value[key], member, f"{where}.{key}")
                allowed = STATUSES.get((shape.name, key))
                if allowed is not None and value[key] not in allowed.split():
                    yield f"{where}.{key}: {value[key]!r} is none of {allowed}"
    elif kind == "list":
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
            return
        for number, item in enumerate(value):
            yield from _walk(item, shape.member, f"{where}[{number}]")
    elif kind == "map":
        for key, item in value.items():
            yield from _walk(item, shape.value, f"{where}[{key}]")
    elif not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{where}: {value!r} is no {kind}"
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{where}: {value!r} is none of {shape.enum}"
