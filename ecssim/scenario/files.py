"""Files that a scenario refers to: task definitions, which become part of it, and traces, which stay where
they are.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from ecssim.errors import BadInput, Problem
from ecssim.scenario.document import Scenario
from ecssim.scenario.messages import suggestion
from ecssim.scenario.nodes import Node, Step, find, place_of
from ecssim.scenario.source import read_document, read_text
from ecssim.scenario.traffic import Trace


def inline_task_definitions(root: Node, base_dir: Path, problems: list[Problem]) -> None:
    """Replace every ``{file: ...}`` item of ``taskDefinitions`` by the document, in place.

    The nodes keep the name of that file, so that errors in it are reported there. An item whose file cannot
    be read is taken out, after its problem was noted.
    """
    section = root.entries.get("taskDefinitions")
    if section is None or section.kind != "list":
        return
    items: list[Node] = []
    for item in section.items:
        named = item.entries.get("file") if item.kind == "map" else None
        if named is None:
            items.append(item)
            continue
        document = _read_task_definition(item, named, base_dir, root.place.file, problems)
        if document is not None:
            items.append(document)
    section.items[:] = items


def _read_task_definition(
    item: Node, named: Node, base_dir: Path, scenario: str, problems: list[Problem]
) -> Node | None:
    for key in item.entries:
        if key != "file":
            problems.append(item.key_places[key].problem(f"{key}: nothing else goes beside file"))
    if not isinstance(named.value, str):
        problems.append(named.place.problem("file: expected the path of a task definition"))
        return None
    path = base_dir / named.value
    shown = str(Path(scenario).parent / named.value) if scenario != "<scenario>" else str(path)
    found: list[Problem] = []
    document = read_document(path, shown, found, what="a task definition")
    if document is None and all(problem.line == 0 for problem in found):
        # the file is not there: that is a mistake of the line that names it
        problems.extend(named.place.problem(f"{shown}: {problem.message}") for problem in found)
    else:
        problems.extend(found)
    return document


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def traces_of(scenario: Scenario) -> Iterator[tuple[tuple[Step, ...], Trace]]:
    """All traces of a scenario with the place where each is written."""
    for index, traffic in enumerate(scenario.traffic):
        if traffic.trace is not None:
            yield ("traffic", index, "trace"), traffic.trace
    for index, job in enumerate(scenario.jobs):
        if job.arrivals.trace is not None:
            yield ("jobs", index, "arrivals", "trace"), job.arrivals.trace


def referenced_files(scenario: Scenario, root: Node, base_dir: Path) -> list[Problem]:
    """Traces that are not there, that changed, or that lack a column that is named."""
    problems: list[Problem] = []
    for steps, trace in traces_of(scenario):
        columns = [
            ("timeColumn", trace.time_column),
            ("valueColumn", trace.value_column),
            ("where", trace.where),
        ]
        problems += _check_table(root, steps, base_dir / trace.file, columns)
        if trace.digest is not None and not problems and digest_of(base_dir / trace.file) != trace.digest:
            problems.append(place_of(root, (*steps, "file")).problem(f"{trace.file} is not the file it was: digest"))
    for index, job in enumerate(scenario.jobs):
        rows, table = job.per_row, job.arrivals.trace
        if table is None or rows is None:
            continue
        columns = [
            ("cpu", rows.cpu),
            ("memory", rows.memory),
            ("gpus", rows.gpus),
            ("runsFor", rows.runs_for),
        ]
        if (base_dir / table.file).is_file():
            problems += _check_columns(root, ("jobs", index, "perRow"), base_dir / table.file, columns)
    return problems


def header_of(path: Path) -> list[str]:
    """What a trace's columns are called; in get-metric-data JSON the Ids and Labels of its results."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        try:
            return list(parquet.read_schema(path).names)
        except (OSError, ValueError) as error:
            raise BadInput([Problem(str(path), 0, 0, f"not a Parquet file: {error}")]) from None
    text = read_text(path, str(path))
    if path.suffix == ".json":
        try:
            results = json.loads(text)["MetricDataResults"]
            return [name for result in results for name in (result["Id"], result.get("Label")) if name is not None]
        except (ValueError, KeyError, TypeError):
            message = "not the JSON of get-metric-data: expected MetricDataResults with Id, Timestamps and Values"
            raise BadInput([Problem(str(path), 0, 0, message)]) from None
    return next(csv.reader([text.partition("\n")[0].strip("\r")]), [])


def _check_table(
    root: Node, steps: tuple[Step, ...], path: Path, columns: Sequence[tuple[str, str | None]]
) -> list[Problem]:
    node = find(root, (*steps, "file"))
    if not path.is_file():
        return [node.place.problem(f"file: {node.value}: no such file (relative to the scenario)")]
    return _check_columns(root, steps, path, columns)


def _check_columns(
    root: Node, steps: tuple[Step, ...], path: Path, columns: Sequence[tuple[str, str | None]]
) -> list[Problem]:
    try:
        header = header_of(path)
    except BadInput as error:
        return [place_of(root, steps).problem(f"{path.name}: {error.problems[0].message}")]
    if path.suffix == ".json":
        named = next((name for key, name in columns if key == "valueColumn"), None)
        if named is None and len(header) > 2:
            message = f"valueColumn: {path.name} has several results; name one of {', '.join(header)}"
            return [place_of(root, steps).problem(message)]
        columns = [("valueColumn", named)]
    return [
        place_of(root, (*steps, key)).problem(f"{key}: {path.name} has no column {name!r}{suggestion(name, header)}")
        for key, name in columns
        if name is not None and name not in header
    ]
