"""Reading a scenario: file, overrides, validation, checks, with all problems at once.

The way of a document: text to nodes, task-definition files spliced in, the variant and the ``--set`` options
applied, keys brought to their canonical spelling, then the models, then the checks across items. Shape errors
do not hide the cross-checks: what did not parse is left out and the rest is checked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ecssim.errors import BadInput, Problem
from ecssim.scenario.cross_checks import check_scenario
from ecssim.scenario.document import Scenario
from ecssim.scenario.files import inline_task_definitions, referenced_files
from ecssim.scenario.messages import problems_of
from ecssim.scenario.nodes import Node, Place, from_python
from ecssim.scenario.partial import parse_what_is_well
from ecssim.scenario.paths import apply_option, apply_variant
from ecssim.scenario.resolved import resolved_document, to_yaml
from ecssim.scenario.shapes import normalise
from ecssim.scenario.source import read_document

_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A scenario that may be run: the document, where it came from and what lint found.

    ``digest`` is the SHA-256 of the resolved document and of every file that it refers to, so that two runs
    with the same digest and seed had the same input.
    """

    scenario: Scenario
    warnings: tuple[Problem, ...]
    digest: str
    path: Path | None
    base_dir: Path
    variant: str | None = None
    _resolved: Mapping[str, Any] = field(default_factory=dict, repr=False)
    sets: tuple[str, ...] = ()
    _document: Mapping[str, Any] | None = field(default=None, repr=False)

    def under(self, variant: str) -> Loaded:
        """The same scenario under one of its variants: read again, with the same options and seed."""
        seed = self.scenario.seed
        if self._document is not None:
            return load_mapping(self._document, self.base_dir, sets=self.sets, variant=variant, seed=seed)
        if self.path is None:
            raise ValueError("a scenario without its source has no variants")
        return load_scenario(self.path, sets=self.sets, variant=variant, seed=seed)

    def changed(self, sets: Sequence[str]) -> Loaded:
        """The same scenario, variant and seed with more ``PATH=VALUE`` options after those that it has."""
        every, seed = (*self.sets, *sets), self.scenario.seed
        if self._document is not None:
            return load_mapping(self._document, self.base_dir, sets=every, variant=self.variant, seed=seed)
        if self.path is None:
            raise ValueError("a scenario without its source cannot be changed")
        return load_scenario(self.path, sets=every, variant=self.variant, seed=seed)

    @property
    def resolved(self) -> Mapping[str, Any]:
        """The scenario in API form as plain values; not to be changed."""
        return self._resolved

    def resolved_yaml(self) -> str:
        """The scenario in API form: overrides applied, task definitions inline, files by absolute path and
        digest.
        """
        return to_yaml(self._resolved)


def load_scenario(
    path: str | Path,
    *,
    sets: Sequence[str] = (),
    variant: str | None = None,
    seed: int | None = None,
) -> Loaded:
    """Read a scenario file; raises :class:`BadInput` with every problem of it.

    ``sets`` are ``PATH=VALUE`` options, applied after the ``variant``; ``seed`` replaces the document's.
    """
    path = Path(path)
    problems: list[Problem] = []
    root = read_document(path, str(path), problems)
    if root is None:
        raise BadInput(problems)
    return replace(_load(root, path.parent, path, problems, sets, variant, seed), sets=tuple(sets))


def load_mapping(
    document: Mapping[str, Any],
    base_dir: str | Path = ".",
    *,
    sets: Sequence[str] = (),
    variant: str | None = None,
    seed: int | None = None,
) -> Loaded:
    """The same for a scenario given as Python values; files in it are relative to ``base_dir``."""
    root = from_python(document, Place("<scenario>"))
    loaded = _load(root, Path(base_dir), None, [], sets, variant, seed)
    return replace(loaded, sets=tuple(sets), _document=document)


def _load(
    root: Node,
    base_dir: Path,
    path: Path | None,
    problems: list[Problem],
    sets: Sequence[str],
    variant: str | None,
    seed: int | None,
) -> Loaded:
    shown = root.place.file
    inline_task_definitions(root, base_dir, problems)
    normalise(Scenario, root, problems)
    if variant is not None:
        apply_variant(root, variant, problems, shown)
    for option in sets:
        apply_option(root, option, problems)
    if seed is not None:
        place = Place("--seed")
        root.put("seed", Node(place, "scalar", seed, str(seed)), place)
    if variant is not None or sets:
        # The paths of the variants lead into the document as it was written, not into what has become of it.
        if "variants" in root.entries:
            root.drop("variants")
        inline_task_definitions(root, base_dir, problems)
        normalise(Scenario, root, problems)
    scenario, warnings = _validate(root, base_dir, problems)
    resolved = resolved_document(root, scenario, base_dir)
    return Loaded(
        scenario, warnings, _digest(resolved, _programs(scenario, base_dir)), path, base_dir, variant, resolved
    )


def _programs(scenario: Scenario, base_dir: Path) -> tuple[str, ...]:
    """Digests of the files whose functions a scenario uses."""
    if "customPlacementStrategy" not in scenario.allow:
        return ()
    from ecssim.scenario.own_strategies import digest_of_strategy, own_strategies

    return tuple(digest_of_strategy(item.field or "", base_dir) for _, item in own_strategies(scenario))


def _validate(root: Node, base_dir: Path, problems: list[Problem]) -> tuple[Scenario, tuple[Problem, ...]]:
    """The scenario and its warnings; raises with the shape errors and the cross-checks of all that parsed."""
    _make_encodable(root, problems)
    plain = root.plain()
    try:
        scenario = Scenario.model_validate_json(json.dumps(plain), context={"base_dir": base_dir})
        partial, pruned, unsure = scenario, root, dict[str, frozenset[str | None]]()
    except ValidationError as error:
        problems.extend(problems_of(error, Scenario, root))
        found = parse_what_is_well(root, error, base_dir)
        if found is None:
            raise BadInput(_in_order(problems)) from None
        partial, pruned, unsure = found
    checked = check_scenario(partial, pruned, unsure) + referenced_files(partial, pruned, base_dir)
    if "customPlacementStrategy" in partial.allow:
        from ecssim.scenario.own_strategies import check_own_strategies

        checked += check_own_strategies(partial, pruned, base_dir)
    errors = [p for p in checked if p.severity == "error"]
    if problems or errors:
        raise BadInput(_in_order([*problems, *errors]))
    return partial, tuple(_in_order([p for p in checked if p.severity != "error"]))


def _make_encodable(node: Node, problems: list[Problem]) -> None:
    """Refuse halves of surrogate pairs, which JSON escapes can write and no encoding can hold, and go on."""
    if isinstance(node.value, str) and _HALF.search(node.value):
        problems.append(node.place.problem(f"{node.value!a} holds half of a surrogate pair"))
        node.value = _HALF.sub("?", node.value)
    for item in node.items:
        _make_encodable(item, problems)
    for key, entry in list(node.entries.items()):
        if _HALF.search(key):
            problems.append(node.key_places[key].problem(f"{key!a}: the key holds half of a surrogate pair"))
            node.drop(key)
        _make_encodable(entry, problems)


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """In the order of the lines, the scenario's own file first where it came first; each problem once."""
    files: dict[str, int] = {}
    for problem in problems:
        files.setdefault(problem.file, len(files))
    once = dict.fromkeys(problems)
    return sorted(once, key=lambda p: (files[p.file], p.line, p.column))


def _digest(resolved: Mapping[str, Any], programs: tuple[str, ...] = ()) -> str:
    if programs:
        resolved = {**resolved, "<programs>": programs}
    text = json.dumps(resolved, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
