"""The one path grammar of ``--set``, variants, study axes and ``expect``.

``services.checkout.desiredCount``: dots lead through mappings, and through lists by the key field of their
items (``serviceName``, ``subnetId``, ``name`` ...; a number works where nothing else names an item).
``["a.b"]`` holds names with dots, a last ``+`` appends to a list, and the value ``null`` deletes. Paths are
applied to the written document, before anything is checked, so that the result is checked like a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ecssim.errors import BadInput, Problem
from ecssim.scenario.messages import suggestion
from ecssim.scenario.nodes import Node, Place
from ecssim.scenario.yaml_source import read_yaml

KEY_FIELDS = (
    "serviceName",
    "subnetId",
    "clusterName",
    "targetGroupName",
    "loadBalancerName",
    "autoScalingGroupName",
    "family",
    "policyName",
    "alarmName",
    "scheduledActionName",
    "natGatewayId",
    "vpcEndpointId",
    "groupId",
    "routeTableId",
    "vpcId",
    "capacityProvider",
    "containerName",
    "ruleArn",
    "listenerArn",
    "resourceId",
    "name",
    "key",
    "targetGroupArn",
    "targetGroup",
    "instanceType",
)
"""The fields that name an item of a list, in the order in which they are looked for."""

NAME_KEYS: Mapping[str, tuple[str, ...]] = {
    "vpcs": ("vpcId",),
    "subnets": ("subnetId",),
    "natGateways": ("natGatewayId",),
    "vpcEndpoints": ("vpcEndpointId",),
    "securityGroups": ("groupId",),
    "routeTables": ("routeTableId",),
    "autoScalingGroups": ("autoScalingGroupName",),
    "capacityProviders": ("name",),
    "clusters": ("clusterName",),
    "targetGroups": ("targetGroupName",),
    "loadBalancers": ("loadBalancerName",),
    "taskDefinitions": ("family",),
    "services": ("cluster", "serviceName"),
    "scalingPolicies": ("resourceId", "policyName"),
    "alarms": ("alarmName",),
    "scheduledActions": ("resourceId", "scheduledActionName"),
    "traffic": ("name",),
    "jobs": ("name",),
}
"""What names an item of each section; the last field is the name itself, those before say where it is unique.
"""

_STEP = re.compile(r"""\[\s*"((?:[^"\\]|\\.)*)"\s*\]|\[\s*'([^']*)'\s*\]|\[\s*(\d+)\s*\]|([^.\[\]=]+)""")


def parse_path(text: str, place: Place) -> list[str]:
    """The steps of a path; raises :class:`BadInput` at ``place`` if it is not one."""
    steps: list[str] = []
    at = 0
    while at < len(text):
        if steps and text[at] == ".":
            at += 1
        match = _STEP.match(text, at)
        if match is None or (at and text[at - 1] != "." and text[at] != "["):
            raise BadInput([place.problem(_bad_path(text))])
        quoted = next(group for group in match.groups() if group is not None)
        steps.append(re.sub(r"\\(.)", r"\1", quoted) if match[1] is not None else quoted.strip())
        at = match.end()
    if not steps or text.endswith(".") or "" in steps:
        raise BadInput([place.problem(_bad_path(text))])
    return steps


def _bad_path(text: str) -> str:
    return f'{text!r} is not a path; expected names with dots between (services.checkout.desiredCount, ["a.b"])'


def split_option(option: str) -> tuple[str, str] | None:
    """Path and value of ``PATH=VALUE``; None if there is no ``=`` outside of brackets."""
    depth = 0
    for index, character in enumerate(option):
        depth += (character == "[") - (character == "]")
        if character == "=" and depth <= 0:
            return option[:index].strip(), option[index + 1 :].strip()
    return None


def apply_option(root: Node, option: str, problems: list[Problem]) -> None:
    """Apply one ``--set PATH=VALUE``; a problem names the option."""
    place = Place(f"--set {option}")
    parts = split_option(option)
    if parts is None or not parts[0] or not parts[1]:
        problems.append(place.problem("expected PATH=VALUE (null deletes)"))
        return
    read: list[Problem] = []
    value = read_yaml(parts[1], place.file, read)
    if value is None:
        # text such as `a: b: c` or `@x` is a plain string to somebody at a shell
        value = Node(place, "scalar", parts[1])
    try:
        apply_patch(root, parse_path(parts[0], place), _at(value, place), place)
    except BadInput as error:
        problems.extend(error.problems)


def _at(node: Node, place: Place) -> Node:
    """The node as a part of an option, which has no lines."""
    copy = node.copy(place)
    copy.items = [_at(item, place) for item in copy.items]
    copy.entries = {key: _at(entry, place) for key, entry in copy.entries.items()}
    copy.key_places = dict.fromkeys(copy.entries, place)
    return copy


def apply_variant(root: Node, name: str, problems: list[Problem], shown: str) -> None:
    """Apply the named patches of ``variants``; problems stand at the variant's own lines."""
    variants = root.entries.get("variants")
    known = variants.entries if variants is not None else {}
    chosen = known.get(name)
    if chosen is None:
        problems.append(Place(shown).problem(f"no variant {name!r}{suggestion(name, known)}"))
        return
    for path, value in list(chosen.entries.items()):
        place = chosen.key_places[path]
        try:
            apply_patch(root, parse_path(path, place), value.copy(), place)
        except BadInput as error:
            problems.extend(error.problems)


def apply_patch(root: Node, steps: Sequence[str], value: Node, place: Place) -> None:
    """Set, append or delete at a path, in place; :class:`BadInput` at ``place`` if it leads nowhere."""
    node = root
    for index, step in enumerate(steps[:-1]):
        node = _descend(node, step, steps[:index], place)
    last = steps[-1]
    deletes = value.kind == "scalar" and value.value is None
    if node.kind == "map":
        _patch_mapping(node, last, value, place, deletes=deletes)
    elif node.kind == "list" and last == "+":
        node.items.append(value)
    elif node.kind == "list":
        index = _item(node, last, steps[:-1], place)
        if deletes:
            del node.items[index]
        else:
            node.items[index] = value
    else:
        raise BadInput([place.problem(f"{steps[-2]} is a single value; nothing can be set inside it")])


def _patch_mapping(node: Node, last: str, value: Node, place: Place, *, deletes: bool) -> None:
    if last == "+":
        raise BadInput([place.problem("+ appends to a list, and this is a mapping")])
    if deletes and last not in node.entries:
        raise BadInput([place.problem(f"{last}: nothing to delete{suggestion(last, node.entries)}")])
    if deletes:
        node.drop(last)
    else:
        node.put(last, value, place)


def _descend(node: Node, step: str, before: Sequence[str], place: Place) -> Node:
    if node.kind == "list":
        return node.items[_item(node, step, before, place)]
    if node.kind == "map":
        if step not in node.entries:
            # a section that is not written yet; whatever is set in it is checked as if it had been
            node.put(step, Node(place, "map"), place)
        return node.entries[step]
    name = before[-1] if before else "the document"
    raise BadInput([place.problem(f"{name} is a single value; nothing can be set inside it")])


def _item(node: Node, step: str, before: Sequence[str], place: Place) -> int:
    named = [names_of(item) for item in node.items]
    matches = [index for index, names in enumerate(named) if step in names]
    if matches:
        return matches[-1]
    family, colon, revision = step.rpartition(":")
    if colon and revision.isdecimal():
        of_family = [index for index, names in enumerate(named) if family in names]
        if 0 < int(revision) <= len(of_family):
            return of_family[int(revision) - 1]
    if step.isdecimal() and int(step) < len(node.items):
        return int(step)
    known = {names[0] for names in named if names}
    section = before[-1] if before else "the list"
    raise BadInput([place.problem(f"{section} has no item {step!r}{suggestion(step, known)}")])


def names_of(item: Node) -> list[str]:
    """The names by which a path may mean an item; the first key field wins."""
    if item.kind == "scalar":
        return [str(item.plain())]
    for field in KEY_FIELDS:
        entry = item.entries.get(field)
        if entry is not None and entry.kind == "scalar" and entry.value is not None:
            return [str(entry.text if entry.text is not None else entry.value)]
    return []
